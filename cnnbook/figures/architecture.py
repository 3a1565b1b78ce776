"""A network from top to bottom: its maps as a funnel, its parameters and its work as bars.

Below it AlexNet's two towers: which layers read from their own half of the channels, and which
from both.
"""

import math
from functools import cached_property, partial
from typing import NamedTuple

from cnnbook.figures.scene import (
    ROOM,
    Block,
    box,
    clip,
    column,
    feel,
    named,
    note,
    over,
    page,
    placed,
    row,
    sized,
    space,
    text,
    times,
)
from cnnbook.figures.state import State, state

WIDTH = 944
MOST = 30  # stages that one picture can hold
PITCH, LINE = 50, 24  # from one stage to the next, and from one of its shapes to the next
NAME, WORDS, FUNNEL, BAR = 84, 205, 150, 98  # widths of the columns
NARROW = 185, 40  # of words and bars where there is no room for names and maps
CAPTION = "a map's width: √columns, its thickness: √channels; parameters with biases, "
CAPTION += "multiply-adds of convolutions and dense layers"
SHORT = {
    **dict.fromkeys(("Flatten", "Dropout", "Identity"), ""), "LocalResponseNorm": "LRN",
    "MaxPool": "max pool", "AvgPool": "average pool", "AdaptiveAvgPool": "average",
    "AdaptiveMaxPool": "maximum", "BatchNorm": "batch norm",
}  # fmt: skip
"""Names of layers without weights, as they stand under the layer before them."""


def short_count(number):
    """Write a large count with three digits and a unit.

    Examples
    --------
    >>> short_count(1000), short_count(999_999), short_count(714_188_480), short_count(84)
    ('1.00 k', '1.00 M', '714 M', '84')
    """
    if number < 1000:
        return str(number)
    digits = f"{number:.2e}"  # rounded first: 999,999 is 1.00 M, not 1000 k
    power = int(digits[-2:]) // 3
    return f"{float(digits) / 1000**power:#.3g}".rstrip(".") + " " + " kMGT"[power]


class Stage(NamedTuple):
    """One layer that has weights, with the layers that follow and have none."""

    rows: tuple

    @property
    def kind(self):
        """What the first layer is."""
        first = self.rows[0]
        details = [d for d in first.detail.split(", ") if not d.startswith("padding")]
        return f"{first.kind} {', '.join(details)}".strip().replace(", stride ", " / ")

    @property
    def following(self):
        """The layers without weights, in words; those that change no number are left out."""
        kinds = [row.kind.removesuffix("1d").removesuffix("2d") for row in self.rows[1:]]
        return ", ".join(word for kind in kinds if (word := SHORT.get(kind, kind)))

    @property
    def shapes(self):
        """Shape after the layer itself, and before it is flattened if that is another one."""
        shapes = [row.output_shape for row in self.rows]
        maps = [shape for shape in shapes if len(shape) == len(shapes[0])]
        return list(dict.fromkeys([maps[0], maps[-1]]))

    def total(self, count):
        """Sum of "parameters" or, for one sample, of "macs" over its layers."""
        return sum(getattr(row, count) for row in self.rows)


@state
class Architecture(State):
    """A network in stages: a layer that has weights, at most 30, and what follows it."""

    summary: object  # as `cnnbook.models.summary` returns it

    def __post_init__(self):
        name, count = self.summary.name, len(self.stages)
        if not count:
            raise ValueError(f"{name} has no layer with weights")
        if count > MOST:
            many = f"{name} has {count} layers with weights, a picture holds {MOST}"
            raise ValueError(f"{many}: ask for summary(..., depth=1)")

    @cached_property
    def stages(self):
        """The rows of the summary that ran, put together."""
        groups = []
        for layer in (layer for layer in self.summary.rows if layer.output_shape is not None):
            if layer.macs or (layer.parameters and "Norm" not in layer.kind):
                groups.append([layer])
            elif groups:
                groups[-1].append(layer)
        return [Stage(tuple(group)) for group in groups]

    @cached_property
    def shapes(self):
        """Shapes of the input and of each stage."""
        return [[tuple(self.summary.input_shape)], *(stage.shapes for stage in self.stages)]

    def total(self, count):
        """Sum of "parameters" or "macs" over the stages."""
        return sum(stage.total(count) for stage in self.stages)

    def share(self, count):
        """Dense layers' percentage of "parameters" or "macs"."""
        dense = sum(s.total(count) for s in self.stages if s.rows[0].kind == "Linear")
        return 100 * dense / max(self.total(count), 1)

    @property
    def claim(self):
        """What the picture shows, as its title."""
        parameters, macs = (short_count(self.total(count)) for count in ("parameters", "macs"))
        if not 0 < self.share("macs") < 100:
            return f"{self.summary.name}: {parameters} parameters, {macs} multiply-adds a sample"
        held = f"hold {self.share('parameters'):.2g} % of {parameters} parameters"
        done = f"do {self.share('macs'):.2g} % of {macs} multiply-adds"
        return f"{self.summary.name}: dense layers {held} and {done}"

    @property
    def without(self):
        """The layers that have parameters but did not run; nothing if all ran."""
        idle = (layer for layer in self.summary.rows if layer.output_shape is None)
        names = ", ".join(f"{layer.name} ({layer.parameters:,} parameters)" for layer in idle)
        return f"not run: {names}" if names else ""

    @property
    def description(self):
        """The whole network in words and numbers."""
        parts = [f"{self.claim}. Input {times(self.summary.input_shape)}."]
        for stage in self.stages:
            shapes = ", then ".join(map(times, stage.shapes))
            counts = f"{stage.total('parameters'):,} parameters, {stage.total('macs'):,}"
            parts.append(f"{stage.rows[0].name}, {stage.kind}: {shapes}; {counts} multiply-adds.")
        return " ".join(parts) + (f" {self.without}." if self.without else "")

    def picture(self):
        """Draw the network from its input to its scores."""
        return page(self.block(), description=self.description, width=WIDTH)

    def block(self, at=None):
        """Lay the network out; marked is the shape `at` (stage, number), or a stage (stage, None).

        The maps lie in the middle: a block is as wide as the square root of the map's columns, as
        thick as that of its channels. Bars show where the parameters are and where the work is.
        """
        names = [note(clip(s.rows[0].name, NAME, 12, tail=True), NAME) for s in self.stages]
        source = text("input", size=14, role="input", bold=True)
        narrow, wide = ROOM.get() < WIDTH, min(WIDTH, ROOM.get())
        words, bar = NARROW if narrow else (WORDS, BAR)
        kinds = (_words(stage, words) for stage in self.stages)
        funnel = placed(note("maps"), FUNNEL, 18, down=0), _funnel(self.shapes, at)
        table = row(
            None if narrow else _rows(space(NAME), [None, *names]),
            _rows(note("layer, and what follows"), [source, *kinds]),
            None if narrow else column(*funnel, gap=12),
            _rows(note("channels × size"), [_shapes(self, k, at) for k in range(len(self.shapes))]),
            _bars(self.stages, "parameters", "parameters", "kernel", bar),
            _bars(self.stages, "macs", "multiply-adds", "muted", bar),
            gap=8 if narrow else 14,
            wraps=False,
        )

        def draw(picture, x, y):
            if at:
                top = y + table.height - PITCH * (len(self.shapes) - at[0]) - 5
                with picture.part("marked"):
                    picture.rect(x - 3, top, wide + 6, PITCH - 5, fill="wash", radius=4)
            table.draw(picture, x, y)
            for stage in range(len(self.stages)):
                top = y + table.height - PITCH * (len(self.stages) - stage) - 5
                sheet = feel(space(wide + 6, PITCH - 5), ("stage", stage))
                sheet.draw(picture, x - 3, top)

        foot = column(note(CAPTION), self.without and note(self.without), gap=4)
        return column(text(self.claim, size=15, bold=True), table._replace(draw=draw), foot, gap=18)


def _rows(title, blocks):
    """A column of the table, a block a stage."""
    each = (sized(block or space(0), 0, PITCH) for block in blocks)
    return column(sized(title, 0, 18), column(*each, gap=0), gap=12)


def _words(stage, width):
    kind = text(clip(stage.kind, width, 14, bold=True), size=14, bold=True, width=width)
    return column(kind, stage.following and note(clip(f"→ {stage.following}", width, 12)), gap=0)


def _shapes(network, number, at):
    """The shapes of a stage below one another; the last of all is the network's output."""
    blocks, shapes, last = [], network.shapes[number], len(network.shapes) - 1
    for line, shape in enumerate(shapes):
        role = "ink" if line == 0 else "muted"
        if number in (0, last):
            role = "input" if number == 0 else "output" if shape is shapes[-1] else "muted"
        block = text(("→ " if line else "") + times(shape), role=role, mono=True)
        if at == (number, line):
            block = over(block, partial(_ring, width=block.width, height=block.height, around=6))
        blocks.append(sized(block, 124, 20))
    return column(*blocks, gap=0)


def _ring(picture, x, y, width, height, around):
    with picture.part("frame"):
        box = x - around, y - 1, width + 2 * around, height + 2
        picture.rect(*box, stroke="output", stroke_width=2, radius=4)


def _funnel(shapes, at):
    """Maps below one another, each joined to the one above; roots keep both 1 and 4096 seen."""
    places = [(number, line) for number, some in enumerate(shapes) for line in range(len(some))]
    columns = [shape[-1] if len(shape) > 1 else 1 for some in shapes for shape in some]
    channels = [shape[0] for some in shapes for shape in some]

    def draw(picture, x, y):
        edge = None
        for place, wide, deep in zip(places, columns, channels, strict=True):
            width = FUNNEL * math.sqrt(wide / max(columns))
            thick = 2.5 + 15 * math.sqrt(deep / max(channels))
            left, top = x + (FUNNEL - width) / 2, y + PITCH * place[0] + LINE * place[1] + 5
            if edge:
                ends = (left + width, top), (left, top)
                picture.polygon(*edge, *ends, fill="muted", tint=0.13)
            with picture.part("map"):
                role = "output" if place[0] else "input"
                picture.rect(left, top, width, thick, fill=role, at=place)
            if at == place:
                _ring(picture, left, top - 2.5, width, thick + 5, around=5)
            edge = (left, top + thick), (left + width, top + thick)

    return Block(FUNNEL, PITCH * len(shapes), draw)


def _bars(stages, count, title, role, length):
    """A column of bars, each with its number after it."""
    numbers, each = [stage.total(count) for stage in stages], [None]
    for number in numbers:
        bar = box(max(length * number / max(numbers), 1), 14, role=role) if number else None
        words = text(short_count(number), size=12, mono=True)
        each.append(row(bar and named(count, bar), words, gap=6))
    return _rows(text(title, role=role, bold=True, width=length + 56), each)


# ---------------------------------------------------------------- two towers

BLOCK, TALL, APART, LINK = 78, 48, 46, 30  # of one half of a layer, and the room between them
LAYERS = 8  # that the width holds beside the image


class Tower(NamedTuple):
    """One layer, half of whose channels are in each tower."""

    name: str
    detail: str  # its kernel, in words
    half: tuple  # shape of what one tower yields
    reads: str  # "the image", "both towers" or "its own half"
    parameters: int


@state
class Towers(State):
    """The layers with weights, at most 8, of a network in two halves: `Conv2d` and `Linear`."""

    summary: object

    def __post_init__(self):
        if not self.reading("its own half"):
            raise ValueError(f"{self.summary.name} has no layer with two groups")

    @cached_property
    def layers(self):
        """Both halves of each layer."""
        chosen = {"Conv2d": "conv", "Linear": "dense"}
        rows = [r for r in self.summary.rows if r.kind in chosen and r.output_shape]
        if len(rows) > LAYERS:
            raise ValueError(f"{len(rows)} layers with weights, the picture holds {LAYERS}")
        found, counts = [], dict.fromkeys(chosen, 0)
        for layer in rows:
            channels, *size = layer.output_shape
            counts[layer.kind] += 1
            details = layer.detail.split(", ")
            groups = next((int(d.split()[1]) for d in details if d.startswith("groups")), 1)
            if groups > 2 or channels % 2:
                halves = f"{channels} channels in {groups} groups are no two towers"
                raise ValueError(f"{layer.name}: {halves}")
            reads = "its own half" if groups == 2 else "both towers" if found else "the image"
            name, half = f"{chosen[layer.kind]}{counts[layer.kind]}", (channels // 2, *size)
            found.append(Tower(name, details[0], half, reads, layer.parameters))
        return found

    def reading(self, what):
        """Return the layers that read this."""
        return [layer for layer in self.layers if layer.reads == what]

    @property
    def claim(self):
        """What the picture shows, as its title."""
        halves = self.reading("both towers"), self.reading("its own half")
        both, own = (", ".join(layer.name for layer in layers) for layers in halves)
        return f"{both} read from both towers; {own} from their own"

    @property
    def description(self):
        """All layers in words."""
        names = [f"{layer.name} {layer.detail}".strip() for layer in self.layers]
        halves = [f"{times(layer.half)} a tower, reads {layer.reads}" for layer in self.layers]
        parts = map(", ".join, zip(names, halves, strict=True))
        return f"Two towers: {self.claim}. {'; '.join(parts)}."

    def picture(self):
        """Draw both towers, with a line for every half that reads from another."""
        own = self.reading("its own half")
        saved = sum(layer.parameters for layer in own)
        less = f"two groups halve the weights: {short_count(saved)} parameters in {len(own)} layers"
        image = _box(2 * TALL + APART, self.summary.input_shape, "input")
        blocks = [_tower("image", "", image, "", "input")]
        for layer in self.layers:
            half = _box(TALL, layer.half, "output")
            halves = column(half, half, gap=APART)
            blocks += [column(space(0, 38), _link(layer.reads == "both towers"), gap=0)]
            blocks += [_tower(layer.name, layer.detail, halves, layer.reads.removeprefix("the "))]
        return page(
            text(self.claim, size=15, bold=True),
            row(*blocks, gap=0),
            note(f"{less} in place of about {short_count(2 * saved)}"),
            description=self.description,
            width=WIDTH,
        )


def _box(height, shape, role):
    """A map with its channels and, below them, rows by columns."""
    words = [str(shape[0]), *([times(shape[1:])] if len(shape) > 1 else [])]
    return box(BLOCK, height, *words, role=role, tint=0.35, radius=3)


def _tower(name, detail, block, reads, role="ink"):
    """A layer's halves under its name, with what they read below."""
    both = reads == "both towers"
    below = text(reads, size=11.5, role="kernel" if both else "muted", bold=both)
    heading = text(name, role=role, bold=True), sized(note(detail), 0, 16)
    return column(*heading, block, below, gap=2, align=0.5)


def _link(both):
    """What runs between two layers: an arrow in each tower, and lines across if they read both."""

    def draw(picture, x, y):
        middles = y + TALL / 2, y + TALL / 2 + TALL + APART
        for middle, other in zip(middles, middles[::-1], strict=True):
            picture.arrow((x, middle), (x + LINK, middle))
            if both:
                with picture.part("across"):
                    picture.line((x, middle), (x + LINK, other), stroke="kernel", stroke_width=2)

    return Block(LINK, 2 * TALL + APART, draw)
