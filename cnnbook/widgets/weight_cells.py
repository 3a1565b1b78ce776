"""The weights of a kernel as cells that are dragged up and down, or turned with the keyboard."""

from pathlib import Path

import anywidget
import traitlets

from cnnbook.figures.picture import CSS

_HERE = Path(__file__).with_suffix("")


class WeightCells(anywidget.AnyWidget):
    """A square grid of weights, of which a reader changes one at a time.

    Attributes
    ----------
    value : list of float
        All weights, row by row; it changes while one is dragged.
    moves : list of list of float
        All weights, each time that one was let go; empty it to begin anew.
    free : list of int
        Numbers of the cells that can be changed; the others are muted.
    arrows : list of float
        An arrow for each cell, from −1, down, to 1, up; empty for none.
    limit, step : float
        The largest weight, and the steps that weights are set in.
    """

    _esm = _HERE.with_suffix(".js")
    _css = CSS + _HERE.with_suffix(".css").read_text(encoding="utf-8")

    value = traitlets.List(traitlets.Float()).tag(sync=True, echo_update=False)
    moves = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True, echo_update=False)
    free = traitlets.List(traitlets.Int()).tag(sync=True)
    arrows = traitlets.List(traitlets.Float()).tag(sync=True)
    limit = traitlets.Float(1.5).tag(sync=True)
    step = traitlets.Float(0.1).tag(sync=True)
