"""A layer as its weight matrix: two constraints, and the free parameters that they leave."""

import math
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
from cnnbook.shapes import output_size, per_axis

WIDTH = 950
TERMS = 9  # products written out; the rest are counted
BLOCK = 156  # side of the small maps beside the matrix, in pixels
ROLES = {
    (False, False): "muted", (True, False): "input", (False, True): "kernel", (True, True): "output",
}  # fmt: skip
NAMES = {
    (False, False): "dense layer",
    (True, False): "+ locality = locally connected layer",
    (False, True): "+ sharing, without locality",
    (True, True): "+ locality + sharing = convolution",
}
WORDS = "no one two three four five six seven eight nine".split()


@dataclass(frozen=True, eq=False)
class MatrixLayer:
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

    @property
    def steps(self):
        """Number of outputs."""
        return math.prod(self.output_shape)

    @property
    def position(self):
        """Row and column of the output that this row of the matrix computes."""
        return divmod(self.step, self.output_shape[1])

    @property
    def stage(self):
        """The two switches, (locality, sharing)."""
        return self.locality, self.sharing

    def _pattern(self, local, shared):
        sizes = (self.x.shape, self.kernel.shape, self.stride, self.padding)
        return weight_pattern(*sizes, local=local, shared=shared)

    @cached_property
    def pattern(self):
        """Number of the free parameter in each cell of the matrix, -1 where there is none."""
        return self._pattern(*self.stage)

    @cached_property
    def matrix(self):
        """The weights, 0 where there is none: invented, but alike in all four stages.

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
        counts = {
            (False, False): lambda: dense_parameters(self.x.shape, self.output_shape, bias=False),
            (True, False): lambda: locally_connected_parameters(
                self.output_shape, self.kernel.shape, bias=False
            ),
            (False, True): lambda: offset_parameters(
                self.x.shape, self.output_shape, stride=self.stride, bias=False
            ),
            (True, True): lambda: shared_parameters(self.kernel.shape, bias=False),
        }
        return counts[self.stage]()

    @property
    def count(self):
        """The number of free weights and where it comes from."""
        total = f"{self.parameters} weight{'s' * (self.parameters != 1)}"
        if self.stage == (False, False):
            return f"{self.steps} · {self.x.size} = {total}"
        if self.stage == (True, False):
            return f"{self.steps} · {self.kernel.size} = {total}"
        if self.stage == (False, True):
            return f"{total}, one for each offset"
        few = self.parameters < len(WORDS)
        return f"{total}, the same {WORDS[self.parameters] if few else self.parameters} everywhere"

    @property
    def reason(self):
        """What the count counts, in one line."""
        height, width = self.kernel.shape
        return {
            (False, False): f"each of {self.steps} outputs has a weight of its own "
            f"for each of {self.x.size} pixels",
            (True, False): f"each of {self.steps} outputs sees its own {height} × {width} window, "
            "with weights of its own",
            (False, True): "each output sees every pixel; same offset, same weight: "
            "each diagonal holds one number",
            (True, True): f"each output sees its own {height} × {width} window, "
            "and all windows use one kernel",
        }[self.stage]

    @property
    def formula(self):
        """The sum of this output with its numbers put in, biases left out."""
        i, j = self.position
        pairs = zip(self.row[self.seen], self.x[self.seen], strict=True)
        terms = [f"{format_factor(w)}·{format_factor(x)}" for w, x in pairs] or ["0"]
        more = f" + … ({len(terms)} terms)" if len(terms) > TERMS else ""
        value = format_number(self.output[i, j], 4)
        return f"H[{i},{j}] = {' + '.join(terms[:TERMS])}{more} = {value}"

    @property
    def description(self):
        """The layer and the row looked at, in words and numbers."""
        i, j = self.position
        rows, columns = self.matrix.shape
        switches = [f"{n} {'on' if on else 'off'}" for n, on in
                    zip(("Locality", "sharing"), self.stage, strict=True)]  # fmt: skip
        return (
            f"{', '.join(switches)}: {self.count}. Row {self.step} of the {rows} × {columns} "
            f"matrix sees {self.seen.sum()} of {self.x.size} pixels and gives output row {i}, "
            f"column {j}: {self.formula}."
        )


def _invent(shape, kernel):
    """Weights for cells that no kernel fills: as large as the kernel's, never 0, always the same."""
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
    bottom = max(top + rows * cell + 4 * layer.output_shape[0], top + 2 * BLOCK + 76)
    picture = Picture(WIDTH, bottom + 42, layer.description)
    picture.text(0, 16, NAMES[layer.stage], size=15, bold=True)
    picture.text(0, 54, layer.count, size=25, fill=ROLES[layer.stage], bold=True, mono=True)
    picture.text(0, 82, layer.reason, fill="muted")
    _draw_switches(picture, layer, 606, 0)
    caption = "a row for each output, a column for each pixel, image row by image row"
    draw_heading(picture, 0, top - 18, f"weight matrix {rows} × {columns}", caption)
    y = _draw_matrix(picture, layer, left, top, cell, looked_at=True)
    end = left + columns * cell + 3 * (layer.x.shape[0] - 1)
    picture.arrow((end + 8, y), (end + 30, y), stroke="kernel", stroke_width=2.5, head=9)
    _draw_folded(picture, layer, right, top)
    picture.text(0, bottom + 32, layer.formula, size=13, mono=True)
    return picture


def _draw_switches(picture, layer, x, y):
    """The counts of all four stages as a 2 × 2 table, the present one framed."""
    width, height = 118, 34
    for locality in (False, True):
        top = y + 22 + locality * (height + 6)
        word = f"locality {'on' if locality else 'off'}"
        picture.text(x + 88, top + 22, word, size=12, fill="muted", anchor="end")
        for sharing in (False, True):
            left, stage = x + 98 + sharing * (width + 6), (locality, sharing)
            if not locality:
                word = f"sharing {'on' if sharing else 'off'}"
                picture.text(left + width / 2, y + 12, word, size=12, fill="muted", anchor="middle")
            here = stage == layer.stage
            stroke = {"stroke": ROLES[stage], "stroke_width": 3} if here else {}
            picture.rect(left, top, width, height, fill="paper" if here else "wash",
                         radius=4, **stroke)  # fmt: skip
            number = replace(layer, locality=locality, sharing=sharing).parameters
            picture.text(
                left + width / 2, top + 23, number, size=16, mono=True, bold=here,
                fill=ROLES[stage] if here else "ink", anchor="middle",
            )  # fmt: skip


def _draw_matrix(picture, layer, x, y, cell, *, looked_at=False):
    """Tinted weights, washed gaps; small spaces part the image rows. Return the row's middle."""
    (_, width), across = layer.x.shape, layer.output_shape[1]
    largest, digits = np.abs(layer.matrix).max() or 1, cell >= 20
    for row, column in np.ndindex(layer.matrix.shape):
        left = x + column * cell + 3 * (column // width)
        top = y + row * cell + 3 * (row // across)
        weight, place = layer.matrix[row, column], (left, top, cell - 1, cell - 1)
        if layer.pattern[row, column] < 0:
            picture.rect(*place, fill="wash", radius=2)
            continue
        hue, tint = "kernel" if weight > 0 else "input", abs(weight) / largest * 0.999
        picture.rect(*place, fill=hue, tint=tint, radius=2)
        if digits:
            text = format_number(weight, 2)
            size = min(13, 1.5 * cell / len(text))
            picture.text(left + (cell - 1) / 2, top + cell * 0.64, text, size=size,
                         anchor="middle", mono=True)  # fmt: skip
    if not looked_at:
        return y
    for k in range(layer.x.shape[0]):
        middle = x + (k + 0.5) * width * cell + 3 * k
        picture.text(middle, y - 8, f"row {k}", size=11, fill="muted", anchor="middle")
    for row in range(layer.steps):
        place = "{},{}".format(*divmod(row, across))
        here = row == layer.step
        picture.text(
            x - 8, y + row * cell + 3 * (row // across) + cell / 2 + 4, place,
            size=min(12, cell * 0.8), anchor="end", mono=True, bold=here,
            fill="kernel" if here else "muted",
        )  # fmt: skip
    top = y + layer.step * cell + 3 * layer.position[0]
    across = layer.matrix.shape[1] * cell + 3 * (layer.x.shape[0] - 1)
    picture.rect(x - 2, top - 2, across + 3, cell + 3, stroke="kernel", stroke_width=3, radius=4)
    return top + cell / 2


def _draw_folded(picture, layer, x, y):
    """The row as an image of weights, the image, the outputs so far and their newest sum."""
    (i, j), gap = layer.position, 38
    cell, second, under = BLOCK // max(layer.x.shape), x + BLOCK + gap, y + BLOCK + 70
    missing = layer.kernel.size - layer.seen.sum() if layer.locality else 0
    note = f"{missing} of {layer.kernel.size} meet padding" if missing else "folded to the image"
    draw_heading(picture, x, y - 6, f"row {layer.step}", note, role="kernel")
    largest = np.abs(layer.matrix).max()
    grid = draw_cells(picture, layer.row, x, y, cell=cell, role="signed",
                      largest=largest, shown=layer.seen, digits=2)  # fmt: skip
    title = "input X {} × {}".format(*layer.x.shape)
    draw_heading(picture, second, y - 6, title, f"it sees {layer.seen.sum()} pixels", role="input")
    image = draw_cells(picture, layer.x, second, y, cell=cell, digits=2)
    rows, columns = (np.flatnonzero(layer.seen.any(axis)) for axis in (1, 0))
    if rows.size:
        block = (rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
        for target in (grid, image):
            target.frame(picture, *block)
    picture.text((grid.right + second) / 2, y + BLOCK / 2 + 5, "·", size=22, anchor="middle")
    title = "output H {} × {}".format(*layer.output_shape)
    draw_heading(picture, x, under - 6, title, "the sums so far", role="output")
    done = np.arange(layer.steps).reshape(layer.output_shape) <= layer.step
    cell = min(38, BLOCK // max(layer.output_shape))
    grid = draw_cells(picture, layer.output, x, under, cell=cell, role="output", shown=done)
    grid.frame(picture, i, j, role="output")
    picture.text(second, under - 30, f"H[{i},{j}], the sum", size=14, fill="muted", bold=True)
    value = f"= {format_number(layer.output[i, j], 4)}"
    picture.text(second, under + 28, value, size=27, fill="output", bold=True, mono=True)


def draw_stages(layer):
    """Draw the weight matrices of all four stages at one scale: across sharing, down locality.

    Parameters
    ----------
    layer : MatrixLayer
        Its switches and its step are not looked at.

    Returns
    -------
    Picture
    """
    rows, columns = layer.matrix.shape
    cell = min(fit_cell(columns, 410, largest=24), fit_cell(rows, 240, largest=24))
    width, height = columns * cell + 3 * layer.x.shape[0], rows * cell + 3 * layer.output_shape[0]
    across, down, top = max(width, 380) + 90, height + 152, 76
    said = []
    picture = Picture(across + max(width, 380), down + top + height + 4)
    for locality in (False, True):
        for sharing in (False, True):
            stage = replace(layer, locality=locality, sharing=sharing)
            x, y = sharing * across, locality * down
            role = ROLES[stage.stage]
            picture.text(x, y + 14, NAMES[stage.stage], size=14, bold=True)
            picture.text(x, y + 40, stage.count, size=18, fill=role, bold=True, mono=True)
            picture.text(x, y + 60, _short_reason(stage), size=12, fill="muted")
            _draw_matrix(picture, stage, x, y + top, cell)
            said.append(f"{NAMES[stage.stage]}: {stage.count}")
    for y in (0, down):  # the switch that leads from one matrix to the next
        middle = y + top + height / 2
        picture.arrow((across - 68, middle), (across - 22, middle), stroke="ink", head=9)
        picture.text(across - 45, middle - 12, "sharing", size=12, fill="muted", anchor="middle")
    for x in (0, across):
        picture.arrow((x + 12, top + height + 14), (x + 12, down - 14), stroke="ink", head=9)
        picture.text(x + 26, (top + height + down) / 2 + 4, "locality", size=12, fill="muted")
    picture.description = (
        f"Four {rows} × {columns} weight matrices with the same numbers. {'; '.join(said)}."
    )
    return picture


def _short_reason(layer):
    height, width = layer.kernel.shape
    return {
        (False, False): "every output sees every pixel",
        (True, False): f"each output sees its own {height} × {width} window",
        (False, True): "each diagonal of each block holds one number",
        (True, True): "one kernel, at every window",
    }[layer.stage]
