"""Step a bank of kernels over a stack of maps: products by channel, their sum, the outputs."""

import math
from functools import cached_property

import numpy as np

from cnnbook.figures.channels import BIAS, EXAMPLE, WEIGHT, Channels
from cnnbook.figures.state import State, state
from cnnbook.widgets.explorer import choice, explore, factory, numbers, whole

MAPS, ROWS, COLUMNS, KERNEL = 4, 24, 9, 5  # what a picture still holds legibly


@state
class ChannelState(State):
    """`Channels` of a part of the weight, small enough to be drawn.

    Parameters
    ----------
    x, bias, step, stride, padding, activation, out_channel
        As in `Channels`.
    weight : ndarray of shape (C_out, C_in, kH, kW)
        Always whole; with `groups` above 1, only the kernels that join channels of one group are
        used.
    kernel_size : int, optional
        Use the first rows and columns of each kernel; all when not given.
    """

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray | None = None
    step: int = 0
    stride: int = 1
    padding: int = 0
    kernel_size: int | None = None
    groups: int = 1
    activation: str = "none"
    out_channel: int | None = None

    def __post_init__(self):
        self._array("weight", 4)
        padded, outputs = self.inner.padded.shape, self.inner.sums.shape
        for name, count, most in (
            ("input channels", padded[0], MAPS),
            ("output channels", outputs[0], MAPS),
            ("columns of the padded input", padded[2], COLUMNS),
            ("rows in all padded input maps", padded[0] * padded[1], ROWS),
            ("rows in all output maps", outputs[0] * outputs[1], ROWS),
            ("kernel rows or columns", max(self.used_weight.shape[2:]), KERNEL),
        ):
            if count > most:
                raise ValueError(f"{count} {name}, the picture holds at most {most}")

    @cached_property
    def used_weight(self):
        """The part of the weight that takes part, of shape (C_out, C_in // groups, kH, kW)."""
        outs, ins, *kernel = self.weight.shape
        size = kernel if self.kernel_size is None else [self.kernel_size] * 2
        if not 1 <= max(size) <= max(kernel) or min(size) > min(kernel):
            raise ValueError(f"kernel_size is {size[0]}, the given kernels have 1 to {min(kernel)}")
        if self.groups < 1 or math.gcd(outs, ins) % self.groups:
            raise ValueError(f"groups is {self.groups}, must divide {ins} inputs, {outs} outputs")
        part = ins // self.groups
        first = [out // (outs // self.groups) * part for out in range(outs)]
        kernels = [self.weight[out, f : f + part] for out, f in enumerate(first)]
        return np.stack(kernels)[:, :, : size[0], : size[1]]

    @cached_property
    def _first(self):
        settings = self.stride, self.padding, self.groups, self.activation, self.out_channel
        return Channels(self.x, self.used_weight, self.bias, 0, *settings)

    @property
    def inner(self):
        """The arithmetic and the picture at this step."""
        return self._first.at(self.step)

    @property
    def steps(self):
        """Number of positions, in one output map or in all of them."""
        return self._first.steps

    def picture(self):
        """Draw the step."""
        return self.inner.picture()


@factory
def channel_stepper(x=EXAMPLE, weight=WEIGHT, bias=BIAS, **settings):
    """Open a stepper for a convolution with several input and output channels.

    The maps have at most 4 channels, 9 columns and 24 rows together, padding included; kernels at
    most 5 × 5. Another weight than the example's has no bias unless given; `settings` are `step`,
    `stride`, `padding`, `groups` and `activation` of `Channels`.
    """
    bias = None if bias is BIAS and weight is not WEIGHT else bias
    state = ChannelState(x, weight, bias, **settings)
    outs, ins, rows, columns = state.weight.shape
    sizes = {f"{k} × {k}": k for k in range(1, min(rows, columns) + 1)}
    whole_kernel = f"{rows} × {columns}"
    sizes = {name: k for name, k in sizes.items() if name != whole_kernel} | {whole_kernel: None}
    turns = {"all in turn": None, **{str(channel): channel for channel in range(outs)}}
    divisors = [g for g in range(1, ins + 1) if math.gcd(ins, outs) % g == 0]
    menus = {
        "out_channel": choice(turns, "output channel", width="195px"),
        "kernel_size": choice(sizes, "kernel", width="130px"),
        "activation": choice({"none": "none", "ReLU": "relu"}, width="140px"),
        "groups": choice(divisors, width="110px"),
    }
    for name, options in (("kernel_size", sizes), ("groups", divisors)):
        if len(options) == 1:
            del menus[name]
    return explore(
        state,
        more=("stride", "padding", "bias"),
        page={"activation": ..., "stride": (1, 2), "padding": (0, 1)},
        **menus,
        stride=whole(1, 4, width="110px"),
        padding=whole(0, 4, width="110px"),
        bias=numbers(width="130px", empty=True),
    )
