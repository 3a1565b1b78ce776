"""Step a kernel over an array and watch the output fill."""

from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np

from cnnbook.figures.window import Window, draw_window
from cnnbook.widgets.explorer import LABELS, Explorer, factory, parse_numbers, write_numbers

EXAMPLE = np.array(
    [[1, 2, 0, 1, 3], [0, 1, 3, 2, 1], [2, 0, 1, 0, 2], [1, 3, 2, 1, 0], [0, 1, 2, 3, 1.0]]
)
SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1.0]])
LARGEST = 16  # rows or columns that a picture still holds legibly


@dataclass(frozen=True, eq=False)
class WindowState(Window):
    """A window that can be drawn; see `Window` for its fields."""

    def __post_init__(self):
        super().__post_init__()
        if max(self.padded.shape) > LARGEST:
            raise ValueError(
                f"the padded input is {self.padded.shape[0]} × {self.padded.shape[1]}, "
                f"the picture holds at most {LARGEST} × {LARGEST}"
            )

    def picture(self):
        """Draw the step."""
        return draw_window(self)


@factory
def window_stepper(x=EXAMPLE, kernel=SOBEL, *, step=0, stride=1, padding=0, dilation=1, flip=False):
    """Open a stepper for one kernel over one array.

    Parameters
    ----------
    x : ndarray of shape (H, W) or (W,)
        At most 16 along each axis, padding included.
    kernel : ndarray of shape (kH, kW) or (kW,)
    step, stride, padding, dilation : int
        Where to start; the controls change them.
    flip : bool
        Convolution (the kernel is rotated by 180°) in place of cross-correlation.

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If the array is too large, the ranks differ, or no window fits.
    """
    state = WindowState(x, kernel, step, stride, padding, dilation, flip)
    small = widgets.Layout(width="150px")
    controls = {
        name: widgets.BoundedIntText(value, least, 6, description=name, style=LABELS, layout=small)
        for name, value, least in (
            ("stride", stride, 1),
            ("padding", padding, 0),
            ("dilation", dilation, 1),
        )
    }
    controls["flip"] = widgets.Dropdown(
        options=[("cross-correlation", False), ("convolution (flip)", True)], value=flip,
        description="operation", style=LABELS, layout=widgets.Layout(width="250px"),
    )  # fmt: skip
    controls["kernel"] = widgets.Text(
        write_numbers(state.kernel), description="kernel", continuous_update=False, style=LABELS,
        layout=widgets.Layout(width="330px"), tooltip="rows split by semicolons; Enter applies",
    )  # fmt: skip
    controls["x"] = widgets.Text(
        write_numbers(state.x), description="input", continuous_update=False, style=LABELS,
        layout=widgets.Layout(width="560px"), tooltip="rows split by semicolons; Enter applies",
    )  # fmt: skip

    def read(text):  # one typed row is a one-row matrix where the input is a matrix
        return np.array(parse_numbers(text), ndmin=state.x.ndim)

    return Explorer(state, controls, {"kernel": read, "x": read})
