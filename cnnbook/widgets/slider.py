"""Sliders that say their name: those of ipywidgets have handles without one."""

from pathlib import Path

import anywidget
import ipywidgets

_HERE = Path(__file__).with_suffix("")


class _Slider(anywidget.AnyWidget):
    """How a slider looks and answers; what it holds is that of the ipywidgets class."""

    _esm = _HERE.with_suffix(".js")
    _css = _HERE.with_suffix(".css")


class IntSlider(_Slider, ipywidgets.IntSlider):
    """A slider to a whole number."""


class FloatSlider(_Slider, ipywidgets.FloatSlider):
    """A slider to a number."""


class SelectionSlider(_Slider, ipywidgets.SelectionSlider):
    """A slider to one of some options."""
