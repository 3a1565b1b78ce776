"""Random changes of one image: the affine map of the first sample, and all of the samples."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, format_factor, format_number
from cnnbook.figures.picture import Picture

WIDTH = 944
MARGIN = 8  # pixels of the image's surroundings that are shown
STAGE = 220  # side of the image with its surroundings, in pixels of the canvas
LINES = 4  # squares of the grid along an axis
UP, LOW = 92, 388  # tops of the two rows
MATRIX, SAMPLE = 256, 776  # left edges of the formula and of the first sample
TILE, PITCH, MOST = 84, 95, 10
DECIMALS = 3  # of the matrix as it is written


@dataclass(frozen=True, eq=False)
class Augmentation:
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

    Raises
    ------
    ValueError
        If the shapes or numbers disagree.
    """

    image: np.ndarray
    maps: np.ndarray
    samples: np.ndarray
    readings: tuple = ()
    label: int | None = None

    def __post_init__(self):
        if self.image.ndim != 2:
            raise ValueError(f"image has {self.image.ndim} axes, expected 2: (H, W)")
        count = len(self.samples)
        if not 1 <= count <= MOST:
            raise ValueError(f"there are {count} samples, the picture holds 1 to {MOST}")
        if self.samples.shape[1:] != self.image.shape:
            raise ValueError(
                f"samples have shape {self.samples.shape[1:]}, the image {self.image.shape}"
            )
        if self.maps.shape != (count, 2, 3):
            raise ValueError(f"maps have shape {self.maps.shape}, expected {(count, 2, 3)}")
        if len(self.readings) not in (0, count):
            raise ValueError(f"there are {len(self.readings)} readings for {count} samples")

    @property
    def centre(self):
        """Row and column of the middle; between two pixels where their number is even."""
        return np.subtract(self.image.shape, 1) / 2

    @cached_property
    def matrix(self):
        """The first map's 2 × 2 part in pixels, row before column."""
        (wide, slant, _), (turn, tall, _) = self.maps[0]
        ratio = self.image.shape[0] / self.image.shape[1]
        return np.array([[tall, turn * ratio], [slant / ratio, wide]], dtype=float)

    @cached_property
    def shift(self):
        """The first map's shift in pixels, row before column."""
        return np.array([self.maps[0, 1, 2], self.maps[0, 0, 2]]) * self.image.shape / 2.0

    def source(self, place):
        """Return where in the input an output place is read, both as (row, column)."""
        return self.matrix @ (np.asarray(place, float) - self.centre) + self.centre + self.shift

    @property
    def formulas(self):
        """Row and column that the output pixel [0, 0] reads, with the numbers put in."""
        lines = []
        for axis, name in enumerate(("row", "column")):
            factors = self.matrix[axis].round(DECIMALS)
            terms = [
                f"{format_factor(factor)}·{format_factor(-middle)}"
                for factor, middle in zip(factors, self.centre, strict=True)
            ]
            terms += [format_factor(self.centre[axis]), format_factor(self.shift[axis].round(9))]
            exact = np.allclose(factors, self.matrix[axis], rtol=0, atol=1e-6)
            result = format_number(round(float(self.source((0, 0))[axis]), 2))
            lines.append(f"{name} = {' + '.join(terms)} {'=' if exact else '≈'} {result}")
        return lines

    @property
    def claim(self):
        """How a network takes the samples, or what is shown."""
        if not self.readings:
            return "Every output pixel looks up a place in the input"
        if self.label is None:
            return f"What the network reads in {len(self.samples)} samples"
        right = sum(named == self.label for named, _ in self.readings)
        return f"The network reads {right} of {len(self.samples)} samples right"

    @property
    def description(self):
        """The first map and what is read, in words and numbers."""
        row, column = self.formulas
        text = f"{self.claim}. Output pixel [0, 0] of sample 0 reads {row} and {column}."
        said = [f"{named} with {100 * share:.0f} %" for named, share in self.readings]
        return f"{text} Read as: {', '.join(said)}." if said else text


def draw_augmentation(augmentation):
    """Draw the image, the map of the first sample on it, that sample, and all samples below.

    Parameters
    ----------
    augmentation : Augmentation

    Returns
    -------
    Picture
    """
    picture = Picture(WIDTH, LOW + TILE + 28, augmentation.description)
    picture.text(0, 18, augmentation.claim, size=15, bold=True)
    _draw_original(picture, augmentation)
    _draw_matrix(picture, augmentation)
    _draw_first(picture, augmentation)
    count = len(augmentation.samples)
    caption = "drawn with the same settings; the framed one is sample 0"
    draw_heading(picture, 0, LOW, f"{count} samples", caption, role="output")
    side = TILE / max(augmentation.image.shape)
    for number, sample in enumerate(augmentation.samples):
        x = number * PITCH
        _draw_grey(picture, sample, x, LOW, side)
        if number == 0:
            height, width = (side * size for size in sample.shape)
            picture.rect(x, LOW, width, height, stroke="kernel", stroke_width=3)
        if augmentation.readings:
            named, share = augmentation.readings[number]
            known = augmentation.label is not None
            role = "ink" if not known else "output" if named == augmentation.label else "kernel"
            words = f"{named}  {100 * share:.0f} %"
            picture.text(x, LOW + TILE + 20, words, fill=role, bold=True, mono=True)
    return picture


def _draw_grey(picture, image, x, y, side):
    grey = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)
    height, width = grey.shape
    picture.image(np.repeat(grey[:, :, None], 3, axis=2), x, y, width * side, height * side)


def _side(augmentation):
    """Pixels of the canvas a pixel of the image."""
    return STAGE / (max(augmentation.image.shape) + 2 * MARGIN)


def _draw_original(picture, augmentation):
    """Draw the image in its black surroundings, and where the grid of the first sample lies."""
    draw_heading(picture, 0, UP, "original", "orange: what sample 0 reads", role="input")
    side = _side(augmentation)
    _draw_grey(picture, np.pad(augmentation.image, MARGIN), 0, UP, side)
    rows, columns = augmentation.image.shape
    corner = side * MARGIN
    picture.rect(corner, UP + corner, columns * side, rows * side, stroke="input", stroke_width=1.5)
    box = np.array([rows, columns]) + 2 * MARGIN
    for first, last, edge in _grid_lines(augmentation.image.shape):
        ends = [augmentation.source(end) + MARGIN + 0.5 for end in (first, last)]
        clipped = _clip(*ends, box)
        if clipped is not None:
            points = [(c * side, UP + r * side) for r, c in clipped]
            picture.line(*points, stroke="kernel", stroke_width=2.5 if edge else 1)
    _draw_corner(picture, augmentation.source((-0.5, -0.5)) + MARGIN + 0.5, box, side, 0)


def _grid_lines(shape):
    """Yield the ends of the lines that cut an image into squares, and whether each is an edge."""
    (rows, columns), steps = shape, np.linspace(0, 1, LINES + 1)
    for share in steps:
        across, down = rows * share - 0.5, columns * share - 0.5
        edge = share in (0, 1)
        yield (across, -0.5), (across, columns - 0.5), edge
        yield (-0.5, down), (rows - 0.5, down), edge


def _clip(start, end, box):
    """Cut a line off at the edges of a box from (0, 0); None if nothing remains."""
    low, high = 0.0, 1.0
    for a, b, size in zip(start, end, box, strict=True):
        if a == b:
            if not 0 <= a <= size:
                return None
            continue
        near, far = sorted(((0 - a) / (b - a), (size - a) / (b - a)))
        low, high = max(low, near), min(high, far)
    if low >= high:
        return None
    way = np.subtract(end, start)
    return start + low * way, start + high * way


def _draw_corner(picture, place, box, side, left):
    """Mark the corner where the sample begins, if it is in view."""
    if all(0 <= p <= size for p, size in zip(place, box, strict=True)):
        row, column = place
        x, y = left + column * side, UP + row * side
        picture.rect(x - 4, y - 4, 8, 8, fill="kernel", radius=4)


def _draw_matrix(picture, augmentation):
    """Write the first map as a matrix with its numbers, and the corner worked by hand."""
    caption = "from a pixel of the output to a place in the input, about the middle"
    draw_heading(picture, MATRIX, UP, "the map of sample 0", caption, role="kernel")
    top, cell, wide = UP + 18, 54, MATRIX + 66
    matrix = augmentation.matrix.round(DECIMALS)
    draw_cells(picture, matrix, wide, top, cell=cell, role="signed", longest=6)
    shift = augmentation.shift[:, None].round(9)
    left = wide + 2 * cell + 204
    draw_cells(picture, shift, left, top, cell=cell, role="signed", longest=6, largest=MARGIN)
    for axis, name in enumerate(("row", "column")):
        y, middle = top + (axis + 0.5) * cell + 5, format_number(augmentation.centre[axis])
        picture.text(wide - 10, y, f"{name} =", fill="input", anchor="end")
        picture.text(wide + 2 * cell + 12, y, f"· ({name} − {middle})", fill="output")
        picture.text(left - 10, y, f"+ {middle} +", anchor="end")
    y = top + 2 * cell + 28
    picture.text(MATRIX, y, "the corner, output pixel [0, 0], reads", size=12, fill="muted")
    for number, line in enumerate(augmentation.formulas):
        picture.text(MATRIX, y + 22 + 20 * number, line, size=12, mono=True)


def _draw_first(picture, augmentation):
    """Draw the first sample at the scale of the original, with its straight grid."""
    draw_heading(picture, SAMPLE, UP, "sample 0", "the grid is straight here", role="output")
    side = _side(augmentation)
    top = UP + MARGIN * side
    _draw_grey(picture, augmentation.samples[0], SAMPLE, top, side)
    for first, last, edge in _grid_lines(augmentation.image.shape):
        points = [(SAMPLE + (c + 0.5) * side, top + (r + 0.5) * side) for r, c in (first, last)]
        picture.line(*points, stroke="kernel", stroke_width=2.5 if edge else 1)
    picture.rect(SAMPLE - 4, top - 4, 8, 8, fill="kernel", radius=4)
