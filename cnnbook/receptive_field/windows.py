"""Rules for what slides, pools, resizes, pads or rolls: each changes axes of the image one by one.

A rule is ``rule(a, operands, shape)``, as `cnnbook.receptive_field.rules` explains.
"""

import math
from fractions import Fraction

import numpy as np

from cnnbook.receptive_field.seen import OUT, Tracked, beside, join
from cnnbook.recording import CannotFollowError


def only(operands):
    """The one tensor with fields that an operation may have."""
    if len(operands) > 1:
        raise CannotFollowError(f"{operands[1].name!r} depends on the input as well")
    return operands[0]


def _slide(x, changes):
    """Change the last dimensions: ``changes[n](seen, dim, size)``; None leaves one as it is."""
    first, field = x.rank - len(changes), []
    for number, seen in enumerate(x.field):
        dims = seen.dims
        if not dims and len(changes) == len(x.field):
            dims = {first + number}
        for dim in sorted(dims):
            if dim >= first and changes[dim - first] is not None:
                seen = changes[dim - first](seen, dim, x.shape[dim])
        field.append(seen)
    return Tracked(field)


def _spread(numbers, axes):
    numbers = list(numbers) if isinstance(numbers, (list, tuple)) else [numbers]
    return numbers * axes if len(numbers) == 1 else numbers


def _windows(x, shape, kernel, stride, padding, dilation, transposed=False):
    axes = len(kernel)
    columns = kernel, *(_spread(numbers, axes) for numbers in (stride, padding, dilation))

    def change(units, k, s, p, d):
        def window(seen, dim, size):
            every = np.arange(k) * d

            def taps(u):
                return u[:, None] * s - p + every

            return seen.gathered(dim, size, units, taps, (1, s))

        def spread(seen, dim, size):  # a unit below reaches every s-th new one
            def taps(u):
                place = u[:, None] + p - d * np.arange(k)
                return np.where(place % s == 0, place // s, OUT)

            return seen.gathered(dim, size, units, taps, (s, 1))

        return None if (k, s, p) == (1, 1, 0) else spread if transposed else window

    rows = zip(shape[len(shape) - axes :], *columns, strict=True)
    return _slide(x, [change(*row) for row in rows])


def convolution(a, operands, shape):
    """Convolution or transposed convolution over any number of axes."""
    x, kernel = only(operands), list(a["weight"].shape[2:])
    channel = x.rank - len(kernel) - 1
    field = _mixed(x.field, channel, shape[channel], a["groups"])
    settings = a["stride"], a["padding"], a["dilation"], a["transposed"]
    return _windows(x._replace(field=field), shape, kernel, *settings)


def _mixed(field, channel, channels, groups):
    """Put together the channels of each group."""
    if groups == 1 or channel not in field.dims:
        return field.collapsed({channel})

    def split(array):
        *outer, size = array.shape[: channel + 1]
        inner = (groups, size // groups) if size > 1 else (1, 1)  # 1: all channels alike
        return array.reshape(*outer, *inner, *array.shape[channel + 1 :])

    def repeated(array):
        array = array.squeeze(channel + 1)
        return array.repeat(channels // groups, channel) if array.shape[channel] > 1 else array

    return field.arranged(split).collapsed({channel + 1}).arranged(repeated)


def pool(a, operands, shape):
    """Maximum or average pooling; 1-D pooling comes as 2-D, too."""
    axes = 3 if "3d" in a["name"] else 2
    kernel = _spread(a["kernel_size"], axes)
    settings = a["stride"] or kernel, a["padding"], a.get("dilation", 1)
    return _windows(only(operands), shape, kernel, *settings)


def unpool(a, operands, shape):
    """Each number goes back to the place where a pooling found it: anywhere in its window."""
    settings, axes = a["found_by"], len(shape) - 2
    if settings is None or settings["self"].shape[2:] != shape[2:]:
        raise CannotFollowError("the places are not those that a pooling of such a map found")
    kernel = _spread(settings["kernel_size"], axes)
    settings = settings["stride"] or kernel, settings["padding"], settings["dilation"], True
    return join([_windows(x, shape, kernel, *settings) for x in operands])


def adaptive_pool(a, operands, shape):
    """Pool over bins as even as possible."""

    def change(units):
        def bins(seen, dim, size):
            common = math.gcd(units, size)
            most = np.arange(max(-(-(u + 1) * size // units) - u * size // units
                                 for u in range(units)))  # fmt: skip

            def taps(u):
                first, last = u * size // units, -(-(u + 1) * size // units) - 1
                return np.minimum(first[:, None] + most, last[:, None])

            return seen.gathered(dim, size, units, taps, (units // common, size // common))

        return bins

    return _slide(only(operands), [change(n) for n in shape[len(shape) - len(a["output_size"]) :]])


def fractional_pool(a, operands, shape):
    """Windows at random places: a unit sees all that any of them may take."""
    axes = len(shape) - 2

    def change(units, kernel):
        def bins(seen, dim, size):
            way, least = size - kernel, Fraction(1, 2**16)
            step = Fraction(way, units - 1) if units > 1 else None
            taps = [range(way, size)] if units == 1 else [
                range(max(math.floor(u * step - least), 0),
                      min(math.ceil(u * step + least) + kernel, size))
                for u in range(units)
            ]  # fmt: skip
            return seen.gathered(dim, size, units, _table(taps))

        return bins

    kernels = _spread(a["kernel_size"], axes)
    return _slide(operands[0], [change(*row) for row in zip(shape[2:], kernels, strict=True)])


def _table(rows):
    """Taps that are listed unit by unit; a row may repeat its first."""
    longest = max(map(len, rows))
    table = np.array([[*row, *[row[0]] * (longest - len(row))] for row in rows])
    return table.__getitem__


def _scales(a):
    """The number of axes of an interpolation, and their scale factors, None if not given."""
    axes = len(a["output_size"])
    return axes, [value for name, value in a.items() if name.startswith("scales")][:axes]


def _shift(units, size, scale):
    """The pattern of a resized map, if its scale factor is the ratio of the sizes."""
    common = math.gcd(units, size)
    return (units // common, size // common) if not scale or math.isclose(size * scale, units) \
        else None  # fmt: skip


def nearest(a, operands, shape):
    """Interpolation that takes the nearest unit, in the rounding of PyTorch's own operation."""
    import torch

    axes, scales = _scales(a)

    def change(number, units, scale):
        def pick(seen, dim, size):
            line = [size if n == number else 1 for n in range(axes)]
            numbers = torch.arange(size, dtype=torch.float32).reshape(1, 1, *line)
            line[number] = units
            factors = [scale if n == number else None for n in range(axes)]
            found = a["operation"](numbers, line, *factors).reshape(-1, 1).long().numpy()
            return seen.gathered(dim, size, units, found.__getitem__, _shift(units, size, scale))

        return pick

    rows = zip(range(axes), shape[-axes:], scales, strict=True)
    return _slide(only(operands), [change(*row) for row in rows])


def resize(a, operands, shape):
    """Interpolation between units, 1 or (cubic) 2 of them on each side."""
    axes, scales = _scales(a)
    corners, reach = a.get("align_corners"), 2 if "cubic" in a["name"] else 1

    def change(units, scale):
        def between(seen, dim, size):
            up, down = (max(units - 1, 1), size - 1) if corners else (units, size)
            shift = _shift(up, down, None if corners else scale)
            if not corners and not _shift(units, size, scale):
                shift = None
            step = 1 / Fraction(scale) if shift is None else Fraction(down, up)
            half = 0 if corners else Fraction(1, 2)
            taps = []
            for u in range(units):
                place = (u + half) * step - half
                left = math.floor(place)
                taps.append([left] if place == left else range(left - reach + 1, left + reach + 1))
            edge = lambda t: np.clip(t, 0, size - 1)  # noqa: E731
            return seen.gathered(dim, size, units, _table(taps), shift, edge)

        return between

    rows = zip(shape[len(shape) - axes :], scales, strict=True)
    return _slide(only(operands), [change(*row) for row in rows])


def pad(a, operands, shape):
    """Padding: a constant ends every path; other cells lead back inside."""
    x, mode = only(operands), a["name"].split("_")[0]
    befores = (a["pad"] if "pad" in a else a["padding"])[::2][::-1]  # the last axis comes first
    first = x.rank - len(befores)

    def change(left, units, old):
        def shifted(seen, dim, size):
            last = size - 1
            border = {
                "constant": None,
                "reflection": lambda t: last - abs(last - abs(t)),
                "replication": lambda t: np.clip(t, 0, last),
                "circular": lambda t: t % size,
            }[mode]
            return seen.gathered(dim, size, units, lambda u: u[:, None] - left, (1, 1), border)

        return shifted if left or units != old else None

    rows = zip(befores, shape[first:], x.shape[first:], strict=True)
    padded = _slide(x, [change(*row) for row in rows])
    for dim in range(first, x.rank) if mode == "constant" else ():
        before = befores[dim - first]
        if dim not in padded.dims:  # nothing is seen through the cells of padding
            after = shape[dim] - x.shape[dim] - before
            sizes = [(None, before), (padded, x.shape[dim]), (None, after)]
            padded = beside([(field, n) for field, n in sizes if n > 0], dim)
    return padded


def roll(a, operands, shape):
    """What leaves at one end comes in at the other."""
    x = only(operands)
    if not a["dims"]:
        raise CannotFollowError("all axes are rolled as one")
    field = x.field
    for shift, dim in zip(_spread(a["shifts"], 1), _spread(a["dims"], 1), strict=True):
        dim, size = dim % x.rank, x.shape[dim]
        border = lambda t, size=size: t % size  # noqa: E731
        taps = lambda u, shift=shift: u[:, None] - shift  # noqa: E731
        field = Tracked(
            seen.gathered(dim, size, size, taps, (1, 1), border) if dim in seen.dims else seen
            for seen in field
        )
    return field
