"""Switch locality and sharing on and off, and count what is left of a dense layer's weights."""

from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np

from cnnbook.figures.dense import MatrixLayer, draw_layer
from cnnbook.widgets.explorer import LABELS, Explorer, factory

IMAGE = np.array(
    [[1, 2, 0, 1, 3, 0], [0, 1, 3, 2, 1, 1], [2, 0, 1, 0, 2, 3],
     [1, 3, 2, 1, 0, 2], [0, 1, 2, 3, 1, 0], [2, 0, 1, 1, 3, 1.0]]
)  # fmt: skip
KERNEL = np.array([[3, -2, 5], [1, -3, -4], [2, 4, -1.0]])  # nine different numbers
LARGEST = 36  # rows or columns of the matrix that a picture still holds legibly


@dataclass(frozen=True, eq=False)
class DenseToConvolutionState(MatrixLayer):
    """A layer that can be drawn; see `MatrixLayer` for its fields."""

    def __post_init__(self):
        super().__post_init__()
        rows, columns = self.steps, self.x.size
        if max(rows, columns) > LARGEST:
            raise ValueError(
                f"the weight matrix would be {rows} × {columns}, "
                f"the picture holds at most {LARGEST} × {LARGEST}"
            )

    def picture(self):
        """Draw the matrix and the row looked at."""
        return draw_layer(self)


@factory
def dense_to_convolution(
    x=None, kernel=None, *, locality=False, sharing=False, step=0, stride=1, padding=0
):
    """Open the weight matrix of a layer, with a switch each for locality and sharing.

    Parameters
    ----------
    x : ndarray of shape (H, W), optional
        Image of at most 36 pixels. The size control shows its top left corner.
    kernel : ndarray of shape (kH, kW), optional
        Weights that sharing leaves in a window. The size control takes its top left corner.
    locality, sharing : bool
        Which switches are on at first.
    step, stride, padding : int
        Where to start; the controls change them.

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If an array is no matrix, the weight matrix is too large, or no window fits.

    Examples
    --------
    >>> dense_to_convolution(locality=True, sharing=True).state.count
    '4 weights, the same four everywhere'
    """
    image = IMAGE if x is None else np.asarray(x, dtype=float)
    weights = KERNEL if kernel is None else np.asarray(kernel, dtype=float)
    size = 4 if x is None else max(image.shape, default=1)
    window = 2 if kernel is None else max(weights.shape, default=1)

    state = DenseToConvolutionState(
        image[:size, :size] if image.ndim == 2 else image,
        weights[:window, :window] if weights.ndim == 2 else weights,
        locality, sharing, step, stride, padding,
    )  # fmt: skip
    controls = {
        "locality": widgets.Checkbox(locality, description="locality", indent=False),
        "sharing": widgets.Checkbox(sharing, description="sharing", indent=False),
        "x": _number("input size", size, 1, max(image.shape)),
        "kernel": _number("kernel size", window, 1, max(weights.shape)),
        "stride": _number("stride", stride, 1, 4),
        "padding": _number("padding", padding, 0, 2),
    }
    for name in ("locality", "sharing"):
        controls[name].layout.width = "90px"
    readers = {"x": lambda n: image[:n, :n], "kernel": lambda n: weights[:n, :n]}
    return Explorer(state, controls, readers)


def _number(description, value, least, most):
    width = "160px" if "size" in description else "130px"
    return widgets.BoundedIntText(
        value, least, most, description=description, style=LABELS,
        layout=widgets.Layout(width=width),
    )  # fmt: skip
