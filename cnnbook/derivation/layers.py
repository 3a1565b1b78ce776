"""The dense layer on images, its weights named by offsets, and the locally connected layer.

The derivation follows Zhang et al., Dive into Deep Learning, section 7.1.
"""

import numpy as np

from cnnbook.checks import check_array, check_memory, per_axis
from cnnbook.shapes import output_size


def dense(x, weight, bias=None):
    """Apply a dense layer whose input and output are images.

    ``H[i, j] = U[i, j] + sum over k, l of W[i, j, k, l] * X[k, l]``: `x` is (H, W), `weight` the
    matrix of shape (H_out * W_out, H * W), reshaped to (H_out, W_out, H, W), `bias` (H_out, W_out).

    >>> dense(np.array([[1, 2]]), np.array([[[[10, 1]], [[0, 1]]]]))
    array([[12,  2]])
    """
    check_array("x", x, (2,), shape="(H, W)")
    check_array("weight", weight, (4,), shape="(H_out, W_out, H, W)")
    if x.shape != weight.shape[2:]:
        raise ValueError(f"x has shape {x.shape}, weight expects {weight.shape[2:]}")
    _check_bias(bias, weight.shape[:2])
    hidden = np.tensordot(weight, x, axes=2)
    return hidden if bias is None else hidden + bias


def to_offsets(weight):
    """Name dense weights by the offset from unit to pixel, instead of by the pixel.

    From W of shape (H_out, W_out, H, W), indexed by unit (i, j) and pixel (k, l), to V of shape
    (H_out, W_out, H_out + H - 1, W_out + W - 1) with ``V[i, j, a, b] = W[i, j, i + a, j + b]``.
    Offsets a run from ``-(H_out - 1)`` to ``H - 1``; offset a lies at index ``a + H_out - 1``,
    offset b at ``b + W_out - 1``. At an offset that leads out of the image V is 0.

    One row of two units and two pixels; the offsets are -1, 0 and 1.

    >>> to_offsets(np.array([[[[1, 2]], [[3, 4]]]]))[0, :, 0]
    array([[0, 1, 2],
           [3, 4, 0]])
    """
    check_array("weight", weight, (4,), shape="(H_out, W_out, H, W)", filled=0)
    rows, columns, height, width = weight.shape
    shape = (rows, columns, rows + height - 1, columns + width - 1)
    offset_weight = np.zeros(shape, weight.dtype)
    for i, j in np.ndindex(rows, columns):
        offset_weight[i, j][_inside(i, j, weight.shape)] = weight[i, j]
    return offset_weight


def _inside(i, j, shape):
    """Where the offsets lie that lead from unit (i, j) to the pixels of the image."""
    rows, columns, height, width = shape
    top, left = rows - 1 - i, columns - 1 - j
    return slice(top, top + height), slice(left, left + width)


def from_offsets(offset_weight):
    """Undo `to_offsets`: ``W[i, j, k, l] = V[i, j, k - i, l - j]``.

    V must be 0 at offsets that lead out of the image.
    """
    shape = "(H_out, W_out, offsets, offsets)"
    check_array("offset_weight", offset_weight, (4,), shape=shape)
    rows, columns, *offsets = offset_weight.shape
    height, width = offsets[0] - rows + 1, offsets[1] - columns + 1
    if min(rows, columns, height, width) < 1:
        raise ValueError(
            f"offset_weight has {tuple(offsets)} offsets, {(rows, columns)} units have at least "
            f"as many each way"
        )
    weight = np.empty((rows, columns, height, width), offset_weight.dtype)
    for i, j in np.ndindex(rows, columns):
        weight[i, j] = offset_weight[i, j][_inside(i, j, weight.shape)]
    lost = np.count_nonzero(offset_weight) - np.count_nonzero(weight)
    if lost:
        raise ValueError(
            f"offset_weight has {lost} numbers other than 0 at offsets out of the image of "
            f"{(height, width)}"
        )
    return weight


def locally_connected(x, weight, bias=None, stride=1, padding=0):
    """Let each unit see one window of the image, with weights of its own.

    ``H[i, j] = U[i, j] + sum over a, b of V[i, j, a, b] * X[i * s + a - p, j * s + b - p]``: `x` is
    (H, W), `weight` (H_out, W_out, kH, kW), one kernel a unit, `bias` (H_out, W_out); `stride` and
    `padding`, zeros on each side, are in pixels, one int or one an axis.

    >>> x = np.array([[1, 2, 3]])
    >>> locally_connected(x, np.array([[[[1, 1]], [[-1, 1]]]]))
    array([[3, 1]])
    """
    check_array("x", x, (2,), shape="(H, W)")
    stride, padding = per_axis("stride", stride, 2, 1), per_axis("padding", padding, 2, 0)
    check_units(weight, x.shape, stride, padding)
    units, kernel = weight.shape[:2], weight.shape[2:]
    _check_bias(bias, units)
    check_memory([n + 2 * p for n, p in zip(x.shape, padding, strict=True)], padding=padding)
    padded = np.pad(x, [(p, p) for p in padding])
    hidden = np.empty(units, np.result_type(x, weight))
    for i, j in np.ndindex(units):
        row, column = i * stride[0], j * stride[1]
        window = padded[row : row + kernel[0], column : column + kernel[1]]
        hidden[i, j] = np.sum(weight[i, j] * window)
    return hidden if bias is None else hidden + bias


def check_units(weight, size, stride, padding):
    """Refuse what is no weight of a locally connected layer: one kernel a window."""
    check_array("weight", weight, (4,), shape="(H_out, W_out, kH, kW)")
    units, windows = weight.shape[:2], output_size(size, weight.shape[2:], stride, padding)
    if units != windows:
        raise ValueError(f"weight has {units} units, an input of {size} has {windows} windows")


def _check_bias(bias, shape):
    """Refuse a bias that has not one number a unit; None stands for no bias."""
    if bias is not None:
        check_array("bias", bias, (2,), shape="(H_out, W_out)")
        if bias.shape != shape:
            raise ValueError(f"bias has shape {bias.shape}, weight gives an output of {shape}")
