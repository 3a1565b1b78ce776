"""Layers as constrained weight matrices: which cells hold the same number, and which hold none."""

import math

import numpy as np

from cnnbook.checks import check_array, check_memory, flag, per_axis, size_tuple
from cnnbook.derivation.layers import check_units
from cnnbook.shapes import output_size


def weight_pattern(input_size, kernel_size, stride=1, padding=0, *, shared, local):
    """Number the free parameters in the cells of a layer's weight matrix.

    The layer has one unit a window. Two switches constrain its matrix: `local` lets a unit see
    its window only, `shared` gives all units the same weight for the same offset.

    ========  =======  =======================================  ==============================
    `shared`  `local`  layer                                    parameters
    ========  =======  =======================================  ==============================
    False     False    dense                                    `dense_parameters`
    False     True     locally connected                        `locally_connected_parameters`
    True      False    one weight an offset, wherever it leads  `offset_parameters`
    True      True     convolution                              `shared_parameters`
    ========  =======  =======================================  ==============================

    Parameters
    ----------
    input_size, kernel_size : tuple of int
        In pixels, one entry an axis: (H, W) for an image, (L,) for a signal.
    stride, padding : int or tuple of int
        In pixels; `padding` is zeros on each side.
    shared, local : bool

    Returns
    -------
    ndarray of int64, of shape (prod(output size), prod(input_size))
        Row by row: the number of the parameter that stands in each cell, from 0; -1 where there
        is none and the weight is 0. Units, pixels and entries of a kernel are counted row by row.
        Windows that hang over the border leave those of their parameters unused that meet padding.

    Examples
    --------
    >>> weight_pattern((3,), (2,), shared=True, local=True)
    array([[ 0,  1, -1],
           [-1,  0,  1]])
    """
    shared, local = flag("shared", shared), flag("local", local)
    rows = _window_axes(input_size, kernel_size, stride, padding)
    units = math.prod(count for *_, count in rows)
    pixels = math.prod(size for size, *_ in rows)
    own = [kernel if local else size for size, kernel, *_ in rows]
    sizes = {"input_size": input_size, "kernel_size": kernel_size, "padding": padding}
    window = math.prod(kernel for _, kernel, *_ in rows)
    check_memory((units, max(pixels, window)), **sizes)
    label, inside = np.int64(0), True
    for axis, (size, kernel, step, before, count) in enumerate(rows):
        pixel = np.broadcast_to(np.arange(size), (count, size))
        step = step if count > 1 else 0  # of one window it may be huge
        entry = pixel - step * np.arange(count)[:, None] + before  # which entry of which window
        if local:
            number, limit = entry, kernel
        elif shared:
            offsets, number = np.unique(entry, return_inverse=True)
            number, limit = number.reshape(entry.shape), len(offsets)
        else:
            number, limit = pixel, size
        others = [a for a in range(2 * len(rows)) if a not in (axis, len(rows) + axis)]
        number = np.expand_dims(number, others)
        inside = inside & (number >= 0) & (number < limit)
        label = label * limit + number
    label, inside = label.reshape(units, -1), inside.reshape(units, -1)
    if not shared:  # every unit has parameters of its own
        label = label + math.prod(own) * np.arange(units)[:, None]
    return np.where(inside, label, -1)


def place(pattern, parameters):
    """Put parameters into the cells of a weight matrix.

    `pattern`, as returned by `weight_pattern`, holds the number of the parameter in each cell, -1
    for none: there is 0. `parameters` are counted row by row, whatever their shape.

    >>> place(weight_pattern((3,), (2,), shared=True, local=True), np.array([5, 7]))
    array([[5, 7, 0],
           [0, 5, 7]])
    """
    check_array("pattern", pattern, (2,), shape="(rows, columns)", kinds="iu")
    check_array("parameters", parameters)
    if pattern.size and not -1 <= pattern.min() <= pattern.max() < parameters.size:
        raise ValueError(
            f"pattern holds numbers from {pattern.min()} to {pattern.max()}, "
            f"parameters has {parameters.size} entries"
        )
    zero = np.zeros(1, parameters.dtype)
    return np.concatenate([parameters.ravel(), zero])[pattern]  # index -1 is the last: the zero


def local_weights(weight, input_size, stride=1, padding=0):
    """Write a locally connected layer as a dense one.

    `weight`, `stride` and `padding` are those of `locally_connected`, `input_size` is (H, W). The
    weights for `dense`, of shape (H_out, W_out, H, W), are 0 outside of each unit's window.
    """
    input_size = size_tuple("input_size", input_size)
    check_array("weight", weight, (4,), shape="(H_out, W_out, kH, kW)")
    units, kernel = weight.shape[:2], weight.shape[2:]
    pattern = weight_pattern(input_size, kernel, stride, padding, shared=False, local=True)
    check_units(weight, input_size, per_axis("stride", stride, 2), per_axis("padding", padding, 2))
    return place(pattern, weight).reshape(*units, *input_size)


def toeplitz(kernel, input_size, stride=1, padding=0):
    """Write a cross-correlation as one matrix: ``matrix @ x.ravel()`` is its result, raveled.

    `kernel`, (kH, kW) or (k,), is not flipped; `input_size`, (H, W) or (L,), `stride` and `padding`
    are those of `weight_pattern`. With stride 1 it is a Toeplitz matrix (constant along diagonals)
    in 1-D, a Toeplitz matrix of Toeplitz blocks in 2-D. Source: Goodfellow, Bengio & Courville
    (2016), Deep Learning, section 9.1.

    >>> toeplitz(np.array([1, -2, 1]), (4,))
    array([[ 1, -2,  1,  0],
           [ 0,  1, -2,  1]])
    """
    check_array("kernel", kernel, (1, 2), shape="(k,) or (kH, kW)")
    pattern = weight_pattern(input_size, kernel.shape, stride, padding, shared=True, local=True)
    return place(pattern, kernel)


def _window_axes(input_size, kernel_size, stride, padding):
    """Check the sizes; return (size, kernel, stride, padding, windows) of each axis."""
    size, kernel = size_tuple("input_size", input_size), size_tuple("kernel_size", kernel_size)
    if len(size) != len(kernel):
        raise ValueError(f"input_size has {len(size)} axes, kernel_size {len(kernel)}")
    stride = per_axis("stride", stride, len(size), minimum=1)
    padding = per_axis("padding", padding, len(size), minimum=0)
    count = output_size(size, kernel, stride, padding)
    return list(zip(size, kernel, stride, padding, count, strict=True))
