"""A button that goes through the steps, and stops where it is."""

from pathlib import Path

import anywidget
import ipywidgets
import traitlets

_HERE = Path(__file__).with_suffix("")


class Player(anywidget.AnyWidget, ipywidgets.Play):
    """*Play* of ipywidgets with named buttons, whose Stop keeps the step that is shown.

    Its `speed` divides the interval, and the time of every motion.
    """

    speed = traitlets.Float(1).tag(sync=True)

    _esm = _HERE.with_suffix(".js")
    _css = _HERE.with_suffix(".css")
