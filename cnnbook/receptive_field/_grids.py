"""Rules for operations that slide, pool, resize or pad: they take one grid to another.

A rule is ``rule(a, operands, shape)``: the arguments by name, those of them that are tensors with
fields, and the shape of the result. It returns the result's `Tracked`.
"""

import math
from fractions import Fraction

import numpy as np

from cnnbook.receptive_field._axis import AxisField
from cnnbook.receptive_field._tracked import (
    CannotFollowError,
    Tracked,
    along,
    beside,
    compact,
    in_rows,
    join,
    varying,
)


def only(operands):
    """The one tensor with fields that an operation may have."""
    if len(operands) > 1:
        raise CannotFollowError(f"{operands[1].name!r} depends on the input as well")
    return operands[0]


def _sliding(operands, shape, changes, groups=0):
    """Change the last axes: ``changes[n](axis, units)``; None leaves one as it is.

    Each result takes the channels of its group; its own only if `groups` is 0.
    """
    x = only(operands)
    first = x.rank - len(changes)
    field = _mixed(x.field, first - 1, x.shape, shape, groups) if groups else x.field
    touched = {first + n for n, change in enumerate(changes) if change is not None}
    axes, units = list(field.axes), list(field.units)
    for number, places in enumerate(field.units):
        dims = varying(places) & touched
        if not varying(places) and len(changes) == len(axes):
            dims = {first + number} & touched
        if len(dims) > 1:
            raise CannotFollowError("an axis of the image lies along two dimensions")
        for dim in dims:
            change, size = changes[dim - first], shape[dim]
            axes[number], units[number] = in_rows(
                field, number, dim, x.shape[dim], lambda axis, c=change, n=size: c(axis, n)
            )
    return Tracked(tuple(axes), tuple(units))


def _mixed(field, channel, shape, new_shape, groups):
    """Put together the channels of each group."""
    if channel not in field.dims():
        return field
    if groups == 1:
        return field.collapsed({channel})

    def split(array):
        size = array.shape[channel]
        inner = (groups, size // groups) if size > 1 else (1, 1)  # 1: all channels alike
        return array.reshape(*array.shape[:channel], *inner, *array.shape[channel + 1 :])

    def repeated(array):
        array = array.squeeze(channel + 1)
        times = new_shape[channel] // groups
        return array.repeat(times, axis=channel) if array.shape[channel] > 1 else array

    return field.moved(split).collapsed({channel + 1}).moved(repeated)


def _windows(operands, shape, method, columns, groups=0):
    rows = list(zip(*columns, strict=True))
    changes = [
        None if row[:3] == (1, 1, 0) else lambda axis, units, row=row: method(axis, units, *row)
        for row in rows
    ]
    return _sliding(operands, shape, changes, groups)


def _listed(numbers, axes):
    numbers = list(numbers) if isinstance(numbers, (list, tuple)) else [numbers]
    return numbers * axes if len(numbers) == 1 else numbers


def convolution(a, operands, shape):
    """Convolution or transposed convolution over any number of axes."""
    kernel = list(a["weight"].shape[2:])
    settings = [_listed(a[name], len(kernel)) for name in ("stride", "padding", "dilation")]
    method = AxisField.spread if a["transposed"] else AxisField.window
    return _windows(operands, shape, method, [kernel, *settings], a["groups"])


def pool(axes):
    """Maximum or average pooling; 1-D pooling comes as 2-D, too."""

    def rule(a, operands, shape):
        kernel = a["kernel_size"]
        settings = (kernel, a["stride"] or kernel, a["padding"], a.get("dilation", 1))
        columns = [_listed(numbers, axes) for numbers in settings]
        return _windows(operands, shape, AxisField.window, columns)

    return rule


def adaptive_pool(a, operands, shape):
    """Adaptive pooling."""
    return _sliding(operands, shape, [AxisField.bins] * len(a["output_size"]))


def nearest(a, operands, shape):
    """Interpolation that takes the nearest unit, in the rounding of PyTorch's own operation."""
    import torch

    axes, operation = len(a["output_size"]), a["operation"]
    scales = [value for name, value in a.items() if name.startswith("scales")][:axes]

    def change(number):
        def pick(axis, units):
            line = [1] * axes
            line[number] = axis.units
            numbers = torch.arange(axis.units, dtype=torch.float32).reshape(1, 1, *line)
            line[number] = units
            factors = [s if n == number else None for n, s in enumerate(scales)]
            found = operation(numbers, line, *factors).flatten().tolist()
            rule = (units, axis.units) if _whole(scales[number], axis.units, units) else None
            return axis.pick([(int(u),) for u in found], rule)

        return pick

    return _sliding(operands, shape, [change(number) for number in range(axes)])


def _whole(scale, below, units):
    """Whether a scale factor is the ratio of the sizes, so that whole maps repeat."""
    return not scale or math.isclose(below * scale, units)


def resize(reach):
    """Interpolation between units, 1 or 2 of them on each side."""

    def change(axis, units, corners, scale):
        whole = corners or _whole(scale, axis.units, units)
        up, down = (max(units - 1, 1), axis.units - 1) if corners else (units, axis.units)
        step = Fraction(down, up) if whole else 1 / Fraction(scale)
        shift, common = 0 if corners else Fraction(1, 2), math.gcd(up, down)

        def taps(u):
            place = (u + shift) * step - shift
            left = math.floor(place)
            return [left] if place == left else range(left - reach + 1, left + reach + 1)

        rule = (up // common, down // common) if whole else None
        last = axis.units - 1
        inside = axis.gather(units, taps, rule, border=lambda t: min(max(t, 0), last))
        return inside

    def rule(a, operands, shape):
        corners, axes = a.get("align_corners"), len(a["output_size"])
        scales = [value for name, value in a.items() if name.startswith("scales")]
        changes = [
            lambda axis, units, scale=scale: change(axis, units, corners, scale)
            for scale in scales[:axes]
        ]
        return _sliding(operands, shape, changes)

    return rule


def pad(mode):
    """Padding: a constant ends every path; other cells lead back inside."""

    def rule(a, operands, shape):
        x = only(operands)
        befores = (a["pad"] if mode in ("constant", "circular") else a["padding"])[::2]
        befores = [*reversed(befores)]  # they come with the last axis first

        def change(number):
            def shifted(axis, units):
                last, left = axis.units - 1, befores[number]
                border = {
                    "constant": None,
                    "reflect": lambda t: last - abs(last - abs(t)),
                    "replicate": lambda t: min(max(t, 0), last),
                    "circular": lambda t: t % axis.units,
                }[mode]
                return axis.gather(units, lambda u: [u - left], border=border)

            dim = x.rank - len(befores) + number
            return shifted if befores[number] or x.shape[dim] != shape[dim] else None

        changes = [change(number) for number in range(len(befores))]
        padded = _sliding([x], shape, changes)
        if mode != "constant":
            return padded
        for dim in range(x.rank - len(befores), x.rank):
            after = shape[dim] - x.shape[dim] - befores[dim - x.rank]
            if dim not in padded.dims():  # nothing is seen through the cells of padding
                sizes = [(None, befores[dim - x.rank]), (padded, x.shape[dim]), (None, after)]
                padded = beside([(f, n) for f, n in sizes if n > 0], dim)
        return padded

    return rule


def roll(a, operands, shape):
    """What leaves at one end comes in at the other."""
    x = only(operands)
    if not a["dims"]:
        raise CannotFollowError("all axes are rolled as one")
    field = x.field
    for shift, dim in zip(_listed(a["shifts"], 1), _listed(a["dims"], 1), strict=True):
        dim, size = dim % x.rank, x.shape[dim]

        def turned(axis, shift=shift, size=size):
            return axis.gather(size, lambda u: [u - shift], border=lambda t: t % size)

        axes, units = list(field.axes), list(field.units)
        for number, places in enumerate(units):
            if varying(places) == {dim}:
                axes[number], units[number] = in_rows(field, number, dim, size, turned)
            elif dim in varying(places):
                units[number] = np.roll(places, shift, dim)
        field = Tracked(tuple(axes), tuple(units))
    return field


def blocks(a, operands, shape):
    """Unfold: the numbers of each window become channels, the windows one axis."""
    x = only(operands)
    first = x.rank - 2
    rows = list(zip(*(_listed(a[name], 2) for name in ("kernel_size", "stride", "padding",
                                                       "dilation")), strict=True))  # fmt: skip
    counts = [
        (x.shape[first + n] + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for n, (kernel, stride, padding, dilation) in enumerate(rows)
    ]
    axes, units = list(x.field.axes), []
    grid = (x.shape[first - 1], rows[0][0], rows[1][0], *counts)
    for number, places in enumerate(x.field.units):
        dims = varying(places)
        if not dims:
            units.append(places.reshape((1,) * len(shape)))
            continue
        if len(dims) > 1 or min(dims) < first:
            raise CannotFollowError("an axis of the image lies along the channels or the batch")
        n = dims.pop() - first
        axes[number] = x.field.straight(number, first + n, x.shape[first + n])
        kernel, stride, padding, dilation = rows[n]
        inner = along(np.arange(kernel) * dilation - padding, 1 + n, 5)
        cells = np.broadcast_to(inner + along(np.arange(counts[n]) * stride, 3 + n, 5), grid)
        units.append(compact(cells.reshape((1,) * (len(shape) - 2) + shape[-2:])))
    return Tracked(tuple(axes), tuple(units))


def unpool(a, operands, shape):
    """Each number goes back to the place where a pooling found it: anywhere in its window."""
    settings = a["found_by"]
    if settings is None or settings["self"].shape[2:] != shape[2:]:
        raise CannotFollowError("the places are not those that a pooling of such a map found")
    axes = len(shape) - 2
    kernel = settings["kernel_size"]
    columns = [
        _listed(numbers, axes)
        for numbers in (kernel, settings["stride"] or kernel, settings["padding"],
                        settings["dilation"])
    ]  # fmt: skip
    return join([_windows([x], shape, AxisField.spread, columns) for x in operands])


def fractional_pool(a, operands, shape):
    """Windows at random places: a unit sees all that any of them may take."""
    axes = len(shape) - 2
    kernels = _listed(a["kernel_size"], axes)

    def change(kernel):
        def bins(axis, units):
            way = axis.units - kernel
            if units == 1:
                return axis.pick([tuple(range(way, axis.units))])
            step = Fraction(way, units - 1)
            taps = [
                tuple(range(max(math.floor(u * step - Fraction(1, 2**16)), 0),
                            min(math.ceil(u * step + Fraction(1, 2**16)) + kernel, axis.units)))
                for u in range(units)
            ]  # fmt: skip
            return axis.pick(taps)

        return bins

    return _sliding([operands[0]], shape, [change(kernel) for kernel in kernels])
