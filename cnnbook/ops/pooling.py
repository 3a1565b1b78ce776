"""Max, average and adaptive pooling over 1, 2 and 3 axes, each with its backward (chapter 5).

A pooling reads through the windows of `cnnbook.ops.windows.slide`, one kernel entry at a time, so
that no window is copied. An adaptive pooling is a few poolings side by side, for its windows come
in a pattern that repeats.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from cnnbook.checks import check_array, check_grad_out, check_memory, flag, integer, per_axis
from cnnbook.ops.gradients import InputGradient
from cnnbook.ops.variants import variants
from cnnbook.ops.windows import Plan, crop, slide, spread, surround
from cnnbook.shapes import pool_output_size, transposed_output_size

_MAPS = "", "(N, C, L) or (C, L)", "(N, C, H, W) or (C, H, W)", "(N, C, D, H, W) or (C, D, H, W)"


class Tile(NamedTuple):
    """Windows with one step: where they stand in the output, and in which part of the maps."""

    where: tuple
    part: tuple
    plan: Plan


class Tiling(NamedTuple):
    """All windows of a pooling."""

    pads: list
    positions: tuple
    tiles: list


# ---------------------------------------------------------------- max


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
        Whether to return also where each maximum lies; a window that sees padding only has none.

    Returns
    -------
    ndarray of shape (N, C, H_out, W_out) or (C, H_out, W_out)
        Sizes as given by `cnnbook.shapes.pool_output_size`; dtype of `x`. A window with a NaN
        gives NaN.
    ndarray of int64 and of the same shape
        Only with `return_indices`: ``row * W + column`` of each maximum in its map (in 3-D
        ``(depth * H + row) * W + column``), the first one of equals, the last one of several NaN.

    Examples
    --------
    >>> values, indices = max_pool2d(np.array([[[1.0, 7.0], [7.0, 3.0]]]), 2, return_indices=True)
    >>> values, indices
    (array([[[7.]]]), array([[[1]]]))
    """
    return _max(_tile, 2, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d_backward(
    grad_out, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
    return_indices=False,
):  # fmt: skip
    """Take the gradient of `max_pool2d`: add that of each window to the pixel that won it.

    `grad_out`, of the shape of the maxima and the dtype of `x`, is the gradient of the loss with
    respect to them; indices have none, so `return_indices` changes nothing.

    >>> x = np.array([[[1.0, 7.0, 7.0]]])  # two windows, one maximum: their gradients add up
    >>> max_pool2d_backward(np.array([[[1.0, 10.0]]]), x, (1, 2), stride=1).grad_x
    array([[[ 0., 11.,  0.]]])
    """
    window = kernel_size, stride, padding, dilation, ceil_mode
    return _max_backward(_tile, 2, grad_out, x, *window, return_indices)


def adaptive_max_pool2d(x, output_size, return_indices=False):
    """Take the maximum of each of a given number of windows of each map.

    The windows are those of `adaptive_avg_pool2d`, the indices those of `max_pool2d`.

    >>> adaptive_max_pool2d(np.array([[[1.0, 2.0, 3.0]]]), (None, 2))
    array([[[2., 3.]]])
    """
    return _max(_tile_adaptive, 2, x, output_size, return_indices)


def adaptive_max_pool2d_backward(grad_out, x, output_size, return_indices=False):
    """Take the gradient of `adaptive_max_pool2d`, as `max_pool2d_backward`."""
    return _max_backward(_tile_adaptive, 2, grad_out, x, output_size, return_indices)


def winners(windows, pixels):
    """Find the maximum of each window, and the pixel that it is.

    The first of equals wins, but of several NaN the last: so PyTorch's loop has it. `pixels`, the
    windows of a map of numbers, says which pixel is where; -1 is padding, and the winner of a
    window that sees nothing else.
    """
    axes = windows.ndim // 2 - 1
    best = windows[:, :, *[0] * axes].copy()
    entries = list(np.ndindex(windows.shape[2 : 2 + axes]))
    won = np.zeros(best.shape, np.min_scalar_type(len(entries)))  # 0 is none, the first entry is 1
    for number, entry in enumerate(entries, start=1):
        candidate = np.ascontiguousarray(windows[:, :, *entry])
        better = (won == 0) & (pixels[:, :, *entry] >= 0) | (candidate > best)
        better |= np.isnan(candidate)
        np.maximum(won, better * won.dtype.type(number), out=won)  # a later entry has more
        np.maximum(best, candidate, out=best)
    pixels = pixels.reshape(len(entries), -1)
    none = np.full((1, pixels.shape[1]), -1)
    window = np.arange(pixels.shape[1]).reshape(best.shape[2:])
    return best, np.concatenate([none, pixels]).ravel()[won * np.int64(window.size) + window]


def _max(tile, axes, x, *settings):
    *window, return_indices = settings
    tiling, size = tile(axes, x, *window), x.shape[-axes:]
    least = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    padded = surround(x.reshape(-1, *x.shape[-axes - 1 :]), tiling.pads, least)
    shape = *x.shape[:-axes], *tiling.positions
    if not flag("return_indices", return_indices):
        return _reduce(padded, tiling, np.maximum).reshape(shape)
    pixels = surround(np.arange(math.prod(size)).reshape(1, 1, *size), tiling.pads, -1)
    best = np.empty((*padded.shape[:2], *tiling.positions), x.dtype)
    index = np.empty(best.shape, np.int64)
    for where, part, plan in tiling.tiles:
        best[where], index[where] = winners(slide(padded[part], plan), slide(pixels[part], plan))
    if (index < 0).any():
        raise ValueError(
            f"padding {tiling.pads} with dilation {plan.dilation} makes a window of kernel_size "
            f"{plan.kernel_size} that sees no pixel, so its maximum has no index"
        )
    return best.reshape(shape), index.reshape(shape)


def _max_backward(tile, axes, grad_out, x, *settings):
    *window, return_indices = settings
    tiling, size = tile(axes, x, *window), x.shape[-axes:]
    flag("return_indices", return_indices)
    check_grad_out(grad_out, x, (*x.shape[:-axes], *tiling.positions))
    padded = surround(x.reshape(-1, *x.shape[-axes - 1 :]), tiling.pads, -np.inf)
    pixels = surround(np.arange(math.prod(size)).reshape(1, 1, *size), tiling.pads, -1)
    grad_out = grad_out.reshape(*padded.shape[:2], *tiling.positions)
    grad, first = np.zeros(x.size, x.dtype), np.arange(0, x.size, math.prod(size))
    first = first.reshape(*padded.shape[:2], *[1] * axes)  # pixel of each map
    for where, part, plan in tiling.tiles:
        _, index = winners(slide(padded[part], plan), slide(pixels[part], plan))
        sees = index >= 0
        np.add.at(grad, (first + index)[sees], grad_out[where][sees])
    return InputGradient(grad.reshape(x.shape))


# ---------------------------------------------------------------- mean


def avg_pool2d(
    x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
    divisor_override=None,
):  # fmt: skip
    """Take the mean of each window of each map.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W) or (C, H, W)
        Floats. N may be 0. (PyTorch averages int64 too, rounded towards zero.)
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

    Examples
    --------
    >>> avg_pool2d(np.array([[[1.0, 2.0], [3.0, 6.0]]]), 2)
    array([[[3.]]])
    """
    window = kernel_size, stride, padding, ceil_mode
    return _avg(2, x, *window, count_include_pad, divisor_override)


def avg_pool2d_backward(
    grad_out, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
    divisor_override=None,
):  # fmt: skip
    """Take the gradient of `avg_pool2d`: divide as it did, add to every pixel of the window.

    >>> x = np.array([[[1.0, 7.0, 7.0]]])
    >>> avg_pool2d_backward(np.array([[[1.0, 10.0]]]), x, (1, 2), stride=1).grad_x
    array([[[0.5, 5.5, 5. ]]])
    """
    window = kernel_size, stride, padding, ceil_mode
    return _avg_backward(2, grad_out, x, *window, count_include_pad, divisor_override)


def avg_pool1d(x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """As `avg_pool2d`, over one axis."""
    return _avg(1, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool1d_backward(
    grad_out, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True
):
    """As `avg_pool2d_backward`, over one axis."""
    return _avg_backward(1, grad_out, x, kernel_size, stride, padding, ceil_mode, count_include_pad)


def adaptive_avg_pool2d(x, output_size):
    """Take the mean of each of a given number of windows of each map.

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W) or (C, H, W)
        Floats. N may be 0.
    output_size : int or tuple of int or None
        Windows along each axis, at least 0; None keeps the size of the axis. Window i of o along an
        axis of n pixels runs from ``floor(i * n / o)`` to before ``ceil((i + 1) * n / o)``.

    References
    ----------
    He et al. (2014), Spatial Pyramid Pooling, arXiv:1406.4729.

    Examples
    --------
    >>> adaptive_avg_pool2d(np.array([[[1.0, 2.0, 3.0]]]), (None, 2))
    array([[[1.5, 2.5]]])
    """
    return _adaptive_mean(2, x, output_size)


def adaptive_avg_pool2d_backward(grad_out, x, output_size):
    """Take the gradient of `adaptive_avg_pool2d`, as `avg_pool2d_backward`."""
    return _adaptive_mean_backward(2, grad_out, x, output_size)


def _avg(axes, x, kernel_size, stride, padding, ceil_mode, include, override=None):
    tiling = _tile(axes, x, kernel_size, stride, padding, 1, ceil_mode, kinds="f")
    return _mean(x, tiling, include, override)


def _avg_backward(
    axes, grad_out, x, kernel_size, stride, padding, ceil_mode, include, override=None
):
    tiling = _tile(axes, x, kernel_size, stride, padding, 1, ceil_mode, kinds="f")
    return _mean_backward(grad_out, x, tiling, include, override)


@np.errstate(over="ignore", invalid="ignore")  # inf - inf is NaN without a warning, as in PyTorch
def _mean(x, tiling, include=True, override=None):
    divisor = _divisor(x, tiling, include, override)
    padded = surround(x.reshape(-1, *x.shape[-len(tiling.pads) - 1 :]), tiling.pads)
    mean = _reduce(padded, tiling, np.add)
    mean /= divisor
    return mean.reshape(*x.shape[: -len(tiling.pads)], *tiling.positions)


@np.errstate(over="ignore", invalid="ignore")
def _mean_backward(grad_out, x, tiling, include=True, override=None):
    divisor, axes = _divisor(x, tiling, include, override), len(tiling.pads)
    check_grad_out(grad_out, x, (*x.shape[:-axes], *tiling.positions))
    maps = x.reshape(-1, *x.shape[-axes - 1 :])
    share = grad_out.reshape(*maps.shape[:2], *tiling.positions) / divisor
    grad = surround(np.zeros_like(maps), tiling.pads)
    for where, part, plan in tiling.tiles:
        receiving = slide(grad[part], plan, writeable=True)
        given = share[where][:, :, *[np.newaxis] * axes]
        spread(receiving, np.broadcast_to(given, receiving.shape), axes)
    return InputGradient(np.ascontiguousarray(crop(grad, tiling.pads)).reshape(x.shape))


@np.errstate(over="ignore", invalid="ignore")
def _adaptive_mean(axes, x, output_size):
    tiling = _tile_adaptive(axes, x, output_size, kinds="f")
    shares = _shares(x, x.shape[-axes:], tiling.positions)
    return _mean(x, tiling) if shares is None else _along_axes(x, shares)


@np.errstate(over="ignore", invalid="ignore")
def _adaptive_mean_backward(axes, grad_out, x, output_size):
    tiling = _tile_adaptive(axes, x, output_size, kinds="f")
    check_grad_out(grad_out, x, (*x.shape[:-axes], *tiling.positions))
    shares = _shares(grad_out, x.shape[-axes:], tiling.positions)
    if shares is None:
        return _mean_backward(grad_out, x, tiling)
    return InputGradient(_along_axes(grad_out, [share.T for share in shares]))


def _shares(x, size, counts):
    """Write an adaptive mean as a matrix an axis: what each pixel counts in each window.

    None where that is no good: where 0 * inf would be NaN, or a matrix large.
    """
    if not np.isfinite(x.sum()) or any(n * o > 2**20 for n, o in zip(size, counts, strict=True)):
        return None
    shares = []
    for n, count in zip(size, counts, strict=True):
        shares.append(np.zeros((count, n), x.dtype))
        for i, row in enumerate(shares[-1]):
            first, last = i * n // count, -(-(i + 1) * n // count)
            row[first:last] = 1 / (last - first)
    return shares


def _along_axes(x, matrices):
    """Multiply each of the last axes by a matrix of its own."""
    for axis, matrix in enumerate(matrices, start=-len(matrices)):
        before, after = x.shape[:axis], x.shape[axis:][1:]
        flat = x.reshape(*before, matrix.shape[1], math.prod(after))
        x = (matrix @ flat if after else x @ matrix.T).reshape(*before, len(matrix), *after)
    return x


def _divisor(x, tiling, include, override):
    """What each sum is divided by: a number, or the number of pixels in each window."""
    include = flag("count_include_pad", include)
    if override is not None:
        divisor = integer("divisor_override", override, form="an int")
        if divisor == 0:
            raise ValueError("divisor_override is 0, must be another integer")
        if abs(divisor) >= 2**63:
            raise ValueError(f"divisor_override is {divisor}, does not fit int64")
        return x.dtype.type(divisor)
    ones, pads = np.ones((1, 1, *x.shape[-len(tiling.pads) :]), x.dtype), tiling.pads
    if include:  # but what hangs over the padding is no pixel
        ones = surround(ones, [(before, before) for before, _ in pads], 1)
        pads = [(0, after - before) for before, after in pads]
    return _reduce(surround(ones, pads), tiling, np.add)


# ---------------------------------------------------------------- windows of both


def _reduce(maps, tiling, combine):
    """Combine the pixels of each window: one kernel entry at a time, in all windows."""
    out = np.empty((*maps.shape[:2], *tiling.positions), maps.dtype)
    for where, part, plan in tiling.tiles:
        windows, total = slide(maps[part], plan), out[where]
        first, *others = np.ndindex(plan.kernel_size)
        total[...] = windows[:, :, *first]
        for entry in others:
            combine(total, windows[:, :, *entry], out=total)
    return out


def _tile(axes, x, kernel_size, stride, padding, dilation, ceil_mode, kinds="fiu"):
    """Check the arguments of a pooling; its windows are one tile."""
    check_array("x", x, (axes + 1, axes + 2), shape=_MAPS[axes], kinds=kinds, filled=-axes - 1)
    if stride is None or (isinstance(stride, tuple | list) and not stride):
        stride = kernel_size  # PyTorch too takes () for none
    kernel = per_axis("kernel_size", kernel_size, axes, minimum=1)
    stride = per_axis("stride", stride, axes, minimum=1)
    padding = per_axis("padding", padding, axes, minimum=0)
    dilation = per_axis("dilation", dilation, axes, minimum=1)
    size, pads = x.shape[-axes:], [(p, p) for p in padding]
    rows = zip(size, kernel, padding, dilation, strict=True)
    if flag("ceil_mode", ceil_mode) or any(
        2 * p > k or d * (k - 1) >= n + 2 * p for n, k, p, d in rows
    ):
        # raises, unless windows hang over the edge
        count = pool_output_size(size, kernel, stride, padding, dilation, ceil_mode=ceil_mode)
        seen = transposed_output_size(count, kernel, stride, dilation=dilation)
        pads = [(p, max(p, s - n - p)) for n, p, s in zip(size, padding, seen, strict=True)]
    whole = [n + sum(pair) for n, pair in zip(size, pads, strict=True)]
    check_memory((*x.shape[:-axes], *whole), padding=padding)
    plan = Plan(kernel, stride, dilation, pads)
    windows = slide(np.broadcast_to(False, (1, 1, *whole)), plan)
    return Tiling(pads, windows.shape[-axes:], [Tile((...,), (...,), plan)])


def _tile_adaptive(axes, x, output_size, kinds="fiu"):
    """Check the arguments of an adaptive pooling; along each axis its windows have a pattern.

    Of 6 windows over 27 pixels, for example, each sees what the last but one sees, 9 further on.
    """
    check_array("x", x, (axes + 1, axes + 2), shape=_MAPS[axes], kinds=kinds, filled=-axes - 1)
    size = x.shape[-axes:]
    if isinstance(output_size, tuple | list) and len(output_size) == axes:
        output_size = [n if o is None else o for n, o in zip(size, output_size, strict=True)]
    elif isinstance(output_size, tuple | list):  # PyTorch does not spread a single entry here
        raise ValueError(f"output_size has {len(output_size)} entries, expected {axes}")
    counts = per_axis("output_size", output_size, axes, minimum=0)
    check_memory((*x.shape[:-axes], *counts), output_size=output_size)
    choices = []
    for n, count in zip(size, counts, strict=True):
        repeats = math.gcd(n, count)
        period, step = count // repeats, n // repeats
        ends = [(i * n // count, -(-(i + 1) * n // count)) for i in range(period)]
        choices.append(
            [(slice(i, None, period), slice(a, None), b - a, step) for i, (a, b) in enumerate(ends)]
        )
    tiles = []
    for chosen in itertools.product(*choices):
        where, part, kernel, stride = zip(*chosen, strict=True)
        plan = Plan(kernel, stride, (1,) * axes, [(0, 0)] * axes)
        tiles.append(Tile((..., *where), (..., *part), plan))
    return Tiling([(0, 0)] * axes, counts, tiles)


# ---------------------------------------------------------------- over one and three axes

max_pool1d, max_pool3d = variants(max_pool2d, _max, _tile)
max_pool1d_backward, max_pool3d_backward = variants(max_pool2d_backward, _max_backward, _tile)
_, avg_pool3d = variants(avg_pool2d, _avg)  # in 1-D there is no `divisor_override`
_, avg_pool3d_backward = variants(avg_pool2d_backward, _avg_backward)
adaptive_max_pool1d, adaptive_max_pool3d = variants(adaptive_max_pool2d, _max, _tile_adaptive)
adaptive_max_pool1d_backward, adaptive_max_pool3d_backward = variants(
    adaptive_max_pool2d_backward, _max_backward, _tile_adaptive
)
adaptive_avg_pool1d, adaptive_avg_pool3d = variants(adaptive_avg_pool2d, _adaptive_mean)
adaptive_avg_pool1d_backward, adaptive_avg_pool3d_backward = variants(
    adaptive_avg_pool2d_backward, _adaptive_mean_backward
)
