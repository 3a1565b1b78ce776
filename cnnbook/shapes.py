"""Sizes and counts of convolution and pooling layers: integers in, integers out.

Every size is counted along one axis. A plain int argument describes one axis and gives an int
back; a tuple describes one axis an entry and gives a tuple back. Where tuples and ints are mixed,
an int holds for every axis. Chapters 3 (sizes), 4 (counts) and 5 (pooling) derive the formulas.
"""

import math
import operator
from typing import NamedTuple


class Padding(NamedTuple):
    """Zeros added along one axis: `before` on the top or left, `after` on the bottom or right."""

    before: int
    after: int


def _integer(name, value, minimum):
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an int or a tuple of ints, got {value!r}")
    try:
        value = operator.index(value)
    except TypeError:  # an ndarray has __index__ but is no integer
        raise TypeError(f"{name} must be an int or a tuple of ints, got {value!r}") from None
    if minimum is not None and value < minimum:
        raise ValueError(f"{name} is {value}, must be at least {minimum}")
    return value


def per_axis(name, value, axes, minimum=None):
    """Spread an int-or-tuple argument over `axes` axes.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : int or sequence of int
        One value for every axis, or one an axis.
    axes : int
        How many axes there are.
    minimum : int, optional
        The smallest value allowed.

    Returns
    -------
    tuple of int, of length `axes`

    Raises
    ------
    TypeError
        If a value is not an integer (a bool or a float is not).
    ValueError
        If the number of values is not `axes`, or one is below `minimum`.

    Examples
    --------
    >>> per_axis("stride", 2, axes=2)
    (2, 2)
    """
    if not isinstance(value, (tuple, list)):
        return (_integer(name, value, minimum),) * axes
    if len(value) == 1 and axes > 1:
        value = tuple(value) * axes  # torch spreads a single entry too
    if len(value) != axes:
        raise ValueError(f"{name} has {len(value)} entries, expected {axes}: {value!r}")
    return tuple(_integer(name, entry, minimum) for entry in value)


_LEAST = {"size": 0, "padding": 0, "output_padding": 0}  # every other argument is at least 1


def _axis_count(*arguments):
    """Number of axes that the tuples among the arguments describe, 0 if all are plain ints."""
    return max([len(a) for a in arguments if isinstance(a, (tuple, list))], default=0)


def _rows(**arguments):
    """Turn named int-or-tuple arguments into one row of ints an axis."""
    axes = _axis_count(*arguments.values()) or 1
    columns = [per_axis(name, a, axes, _LEAST.get(name, 1)) for name, a in arguments.items()]
    return list(zip(*columns, strict=True))


def _like(result, *arguments):
    """A tuple if any argument was one, else the only entry."""
    return tuple(result) if _axis_count(*arguments) else result[0]


def _pad_pairs(padding, rows, axes):
    """Read `padding` as one `Padding` an axis; with no tuple among the sizes a pair stands alone."""
    if padding == "valid":
        return [Padding(0, 0)] * len(rows)
    if padding == "same":
        return [same_padding(*row) for row in rows]
    if isinstance(padding, str):
        raise ValueError(f'padding must be ints, "valid" or "same", got {padding!r}')
    entries = list(padding) if isinstance(padding, (tuple, list)) else [padding]
    if not axes and len(entries) == 2:
        entries = [entries]
    if len(entries) == 1:
        entries *= len(rows)
    if len(entries) != len(rows):
        raise ValueError(f"padding has {len(entries)} entries, expected {len(rows)}: {padding!r}")
    return [Padding(*per_axis("padding", entry, 2, minimum=0)) for entry in entries]


def effective_kernel_size(kernel_size, dilation=1):
    """Extent of a dilated kernel, from its first to its last entry.

    Parameters
    ----------
    kernel_size, dilation : int or tuple of int
        In pixels, at least 1.

    Returns
    -------
    int or tuple of int
        ``dilation * (kernel_size - 1) + 1``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a positive integer.

    References
    ----------
    Dumoulin & Visin (2016), arXiv:1603.07285, section 5.1.
    """
    rows = _rows(kernel_size=kernel_size, dilation=dilation)
    return _like([d * (k - 1) + 1 for k, d in rows], kernel_size, dilation)


def output_size(size, kernel_size, stride=1, padding=0, dilation=1, *, rounding="floor"):
    """Count the positions of a sliding window.

    Parameters
    ----------
    size : int or tuple of int
        Input size along each axis, in pixels, at least 0.
    kernel_size, stride, dilation : int or tuple of int
        As in `torch.nn.Conv2d`, at least 1.
    padding : int, (before, after), tuple of these, "valid" or "same"
        Zeros on each side of an axis. Beside an int `size`, a pair is (before, after); beside a
        tuple it holds one entry an axis, each an int or a pair. "valid" is 0, "same" is what
        gives ``ceil(size / stride)``.
    rounding : {"floor", "ceil", "exact"}
        What to do when the stride does not divide the way: leave the rest out, let a last window
        hang over the edge, or raise.

    Returns
    -------
    int or tuple of int
        ``rounded((size + before + after - extent) / stride) + 1`` with
        ``extent = dilation * (kernel_size - 1) + 1``.

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If no window fits, an argument is out of range, or `rounding` is "exact" and the stride
        does not divide.

    References
    ----------
    Dumoulin & Visin (2016), arXiv:1603.07285, relationship 6; chapter 3.

    Examples
    --------
    >>> output_size(5, kernel_size=3, stride=2, padding=1)
    3
    >>> output_size((13, 15), kernel_size=(6, 4), stride=(5, 7))
    (2, 2)
    """
    if rounding not in ("floor", "ceil", "exact"):
        raise ValueError(f'rounding must be "floor", "ceil" or "exact", got {rounding!r}')
    rows = _rows(size=size, kernel_size=kernel_size, stride=stride, dilation=dilation)
    pads = _pad_pairs(padding, rows, _axis_count(size, kernel_size, stride, dilation))
    result = [_positions(*row, pad, rounding) for row, pad in zip(rows, pads, strict=True)]
    return _like(result, size, kernel_size, stride, dilation)


def _positions(size, kernel, stride, dilation, pad, rounding):
    """Window positions along one axis."""
    way = size + sum(pad) - effective_kernel_size(kernel, dilation)
    # a pooling window may hang over the edge even if it is the only one
    if way < 0 and (rounding != "hang" or way <= -stride):
        raise ValueError(
            f"kernel_size {kernel} with dilation {dilation} spans {size + sum(pad) - way} pixels, "
            f"more than the {size + sum(pad)} of the padded input (size {size}, padding {tuple(pad)})"
        )
    if rounding == "exact" and way % stride:
        raise ValueError(
            f"stride {stride} does not divide {way}, the way from the first window to the last "
            f"(size {size}, padding {tuple(pad)}, kernel_size {kernel}, dilation {dilation})"
        )
    return (-(-way // stride) if rounding in ("ceil", "hang") else way // stride) + 1


def pool_output_size(size, kernel_size, stride=None, padding=0, dilation=1, *, ceil_mode=False):
    """Count the windows of a pooling layer, as PyTorch does.

    Parameters
    ----------
    size, kernel_size, padding, dilation : int or tuple of int
        As in `output_size`; `padding` is at most half of `kernel_size`.
    stride : int or tuple of int, optional
        `kernel_size` when not given.
    ceil_mode : bool
        Let a last window hang over the edge, if it starts inside the input or its left padding;
        by less than `stride` even if it is the only one.

    Returns
    -------
    int or tuple of int

    Raises
    ------
    TypeError, ValueError
        As `output_size`, and if `padding` exceeds half of `kernel_size`.

    References
    ----------
    `torch.nn.MaxPool2d`; chapter 5.

    Examples
    --------
    >>> pool_output_size(6, 3, 2), pool_output_size(6, 3, 2, ceil_mode=True)
    (2, 3)
    """
    stride = kernel_size if stride is None else stride
    arguments = {"size": size, "kernel_size": kernel_size, "stride": stride, "padding": padding}
    result = []
    for i, k, s, p, d in _rows(**arguments, dilation=dilation):
        if 2 * p > k:
            raise ValueError(f"padding {p} is more than half of kernel_size {k}")
        count = _positions(i, k, s, d, Padding(p, p), "hang" if ceil_mode else "floor")
        # a window that starts in the right padding sees nothing: PyTorch drops it
        result.append(count - (ceil_mode and (count - 1) * s >= i + p))
    return _like(result, *arguments.values(), dilation)


def transposed_output_size(size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):
    """Size that a transposed convolution returns.

    Parameters
    ----------
    size, kernel_size, stride, padding, dilation : int or tuple of int
        Of the transposed convolution; `size` is its input.
    output_padding : int or tuple of int
        Rows added at the far end, less than `stride` or `dilation`: it picks one of the sizes
        that a strided convolution maps to `size`.

    Returns
    -------
    int or tuple of int
        ``(size - 1) * stride - 2 * padding + extent + output_padding``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not an integer in its range, or nothing is left after `padding`.

    References
    ----------
    Dumoulin & Visin (2016), arXiv:1603.07285, relationship 14.

    Examples
    --------
    >>> transposed_output_size(3, kernel_size=3, stride=2, padding=1)
    5
    """
    arguments = {"size": size, "kernel_size": kernel_size, "stride": stride, "padding": padding}
    arguments |= {"output_padding": output_padding, "dilation": dilation}
    result = []
    for i, k, s, p, extra, d in _rows(**arguments):
        if extra >= max(s, d):
            raise ValueError(f"output_padding {extra} must be less than stride {s} or dilation {d}")
        full = (i - 1) * s + effective_kernel_size(k, d) + extra
        if i < 1 or full - 2 * p < 1:
            raise ValueError(
                f"padding {p} on both sides leaves nothing of size {i} spread to {full}"
            )
        result.append(full - 2 * p)
    return _like(result, *arguments.values())


def same_padding_range(size, kernel_size, stride=1, dilation=1):
    """List every total padding that gives ``ceil(size / stride)`` outputs.

    Parameters
    ----------
    size, kernel_size, stride, dilation : int or tuple of int
        At least 1.

    Returns
    -------
    range, or tuple of range
        All p with ``s(o-1) - i + k - 1 < p <= s*o - i + k - 1`` where ``o = ceil(i / s)`` and k
        is the dilated extent: `stride` values. A negative p means that so many pixels at the
        border are seen by no window: they could be cut off.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a positive integer.

    References
    ----------
    Chapter 3, derived from ``o = ceil((i + p - k + 1) / s)``.

    Examples
    --------
    >>> same_padding_range(9, kernel_size=2, stride=4)
    range(1, 5)
    """
    ranges = []
    for i, k, s, d in _rows(size=size, kernel_size=kernel_size, stride=stride, dilation=dilation):
        if i < 1:
            raise ValueError(f"size is {i}, must be at least 1")
        smallest = s * (-(-i // s) - 1) - i + effective_kernel_size(k, d)
        ranges.append(range(smallest, smallest + s))
    return _like(ranges, size, kernel_size, stride, dilation)


def same_padding(size, kernel_size, stride=1, dilation=1):
    """Split the least padding for ``ceil(size / stride)`` outputs over the two sides.

    Parameters
    ----------
    size, kernel_size, stride, dilation : int or tuple of int
        At least 1.

    Returns
    -------
    Padding, or tuple of Padding
        ``(p // 2, p - p // 2)`` with p the least admissible total, 0 where that is negative: an
        odd zero goes to the bottom or right, as in PyTorch and TensorFlow.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a positive integer.

    References
    ----------
    Chapter 3; `torch.nn.functional.conv2d` with ``padding="same"``.

    Examples
    --------
    >>> same_padding(9, kernel_size=5, stride=4)
    Padding(before=2, after=2)
    """
    ranges = same_padding_range(size, kernel_size, stride, dilation)
    several = isinstance(ranges, tuple)
    totals = [max(r.start, 0) for r in (ranges if several else [ranges])]
    pads = [Padding(total // 2, total - total // 2) for total in totals]
    return tuple(pads) if several else pads[0]


def participation_counts(size, kernel_size, stride=1, padding=0, dilation=1):
    """Count in how many windows each pixel of an axis takes part.

    Parameters
    ----------
    size, kernel_size, stride, padding, dilation
        As in `output_size`.

    Returns
    -------
    tuple of int, or tuple of tuple of int
        One count a pixel of the unpadded axis. For several axes, one tuple an axis; the counts
        of an image are their outer product.

    Raises
    ------
    TypeError, ValueError
        As `output_size`.

    References
    ----------
    Chapter 3.

    Examples
    --------
    >>> participation_counts(5, kernel_size=3)
    (1, 2, 3, 2, 1)
    """
    rows = _rows(size=size, kernel_size=kernel_size, stride=stride, dilation=dilation)
    pads = _pad_pairs(padding, rows, _axis_count(size, kernel_size, stride, dilation))
    counts = []
    for (i, k, s, d), pad in zip(rows, pads, strict=True):
        windows = range(_positions(i, k, s, d, pad, "floor"))
        seen = [t * s + a * d - pad.before for t in windows for a in range(k)]
        counts.append(tuple(map(seen.count, range(i))))
    return _like(counts, size, kernel_size, stride, dilation)


def _channels(in_channels, out_channels, groups):
    in_channels = _integer("in_channels", in_channels, 1)
    out_channels = _integer("out_channels", out_channels, 1)
    groups = _integer("groups", groups, 1)
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise ValueError(f"{name} {channels} is not divisible by groups {groups}")
    return in_channels, out_channels, groups


def conv_parameters(in_channels, out_channels, kernel_size, *, groups=1, bias=True):
    """Count the trainable numbers of a convolution layer.

    Parameters
    ----------
    in_channels, out_channels : int
        At least 1, divisible by `groups`.
    kernel_size : int or tuple of int
        An int is a square 2-D kernel, as in `torch.nn.Conv2d`; write ``(k,)`` for 1-D and
        ``(k, k, k)`` for 3-D.
    groups : int
        Number of groups that the channels are split into.
    bias : bool
        Whether one bias an output channel is counted.

    Returns
    -------
    int
        ``out_channels * (in_channels / groups) * prod(kernel_size)``, plus `out_channels` with
        biases.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a positive integer, or `groups` does not divide the channels.

    References
    ----------
    Chapter 4.

    Examples
    --------
    >>> conv_parameters(3, 2, kernel_size=3)
    56
    """
    in_channels, out_channels, groups = _channels(in_channels, out_channels, groups)
    kernel = per_axis("kernel_size", kernel_size, _axis_count(kernel_size) or 2, minimum=1)
    return out_channels * (in_channels // groups * math.prod(kernel) + bool(bias))


def conv_macs(in_channels, out_channels, kernel_size, output_size, *, groups=1):
    """Count the multiply-adds of a convolution layer for one sample, biases left out.

    One multiply-add (MAC) is two floating-point operations: ``flops = 2 * macs``.

    Parameters
    ----------
    in_channels, out_channels : int
        At least 1, divisible by `groups`.
    kernel_size : int or tuple of int
        An int holds for every axis of `output_size`.
    output_size : int or tuple of int
        Size of one output map, at least 0. An int beside an int kernel is a square 2-D map.
    groups : int
        Number of groups that the channels are split into.

    Returns
    -------
    int
        ``out_channels * (in_channels / groups) * prod(kernel_size) * prod(output_size)``.
        Products with padded zeros count.

    Raises
    ------
    TypeError, ValueError
        If an argument is not an integer in its range, or `groups` does not divide the channels.

    References
    ----------
    Chapter 4.

    Examples
    --------
    >>> conv_macs(3, 2, kernel_size=3, output_size=(8, 8))
    3456
    """
    axes = _axis_count(kernel_size, output_size) or 2
    positions = math.prod(per_axis("output_size", output_size, axes, minimum=0))
    return positions * conv_parameters(
        in_channels,
        out_channels,
        per_axis("kernel_size", kernel_size, axes, minimum=1),
        groups=groups,
        bias=False,
    )


def linear_parameters(in_features, out_features, *, bias=True):
    """Count the trainable numbers of a dense layer.

    Parameters
    ----------
    in_features, out_features : int
        At least 1.
    bias : bool
        Whether one bias an output is counted.

    Returns
    -------
    int
        ``out_features * in_features``, plus `out_features` with biases. Without biases this is
        also the number of multiply-adds for one sample.

    Raises
    ------
    TypeError, ValueError
        If a size is not a positive integer.

    Examples
    --------
    >>> linear_parameters(36_000_000, 100, bias=False)
    3600000000
    """
    in_features = _integer("in_features", in_features, 1)
    return _integer("out_features", out_features, 1) * (in_features + bool(bias))
