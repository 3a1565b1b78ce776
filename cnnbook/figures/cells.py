"""Small arrays as grids of cells with their numbers in them."""

import math
from dataclasses import dataclass

import numpy as np

SMALLEST_TEXT = 6  # pixels; one digit in a cell of 15

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def format_number(value, digits=3):
    """Write a number as short as it can be read: true minus sign, no trailing zeros.

    Parameters
    ----------
    value : float
    digits : int
        Significant digits at most.

    Returns
    -------
    str

    Examples
    --------
    >>> format_number(-2.0), format_number(0.12345), format_number(float("-inf"))
    ('−2', '0.123', '−∞')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = (
        f"{value:.0f}"
        if abs(value - round(value)) < 1e-9 and abs(value) < 1e6
        else f"{value:.{digits}g}"
    )
    return "0" if text == "-0" else text.replace("-", "−").replace("e+0", "e").replace("e−0", "e−")


def format_factor(value, digits=3):
    """Write a number as a factor in a product: negative ones in brackets.

    Parameters
    ----------
    value : float
    digits : int
        Significant digits at most.

    Returns
    -------
    str
    """
    text = format_number(value, digits)
    return f"({text})" if text.startswith("−") else text


def indexed(letter, index):
    """Write a letter with its index below the line.

    Parameters
    ----------
    letter : str
    index : int

    Returns
    -------
    str

    Examples
    --------
    >>> indexed("x", 12)
    'x₁₂'
    """
    return f"{letter}{index}".translate(SUBSCRIPTS)


def fit_cell(columns, width, largest=38, smallest=6):
    """Choose the cell size so that a row of cells fits.

    Parameters
    ----------
    columns : int
    width : float
        Room for the row in pixels.
    largest, smallest : float
        Bounds of the size in pixels; the smallest wins over the room.

    Returns
    -------
    float
    """
    return max(smallest, min(largest, math.floor(width / max(columns, 1))))


@dataclass(frozen=True)
class Grid:
    """A drawn grid: where each cell is, for frames and arrows.

    Parameters
    ----------
    x, y : float
        Top left corner in pixels.
    cell : float
        Side of one cell in pixels.
    rows, columns : int
    """

    x: float
    y: float
    cell: float
    rows: int
    columns: int

    @property
    def right(self):
        """Right edge in pixels."""
        return self.x + self.columns * self.cell

    @property
    def bottom(self):
        """Bottom edge in pixels."""
        return self.y + self.rows * self.cell

    def centre(self, row, column):
        """Return the (x, y) centre of a cell; fractions lie between cells."""
        return self.x + (column + 0.5) * self.cell, self.y + (row + 0.5) * self.cell

    def frame(
        self,
        picture,
        row,
        column,
        rows=1,
        columns=1,
        *,
        role="kernel",
        stroke_width=3,
        dashed=False,
    ):
        """Frame a block of cells whose top left one is (row, column)."""
        left, top = self.x + column * self.cell, self.y + row * self.cell
        picture.rect(
            left, top, columns * self.cell, rows * self.cell,
            stroke=role, stroke_width=stroke_width, radius=3, dashed=dashed,
        )  # fmt: skip


def draw_cells(
    picture,
    values,
    x,
    y,
    *,
    cell=38,
    role="input",
    largest=None,
    smallest=None,
    write=None,
    shown=None,
    muted=None,
    digits=3,
    longest=1,
):
    """Draw a matrix as tinted cells with its numbers in them.

    Parameters
    ----------
    picture : Picture
        Drawn upon.
    values : ndarray of shape (rows, columns)
        A 1-D array is one row.
    x, y : float
        Top left corner in pixels.
    cell : float
        Side of one cell in pixels; numbers that would be too small to read are left out.
    role : str or ndarray of str
        Colour of what is above zero, or one per cell; what is below zero is slate.
    largest : float, optional
        Magnitude with the strongest tint, so that several grids can share a scale.
    smallest : float, optional
        Value without a tint, below `largest`: the tint then follows the value, not its magnitude,
        so that of two negative numbers the larger one is the darker.
    write : callable, optional
        Writes a value in at most a few characters; `format_number` when not given.
    shown : ndarray of bool, optional
        Cells that hold a value; the others stay empty.
    muted : ndarray of bool, optional
        Cells that are dashed and grey: padding.
    digits : int
        Significant digits at most.
    longest : int
        Characters to leave room for, so that several grids can share a size of type.

    Returns
    -------
    Grid
    """
    values = np.atleast_2d(np.asarray(values, dtype=float))
    rows, columns = values.shape
    shown = np.ones((rows, columns), bool) if shown is None else np.atleast_2d(shown)
    muted = np.zeros((rows, columns), bool) if muted is None else np.atleast_2d(muted)
    finite = np.abs(values[np.isfinite(values)])
    if smallest is None:
        span = largest or (finite.max() if finite.size else 1) or 1
    else:  # from the smallest value up
        span = largest - smallest
    roles = np.broadcast_to(role, values.shape)
    grid = Grid(x, y, cell, rows, columns)
    write = write or (lambda value: format_number(value, digits))
    texts = [[write(v) for v in row] for row in values]
    longest = max([longest, *(len(t) for row in texts for t in row)])
    size = min(15, cell * 0.42, 1.5 * cell / max(longest, 1))
    for row, column in [*np.argwhere(muted), *np.argwhere(~muted)]:  # dashed borders lie below
        value, outside = values[row, column], muted[row, column]
        left, top = x + column * cell, y + row * cell
        tint, hue = 0, "paper"
        if shown[row, column] and not outside and np.isfinite(value):
            share = abs(value) if smallest is None else max(value - smallest, 0)
            tint = min(share / span, 1)
            hue = str(roles[row, column]).replace("signed", "kernel")
            hue = "negative" if value < 0 else hue
        with picture.part("padding" if outside else "cell"):
            ground = {"fill": "wash" if outside else "paper", "dashed": outside}
            picture.rect(left, top, cell, cell, **ground, stroke="line", at=(row, column))
            if tint:
                place = {"stroke": "line", "at": (row, column)}
                picture.rect(left, top, cell, cell, fill=hue, tint=tint, **place)
        if shown[row, column] and size >= SMALLEST_TEXT:
            middle = (left + cell / 2, top + cell / 2 + size * 0.36)
            picture.text(
                *middle, texts[row][column], size=size, anchor="middle", mono=True,
                fill="muted" if outside else "ink",
            )  # fmt: skip
    return grid


def draw_heading(picture, x, y, title, caption="", *, role="ink", anchor="start"):
    """Write a grid's title in its colour, and a muted caption under it.

    Parameters
    ----------
    picture : Picture
        Drawn upon.
    x, y : float
        Where the grid below begins: the caption ends 8 pixels above y.
    title, caption : str
    role : str
        Colour of the title.
    anchor : {"start", "middle", "end"}
        Which part of the text stands at x.
    """
    picture.text(x, y - 24, title, size=14, fill=role, bold=True, anchor=anchor)
    picture.text(x, y - 8, caption, size=12, fill="muted", anchor=anchor)
