"""One layer of a network at a time: its rules with the numbers put in, and its place.

A rule is written only where it gives the numbers that were measured: a layer that follows none of
them, or whose input cannot be found, gets its numbers alone.
"""

import math
from functools import cached_property, partial
from typing import NamedTuple

from cnnbook.figures.architecture import WIDTH, Architecture
from cnnbook.figures.scene import (
    ROOM,
    column,
    named,
    note,
    page,
    row,
    sized,
    text,
    times,
)
from cnnbook.figures.state import State, each_step, state
from cnnbook.shapes import conv_macs, conv_parameters, output_size, pool_output_size


class Source(NamedTuple):
    """A map that a layer may have read."""

    shape: tuple
    field: tuple | None
    jump: tuple | None


class Axis(NamedTuple):
    """How a layer's window lies along one axis, and what an entry of its input saw."""

    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    field: int
    jump: int

    def formula(self, measured, ceil_mode):
        """⌊(227 + 2·0 − 11) / 4⌋ + 1 = 55."""
        k, d = self.kernel, self.dilation
        rest = (self.size + 2 * self.padding - d * (k - 1) - 1) % self.stride
        extent = f"{k}" if d == 1 else f"({d}·({k} − 1) + 1)"
        ratio = f"({self.size} + 2·{self.padding} − {extent}) / {self.stride}"
        rounded = f"⌈{ratio}⌉" if ceil_mode else f"⌊{ratio}⌋"
        return f"{rounded} + 1 = {measured}" + (f", remainder {rest}" if rest else "")

    @property
    def seen(self):
        """Field and jump after the layer, by the recurrence of chapter 8."""
        reach = self.dilation * (self.kernel - 1) * self.jump
        return self.field + reach, self.jump * self.stride

    @property
    def recurrence(self):
        """How `seen` comes about."""
        k, d, (field, jump) = self.kernel, self.dilation, self.seen
        reach = f"({k} − 1)" if d == 1 else f"{d}·({k} − 1)"
        grown = f"{self.field} + {reach}·{self.jump} = {field}"
        return f"{grown}, jump {self.jump}·{self.stride} = {jump}"


# ---------------------------------------------------------------- rules


def formulas(layer, measured, sources):
    """Write the rules of one layer: a text each for shape, size, parameters, macs and field.

    `measured` is its row of a summary; of the `sources`, the likeliest comes first.
    """
    found = {
        "shape": times(measured.output_shape),
        "size": "no rule of one window or one dense layer",
        "parameters": f"{measured.parameters:,}" if measured.parameters else "none",
        "macs": f"{measured.macs:,}" if measured.macs else "none counted",
        "field": _measured_field(measured),
    }
    for rule in (_dense, _window, _flat, _adaptive):
        for source in sources:
            if lines := rule(layer, measured, source):
                shape = f"{times(source.shape)} → {times(measured.output_shape)}"
                return found | {"shape": shape} | lines
    return found


def _measured_field(measured):
    if measured.field is None:
        return "none: no image comes in, or its branches have no common jump"
    jump = "" if measured.jump is None else f", jump {times(measured.jump)}"  # None: one position
    return times(measured.field) + jump


def _dense(layer, measured, source):
    inputs, outputs = (getattr(layer, f"{way}_features", None) for way in ("in", "out"))
    expected = (*source.shape[:-1], outputs)
    if inputs is None or (source.shape[-1], measured.output_shape) != (inputs, expected):
        return None
    bias = getattr(layer, "bias", None) is not None
    lines = {"size": f"{outputs} sums over all {inputs} numbers"}
    if outputs * (inputs + bias) == measured.parameters:
        each = f"({inputs} + 1)" if bias else f"{inputs}"
        lines["parameters"] = f"{outputs}·{each} = {measured.parameters:,}"
    if measured.macs == outputs * inputs:
        lines["macs"] = f"{outputs}·{inputs} = {measured.macs:,}"
    return lines


def _flat(layer, measured, source):
    if type(layer).__name__ != "Flatten" or measured.output_shape != (math.prod(source.shape),):
        return None
    return {"size": f"{'·'.join(map(str, source.shape))} = {measured.output_shape[0]}"}


def _adaptive(layer, measured, source):
    shape, after = source.shape, measured.output_shape
    alike = shape[0] == after[0] and len(shape) == len(after)
    if getattr(layer, "output_size", None) is None or not alike:
        return None
    return {"size": f"cells as even as possible, so that {times(after[1:])} remain"}


def _window(layer, measured, source):
    """A convolution or a pooling; None if it cannot come from this map."""
    channels, *sizes = source.shape
    after = measured.output_shape[1:]
    names = ("kernel_size", "stride", "padding", "dilation")
    settings = [getattr(layer, name, 1 if name == "dilation" else None) for name in names]
    if not sizes or any(isinstance(value, str) or value is None for value in settings):
        return None
    settings = [v if isinstance(v, tuple) else (v,) * len(sizes) for v in settings]
    if {len(v) for v in (*settings, after)} != {len(sizes)}:
        return None
    known = bool(source.field and source.jump)
    before = [v if known else [1] * len(sizes) for v in (source.field, source.jump)]
    windows = [Axis(*values) for values in zip(sizes, *settings, *before, strict=True)]
    ceil_mode = getattr(layer, "ceil_mode", False)
    expected = getattr(layer, "in_channels", measured.output_shape[0])
    if channels != expected or not _fits(layer, windows, after, ceil_mode):
        return None
    fields, jumps = zip(*(window.seen for window in windows), strict=True)
    known = known and measured.field is not None
    if known and (fields != measured.field or measured.jump not in (None, jumps)):
        return None  # a jump of None: one position
    texts = [w.formula(n, ceil_mode) for w, n in zip(windows, after, strict=True)]
    if len(set(texts)) > 1:
        texts = ["rows {}; columns {}".format(*texts)]
    lines = {"size": texts[0]}
    if known:
        lines["field"] = "; ".join(dict.fromkeys(window.recurrence for window in windows))
    return lines | _convolution(layer, measured)


def _fits(layer, windows, after, ceil_mode):
    rule = partial(pool_output_size, ceil_mode=ceil_mode)
    rule = output_size if hasattr(layer, "in_channels") else rule
    try:
        return tuple(rule(*window[:5]) for window in windows) == tuple(after)
    except ValueError:
        return False


def _convolution(layer, measured):
    """Parameters and multiply-adds, if the layer is a convolution that follows the rule."""
    lines = {}
    if not hasattr(layer, "in_channels") or not hasattr(layer, "out_channels"):
        return lines
    inputs, outputs, kernel = layer.in_channels, layer.out_channels, tuple(layer.kernel_size)
    groups, places = getattr(layer, "groups", 1), measured.output_shape[1:]
    bias = getattr(layer, "bias", None) is not None
    weights = conv_parameters(inputs, outputs, kernel, groups=groups, bias=False)
    if weights + bias * outputs == measured.parameters:
        read = f"{inputs}/{groups}" if groups > 1 else f"{inputs}"
        a_map = "·".join([read, *map(str, kernel)])
        each = f"({a_map} + 1)" if bias else a_map
        lines["parameters"] = f"{outputs}·{each} = {measured.parameters:,}"
    if conv_macs(inputs, outputs, kernel, places, groups=groups) == measured.macs:
        product = "·".join(map(str, places))
        lines["macs"] = f"{weights:,} weights · {product} places = {measured.macs:,}"
    return lines


# ---------------------------------------------------------------- the step

KEYS = ("shape", "size", "parameters", "multiply-adds", "field")


@state
class LayerStep(State):
    """A network and one of the layers that change the shape or hold weights."""

    hint = "Point at a line: its layer. Click it, or use arrow keys."

    summary: object  # one that `Architecture` takes
    module: object  # the network itself
    step: int = 0  # 0 is the whole network, 1 the first such layer

    def __post_init__(self):
        Architecture(self.summary)  # refuses what cannot be drawn
        self._within("step", self.steps)

    @cached_property
    def network(self):
        """The network in stages."""
        return Architecture(self.summary)

    @cached_property
    def ran(self):
        """The rows of the summary that ran."""
        return [layer for layer in self.summary.rows if layer.output_shape is not None]

    @cached_property
    def telling(self):
        """Indices of those that change the shape or have parameters or multiply-adds."""
        shapes = [tuple(self.summary.input_shape), *(layer.output_shape for layer in self.ran)]
        rows = enumerate(self.ran)
        return [n for n, r in rows if r.parameters or r.macs or r.output_shape != shapes[n]]

    @property
    def steps(self):
        """Number of layers to go through, and one for the whole."""
        return len(self.telling) + 1

    def touched(self, name, stage):
        """The layer of a line is gone to."""
        names = [self.ran[n].name for n in self.telling]
        return {"step": 1 + names.index(self.network.stages[stage].rows[0].name)}

    def hovered(self, *part):
        """A line shows its layer."""
        return self.at(self.touched(*part)["step"])

    @property
    def row(self):
        """The summary's row of the layer, None for the whole network."""
        return self.ran[self.telling[self.step - 1]] if self.step else None

    @property
    def title(self):
        """Which layer it is."""
        if not self.step:
            return f"{self.summary.name}, the whole: {self.steps - 1} layers to step through"
        row = self.row
        return f"Layer {self.step} of {self.steps - 1}: {row.name}, {row.kind} {row.detail}".strip()

    @each_step
    def lines(self):
        """A text for each of `KEYS`: formulas where they give the row's own numbers."""
        if not self.step:
            return self._whole()
        layer = _only_convolution(self.module.get_submodule(_path(self.row.name)))
        before = reversed(self.ran[: self.telling[self.step - 1]])
        ones = (1,) * (len(self.summary.input_shape) - 1)
        image = Source(tuple(self.summary.input_shape), ones, ones)
        sources = [*(Source(r.output_shape, r.field, r.jump) for r in before), image]
        found = formulas(layer, self.row, sources)
        for key in ("parameters", "macs"):
            if count := getattr(self.row, key):
                share = 100 * count / self.network.total(key)
                found[key] += f"  ({share:.2g} % of all)" if share < 99.5 else "  (nearly all)"
        return dict(zip(KEYS, found.values(), strict=True))

    def _whole(self):
        maps = [r for r in self.ran if r.field and r.jump and len(r.output_shape) > 1]
        last = maps and f"{times(maps[-1].field)} on the last map, jump {times(maps[-1].jump)}"
        texts = [
            f"{times(self.summary.input_shape)} in, {times(self.ran[-1].output_shape)} at the end",
            "each layer's follows from the one before: step on to see how",
            f"{self.network.total('parameters'):,} with biases",
            f"{self.network.total('macs'):,} for one sample",
            last or "not followed",
        ]
        return dict(zip(KEYS, texts, strict=True))

    @property
    def description(self):
        """The layer in words and numbers."""
        lines = "; ".join(f"{key} {words}" for key, words in self.lines.items())
        return f"{self.title}. {lines}. {self.network.claim}."

    @property
    def place(self):
        """Stage of the picture and which of its shapes it is, None where it shows none."""
        if not self.step:
            return None
        for number, stage in enumerate(self.network.stages, start=1):
            if any(layer is self.row for layer in stage.rows):
                shape, shapes = self.row.output_shape, stage.shapes
                return number, shapes.index(shape) if shape in shapes else None
        return 0, None  # before the first layer with weights

    def picture(self):
        """Draw the network with the layer marked, and the layer's formulas above."""
        above = _formulas(self)
        if ROOM.get() < WIDTH:
            above = sized(above, height=self.highest(_formulas))
        whole = self.network.block(self.place)
        return page(above, whole, description=self.description, width=WIDTH, gap=24)


def _formulas(step):
    lines = []
    for key, words in step.lines.items():
        style = {"role": "output", "bold": True} if key == "shape" else {}
        name = note(key, width=88)
        lines.append(row(name, text(words, mono=True, **style), gap=14))
    formulas = named("formula", column(*lines, gap=2))
    return column(text(step.title, size=15, bold=True), formulas, gap=10)


def _only_convolution(layer):
    """The convolution in a unit that holds just one, with its activation; else the layer."""
    found = [part for part in layer.modules() if hasattr(part, "in_channels")]
    return found[0] if len(found) == 1 else layer


def _path(name):
    """Name of the module of a row: a second call adds "_1" to it."""
    stem, _, count = name.rpartition("_")
    return "" if name == "forward" else (stem if count.isdigit() and stem else name)
