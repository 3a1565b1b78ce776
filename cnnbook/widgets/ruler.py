"""A slider with a name, which a screen reader reads too."""

from pathlib import Path

import anywidget
import traitlets


class Ruler(anywidget.AnyWidget):
    """A slider from 0 to 100 behind its label."""

    value = traitlets.Int(0, min=0, max=100).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    _esm = Path(__file__).with_suffix(".js")
    _css = """.cnnbook-ruler { display: flex; align-items: center; gap: 8px; font-size: 13px;
      color: var(--jp-content-font-color1, #1b1f24); }
      .cnnbook-ruler input { flex: 1; min-width: 80px; }"""
