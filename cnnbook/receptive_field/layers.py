"""The receptive field of a plain list of layers."""

from collections import Counter
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from cnnbook.checks import axis_count, integer, per_axis
from cnnbook.receptive_field.field import AxisField, Field
from cnnbook.receptive_field.seen import bounded, existing, hulls, listed, window_taps
from cnnbook.shapes import output_size


class Layer(NamedTuple):
    """A convolution or a pooling: all that the receptive field depends on, as in `nn.Conv2d`."""

    kernel_size: int | tuple
    stride: int | tuple = 1
    padding: int | tuple = 0
    dilation: int | tuple = 1
    name: str = ""  # "layer 1" and so on if empty


_LEAST = {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}
_MOST = 2**60


def _rows(layers, input_size):
    """Names, for each layer its four numbers an axis, and the number of axes, 0 if plain."""
    layers = [Layer(*n) if isinstance(n, (tuple, list)) else Layer(n) for n in layers]
    axes = max([axis_count(*layer[:4], input_size) for layer in layers] or [axis_count(input_size)])
    rows = []
    for layer in layers:
        columns = [
            per_axis(name, getattr(layer, name), axes or 1, least) for name, least in _LEAST.items()
        ]
        for name, column in zip(_LEAST, columns, strict=True):
            if max(column) > _MOST:
                raise ValueError(f"{name} is {max(column)}, must be at most {_MOST}")
        rows.append(list(zip(*columns, strict=True)))
    return [layer.name or f"layer {n}" for n, layer in enumerate(layers, 1)], rows, axes


def receptive_field(layers, input_size=None):
    """List the `Field` of the input, and after each of a list of layers from there upwards.

    A layer is a `Layer`, a tuple in its order, or an int (kernel size). `input_size`, pixels along
    each axis, is needed to count the units and to clip rectangles at the border. If all settings
    are plain numbers, those of the fields are.

    With kernel k, stride s, padding p and dilation d of layer l::

        size[l]  = size[l-1] + d * (k - 1) * jump[l-1]
        jump[l]  = jump[l-1] * s
        start[l] = start[l-1] - p * jump[l-1]

    Araujo, Norris & Sim (2019), "Computing receptive fields of convolutional neural networks",
    doi:10.23915/distill.00021; chapter 8.

    >>> [field.size for field in receptive_field([3, 3, 3])]
    [1, 3, 5, 7]
    """
    names, rows, axes = _rows(layers, input_size)
    sizes = [0] if input_size is None else per_axis("input_size", input_size, axes or 1, 1)
    columns = [
        _along_axis(names, [row[n] for row in rows], sizes[n % len(sizes)])
        for n in range(axes or 1)
    ]
    return [
        Field(name, tuple(fields), plain=not axes)
        for name, *fields in zip(["input", *names], *columns, strict=True)
    ]


def _along_axis(names, rows, units):
    """The fields along one axis, from the input upwards."""
    size, jump, start = 1, 1, 0
    first = np.arange(bounded(units, "pixels"), dtype=float)
    seen = np.stack([first, -first], -1)  # first pixel and minus the last: a hull is the minimum
    fields = [AxisField(listed(seen), ((0, 0),), Fraction(1))]
    for name, (kernel_size, stride, padding, dilation) in zip(names, rows, strict=True):
        size += dilation * (kernel_size - 1) * jump
        start -= padding * jump
        jump *= stride
        if len(seen):
            try:
                units = output_size(len(seen), kernel_size, stride, padding, dilation)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            taps = window_taps(len(seen), kernel_size, stride, padding, dilation)
            seen = hulls(units, taps, existing(seen))
        fields.append(AxisField(listed(seen), ((start, start + size - 1),), Fraction(jump)))
    return fields


def paths(layers, input_size, unit, layer=None):
    """Count the paths from one unit of a layer down to each unit below it, along one axis.

    A `Counter` each for the input, the first layer, ... up to `layer`, which is 1 for the first and
    the last one when not given. Indices below 0 or past the end are cells of padding, where a path
    ends. With every weight 1 and no activation, the number of paths to a pixel is the gradient of
    the unit with respect to that pixel.

    >>> paths([3, 3], input_size=7, unit=0)[0]
    Counter({2: 3, 1: 2, 3: 2, 0: 1, 4: 1})
    """
    fields = receptive_field(layers, input_size)
    _, rows, axes = _rows(layers, input_size)
    if axes > 1:
        raise ValueError(f"paths are counted along one axis, the layers have {axes}")
    layer = len(rows) if layer is None else integer("layer", layer, 0)
    if layer > len(rows):
        raise ValueError(f"layer is {layer}, the list has {len(rows)}")
    sizes = [field.axes[0].units for field in fields]
    if integer("unit", unit, 0) >= sizes[layer]:
        raise ValueError(f"no unit {unit} in {fields[layer].name!r}: it has {sizes[layer]}")
    levels = [Counter({unit: 1})]
    for depth in range(layer, 0, -1):
        kernel_size, stride, padding, dilation = rows[depth - 1][0]
        below = Counter()
        for u, count in levels[0].items():
            if 0 <= u < sizes[depth]:
                first = u * stride - padding
                taps = range(first, first + dilation * kernel_size, dilation)
                below.update(dict.fromkeys(taps, count))
        levels.insert(0, below)
    return levels
