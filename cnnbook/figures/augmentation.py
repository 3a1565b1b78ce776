"""Random changes of one image: the affine map of the first sample, and all of the samples."""

from dataclasses import replace
from functools import cached_property
from itertools import product

import numpy as np

from cnnbook.figures.numbers import format_factor, format_number
from cnnbook.figures.scene import (
    cells,
    column,
    feel,
    formula,
    image,
    named,
    note,
    over,
    page,
    panel,
    row,
    sized,
    space,
    text,
)
from cnnbook.figures.state import State, state

MARGIN = 8  # pixels of the image's surroundings that are shown
STAGE = 220  # side of the image with its surroundings, in pixels of the canvas
LINES = 4  # squares of the grid along an axis
CELL, TILE, MOST = 54, 84, 10  # sides of a cell of the map and of a sample; samples
DECIMALS = 3  # of the matrix as it is written


@state
class Augmentation(State):
    """One image and random changes of it.

    Parameters
    ----------
    image : ndarray of shape (H, W), values from 0 to 1
    maps : ndarray of shape (n, 2, 3)
        From output to input, as `torch.nn.functional.affine_grid` takes them: width first, from
        −1 to 1, edges of the image at the ends.
    samples : ndarray of shape (n, H, W)
        The changed images; 1 to 10 of them.
    readings : sequence of (int, float)
        For each sample the class that a network names, and its probability; or empty.
    label : int, optional
        The true class, to tell right from wrong.
    chosen : int
        The sample whose map is shown.
    """

    hint = "Point at a sample: its map. Click: it stays."

    image: np.ndarray
    maps: np.ndarray
    samples: np.ndarray
    readings: tuple = ()
    label: int | None = None
    chosen: int = 0

    def __post_init__(self):
        for name, axes in (("image", 2), ("maps", 3), ("samples", 3)):
            self._array(name, axes)
        count = len(self.samples)
        if not 1 <= count <= MOST:
            raise ValueError(f"there are {count} samples, the picture holds 1 to {MOST}")
        if (shape := self.samples.shape[1:]) != self.image.shape:
            raise ValueError(f"samples have shape {shape}, the image {self.image.shape}")
        if self.maps.shape != (count, 2, 3):
            raise ValueError(f"maps have shape {self.maps.shape}, expected {(count, 2, 3)}")
        self._within("chosen", count)
        if len(self.readings) not in (0, count):
            raise ValueError(f"there are {len(self.readings)} readings for {count} samples")

    @property
    def centre(self):
        """Row and column of the middle; between two pixels where their number is even."""
        return np.subtract(self.image.shape, 1) / 2

    @cached_property
    def matrix(self):
        """The first map's 2 × 2 part in pixels, row before column."""
        (wide, slant, _), (turn, tall, _) = self.maps[self.chosen]
        ratio = self.image.shape[0] / self.image.shape[1]
        return np.array([[tall, turn * ratio], [slant / ratio, wide]], dtype=float)

    @cached_property
    def shift(self):
        """The first map's shift in pixels, row before column."""
        return self.maps[self.chosen, [1, 0], 2] * self.image.shape / 2.0

    def source(self, place):
        """Return where in the input an output place is read, both as (row, column)."""
        return self.matrix @ (np.asarray(place, float) - self.centre) + self.centre + self.shift

    @property
    def formulas(self):
        """Row and column that the output pixel [0, 0] reads, with the numbers put in."""
        lines = []
        for axis, name in enumerate(("row", "column")):
            factors = self.matrix[axis].round(DECIMALS)
            (by_row, by_column), (row, column) = factors, -self.centre
            numbers = by_row, row, by_column, column, self.centre[axis], self.shift[axis].round(9)
            sums = "{}·{} + {}·{} + {} + {}".format(*map(format_factor, numbers))
            same = "=" if np.allclose(factors, self.matrix[axis], rtol=0, atol=1e-6) else "≈"
            result = format_number(round(float(self.source((0, 0))[axis]), 2))
            lines.append(f"{name} = {sums} {same} {result}")
        return lines

    def touched(self, name, number):
        """Another sample is shown."""
        return {"chosen": number}

    def hovered(self, *part):
        """A sample shows its map."""
        return replace(self, **self.touched(*part))

    @property
    def claim(self):
        """How a network takes the samples, or what is shown."""
        if not self.readings:
            return "Every output pixel looks up a place in the input"
        count, right = len(self.samples), sum(named == self.label for named, _ in self.readings)
        if self.label is None:
            return f"What the network reads in {count} samples"
        return f"The network reads {right} of {count} samples right"

    @property
    def description(self):
        """The first map and what is read, in words and numbers."""
        row, column = self.formulas
        text = (
            f"{self.claim}. Output pixel [0, 0] of sample {self.chosen} reads {row} and {column}."
        )
        said = [f"{named} with {100 * share:.0f} %" for named, share in self.readings]
        return f"{text} Read as: {', '.join(said)}." if said else text

    def picture(self):
        """Draw the image and the map of the first sample on it, that sample, and all samples."""
        count, side = len(self.samples), STAGE / (max(self.image.shape) + 2 * MARGIN)
        original = panel(
            "original", f"orange: what sample {self.chosen} reads", _original(self, side), "input"
        )
        corner = note("the corner, output pixel [0, 0], reads")
        equation = column(_equation(self), corner, formula(*self.formulas), gap=10)
        about = "from a pixel of the output to a place in the input, about the middle"
        equation = panel(f"the map of sample {self.chosen}", about, equation, "kernel")
        first = _with_grid(
            self, image(self.samples[self.chosen], side * max(self.image.shape)), side
        )
        first = column(space(0, MARGIN * side), first, gap=0)
        first = panel(f"sample {self.chosen}", "the grid is straight here", first, "output")
        same = f"drawn with the same settings; a click shows another than sample {self.chosen}"
        tiles = row(*(_sample(self, k) for k in range(count)), gap=11)
        return page(
            text(self.claim, size=15, bold=True),
            row(original, sized(equation, 484), first, gap=36),
            panel(f"{count} samples", same, tiles, "output"),
            description=self.description,
            width=944,
        )


def _original(augmentation, side):
    """The image in its black surroundings, and where the grid of the first sample lies."""
    rows, columns = augmentation.image.shape

    def frame(picture, x, y):
        box = x + side * MARGIN, y + side * MARGIN, columns * side, rows * side
        picture.rect(*box, stroke="input", stroke_width=1.5)

    padded = image(np.pad(augmentation.image, MARGIN), side * (max(rows, columns) + 2 * MARGIN))
    moved = {"source": augmentation.source, "margin": MARGIN}
    return named("original", _with_grid(augmentation, over(padded, frame), side, **moved))


def _with_grid(augmentation, block, side, source=np.asarray, margin=0):
    """An image with the lines that cut the sample into squares, each pixel at its `source`."""
    rows, columns = augmentation.image.shape
    box = rows + 2 * margin, columns + 2 * margin

    def draw(picture, x, y):
        for share, upright in product(np.linspace(0, 1, LINES + 1), (False, True)):
            at = share * columns if upright else share * rows
            ends = ((0, at), (rows, at)) if upright else ((at, 0), (at, columns))
            way = np.linspace(*(source(np.subtract(end, 0.5)) for end in ends), 500) + margin + 0.5
            seen = way[((way >= 0) & (way <= box)).all(1)] * side
            if len(seen) > 1:
                points = [(x + column, y + row) for row, column in seen[[0, -1]].tolist()]
                width = 2.5 if share in (0, 1) else 1
                with picture.part("grid"):
                    picture.line(*points, stroke="kernel", stroke_width=width)
        row, column = source((-0.5, -0.5)) + np.add(margin, 0.5)
        if 0 <= row <= box[0] and 0 <= column <= box[1]:
            with picture.part("dot"):  # the corner where the sample begins
                where = x + column * side - 4, y + row * side - 4
                picture.rect(*where, 8, 8, fill="kernel", radius=4)

    return over(block, draw)


def _equation(augmentation):
    """The first map with its numbers: row and column of a place in the input."""
    style = {"cell": CELL, "role": "kernel", "write": format_number, "longest": 6}
    down, across = map(format_number, augmentation.centre)

    def beside(*words, role="ink"):
        rows = (row(space(0, CELL), text(word, role=role), gap=0, align=0.5) for word in words)
        return column(*rows, gap=0, align=1)

    return row(
        beside("row =", "column =", role="input"),
        cells(augmentation.matrix.round(DECIMALS), **style),
        beside(f"· (row − {down})", f"· (column − {across})", role="output"),
        beside(f"+ {down} +", f"+ {across} +"),
        cells(augmentation.shift[:, None].round(9), largest=MARGIN, **style),
        gap=10,
    )


def _sample(augmentation, number):
    """A sample, the first one framed, and what the network reads in it."""
    frame, label = "kernel" if number == augmentation.chosen else None, augmentation.label
    tile = sized(image(augmentation.samples[number], TILE, role=frame), TILE, TILE)
    tile = feel(tile, ("sample", number), f"sample {number}")
    if not augmentation.readings:
        return tile
    named, share = augmentation.readings[number]
    role = "ink" if label is None else "output" if named == label else "kernel"
    words = text(f"{named}  {100 * share:.0f} %", role=role, bold=True, mono=True)
    return column(tile, words, gap=5)
