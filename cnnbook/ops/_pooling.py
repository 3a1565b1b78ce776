"""Max and average pooling over one, two or three axes (chapter 5)."""

import functools

import numpy as np

from cnnbook.ops._arguments import check_count, check_flag, narrow, widen
from cnnbook.ops._sliding import along, check_pooled, combine_along, plan_windows


def lowest(dtype):
    """Return the number that no maximum can lose to."""
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def flat_indices(x, axes):
    """Number the pixels of each map row by row, as PyTorch does; broadcast to the shape of x."""
    maps = x.shape[-axes:]
    return np.broadcast_to(np.arange(np.prod(maps)).reshape(maps), x.shape)


def _largest_along(x, index, axis, sliding):
    """Maxima of the windows along one axis, and the entries of `index` that go with them."""
    shape = list(x.shape)
    shape[axis] = sliding.count
    best, best_index = np.full(shape, lowest(x.dtype), x.dtype), np.full(shape, -1)
    for windows, pixels in sliding.entries():
        windows, pixels = along(axis, windows), along(axis, pixels)
        candidate = x[pixels]
        # the first of equals wins, but of several NaN the last: so PyTorch's loop has it
        better = (candidate > best[windows]) | np.isnan(candidate) | (best_index[windows] < 0)
        np.copyto(best[windows], candidate, where=better)
        np.copyto(best_index[windows], index[pixels], where=better)
    return best, best_index


def largest(axes, x, plan):
    """Maxima of the windows, and where in its map each lies: -1 where a window sees no pixel."""
    index = flat_indices(x, axes)
    for axis, sliding in zip(range(-1, -axes - 1, -1), reversed(plan), strict=True):
        x, index = _largest_along(x, index, axis, sliding)
    return x, index


def _max_pool(axes, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices):
    check_pooled(axes, x)
    plan = plan_windows(axes, x, kernel_size, stride, padding, dilation, ceil_mode)
    # the maximum over a box is the maximum over its rows of the maxima over its columns
    if not check_flag("return_indices", return_indices):
        for axis, sliding in zip(range(-axes, 0), plan, strict=True):
            x = combine_along(x, axis, sliding, np.maximum, lowest(x.dtype))
        return x
    x, index = largest(axes, x, plan)
    if (index < 0).any():
        raise ValueError(
            f"padding {padding} with dilation {dilation} makes a window of kernel_size "
            f"{kernel_size} that sees no pixel, so its maximum has no index"
        )
    return x, index


def max_pool1d(
    x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """Take the maximum of each window of a signal.

    Parameters
    ----------
    x : ndarray of shape (N, C, L) or (C, L)
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in `max_pool2d`, for one axis.

    Returns
    -------
    ndarray of shape (N, C, L_out) or (C, L_out), or a pair of them
        As in `max_pool2d`; an index counts along L.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`.

    Examples
    --------
    >>> max_pool1d(np.array([[-1.0, -2.0, -3.0, -4.0]]), 2)
    array([[-1., -3.]])
    """
    return _max_pool(1, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """Take the maximum of each window of each map.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W) or (C, H, W)
        Floats or integers. N may be 0.
    kernel_size, stride, dilation : int or tuple of int
        In pixels, at least 1; the stride is `kernel_size` when not given.
    padding : int or tuple of int
        Pixels added on each side, at most half of `kernel_size`. They never win: they count as
        minus infinity, not as 0.
    ceil_mode : bool
        Let a last window hang over the edge.
    return_indices : bool
        Whether to return also where each maximum lies.

    Returns
    -------
    ndarray of shape (N, C, H_out, W_out) or (C, H_out, W_out)
        Sizes as given by `cnnbook.shapes.pool_output_size`; dtype of `x`. A window with a NaN
        gives NaN.
    ndarray of int64 and of the same shape
        Only with `return_indices`: ``row * W + column`` of each maximum in its map, the first one
        of equals, the last one of several NaN.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If a shape or a number is out of range, no window fits, or an index is asked for and a
        dilated window sees padding only.

    References
    ----------
    `torch.nn.functional.max_pool2d`; chapter 5.

    Examples
    --------
    >>> values, indices = max_pool2d(np.array([[[1.0, 7.0], [7.0, 3.0]]]), 2, return_indices=True)
    >>> values, indices
    (array([[[7.]]]), array([[[1]]]))
    """
    return _max_pool(2, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """Take the maximum of each window of a volume.

    Parameters
    ----------
    x : ndarray of shape (N, C, D, H, W) or (C, D, H, W)
    kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As in `max_pool2d`, for three axes.

    Returns
    -------
    ndarray of shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out), or a pair of them
        As in `max_pool2d`; an index is ``(depth * H + row) * W + column``.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`.
    """
    return _max_pool(3, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _window_sizes(sliding, count_include_pad):
    """Count the pixels of each window along one axis; what hangs over the padding is none."""
    stride = sliding.stride if sliding.count > 1 else 0  # of one window it may be huge
    start = np.arange(sliding.count) * stride - sliding.padding
    stop = np.minimum(start + sliding.kernel, sliding.size + sliding.padding)
    if not count_include_pad:
        start, stop = np.maximum(start, 0), np.minimum(stop, sliding.size)
    return stop - start


def plan_means(
    axes, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override=None
):
    """Check the arguments of an average pooling; return its windows and what divides each sum."""
    plan = plan_windows(axes, x, kernel_size, stride, padding, 1, ceil_mode)
    count_include_pad = check_flag("count_include_pad", count_include_pad)
    if divisor_override is not None:
        divisor = check_count("divisor_override", divisor_override, minimum=None)
        if abs(divisor) >= 2**63:
            raise ValueError(f"divisor_override is {divisor}, does not fit int64")
        divisor = np.array(divisor)
        if divisor == 0:
            raise ValueError("divisor_override is 0, must be another integer")
    else:
        sizes = [_window_sizes(sliding, count_include_pad) for sliding in plan]
        divisor = functools.reduce(np.multiply.outer, sizes)
    return plan, divisor


@np.errstate(over="ignore", invalid="ignore")  # inf - inf is NaN without a warning, as in PyTorch
def _avg_pool(axes, x, *settings):
    check_pooled(axes, x, kinds="fiu")
    if x.dtype.kind != "f" and x.dtype != np.int64:
        raise TypeError(f"x must hold floats or int64, got dtype {x.dtype}")
    plan, divisor = plan_means(axes, x, *settings)
    (total,) = widen(x)
    for axis, sliding in zip(range(-axes, 0), plan, strict=True):
        total = combine_along(total, axis, sliding, np.add, 0)
    if x.dtype.kind == "f":
        total /= divisor.astype(total.dtype)
        return narrow(total, x.dtype)
    return np.sign(total) * np.sign(divisor) * (np.abs(total) // np.abs(divisor))


def avg_pool1d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """Take the mean of each window of a signal.

    Parameters
    ----------
    x : ndarray of shape (N, C, L) or (C, L)
    kernel_size, stride, padding, ceil_mode, count_include_pad
        As in `avg_pool2d`, for one axis.

    Returns
    -------
    ndarray of shape (N, C, L_out) or (C, L_out)

    Raises
    ------
    TypeError, ValueError
        As `avg_pool2d`.
    """
    return _avg_pool(1, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    x,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    """Take the mean of each window of each map.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W) or (C, H, W)
        Floats, or int64: then the mean is rounded towards zero, as in PyTorch. N may be 0.
    kernel_size, stride : int or tuple of int
        In pixels, at least 1; the stride is `kernel_size` when not given.
    padding : int or tuple of int
        Zeros on each side, at most half of `kernel_size`.
    ceil_mode : bool
        Let a last window hang over the edge; what hangs over is not counted.
    count_include_pad : bool
        Whether the zeros of `padding` count in the mean.
    divisor_override : int, optional
        What to divide each sum by, instead of the number of pixels; not 0.

    Returns
    -------
    ndarray of shape (N, C, H_out, W_out) or (C, H_out, W_out)
        Sizes as given by `cnnbook.shapes.pool_output_size`; dtype of `x`.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If a shape or a number is out of range, or no window fits.

    References
    ----------
    `torch.nn.functional.avg_pool2d`; chapter 5.

    Examples
    --------
    >>> avg_pool2d(np.array([[[1.0, 2.0], [3.0, 6.0]]]), 2)
    array([[[3.]]])
    """
    return _avg_pool(
        2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    x,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    """Take the mean of each window of a volume.

    Parameters
    ----------
    x : ndarray of shape (N, C, D, H, W) or (C, D, H, W)
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As in `avg_pool2d`, for three axes.

    Returns
    -------
    ndarray of shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)

    Raises
    ------
    TypeError, ValueError
        As `avg_pool2d`.
    """
    return _avg_pool(
        3, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
