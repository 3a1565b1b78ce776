"""A photograph, a kernel, and the filtered photograph side by side."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, format_factor, format_number
from cnnbook.figures.kernels import Kernel, name_kernel, settle
from cnnbook.figures.picture import Picture
from cnnbook.ops import conv2d

WIDTH = 900
PHOTO = (300, 200)  # width and height of the box that a photograph is fitted into
TOP = 44
RESPONSES = ("auto", "clipped", "signed")


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
        largest = settle(np.abs(self.output).max()) or 1.0
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
    numbers = (format_number(settle(round(v, 3)), 4) for v in
               (values.min(), values.max(), values.mean()))  # fmt: skip
    return "values {} to {}, mean {}".format(*numbers)


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
    _draw_scale(picture, 0, (0.0, 1.0), "")
    _draw_kernel(picture, filtering)
    draw_heading(picture, right, TOP, f"filtered {_size(output)}", _range(output), role="output")
    radius = (len(filtering.kernel.cells) - 1) / 2 * scale  # outputs lie under window centres
    _draw_photo(picture, output, right + radius, TOP + radius, scale, filtering.limits)
    picture.rect(right, TOP, image.shape[1] * scale, image.shape[0] * scale, stroke="line")
    _draw_scale(picture, right, filtering.limits, _scale_caption(filtering))
    _draw_facts(picture, filtering.kernel)
    return picture


def draw_photos(photos, columns=3):
    """Draw grey images of one size in rows, each with its range of values.

    Parameters
    ----------
    photos : dict of str to (ndarray of shape (H, W), (float, float) or None)
        Titles, values, and the values drawn black and white; by None, 0 is middle grey.
    columns : int
        Images in a row, at most.

    Returns
    -------
    Picture
    """
    width = (WIDTH - 24 * (columns - 1)) / columns
    height = max(values.shape[0] / values.shape[1] for values, _ in photos.values()) * width
    rows = -(-len(photos) // columns)
    picture = Picture(WIDTH, rows * (height + 66) - 20, "")
    for k, (title, (values, limits)) in enumerate(photos.items()):
        row, column = divmod(k, columns)
        x, y = column * (width + 24), 44 + row * (height + 66)
        largest = settle(np.abs(values).max()) or 1.0
        draw_heading(picture, x, y, title, _range(values))
        _draw_photo(picture, values, x, y, width / values.shape[1], limits or (-largest, largest))
    words = (f"{title} ({_range(values)})" for title, (values, _) in photos.items())
    picture.description = f"Photographs: {'; '.join(words)}."
    return picture


def _draw_photo(picture, values, x, y, scale, limits):
    """Draw values as greys between black and white."""
    low, high = limits
    grey = np.clip((values - low) / (high - low) * 255, 0, 255).round().astype(np.uint8)
    height, width = values.shape
    picture.image(np.repeat(grey[..., None], 3, axis=2), x, y, width * scale, height * scale)


def _draw_scale(picture, x, limits, caption):
    """Draw the greys from black to white, with the values that they stand for."""
    y, ramp = TOP + PHOTO[1] + 8, np.linspace(0, 255, 128).round().astype(np.uint8)
    picture.image(np.repeat(ramp[None, :, None], 3, axis=2), x, y, PHOTO[0], 6)
    picture.rect(x, y, PHOTO[0], 6, stroke="line")
    (low, high), width = limits, PHOTO[0]
    places = ((0, low, "start"), (width / 2, (low + high) / 2, "middle"), (width, high, "end"))
    for offset, value, anchor in places:
        text = format_number(value, 2)
        picture.text(x + offset, y + 21, text, size=12, fill="muted", anchor=anchor, mono=True)
    picture.text(x, y + 39, caption, size=12, fill="muted")


def _scale_caption(filtering):
    """Say how the result is drawn, and how much of it that hides."""
    how = "0 is middle grey" if filtering.shown == "signed" else "drawn as brightness"
    why = ", chosen by the sum" if filtering.response == "auto" else ""
    if not filtering.cut_off:
        return how + why
    share = "under 1" if filtering.cut_off < 0.01 else f"{100 * filtering.cut_off:.0f}"
    return f"{how}{why}; {share} % cut off"


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
        picture.text(300, y + 23 * k, sentence, fill="muted")
