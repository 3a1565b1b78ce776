"""A network from top to bottom: its maps as a funnel, its parameters and its work as bars."""

import math
from dataclasses import dataclass

from cnnbook.figures.picture import Picture

WIDTH = 944
MOST = 30  # stages that one picture can hold
TOP, PITCH = 88, 50  # pixels: where the input stands, and from one stage to the next
KINDS, SHAPES = 104, 474  # left edges of the columns
FUNNEL, FUNNEL_WIDTH = 384, 150  # middle and largest width of the maps
BARS = {"parameters": (592, "kernel"), "macs": (778, "muted")}
BAR_LENGTH = 112
CAPTION = """a map's width: √columns, its thickness: √channels; parameters with biases, \
multiply-adds of convolutions and dense layers"""
SHORT = {
    "Flatten": "", "Dropout": "", "Identity": "", "LocalResponseNorm": "LRN",
    "MaxPool": "max pool", "AvgPool": "average pool", "AdaptiveAvgPool": "average",
    "AdaptiveMaxPool": "maximum", "BatchNorm": "batch norm",
}  # fmt: skip
"""Names of layers without weights, as they stand under the layer before them."""


def short_count(number):
    """Write a large count with three digits and a unit.

    Parameters
    ----------
    number : int

    Returns
    -------
    str

    Examples
    --------
    >>> short_count(61706), short_count(999_999), short_count(714_188_480), short_count(84)
    ('61.7 k', '1.00 M', '714 M', '84')
    """
    if number < 1000:
        return str(number)
    digits = f"{number:.2e}"  # rounded first: 999,999 is 1.00 M, not 1000 k
    power = int(digits[-2:]) // 3
    return f"{float(digits) / 1000**power:#.3g}".rstrip(".") + " " + " kMGT"[power]


@dataclass(frozen=True)
class Stage:
    """One layer that has weights, with the layers that follow and have none.

    Parameters
    ----------
    rows : tuple
        Rows of a summary.
    """

    rows: tuple

    @property
    def name(self):
        """Name of the first layer."""
        return self.rows[0].name

    @property
    def kind(self):
        """What the first layer is, and what follows it."""
        first = self.rows[0]
        details = [d for d in first.detail.split(", ") if not d.startswith("padding")]
        own = f"{first.kind} {', '.join(details)}".strip()
        return own.replace(", stride ", " / ")

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

    @property
    def parameters(self):
        """Parameters of all its layers."""
        return sum(row.parameters for row in self.rows)

    @property
    def macs(self):
        """Multiply-adds of all its layers, for one sample."""
        return sum(row.macs for row in self.rows)


@dataclass(frozen=True)
class Architecture:
    """The stages of a network.

    Parameters
    ----------
    name : str
    input_shape : tuple of int
    stages : tuple of Stage
    idle : tuple
        Rows of layers that have parameters but did not run.
    """

    name: str
    input_shape: tuple
    stages: tuple
    idle: tuple

    @classmethod
    def of(cls, summary):
        """Put the rows of a summary together into stages."""
        groups = []
        for row in summary.rows:
            weighs = row.macs or (row.parameters and "Norm" not in row.kind)
            if weighs and row.output_shape is not None:
                groups.append([row])
            elif groups and row.output_shape is not None:
                groups[-1].append(row)
        if not groups:
            raise ValueError(f"{summary.name} has no layer with weights")
        if len(groups) > MOST:
            raise ValueError(
                f"{summary.name} has {len(groups)} layers with weights, a picture holds {MOST}: "
                "ask for summary(..., depth=1)"
            )
        idle = tuple(row for row in summary.rows if row.output_shape is None)
        stages = tuple(Stage(tuple(group)) for group in groups)
        return cls(summary.name, tuple(summary.input_shape), stages, idle)

    def total(self, count):
        """Sum of "parameters" or "macs" over the stages."""
        return sum(getattr(stage, count) for stage in self.stages)

    def share(self, count):
        """Dense layers' percentage of "parameters" or "macs"."""
        dense = sum(getattr(s, count) for s in self.stages if s.rows[0].kind == "Linear")
        return 100 * dense / max(self.total(count), 1)

    @property
    def claim(self):
        """What the picture shows, as its title."""
        parameters, macs = (short_count(self.total(count)) for count in BARS)
        if not 0 < self.share("macs") < 100:
            return f"{self.name}: {parameters} parameters, {macs} multiply-adds a sample"
        held, done = (f"{self.share(count):.2g} %" for count in BARS)
        return (
            f"{self.name}: dense layers hold {held} of {parameters} parameters "
            f"and do {done} of {macs} multiply-adds"
        )

    @property
    def description(self):
        """The whole network in words and numbers."""
        parts = [f"{self.claim}. Input {_times(self.input_shape)}."]
        for stage in self.stages:
            shapes = ", then ".join(map(_times, stage.shapes))
            parts.append(
                f"{stage.name}, {stage.kind}: {shapes}; {stage.parameters:,} parameters, "
                f"{stage.macs:,} multiply-adds."
            )
        parts += [f"{self.without}."] if self.idle else []
        return " ".join(parts)

    @property
    def without(self):
        """The layers that did not run."""
        rows = [f"{row.name} ({row.parameters:,} parameters)" for row in self.idle]
        return f"not run: {', '.join(rows)}"


def _times(shape):
    return "×".join(map(str, shape))


class Funnel:
    """Sizes of an `Architecture`'s maps on the canvas: width by columns, thickness by channels."""

    def __init__(self, network):
        shapes = [network.input_shape, *(s for stage in network.stages for s in stage.shapes)]
        self.widest = max(_columns(shape) for shape in shapes)
        self.deepest = max(shape[0] for shape in shapes)

    def slab(self, shape):
        """Return width and thickness in pixels; the root keeps 1 and 4096 in one picture."""
        width = FUNNEL_WIDTH * math.sqrt(_columns(shape) / self.widest)
        return width, 2.5 + 15 * math.sqrt(shape[0] / self.deepest)


def _columns(shape):
    return shape[-1] if len(shape) > 1 else 1


def draw_architecture(summary):
    """Draw a network from its input to its scores.

    Each stage is a layer that has weights, with what follows it. Its maps lie in the middle: a
    block is as wide as the square root of the map's columns, as thick as that of its channels. Bars
    show where the parameters are and where the work is.

    Parameters
    ----------
    summary : object
        With `name`, `input_shape` and `rows`, as `cnnbook.models.summary` returns it; each row has
        `name`, `kind`, `detail`, `output_shape`, `parameters` and `macs`.

    Returns
    -------
    Picture

    Raises
    ------
    ValueError
        If no layer has weights, or too many have.
    """
    network = Architecture.of(summary)
    bottom = TOP + PITCH * (len(network.stages) + 1)
    picture = Picture(WIDTH, bottom + (36 if network.idle else 16), network.description)
    picture.text(0, 18, network.claim, size=15, bold=True)
    _draw_headings(picture)
    funnel = Funnel(network)
    picture.text(KINDS, TOP + 14, "input", size=14, fill="input", bold=True)
    _draw_shapes(picture, [network.input_shape], TOP, "input")
    edge = _draw_maps(picture, funnel, [network.input_shape], TOP, "input", None)
    for number, stage in enumerate(network.stages, start=1):
        y = TOP + number * PITCH
        _draw_words(picture, stage, y)
        edge = _draw_maps(picture, funnel, stage.shapes, y, "output", edge)
        last = number == len(network.stages)
        _draw_shapes(picture, stage.shapes, y, "output" if last else "ink")
        _draw_bars(picture, network, stage, y)
    picture.text(0, bottom + 8, CAPTION, size=12, fill="muted")
    if network.idle:
        picture.text(0, bottom + 28, network.without, size=12, fill="muted")
    return picture


def _draw_headings(picture):
    y = TOP - 22
    picture.text(KINDS, y, "layer, and what follows", size=12, fill="muted")
    picture.text(FUNNEL, y, "maps", size=12, fill="muted", anchor="middle")
    picture.text(SHAPES, y, "channels × size", size=12, fill="muted")
    for count, title in (("parameters", "parameters"), ("macs", "multiply-adds")):
        left, role = BARS[count]
        picture.text(left, y, title, size=13, fill=role, bold=True)


def _draw_words(picture, stage, y):
    name = stage.name if len(stage.name) <= 14 else "…" + stage.name[-13:]
    picture.text(0, y + 14, name, size=12, fill="muted")
    picture.text(KINDS, y + 14, _cut(stage.kind, 23), size=14, bold=True)
    if stage.following:
        picture.text(KINDS, y + 31, _cut(f"→ {stage.following}", 32), size=12, fill="muted")


def _cut(text, length):
    return text if len(text) <= length else text[: length - 1] + "…"


def _draw_bars(picture, network, stage, y):
    for count, (left, colour) in BARS.items():
        number = getattr(stage, count)
        largest = max(getattr(other, count) for other in network.stages)
        length = BAR_LENGTH * number / max(largest, 1)
        if number:
            picture.rect(left, y + 3, max(length, 1), 14, fill=colour)
        picture.text(left + length + 6, y + 15, short_count(number), size=12, mono=True)


def _draw_maps(picture, funnel, shapes, y, role, edge):
    """Slabs below one another, joined to the ones above; returns (y, width) of the lowest."""
    for number, shape in enumerate(shapes):
        width, thick = funnel.slab(shape)
        top = y + number * 24
        if edge is not None:
            above, wide = edge
            corners = [(FUNNEL - wide / 2, above), (FUNNEL + wide / 2, above)]
            corners += [(FUNNEL + width / 2, top), (FUNNEL - width / 2, top)]
            picture.polygon(*corners, fill="muted", tint=0.13)
        picture.rect(FUNNEL - width / 2, top, width, thick, fill=role)
        edge = top + thick, width
    return edge


def _draw_shapes(picture, shapes, y, role):
    """The shapes below one another; the lower one counts at the end of the network."""
    for number, shape in enumerate(shapes):
        middle = number < len(shapes) - 1 if role == "output" else number
        fill = "muted" if middle else role
        text = ("→ " if number else "") + _times(shape)
        picture.text(SHAPES, y + 14 + 17 * number, text, size=13, fill=fill, mono=True)
