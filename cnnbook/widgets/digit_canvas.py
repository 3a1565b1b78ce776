"""A sheet to draw on, with a pointer or with the keyboard."""

from pathlib import Path

import anywidget
import numpy as np
import traitlets
from PIL import Image, ImageDraw

SIDE = 280  # units a side of the sheet, in which strokes are given
PIXELS = 56  # a side of the image made of them
SPARE = 100  # units that a stroke may leave the sheet
WIDEST = 100  # units; the widest pen
_HERE = Path(__file__).with_suffix("")


class DigitCanvas(anywidget.AnyWidget):
    """A sheet of 280 × 280 units that a reader draws on.

    Attributes
    ----------
    value : list of dict
        The strokes: ``{"pen": width, "points": [[row, column], ...]}`` in units of the sheet,
        row downwards. It changes while a stroke is drawn, as fast as Python answers.
    pen : int
        Width of the strokes to come.
    label : str
        What it is, for a screen reader.
    background : str
        Image that is shown while there are no strokes, as a data URI; empty for none.
    """

    _esm = _HERE.with_suffix(".js")
    _css = _HERE.with_suffix(".css")

    # the browser has drawn it already: it needs no echo of a growing list
    value = traitlets.List(traitlets.Dict()).tag(sync=True, echo_update=False)
    pen = traitlets.Int(24, min=1, max=WIDEST).tag(sync=True)
    label = traitlets.Unicode("Sheet to draw a digit on").tag(sync=True)
    background = traitlets.Unicode().tag(sync=True)


def check_strokes(strokes):
    """Raise an error unless strokes have the form that `DigitCanvas.value` has."""
    for number, stroke in enumerate(strokes):
        if not isinstance(stroke, dict):
            raise TypeError(f"stroke {number} is a {type(stroke).__name__}, expected a dict")
        pen, points = stroke.get("pen"), stroke.get("points")
        if not isinstance(pen, int | float) or not 1 <= pen <= WIDEST:
            raise ValueError(
                f"stroke {number} has the pen {pen}, expected a width of 1 to {WIDEST}"
            )
        try:
            places = np.asarray(points, dtype=float)
        except (TypeError, ValueError):
            places = np.empty(0)
        if places.ndim != 2 or places.shape[1] != 2:
            raise ValueError(f"stroke {number} has no points [row, column]")
        if not (np.abs(places - SIDE / 2) <= SIDE / 2 + SPARE).all():
            ends = f"from {places.min():g} to {places.max():g}"
            raise ValueError(f"stroke {number} goes {ends}, the sheet from 0 to {SIDE}")


def ink_of(strokes):
    """Turn strokes, as in `DigitCanvas.value`, into an image, as a round pen leaves them.

    It is an array (56, 56) float32: the share of each pixel that is covered by ink.
    """
    sheet = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(sheet)
    for stroke in strokes:
        # Pillow counts pixels, the first of which covers the units 0 to 1
        pen, path = stroke["pen"], [(c - 0.5, r - 0.5) for r, c in stroke["points"]]
        draw.line(path, fill=255, width=round(pen))
        half = (pen - 1) / 2
        for column, row in path:  # round ends and joints
            draw.ellipse((column - half, row - half, column + half, row + half), fill=255)
    return np.asarray(sheet.reduce(SIDE // PIXELS), dtype=np.float32) / 255
