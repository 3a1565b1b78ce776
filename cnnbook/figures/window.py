"""One step of a sliding window: what it covers, the products, and the output so far."""

from functools import cached_property

import numpy as np

from cnnbook.figures.cells import format_factor, format_number
from cnnbook.figures.scene import (
    Frame,
    arrow,
    cells,
    column,
    fit,
    formula,
    labelled,
    named,
    page,
    panel,
    result,
    row,
    sized,
    space,
    spread,
    step_line,
    times,
)
from cnnbook.figures.state import SlidingWindow, each_step, state
from cnnbook.ops import conv2d
from cnnbook.shapes import per_axis

TERMS = 12  # products written out; the rest are counted
LINE = 112  # characters of a formula that fit beside each other
LARGEST = 16  # rows or columns that a picture holds legibly


@state
class Window(SlidingWindow):
    """A kernel at one of its positions over a 1-D or 2-D array.

    Parameters
    ----------
    x : ndarray of shape (H, W) or (W,)
        With its padding at most 16 along each axis.
    kernel : ndarray of shape (kH, kW) or (kW,)
        Of the same rank as `x`.
    step : int
        Number of the position, row by row, from 0.
    stride, padding, dilation : int or tuple of int
        As in `torch.nn.functional.conv2d`; padding is zeros.
    flip : bool
        Rotate the kernel by 180° first: convolution in place of cross-correlation.

    Raises
    ------
    TypeError, ValueError
        If the ranks differ, a value is not finite, no window fits, it is too large to draw, or
        there is no such step.
    """

    x: np.ndarray
    kernel: np.ndarray
    step: int = 0
    stride: int | tuple = 1
    padding: int | tuple = 0
    dilation: int | tuple = 1
    flip: bool = False

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

    @property
    def kernel_size(self):
        """Rows and columns of the kernel."""
        return np.atleast_2d(self.kernel).shape

    def pair(self, name):
        """Return a setting for rows and columns; a 1-D array is one row."""
        values = per_axis(name, getattr(self, name), self.x.ndim)
        return values if self.x.ndim == 2 else (int(name != "padding"), *values)

    @cached_property
    def output(self):
        """All outputs, as a matrix."""
        settings = {name: self.pair(name) for name in ("stride", "padding", "dilation")}
        return conv2d(self.maps[None, None], self.applied[None, None], **settings)[0, 0]

    @each_step
    def products(self):
        """Inputs under the window times kernel, element by element."""
        return self.covered * self.applied

    def _terms(self):
        """What is summed in this step, weights of 0 left out; how the sum starts and ends."""
        row, column = self.position
        place = f"{row},{column}" if self.x.ndim == 2 else f"{column}"
        pairs = zip(self.covered.flat, self.applied.flat, strict=True)
        terms = [f"{format_factor(a)}·{format_factor(b)}" for a, b in pairs if b != 0] or ["0"]
        more = f" + … ({len(terms)} terms)" if len(terms) > TERMS else ""
        value = format_number(self.products.sum(), 4)
        return f"y[{place}] = ", terms[:TERMS], f"{more} = {value}"

    @property
    def formula(self):
        """The sum of this step with its numbers put in."""
        start, terms, end = self._terms()
        return start + " + ".join(terms) + end

    @property
    def formula_lines(self):
        """The formula in lines that fit into the picture, as many at every step."""
        start, terms, end = self._terms()
        arrays = self.padded, self.applied
        longest = sum(max(len(format_factor(v)) for v in array.flat) for array in arrays)
        room = LINE - len("y[10,10] = ") - len(f"{end.partition(' = ')[0]} = −1.234e−05")
        each = max(1, room // (longest + len("· + ")))
        groups = [" + ".join(terms[k : k + each]) for k in range(0, len(terms), each)]
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
        return f"{head}: {self.where} of the output. {self.formula}."

    def picture(self):
        """Draw the window over its input, the products and the output so far."""
        body = _row if self.x.ndim == 1 else _image
        return page(
            step_line(self, f"{self.where} of the output"),
            fit(lambda cell: body(self, cell), range(44, 5, -1), height=560),
            formula(*self.formula_lines),
            description=self.description,
        )


def _values(window):
    """All numbers of the picture but the weights: they share one scale of tints."""
    return np.concatenate([window.padded.ravel(), window.output.ravel()])


def _grids(window, cell, inner):
    """The grids of both forms: input, kernel as given and as laid down, products, output."""
    values = np.concatenate([window.padded.ravel(), window.output.ravel()])
    scale = {"largest": np.abs(values).max() or 1}  # of all numbers but the weights
    possible = np.outer(np.unique(window.padded), np.unique(window.applied))
    weights = {"cell": inner, "role": "kernel", "like": window.kernel}
    products = {"cell": inner, "role": "output", "like": possible, **scale}
    frame = Frame(*window.position, role="output")
    grids = {
        "input": cells(
            window.padded, cell=cell, muted=window.outside, frames=_frames(window), **scale
        ),
        "given": cells(window.kernel, **weights),
        "kernel": _lay(window, window.applied, **weights),
        "products": _lay(window, window.products, **products),
        "output": cells(
            window.output, cell=cell, role="output", shown=window.done, frames=[frame], **scale
        ),
    }
    return {name: named(name, grid) for name, grid in grids.items()}


def _frames(window):
    """Frame the window; with gaps between its entries, frame each entry too."""
    (row, column), (down, across) = window.corner, window.pair("dilation")
    gaps, places = window.extent != window.kernel_size, np.ndindex(window.kernel_size)
    each = [Frame(row + i * down, column + j * across, stroke_width=2) for i, j in places]
    return [*(each if gaps else ()), Frame(row, column, *window.extent, dashed=gaps)]


def _lay(window, values, *, cell, **style):
    """The cells of the kernel; along a row, below the inputs that they are laid on."""
    if window.x.ndim == 2:
        return cells(values, cell=cell, **style)
    gap = (window.pair("dilation")[1] - 1) * cell
    each = row(*(cells(value, cell=cell, **style) for value in values.T), gap=gap)
    return row(space(window.corner[1] * cell), each, gap=0)


def _captions(window):
    """Titles, captions and colours of the grids."""
    down, across = window.pair("padding")
    zeros = f"dashed: padding {down} × {across} of zeros" if down + across else "no padding"
    flipped = "flipped" if window.flip else "not flipped"
    kernel = f"kernel {times(window.kernel.shape)}"
    shape = window.output_shape[-window.x.ndim :]
    return {
        "input": (f"input {times(window.x.shape)}", zeros, "input"),
        "given": (kernel, "as given", "kernel"),
        "kernel": (kernel if window.x.ndim == 2 else "laid down", flipped, "kernel"),
        "rotated": ("rotated", "by 180°", "kernel"),
        "products": ("window × kernel", "element by element", "muted"),
        "output": (f"output {times(shape)}", window.size_formula, "output"),
    }


def _image(window, cell):
    inner = max(cell, min(38, 150 // window.kernel_size[1]))
    grids, words = _grids(window, cell, inner), _captions(window)

    def block(name, grid):
        title, caption, role = words[name]
        return panel(title, caption, grids[grid], role)

    kernel = block("kernel", "kernel")
    if window.flip:
        pair = block("given", "given"), arrow(), block("rotated", "kernel")
        kernel = row(*pair, gap=10, align=0.5)
    value = result("sum of the products", window.output[window.position], width=170)
    return spread(
        sized(block("input", "input"), 170),
        column(kernel, block("products", "products"), gap=20, align=float(window.flip)),
        column(block("output", "output"), value, gap=16),
    )


def _row(window, cell):
    grids, words = _grids(window, cell, cell), _captions(window)
    rows = "input", "given", "kernel", "products", "output"
    each = (labelled(*words[name][:2], grids[name], words[name][2]) for name in rows)
    return sized(column(*each, gap=16), 190 + window.padded.shape[1] * cell)
