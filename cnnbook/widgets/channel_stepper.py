"""Step a bank of kernels over a stack of maps: products by channel, their sum, the outputs."""

import math
from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np

from cnnbook.figures.channels import Channels, draw_channels
from cnnbook.widgets.explorer import LABELS, Explorer, factory, parse_numbers, write_numbers

EXAMPLE = np.array(
    [
        [[1, 2, 0, 1, 3], [0, 1, 3, 2, 1], [2, 0, 1, 0, 2], [1, 3, 2, 1, 0]],
        [[0, 1, 1, 2, 0], [3, 0, 2, 1, 1], [1, 2, 0, 3, 0], [0, 1, 1, 0, 2]],
        [[2, 0, 1, 0, 1], [1, 1, 0, 2, 3], [0, 3, 1, 1, 0], [2, 0, 0, 1, 1.0]],
    ]
)
WEIGHT = np.array(
    [
        [
            [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
            [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
            [[-1, 0, 0], [0, 1, 0], [0, 0, 0]],
        ],
        [
            [[1, 0, 1], [0, 1, 0], [1, 0, 1]],
            [[-1, 0, 0], [0, 0, 0], [0, 0, 2]],
            [[1, -2, 1], [0, 0, 0], [0, 0, 0.0]],
        ],
    ]
)
BIAS = np.array([1, -2.0])
MAPS, ROWS, COLUMNS, KERNEL = 4, 24, 9, 5  # what a picture still holds legibly
WHOLE = -1  # stands for None in a menu, where None would mean that nothing is chosen


@dataclass(frozen=True, eq=False)
class ChannelState:
    """A convolution with channels that can be drawn.

    Parameters
    ----------
    x : ndarray of shape (C_in, H, W)
    weight : ndarray of shape (C_out, C_in, kH, kW)
        Always whole; `kernel_size` and `groups` say how much of it is used.
    bias : ndarray of shape (C_out,) or None
    step, stride, padding, activation, out_channel
        As in `Channels`.
    kernel_size : int, optional
        Use the first rows and columns of each kernel.
    groups : int
        Use only the kernels that join channels of the same group.
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
        if np.ndim(self.weight) != 4:
            raise ValueError(f"weight has {np.ndim(self.weight)} axes, expected 4")
        settings = (self.step, self.stride, self.padding, self.groups)
        used = Channels(self.x, self.used_weight, self.bias, *settings,
                        self.activation, self.out_channel)  # fmt: skip
        object.__setattr__(self, "channels", used)
        self._check_size()

    def _check_size(self):
        """Refuse what the picture cannot hold."""
        padded, outputs = self.channels.padded.shape, self.channels.sums.shape
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

    @property
    def used_weight(self):
        """The part of the weight that takes part, of shape (C_out, C_in // groups, kH, kW)."""
        weight, size = np.asarray(self.weight, dtype=float), self.kernel_size
        outs, ins = weight.shape[:2]
        if size is not None:
            if not 1 <= size <= min(weight.shape[2:]):
                least = min(weight.shape[2:])
                raise ValueError(f"kernel_size is {size}, the given kernels have 1 to {least}")
            weight = weight[:, :, :size, :size]
        if self.groups < 1 or math.gcd(outs, ins) % self.groups:
            raise ValueError(f"groups is {self.groups}, must divide {ins} inputs, {outs} outputs")
        part = ins // self.groups
        first = [out // (outs // self.groups) * part for out in range(outs)]
        return np.stack([weight[out, f : f + part] for out, f in enumerate(first)])

    @property
    def steps(self):
        """Number of positions, in one output map or in all of them."""
        return self.channels.steps

    def picture(self):
        """Draw the step."""
        return draw_channels(self.channels)


@factory
def channel_stepper(
    x=EXAMPLE, weight=WEIGHT, bias=BIAS, *, step=0, stride=1, padding=0, groups=1,
    activation="none",
):  # fmt: skip
    """Open a stepper for a convolution with several input and output channels.

    Parameters
    ----------
    x : ndarray of shape (C_in, H, W)
        At most 4 channels, 9 columns and 24 rows in all maps together, padding included.
    weight : ndarray of shape (C_out, C_in, kH, kW)
        At most 4 output channels, kernels of at most 5 × 5. The control "kernel" takes the first
        rows and columns of each kernel. With `groups` above 1, only the kernels that join
        channels of the same group are used.
    bias : ndarray of shape (C_out,) or None
        The example's for the example's weight, none for another weight, unless given.
    step, stride, padding, groups : int
        Where to start; the controls change them.
    activation : {"none", "relu"}

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If shapes do not agree, no window fits, or the arrays are too large for the picture.
    """
    bias = None if bias is BIAS and weight is not WEIGHT else bias
    state = ChannelState(x, weight, bias, step, stride, padding, None, groups, activation)
    controls = _controls(state)

    def read(text):
        return np.array(parse_numbers(text), ndmin=1) if text.strip() else None

    def choose(value):
        return None if value == WHOLE else value

    return Explorer(state, controls, {"bias": read, "kernel_size": choose, "out_channel": choose})


def _controls(state):
    outs, ins, rows, columns = state.weight.shape
    sizes = [(f"{k} × {k}", k) for k in range(1, min(rows, columns) + 1)]
    if rows == columns:
        sizes.pop()
    sizes.append((f"{rows} × {columns}", WHOLE))
    divisors = [g for g in range(1, ins + 1) if math.gcd(ins, outs) % g == 0]
    channels = [("all in turn", WHOLE), *((str(channel), channel) for channel in range(outs))]
    given = {"activation": state.activation, "groups": state.groups}
    menus = {
        "out_channel": ("output channel", channels, "195px"),
        "kernel_size": ("kernel", sizes, "130px"),
        "activation": ("activation", [("none", "none"), ("ReLU", "relu")], "140px"),
        "groups": ("groups", divisors, "110px"),
    }
    controls = {
        name: widgets.Dropdown(
            options=options, value=given.get(name, WHOLE), description=label, style=LABELS,
            layout=widgets.Layout(width=width),
        )
        for name, (label, options, width) in menus.items()
        if len(options) > 1
    }  # fmt: skip
    for name, least in (("stride", 1), ("padding", 0)):
        controls[name] = widgets.BoundedIntText(
            getattr(state, name), least, 4, description=name, style=LABELS,
            layout=widgets.Layout(width="110px"),
        )  # fmt: skip
    controls["bias"] = widgets.Text(
        "" if state.bias is None else write_numbers(np.asarray(state.bias)), description="bias",
        continuous_update=False, style=LABELS, layout=widgets.Layout(width="130px"),
        tooltip="one number an output channel; empty for none; Enter applies",
    )  # fmt: skip
    return controls
