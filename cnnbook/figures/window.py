"""One step of a sliding window: what it covers, the products, and the output so far."""

from dataclasses import dataclass

import numpy as np

from cnnbook.figures.cells import format_factor, format_number
from cnnbook.figures.stepping import OverOutputs
from cnnbook.figures.window_drawing import draw_window
from cnnbook.ops import conv2d
from cnnbook.shapes import effective_kernel_size, output_size, per_axis

__all__ = ["Window", "draw_window"]

TERMS = 12  # products written out; the rest are counted
LINE = 112  # characters of a formula that fit beside each other


@dataclass(frozen=True, eq=False)
class Window(OverOutputs):
    """A kernel at one of its positions over a 1-D or 2-D array.

    Parameters
    ----------
    x : ndarray of shape (H, W) or (W,)
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
        If the ranks differ, a value is not finite, no window fits, or there is no such step.

    References
    ----------
    Chapters 2 and 3.
    """

    x: np.ndarray
    kernel: np.ndarray
    step: int = 0
    stride: int | tuple = 1
    padding: int | tuple = 0
    dilation: int | tuple = 1
    flip: bool = False

    def __post_init__(self):
        for name in ("x", "kernel"):
            array = np.asarray(getattr(self, name), dtype=float)
            if array.ndim not in (1, 2):
                raise ValueError(f"{name} has {array.ndim} axes, expected 1 or 2")
            if not np.isfinite(array).all():
                raise ValueError(
                    f"{name} holds {array[~np.isfinite(array)][0]}, not a finite number"
                )
            object.__setattr__(self, name, array)
        if self.x.ndim != self.kernel.ndim:
            raise ValueError(f"x has {self.x.ndim} axes, kernel has {self.kernel.ndim}")
        if not 0 <= self.step < self.steps:
            raise ValueError(f"step is {self.step}, expected 0 to {self.steps - 1}")

    def pairs(self, name):
        """Return a setting for rows and columns; a 1-D array is one row."""
        values = per_axis(name, getattr(self, name), self.x.ndim)
        return values if self.x.ndim == 2 else (int(name != "padding"), *values)

    @property
    def output_shape(self):
        """Rows and columns of the output; one row for a 1-D array."""
        image, kernel = np.atleast_2d(self.x), np.atleast_2d(self.kernel)
        settings = [self.pairs(name) for name in ("stride", "padding", "dilation")]
        return output_size(image.shape, kernel.shape, *settings)

    @property
    def corner(self):
        """Row and column of the padded input where the window starts."""
        return tuple(p * s for p, s in zip(self.position, self.pairs("stride"), strict=True))

    @property
    def padded(self):
        """The input with its zeros, as a matrix."""
        rows, columns = self.pairs("padding")
        return np.pad(np.atleast_2d(self.x), ((rows, rows), (columns, columns)))

    @property
    def applied(self):
        """The kernel as it is laid on the input, as a matrix."""
        kernel = np.atleast_2d(self.kernel)
        return kernel[::-1, ::-1] if self.flip else kernel

    @property
    def covered(self):
        """The inputs under the window."""
        (row, column), (down, across) = self.corner, self.pairs("dilation")
        rows = row + down * np.arange(self.applied.shape[0])
        columns = column + across * np.arange(self.applied.shape[1])
        return self.padded[np.ix_(rows, columns)]

    @property
    def products(self):
        """Inputs under the window times kernel, element by element."""
        return self.covered * self.applied

    @property
    def output(self):
        """All outputs, as a matrix."""
        settings = {name: self.pairs(name) for name in ("stride", "padding", "dilation")}
        kernel = np.ascontiguousarray(self.applied)[None, None]
        return conv2d(np.atleast_2d(self.x)[None, None], kernel, **settings)[0, 0]

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
        longest = [max(len(format_factor(v)) for v in array.flat) for array in
                   (self.padded, self.applied)]  # fmt: skip
        room = LINE - len("y[10,10] = ") - len(f"{end.partition(' = ')[0]} = −1.234e−05")
        each = max(1, room // (sum(longest) + len("· + ")))
        groups = [" + ".join(terms[k : k + each]) for k in range(0, len(terms), each)]
        text = start + f" +\n{' ' * len(start)}".join(groups) + end
        return text.split("\n")

    @property
    def size_formula(self):
        """The output size with its numbers put in; where rows and columns differ, the columns'."""
        sizes = self.padded.shape[1] - 2 * self.pairs("padding")[1]
        extent = effective_kernel_size(self.applied.shape[1], self.pairs("dilation")[1])
        padding, stride = self.pairs("padding")[1], self.pairs("stride")[1]
        inside = f"{sizes} + 2·{padding} − {extent}"
        over = f"({inside}) / {stride}" if stride > 1 else inside
        axis = "columns: " if self.x.ndim == 2 and len(set(self.output_shape)) > 1 else ""
        return f"{axis}{f'⌊{over}⌋' if stride > 1 else over} + 1 = {self.output_shape[1]}"

    @property
    def description(self):
        """The step in words and numbers."""
        row, column = self.position
        where = f"row {row}, column {column}" if self.x.ndim == 2 else f"position {column}"
        return f"Step {self.step + 1} of {self.steps}: {where} of the output. {self.formula}."
