"""Switch locality and sharing on and off, and count what is left of a dense layer's weights."""

import numpy as np

from cnnbook.figures.dense import MatrixLayer
from cnnbook.widgets.explorer import explore, factory, switch, whole

IMAGE = np.array(
    [[1, 2, 0, 1, 3, 0], [0, 1, 3, 2, 1, 1], [2, 0, 1, 0, 2, 3],
     [1, 3, 2, 1, 0, 2], [0, 1, 2, 3, 1, 0], [2, 0, 1, 1, 3, 1.0]]
)  # fmt: skip
KERNEL = np.array([[3, -2, 5], [1, -3, -4], [2, 4, -1.0]])  # nine different numbers


@factory
def dense_to_convolution(x=None, kernel=None, **settings):
    """Open the weight matrix of a layer, with a switch each for locality and sharing.

    The size controls take the top left corner of the image, of at most 36 pixels, and of the
    kernel; `settings` are the other fields of `MatrixLayer`.

    Examples
    --------
    >>> dense_to_convolution(locality=True, sharing=True).state.count
    '4 weights, the same four everywhere'
    """
    first = IMAGE[:4, :4] if x is None else x, KERNEL[:2, :2] if kernel is None else kernel
    layer = MatrixLayer(*first, **settings)
    return explore(
        layer,
        more=("x", "kernel", "stride", "padding"),
        page={"locality": (False, True), "sharing": (False, True), "kernel": (1, 2, 3)},
        locality=switch(width="90px"),
        sharing=switch(width="90px"),
        x=_corner(IMAGE if x is None else layer.x, "input size"),
        kernel=_corner(KERNEL if kernel is None else layer.kernel, "kernel size"),
        stride=whole(1, 4, width="130px"),
        padding=whole(0, 2, width="130px"),
    )


def _corner(array, label):
    """A size: how much of the array to take."""

    def build(name, value):
        size, _ = whole(1, max(array.shape), label, width="160px")(name, max(value.shape))
        return size, lambda n: array[:n, :n]

    return build
