"""Rules for operations that slide, pool, resize or pad: they take one grid to another.

A rule is ``rule(a, operands, shape)``: the arguments by name, those of them that are tensors with
fields, and the shape of the result. It returns the result's `Tracked`.
"""

import math
from fractions import Fraction

from cnnbook.receptive_field._axis import AxisField
from cnnbook.receptive_field._tracked import CannotFollowError


def only(operands):
    """The one tensor with fields that an operation may have."""
    if len(operands) > 1:
        raise CannotFollowError(f"{operands[1].name!r} depends on the input as well")
    return operands[0]


def _sliding(operands, shape, changes):
    """Change the last axes: ``changes[n](axis, units)``."""
    x = only(operands)
    first = x.rank - len(changes)
    if any(dim is not None and dim < first for dim in x.field.dims):
        raise CannotFollowError("an axis of the image lies along the channels or the batch")
    return x.field.along(lambda axis, dim: changes[dim - first](axis, shape[dim]))


def _windows(operands, shape, method, columns):
    rows = list(zip(*columns, strict=True))
    changes = [lambda axis, units, row=row: method(axis, units, *row) for row in rows]
    return _sliding(operands, shape, changes)


def _listed(numbers, axes):
    numbers = list(numbers) if isinstance(numbers, (list, tuple)) else [numbers]
    return numbers * axes if len(numbers) == 1 else numbers


def convolution(a, operands, shape):
    """Convolution or transposed convolution over any number of axes."""
    kernel = list(a["weight"].shape[2:])
    settings = [_listed(a[name], len(kernel)) for name in ("stride", "padding", "dilation")]
    method = AxisField.spread if a["transposed"] else AxisField.window
    return _windows(operands, shape, method, [kernel, *settings])


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


def resize(half, reach):
    """Interpolation that takes the nearest unit (reach 0), or 1 or 2 units on each side.

    `half` is 1/2 where the middles of the units are lined up, 0 where their edges are.
    """

    def change(axis, units, corners, scale):
        if scale and not math.isclose(axis.units * scale, units):
            raise CannotFollowError(
                f"scale factor {scale:g} of {axis.units} units is no whole number"
            )
        up, down = (max(units - 1, 1), axis.units - 1) if corners else (units, axis.units)
        shift, common = 0 if corners else half, math.gcd(up, down)

        def taps(u):
            place = (u + shift) * Fraction(down, up) - (shift if reach else 0)
            left = math.floor(place)
            exact = place == left or not reach
            return [left] if exact else range(left - reach + 1, left + reach + 1)

        return axis.gather(units, taps, (up // common, down // common))

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
    """Padding: a constant ends every path; mirrored or repeated cells lead back inside."""

    def rule(a, operands, shape):
        x = only(operands)
        befores = (a["pad"] if mode == "constant" else a["padding"])[::2]  # last axis first
        before = {x.rank - 1 - n: left for n, left in enumerate(befores)}

        def change(axis, dim):
            last, left = axis.units - 1, before.get(dim, 0)
            border = {
                "constant": None,
                "reflect": lambda t: last - abs(last - abs(t)),
                "replicate": lambda t: min(max(t, 0), last),
            }[mode]
            return axis.gather(shape[dim], lambda u: [u - left], border=border)

        return x.field.along(change)

    return rule


def pixel_shuffle(a, operands, shape):
    """Channels become r × r blocks of units."""
    r = a["upscale_factor"]

    def change(axis, units):
        return axis.gather(units, lambda u: [u // r], (r, 1))

    return _sliding(operands, shape, [change, change])


def pixel_unshuffle(a, operands, shape):
    """Blocks of r × r units become channels."""
    r = a["downscale_factor"]
    return _windows(operands, shape, AxisField.window, [[r, r], [r, r], [0, 0]])
