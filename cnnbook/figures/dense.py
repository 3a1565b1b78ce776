"""A layer as its weight matrix: two constraints, and the free parameters that they leave."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from cnnbook.derivation import (
    dense_parameters,
    locally_connected_parameters,
    offset_parameters,
    shared_parameters,
    toeplitz,
    weight_pattern,
)
from cnnbook.figures.cells import draw_cells, draw_heading, fit_cell, format_factor, format_number
from cnnbook.figures.picture import Picture
from cnnbook.figures.stepping import OverOutputs
from cnnbook.figures.weight_matrix import SPACE, draw_weight_matrix
from cnnbook.shapes import output_size, per_axis

WIDTH = 950
ROOM = 86  # letters of products written out; the rest are counted
BLOCK = 156  # side of the small maps beside the matrix, in pixels
WORDS = "no one two three four five six seven eight nine".split()


@dataclass(frozen=True, eq=False)
class MatrixLayer(OverOutputs):
    """A layer from image to image, seen as a weight matrix; one row of it is looked at.

    Parameters
    ----------
    x : ndarray of shape (H, W)
    kernel : ndarray of shape (kH, kW)
        Size of the windows; its entries are the weights that sharing leaves in them.
    locality : bool
        Each output sees its own window only.
    sharing : bool
        All outputs have the same weight for the same offset from window to pixel.
    step : int
        Row of the matrix, which is the number of the output, row by row from 0.
    stride, padding : int or tuple of int
        Of the windows, as in `torch.nn.functional.conv2d`; padding is zeros.

    Raises
    ------
    TypeError, ValueError
        If an array is no matrix, no window fits, or there is no such step.

    References
    ----------
    Chapter 1.
    """

    x: np.ndarray
    kernel: np.ndarray
    locality: bool = False
    sharing: bool = False
    step: int = 0
    stride: int | tuple = 1
    padding: int | tuple = 0

    def __post_init__(self):
        for name in ("x", "kernel"):
            array = np.asarray(getattr(self, name), dtype=float)
            if array.ndim != 2 or not array.size:
                raise ValueError(f"{name} has shape {array.shape}, expected (rows, columns)")
            object.__setattr__(self, name, array)
        if not 0 <= self.step < self.steps:
            raise ValueError(f"step is {self.step}, expected 0 to {self.steps - 1}")

    @cached_property
    def output_shape(self):
        """Rows and columns of the output."""
        settings = [per_axis(n, getattr(self, n), 2) for n in ("stride", "padding")]
        return output_size(self.x.shape, self.kernel.shape, *settings)

    def _choose(self, dense, local, sharing, both):
        """The entry for the present setting of the two switches."""
        return ((dense, sharing), (local, both))[self.locality][self.sharing]

    @property
    def name(self):
        """What such a layer is called."""
        return self._choose(
            "dense layer",
            "+ locality = locally connected layer",
            "+ sharing, without locality",
            "+ locality + sharing = convolution",
        )

    @property
    def role(self):
        """Colour of the count."""
        return self._choose("muted", "input", "kernel", "output")

    def _pattern(self, local, shared):
        sizes = (self.x.shape, self.kernel.shape, self.stride, self.padding)
        return weight_pattern(*sizes, local=local, shared=shared)

    @cached_property
    def pattern(self):
        """Number of the free parameter in each cell of the matrix, -1 where there is none."""
        return self._pattern(self.locality, self.sharing)

    @cached_property
    def matrix(self):
        """The weights, 0 where there is none: invented, but alike in all four settings.

        In the first output's window the dense layer has the kernel; each constraint erases or
        copies what is there already.
        """
        window = self._pattern(True, True)
        kernel = toeplitz(self.kernel, self.x.shape, self.stride, self.padding)
        weights = _invent(window.shape, self.kernel)
        weights[0] = np.where(window[0] >= 0, kernel[0], weights[0])
        if self.sharing:
            _, first, number = np.unique(self.pattern, return_index=True, return_inverse=True)
            copied = weights.ravel()[first][number].reshape(weights.shape)
            weights = np.where(window >= 0, kernel, copied)
        return np.where(self.pattern >= 0, weights, 0)

    @property
    def row(self):
        """The weights of the output looked at, folded back to the shape of the image."""
        return self.matrix[self.step].reshape(self.x.shape)

    @property
    def seen(self):
        """Which pixels the output looked at is connected to."""
        return (self.pattern[self.step] >= 0).reshape(self.x.shape)

    @cached_property
    def output(self):
        """All outputs: the matrix times the image, folded to the shape of the output."""
        return (self.matrix @ self.x.ravel()).reshape(self.output_shape)

    @property
    def parameters(self):
        """Number of free weights, biases left out."""
        size, kernel, outputs = self.x.shape, self.kernel.shape, self.output_shape
        return self._choose(
            dense_parameters(size, outputs, bias=False),
            locally_connected_parameters(outputs, kernel, bias=False),
            offset_parameters(size, outputs, stride=self.stride, bias=False),
            shared_parameters(kernel, bias=False),
        )

    @property
    def count(self):
        """The number of free weights and where it comes from."""
        free = self.parameters
        total = "1 weight" if free == 1 else f"{free} weights"
        return self._choose(
            f"{self.steps} · {self.x.size} = {total}",
            f"{self.steps} · {self.kernel.size} = {total}",
            f"{total}, one for each offset",
            f"{total}, the same {dict(enumerate(WORDS)).get(free, free)} everywhere",
        )

    @property
    def reason(self):
        """What the count counts, in one line."""
        window = "each output sees its own {} × {} window".format(*self.kernel.shape)
        return self._choose(
            "each output sees every pixel, with weights of its own",
            f"{window}, with weights of its own",
            "each output sees every pixel; the same offset has the same weight",
            f"{window}, through one kernel",
        )

    @property
    def formula(self):
        """The sum of this output with its numbers put in, biases left out."""
        i, j = self.position
        pairs = zip(self.row[self.seen], self.x[self.seen], strict=True)
        terms = [f"{format_factor(w)}·{format_factor(x)}" for w, x in pairs] or ["0"]
        fit = int(np.sum(np.cumsum([len(term) + 3 for term in terms]) <= ROOM))
        more = f" + … ({len(terms)} terms)" if fit < len(terms) else ""
        value = format_number(self.output[i, j], 4)
        return f"H[{i},{j}] = {' + '.join(terms[:fit])}{more} = {value}"

    @property
    def description(self):
        """The layer and the row looked at, in words and numbers."""
        (i, j), switches = self.position, (self.locality, self.sharing)
        on = ["on" if switch else "off" for switch in switches]
        return (
            f"Locality {on[0]}, sharing {on[1]}: {self.count}. Row {self.step} of the {self.steps} "
            f"× {self.x.size} matrix sees {self.seen.sum()} of {self.x.size} pixels and gives "
            f"row {i}, column {j} of the output: {self.formula}."
        )


def _invent(shape, kernel):
    """Make weights other than 0, as large as the kernel's, always the same."""
    rng = np.random.default_rng(0)
    largest = np.abs(kernel).max() or 1
    whole = largest if largest <= 9 and np.all(kernel == kernel.round()) else 5
    size = rng.integers(1, int(whole) + 1, shape)
    return rng.choice([-1, 1], shape) * size * (largest / whole)


def draw_layer(layer):
    """Draw the weight matrix, its count of free weights, and one row folded to the image.

    Parameters
    ----------
    layer : MatrixLayer

    Returns
    -------
    Picture
    """
    top, left, right = 158, 44, 598
    rows, columns = layer.matrix.shape
    cell = min(fit_cell(columns, 486, largest=30), fit_cell(rows, 460, largest=30))
    under = top + BLOCK + 70
    bottom = max(top + rows * cell + SPACE * layer.output_shape[0], under + BLOCK)
    picture = Picture(WIDTH, bottom + 42, layer.description)
    picture.text(0, 16, layer.name, size=15, bold=True)
    picture.text(0, 54, layer.count, size=25, fill=layer.role, bold=True, mono=True)
    picture.text(0, 82, layer.reason, fill="muted")
    _draw_switches(picture, layer, 606, 0)
    caption = "a row for each output, a column for each pixel, image row by image row"
    draw_heading(picture, 0, top - 18, f"weight matrix {rows} × {columns}", caption)
    row = draw_weight_matrix(picture, layer, left, top, cell, looked_at=True)
    ends = (row.right + 8, row.middle), (row.right + 30, row.middle)
    picture.arrow(*ends, stroke="kernel", stroke_width=2.5, head=9)
    _draw_folded(picture, layer, right, top)
    _draw_output(picture, layer, right, under)
    picture.text(0, bottom + 32, layer.formula, size=13, mono=True)
    return picture


def _draw_switches(picture, layer, x, y):
    """The counts at all four settings as a 2 × 2 table, the present one framed."""
    width, height = 118, 34
    for sharing in (False, True):
        middle, word = x + 98 + sharing * (width + 6) + width / 2, "on" if sharing else "off"
        picture.text(middle, y + 12, f"sharing {word}", size=12, fill="muted", anchor="middle")
    for locality in (False, True):
        top, word = y + 22 + locality * (height + 6), "on" if locality else "off"
        picture.text(x + 88, top + 22, f"locality {word}", size=12, fill="muted", anchor="end")
        for sharing in (False, True):
            other = replace(layer, locality=locality, sharing=sharing)
            here = (locality, sharing) == (layer.locality, layer.sharing)
            left, stroke = x + 98 + sharing * (width + 6), other.role if here else None
            picture.rect(
                left, top, width, height, fill="paper" if here else "wash", radius=4,
                stroke=stroke, stroke_width=3,
            )  # fmt: skip
            picture.text(
                left + width / 2, top + 23, other.parameters, size=16, mono=True, bold=here,
                fill=stroke or "ink", anchor="middle",
            )  # fmt: skip


def _draw_folded(picture, layer, x, y):
    """The row as an image of weights, beside the image that it is laid on."""
    second, cell = x + BLOCK + 38, BLOCK // max(layer.x.shape)
    missing = layer.kernel.size - layer.seen.sum() if layer.locality else 0
    note = f"{missing} of {layer.kernel.size} meet padding" if missing else "folded to the image"
    draw_heading(picture, x, y - 6, f"matrix row {layer.step}", note, role="kernel")
    tint = {"role": "signed", "largest": np.abs(layer.matrix).max(), "digits": 2}
    grid = draw_cells(picture, layer.row, x, y, cell=cell, shown=layer.seen, **tint)
    title = "input X {} × {}".format(*layer.x.shape)
    draw_heading(picture, second, y - 6, title, f"seen: {layer.seen.sum()}", role="input")
    image = draw_cells(picture, layer.x, second, y, cell=cell, digits=2)
    rows, columns = (np.flatnonzero(layer.seen.any(axis)) for axis in (1, 0))
    if rows.size:
        block = (rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
        for target in (grid, image):
            target.frame(picture, *block)
    picture.text((x + BLOCK + second) / 2, y + BLOCK / 2 + 5, "·", size=22, anchor="middle")


def _draw_output(picture, layer, x, y):
    """The sums so far, and the newest one large."""
    i, j = layer.position
    second, cell = x + BLOCK + 38, min(52, BLOCK // max(layer.output_shape))
    title = "output H {} × {}".format(*layer.output_shape)
    draw_heading(picture, x, y - 6, title, "the sums so far", role="output")
    done = np.arange(layer.steps).reshape(layer.output_shape) <= layer.step
    grid = draw_cells(picture, layer.output, x, y, cell=cell, role="output", shown=done)
    grid.frame(picture, i, j, role="output")
    picture.text(second, y - 30, f"H[{i},{j}], the sum", size=14, fill="muted", bold=True)
    value = f"= {format_number(layer.output[i, j], 4)}"
    picture.text(second, y + 28, value, size=27, fill="output", bold=True, mono=True)
