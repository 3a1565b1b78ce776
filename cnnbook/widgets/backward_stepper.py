"""Step over outputs and see which inputs and weights the gradient of each one reaches."""

from dataclasses import dataclass
from functools import cached_property

import ipywidgets as widgets
import numpy as np

from cnnbook.figures.backward import MODES, BackwardStep, draw_backward
from cnnbook.shapes import output_size, pool_output_size
from cnnbook.widgets.explorer import LABELS, Explorer, factory, parse_numbers, write_numbers

EXAMPLE = np.array(
    [[1, 2, 0, 1, 3], [0, 1, 3, 2, 1], [2, 0, 1, 0, 2], [1, 3, 2, 1, 0], [0, 1, 2, 3, 1.0]]
)
KERNEL = np.array([[1, 2, 0], [0, -1, 1], [2, 0, 1.0]])
UPSTREAM = np.array([[1, -1, 2], [0, 2, 1], [-2, 1, 3.0]])
LARGEST = 9  # rows or columns of the padded input that a picture still holds legibly


@dataclass(frozen=True, eq=False)
class BackwardState:
    """Settings of a layer on its way back; see `BackwardStep` for their meaning.

    Parameters
    ----------
    x : ndarray of shape (H, W)
    kernel : ndarray of shape (kH, kW)
        Weights, for a convolution.
    upstream : ndarray of shape (rows, columns)
        Gradient of the output: cut where the output is smaller, repeated where it is larger.
    mode : {"convolution", "max", "average"}
    kernel_size : int
        Of the window, for a pooling.
    stride, padding, dilation : int
        The dilation is that of a convolution.
    step : int

    Raises
    ------
    TypeError, ValueError
        As `BackwardStep`, and if the padded input is too large to draw.
    """

    x: np.ndarray
    kernel: np.ndarray
    upstream: np.ndarray
    mode: str = "convolution"
    kernel_size: int = 2
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    step: int = 0

    def __post_init__(self):
        for name in ("x", "kernel", "upstream"):
            array = np.asarray(getattr(self, name), dtype=float)
            if array.ndim != 2 or not array.size:
                raise ValueError(f"{name} has shape {array.shape}, expected rows and columns")
            object.__setattr__(self, name, array)
        if max(self.backward.padded.shape) > LARGEST:
            raise ValueError(
                "the padded input is {} × {}, ".format(*self.backward.padded.shape)
                + f"the picture holds at most {LARGEST} × {LARGEST}"
            )

    @cached_property
    def backward(self):
        """The layer, with an upstream gradient of the output's shape."""
        settings = self.stride, self.padding
        learns = self.mode == "convolution"
        if learns:
            settings = *settings, self.dilation
            shape = output_size(self.x.shape, self.kernel.shape, *settings)
        else:
            shape = pool_output_size(self.x.shape, self.kernel_size, *settings)
        kernel = self.kernel if learns else self.kernel_size
        rows, columns = (np.arange(n) % m for n, m in zip(shape, self.upstream.shape, strict=True))
        grad_out = self.upstream[np.ix_(rows, columns)]
        return BackwardStep(self.x, kernel, grad_out, self.mode, *settings, step=self.step)

    @property
    def steps(self):
        """Number of outputs."""
        return self.backward.steps

    def picture(self):
        """Draw the step."""
        return draw_backward(self.backward)


@factory
def backward_stepper(
    x=EXAMPLE,
    kernel=KERNEL,
    upstream=UPSTREAM,
    *,
    mode="convolution",
    kernel_size=2,
    stride=1,
    padding=0,
    dilation=1,
    step=0,
):
    """Open a stepper for the backward pass of a convolution or a pooling.

    Parameters
    ----------
    x : ndarray of shape (H, W)
        At most 9 along each axis, padding included.
    kernel : ndarray of shape (kH, kW)
        Weights, for a convolution.
    upstream : ndarray of shape (rows, columns)
        Gradient of the output: cut where the output is smaller, repeated where it is larger.
    mode : {"convolution", "max", "average"}
    kernel_size, stride, padding, dilation, step : int
        Where to start; the controls change them. `kernel_size` is that of a pooling, `dilation`
        that of a convolution.

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If the array is too large, a setting is out of range, or no window fits.
    """
    state = BackwardState(x, kernel, upstream, mode, kernel_size, stride, padding, dilation, step)

    def read(text):  # one typed row is a one-row matrix
        return np.array(parse_numbers(text), ndmin=2)

    view = Explorer(state, _controls(state), dict.fromkeys(("kernel", "upstream", "x"), read))
    view.controls["mode"].observe(lambda _: _disable_idle(view), "value")
    _disable_idle(view)
    return view


def _disable_idle(view):
    """Offer only what the mode has: a pooling has no weights, a convolution gives its own size."""
    learns = view.controls["mode"].value == "convolution"
    view.controls["kernel_size"].disabled = learns
    view.controls["kernel"].disabled = view.controls["dilation"].disabled = not learns


def _controls(state):
    layers = [(mode if mode == "convolution" else f"{mode} pooling", mode) for mode in MODES]
    small = widgets.Layout(width="140px")
    controls = {
        "mode": widgets.Dropdown(
            options=layers, value=state.mode, description="layer", style=LABELS,
            layout=widgets.Layout(width="220px"),
        )
    }  # fmt: skip
    for name, least, label in (
        ("kernel_size", 1, "pool size"), ("stride", 1, "stride"),
        ("padding", 0, "padding"), ("dilation", 1, "dilation"),
    ):  # fmt: skip
        controls[name] = widgets.BoundedIntText(
            getattr(state, name), least, 4, description=label, style=LABELS, layout=small
        )
    for name, label, width in (
        ("kernel", "kernel w", "260px"), ("upstream", "upstream g", "270px"),
        ("x", "input x", "480px"),
    ):  # fmt: skip
        controls[name] = widgets.Text(
            write_numbers(getattr(state, name)), description=label, continuous_update=False,
            style=LABELS, layout=widgets.Layout(width=width),
            tooltip="rows split by semicolons; Enter applies",
        )  # fmt: skip
    return controls
