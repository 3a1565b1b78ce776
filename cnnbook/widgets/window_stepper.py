"""Step a kernel over an array and watch the output fill."""

import numpy as np

from cnnbook.figures.window import Window
from cnnbook.widgets.explorer import choice, explore, factory, numbers, whole

EXAMPLE = np.array(
    [[1, 2, 0, 1, 3], [0, 1, 3, 2, 1], [2, 0, 1, 0, 2], [1, 3, 2, 1, 0], [0, 1, 2, 3, 1.0]]
)
SOBEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1.0]])


@factory
def window_stepper(x=EXAMPLE, kernel=SOBEL, **settings):
    """Open a stepper for one kernel over one array; `settings` are the other fields of `Window`."""
    return explore(
        Window(x, kernel, **settings),
        more=("kernel", "x"),
        page={"stride": (1, 2, 3), "padding": (0, 1, 2), "flip": ...},
        stride=whole(1, 6),
        padding=whole(0, 6),
        dilation=whole(1, 6),
        flip=choice({"cross-correlation": False, "convolution (flip)": True}, "operation"),
        kernel=numbers(),
        x=numbers("input", width="560px"),
    )
