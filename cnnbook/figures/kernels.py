"""Classical kernels of image processing, and a photograph beside what a kernel makes of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, format_factor, format_number
from cnnbook.figures.picture import Picture
from cnnbook.ops import conv2d

WIDTH = 900
PHOTO = (300, 200)  # width and height of the box that a photograph is fitted into
TOP = 44
RESPONSES = ("auto", "clipped", "signed")


@dataclass(frozen=True, eq=False)
class Kernel:
    """A square kernel of odd size: cells, all of them over one divisor.

    Parameters
    ----------
    cells : ndarray of shape (k, k)
        The weights times `divisor`; k is 1, 3, 5 or 7.
    divisor : float
        Not zero.
    name, source : str
        What it is called, and where it comes from.

    Raises
    ------
    ValueError
        If the shape or the divisor is not as above, or a cell is not finite.
    """

    cells: np.ndarray
    divisor: float = 1
    name: str = "your kernel"
    source: str = ""

    def __post_init__(self):
        cells = np.asarray(self.cells, dtype=float)
        object.__setattr__(self, "cells", cells)
        if cells.shape not in ((1, 1), (3, 3), (5, 5), (7, 7)):
            raise ValueError(f"kernel has shape {cells.shape}, expected (k, k) with k 1, 3, 5 or 7")
        if not np.isfinite(cells).all():
            raise ValueError("kernel holds a value that is not finite")
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


def _kernel(name, rows, divisor, source):
    cells = np.array([row.split() for row in rows.split(";")], dtype=float)
    return Kernel(cells, divisor, name, source)


GONZALEZ = "Gonzalez & Woods (2018), Digital Image Processing, 4th ed., sections 3.5 and 3.6"
SOBEL = "Sobel & Feldman (1968), A 3 × 3 isotropic gradient operator for image processing"
PREWITT = "Prewitt (1970), Object enhancement and extraction"
BURT = "binomial weights, as in Burt & Adelson (1983), doi:10.1109/TCOM.1983.1095851"
MARR = "after Marr & Hildreth (1980), doi:10.1098/rspb.1980.0020"
NEUTRAL = "the neutral element of convolution"

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
    _kernel("emboss", "-2 -1 0; -1 1 1; 0 1 2", 1, "in use in image editors; no first source known"),
    _kernel("box blur 5 × 5", ";".join(["1 1 1 1 1"] * 5), 25, GONZALEZ),
    _kernel(
        "Gaussian blur 5 × 5",
        "1 4 6 4 1; 4 16 24 16 4; 6 24 36 24 6; 4 16 24 16 4; 1 4 6 4 1",
        256,
        BURT,
    ),
    _kernel(
        "motion blur 5 × 5",
        "1 0 0 0 0; 0 1 0 0 0; 0 0 1 0 0; 0 0 0 1 0; 0 0 0 0 1",
        5,
        "a box along a diagonal",
    ),
    _kernel(
        "Laplacian of Gaussian 5 × 5",
        "0 0 1 0 0; 0 1 2 1 0; 1 2 -16 2 1; 0 1 2 1 0; 0 0 1 0 0",
        1,
        MARR,
    ),
)
KERNELS = {kernel.name: kernel for kernel in CLASSICAL}


def name_kernel(cells, divisor=1):
    """Return the classical kernel with these weights, or a nameless one.

    Parameters
    ----------
    cells : ndarray of shape (k, k)
    divisor : float

    Returns
    -------
    Kernel
        With the given cells and divisor.

    Raises
    ------
    ValueError
        As `Kernel`.
    """
    given = Kernel(cells, divisor)
    for known in CLASSICAL:
        same = known.cells.shape == given.cells.shape
        if same and np.allclose(known.weights, given.weights, rtol=1e-9, atol=1e-12):
            return Kernel(given.cells, divisor, known.name, known.source)
    return given


@dataclass(frozen=True, eq=False)
class Filtering:
    """A photograph, a kernel, and what the one makes of the other.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        Brightness from 0 to 1, at least as large as the kernel.
    kernel : Kernel or ndarray of shape (k, k)
    flip : bool
        Rotate the kernel by 180° first: convolution in place of cross-correlation.
    response : {"auto", "clipped", "signed"}
        Draw the result as brightness, cut off at 0 and 1, or with 0 as middle grey; "auto" is
        "signed" for weights that sum to 0.

    Raises
    ------
    ValueError
        If the image, the kernel or the response is not as above.

    References
    ----------
    Chapter 2.
    """

    image: np.ndarray
    kernel: Kernel
    flip: bool = False
    response: str = "auto"

    def __post_init__(self):
        image = np.asarray(self.image, dtype=float)
        object.__setattr__(self, "image", image)
        if not isinstance(self.kernel, Kernel):
            object.__setattr__(self, "kernel", name_kernel(self.kernel))
        if image.ndim != 2:
            raise ValueError(f"image has {image.ndim} axes, expected 2")
        if min(image.shape) < len(self.kernel.cells):
            raise ValueError(f"image is {_size(image)}, the kernel {_size(self.kernel.cells)}")
        if not (image.min() >= 0 and image.max() <= 1):
            low, high = format_number(image.min()), format_number(image.max())
            raise ValueError(f"image holds values from {low} to {high}, expected 0 to 1")
        if self.response not in RESPONSES:
            raise ValueError(f"response is {self.response!r}, expected one of {RESPONSES}")

    @property
    def applied(self):
        """The kernel's cells as they are laid on the photograph."""
        cells = self.kernel.cells
        return cells[::-1, ::-1] if self.flip else cells

    @cached_property
    def output(self):
        """The filtered photograph, where the whole kernel fits."""
        weight = (self.applied / self.kernel.divisor)[None, None]
        return conv2d(self.image[None, None], weight)[0, 0]

    @property
    def shown(self):
        """How the result is drawn: "clipped" or "signed"."""
        if self.response != "auto":
            return self.response
        return "signed" if self.kernel.total == 0 else "clipped"

    @property
    def limits(self):
        """Values of the result that are drawn black and white."""
        largest = _settle(np.abs(self.output).max()) or 1.0
        return (-largest, largest) if self.shown == "signed" else (0.0, 1.0)

    @property
    def cut_off(self):
        """Share of the results that lie outside the limits."""
        low, high = self.limits
        return float(np.mean((self.output < low - 1e-9) | (self.output > high + 1e-9)))

    @property
    def description(self):
        """The picture in words and numbers."""
        operation = "Convolution" if self.flip else "Cross-correlation"
        return (
            f"{operation} of a {_size(self.image)} photograph with {self.kernel.name}, "
            f"{_size(self.kernel.cells)}: {_range(self.image)} become {_range(self.output)} on "
            f"{_size(self.output)} pixels. The weights sum to {format_number(self.kernel.total)}: "
            f"{self.kernel.brightness}."
        )


def _size(array):
    return f"{array.shape[0]} × {array.shape[1]}"


def _range(values):
    """Smallest, largest and mean value, to three decimals."""
    numbers = (format_number(_settle(round(v, 3))) for v in
               (values.min(), values.max(), values.mean()))  # fmt: skip
    return "values {} to {}, mean {}".format(*numbers)


def _settle(value, tolerance=1e-9):
    """Call what is left by rounding 0, so that the text is the same on every machine."""
    return 0.0 if abs(value) <= tolerance else float(value)


def draw_filtering(filtering):
    """Draw a photograph, a kernel and the filtered photograph side by side.

    Parameters
    ----------
    filtering : Filtering

    Returns
    -------
    Picture
    """
    picture = Picture(WIDTH, TOP + PHOTO[1] + 136, filtering.description)
    image, output = filtering.image, filtering.output
    scale = min(PHOTO[0] / image.shape[1], PHOTO[1] / image.shape[0])
    right = WIDTH - PHOTO[0]
    draw_heading(picture, 0, TOP, f"photograph {_size(image)}", _range(image), role="input")
    _draw_photo(picture, image, 0, TOP, scale, (0.0, 1.0))
    _draw_scale(picture, 0, (0.0, 1.0))
    _draw_kernel(picture, filtering)
    draw_heading(picture, right, TOP, f"filtered {_size(output)}", _range(output), role="output")
    radius = (len(filtering.kernel.cells) - 1) / 2 * scale  # outputs lie under window centres
    _draw_photo(picture, output, right + radius, TOP + radius, scale, filtering.limits)
    picture.rect(right, TOP, image.shape[1] * scale, image.shape[0] * scale, stroke="line")
    _draw_scale(picture, right, filtering.limits, filtering.cut_off)
    _draw_facts(picture, filtering.kernel)
    return picture


def _draw_photo(picture, values, x, y, scale, limits):
    """Draw values as greys between black and white."""
    low, high = limits
    grey = np.clip((values - low) / (high - low) * 255, 0, 255).round().astype(np.uint8)
    height, width = values.shape
    picture.image(np.repeat(grey[..., None], 3, axis=2), x, y, width * scale, height * scale)


def _draw_scale(picture, x, limits, cut_off=0.0):
    """Draw the greys from black to white, with the values that they stand for."""
    y, ramp = TOP + PHOTO[1] + 8, np.linspace(0, 255, 128).round().astype(np.uint8)
    picture.image(np.repeat(ramp[None, :, None], 3, axis=2), x, y, PHOTO[0], 6)
    picture.rect(x, y, PHOTO[0], 6, stroke="line")
    (low, high), width = limits, PHOTO[0]
    places = ((0, low, "start"), (width / 2, (low + high) / 2, "middle"), (width, high, "end"))
    for offset, value, anchor in places:
        text = format_number(value, 2)
        picture.text(x + offset, y + 21, text, size=12, fill="muted", anchor=anchor, mono=True)
    if cut_off:
        share = "under 1" if cut_off < 0.01 else f"{100 * cut_off:.0f}"
        picture.text(x, y + 38, f"{share} % of the pixels are cut off", size=12, fill="muted")


def _draw_kernel(picture, filtering):
    """Draw the kernel between the photographs, the way it is laid on."""
    kernel, middle = filtering.kernel, WIDTH / 2
    size = len(kernel.cells)
    cell = min(46, 165 // size)
    laid = "rotated by 180°" if filtering.flip else "not flipped"
    over = "" if kernel.divisor == 1 else f"÷ {format_number(kernel.divisor)}, "
    title = f"kernel {_size(kernel.cells)}"
    draw_heading(picture, middle, TOP, title, over + laid, role="kernel", anchor="middle")
    left = middle - size * cell / 2
    grid = draw_cells(picture, filtering.applied, left, TOP, cell=cell, role="signed")
    grid.frame(picture, 0, 0, size, size, stroke_width=2)
    picture.text(middle, TOP + 192, kernel.name, bold=True, anchor="middle")
    for x in (PHOTO[0] + 22, WIDTH - PHOTO[0] - 46):
        picture.arrow((x, TOP + PHOTO[1] / 2), (x + 24, TOP + PHOTO[1] / 2))


def _draw_facts(picture, kernel):
    """Write what the sum, the rank and the symmetry of the kernel mean."""
    size, y = len(kernel.cells), TOP + PHOTO[1] + 78
    products = f"{size * size} products a pixel"
    if kernel.rank == 1:
        separable = f"a column times a row: {2 * size} products a pixel in place of {size * size}"
        rank = ("separable", separable)
    else:
        rank = (f"rank {kernel.rank}", f"not a column times a row: {products}")
    cells = format_number(kernel.cells.sum(), 4)
    over = "" if kernel.divisor == 1 else f"{cells} / {format_factor(kernel.divisor, 4)} = "
    total = (f"sum = {over}{format_number(kernel.total)}", kernel.brightness)
    for k, (title, sentence) in enumerate((total, rank, kernel.symmetry)):
        picture.text(0, y + 23 * k, title, size=14, bold=True)
        picture.text(220, y + 23 * k, sentence, fill="muted")
