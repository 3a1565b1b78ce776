"""Sizes and counts of convolution and pooling layers: integers in, integers out.

Every size is counted along one axis. A plain int argument describes one axis and gives an int
back; a tuple describes one axis an entry and gives a tuple back. Where tuples and ints are mixed,
an int holds for every axis. `size` is at least 0, `kernel_size`, `stride` and `dilation` are at
least 1. Chapters 3 (sizes), 4 (counts) and 5 (pooling) derive the formulas; Dumoulin & Visin
(2016), arXiv:1603.07285, list them.
"""

import math
from typing import NamedTuple

from cnnbook.checks import axis_count, axis_rows, check_memory, integer, like_arguments, per_axis


class Padding(NamedTuple):
    """Zeros added along one axis: `before` on the top or left, `after` on the bottom or right."""

    before: int
    after: int


def _padded_rows(size, kernel_size, stride, dilation, padding):
    """List size, kernel, stride, dilation and `Padding` of each axis."""
    rows = axis_rows(size=size, kernel_size=kernel_size, stride=stride, dilation=dilation)
    if isinstance(padding, str):
        if padding == "same":
            return [(*row, same_padding(*row)) for row in rows]
        if padding != "valid":
            raise ValueError(f'padding must be ints, "valid" or "same", got {padding!r}')
        padding = 0
    pads = list(padding) if isinstance(padding, (tuple, list)) else [padding]
    if len(pads) == 2 and not axis_count(size, kernel_size, stride, dilation):
        pads = [pads]  # beside plain ints a pair is (before, after)
    if len(pads) == 1:
        pads *= len(rows)
    if len(pads) != len(rows):
        raise ValueError(f"padding has {len(pads)} entries, expected {len(rows)}: {padding!r}")
    pads = [Padding(*per_axis("padding", pad, 2, minimum=0)) for pad in pads]
    return [(*row, pad) for row, pad in zip(rows, pads, strict=True)]


def effective_kernel_size(kernel_size, dilation=1):
    """Extent of a dilated kernel, first to last entry: ``dilation * (kernel_size - 1) + 1``."""
    rows = axis_rows(kernel_size=kernel_size, dilation=dilation)
    return like_arguments([d * (k - 1) + 1 for k, d in rows], kernel_size, dilation)


def output_size(size, kernel_size, stride=1, padding=0, dilation=1, *, rounding="floor"):
    """Count the positions of a sliding window.

    Parameters
    ----------
    padding : int, (before, after), tuple of these, "valid" or "same"
        Zeros on each side of an axis. Beside an int `size` a pair is (before, after), beside a
        tuple one entry an axis. "valid" is 0, "same" is what gives ``ceil(size / stride)``.
    rounding : {"floor", "ceil", "exact"}
        Where the stride does not divide: leave the rest out, let a window hang over, or raise.

    Returns
    -------
    int or tuple of int
        ``rounded((size + before + after - effective_kernel_size) / stride) + 1``.

    Examples
    --------
    >>> output_size((13, 15), kernel_size=(6, 4), stride=(5, 7))
    (2, 2)
    """
    if rounding not in ("floor", "ceil", "exact"):
        raise ValueError(f'rounding must be "floor", "ceil" or "exact", got {rounding!r}')
    rows = _padded_rows(size, kernel_size, stride, dilation, padding)
    result = [_positions(*row, rounding) for row in rows]
    return like_arguments(result, size, kernel_size, stride, dilation)


def _positions(size, kernel, stride, dilation, pad, rounding):
    """Window positions along one axis."""
    padded, extent = size + sum(pad), effective_kernel_size(kernel, dilation)
    way = padded - extent
    # a pooling window may hang over the edge even if it is the only one
    if way < 0 and (rounding != "hang" or way <= -stride):
        raise ValueError(
            f"kernel_size {kernel} with dilation {dilation} spans {extent} pixels, more than the "
            f"{padded} of the padded input (size {size}, padding {tuple(pad)})"
        )
    if rounding == "exact" and way % stride:
        raise ValueError(
            f"stride {stride} does not divide {way}, the way from the first window to the last "
            f"(size {size}, padding {tuple(pad)}, kernel_size {kernel}, dilation {dilation})"
        )
    return (-(-way // stride) if rounding in ("ceil", "hang") else way // stride) + 1


def pool_output_size(size, kernel_size, stride=None, padding=0, dilation=1, *, ceil_mode=False):
    """Count the windows of a pooling layer, as PyTorch does.

    `padding` is at most half of `kernel_size`, `stride` is `kernel_size` when not given. With
    `ceil_mode`, a last window may hang over the edge, if it starts inside the input or its left
    padding; by less than `stride` even if it is the only one.

    >>> pool_output_size(6, 3, 2), pool_output_size(6, 3, 2, ceil_mode=True)
    (2, 3)
    """
    arguments = {"size": size, "kernel_size": kernel_size, "padding": padding, "dilation": dilation}
    arguments["stride"] = kernel_size if stride is None else stride
    result = []
    for i, k, p, d, s in axis_rows(**arguments):
        if 2 * p > k:
            raise ValueError(f"padding {p} is more than half of kernel_size {k}")
        count = _positions(i, k, s, d, Padding(p, p), "hang" if ceil_mode else "floor")
        # a window that starts in the right padding sees nothing: PyTorch drops it
        result.append(count - (ceil_mode and (count - 1) * s >= i + p))
    return like_arguments(result, *arguments.values())


def transposed_output_size(size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    """Size that a transposed convolution returns.

    It is ``(size - 1) * stride - 2 * padding + extent + output_padding``, where `output_padding`,
    rows added at the far end, is less than `stride` or `dilation`.

    >>> transposed_output_size(3, kernel_size=3, stride=2, padding=1)
    5
    """
    arguments = {"size": size, "kernel_size": kernel_size, "stride": stride, "padding": padding}
    arguments |= {"output_padding": output_padding, "dilation": dilation}
    result = []
    for i, k, s, p, extra, d in axis_rows(**arguments):
        if extra >= max(s, d):
            raise ValueError(f"output_padding {extra} must be less than stride {s} or dilation {d}")
        full = (i - 1) * s + effective_kernel_size(k, d) + extra
        if i < 1 or full - 2 * p < 1:
            raise ValueError(
                f"padding {p} on both sides leaves nothing of size {i} spread to {full}"
            )
        result.append(full - 2 * p)
    return like_arguments(result, *arguments.values())


def same_padding_range(size, kernel_size, stride=1, dilation=1):
    """List every total padding that gives ``ceil(size / stride)`` outputs.

    All p with ``s(o-1) - i + k - 1 < p <= s*o - i + k - 1``, from ``o = ceil((i+p-k+1)/s)``, where
    ``o = ceil(i / s)`` and k is the dilated extent. A negative p counts unseen pixels.

    >>> same_padding_range(9, kernel_size=2, stride=4)
    range(1, 5)
    """
    ranges = []
    arguments = {"size": size, "kernel_size": kernel_size, "stride": stride, "dilation": dilation}
    for i, k, s, d in axis_rows(**arguments):
        if i < 1:
            raise ValueError(f"size is {i}, must be at least 1")
        smallest = s * (-(-i // s) - 1) - i + effective_kernel_size(k, d)
        ranges.append(range(smallest, smallest + s))
    return like_arguments(ranges, *arguments.values())


def same_padding(size, kernel_size, stride=1, dilation=1):
    """Split the least padding for ``ceil(size / stride)`` outputs over the two sides.

    ``(p // 2, p - p // 2)`` with p the least of `same_padding_range`, 0 where that is negative: an
    odd zero goes to the bottom or right, as in PyTorch's ``padding="same"``.

    >>> same_padding(9, kernel_size=5, stride=4)
    Padding(before=2, after=2)
    """
    ranges = same_padding_range(size, kernel_size, stride, dilation)
    totals = [max(r.start, 0) for r in (ranges if isinstance(ranges, tuple) else [ranges])]
    pads = [Padding(total // 2, total - total // 2) for total in totals]
    return like_arguments(pads, size, kernel_size, stride, dilation)


def participation_counts(size, kernel_size, stride=1, padding=0, dilation=1):
    """Count in how many windows each pixel of an axis takes part.

    One count a pixel of the unpadded axis; the counts of an image are the outer product. Takes what
    `output_size` takes.

    >>> participation_counts(5, kernel_size=3)
    (1, 2, 3, 2, 1)
    """
    counts = []
    for i, k, s, d, pad in _padded_rows(size, kernel_size, stride, dilation, padding):
        check_memory((i,), size=size)
        windows = _positions(i, k, s, d, pad, "floor")
        counts.append(tuple(_meetings(x + pad.before, k, s, d, windows) for x in range(i)))
    return like_arguments(counts, size, kernel_size, stride, dilation)


def _meetings(pixel, kernel, stride, dilation, windows):
    """Count the pairs of window t and entry a with ``t * stride + a * dilation == pixel``."""
    common = math.gcd(stride, dilation)
    if pixel % common:
        return 0
    first = max(0, -(((kernel - 1) * dilation - pixel) // stride))  # earlier ones end before it
    last = min(windows - 1, pixel // stride)
    # of these windows, every `period`-th one has an entry on the pixel, not a gap
    period = dilation // common
    phase = pixel // common * pow(stride // common, -1, period) if period > 1 else 0
    return max(0, (last - phase) // period - (first - 1 - phase) // period)


def conv_parameters(in_channels, out_channels, kernel_size, *, groups=1, bias=True):
    """Count the trainable numbers of a convolution layer.

    ``out_channels * ((in_channels / groups) * prod(kernel_size) + bias)``, where `groups` divides
    both numbers of channels. An int `kernel_size` is a square 2-D kernel, ``(k,)`` a 1-D one.

    >>> conv_parameters(3, 2, kernel_size=3)
    56
    """
    # as Python's ints: NumPy's small ones would overflow
    groups, in_channels = integer("groups", groups, 1), integer("in_channels", in_channels, 1)
    out_channels = integer("out_channels", out_channels, 1)
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise ValueError(f"{name} {channels} is not divisible by groups {groups}")
    kernel = per_axis("kernel_size", kernel_size, axis_count(kernel_size) or 2, minimum=1)
    return out_channels * (in_channels // groups * math.prod(kernel) + bool(bias))


def conv_macs(in_channels, out_channels, kernel_size, output_size, *, groups=1):
    """Count the multiply-adds of a convolution layer for one sample: ``flops = 2 * macs``.

    ``out_channels * in_channels / groups * prod(kernel_size) * prod(output_size)``, zeros of the
    padding too. `output_size` is that of one map: an int beside an int kernel is a square 2-D map.

    >>> conv_macs(3, 2, kernel_size=3, output_size=(8, 8))
    3456
    """
    axes = axis_count(kernel_size, output_size) or 2
    positions = math.prod(per_axis("output_size", output_size, axes, minimum=0))
    kernel = per_axis("kernel_size", kernel_size, axes)
    return positions * conv_parameters(in_channels, out_channels, kernel, groups=groups, bias=False)


def linear_parameters(in_features, out_features, *, bias=True):
    """Count the trainable numbers of a dense layer.

    ``out_features * (in_features + bias)``; without biases also the number of MACs a sample.
    """
    in_features = integer("in_features", in_features, 1)
    return integer("out_features", out_features, 1) * (in_features + bool(bias))
