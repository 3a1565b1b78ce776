"""In how many windows each pixel of an image takes part."""

from functools import cached_property

import numpy as np

from cnnbook.figures.padding import PaddedAxis, hatch
from cnnbook.figures.scene import (
    WIDTH,
    Frame,
    cells,
    column,
    named,
    over,
    page,
    row,
    space,
    spread,
    text,
    times,
)
from cnnbook.figures.state import State, nearest, state


@state
class Participation(State):
    """Windows over an image: one padded axis down, one across."""

    hint = "Point at a pixel: the window around it. Click or drag."

    rows: PaddedAxis  # the steps of both axes are not used
    columns: PaddedAxis
    step: int = 0  # number of the framed window, row by row
    title: str = ""  # the claim above the picture

    def __post_init__(self):
        self._within("step", self.steps)

    @property
    def steps(self):
        """Number of windows."""
        return self.rows.steps * self.columns.steps

    @property
    def position(self):
        """Row and column of the output that the framed window yields."""
        return divmod(self.step, self.columns.steps)

    @cached_property
    def counts(self):
        """Windows that see each pixel: the outer product of the two axes' counts."""
        return np.outer(self.rows.counts, self.columns.counts)

    @property
    def places(self):
        """The counts of a corner, of the middle of an edge and of the centre, as products."""
        middle, across = self.rows.size // 2, self.columns.size // 2
        places = {"corner": (0, 0), "top edge": (0, across), "centre": (middle, across)}
        return {
            name: f"{self.rows.counts[r]} · {self.columns.counts[c]} = {self.counts[r, c]}"
            for name, (r, c) in places.items()
        }

    def touched(self, name, *pixel):
        """The window whose middle is nearest to a pixel is gone to."""
        row, column = (
            nearest(at, axis.extent, axis.stride, axis.steps)
            for at, axis in zip(pixel, (self.rows, self.columns), strict=True)
        )
        return {"step": row * self.columns.steps + column}

    def hovered(self, *part):
        """A pixel shows that window."""
        return self.at(self.touched(*part)["step"])

    @property
    def description(self):
        """The map in words and numbers."""
        (i, j), axes = self.position, (self.rows, self.columns)
        size, kernel, output = (
            times(getattr(axis, name) for axis in axes) for name in ("size", "kernel_size", "steps")
        )
        places = ", ".join(f"{name} {product}" for name, product in self.places.items())
        return (
            f"Image {size}, kernel {kernel}, output {output}. Times seen: {places}; "
            f"unseen: {np.sum(self.counts == 0)} of {self.counts.size} pixels. "
            f"Step {self.step + 1} of {self.steps}: row {i}, column {j} of the output."
        )

    def picture(self):
        """Draw the counts of both axes, their outer product and the framed window."""
        (down, across), (i, j) = (self.rows, self.columns), self.position
        cell = min(38, 560 // (across.length + 1), 520 // (down.length + 1))
        shared = {"cell": cell, "like": self.counts}  # a count has one shade everywhere
        top = column(
            text("columns’ counts", size=12, role="muted"), cells(across.counts, **shared), gap=4
        )
        rows = cells(np.array(down.counts)[:, None], **shared)
        words = text("rows’ counts", size=12, role="muted")
        above = space(0, top.height + 12 + down.zeros[0] * cell)
        side = column(above, row(words, rows, gap=10), gap=0)
        lead = space(across.zeros[0] * cell)
        grid = column(row(lead, top, gap=0), named("map", _map(self, cell)), gap=12)
        where = f"step {self.step + 1} of {self.steps}: row {i}, column {j} of the output"
        title = text(self.title or "Times each pixel is seen", size=15, bold=True)
        facts = column(above, self._facts(), gap=0)
        return page(
            spread(title, text(where, role="muted"), most=WIDTH),
            row(row(side, grid, gap=12), facts, gap=36),
            description=self.description,
        )

    def _facts(self):
        """The products at three places, beside the map."""
        unseen = f"{np.sum(self.counts == 0)} of {self.counts.size}"
        facts = [(name, product, "ink") for name, product in self.places.items()]
        pairs = [
            column(
                text(name, size=12, role="muted"),
                text(value, size=15, role=role, bold=True, mono=True),
                gap=2,
            )
            for name, value, role in [*facts, ("hatched: unseen", unseen, "kernel")]
        ]
        note = text("row’s count · column’s count", size=12, role="muted")
        return column(text("times seen", role="input", bold=True), note, *pairs, gap=8)


def _map(windows, cell):
    """The counts with the padding around, the unseen pixels hatched, the window framed."""
    axes, pads = (windows.rows, windows.columns), (windows.rows.zeros, windows.columns.zeros)
    counts = np.pad(windows.counts, pads)
    outside = np.pad(np.zeros(windows.counts.shape, bool), pads, constant_values=True)
    taps = [axis.taps(step) for axis, step in zip(axes, windows.position, strict=True)]
    down, across = (
        [pad[0] + pixel for pixel in pixels] for pixels, pad in zip(taps, pads, strict=True)
    )
    gaps = max(axis.dilation for axis in axes) > 1
    each = [Frame(r, c, stroke_width=1.5) for r in down for c in across] if gaps else []
    whole = Frame(down[0], across[0], *(axis.extent for axis in axes), dashed=gaps)
    grid = cells(
        counts, cell=cell, shown=counts > 0, muted=outside, frames=[*each, whole],
        like=windows.counts, name="counts", touch=("pixel",),
    )  # fmt: skip

    def strike(picture, x, y):
        for r, c in np.argwhere((counts == 0) & ~outside):
            hatch(picture, x + c * cell, y + r * cell, cell)

    return over(grid, strike)
