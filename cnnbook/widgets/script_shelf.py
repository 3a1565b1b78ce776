"""A shelf of small drawings under their names, each of which can be taken or thrown away."""

from pathlib import Path

import anywidget
import traitlets

from cnnbook.figures.picture import CSS

_HERE = Path(__file__).with_suffix("")


class ScriptShelf(anywidget.AnyWidget):
    """Drawings by sign; a reader types the names, chooses a sign, takes and deletes drawings.

    Attributes
    ----------
    names : list of str
        Of the signs, as typed.
    chosen : int
        The sign that the next drawing will be.
    drawings : list of dict
        ``{"sign": k, "strokes": as in DigitCanvas.value}``.
    most : int
        Places for drawings of one sign.
    use : str
        What the drawings are for.

    Its messages are ``{"take": n}`` and ``{"delete": n}``, n counting the drawings.
    """

    _esm = _HERE.with_suffix(".js")
    _css = CSS + _HERE.with_suffix(".css").read_text(encoding="utf-8")

    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    chosen = traitlets.Int(0).tag(sync=True)
    drawings = traitlets.List(traitlets.Dict()).tag(sync=True)
    most = traitlets.Int(6).tag(sync=True)
    use = traitlets.Unicode().tag(sync=True)
