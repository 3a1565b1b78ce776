"""Windows that slide along one axis after another: what pooling and response normalisation share.

The maximum and the sum over a box split: along one axis first, along the next one then. So an
operation over two or three axes is the same short loop, run once an axis.
"""

from typing import NamedTuple

import numpy as np

from cnnbook.ops._arguments import check_array, check_flag, check_not_empty
from cnnbook.shapes import check_memory, per_axis, pool_output_size


class Sliding(NamedTuple):
    """A window that slides along one axis of `size` pixels and stops at `count` places."""

    size: int
    count: int
    kernel: int
    stride: int
    padding: int
    dilation: int = 1

    def entries(self):
        """Yield, for each entry of the window, the windows that use it and the pixels they read.

        Entry a of window t reads pixel ``t * stride + a * dilation - padding``. Windows for which
        that lies outside are left out: padding is never stored, so no number stands for it.
        """
        way = (self.count - 1) * self.stride
        # the entries before and after these meet padding in every window
        entries = (
            max(0, -((way - self.padding) // self.dilation)),
            min(self.kernel, (self.size - 1 + self.padding) // self.dilation + 1),
        )
        for entry in range(*entries):
            start = entry * self.dilation - self.padding  # the pixel that window 0 reads
            first = max(0, -(start // self.stride))
            last = min(self.count - 1, (self.size - 1 - start) // self.stride)
            if first <= last:
                pixels = [start + t * self.stride for t in (first, last)]
                yield slice(first, last + 1), slice(pixels[0], pixels[1] + 1, self.stride)


def along(axis, where):
    """Index that applies `where` to one axis, counted from the end: -1 is the last."""
    return (..., where, *[slice(None)] * (-axis - 1))


def combine_along(x, axis, sliding, combine, initial):
    """Combine the entries of each window along one axis: the windows' maxima, or their sums."""
    shape = list(x.shape)
    shape[axis] = sliding.count
    out = np.full(shape, initial, x.dtype)
    for windows, pixels in sliding.entries():
        target = out[along(axis, windows)]
        combine(target, x[along(axis, pixels)], out=target)
    return out


def spread_along(sums, axis, sliding):
    """Undo `combine_along` for sums: give each pixel the total of the windows that saw it."""
    shape = list(sums.shape)
    shape[axis] = sliding.size
    out = np.zeros(shape, sums.dtype)
    for windows, pixels in sliding.entries():
        out[along(axis, pixels)] += sums[along(axis, windows)]
    return out


def check_pooled(axes, x, kinds="fiu"):
    """Check the array that a pooling over its last `axes` axes is given."""
    size = ("L", "H, W", "D, H, W")[axes - 1]
    check_array("x", x, (axes + 1, axes + 2), shape=f"(N, C, {size}) or (C, {size})", kinds=kinds)
    check_not_empty("x", x, first_axis=x.ndim - axes - 1)


def plan_windows(axes, x, kernel_size, stride, padding, dilation, ceil_mode):
    """Check the arguments of a pooling; return one `Sliding` for each of the last `axes` axes."""
    # PyTorch too takes () for none
    if stride is None or (isinstance(stride, (tuple, list)) and not stride):
        stride = kernel_size
    kernel = per_axis("kernel_size", kernel_size, axes, minimum=1)
    stride = per_axis("stride", stride, axes, minimum=1)
    padding = per_axis("padding", padding, axes, minimum=0)
    dilation = per_axis("dilation", dilation, axes, minimum=1)
    ceil_mode = check_flag("ceil_mode", ceil_mode)
    for name, value in (("kernel_size", kernel), ("padding", padding)):
        if max(value) >= 2**62:  # their sums must fit into NumPy's integers
            raise ValueError(f"{name} is {value}, must be below {2**62}")
    size = x.shape[-axes:]
    count = pool_output_size(size, kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    check_memory([*x.shape[:-axes], *count], padding=padding)
    rows = zip(size, count, kernel, stride, padding, dilation, strict=True)
    return [Sliding(*row) for row in rows]
