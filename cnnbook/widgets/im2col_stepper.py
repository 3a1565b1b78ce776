"""Step through im2col: a window becomes a column, a product, and an output at its place."""

from dataclasses import dataclass
from functools import cached_property

import ipywidgets as widgets
import numpy as np

from cnnbook.figures.im2col import Im2col, draw_im2col
from cnnbook.shapes import integer
from cnnbook.widgets.explorer import LABELS, Explorer, factory

EXAMPLE = np.array(
    [[[1, 2, 0, 3], [0, 1, 4, 1], [2, 0, 1, 2]], [[2, 0, 1, 1], [1, 3, 0, 2], [0, 1, 2, 0.0]]]
)
WEIGHT = np.array(
    [
        [[[1, 2, 0], [0, -1, 1], [1, 0, 1]], [[1, 0, 1], [-1, 1, 0], [0, 2, -1]]],
        [[[0, 1, 2], [1, 0, -1], [0, 1, 0]], [[2, -1, 0], [0, 1, 1], [1, 0, -2.0]]],
    ]
)
TALLEST = 18  # rows of the columns' matrix that a picture still holds legibly
WIDEST, TOGETHER = 20, 34  # its columns; its rows and columns together
MOST_CHANNELS = 3


@dataclass(frozen=True, eq=False)
class Im2colState:
    """A convolution or a pooling through im2col that can be drawn.

    Parameters
    ----------
    x : ndarray of shape (C_in, H, W) or (H, W)
    weight : ndarray of shape (C_out, C_in, kH, kW) or (kH, kW)
        A pooling takes the shape of its window from it.
    mode : {"convolution", "max", "average"}
    kernel_size : int, optional
        Take the first rows and columns of each kernel; all of them when not given.
    channels : int, optional
        Take the first input channels; all of them when not given.
    stride, padding, row, step
        As in `Im2col`. A `row` beyond the last one is taken for the last.
    """

    x: np.ndarray
    weight: np.ndarray
    mode: str = "convolution"
    kernel_size: int | None = None
    channels: int | None = None
    stride: int = 1
    padding: int = 0
    row: int = 0
    step: int = 0

    def __post_init__(self):
        for name, axes in (("x", 3), ("weight", 4)):
            array = np.asarray(getattr(self, name), dtype=float)
            if array.ndim == 2:  # one channel
                array = array.reshape(*(1,) * (axes - 2), *array.shape)
            if array.ndim != axes:
                raise ValueError(f"{name} has {array.ndim} axes, expected {axes}")
            object.__setattr__(self, name, array)
        if self.weight.shape[1] != len(self.x):
            raise ValueError(f"x has {len(self.x)} channels, weight expects {self.weight.shape[1]}")
        for name, most in (("kernel_size", min(self.weight.shape[2:])), ("channels", len(self.x))):
            value = getattr(self, name)
            if value is not None and not 1 <= integer(name, value) <= most:
                raise ValueError(f"{name} is {value}, expected 1 to {most}")
        object.__setattr__(self, "row", min(self.row, self.bounds["row"][1]))
        self._check_size()

    def _check_size(self):
        tall, wide = self.lowered.columns.shape
        if tall > TALLEST:
            raise ValueError(f"{tall} numbers in a window, the picture holds at most {TALLEST}")
        if wide > WIDEST:
            raise ValueError(f"{wide} windows, the picture holds at most {WIDEST}")
        if tall + wide > TOGETHER:
            raise ValueError(
                f"the columns make a matrix of {tall} × {wide}, the picture holds at most "
                f"{TOGETHER} rows and columns together"
            )
        for name, count in (("input", len(self.used_x)), ("output", self.lowered.rows)):
            if count > MOST_CHANNELS:
                raise ValueError(
                    f"{count} {name} channels, the picture holds at most {MOST_CHANNELS}"
                )

    @property
    def used_x(self):
        """The input channels that take part."""
        return self.x[: self.channels]

    @property
    def used_weight(self):
        """The part of the weight that takes part."""
        return self.weight[:, : self.channels, : self.kernel_size, : self.kernel_size]

    @property
    def bounds(self):
        """First and last output channel."""
        rows = len(self.weight) if self.mode == "convolution" else len(self.used_x)
        return {"row": (0, rows - 1)}

    @cached_property
    def lowered(self):
        """The convolution or pooling as one operation on the matrix of windows."""
        weight = self.used_weight
        how = {"kernel_size": weight.shape[2:], "mode": self.mode}
        if self.mode == "convolution":
            how["weight"] = weight
        return Im2col(
            self.used_x, stride=self.stride, padding=self.padding, row=self.row, step=self.step,
            **how,
        )  # fmt: skip

    @property
    def steps(self):
        """Number of windows."""
        return self.lowered.steps

    def picture(self):
        """Draw the step."""
        return draw_im2col(self.lowered)


@factory
def im2col_stepper(
    x=EXAMPLE, weight=WEIGHT, *, mode="convolution", kernel_size=None, stride=1, padding=0, row=0,
    step=0,
):  # fmt: skip
    """Open a stepper for a convolution or a pooling that is computed through im2col.

    Parameters
    ----------
    x : ndarray of shape (C_in, H, W) or (H, W)
        At most 3 channels.
    weight : ndarray of shape (C_out, C_in, kH, kW) or (kH, kW)
        At most 3 output channels and 18 numbers in a kernel. A pooling uses its window only.
    mode : {"convolution", "max", "average"}
    kernel_size : int, optional
        Where to start with the control "kernel", which takes the first rows and columns of each
        kernel: 2 for the example's weight, else all, unless given.
    stride, padding, row, step : int
        Where to start; the controls change them. `row` is an output channel.

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If shapes do not agree, no window fits, or the arrays are too large for the picture.
    """
    if weight is WEIGHT and kernel_size is None:
        kernel_size = 2
    state = Im2colState(x, weight, mode, kernel_size, None, stride, padding, row, step)
    readers = {"kernel_size": lambda value: value or None, "channels": lambda value: value}
    return Explorer(state, _controls(state), readers)


def _controls(state):
    small = widgets.Layout(width="110px")
    rows, columns = state.weight.shape[2:]
    sizes = [(f"{k} × {k}", k) for k in range(1, min(rows, columns) + 1)]
    if rows != columns:
        sizes.append((f"{rows} × {columns}", 0))  # a menu cannot hold None
    whole = rows if rows == columns else 0
    modes = [("convolution", "convolution"), ("max pooling", "max"), ("average pooling", "average")]
    menus = {
        "mode": ("operation", modes, state.mode, "230px"),
        "kernel_size": ("kernel", sizes, state.kernel_size or whole, "130px"),
        "channels": ("input channels", range(1, len(state.x) + 1), len(state.x), "160px"),
    }
    controls = {
        name: widgets.Dropdown(
            options=options, value=value, description=label, style=LABELS,
            layout=widgets.Layout(width=width),
        )
        for name, (label, options, value, width) in menus.items()
        if len(options) > 1
    }  # fmt: skip
    for name, least in (("stride", 1), ("padding", 0)):
        controls[name] = widgets.BoundedIntText(
            getattr(state, name), least, 4, description=name, style=LABELS, layout=small
        )
    controls["row"] = widgets.IntSlider(
        state.row, *state.bounds["row"], description="output channel", style=LABELS,
        layout=widgets.Layout(width="240px"),
    )  # fmt: skip
    return controls
