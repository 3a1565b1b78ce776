"""Step a bank of kernels over a stack of maps: products by channel, their sum, the outputs."""

import math
from functools import cached_property

import numpy as np

from cnnbook.figures.channels import BIAS, EXAMPLE, WEIGHT, Channels
from cnnbook.figures.state import State, state
from cnnbook.widgets.explorer import choice, explore, factory, numbers, whole

WHOLE = -1  # in a menu, where None would mean that nothing is chosen


@state
class ChannelState(State):
    """A convolution with channels that uses a part of its weight.

    Parameters
    ----------
    x : ndarray of shape (C_in, H, W)
    weight : ndarray of shape (C_out, C_in, kH, kW)
        Always whole; `kernel_size` and `groups` say how much of it is used.
    bias : ndarray of shape (C_out,) or None
    step, stride, padding, activation : int or str
        As in `Channels`.
    kernel_size : int
        Use the first rows and columns of each kernel; all of them where it is -1.
    groups : int
        Use only the kernels that join channels of the same group.
    out_channel : int
        Step through this output map only; through all of them where it is -1.
    """

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray | None = None
    step: int = 0
    stride: int = 1
    padding: int = 0
    kernel_size: int = WHOLE
    groups: int = 1
    activation: str = "none"
    out_channel: int = WHOLE

    def __post_init__(self):
        self._array("weight", 4)
        self._within("step", self.steps)

    @property
    def used_weight(self):
        """The part of the weight that takes part, of shape (C_out, C_in // groups, kH, kW)."""
        weight, size = self.weight, self.kernel_size
        outs, ins, *most = weight.shape
        if size != WHOLE:
            if not 1 <= size <= min(most):
                raise ValueError(f"kernel_size is {size}, the given kernels have 1 to {min(most)}")
            weight = weight[:, :, :size, :size]
        if self.groups < 1 or math.gcd(outs, ins) % self.groups:
            raise ValueError(f"groups is {self.groups}, must divide {ins} inputs, {outs} outputs")
        part = ins // self.groups
        first = [out // (outs // self.groups) * part for out in range(outs)]
        return np.stack([weight[out, f : f + part] for out, f in enumerate(first)])

    @cached_property
    def first(self):
        """The first step."""
        settings = {name: getattr(self, name) for name in ("stride", "padding", "groups")}
        one = None if self.out_channel == WHOLE else self.out_channel
        look = {"activation": self.activation, "out_channel": one}
        return Channels(self.x, self.used_weight, self.bias, **settings, **look)

    @property
    def channels(self):
        """The convolution at this step."""
        return self.first.at(self.step)

    @property
    def steps(self):
        """Number of positions, in one output map or in all of them."""
        return self.first.steps

    def picture(self):
        """Draw the step."""
        return self.channels.picture()


@factory
def channel_stepper(x=EXAMPLE, weight=WEIGHT, bias=BIAS, **settings):
    """Open a stepper for several input and output channels; `settings` as in `ChannelState`.

    The bias is the example's for the example's weight, none for another weight, unless given.
    """
    bias = None if bias is BIAS and weight is not WEIGHT else bias
    state = ChannelState(x, weight, bias, **settings)
    outs, ins, rows, columns = state.weight.shape
    sizes = {f"{k} × {k}": k for k in range(1, min(rows, columns) + 1)}
    sizes[f"{rows} × {columns}"] = WHOLE
    divisors = [g for g in range(1, ins + 1) if math.gcd(ins, outs) % g == 0]
    one = {"all in turn": WHOLE, **{str(channel): channel for channel in range(outs)}}
    controls = {
        "out_channel": choice(one, "output channel", width="195px"),
        "kernel_size": choice(sizes, "kernel", width="130px"),
        "activation": choice({"none": "none", "ReLU": "relu"}, width="140px"),
        "groups": choice(divisors, width="110px"),
    }
    for name, options in (("kernel_size", sizes), ("groups", divisors)):
        if len(options) == 1:
            del controls[name]
    return explore(
        state,
        **controls,
        stride=whole(1, 4, width="110px"),
        padding=whole(0, 4, width="110px"),
        bias=numbers(width="130px", empty=True),
    )
