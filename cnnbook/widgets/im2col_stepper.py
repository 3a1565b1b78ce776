"""Step through im2col: a window becomes a column, a product, and an output at its place."""

import numpy as np

from cnnbook.figures.im2col import Im2col
from cnnbook.widgets.explorer import choice, explore, factory, slider, whole

EXAMPLE = np.array(
    [[[1, 2, 0, 3], [0, 1, 4, 1], [2, 0, 1, 2]], [[2, 0, 1, 1], [1, 3, 0, 2], [0, 1, 2, 0.0]]]
)
WEIGHT = np.array(
    [
        [[[1, 2, 0], [0, -1, 1], [1, 0, 1]], [[1, 0, 1], [-1, 1, 0], [0, 2, -1]]],
        [[[0, 1, 2], [1, 0, -1], [0, 1, 0]], [[2, -1, 0], [0, 1, 1], [1, 0, -2.0]]],
    ]
)


@factory
def im2col_stepper(x=EXAMPLE, weight=WEIGHT, *, kernel_size=None, **settings):
    """Open a stepper through im2col; `settings` are the other fields of `Im2col`.

    The control "kernel" takes the first rows and columns of each kernel: at first 2 for the
    example's weight, all of another's, unless `kernel_size` says otherwise.
    """
    kernel_size = 2 if weight is WEIGHT and kernel_size is None else kernel_size
    rows, columns = np.shape(weight)[-2:]
    whole_kernel = rows if rows == columns else (rows, columns)
    state = Im2col(x, weight, kernel_size or whole_kernel, channels=None, **settings)
    object.__setattr__(state, "channels", len(state.x))
    sizes = {f"{k} × {k}": k for k in range(1, min(rows, columns) + 1)}
    sizes[f"{rows} × {columns}"] = whole_kernel
    modes = {"convolution": "convolution", "max pooling": "max", "average pooling": "average"}
    channels = range(1, len(state.x) + 1)
    menus = {
        "mode": choice(modes, "operation", width="230px"),
        "kernel_size": choice(sizes, "kernel", width="130px"),
        "channels": choice(channels, "input channels", width="160px"),
    }
    few = {"kernel_size": len(sizes) == 1, "channels": len(channels) == 1}
    return explore(
        state,
        more=("stride", "padding"),
        page={"mode": ..., "stride": (1, 2), "padding": (0, 1), "row": (0, 1)},
        **{name: menu for name, menu in menus.items() if not few.get(name)},
        stride=whole(1, 4, width="110px"),
        padding=whole(0, 4, width="110px"),
        row=slider(*state.bounds["row"], "output channel", width="240px"),
    )
