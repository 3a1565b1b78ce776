"""A short way to type a network: "input 15; conv 3; pool 2; conv 3 d2"."""

import re
from typing import NamedTuple

from cnnbook.receptive_field.layers import Layer

_SETTINGS = {"/": "stride", "s": "stride", "p": "padding", "d": "dilation"}
_HELP = 'type, for example, "conv 3", "conv 3 /2 p1", "conv 3 d2" or "pool 2"'


class Network(NamedTuple):
    """A stack of layers and the number of pixels below it."""

    input_size: int
    layers: tuple


def parse_network(text):
    """Read a typed network.

    It is split by semicolons: "input" and its size, then layers. A layer is "conv" or "pool" and
    its kernel size, then in any order "/2" for the stride, "p1" for the padding, "d2" for the
    dilation, and "x3" for three such layers. The stride of a pooling is its kernel size unless
    given.

    >>> parse_network("input 15; conv 3 d2; pool 2")
    Network(input_size=15, layers=(Layer(kernel_size=3, stride=1, padding=0, dilation=2, \
name='conv 3 d2'), Layer(kernel_size=2, stride=2, padding=0, dilation=1, name='pool 2')))
    """
    parts = [part.strip() for part in text.lower().replace("\n", ";").split(";") if part.strip()]
    first = re.fullmatch(r"input\s*(\d+)", parts[0]) if parts else None
    if first is None:
        start = parts[0] if parts else ""
        raise ValueError(f'the network must begin with its input, as in "input 15", not {start!r}')
    layers = [layer for part in parts[1:] for layer in _read_layers(part)]
    if not layers:
        raise ValueError(f"no layer above the input: {_HELP}")
    return Network(int(first[1]), tuple(layers))


def _read_layers(part):
    match = re.fullmatch(r"(conv|pool)\w*\s*(\d+)((?:\s*[/spdx×]\s*\d+)*)", part)
    if match is None:
        raise ValueError(f"cannot read the layer {part!r}: {_HELP}")
    kind, kernel = match[1], int(match[2])
    settings = {"stride": kernel if kind == "pool" else 1, "padding": 0, "dilation": 1}
    times = 1
    for mark, number in re.findall(r"([/spdx×])\s*(\d+)", match[3]):
        if mark in "x×":
            times = int(number)
        else:
            settings[_SETTINGS[mark]] = int(number)
    if times == 0:
        raise ValueError(f"{part!r} asks for 0 layers")
    return [Layer(kernel, **settings, name=_name(kind, kernel, **settings))] * times


def _name(kind, kernel, stride, padding, dilation):
    usual = kernel if kind == "pool" else 1
    marks = [
        f" /{stride}" if stride != usual else "",
        f" p{padding}" if padding else "",
        f" d{dilation}" if dilation != 1 else "",
    ]
    return f"{kind} {kernel}{''.join(marks)}"
