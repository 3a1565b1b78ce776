"""The rules for shape, parameters, multiply-adds and field of a layer, with numbers put in.

A rule is written only where it gives the numbers that were measured: a layer that follows none of
them, or whose input cannot be found, gets its numbers alone.
"""

import math

from cnnbook.shapes import (
    conv_macs,
    conv_parameters,
    linear_parameters,
    output_size,
    pool_output_size,
)


def times(shape):
    """Write a shape.

    Parameters
    ----------
    shape : tuple of int

    Returns
    -------
    str

    Examples
    --------
    >>> times((96, 55, 55))
    '96×55×55'
    """
    return "×".join(map(str, shape))


def formulas(layer, row, sources):
    """Write the rules of one layer.

    Parameters
    ----------
    layer : object
        With the attributes of `torch.nn.Conv2d`, a pooling or `torch.nn.Linear`, where it is one.
    row : object
        Its measured numbers: `output_shape`, `parameters`, `macs`, `field` and `jump`.
    sources : list of (shape, field, jump)
        Maps that it may have read, the likeliest first.

    Returns
    -------
    dict of str to str
        For "shape", "size", "parameters", "macs" and "field".
    """
    found = {
        "shape": times(row.output_shape),
        "size": "no rule of one window or one dense layer",
        "parameters": f"{row.parameters:,}" if row.parameters else "none",
        "macs": f"{row.macs:,}" if row.macs else "none counted",
        "field": _measured_field(row),
    }
    for rule in (_dense, _window, _flat, _adaptive):
        for source in sources:
            if lines := rule(layer, row, *source):
                shape = f"{times(source[0])} → {times(row.output_shape)}"
                return found | {"shape": shape} | lines
    return found


def _measured_field(row):
    if row.field is None:
        return "none: no image comes in, or its branches have no common jump"
    if row.jump is None:  # one position
        return times(row.field)
    return f"{times(row.field)}, jump {times(row.jump)}"


def _dense(layer, row, shape, field, jump):
    inputs, outputs = (getattr(layer, f"{way}_features", None) for way in ("in", "out"))
    if inputs is None or shape[-1] != inputs or row.output_shape != (*shape[:-1], outputs):
        return None
    bias = getattr(layer, "bias", None) is not None
    count = linear_parameters(inputs, outputs, bias=bias)
    lines = {"size": f"{outputs} sums over all {inputs} numbers"}
    if count == row.parameters:
        lines["parameters"] = f"{outputs}·({inputs} + 1)" if bias else f"{outputs}·{inputs}"
        lines["parameters"] += f" = {count:,}"
    if row.macs == outputs * inputs:
        lines["macs"] = f"{outputs}·{inputs} = {row.macs:,}"
    return lines


def _flat(layer, row, shape, field, jump):
    if type(layer).__name__ != "Flatten" or row.output_shape != (math.prod(shape),):
        return None
    return {"size": f"{'·'.join(map(str, shape))} = {row.output_shape[0]}"}


def _adaptive(layer, row, shape, field, jump):
    wanted = getattr(layer, "output_size", None)
    if wanted is None or shape[:1] != row.output_shape[:1] or len(shape) != len(row.output_shape):
        return None
    return {"size": f"cells as even as possible, so that {times(row.output_shape[1:])} remain"}


def _window(layer, row, shape, field, jump):
    """A convolution or a pooling; None if it cannot come from this map."""
    names = ("kernel_size", "stride", "padding", "dilation")
    axes = len(shape) - 1
    settings = [getattr(layer, name, {"dilation": 1}.get(name)) for name in names]
    if axes < 1 or any(isinstance(value, str) or value is None for value in settings):
        return None
    settings = [v if isinstance(v, tuple) else (v,) * axes for v in settings]
    if {len(v) for v in settings} != {axes} or len(row.output_shape) != axes + 1:
        return None
    channels = getattr(layer, "in_channels", row.output_shape[0])
    windows = list(zip(shape[1:], *settings, strict=True))
    if channels != shape[0] or not _fits(layer, windows, row.output_shape[1:]):
        return None
    fields = _fields(windows, field, jump)
    if row.field is not None and fields is not None:
        size, jump = fields[0]
        if size != row.field or row.jump not in (None, jump):  # None: one position
            return None
    lines = {"size": _sizes(layer, windows, row.output_shape[1:])}
    if fields is not None and row.field is not None:
        lines["field"] = fields[1]
    return lines | _convolution(layer, row)


def _fits(layer, windows, measured):
    ceil = getattr(layer, "ceil_mode", False)
    try:
        if hasattr(layer, "in_channels"):
            sizes = [output_size(i, k, s, p, d) for i, k, s, p, d in windows]
        else:
            sizes = [pool_output_size(i, k, s, p, d, ceil_mode=ceil) for i, k, s, p, d in windows]
    except ValueError:
        return False
    return tuple(sizes) == tuple(measured)


def _sizes(layer, windows, measured):
    """⌊(227 + 2·0 − 11) / 4⌋ + 1 = 55, once if all axes are alike."""
    up = getattr(layer, "ceil_mode", False)
    texts = []
    for (i, k, s, p, d), size in zip(windows, measured, strict=True):
        extent = f"{k}" if d == 1 else f"({d}·({k} − 1) + 1)"
        rest = (i + 2 * p - d * (k - 1) - 1) % s
        ratio = f"({i} + 2·{p} − {extent}) / {s}"
        rounded = f"⌈{ratio}⌉" if up else f"⌊{ratio}⌋"
        texts.append(f"{rounded} + 1 = {size}" + (f", remainder {rest}" if rest else ""))
    if len(set(texts)) == 1:
        return texts[0]
    return "; ".join(f"{axis} {t}" for axis, t in zip(("rows", "columns"), texts, strict=False))


def _fields(windows, field, jump):
    """The field by the recurrence of chapter 8, as numbers and in words."""
    if not field or not jump:
        return None
    sizes, jumps, texts = [], [], []
    for (_, k, s, _, d), size, step in zip(windows, field, jump, strict=True):
        sizes.append(size + d * (k - 1) * step)
        jumps.append(step * s)
        reach = f"({k} − 1)" if d == 1 else f"{d}·({k} − 1)"
        texts.append(f"{size} + {reach}·{step} = {sizes[-1]}, jump {step}·{s} = {jumps[-1]}")
    return (tuple(sizes), tuple(jumps)), "; ".join(dict.fromkeys(texts))


def _convolution(layer, row):
    """Parameters and multiply-adds, if the layer is a convolution that follows the rule."""
    lines = {}
    if not hasattr(layer, "in_channels") or not hasattr(layer, "out_channels"):
        return lines
    groups = getattr(layer, "groups", 1)
    channels, kernel = (layer.in_channels, layer.out_channels), tuple(layer.kernel_size)
    bias = getattr(layer, "bias", None) is not None
    inputs = f"{channels[0]}/{groups}" if groups > 1 else f"{channels[0]}"
    a_map = "·".join([inputs, *map(str, kernel)])
    if conv_parameters(*channels, kernel, groups=groups, bias=bias) == row.parameters:
        each = f"({a_map} + 1)" if bias else a_map
        lines["parameters"] = f"{channels[1]}·{each} = {row.parameters:,}"
    places = row.output_shape[1:]
    if conv_macs(*channels, kernel, places, groups=groups) == row.macs:
        weights = conv_parameters(*channels, kernel, groups=groups, bias=False)
        product = "·".join(map(str, places))
        lines["macs"] = f"{weights:,} weights · {product} places = {row.macs:,}"
    return lines
