"""In how many windows each pixel of an image takes part."""

from dataclasses import dataclass

import numpy as np

from cnnbook.figures.cells import Grid, draw_cells, draw_heading, fit_cell
from cnnbook.figures.padded_axis import PaddedAxis
from cnnbook.figures.padding import hatch
from cnnbook.figures.picture import Picture

WIDTH = 900


@dataclass(frozen=True)
class Participation:
    """Windows over an image: one padded axis down, one across.

    Parameters
    ----------
    rows, columns : PaddedAxis
        Their own steps are not used.
    step : int
        Number of the framed window, row by row, from 0.

    Raises
    ------
    ValueError
        If there is no such step.

    References
    ----------
    Chapter 3.
    """

    rows: PaddedAxis
    columns: PaddedAxis
    step: int = 0

    def __post_init__(self):
        if not 0 <= self.step < self.steps:
            raise ValueError(f"step is {self.step}, expected 0 to {self.steps - 1}")

    @property
    def steps(self):
        """Number of windows."""
        return self.rows.steps * self.columns.steps

    @property
    def position(self):
        """Row and column of the output that the framed window yields."""
        return divmod(self.step, self.columns.steps)

    @property
    def counts(self):
        """Windows that see each pixel: the outer product of the two axes' counts."""
        return np.outer(self.rows.counts, self.columns.counts)

    @property
    def places(self):
        """The counts of a corner, of the middle of an edge and of the centre, as products."""
        row, column = self.rows.size // 2, self.columns.size // 2
        places = {"corner": (0, 0), "top edge": (0, column), "centre": (row, column)}
        return {
            name: f"{self.rows.counts[r]} · {self.columns.counts[c]} = {self.counts[r, c]}"
            for name, (r, c) in places.items()
        }

    @property
    def description(self):
        """The map in words and numbers."""
        (row, column), counts = self.position, self.counts
        places = ", ".join(f"{name} {product}" for name, product in self.places.items())
        return (
            f"Image {self.rows.size} × {self.columns.size}, "
            f"kernel {self.rows.kernel_size} × {self.columns.kernel_size}, "
            f"output {self.rows.steps} × {self.columns.steps}. Times seen: {places}; "
            f"unseen: {np.sum(counts == 0)} of {counts.size} pixels. "
            f"Step {self.step + 1} of {self.steps}: row {row}, column {column} of the output."
        )


def draw_participation(windows, title=""):
    """Draw the counts of both axes, their outer product and the framed window.

    Parameters
    ----------
    windows : Participation
    title : str
        The claim above the picture.

    Returns
    -------
    Picture
    """
    rows, columns = windows.rows, windows.columns
    before = [max(axis.padding[0], 0) for axis in (rows, columns)]
    size = [axis.size + sum(max(zeros, 0) for zeros in axis.padding) for axis in (rows, columns)]
    cell = min(fit_cell(size[1] + 1, 560), fit_cell(size[0] + 1, 520))
    left, top = 90, 62
    grid = Grid(left + cell + 12 + before[1] * cell, top + cell + 12 + before[0] * cell, cell,
                rows.size, columns.size)  # fmt: skip
    corner = (left + cell + 12, top + cell + 12)
    picture = Picture(WIDTH, max(corner[1] + size[0] * cell, 330) + 8, windows.description)
    picture.text(0, 18, title or "Times each pixel is seen", size=15, bold=True)
    row, column = windows.position
    where = f"step {windows.step + 1} of {windows.steps}: row {row}, column {column} of the output"
    picture.text(WIDTH, 18, where, fill="muted", anchor="end")
    draw_heading(picture, grid.x, top + 4, "", "columns’ counts")
    draw_heading(picture, left - 10, grid.y + cell / 2 + 12, "", "rows’ counts", anchor="end")
    shared = {"cell": cell, "largest": windows.counts.max()}  # a count has one shade everywhere
    draw_cells(picture, columns.counts, grid.x, top, **shared)
    draw_cells(picture, np.array(rows.counts)[:, None], left, grid.y, **shared)
    _draw_zeros(picture, corner, size, cell)
    draw_cells(picture, windows.counts, grid.x, grid.y, shown=windows.counts > 0, **shared)
    for r, c in np.argwhere(windows.counts == 0):
        hatch(picture, grid.x + c * cell, grid.y + r * cell, cell)
    _frame(picture, windows, grid)
    _draw_facts(picture, windows, corner[0] + size[1] * cell + 36, grid)
    return picture


def _draw_zeros(picture, corner, size, cell):
    """The padded image as an empty dashed grid, on which the pixels lie."""
    (x, y), height, width = corner, size[0] * cell, size[1] * cell
    picture.rect(x, y, width, height, fill="wash", stroke="line", dashed=True)
    style = {"stroke": "line", "stroke_width": 1, "dashed": True}
    for r in range(1, size[0]):
        picture.line((x, y + r * cell), (x + width, y + r * cell), **style)
    for c in range(1, size[1]):
        picture.line((x + c * cell, y), (x + c * cell, y + height), **style)


def _frame(picture, windows, grid):
    down, across = (
        axis.taps(step)
        for axis, step in zip((windows.rows, windows.columns), windows.position, strict=True)
    )
    gaps = max(windows.rows.dilation, windows.columns.dilation) > 1
    for r in down if gaps else ():
        for c in across:
            grid.frame(picture, r, c, stroke_width=1.5)
    spans = windows.rows.extent, windows.columns.extent
    grid.frame(picture, down[0], across[0], *spans, dashed=gaps)


def _draw_facts(picture, windows, x, grid):
    """The products at three places, beside the map."""
    y = grid.y + 14
    picture.text(x, y, "times seen", bold=True, fill="input")
    picture.text(x, y + 18, "row’s count · column’s count", size=12, fill="muted")
    for number, (name, product) in enumerate(windows.places.items()):
        picture.text(x, y + 50 + 44 * number, name, size=12, fill="muted")
        picture.text(x, y + 69 + 44 * number, product, size=15, mono=True, bold=True)
    unseen, size = np.sum(windows.counts == 0), windows.counts.size
    picture.text(x, y + 182, "hatched: unseen", size=12, fill="muted")
    picture.text(x, y + 201, f"{unseen} of {size}", size=15, mono=True, bold=True, fill="kernel")
