"""Which class was taken for which: counts as cells."""

from dataclasses import dataclass

import numpy as np

from cnnbook.figures.cells import Grid
from cnnbook.figures.picture import Picture

CELL = 40
LEFT, TOP = 96, 96


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often images of each class were named each class.

    Parameters
    ----------
    labels, named : ndarray of shape (N,), integers
        The classes of the images, and what they were taken for.
    classes : sequence of str

    Raises
    ------
    ValueError
        If the shapes differ or are not (N,), the numbers are no integers, there is no image, or a
        number has no class.
    """

    labels: np.ndarray
    named: np.ndarray
    classes: tuple

    def __post_init__(self):
        if len(self.labels) != len(self.named):
            raise ValueError(f"{len(self.labels)} labels, but {len(self.named)} are named")
        for name in ("labels", "named"):
            values = np.asarray(getattr(self, name))
            if values.ndim != 1:
                raise ValueError(f"{name} has shape {values.shape}, expected ({len(values)},)")
            if len(values) and values.dtype.kind not in "iu":
                raise ValueError(f"{name} is {values.dtype}, must be integers")
        if not len(self.labels):
            raise ValueError("there are no images: len(labels) is 0")
        both = np.concatenate([self.labels, self.named])
        if both.min() < 0 or both.max() >= len(self.classes):
            raise ValueError(
                f"numbers go from {both.min()} to {both.max()}, for {len(self.classes)} classes"
            )

    @property
    def counts(self):
        """Images of shape (true class, named class)."""
        counts = np.zeros((len(self.classes),) * 2, int)
        np.add.at(counts, (self.labels, self.named), 1)
        return counts

    @property
    def errors(self):
        """The counts of the wrong answers alone."""
        return self.counts * ~np.eye(len(self.classes), dtype=bool)

    @property
    def claim(self):
        """How many are wrong, and the most frequent mistake."""
        wrong, total = int(self.errors.sum()), len(self.labels)
        if not wrong:
            return f"none of {total:,} wrong"
        true, named = np.unravel_index(self.errors.argmax(), self.errors.shape)
        often = int(self.errors.max())
        times = "once" if often == 1 else f"{often} times"
        alike = int((self.errors == often).sum())
        which = "most often" if alike == 1 else "for example"
        words = f"{self.classes[true]} taken for {self.classes[named]}, {times}"
        return f"{wrong:,} of {total:,} wrong; {which} {words}"

    @property
    def description(self):
        """All mistakes in words and numbers, the most frequent first."""
        cells = [(int(n), i, j) for (i, j), n in np.ndenumerate(self.errors) if n]
        cells.sort(key=lambda cell: (-cell[0], cell[1:]))
        parts = [f"{self.classes[i]} as {self.classes[j]}: {n}" for n, i, j in cells]
        return f"{self.claim[0].upper()}{self.claim[1:]}. {', '.join(parts)}".rstrip(". ") + "."


def draw_confusion(confusion):
    """Draw the counts: a row a true class, a column a named one, mistakes in the kernel's colour.

    Parameters
    ----------
    confusion : Confusion

    Returns
    -------
    Picture
    """
    counts, errors = confusion.counts, confusion.errors
    grid = Grid(LEFT, TOP, CELL, *counts.shape)
    picture = Picture(max(grid.right + 110, 560), grid.bottom + 28, confusion.description)
    picture.text(0, 18, confusion.claim, size=15, bold=True)
    picture.text(LEFT, TOP - 32, "named", size=13, fill="muted", bold=True)
    picture.text(0, TOP + 26, "true class", size=13, fill="muted", bold=True)
    for (row, column), count in np.ndenumerate(counts):
        _draw_count(picture, grid, row, column, count, (counts if row == column else errors).max())
    for number, name in enumerate(confusion.classes):
        x, y = grid.centre(number, number)
        picture.text(x, TOP - 10, name, anchor="middle", mono=True)
        picture.text(LEFT - 10, y + 5, name, anchor="end", mono=True)
        right, there = counts[number, number], counts[number].sum()
        role = "muted" if right == there else "kernel"
        picture.text(grid.right + 12, y + 5, f"{right} of {there}", size=12, fill=role)
    caption = "green: right; orange: wrong; empty: never"
    picture.text(LEFT, grid.bottom + 20, caption, size=12, fill="muted")
    return picture


def _draw_count(picture, grid, row, column, count, largest):
    x, y = grid.x + column * CELL, grid.y + row * CELL
    picture.rect(x, y, CELL, CELL, fill="paper", stroke="line")
    if not count:
        return
    role = "output" if row == column else "kernel"
    # a single mistake must be seen beside a frequent one
    picture.rect(x, y, CELL, CELL, fill=role, tint=0.3 + 0.7 * count / largest, stroke="line")
    size = 14 if count < 1000 else 11
    x, y = grid.centre(row, column)
    picture.text(x, y + 5, count, size=size, anchor="middle", mono=True, bold=row != column)
