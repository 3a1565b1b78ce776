"""One layer of a network at a time: its formulas with the numbers put in, and its place."""

from dataclasses import dataclass
from functools import cached_property

from cnnbook.figures.architecture import (
    FUNNEL,
    KINDS,
    PITCH,
    SHAPES,
    TOP,
    WIDTH,
    Architecture,
    Funnel,
    draw_architecture,
)
from cnnbook.figures.layer_formulas import formulas, times
from cnnbook.figures.picture import Picture

PANEL = 138  # pixels above the network: a title and five lines
MONO_WIDTH = 8.2  # pixels a letter of the shapes' column, with room for DejaVu
KEYS = ("shape", "size", "parameters", "multiply-adds", "field")


@dataclass(frozen=True, eq=False)
class LayerStep:
    """A network and one of the layers that change the shape or hold weights.

    Parameters
    ----------
    summary : object
        As `draw_architecture` takes it.
    module : object
        The network itself, whose `get_submodule(name)` gives a layer's settings.
    step : int
        0 is the whole network, 1 the first such layer.

    Raises
    ------
    ValueError
        If there is no such step, or the network cannot be drawn.
    """

    summary: object
    module: object
    step: int = 0

    def __post_init__(self):
        if not 0 <= self.step < self.steps:
            raise ValueError(f"step is {self.step}, expected 0 to {self.steps - 1}")

    @cached_property
    def network(self):
        """The stages of the picture."""
        return Architecture.of(self.summary)

    @cached_property
    def telling(self):
        """Indices of the rows that change the shape or have parameters or multiply-adds."""
        chosen, before = [], tuple(self.summary.input_shape)
        for number, row in enumerate(self.summary.rows):
            if row.output_shape is None:
                continue
            if row.parameters or row.macs or row.output_shape != before:
                chosen.append(number)
            before = row.output_shape
        return chosen

    @property
    def steps(self):
        """Number of layers to go through, and one for the whole."""
        return len(self.telling) + 1

    @property
    def row(self):
        """The summary's row of the layer, None for the whole network."""
        return self.summary.rows[self.telling[self.step - 1]] if self.step else None

    @property
    def title(self):
        """Which layer it is."""
        if not self.step:
            return f"{self.summary.name}, the whole: {self.steps - 1} layers to step through"
        row = self.row
        return f"Layer {self.step} of {self.steps - 1}: {row.name}, {row.kind} {row.detail}".strip()

    @cached_property
    def lines(self):
        """A text for each of `KEYS`: formulas where they give the row's own numbers."""
        if not self.step:
            return self._whole()
        number = self.telling[self.step - 1]
        layer = _only_convolution(self.module.get_submodule(_path(self.row.name)))
        found = formulas(layer, self.row, self._sources(number))
        for key in ("parameters", "macs"):
            if count := getattr(self.row, key):
                share = 100 * count / self.network.total(key)
                found[key] += f"  ({share:.2g} % of all)" if share < 99.5 else "  (nearly all)"
        return dict(zip(KEYS, found.values(), strict=True))

    def _sources(self, number):
        """The maps that the layer may have read, the nearest first: (shape, field, jump)."""
        before = [row for row in self.summary.rows[:number] if row.output_shape is not None]
        sources = [(row.output_shape, row.field, row.jump) for row in reversed(before)]
        shape = tuple(self.summary.input_shape)
        ones = (1,) * (len(shape) - 1)
        return [*sources, (shape, ones, ones)]

    def _whole(self):
        rows = [row for row in self.summary.rows if row.output_shape is not None]
        texts = [
            f"{times(self.summary.input_shape)} in, {times(rows[-1].output_shape)} at the end",
            "each layer's follows from the one before: step on to see how",
            f"{self.network.total('parameters'):,} with biases",
            f"{self.network.total('macs'):,} for one sample",
            _last_field(rows),
        ]
        return dict(zip(KEYS, texts, strict=True))

    @property
    def description(self):
        """The layer in words and numbers, for those who do not see the picture."""
        lines = "; ".join(f"{key} {text}" for key, text in self.lines.items())
        return f"{self.title}. {lines}. {self.network.claim}."

    @property
    def place(self):
        """Stage of the picture and which of its shapes it is; None where it shows none."""
        if not self.step:
            return 0, 0
        for number, stage in enumerate(self.network.stages, start=1):
            if any(row is self.row for row in stage.rows):
                shapes = stage.shapes
                shape = self.row.output_shape
                return number, shapes.index(shape) if shape in shapes else None
        return 0, None  # before the first layer with weights


def _last_field(rows):
    """The field of the last map that is one."""
    for row in reversed(rows):
        if row.field is not None and row.jump is not None and len(row.output_shape) > 1:
            return f"{times(row.field)} on the last map, jump {times(row.jump)}"
    return "not followed"


def _only_convolution(layer):
    """The convolution in a unit that holds just one, with its activation; else the layer."""
    found = [part for part in layer.modules() if hasattr(part, "in_channels")]
    return found[0] if len(found) == 1 else layer


def _path(name):
    """Name of the module of a row: a second call adds "_1" to it."""
    stem, _, count = name.rpartition("_")
    return "" if name == "forward" else (stem if count.isdigit() and stem else name)


def draw_layer_step(step):
    """Draw a network with one layer marked, and that layer's formulas above.

    Parameters
    ----------
    step : LayerStep

    Returns
    -------
    Picture
    """
    whole = draw_architecture(step.summary)
    picture = Picture(WIDTH, PANEL + whole.height, step.description)
    picture.text(0, 18, step.title, size=15, bold=True)
    for number, (key, text) in enumerate(step.lines.items()):
        y = 44 + 19 * number
        picture.text(0, y, key, size=12, fill="muted")
        role = "output" if key == "shape" else "ink"
        picture.text(KINDS, y, text, size=13, mono=True, bold=key == "shape", fill=role)
    stage, line = step.place
    top = PANEL + TOP + PITCH * stage
    if step.step:
        picture.rect(-3, top - 5, WIDTH + 6, PITCH - 5, fill="wash", radius=4)
    picture.paste(whole, 0, PANEL)
    if step.step and line is not None:
        _frame_shape(picture, step, top, line)
    return picture


def _frame_shape(picture, step, top, line):
    """Ring the shape that the layer yields, and its map."""
    shape = step.row.output_shape
    left, baseline = SHAPES - 6, top + 14 + 17 * line
    length = (len(times(shape)) + (2 if line else 0)) * MONO_WIDTH + 12
    picture.rect(left, baseline - 14, length, 18, stroke="output", stroke_width=2, radius=4)
    width, thick = Funnel(step.network).slab(shape)
    box = (FUNNEL - width / 2 - 5, top + 24 * line - 3.5, width + 10, thick + 7)
    picture.rect(*box, stroke="output", stroke_width=2, radius=4)
