"""One unit of a stack of layers, and all that it sees on each layer below, along one axis."""

from dataclasses import replace
from functools import cached_property

from cnnbook.checks import integer
from cnnbook.figures.numbers import format_number
from cnnbook.figures.scene import (
    LEGIBLE,
    ROOM,
    WIDTH,
    Block,
    column,
    formula,
    legible,
    note,
    page,
    row,
    sized,
    text,
)
from cnnbook.figures.state import State, each_step, state
from cnnbook.receptive_field import Layer, parse_network, paths, receptive_field

NETWORKS = {
    "three 3-convolutions": "input 11; conv 3; conv 3; conv 3",
    "stride in the middle": "input 15; conv 3; conv 3 /2; conv 3",
    "pooling between": "input 20; conv 3; pool 2; conv 3; pool 2",
    "LeNet": "input 32; conv 5; pool 2; conv 5; pool 2",
    "dilated, doubling": "input 23; conv 3; conv 3 d2; conv 3 d4",
    "dilated, with holes": "input 21; conv 3 d2; conv 3 d2; conv 3 d2",
    "padded": "input 13; conv 3 p1; conv 3 p1; conv 3 p1",
    "start of AlexNet": "input 39; conv 11 /4 p2; pool 3 /2; conv 5 p2",
    "eight layers deep": "input 31; conv 3 p1 x8",
}
LARGEST_INPUT, MOST_LAYERS = 40, 8
NAMES, STRIP = 150, 540  # room for the layers' names, and for their units
LABEL, BAR = 35, 46  # height of two lines of text, of the longest bar


@state
class FieldStack(State):
    """A stack of layers along one axis, at most 8 on 40 pixels, and one chosen unit."""

    hint = "Point at any unit: what it sees. Click: it stays; arrow keys: its neighbours."

    network: str  # as `parse_network` reads it, or a `Network`
    layer: int | None = None  # 0 is the input; the last one when not given
    step: int | None = None  # which unit of the layer; the middle one when not given

    def __post_init__(self):
        count = len(self.layers)
        if not 1 <= count <= MOST_LAYERS:
            raise ValueError(f"{count} layers, the picture holds 1 to {MOST_LAYERS}")
        if integer("input_size", self.input_size, 1) > LARGEST_INPUT:
            raise ValueError(f"input of {self.input_size}, the picture holds {LARGEST_INPUT}")
        self._settle("layer", count, count + 1)
        self._settle("step", (self.steps - 1) // 2, self.steps)

    def _settle(self, name, default, count):
        given = getattr(self, name)
        object.__setattr__(self, name, default if given is None else integer(name, given))
        self._within(name, count)

    @cached_property
    def read(self):
        """The network as numbers."""
        return parse_network(self.network) if isinstance(self.network, str) else self.network

    @property
    def input_size(self):
        """Pixels of the input."""
        return self.read[0]

    @cached_property
    def layers(self):
        """The layers, from the input upwards."""
        return tuple(Layer(*x) if isinstance(x, tuple) else Layer(x) for x in self.read[1])

    @cached_property
    def fields(self):
        """The field of the input and of each layer."""
        return receptive_field(self.layers, self.input_size)

    @property
    def field(self):
        """The field of the chosen layer."""
        return self.fields[self.layer]

    @property
    def steps(self):
        """Number of units of the chosen layer."""
        return self.field.units

    @each_step
    def reached(self):
        """For each level up to the chosen one, the paths to its units and cells of padding."""
        return paths(self.layers, self.input_size, self.step, self.layer)

    @property
    def which(self):
        """The unit and the units of its layer, both counted from 0."""
        return f"Unit {self.step} of 0 to {self.steps - 1}" if self.steps > 1 else "Unit 0"

    @property
    def seen(self):
        """The inputs that the unit does see, in order."""
        return sorted(u for u in self.reached[0] if 0 <= u < self.input_size)

    def touched(self, name, level, unit):
        """A unit of any layer is gone to."""
        return {"layer": level, "step": unit}

    def hovered(self, *part):
        """A unit shows what it sees."""
        return replace(self, **self.touched(*part))

    @property
    def rule(self):
        """The recurrence for the chosen layer with its numbers put in."""
        if self.layer == 0:
            return "an input sees itself: field 1, jump 1, start 0"
        kernel, stride, padding, dilation, _ = self.layers[self.layer - 1]
        below, here = self.fields[self.layer - 1], self.field
        spread = f"{dilation}·" if dilation > 1 else ""
        before, start = map(format_number, (below.start, here.start))
        size = f"field {below.size} + {spread}({kernel} − 1)·{below.jump} = {here.size}"
        jump = f"jump {below.jump}·{stride} = {here.jump}"
        return f"{size},  {jump},  start {before} − {padding}·{below.jump} = {start}"

    @property
    def place(self):
        """Where the unit's field begins and ends, with its numbers put in."""
        first, stop = self.field.rectangle(self.step)
        start, low, last = map(format_number, (self.field.start, first, stop - 1))
        begins = f"{start} + {self.step}·{self.field.jump} = {low}"
        return f"unit {self.step}: from {begins} to {low} + {stop - first} − 1 = {last}"

    @property
    def sentence(self):
        """How many inputs the unit sees."""
        span = self.field.rectangle(self.step)
        inside = sum(0 <= pixel < self.input_size for pixel in range(*span))
        outside, holes = span.size - inside, inside - len(self.seen)
        beyond, skipped = f", {outside} outside" * (outside > 0), f", skips {holes}" * (holes > 0)
        return f"sees {len(self.seen)} of {self.input_size} inputs{beyond}{skipped}"

    @property
    def description(self):
        """The chosen unit in words and numbers."""
        counts = " ".join(format_number(self.reached[0][u]) for u in self.seen)
        return (
            f"{self.which} in {self.field.name}, level {self.layer} of {len(self.layers)}, "
            f"{self.sentence}. {self.rule}. {self.place}. Paths to these inputs: {counts}."
        )

    def picture(self):
        """Draw the stack with the chosen unit's field on every level.

        The tint and the number of a cell say how many paths lead from it to the chosen unit; the
        bars below the input show the same.
        """
        strip, names, numbers = _Strip(self), [], []
        narrow = ROOM.get() < WIDTH
        for level in range(len(self.layers), -1, -1):
            height = strip.pitch if level else LABEL + 12
            name, field = _name(self, level), _field(self, level)
            both = column(name, field, gap=1) if narrow and level else name
            names.append(sized(both, height=height))
            numbers.append(sized(field, height=height))
        units = Block(strip.width, sum(name.height for name in names) + BAR + 12, strip.draw)
        counts = [self.reached[0][pixel] for pixel in self.seen] or [0]
        most = f"{format_number(max(counts))} at most, {format_number(sum(counts))} in all"
        paths_to = text("paths to each input", role="input", bold=True, width=NAMES)
        names += paths_to, note("with all weights 1:"), note("the gradient")
        which = text(self.which, size=14, role="muted", bold=True, width=NAMES)
        said = text(f"of {self.field.name}: {self.sentence}", size=14, role="output", bold=True)
        beside = column(*numbers, note(most), gap=0)
        return page(
            row(which, said, gap=11),
            row(column(*names, gap=0), units, None if narrow else beside, gap=11),
            note(most) if narrow else None,
            formula(self.rule, self.place),
            description=self.description,
        )


def _name(stack, level):
    """The name of a layer, and how many of its units the field takes in."""
    field, used = stack.fields[level], 0
    if level <= stack.layer:
        used = sum(0 <= u < field.units for u in stack.reached[level])
    role = "input" if level == 0 else "ink" if level <= stack.layer else "muted"
    units = f"{used} of {field.units} units" if used else f"{field.units} units"
    return column(text(field.name, size=14, role=role, bold=True), note(units), gap=0)


def _field(stack, level):
    """The numbers of a layer's fields."""
    field, chosen = stack.fields[level], level == stack.layer
    words = f"field {field.size}, jump {field.jump}"
    words = text(words, role="output" if chosen else "muted", bold=chosen)
    return column(words, note(f"start {format_number(field.start)}"), gap=1)


class _Strip:
    """The units of all levels, each above the middle of what it sees: the last layer on top."""

    def __init__(self, stack):
        self.stack, self.fields = stack, stack.fields
        pads = [layer.padding for layer in stack.layers] + [0]
        self.cells = [range(-p, f.units + p) for p, f in zip(pads, self.fields, strict=True)]
        ends = [self.centre(level, u) for level, r in enumerate(self.cells) for u in (r[0], r[-1])]
        self.width = min(STRIP, ROOM.get() - NAMES - 11)
        self.low, self.scale = min(ends) - 0.5, self.width / (max(ends) - min(ends) + 1)
        self.side = min(34, 0.84 * self.scale)
        least = 76 if self.width < STRIP else 0  # four lines of text
        self.pitch = max(self.side + 16, least, min(78, 420 / len(stack.layers)))

    def centre(self, level, unit):
        """Place of a unit above the input, as a pixel index."""
        return self.fields[level].centre + unit * self.fields[level].jump

    def draw(self, picture, x, y):
        """Draw cones, units and bars with the top left corner at (x, y)."""

        def corner(level, unit):
            middle = (self.centre(level, unit) - self.low) * self.scale
            row = (len(self.cells) - 1 - level) * self.pitch
            return x + middle - self.side / 2, y + row + (LABEL - self.side) / 2

        for level in range(self.stack.layer, 0, -1):
            self._draw_cone(picture, level, corner)
        for level, units in enumerate(self.cells):
            for unit in units:
                touch = ("unit", level, unit) if 0 <= unit < self.fields[level].units else None
                with picture.part("unit", touch=touch):
                    self._draw_unit(picture, level, unit, *corner(level, unit))
        self._draw_bars(picture, corner)

    def _draw_cone(self, picture, level, corner):
        """The windows from a level down to the one below it, as one area."""
        upper = [u for u in self.stack.reached[level] if 0 <= u < self.fields[level].units]
        lower, side = self.stack.reached[level - 1], self.side
        if not upper:
            return
        (left, top), (right, _) = corner(level, min(upper)), corner(level, max(upper))
        (far_left, bottom), (far_right, _) = (corner(level - 1, f(lower)) for f in (min, max))
        above = (left, top + side), (right + side, top + side)
        below = (far_right + side, bottom), (far_left, bottom)
        picture.polygon(*above, *below, fill="output", tint=0.13)

    def _draw_unit(self, picture, level, unit, x, y):
        stack, side, above = self.stack, self.side, level > self.stack.layer
        counts, inside = {} if above else stack.reached[level], range(self.fields[level].units)
        count, padding = counts.get(unit, 0), unit not in inside
        largest = max((n for u, n in counts.items() if u in inside), default=1)
        look = {"radius": min(4, side / 5), "at": (level, unit)}
        ground = {"fill": "wash" if padding or above else "paper", "dashed": padding}
        edge = "muted" if count and padding else "line"
        picture.rect(x, y, side, side, stroke=edge, **ground, **look)
        if count and not padding:
            role, tint = "output" if level else "input", 0.25 + 0.75 * count / largest
            picture.rect(x, y, side, side, fill=role, tint=tint, stroke=role, **look)
        size = min(14, side * (0.46 if count < 100 else 0.4))
        if not legible(size) and side >= LEGIBLE * 0.62 * len(str(largest)) + 1:
            size = LEGIBLE
        if count and largest < 1000 and side >= 18 and legible(size):
            middle, words = (x + side / 2, y + side / 2 + size * 0.36), "0" if padding else count
            style = {"size": size, "mono": True, "fill": "muted" if padding else "ink"}
            picture.text(*middle, words, anchor="middle", **style)
        if (level, unit) == (stack.layer, stack.step):
            picture.rect(x, y, side, side, stroke="output", stroke_width=3, **look)

    def _draw_bars(self, picture, corner):
        """The paths to each input, as bars that hang from it, and which inputs these are."""
        seen, counts = self.stack.seen, self.stack.reached[0]
        for pixel in seen:
            (x, y), share = corner(0, pixel), counts[pixel] / max(counts[u] for u in seen)
            bar = x, y + self.side + 22, self.side, max(1.5, BAR * share)
            with picture.part("bar"):
                picture.rect(*bar, fill="input", tint=0.9, at=(pixel,))
        places = {str(pixel): pixel for pixel in seen[:1] + seen[-1:]}
        if len(seen) > 1 and (seen[-1] - seen[0]) * self.scale < 26:  # no room for two numbers
            places = {f"{seen[0]}–{seen[-1]}": (seen[0] + seen[-1]) / 2}
        for words, pixel in places.items():
            x, y = corner(0, pixel)
            place = x + self.side / 2, y + self.side + 15
            picture.text(*place, words, size=12, fill="input", anchor="middle", bold=True)
