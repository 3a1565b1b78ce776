"""One step of a backward pass: where the gradient of one output goes, and what is summed so far."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.backward_drawing import draw_backward
from cnnbook.figures.cells import format_factor, format_number
from cnnbook.figures.stepping import OverOutputs
from cnnbook.shapes import output_size, per_axis, pool_output_size

__all__ = ["BackwardStep", "draw_backward"]

MODES = ("convolution", "max", "average")
TERMS = 9  # terms written out; the rest are counted


@dataclass(frozen=True, eq=False)
class BackwardStep(OverOutputs):
    """A convolution or a pooling on its way back, after the gradients of some outputs are sent.

    Parameters
    ----------
    x : ndarray of shape (H, W)
    kernel : ndarray of shape (kH, kW), or int or pair of int
        The weights of a convolution (not flipped), or the size of a pooling window.
    grad_out : ndarray of shape (H_out, W_out)
        Gradient with respect to the output.
    mode : {"convolution", "max", "average"}
    stride, padding, dilation : int or tuple of int
        As in `torch.nn.functional.conv2d` and its poolings; an average counts its padding, and
        only a convolution has a dilation other than 1.
    step : int
        Number of the output whose gradient is sent now, row by row, from 0.

    Raises
    ------
    TypeError, ValueError
        If a shape or a setting does not fit, a value is not finite, or there is no such step.

    References
    ----------
    Chapter 7.
    """

    x: np.ndarray
    kernel: np.ndarray | int | tuple
    grad_out: np.ndarray
    mode: str = "convolution"
    stride: int | tuple = 1
    padding: int | tuple = 0
    dilation: int | tuple = 1
    step: int = 0

    def __post_init__(self):
        if self.mode not in MODES:
            raise ValueError(f"mode is {self.mode!r}, expected one of {MODES}")
        for name in ("x", "grad_out", *["kernel"] * self.learns):
            array = np.asarray(getattr(self, name), dtype=float)
            if array.ndim != 2:
                raise ValueError(f"{name} has {array.ndim} axes, expected 2")
            if not np.isfinite(array).all():
                raise ValueError(f"{name} holds NaN or infinity")
            object.__setattr__(self, name, array)
        if not self.learns and self.pair("dilation") != (1, 1):
            raise ValueError(f"dilation is {self.dilation}, expected 1 for pooling")
        if self.grad_out.shape != self.output_shape:
            raise ValueError(
                "grad_out is {} × {}, ".format(*self.grad_out.shape)
                + "the output is {} × {}".format(*self.output_shape)
            )
        if not 0 <= self.step < self.steps:
            raise ValueError(f"step is {self.step}, expected 0 to {self.steps - 1}")

    @property
    def learns(self):
        """Whether there are weights that get a gradient."""
        return self.mode == "convolution"

    def pair(self, name):
        """Return a setting for rows and columns."""
        least = 0 if name == "padding" else 1
        return per_axis(name, getattr(self, name), 2, minimum=least)

    @cached_property
    def kernel_size(self):
        """Rows and columns of the kernel or of the pooling window."""
        return self.kernel.shape if self.learns else per_axis("kernel", self.kernel, 2, minimum=1)

    @cached_property
    def output_shape(self):
        """Rows and columns of the output."""
        settings = self.kernel_size, self.pair("stride"), self.pair("padding")
        if self.learns:
            return output_size(self.x.shape, *settings, self.pair("dilation"))
        return pool_output_size(self.x.shape, *settings)

    @cached_property
    def outside(self):
        """Mask of the padded input: where the padding is."""
        pads = [(p, p) for p in self.pair("padding")]
        return np.pad(np.zeros(self.x.shape, bool), pads, constant_values=True)

    @cached_property
    def padded(self):
        """The input with its padding: zeros, or −∞ under a maximum."""
        padded = np.full(self.outside.shape, -np.inf if self.mode == "max" else 0.0)
        padded[~self.outside] = self.x.ravel()
        return padded

    @cached_property
    def _windows(self):
        """The index of each output's inputs in the padded input."""
        offsets = [
            d * np.arange(k) for d, k in zip(self.pair("dilation"), self.kernel_size, strict=True)
        ]
        down, across = self.pair("stride")
        places = np.ndindex(self.output_shape)
        return [np.ix_(i * down + offsets[0], j * across + offsets[1]) for i, j in places]

    def window(self, step):
        """Return the index of the padded inputs that an output is made of."""
        return self._windows[step]

    def slopes(self, step):
        """Return how much an output grows with each of its inputs, as a matrix of the window."""
        if self.learns:
            return self.kernel
        size = self.kernel_size
        if self.mode == "average":
            return np.full(size, 1 / np.prod(size))
        covered = self.padded[self.window(step)]
        return (np.arange(covered.size) == covered.argmax()).astype(float).reshape(size)

    @cached_property
    def output(self):
        """All outputs."""
        reduce = {"max": np.max, "average": np.mean}.get(self.mode)
        covered = [self.padded[self.window(step)] for step in range(self.steps)]
        values = [reduce(c) if reduce else (c * self.kernel).sum() for c in covered]
        return np.reshape(values, self.output_shape)

    def added(self, step):
        """Return what a step adds to grad_x in its window, and to grad_w."""
        g = self.grad_out.flat[step]
        return g * self.slopes(step), g * self.padded[self.window(step)] if self.learns else None

    @cached_property
    def history(self):
        """grad_x with its padding, and grad_w, after each step; the latter None if none learns."""
        grad_x = np.zeros((self.steps, *self.padded.shape))
        for step in range(self.steps):
            grad_x[(step, *self.window(step))] += self.added(step)[0]
        if not self.learns:
            return grad_x.cumsum(0), None
        grad_w = [self.added(step)[1] for step in range(self.steps)]
        return grad_x.cumsum(0), np.cumsum(grad_w, 0)

    @property
    def grad_padded(self):
        """grad_x so far, with what falls on the padding."""
        return self.history[0][self.step]

    @property
    def grad_x(self):
        """Gradient with respect to the input, so far."""
        return self.grad_padded[~self.outside].reshape(self.x.shape)

    @property
    def grad_w(self):
        """Gradient with respect to the weights, so far; None for pooling."""
        return self.history[1][self.step] if self.learns else None

    @cached_property
    def touches(self):
        """Steps that send something to each padded input: a mask of (steps, rows, columns)."""
        mask = np.zeros((self.steps, *self.padded.shape), bool)
        for step in range(self.steps):
            mask[(step, *self.window(step))] = self.mode != "max" or self.slopes(step) > 0
        return mask

    @cached_property
    def example(self):
        """Row and column, in the padded input, of the input whose sum is written out.

        The one of this step's that has been reached most often; None if all lie in the padding.
        """
        so_far = self.touches[: self.step + 1].sum(0) * self.touches[self.step] * ~self.outside
        return np.unravel_index(so_far.argmax(), so_far.shape) if so_far.any() else None

    def _sum(self, place, terms, total, value, unit):
        """Write a sum so far, and how many of its terms are there."""
        shown, result = " + ".join(terms[-TERMS:]), format_number(value, 4)
        if shown != format_factor(value, 4):  # else one term that is the sum
            dots = "… + " if len(terms) > TERMS else ""
            result = f"{dots}{shown} = {result}"
        return f"{place} = {result}", f"{len(terms)} of {total} {unit}"

    @property
    def input_sum(self):
        """The sum of one input's gradient so far with its numbers, and its share of all terms."""
        if self.example is None:
            return "all of it falls on the padding and is dropped", ""
        row, column = self.example
        steps = np.flatnonzero(self.touches[:, row, column])
        terms = []
        for step in steps[steps <= self.step]:
            g, (rows, columns) = self.grad_out.flat[step], self.window(step)
            at = np.flatnonzero(rows == row)[0], np.flatnonzero(columns == column)[0]
            terms.append(self.term(g, self.slopes(step)[at]))
        down, across = self.pair("padding")
        return self._sum(
            f"grad_x[{row - down},{column - across}]", terms, len(steps),
            self.grad_padded[row, column], "windows",
        )  # fmt: skip

    @property
    def weight_sum(self):
        """The sum of the first weight's gradient so far with its numbers, and its share."""
        terms = [
            self.term(self.grad_out.flat[step], self.padded[self.window(step)][0, 0])
            for step in range(self.step + 1)
        ]
        return self._sum("grad_w[0,0]", terms, self.steps, self.grad_w[0, 0], "positions")

    def term(self, g, slope):
        """Write what a gradient sends along one connection: ``2·(−1)``, ``2`` or ``2/4``."""
        if self.learns:
            return f"{format_factor(g)}·{format_factor(slope)}"
        if self.mode == "max":
            return format_factor(g)
        return f"{format_factor(g)}/{np.prod(self.kernel_size)}"

    def write(self, value):
        """Write a gradient so far: of an average as a fraction of its window's size, ``-6/9``."""
        size = int(np.prod(self.kernel_size))
        parts = value * size
        if self.mode != "average" or not parts or abs(parts - round(parts)) > 1e-9:
            return format_number(value)
        return f"{format_number(parts)}/{size}" if size > 1 else format_number(parts)

    def short_term(self, g, slope):
        """Write a term as `term` does, but with one sign for all: ``−2·1``."""
        sign = "−" if g * slope < 0 else "+"
        return sign + self.term(abs(g), abs(slope))

    @property
    def rule(self):
        """What happens to the gradient of this step, in words and numbers."""
        place = "g[{},{}] = ".format(*self.position)
        g = place + format_number(self.grad_out[self.position])
        covered = self.padded[self.window(self.step)]
        if self.learns:
            return (
                f"{g} reaches each input under the window, times its weight, "
                "and each weight, times its input"
            )
        if self.mode == "average":
            return f"{g} is spread over {covered.size} inputs: each gets 1/{covered.size} of it"
        winner = np.argwhere(self.touches[self.step])[0] - self.pair("padding")
        equals = int((covered == covered.max()).sum())
        text = f"{g} goes to the maximum {format_number(covered.max())}"
        text += " in row {}, column {}".format(*winner)
        return f"{text}, the first of {equals} equals" if equals > 1 else text

    @property
    def description(self):
        """The step in words and numbers."""
        text = f"Backward step {self.step + 1} of {self.steps}: {self.rule}. "
        sums = [self.input_sum] + ([self.weight_sum] if self.learns else [])
        return text + " ".join(
            f"{line} ({share})." if share else f"{line}." for line, share in sums
        )
