"""Classical kernels of image processing, and what a kernel makes of a photograph."""

from functools import cached_property

import numpy as np

from cnnbook.figures.numbers import format_factor, format_number
from cnnbook.figures.scene import (
    WIDTH,
    Frame,
    arrow,
    cells,
    column,
    image,
    lines,
    named,
    note,
    over,
    page,
    panel,
    row,
    sized,
    space,
    spread,
    text,
    times,
)
from cnnbook.figures.state import State, state
from cnnbook.ops import conv2d

PHOTO = (300, 200)  # width and height of the box that a photograph is fitted into
RESPONSES = ("auto", "clipped", "signed")


# ---------------------------------------------------------------- kernels


@state
class Kernel(State):
    """A square kernel of odd size: cells, all of them over one divisor."""

    cells: np.ndarray  # (k, k), the weights times `divisor`; k is 1, 3, 5 or 7
    divisor: float = 1
    name: str = "your kernel"
    source: str = ""

    def __post_init__(self):
        self._array("cells", 2)
        if (shape := self.cells.shape) not in ((1, 1), (3, 3), (5, 5), (7, 7)):
            raise ValueError(f"kernel has shape {shape}, expected (k, k) with k 1, 3, 5 or 7")
        if not np.isfinite(self.divisor) or self.divisor == 0:
            value = format_number(self.divisor)
            raise ValueError(f"the divisor is {value}, expected a finite number other than 0")

    @property
    def weights(self):
        """The kernel itself: cells over divisor."""
        return self.cells / self.divisor

    @property
    def total(self):
        """Sum of the weights: what a flat patch of brightness 1 becomes."""
        return _settle(self.weights.sum(), 1e-9 * np.abs(self.weights).sum())

    @property
    def brightness(self):
        """What the sum does to the brightness of a flat patch, in a sentence."""
        if self.total == 0:
            return "a flat patch becomes 0: the mean is removed"
        if abs(self.total - 1) < 1e-9:
            return "a flat patch keeps its brightness"
        return f"a flat patch becomes {format_number(self.total)} times as bright"

    @property
    def rank(self):
        """Rank of the kernel as a matrix; 1 means that it is a column times a row."""
        return int(np.linalg.matrix_rank(self.cells))

    @property
    def symmetry(self):
        """What a rotation by 180° does to the kernel: a word and a sentence."""
        rotated = self.cells[::-1, ::-1]
        if np.array_equal(rotated, self.cells):
            return "even", "rotated by 180° it is the same: flipping changes nothing"
        if np.array_equal(rotated, -self.cells):
            return "odd", "rotated by 180° it changes its sign, and so does the result"
        return "neither even nor odd", "rotated by 180° it is another kernel"

    def picture(self):
        """Draw the kernel."""
        return draw_kernels({self.name: self})


def _kernel(name, rows, divisor, source):
    return Kernel([line.split() for line in rows.split(";")], divisor, name, source)


GONZALEZ = "Gonzalez & Woods (2018), Digital Image Processing, 4th ed., sections 3.5 and 3.6"
SOBEL = "Sobel & Feldman (1968), A 3 × 3 isotropic gradient operator for image processing"
PREWITT = "Prewitt (1970), Object enhancement and extraction"
BURT = "binomial weights, as in Burt & Adelson (1983), doi:10.1109/TCOM.1983.1095851"
MARR = "after Marr & Hildreth (1980), doi:10.1098/rspb.1980.0020"
NEUTRAL = "the neutral element of convolution"
UNKNOWN = "in use in image editors; no first source known"
WIDE_BOX = ";".join(["1 1 1 1 1"] * 5)
WIDE_BELL = "1 4 6 4 1; 4 16 24 16 4; 6 24 36 24 6; 4 16 24 16 4; 1 4 6 4 1"
DIAGONAL = "1 0 0 0 0; 0 1 0 0 0; 0 0 1 0 0; 0 0 0 1 0; 0 0 0 0 1"
HAT = "0 0 1 0 0; 0 1 2 1 0; 1 2 -16 2 1; 0 1 2 1 0; 0 0 1 0 0"

# Written for cross-correlation: not flipped.
CLASSICAL = (
    _kernel("identity", "0 0 0; 0 1 0; 0 0 0", 1, NEUTRAL),
    _kernel("shift", "0 0 0; 0 0 1; 0 0 0", 1, "the identity, moved off the centre"),
    _kernel("box blur", "1 1 1; 1 1 1; 1 1 1", 9, GONZALEZ),
    _kernel("Gaussian blur", "1 2 1; 2 4 2; 1 2 1", 16, BURT),
    _kernel("sharpen", "0 -1 0; -1 5 -1; 0 -1 0", 1, GONZALEZ),
    _kernel("Sobel, left to right", "-1 0 1; -2 0 2; -1 0 1", 1, SOBEL),
    _kernel("Sobel, top to bottom", "-1 -2 -1; 0 0 0; 1 2 1", 1, SOBEL),
    _kernel("Prewitt, left to right", "-1 0 1; -1 0 1; -1 0 1", 1, PREWITT),
    _kernel("Laplacian", "0 1 0; 1 -4 1; 0 1 0", 1, GONZALEZ),
    _kernel("outline", "-1 -1 -1; -1 8 -1; -1 -1 -1", 1, GONZALEZ),
    _kernel("emboss", "-2 -1 0; -1 1 1; 0 1 2", 1, UNKNOWN),
    _kernel("wide box blur", WIDE_BOX, 25, GONZALEZ),
    _kernel("wide Gaussian blur", WIDE_BELL, 256, BURT),
    _kernel("motion blur", DIAGONAL, 5, "a box along a diagonal"),
    _kernel("Laplacian of Gaussian", HAT, 1, MARR),
)
KERNELS = {kernel.name: kernel for kernel in CLASSICAL}


def name_kernel(cells, divisor=1):
    """Make a kernel that bears the name of the classical one with the same weights, if any."""
    given = Kernel(cells, divisor)
    for known in CLASSICAL:
        same = known.cells.shape == given.cells.shape
        if same and np.allclose(known.weights, given.weights, rtol=1e-9, atol=1e-12):
            return Kernel(given.cells, divisor, known.name, known.source)
    return given


def _settle(value, tolerance=1e-9):
    """Call what is left by rounding 0, so that a text is the same on every machine."""
    return 0.0 if abs(value) <= tolerance else float(value)


def draw_kernels(kernels, captions=None, *, largest=None):
    """Draw kernels, or arrays of their weights, side by side, each under its name in the dict.

    A line under each is its divisor and sum unless `captions` are given; each has a scale of its
    own unless `largest` says which weight of all has the strongest tint.
    """
    captions = [_sum(kernel) for kernel in kernels.values()] if captions is None else captions
    panels, words = [], []
    for (title, kernel), caption in zip(kernels.items(), captions, strict=True):
        grid = cells(getattr(kernel, "cells", kernel), cell=38, role="kernel", largest=largest)
        panels.append(panel(title, caption, grid, "kernel"))
        words.append(f"{title} ({caption})")
    return page(row(*panels, gap=36), width=0, description=f"Kernels: {'; '.join(words)}.")


def _sum(kernel):
    divisor = getattr(kernel, "divisor", 1)
    total = f"sum {format_number(_settle(np.sum(getattr(kernel, 'weights', kernel))))}"
    return total if divisor == 1 else f"÷ {format_number(divisor)}, {total}"


# ---------------------------------------------------------------- what a kernel does


@state
class Filtering(State):
    """A photograph, a kernel, and what the one makes of the other."""

    image: np.ndarray  # (H, W), from 0 to 1; at least as large as the kernel
    kernel: Kernel  # or an ndarray of shape (k, k)
    flip: bool = False  # rotate it by 180° first: convolution in place of cross-correlation
    response: str = "auto"
    """The result as brightness, cut off at 0 and 1 ("clipped"), or with 0 as middle grey ("signed",
    which "auto" means for weights that sum to 0)."""

    def __post_init__(self):
        self._array("image", 2)
        self._one_of("response", RESPONSES)
        if not isinstance(self.kernel, Kernel):
            object.__setattr__(self, "kernel", name_kernel(self.kernel))
        size, kernel = self.image.shape, self.kernel.cells.shape
        if min(size) < kernel[0]:
            raise ValueError(f"image is {times(size)}, the kernel {times(kernel)}")
        low, high = map(format_number, (self.image.min(), self.image.max()))
        if self.image.min() < 0 or self.image.max() > 1:
            raise ValueError(f"image holds values from {low} to {high}, expected 0 to 1")

    @property
    def applied(self):
        """The kernel's cells as they are laid on the photograph."""
        return self.kernel.cells[::-1, ::-1] if self.flip else self.kernel.cells

    @cached_property
    def output(self):
        """The filtered photograph, where the whole kernel fits."""
        weight = (self.applied / self.kernel.divisor)[None, None]
        return conv2d(self.image[None, None], weight)[0, 0]

    @property
    def shown(self):
        """How the result is drawn: "clipped" or "signed"."""
        automatic = "signed" if self.kernel.total == 0 else "clipped"
        return automatic if self.response == "auto" else self.response

    @property
    def limits(self):
        """Values of the result that are drawn black and white."""
        return _around_zero(self.output) if self.shown == "signed" else (0.0, 1.0)

    @property
    def cut_off(self):
        """Share of the results that lie outside the limits."""
        low, high = self.limits
        return float(np.mean((self.output < low - 1e-9) | (self.output > high + 1e-9)))

    @property
    def drawn(self):
        """How the result is drawn, and how much of it that hides: two lines."""
        how = "0 is middle grey" if self.shown == "signed" else "drawn as brightness"
        why = ", chosen by the sum" if self.response == "auto" else ""
        share = "under 1" if self.cut_off < 0.01 else f"{100 * self.cut_off:.0f}"
        return f"{how}{why}", f"{share} % cut off" if self.cut_off else ""

    @property
    def facts(self):
        """What the sum, the rank and the symmetry of the kernel mean: words and sentences."""
        kernel, size = self.kernel, len(self.kernel.cells)
        cells = format_number(kernel.cells.sum(), 4)
        over = "" if kernel.divisor == 1 else f"{cells} / {format_factor(kernel.divisor, 4)} = "
        total = f"sum = {over}{format_number(kernel.total)}", kernel.brightness
        rank = f"rank {kernel.rank}", f"not a column times a row: {size**2} products a pixel"
        if kernel.rank == 1:
            fewer = f"{2 * size} products a pixel in place of {size**2}"
            rank = "separable", f"a column times a row: {fewer}"
        return total, rank, kernel.symmetry

    @property
    def description(self):
        """The picture in words and numbers."""
        operation = "Convolution" if self.flip else "Cross-correlation"
        return (
            f"{operation} of a {times(self.image.shape)} photograph with {self.kernel.name}, "
            f"{times(self.applied.shape)}: {_range(self.image)} become {_range(self.output)} on "
            f"{times(self.output.shape)} pixels. The weights sum to "
            f"{format_number(self.kernel.total)}: {self.kernel.brightness}."
        )

    def picture(self):
        """Draw the photograph, the kernel and the result side by side, and what they mean."""
        scale = min(PHOTO[0] / self.image.shape[1], PHOTO[1] / self.image.shape[0])
        before = _grey(self.image, (0.0, 1.0), scale)
        margin = (len(self.applied) - 1) / 2 * scale  # outputs lie under window centres
        after = row(space(margin), _grey(self.output, self.limits, scale), gap=0)
        frame = before._replace(draw=lambda p, x, y: p.rect(x, y, *before[:2], stroke="line"))
        after = over(column(space(0, margin), after, gap=0), frame.draw)
        photo = _photo("photograph", self.image, before, (0.0, 1.0), ("", ""), "input")
        result = _photo("filtered", self.output, after, self.limits, self.drawn, "output")
        pictures = photo, arrow(), sized(_laid(self), 190, photo.height), arrow(), result
        titles = (text(title, size=14, bold=True, width=290) for title, _ in self.facts)
        sentences = (text(sentence, role="muted") for _, sentence in self.facts)
        facts = (row(*fact, gap=10) for fact in zip(titles, sentences, strict=True))
        facts = column(*facts, gap=4)
        return page(spread(*pictures, align=0.5), facts, description=self.description)


def _around_zero(values):
    """Limits with which 0 is middle grey."""
    largest = _settle(np.abs(values).max()) or 1.0
    return -largest, largest


def _range(values):
    """Smallest, largest and mean value, to three decimals."""
    numbers = values.min(), values.max(), values.mean()
    low, high, mean = (format_number(_settle(round(v, 3)), 4) for v in numbers)
    return f"values {low} to {high}, mean {mean}"


def _grey(values, limits, scale):
    """Values as greys between black and white."""
    low, high = limits
    return image((values - low) / (high - low), scale * max(values.shape))


def _photo(title, values, block, limits, captions, role):
    """A photograph under its name and range, and over the scale of its greys."""
    ramp = image(np.tile(np.linspace(0, 1, 128), (3, 1)), PHOTO[0], role="line")
    style, values_at = {"size": 12, "role": "muted"}, (limits[0], sum(limits) / 2, limits[1])
    ticks = (text(format_number(value, 2), mono=True, **style) for value in values_at)
    scale = column(ramp, spread(*ticks, width=PHOTO[0], most=PHOTO[0]), gap=3)
    below = lines(*captions, gap=0, **style)
    block = column(named(role, sized(block, *PHOTO)), scale, below, gap=6)
    return panel(f"{title} {times(values.shape)}", _range(values), block, role)


def _laid(filtering):
    """The kernel as it is laid on the photograph, its name below it."""
    kernel, size = filtering.kernel, len(filtering.applied)
    over = "" if kernel.divisor == 1 else f"÷ {format_number(kernel.divisor)}, "
    flipped = "rotated by 180°" if filtering.flip else "not flipped"
    frames = [Frame(0, 0, size, size, stroke_width=2)]
    grid = cells(filtering.applied, cell=min(46, 165 // size), role="kernel", frames=frames)
    title = text(f"kernel {size} × {size}", size=14, role="kernel", bold=True)
    name = text(kernel.name, bold=True)
    blocks = title, note(over + flipped), named("kernel", grid), name, space(190)
    return column(*blocks, gap=4, align=0.5)


def draw_photos(photos):
    """Draw grey images of one size, three in a row, each with its range of values.

    `photos` holds by title (values (H, W), the two values drawn black and white); by None, 0 is
    middle grey.
    """
    panels, words = [], []
    for title, (values, limits) in photos.items():
        scale = (WIDTH - 2 * 24) / 3 / values.shape[1]
        grey = _grey(values, limits or _around_zero(values), scale)
        panels.append(panel(title, _range(values), grey))
        words.append(f"{title} ({_range(values)})")
    rows = (row(*panels[k : k + 3], gap=24) for k in range(0, len(panels), 3))
    return page(column(*rows, gap=20), description=f"Photographs: {'; '.join(words)}.")
