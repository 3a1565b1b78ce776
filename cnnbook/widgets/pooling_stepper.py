"""Step a pooling window over an array, shift the array, and see what the output keeps."""

from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np

from cnnbook.figures.pooling import Pooling, draw_pooling
from cnnbook.figures.pooling_window import DIRECTIONS
from cnnbook.widgets.explorer import LABELS, Explorer, factory, parse_numbers, write_numbers

EXAMPLE = np.array(
    [
        [1, 3, 0, 4, 3, 0],
        [2, 0, 3, 0, 5, 4],
        [4, 0, 1, 2, 0, 3],
        [2, 0, 5, 0, 2, 0],
        [5, 0, 2, 2, 0, 0],
        [4, 1, 2, 0, 4, 0.0],
    ]
)
LARGEST = 12  # rows or columns that a picture still holds legibly
FURTHEST = 6  # pixels that the slider shifts


@dataclass(frozen=True, eq=False)
class PoolingState(Pooling):
    """A pooling window that can be drawn; see `Pooling` for its fields."""

    def __post_init__(self):
        super().__post_init__()
        if max(self.zone.shape) > LARGEST:
            raise ValueError(
                "the padded input is {} × {}, ".format(*self.zone.shape)
                + f"the picture holds at most {LARGEST} × {LARGEST}"
            )

    def picture(self):
        """Draw the step and the shift."""
        return draw_pooling(self)


@factory
def pooling_stepper(
    x=EXAMPLE,
    *,
    mode="max",
    kernel_size=2,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    shift=0,
    direction="right",
    step=0,
):
    """Open a stepper for a pooling window over one array that can be shifted.

    Parameters
    ----------
    x : ndarray of shape (H, W)
        At most 12 along each axis, padding included.
    mode : {"max", "average"}
    kernel_size, stride, padding : int
        Where to start; the controls change them. The stride is `kernel_size` when not given.
    ceil_mode, count_include_pad : bool
        As in `torch.nn.functional.avg_pool2d`; the latter matters to the average only.
    shift : int
        Pixels by which the input is moved, 0 to 6.
    direction : {"right", "down", "diagonal"}
    step : int
        Number of the window, row by row, from 0.

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If the array is too large, a setting is out of range, or no window fits.
    """
    stride = kernel_size if stride is None else stride
    state = PoolingState(
        x, mode, kernel_size, stride, padding, ceil_mode, count_include_pad, shift, direction, step
    )
    if shift > FURTHEST:
        raise ValueError(f"shift is {shift}, the slider holds at most {FURTHEST}")

    def read(text):  # one typed row is a one-row matrix
        return np.array(parse_numbers(text), ndmin=2)

    view = Explorer(state, _controls(state), {"x": read})
    for name in ("mode", "padding"):
        view.controls[name].observe(lambda _: _disable_idle(view), "value")
    _disable_idle(view)
    return view


def _disable_idle(view):
    """Offer count_include_pad only where it says something: a mean over padding."""
    idle = view.state.mode == "max" or not view.state.padding
    view.controls["count_include_pad"].disabled = idle


def _controls(state):
    small = widgets.Layout(width="135px")
    controls = {
        "mode": widgets.Dropdown(
            options=["max", "average"], value=state.mode, description="mode", style=LABELS,
            layout=widgets.Layout(width="150px"),
        )
    }  # fmt: skip
    for name, least, label in (
        ("kernel_size", 1, "kernel"), ("stride", 1, "stride"), ("padding", 0, "padding")
    ):  # fmt: skip
        controls[name] = widgets.BoundedIntText(
            getattr(state, name), least, 6, description=label, style=LABELS, layout=small
        )
    for name in ("ceil_mode", "count_include_pad"):
        controls[name] = widgets.Checkbox(
            getattr(state, name), description=name, indent=False,
            layout=widgets.Layout(width="auto"),
        )  # fmt: skip
    controls["shift"] = widgets.IntSlider(
        state.shift, 0, FURTHEST, description="shift", style=LABELS,
        layout=widgets.Layout(width="300px"),
    )  # fmt: skip
    controls["direction"] = widgets.Dropdown(
        options=list(DIRECTIONS), value=state.direction, description="direction", style=LABELS,
        layout=widgets.Layout(width="200px"),
    )  # fmt: skip
    controls["x"] = widgets.Text(
        write_numbers(state.x), description="input", continuous_update=False, style=LABELS,
        layout=widgets.Layout(width="620px"), tooltip="rows split by semicolons; Enter applies",
    )  # fmt: skip
    return controls
