"""Windows that slide over an array: the one idea behind convolution, its transpose and pooling.

`slide` looks at an image through a window without copying anything. Convolution reads through it
and multiplies, pooling reads through it and compares; what goes backwards is added through it.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

WORKSPACE_BYTES = 4 * 2**20
"""Most bytes of copied windows held at a time, or one row of windows where that is larger: few
enough to be still in the cache when the matrix product reads them."""


class Plan(NamedTuple):
    """How windows lie on the last axes of an array: checked settings, an entry an axis."""

    kernel_size: tuple
    stride: tuple
    dilation: tuple
    pads: list  # (before, after)


def surround(x, pads, value=0):
    """Pad the last axes of `x` with (before, after) entries an axis; no copy if all are 0."""
    if not any(map(any, pads)):
        return x
    sizes = zip(x.shape[-len(pads) :], pads, strict=True)
    whole = [before + n + after for n, (before, after) in sizes]
    out = np.full((*x.shape[: -len(pads)], *whole), value, x.dtype)
    crop(out, pads)[...] = x
    return out


def crop(x, pads):
    """View the last axes of `x` without (before, after) entries an axis: undoes `surround`."""
    sizes = zip(x.shape[-len(pads) :], pads, strict=True)
    return x[..., *(slice(before, n - after) for n, (before, after) in sizes)]


def slide(x, plan, positions=None, *, writeable=False):
    """View (N, C, *size), already padded, as (N, C, *kernel_size, *positions); copy nothing.

    In 2-D, ``windows[n, c, a, b, i, j]`` is the pixel that kernel entry (a, b) meets in window
    (i, j): ``x[n, c, i * stride + a * dilation, j * stride + b * dilation]``. There are as many
    windows as fit, or the first `positions` of them.
    """
    axes = len(plan.kernel_size)
    extent = [d * (k - 1) + 1 for k, d in zip(plan.kernel_size, plan.dilation, strict=True)]
    windows = sliding_window_view(x, extent, tuple(range(2, x.ndim)), writeable=writeable)
    steps = [slice(None, None, step) for step in (*plan.stride, *plan.dilation)]
    windows = windows[:, :, *steps].transpose(
        0, 1, *range(2 + axes, 2 + 2 * axes), *range(2, x.ndim)
    )
    return windows if positions is None else windows[..., *map(slice, positions)]


def run_on(windows, axes):
    """View (..., *positions) as (..., run): each row of windows, its step 1, runs on into the next.

    What stands between the rows is junk: windows that begin at the right edge and end at the left.
    """
    ends = zip(windows.shape[-axes:], windows.strides[-axes:], strict=True)
    run = sum((n - 1) * step for n, step in ends) // windows.itemsize + 1
    strides = *windows.strides[:-axes], windows.itemsize
    return as_strided(windows, (*windows.shape[:-axes], run), strides, writeable=False)


def blocks(windows, row_axis, copied=True, cost=1):
    """Cut (samples, groups, ..., rows, ...) into blocks that fill `WORKSPACE_BYTES` at most.

    Yields the slices (samples, groups, rows) of each block, the view of it, and where it is to be
    copied, room for `cost` times as many numbers: the same memory each time. A block is never less
    than one row.
    """
    shape, steps = (*windows.shape[:2], windows.shape[row_axis]), []
    budget = int(WORKSPACE_BYTES * math.prod(shape) / max(1, cost * windows.nbytes))
    for n in reversed(shape):  # as many rows as fit, then groups, then samples
        steps.insert(0, max(1, min(n, budget)))
        budget //= max(1, n)
    room = None
    for starts in itertools.product(*map(range, (0, 0, 0), shape, steps)):
        block = [slice(start, start + step) for start, step in zip(starts, steps, strict=True)]
        part = windows[*block[:2], ..., block[2], *[slice(None)] * (-row_axis - 1)]
        if copied and room is None:
            room = np.empty(math.ceil(cost * part.size), part.dtype)  # no later block is larger
        yield block, part, room


@np.errstate(invalid="ignore", over="ignore")  # inf - inf is NaN without a word, as in PyTorch
def spread(windows, columns, axes):
    """Add to every pixel, through a writeable view, what each of the windows over it holds.

    One kernel entry at a time: a pixel lies in many windows, but only once under the same entry,
    so no sum is lost.
    """
    batch = [slice(None)] * (windows.ndim - 2 * axes)
    for entry in np.ndindex(windows.shape[-2 * axes : -axes]):
        windows[*batch, *entry] += columns[*batch, *entry]
