"""Adaptive pooling: the output size is given, the windows follow from it (chapter 5)."""

import numpy as np

from cnnbook.ops._arguments import check_flag
from cnnbook.ops._pooling import flat_indices
from cnnbook.ops._sliding import along, check_pooled
from cnnbook.shapes import check_memory, per_axis


def adaptive_windows(size, count):
    """Cut an axis into `count` windows that cover it; neighbours overlap if it does not divide."""
    return [slice(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def adaptive_plan(axes, x, output_size):
    """Check the arguments of an adaptive pooling; return the windows along each axis."""
    size = x.shape[-axes:]
    if isinstance(output_size, (tuple, list)) and len(output_size) == axes:
        output_size = [n if o is None else o for n, o in zip(size, output_size, strict=True)]
    elif isinstance(output_size, (tuple, list)):  # PyTorch does not spread a single entry here
        raise ValueError(f"output_size has {len(output_size)} entries, expected {axes}")
    counts = per_axis("output_size", output_size, axes, minimum=0)
    check_memory((*x.shape[:-axes], *counts), output_size=output_size)
    return [adaptive_windows(*row) for row in zip(size, counts, strict=True)]


def _per_window(x, axis, windows, function):
    """Replace one axis by what `function` makes of each window along it."""
    shape = list(x.shape)
    shape[axis] = len(windows)
    out = np.empty(shape, x.dtype)
    for i, window in enumerate(windows):
        out[along(axis, i)] = function(x[along(axis, window)], axis)
    return out


@np.errstate(over="ignore", invalid="ignore")
def _adaptive_avg_pool(axes, x, output_size):
    check_pooled(axes, x, kinds="f")
    # all windows that meet in a row are equally wide, so the mean of their means is the mean
    for axis, windows in zip(range(-axes, 0), adaptive_plan(axes, x, output_size), strict=True):
        x = _per_window(x, axis, windows, np.mean)
    return x


def _argmax(x, axis):
    """Where the maximum lies: the first of equals, but of several NaN the last, as in PyTorch."""
    missing = np.isnan(x)
    last_missing = x.shape[axis] - 1 - np.argmax(np.flip(missing, axis), axis)
    return np.where(missing.any(axis), last_missing, np.argmax(x, axis))


def _largest_per_window(x, index, axis, windows):
    """Maxima of the windows along one axis, and the entries of `index` that go with them."""
    shape = list(x.shape)
    shape[axis] = len(windows)
    where = np.empty(shape, np.int64)
    for i, window in enumerate(windows):
        where[along(axis, i)] = window.start + _argmax(x[along(axis, window)], axis)
    return np.take_along_axis(x, where, axis), np.take_along_axis(index, where, axis)


def largest_adaptive(axes, x, plan):
    """Maxima of the windows, and where in its map each lies."""
    index = flat_indices(x, axes)
    # columns first: among equals the upper row wins
    for axis, windows in zip(range(-1, -axes - 1, -1), reversed(plan), strict=True):
        x, index = _largest_per_window(x, index, axis, windows)
    return x, index


def _adaptive_max_pool(axes, x, output_size, return_indices):
    check_pooled(axes, x)
    plan = adaptive_plan(axes, x, output_size)
    if check_flag("return_indices", return_indices):
        return largest_adaptive(axes, x, plan)
    for axis, windows in zip(range(-axes, 0), plan, strict=True):
        x = _per_window(x, axis, windows, np.max)
    return x


def adaptive_avg_pool1d(x, output_size):
    """Take the mean of each of a given number of windows of a signal.

    Parameters
    ----------
    x : ndarray of shape (N, C, L) or (C, L)
    output_size
        As in `adaptive_avg_pool2d`, for one axis.

    Returns
    -------
    ndarray of shape (N, C, L_out) or (C, L_out)
        As in `adaptive_avg_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_avg_pool2d`.
    """
    return _adaptive_avg_pool(1, x, output_size)


def adaptive_avg_pool2d(x, output_size):
    """Take the mean of each of a given number of windows of each map.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W) or (C, H, W)
        Floats. N may be 0.
    output_size : int or tuple of int or None
        Windows along each axis, at least 0; None keeps the size of the axis.

    Returns
    -------
    ndarray of shape (N, C, H_out, W_out) or (C, H_out, W_out)
        Window i of o along an axis of n pixels runs from ``floor(i * n / o)`` to before
        ``ceil((i + 1) * n / o)``. dtype of `x`.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If `x` has the wrong number of axes or an empty one, or `output_size` is out of range.

    References
    ----------
    `torch.nn.functional.adaptive_avg_pool2d`; He et al. (2014), arXiv:1406.4729.

    Examples
    --------
    >>> adaptive_avg_pool2d(np.array([[[1.0, 2.0, 3.0]]]), (None, 2))
    array([[[1.5, 2.5]]])
    """
    return _adaptive_avg_pool(2, x, output_size)


def adaptive_avg_pool3d(x, output_size):
    """Take the mean of each of a given number of windows of a volume.

    Parameters
    ----------
    x : ndarray of shape (N, C, D, H, W) or (C, D, H, W)
    output_size
        As in `adaptive_avg_pool2d`, for three axes.

    Returns
    -------
    ndarray of shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
        As in `adaptive_avg_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_avg_pool2d`.
    """
    return _adaptive_avg_pool(3, x, output_size)


def adaptive_max_pool1d(x, output_size, return_indices=False):
    """Take the maximum of each of a given number of windows of a signal.

    Parameters
    ----------
    x : ndarray of shape (N, C, L) or (C, L)
    output_size, return_indices
        As in `adaptive_max_pool2d`, for one axis.

    Returns
    -------
    ndarray of shape (N, C, L_out) or (C, L_out), or a pair of them
        As in `adaptive_max_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_max_pool2d`.
    """
    return _adaptive_max_pool(1, x, output_size, return_indices)


def adaptive_max_pool2d(x, output_size, return_indices=False):
    """Take the maximum of each of a given number of windows of each map.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W) or (C, H, W)
        Floats or integers. N may be 0.
    output_size : int or tuple of int or None
        Windows along each axis, at least 0; None keeps the size of the axis.
    return_indices : bool
        Whether to return also where each maximum lies.

    Returns
    -------
    ndarray of shape (N, C, H_out, W_out) or (C, H_out, W_out)
        Window i of o along an axis of n pixels runs from ``floor(i * n / o)`` to before
        ``ceil((i + 1) * n / o)``. dtype of `x`.
    ndarray of int64 and of the same shape
        Only with `return_indices`: as in `max_pool2d`.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If `x` has the wrong number of axes or an empty one, or `output_size` is out of range.

    References
    ----------
    `torch.nn.functional.adaptive_max_pool2d`; He et al. (2014), arXiv:1406.4729.

    Examples
    --------
    >>> adaptive_max_pool2d(np.array([[[1.0, 2.0, 3.0]]]), (None, 2))
    array([[[2., 3.]]])
    """
    return _adaptive_max_pool(2, x, output_size, return_indices)


def adaptive_max_pool3d(x, output_size, return_indices=False):
    """Take the maximum of each of a given number of windows of a volume.

    Parameters
    ----------
    x : ndarray of shape (N, C, D, H, W) or (C, D, H, W)
    output_size, return_indices
        As in `adaptive_max_pool2d`, for three axes.

    Returns
    -------
    ndarray of shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out), or a pair of them
        As in `adaptive_max_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `adaptive_max_pool2d`.
    """
    return _adaptive_max_pool(3, x, output_size, return_indices)
