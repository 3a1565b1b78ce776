"""Which class was taken for which: counts as cells."""

from functools import cached_property

import numpy as np

from cnnbook.figures.scene import Block, column, named, page, row, sized, space, text, text_width
from cnnbook.figures.state import State, state

CELL = 40


@state
class Confusion(State):
    """How often images of each class were named each class.

    Parameters
    ----------
    labels, named : ndarray of shape (N,), integers
        The classes of the images, and what they were taken for.
    classes : sequence of str
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
        low, high = both.min(), both.max()
        if low < 0 or high >= len(self.classes):
            raise ValueError(f"numbers go from {low} to {high}, for {len(self.classes)} classes")

    @cached_property
    def counts(self):
        """Images of shape (true class, named class)."""
        counts = np.zeros((len(self.classes),) * 2, int)
        np.add.at(counts, (self.labels, self.named), 1)
        return counts

    @cached_property
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
        often = self.errors[true, named]
        times = "once" if often == 1 else f"{often} times"
        which = "most often" if (self.errors == often).sum() == 1 else "for example"
        words = f"{self.classes[true]} taken for {self.classes[named]}, {times}"
        return f"{wrong:,} of {total:,} wrong; {which} {words}"

    @property
    def description(self):
        """All mistakes in words and numbers, the most frequent first."""
        cells = sorted((-n, i, j) for (i, j), n in np.ndenumerate(self.errors) if n)
        parts = [f"{self.classes[i]} as {self.classes[j]}: {-n}" for n, i, j in cells]
        return f"{self.claim[0].upper()}{self.claim[1:]}. {', '.join(parts)}".rstrip(". ") + "."

    def picture(self):
        """Draw the counts: a row for each true class, a column for each named one."""
        longest = max(text_width(name, 1, mono=True) for name in self.classes)
        names = [text(name, size=min(13, (CELL - 4) / longest), mono=True) for name in self.classes]
        above = row(*(column(space(CELL), name, gap=0, align=0.5) for name in names), gap=0)
        shares = [
            text(f"{a} of {b}", size=12, role="muted" if a == b else "kernel")
            for a, b in zip(self.counts.diagonal(), self.counts.sum(1), strict=True)
        ]
        heading = {"role": "muted", "bold": True}
        head = column(text("named", **heading), above, gap=4)
        before = sized(text("true class", **heading), 0, head.height)
        caption = "green: right; orange: wrong; empty: never"
        return page(
            text(self.claim, size=15, bold=True),
            row(
                column(before, _beside(names), gap=4, align=1),
                column(head, _counts(self), text(caption, size=12, role="muted"), gap=4),
                column(space(0, head.height), _beside(shares), gap=4),
                gap=10,
            ),
            description=self.description,
            width=560,
        )


def _beside(blocks):
    """A block beside each row of the counts."""
    rows = (row(space(0, CELL), block, gap=0, align=0.5) for block in blocks)
    return column(*rows, gap=0, align=1)


def _counts(confusion):
    """A cell for each pair of classes, mistakes in the kernel's colour, in bold."""
    counts, right = confusion.counts, confusion.counts.diagonal().max()

    def draw(picture, x, y):
        for (i, j), count in np.ndenumerate(counts):
            left, top, wrong = x + j * CELL, y + i * CELL, i != j
            picture.rect(left, top, CELL, CELL, fill="paper", stroke="line", at=(i, j))
            if not count:
                continue
            # a single mistake must be seen beside a frequent one
            tint = 0.3 + 0.7 * count / (confusion.errors.max() if wrong else right)
            style = {"fill": "kernel" if wrong else "output", "tint": tint, "stroke": "line"}
            picture.rect(left, top, CELL, CELL, **style, at=(i, j))
            style = {"size": 14 if count < 1000 else 11, "mono": True, "bold": wrong}
            picture.text(left + CELL / 2, top + CELL / 2 + 5, count, anchor="middle", **style)

    return named("counts", Block(CELL * len(counts), CELL * len(counts), draw))
