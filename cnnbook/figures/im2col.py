"""Windows copied to the columns of a matrix, at one of its columns: the arithmetic."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import format_factor, format_number
from cnnbook.figures.im2col_drawing import draw_im2col
from cnnbook.figures.stepping import OverOutputs
from cnnbook.ops import unfold
from cnnbook.shapes import output_size, per_axis, pool_output_size

__all__ = ["Im2col", "draw_im2col"]

MODES = ("convolution", "max", "average")
LINE = 112  # characters of a formula that fit beside each other


@dataclass(frozen=True, eq=False)
class Im2col(OverOutputs):
    """A convolution or a pooling as one operation on the matrix of windows, at one column.

    Parameters
    ----------
    x : ndarray of shape (C_in, H, W) or (H, W)
    weight : ndarray of shape (C_out, C_in, kH, kW) or (kH, kW), optional
        Needed by a convolution only.
    kernel_size : int or tuple of int, optional
        Needed by a pooling only; a convolution takes it from `weight`.
    mode : {"convolution", "max", "average"}
        A pooling counts padding as in `torch.nn.functional`: −∞ for the maximum, 0 for the mean.
    stride, padding : int or tuple of int
    row : int
        Row of the product that is worked out: an output channel.
    step : int
        Column that is worked out: a window, counted row by row from 0.

    Raises
    ------
    TypeError, ValueError
        If shapes do not agree, no window fits, or there is no such row, step or mode.

    References
    ----------
    Chapter 6. Chellapilla, Puri & Simard (2006), section 3.
    """

    x: np.ndarray
    weight: np.ndarray | None = None
    kernel_size: int | tuple | None = None
    mode: str = "convolution"
    stride: int | tuple = 1
    padding: int | tuple = 0
    row: int = 0
    step: int = 0

    def __post_init__(self):
        if self.mode not in MODES:
            raise ValueError(f"mode is {self.mode!r}, expected one of {MODES}")
        x = np.asarray(self.x, dtype=float)
        object.__setattr__(self, "x", self._checked("x", x[None] if x.ndim == 2 else x, 3))
        if self.mode == "convolution":
            self._check_weight()
        elif self.kernel_size is None:
            raise ValueError("kernel_size is None, a pooling needs one")
        for name, count in (("row", self.rows), ("step", self.steps)):
            if not 0 <= getattr(self, name) < count:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 to {count - 1}")

    @staticmethod
    def _checked(name, array, axes):
        if array.ndim != axes:
            raise ValueError(f"{name} has {array.ndim} axes, expected {axes}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds a value that is not finite")
        return array

    def _check_weight(self):
        if self.weight is None:
            raise ValueError("weight is None, a convolution needs one")
        weight = np.asarray(self.weight, dtype=float)
        weight = self._checked("weight", weight[None, None] if weight.ndim == 2 else weight, 4)
        object.__setattr__(self, "weight", weight)
        if self.kernel_size is not None and self.kernel != weight.shape[2:]:
            raise ValueError(f"kernel_size is {self.kernel}, weight has {weight.shape[2:]}")
        if weight.shape[1] != len(self.x):
            raise ValueError(f"x has {len(self.x)} channels, weight expects {weight.shape[1]}")

    @property
    def kernel(self):
        """Rows and columns of the window."""
        if self.kernel_size is None:
            return self.weight.shape[2:]
        return per_axis("kernel_size", self.kernel_size, 2, minimum=1)

    @cached_property
    def output_shape(self):
        """Rows and columns of each output map."""
        size = output_size if self.mode == "convolution" else pool_output_size
        return size(self.x.shape[1:], self.kernel, self.stride, self.padding)

    @property
    def rows(self):
        """Rows of the product: output channels."""
        return len(self.weight) if self.mode == "convolution" else len(self.x)

    @property
    def corner(self):
        """Row and column of the padded maps where the window starts."""
        strides = per_axis("stride", self.stride, 2)
        return tuple(p * s for p, s in zip(self.position, strides, strict=True))

    def _pad(self, maps, value):
        rows, columns = per_axis("padding", self.padding, 2, minimum=0)
        pads = ((0, 0), (rows, rows), (columns, columns))
        return np.pad(maps, pads, constant_values=value)

    @cached_property
    def padded(self):
        """The input maps with their padding."""
        return self._pad(self.x, -np.inf if self.mode == "max" else 0)

    @cached_property
    def outside(self):
        """Which entries of `padded` are padding."""
        return self._pad(np.zeros(self.x.shape, bool), True)

    @cached_property
    def columns(self):
        """The windows as columns, of shape (C_in * kH * kW, windows)."""
        return unfold(self.padded, self.kernel, stride=self.stride)

    @cached_property
    def columns_outside(self):
        """Which entries of `columns` are padding."""
        return unfold(self.outside.astype(int), self.kernel, stride=self.stride) == 1

    @cached_property
    def weight_matrix(self):
        """The weight as a matrix, one row an output channel; None for a pooling."""
        if self.mode == "convolution":
            return self.weight.reshape(len(self.weight), -1)
        return None

    @cached_property
    def product(self):
        """All outputs as a matrix, of shape (output channels, windows)."""
        if self.mode == "convolution":
            return self.weight_matrix @ self.columns
        blocks = self.columns.reshape(len(self.x), -1, self.steps)
        return blocks.max(axis=1) if self.mode == "max" else blocks.mean(axis=1)

    @property
    def output(self):
        """All outputs as maps, of shape (output channels, H_out, W_out)."""
        return self.product.reshape(-1, *self.output_shape)

    @property
    def block(self):
        """Rows of the column that the result reads: all, or those of one channel."""
        if self.mode == "convolution":
            return range(len(self.columns))
        size = len(self.columns) // len(self.x)
        return range(self.row * size, (self.row + 1) * size)

    @property
    def winner(self):
        """Row of the column that holds the maximum, the first of equals."""
        return self.block.start + int(self.columns[self.block, self.step].argmax())

    @property
    def value(self):
        """The output that this step works out, as text."""
        return format_number(self.product[self.row, self.step], 4)

    def _terms(self):
        """How the formula starts, what is put together, how it ends, what stands between."""
        values = self.columns[self.block, self.step]
        start, end = f"Y[{self.row},{self.step}] = ", f" = {self.value}"
        if self.mode == "max":
            return f"{start}max(", [format_number(v) for v in values], f"){end}", ", "
        if self.mode == "average":
            return f"{start}(", [format_factor(v) for v in values], f") / {values.size}{end}", " + "
        pairs = zip(self.weight_matrix[self.row], values, strict=True)
        terms = [f"{format_factor(w)}·{format_factor(v)}" for w, v in pairs]
        return start, terms, end, " + "

    @property
    def formula(self):
        """The output of this step with its numbers put in."""
        start, terms, end, between = self._terms()
        return start + between.join(terms) + end

    @property
    def formula_lines(self):
        """The formula in lines that fit into the picture, as many at every step."""
        start, terms, end, between = self._terms()
        longest = max(len(format_factor(v)) for v in self.padded.flat)
        if self.mode == "convolution":
            longest += 1 + max(len(format_factor(v)) for v in self.weight.flat)
        room = LINE - len("Y[10,10] = max(") - len(") / 10 = −1.234e−05")
        each = max(1, room // (longest + len(between)))
        groups = [between.join(terms[k : k + each]) for k in range(0, len(terms), each)]
        text = start + f"{between.rstrip()}\n{' ' * len(start)}".join(groups) + end
        return text.split("\n")

    @property
    def place_formula(self):
        """Where the column's result lies in the output map, with the numbers put in."""
        (i, j), width = self.position, self.output_shape[1]
        return f"column {self.step} = {i}·{width} + {j}, so y[{self.row},{i},{j}] = {self.value}"

    @property
    def count_words(self):
        """The size of the matrix beside that of the input."""
        tall, wide = self.columns.shape
        return f"{tall} × {wide} = {tall * wide} numbers; the input has {self.x.size}"

    @property
    def description(self):
        """The step in words and numbers."""
        (i, j), names = self.position, {"max": "max pooling", "average": "average pooling"}
        return (
            f"Step {self.step + 1} of {self.steps}, {names.get(self.mode, self.mode)}: the window "
            f"at row {i}, column {j} becomes column {self.step}. {self.formula}. "
            f"{self.place_formula[0].upper()}{self.place_formula[1:]}. "
            f"Columns: {self.count_words}."
        )
