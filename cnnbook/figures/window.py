"""One step of a sliding window: what it covers, the products, and the output so far."""

from functools import cached_property

import numpy as np

from cnnbook.figures.numbers import format_factor, format_number
from cnnbook.figures.scene import (
    ROOM,
    WIDTH,
    Frame,
    arrow,
    cells,
    column,
    formula,
    labelled,
    page,
    panel,
    room,
    row,
    sized,
    space,
    step_line,
    text,
    times,
)
from cnnbook.figures.state import SlidingWindow, each_room, each_step, state
from cnnbook.ops import conv2d
from cnnbook.shapes import per_axis

TERMS = 12  # products written out; the rest are counted
LINE = 112  # characters of a formula that fit beside each other
LARGEST = 16  # rows or columns that a picture holds legibly


@state
class Window(SlidingWindow):
    """A kernel at one of its positions over a 1-D or 2-D array."""

    x: np.ndarray  # (H, W) or (W,), with its padding at most 16 along each axis
    kernel: np.ndarray  # of the same rank, not flipped
    step: int = 0  # number of the position, row by row
    stride: int | tuple = 1  # this and the next two as in `torch.nn.functional.conv2d`
    padding: int | tuple = 0
    dilation: int | tuple = 1
    flip: bool = False  # rotate the kernel by 180° first: convolution, not cross-correlation

    def __post_init__(self):
        self._array("x", 1, 2)
        self._array("kernel", 1, 2)
        if self.x.ndim != self.kernel.ndim:
            raise ValueError(f"x has {self.x.ndim} axes, kernel has {self.kernel.ndim}")
        self._within("step", self.steps)
        if max(self.padded.shape) > LARGEST:
            raise ValueError(
                f"the padded input is {times(self.padded.shape)}, "
                f"the picture holds at most {LARGEST} × {LARGEST}"
            )

    @property
    def maps(self):
        """The input as a matrix."""
        return np.atleast_2d(self.x)

    @cached_property
    def applied(self):
        """The kernel as it is laid on the input, as a matrix."""
        kernel = np.atleast_2d(self.kernel)
        return kernel[::-1, ::-1].copy() if self.flip else kernel

    @cached_property
    def window_size(self):
        """Rows and columns of the kernel."""
        return np.atleast_2d(self.kernel).shape

    @cached_property
    def pairs(self):
        """Stride, padding and dilation for rows and columns; a 1-D array is one row."""
        names, axes = {"stride": 1, "padding": 0, "dilation": 1}, self.x.ndim
        pairs = {n: per_axis(n, getattr(self, n), axes, least) for n, least in names.items()}
        return pairs if axes == 2 else {n: (names[n], *pairs[n]) for n in names}

    @cached_property
    def output(self):
        """All outputs, as a matrix."""
        return conv2d(self.maps[None, None], self.applied[None, None], **self.pairs)[0, 0]

    @cached_property
    def titles(self):
        """Titles of input, kernel and output, with their sizes."""
        shapes = self.x.shape, self.kernel.shape, self.output_shape[-self.x.ndim :]
        names = "input", "kernel", "output"
        return [f"{name} {times(shape)}" for name, shape in zip(names, shapes, strict=True)]

    @each_step
    def formula_lines(self):
        """The sum of this step with its numbers put in, weights of 0 left out.

        In lines that fit into the picture, as many at every step.
        """
        pairs = zip(self.covered.flat, self.applied.flat, strict=True)
        terms = [f"{format_factor(a)}·{format_factor(b)}" for a, b in pairs if b != 0] or ["0"]
        more = f" + … ({len(terms)} terms)" if len(terms) > TERMS else ""
        start = f"y[{','.join(map(str, self.position[-self.x.ndim :]))}] = "
        arrays = self.padded, self.applied
        longest = sum(max(len(format_factor(v)) for v in array.flat) for array in arrays)
        free = LINE - len("y[10,10] = ") - len(f"{more} = −1.234e−05")
        each, terms = max(1, free // (longest + len("· + "))), terms[:TERMS]
        groups = [" + ".join(terms[k : k + each]) for k in range(0, len(terms), each)]
        end = f"{more} = {format_number(self.output[self.position], 4)}"
        return (start + f" +\n{' ' * len(start)}".join(groups) + end).split("\n")

    @property
    def where(self):
        """The place of this step's output, in words."""
        row, column = self.position
        return f"row {row}, column {column}" if self.x.ndim == 2 else f"position {column}"

    @property
    def description(self):
        """The step in words and numbers."""
        head = f"Step {self.step + 1} of {self.steps}"
        formula = " ".join(line.strip() for line in self.formula_lines)
        return f"{head}: {self.where} of the output. {formula}."

    @each_room
    def cell(self):
        """Side of the largest cells that there is room for."""
        return room(lambda cell: _body(self, cell), range(44, 5, -1), height=560)

    def picture(self):
        """Draw the window over its input, the products and the output so far."""
        words = column(*(text(line, mono=True) for line in self.formula_lines), gap=2)
        if ROOM.get() < WIDTH:  # a line may go on in the next one
            words = sized(words, height=self.highest(_formula))
        return page(
            step_line(self, f"{self.where} of the output"),
            _body(self, self.cell),
            words,
            description=self.description,
        )


def _formula(window):
    return formula(*window.formula_lines)


def _body(window, cell):
    """Input, kernel, products and output: beside one another, or along a row below one another."""
    line, flipped = window.x.ndim == 1, window.flip
    head, grid = (labelled, _along(window)) if line else (panel, cells)
    (named, kernel, output), (down, across) = window.titles, window.pairs["padding"]
    inner = cell if line else max(cell, min(38, 150 // window.window_size[1]))
    numbers = np.abs([*window.padded.flat, *window.output.flat])
    scale = {"largest": numbers.max() or 1}  # of all numbers but the weights
    possible = np.outer(np.unique(window.padded), np.unique(window.applied))
    weights = {"cell": inner, "role": "kernel", "like": window.kernel}

    frames = {"frames": window.pointed.get("input", _frames(window)), "muted": window.outside}
    x = cells(
        window.padded,
        cell=cell,
        name="input",
        touch=("input",),
        move="input",
        **frames,
        **scale,
    )
    given = cells(window.kernel, name="given", **weights)
    laid = grid(window.applied, name="kernel", **weights)
    products = {"cell": inner, "role": "output", "like": possible, **scale}
    (rows, columns), places = window.under, np.ndindex(window.window_size)
    origins = {at: f"input {rows[at[0], 0]} {columns[0, at[1]]}" for at in places}
    products = grid(
        window.covered * window.applied, name="products", **products,
        **({} if line else {"move": "product", "origins": origins}),
    )  # fmt: skip
    frames = window.pointed.get("output", [Frame(*window.position, role="output")])
    y = cells(
        window.output, cell=cell, role="output", name="output", frames=frames, shown=window.done,
        touch=("output",), move="output", origins={window.position: "product 0 0"}, **scale,
    )  # fmt: skip

    zeros = f"dashed: padding {down} × {across} of zeros" if down + across else "no padding"
    x = head(named, zeros, x, "input")
    products = head("window × kernel", "element by element", products, "muted")
    y = head(output, window.size_formula, y, "output")
    if line:
        laid = head("laid down", "flipped" if flipped else "not flipped", laid, "kernel")
        given = head(kernel, "as given", given, "kernel")
        return column(x, given, laid, products, y, gap=16)
    if flipped:
        given = head(kernel, "as given", given, "kernel")
        laid = head("rotated", "by 180°", laid, "kernel")
        laid = row(given, arrow(), laid, gap=10, align=0.5)
    else:
        laid = head(kernel, "not flipped", laid, "kernel")
    value = f"= {format_number(window.output[window.position], 4)}"
    value = text(value, size=27, role="output", bold=True, mono=True, width=170)
    value = column(text("sum of the products", role="muted", bold=True), value, gap=2)
    middle = column(laid, products, gap=20, align=float(flipped))
    return row(x, middle, column(y, value, gap=16), gap=60)


def _frames(window):
    """Frame the window; with gaps between its entries, frame each entry too."""
    (row, column), (down, across) = window.corner, window.pairs["dilation"]
    gaps, places = window.extent != window.window_size, np.ndindex(window.window_size)
    each = [Frame(row + i * down, column + j * across, stroke_width=2) for i, j in places]
    return [*(each if gaps else ()), Frame(row, column, *window.extent, dashed=gaps)]


def _along(window):
    """Return what draws the cells of the kernel below the inputs that they are laid on."""

    def grid(values, *, cell, **style):
        gap = (window.pairs["dilation"][1] - 1) * cell
        each = (cells(value, cell=cell, **style) for value in values.T)
        each = row(*each, gap=gap, wraps=False)
        left = space(window.corner[1] * cell)
        right = space((window.padded.shape[1] - window.corner[1]) * cell - each.width)
        return row(left, each, right, gap=0, wraps=False)

    return grid
