"""Sliding windows: the one idea that convolution, its transpose, unfold and fold share.

`window_view` looks at an image through a kernel-sized window without copying anything.
Convolution reads through it, window by window, and multiplies; its transpose writes through it.
Copied out, the windows of an image fill k² times the memory of the image, so the copies are made
block by block.
"""

import math

import numpy as np

WORKSPACE_BYTES = 4 * 2**20
"""Most bytes of windows copied at a time, unless a single row of windows is larger than that.

Small enough that a block is still in the cache when the matrix product reads it, large enough
that the product is worth its start.
"""


def pad_zeros(x, pads):
    """Surround the last axes of `x` with zeros, (before, after) an axis; no copy if all are 0."""
    if not any(map(any, pads)):
        return x
    axes = len(pads)
    size = [before + n + after for n, (before, after) in zip(x.shape[-axes:], pads, strict=True)]
    padded = np.zeros((*x.shape[:-axes], *size), x.dtype)
    crop(padded, pads)[...] = x
    return padded


def crop(x, pads):
    """View the last axes of `x` without (before, after) entries an axis: undoes `pad_zeros`."""
    return x[
        ...,
        *(
            slice(before, n - after)
            for n, (before, after) in zip(x.shape[-len(pads) :], pads, strict=True)
        ),
    ]


def window_view(x, kernel_size, positions, stride, dilation, *, writeable=False):
    """View (N, C, *size) as (N, C, *kernel_size, *positions), without a copy.

    In 2-D, ``view[n, c, a, b, i, j]`` is the pixel that kernel entry (a, b) meets in window
    (i, j): ``x[n, c, i * stride + a * dilation, j * stride + b * dilation]``.
    """
    # where there is one window, or one entry, the step to the next is never taken: it may be huge
    dilation = [d if n > 1 else 0 for d, n in zip(dilation, kernel_size, strict=True)]
    stride = [s if n > 1 else 0 for s, n in zip(stride, positions, strict=True)]
    steps = x.strides[2:]
    return np.lib.stride_tricks.as_strided(
        x,
        shape=(*x.shape[:2], *kernel_size, *positions),
        strides=(
            *x.strides[:2],
            *(step * d for step, d in zip(steps, dilation, strict=True)),
            *(step * s for step, s in zip(steps, stride, strict=True)),
        ),
        writeable=writeable,
    )


def window_blocks(windows, axes):
    """Cut a window view into blocks of at most `WORKSPACE_BYTES`; yield the index of each.

    A block is several whole samples, or some rows (entries of the first axis of positions) of one
    sample. Yields pairs of slices (samples, rows).
    """
    samples, rows = windows.shape[0], windows.shape[-axes]
    row_bytes = windows.itemsize * math.prod(windows.shape[1:]) // rows
    samples_at_once = max(1, WORKSPACE_BYTES // (row_bytes * rows))
    rows_at_once = max(1, min(rows, WORKSPACE_BYTES // row_bytes))
    for n in range(0, samples, samples_at_once):
        for row in range(0, rows, rows_at_once):
            yield slice(n, n + samples_at_once), slice(row, row + rows_at_once)


def take_block(x, axes, block):
    """View the samples and rows of one block; the rows are the first of the last `axes` axes."""
    samples, rows = block
    return x[samples, ..., rows, *(slice(None),) * (axes - 1)]


@np.errstate(invalid="ignore", over="ignore")  # inf - inf is NaN without a word, as in PyTorch
def add_windows(windows, columns):
    """Add to every pixel, through a writeable view, what each of the windows over it holds.

    One kernel entry at a time: a pixel lies in many windows, but only once under the same entry,
    so no sum is lost.
    """
    kernel_size = windows.shape[2 : 2 + (windows.ndim - 2) // 2]
    columns = columns.reshape(windows.shape)
    for entry in np.ndindex(kernel_size):
        windows[:, :, *entry] += columns[:, :, *entry]
