"""One unit of a stack of layers, and all that it sees on each layer below, along one axis."""

from dataclasses import dataclass
from functools import cached_property

from cnnbook.figures.cells import format_number
from cnnbook.figures.picture import Picture
from cnnbook.receptive_field import paths, receptive_field
from cnnbook.shapes import integer

WIDTH, LEFT, RIGHT = 900, 150, 690  # names stand left of the strip, fields right of it
TOP, BARS = 52, 46
LARGEST_INPUT, MOST_LAYERS = 40, 8


@dataclass(frozen=True)
class FieldStack:
    """A stack of layers along one axis, and one chosen unit.

    Parameters
    ----------
    layers : sequence of Layer, of tuples or of ints
        At most 8, as `cnnbook.receptive_field.receptive_field` takes them.
    input_size : int
        At most 40 pixels.
    layer : int, optional
        0 is the input, 1 the first layer; the last one when not given.
    unit : int
        Index of the chosen unit in that layer.

    Raises
    ------
    TypeError, ValueError
        If a layer does not fit, there is no such layer or unit, or the stack is too large to draw.

    References
    ----------
    Chapter 8.
    """

    layers: tuple
    input_size: int
    layer: int | None = None
    unit: int = 0

    def __post_init__(self):
        object.__setattr__(self, "layers", tuple(self.layers))
        count = len(self.layers)
        if not 1 <= count <= MOST_LAYERS:
            raise ValueError(f"{count} layers, the picture holds 1 to {MOST_LAYERS}")
        if integer("input_size", self.input_size, 1) > LARGEST_INPUT:
            raise ValueError(f"input of {self.input_size}, the picture holds {LARGEST_INPUT}")
        object.__setattr__(self, "layer", count if self.layer is None else self.layer)
        if not 0 <= integer("layer", self.layer) <= count:
            raise ValueError(f"layer is {self.layer}, expected 0 to {count}")
        if not 0 <= integer("unit", self.unit) < self.units:
            raise ValueError(f"unit is {self.unit}, expected 0 to {self.units - 1}")

    @cached_property
    def fields(self):
        """The field of the input and of each layer."""
        return receptive_field(self.layers, self.input_size)

    @cached_property
    def reached(self):
        """For each level up to the chosen one, the paths to its units and cells of padding."""
        return paths(self.layers, self.input_size, self.unit, self.layer)

    @property
    def units(self):
        """Number of units of the chosen layer."""
        return self.fields[self.layer].units

    @property
    def which(self):
        """The unit and the units of its layer, both counted from 0."""
        return f"Unit {self.unit} of 0 to {self.units - 1}" if self.units > 1 else "Unit 0"

    @property
    def span(self):
        """What the unit sees, as if the input had no border."""
        return self.fields[self.layer].rectangle(self.unit)

    @property
    def seen(self):
        """The inputs that the unit does see, in order."""
        return sorted(u for u in self.reached[0] if 0 <= u < self.input_size)

    def settings(self, level):
        """Kernel size, stride, padding and dilation of a layer, counted from 1."""
        layer = self.layers[level - 1]
        given = tuple(layer[:4]) if isinstance(layer, tuple) else (layer,)
        return given + (1, 0, 1)[len(given) - 1 :]

    @property
    def rule(self):
        """The recurrence for the chosen layer with its numbers put in."""
        if self.layer == 0:
            return "an input sees itself: field 1, jump 1, start 0"
        kernel, stride, padding, dilation = self.settings(self.layer)
        below, here = self.fields[self.layer - 1], self.fields[self.layer]
        spread = f"{dilation}·" if dilation > 1 else ""
        start = f"{_n(below.start)} − {padding}·{below.jump} = {_n(here.start)}"
        return (
            f"field {below.size} + {spread}({kernel} − 1)·{below.jump} = {here.size},  "
            f"jump {below.jump}·{stride} = {here.jump},  start {start}"
        )

    @property
    def place(self):
        """Where the unit's field begins and ends, with its numbers put in."""
        field, span = self.fields[self.layer], self.span
        return (
            f"unit {self.unit}: from {_n(field.start)} + {self.unit}·{field.jump} = "
            f"{_n(span.start)} to {_n(span.start)} + {span.size} − 1 = {_n(span.stop - 1)}"
        )

    @property
    def sentence(self):
        """How many inputs the unit sees."""
        outside = _outside(self.span, self.input_size)
        holes = sum(_inside(self.span, self.input_size)) - len(self.seen)
        return (
            f"sees {len(self.seen)} of {self.input_size} inputs"
            + (f", {outside} outside" if outside else "")
            + (f", skips {holes}" if holes else "")
        )

    @property
    def description(self):
        """The chosen unit in words and numbers."""
        name = self.fields[self.layer].name
        counts = [format_number(self.reached[0][u]) for u in self.seen]
        return (
            f"{self.which} in {name}, level {self.layer} of "
            f"{len(self.layers)}, {self.sentence}. {self.rule}. {self.place}. "
            f"Paths to these inputs: {' '.join(counts)}."
        )


def _inside(span, size):
    """For each pixel of the span, whether it lies on the input."""
    return [0 <= pixel < size for pixel in range(*span)]


def _outside(span, size):
    """Pixels of the span that lie beyond the input's border."""
    return span.size - sum(_inside(span, size))


def _n(number):
    return format_number(number)


class _Strip:
    """Places on the canvas: columns by input pixel, rows by level."""

    def __init__(self, stack):
        self.fields = stack.fields
        last = len(stack.layers)
        pads = [stack.settings(level + 1)[2] if level < last else 0 for level in range(last + 1)]
        self.cells = [range(-p, f.units + p) for p, f in zip(pads, self.fields, strict=True)]
        ends = [self.centre(level, u) for level, r in enumerate(self.cells) for u in (r[0], r[-1])]
        self.low, columns = min(ends) - 0.5, max(ends) - min(ends) + 1
        self.scale = (RIGHT - LEFT) / columns
        self.cell = min(34, 0.84 * self.scale)
        self.pitch = max(self.cell + 16, min(78, 420 / last))
        self.levels = last

    def centre(self, level, unit):
        """Place of a unit above the input, as a pixel index."""
        return self.fields[level].centre + unit * self.fields[level].jump

    def x(self, level, unit):
        """Left edge of a cell."""
        middle = LEFT + (self.centre(level, unit) - self.low) * self.scale
        return middle - self.cell / 2

    def y(self, level):
        """Top edge of a level's cells: the last layer stands on top."""
        return TOP + (self.levels - level) * self.pitch

    @property
    def bottom(self):
        """Bottom edge of the input's cells."""
        return self.y(0) + self.cell


def draw_receptive_field(stack):
    """Draw the stack with the chosen unit's field on every level.

    The tint and the number of a cell say how many paths lead from it to the chosen unit; the bars
    below the input show the same.

    Parameters
    ----------
    stack : FieldStack

    Returns
    -------
    Picture
    """
    strip = _Strip(stack)
    picture = Picture(WIDTH, strip.bottom + BARS + 104, stack.description)
    picture.text(0, 18, stack.which, size=14, fill="muted", bold=True)
    name = stack.fields[stack.layer].name
    picture.text(LEFT, 18, f"of {name}: {stack.sentence}", size=14, fill="output", bold=True)
    for level in range(stack.layer, 0, -1):
        _draw_cone(picture, stack, strip, level)
    for level in range(strip.levels, -1, -1):
        _draw_level(picture, stack, strip, level)
        _draw_labels(picture, stack, strip, level)
    _draw_bars(picture, stack, strip)
    foot = strip.bottom + BARS + 74
    picture.text(0, foot, stack.rule, size=13, mono=True)
    picture.text(0, foot + 22, stack.place, size=13, mono=True)
    return picture


def _draw_cone(picture, stack, strip, level):
    """The windows from a level down to the one below it, as one area."""
    upper = [u for u in stack.reached[level] if 0 <= u < stack.fields[level].units]
    lower = list(stack.reached[level - 1])
    if not upper:
        return
    top, bottom = strip.y(level) + strip.cell, strip.y(level - 1)
    corners = [
        (strip.x(level, min(upper)), top), (strip.x(level, max(upper)) + strip.cell, top),
        (strip.x(level - 1, max(lower)) + strip.cell, bottom),
        (strip.x(level - 1, min(lower)), bottom),
    ]  # fmt: skip
    picture.polygon(*corners, fill="output", tint=0.13)


def _draw_level(picture, stack, strip, level):
    counts = stack.reached[level] if level <= stack.layer else {}
    largest = max((c for u, c in counts.items() if 0 <= u < stack.fields[level].units), default=1)
    role = "input" if level == 0 else "output"
    y, side = strip.y(level), strip.cell
    for unit in strip.cells[level]:
        x, count = strip.x(level, unit), counts.get(unit, 0)
        padding = not 0 <= unit < stack.fields[level].units
        look = {"fill": "wash" if padding or level > stack.layer else "paper", "stroke": "line"}
        radius = min(4, side / 5)
        picture.rect(x, y, side, side, **look, dashed=padding, radius=radius)
        if count and padding:
            picture.rect(x, y, side, side, stroke="muted", dashed=True, radius=radius)
        elif count:
            tint = 0.25 + 0.75 * count / largest
            picture.rect(x, y, side, side, fill=role, tint=tint, stroke=role, radius=radius)
        if count and largest < 1000 and side >= 18:
            size = min(14, side * 0.46 if count < 100 else side * 0.4)
            place = (x + side / 2, y + side / 2 + size * 0.36)
            text = "0" if padding else format_number(count)
            picture.text(*place, text, size=size, anchor="middle", mono=True,
                         fill="muted" if padding else "ink")  # fmt: skip
    if level == stack.layer:
        x = strip.x(level, stack.unit)
        picture.rect(x, y, side, side, stroke="output", stroke_width=3, radius=min(4, side / 5))


def _draw_labels(picture, stack, strip, level):
    field, chosen = stack.fields[level], level == stack.layer
    middle = strip.y(level) + strip.cell / 2
    fill = "input" if level == 0 else "ink" if level <= stack.layer else "muted"
    picture.text(0, middle - 2, field.name, size=14, fill=fill, bold=True)
    used = sum(0 <= u < field.units for u in stack.reached[level]) if level <= stack.layer else 0
    here = f"{used} of {field.units} units" if used else f"{field.units} units"
    picture.text(0, middle + 14, here, size=12, fill="muted")
    text = f"field {field.size}, jump {field.jump}"
    fill = "output" if chosen else "muted"
    picture.text(RIGHT + 22, middle - 2, text, size=13, fill=fill, bold=chosen)
    picture.text(RIGHT + 22, middle + 14, f"start {_n(field.start)}", size=12, fill="muted")


def _draw_bars(picture, stack, strip):
    """The number of paths to each input, as bars that hang from it."""
    top = strip.bottom + 22
    counts = stack.reached[0]
    largest = max(counts[u] for u in stack.seen) if stack.seen else 1
    for pixel in stack.seen:
        height = max(1.5, BARS * counts[pixel] / largest)
        picture.rect(strip.x(0, pixel), top, strip.cell, height, fill="input", tint=0.9)
    _draw_ends(picture, stack, strip, top - 7)
    picture.text(0, top + 14, "paths to each input", size=13, fill="input", bold=True)
    picture.text(0, top + 30, "with all weights 1:", size=12, fill="muted")
    picture.text(0, top + 45, "the gradient", size=12, fill="muted")
    total = format_number(sum(counts[pixel] for pixel in stack.seen))
    most = f"{format_number(largest)} at most, {total} in all"
    picture.text(RIGHT + 22, top + 14, most, size=12, fill="muted")


def _draw_ends(picture, stack, strip, y):
    """Indices of the first and the last input that the unit sees, apart if there is room."""
    if not stack.seen:
        return
    first, last = stack.seen[0], stack.seen[-1]
    places = {first: first, last: last}
    if first != last and strip.x(0, last) - strip.x(0, first) < 26:
        places = {f"{first}–{last}": (first + last) / 2}
    for text, pixel in places.items():
        x = strip.x(0, pixel) + strip.cell / 2
        picture.text(x, y, text, size=12, fill="input", anchor="middle", bold=True)
