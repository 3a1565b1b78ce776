"""Where a picture meets the page, and where a pointer meets the picture."""

from pathlib import Path

import anywidget
import traitlets

from cnnbook.figures.picture import CSS

MOST_ROOM = 952
"""Width of the widest picture."""


class Stage(anywidget.AnyWidget):
    """Shows SVG text, and sends what is done to it.

    It repaints sooner than `ipywidgets.HTML`. Colours and type come once, not with every picture:
    a new style sheet makes the browser look at the whole page again. A message is a dict:
    ``{"touch": [name, *at]}`` after a click or Enter on what is `Picture.touchable`, ``{"hover":
    …}`` with the same list, or None beside it, and ``{"key": "ArrowLeft"}`` where it `steers`. Its
    `room` is how wide a picture may be, in pixels; what is wider scrolls. A motion takes 300 ms at
    `speed` 1.
    """

    value = traitlets.Unicode().tag(sync=True)
    steers = traitlets.Bool(False).tag(sync=True)
    most = traitlets.Int(MOST_ROOM).tag(sync=True)
    room = traitlets.Int(MOST_ROOM).tag(sync=True)
    motion = traitlets.Bool(True).tag(sync=True)
    speed = traitlets.Float(1).tag(sync=True)
    _css = CSS + Path(__file__).with_name("explorer.css").read_text()
    _esm = Path(__file__).with_name("stage.js")
