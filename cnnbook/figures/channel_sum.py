"""The arithmetic of a convolution with channels at one position: products, sums, counts."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import format_factor, format_number, indexed
from cnnbook.ops import conv2d
from cnnbook.shapes import conv_macs, conv_parameters, per_axis

TERMS = 9  # products written out for each channel; the rest are counted
ACTIVATIONS = ("none", "relu")


@dataclass(frozen=True, eq=False)
class Channels:
    """A bank of kernels at one of its positions over a stack of maps.

    Parameters
    ----------
    x : ndarray of shape (C_in, H, W)
    weight : ndarray of shape (C_out, C_in // groups, kH, kW)
    bias : ndarray of shape (C_out,), optional
        Without it there is nothing to add.
    step : int
        Number of the position, from 0: row by row, one output map after the other.
    stride, padding : int or tuple of int
        As in `torch.nn.functional.conv2d`; padding is zeros.
    groups : int
        Parts that the channels are split into; a part of the outputs sees its part of the inputs.
    activation : {"none", "relu"}
        What each sum goes through.
    out_channel : int, optional
        Step through this output map only, not through all of them.

    Raises
    ------
    TypeError, ValueError
        If shapes do not agree, no window fits, or there is no such step, channel or activation.

    References
    ----------
    Chapter 4.
    """

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray | None = None
    step: int = 0
    stride: int | tuple = 1
    padding: int | tuple = 0
    groups: int = 1
    activation: str = "none"
    out_channel: int | None = None

    def __post_init__(self):
        for name, axes in (("x", 3), ("weight", 4), ("bias", 1)):
            if getattr(self, name) is not None:
                array = np.asarray(getattr(self, name), dtype=float)
                if array.ndim != axes:
                    raise ValueError(f"{name} has {array.ndim} axes, expected {axes}")
                if not np.isfinite(array).all():
                    raise ValueError(f"{name} holds a value that is not finite")
                object.__setattr__(self, name, array)
        settings = {"stride": self.stride, "padding": self.padding, "groups": self.groups}
        object.__setattr__(self, "_sums", conv2d(self.x, self.weight, self.bias, **settings))
        if self.activation not in ACTIVATIONS:
            known = " or ".join(map(repr, ACTIVATIONS))
            raise ValueError(f"activation must be {known}, got {self.activation!r}")
        if self.out_channel is not None and not 0 <= self.out_channel < len(self.weight):
            raise ValueError(
                f"out_channel is {self.out_channel}, expected 0 to {len(self.weight) - 1}"
            )
        if not 0 <= self.step < self.steps:
            raise ValueError(f"step is {self.step}, expected 0 to {self.steps - 1}")

    @property
    def sums(self):
        """All sums with their bias, before the activation, of shape (C_out, H_out, W_out)."""
        return self._sums

    @property
    def output(self):
        """All outputs, after the activation, of shape (C_out, H_out, W_out)."""
        return np.maximum(self.sums, 0) if self.activation == "relu" else self.sums

    @property
    def steps(self):
        """Number of positions, in one output map or in all of them."""
        return self.sums.size if self.out_channel is None else self.sums[0].size

    @property
    def _number(self):
        """Number of this position among those of all output maps."""
        return self.step + (self.out_channel or 0) * self.sums[0].size

    @property
    def position(self):
        """Output channel, row and column that this step yields."""
        return tuple(map(int, np.unravel_index(self._number, self.sums.shape)))

    @property
    def done(self):
        """Which outputs are computed, as an array of bool."""
        return np.arange(self.sums.size).reshape(self.sums.shape) <= self._number

    @property
    def inputs(self):
        """The input channels that the current output channel sees."""
        part = self.position[0] // (len(self.weight) // self.groups)
        return range(part * self.weight.shape[1], (part + 1) * self.weight.shape[1])

    @cached_property
    def padded(self):
        """The input maps with their zeros."""
        rows, columns = per_axis("padding", self.padding, 2)
        return np.pad(self.x, ((0, 0), (rows, rows), (columns, columns)))

    @property
    def corner(self):
        """Row and column of the padded maps where the windows start."""
        strides = per_axis("stride", self.stride, 2)
        return tuple(p * s for p, s in zip(self.position[1:], strides, strict=True))

    @property
    def products(self):
        """Window times kernel, element by element, for each input channel that is seen."""
        (row, column), (rows, columns) = self.corner, self.weight.shape[2:]
        maps = self.padded[self.inputs.start : self.inputs.stop]
        return maps[:, row : row + rows, column : column + columns] * self.weight[self.position[0]]

    @property
    def partial_sums(self):
        """The sum of the products of each input channel that is seen."""
        return self.products.sum(axis=(1, 2))

    def channel_formula(self, index):
        """The partial sum of one input channel with its numbers put in."""
        (row, column), (rows, columns) = self.corner, self.weight.shape[2:]
        window = self.padded[index, row : row + rows, column : column + columns]
        kernel = self.weight[self.position[0], index - self.inputs.start]
        pairs = zip(window.flat, kernel.flat, strict=True)
        terms = [f"{format_factor(a)}·{format_factor(b)}" for a, b in pairs if b != 0] or ["0"]
        more = f" + … ({len(terms)} terms)" if len(terms) > TERMS else ""
        value = format_number(self.partial_sums[index - self.inputs.start], 4)
        return f"{indexed('s', index)} = {' + '.join(terms[:TERMS])}{more} = {value}"

    @property
    def formula(self):
        """The sum over the channels with its numbers put in."""
        place = self.position
        names = [indexed("s", index) for index in self.inputs]
        terms = list(self.partial_sums)
        if self.bias is not None:
            names.append(indexed("b", place[0]))
            terms.append(self.bias[place[0]])
        numbers = [format_number(terms[0], 4), *(format_factor(term, 4) for term in terms[1:])]
        where, value = ",".join(map(str, place)), format_number(self.sums[place], 4)
        text = f"y[{where}] = {' + '.join(names)} = {' + '.join(numbers)}"
        return f"{text} = {value}" if len(terms) > 1 else text

    @property
    def activation_formula(self):
        """What the activation makes of the sum; empty without one."""
        if self.activation == "none":
            return ""
        where = ",".join(map(str, self.position))
        before, after = self.sums[self.position], self.output[self.position]
        return f"a[{where}] = max(0, {format_number(before, 4)}) = {format_number(after, 4)}"

    @property
    def count_formula(self):
        """The number of parameters with the sizes put in."""
        (outs, seen, *kernel), groups = self.weight.shape, self.groups
        inputs, number = ("C_in", seen) if groups == 1 else ("C_in/g", f"({len(self.x)}/{groups})")
        letters, numbers = f"C_out·{inputs}·kH·kW", f"{outs}·{number}·{kernel[0]}·{kernel[1]}"
        if self.bias is not None:
            letters, numbers = f"{letters} + C_out", f"{numbers} + {outs}"
        count = conv_parameters(
            len(self.x), outs, tuple(kernel), groups=groups, bias=self.bias is not None
        )
        return f"{letters} = {numbers} = {count:,} parameters"

    @property
    def work_formula(self):
        """The number of multiply-adds, products with padded zeros included."""
        (outs, _, *kernel), size = self.weight.shape, self.sums.shape[1:]
        macs = conv_macs(len(self.x), outs, tuple(kernel), size, groups=self.groups)
        weights = macs // (size[0] * size[1])
        return f"{weights} weights · {size[0]}·{size[1]} positions = {macs:,} multiply-adds"

    @property
    def description(self):
        """The step in words and numbers."""
        channel, row, column = self.position
        parts = "; ".join(self.channel_formula(index) for index in self.inputs)
        formulas = (self.formula, self.activation_formula, self.count_formula)
        return (
            f"Step {self.step + 1} of {self.steps}: output channel {channel}, row {row}, "
            f"column {column}. {parts}. {'. '.join(filter(None, formulas))}."
        )
