"""Before and after: which numbers of an array a change of the input has moved."""

from dataclasses import dataclass

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, fit_cell, format_number

SIDE = 84  # of each of the two grids, in pixels
PAIR_WIDTH = 2 * SIDE + 36


@dataclass(frozen=True, eq=False)
class Change:
    """The outputs for an input and for a changed one.

    Parameters
    ----------
    before, after : ndarray of shape (rows, columns)

    Raises
    ------
    ValueError
        If the shapes differ.
    """

    before: np.ndarray
    after: np.ndarray

    def __post_init__(self):
        if self.before.shape != self.after.shape:
            raise ValueError(f"before has shape {self.before.shape}, after {self.after.shape}")

    @property
    def where(self):
        """Which entries differ, beyond rounding."""
        return ~np.isclose(self.before, self.after, rtol=1e-9, atol=1e-12)

    @property
    def count(self):
        """The entries that differ and all there are: "3 of 9"."""
        return f"{self.where.sum()} of {self.where.size}"

    @property
    def share(self):
        """The entries that differ, as a share of all."""
        return self.where.mean()

    @property
    def relative(self):
        """Euclidean length of the difference, as a share of the length before."""
        length = np.linalg.norm(self.before)
        return np.linalg.norm(self.after - self.before) / length if length else 0.0


def draw_change(picture, change, x, y, title, caption, *, role="input", **scale):
    """Draw both arrays side by side, frame what differs, and count it below.

    Parameters
    ----------
    picture : Picture
        Drawn upon.
    change : Change
    x, y : float
        Top left corner of the first grid in pixels; the heading stands above it.
    title, caption : str
    role : str
        Colour of title and tint.
    **scale
        `largest` and `smallest` of `draw_cells`.
    """
    cell = fit_cell(max(change.before.shape), SIDE)
    draw_heading(picture, x, y, title, caption, role=role)
    longest = max(len(format_number(v)) for v in [*change.before.flat, *change.after.flat])
    options = {"cell": cell, "role": role, "longest": longest, **scale}
    draw_cells(picture, change.before, x, y, **options)
    grid = draw_cells(picture, change.after, x + PAIR_WIDTH - SIDE, y, **options)
    picture.arrow((x + SIDE + 6, y + SIDE / 2), (x + PAIR_WIDTH - SIDE - 6, y + SIDE / 2))
    for row, column in np.argwhere(change.where):
        grid.frame(picture, row, column, role="ink", stroke_width=1.5)
    below = y + SIDE + 14
    picture.rect(x, below, PAIR_WIDTH, 6, fill="wash", radius=3)
    if change.share:
        picture.rect(x, below, PAIR_WIDTH * change.share, 6, fill="ink", radius=3)
    picture.text(x, below + 27, f"{change.count} changed", size=15, bold=True)
    relative = f"relative change {100 * change.relative:.0f} %"
    picture.text(x, below + 45, relative, size=12, fill="muted")
