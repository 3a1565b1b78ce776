"""What a network makes of one drawn digit: its input, the maps of every layer, its verdict."""

from functools import cached_property

import numpy as np

from cnnbook.figures.layer_maps import SECOND, WIDTH, layer_block, layer_heading, shortened
from cnnbook.figures.scene import (
    ROOM,
    Frame,
    bars,
    cells,
    column,
    fit,
    image,
    lines,
    named,
    page,
    panel,
    placed,
    row,
    sized,
    space,
    text,
    times,
)
from cnnbook.figures.state import State, state
from cnnbook.ops import softmax

INPUT, BAR = 168, 17  # side of the drawn input, six pixels for one of 28×28; height of a bar's row
MOST_CLASSES = 20
HELP = ["Use the mouse, a finger or a pen,", "or the arrow keys and the space bar."]
HELP += ["A sample digit will do as well."]
SCALE = ["In the maps of a layer, paper is 0 and full ink is the greatest"]
SCALE += ["value of that layer, which stands at the right."]


@state
class DigitReading(State):
    """One image, what every layer of a network yields for it, and the verdict; none without ink."""

    image: np.ndarray  # (H, W), from 0, paper, to 1, ink: what the network sees
    layers: tuple  # of `LayerMaps`, in the order in which they run, without the scores
    scores: np.ndarray  # (classes,), before the softmax
    classes: tuple = tuple("0123456789")  # 2 to 20 names
    note: tuple = ("", "")  # two short lines on how the image was made

    def __post_init__(self):
        self._array("image", 2)
        least, most = self.image.min(), self.image.max()
        if least < 0 or most > 1:
            raise ValueError(f"image holds values from {least:.3g} to {most:.3g}, expected 0 to 1")
        scores, count = np.asarray(self.scores, float), len(self.classes)
        if scores.shape != (count,):
            raise ValueError(f"scores has shape {scores.shape}, but there are {count} classes")
        if not 2 <= count <= MOST_CLASSES:
            raise ValueError(f"there are {count} classes, the picture holds 2 to {MOST_CLASSES}")
        if not np.isfinite(scores).all():
            raise ValueError("the scores hold NaN or infinity: the network computes no number here")
        object.__setattr__(self, "scores", scores)

    @property
    def empty(self):
        """Whether there is no ink."""
        return not self.image.any()

    @cached_property
    def probabilities(self):
        """The softmax of the scores."""
        return softmax(self.scores, 0)

    @property
    def ranking(self):
        """Indices of the classes, the most probable first."""
        return np.argsort(-self.probabilities, kind="stable")

    @property
    def best(self):
        """The most probable class; none while nothing is drawn."""
        return None if self.empty else int(self.ranking[0])

    @property
    def description(self):
        """The verdict and the shapes in words and numbers."""
        shapes = ", ".join(layer.size for layer in self.layers)
        path = f"The layers yield {shapes} and {self.scores.size} scores."
        if self.empty:
            return f"Nothing is drawn yet, so there is nothing to read. {path}"
        best = self.ranking[:3]
        first, *others = (f"{self.classes[i]} ({100 * self.probabilities[i]:.0f} %)" for i in best)
        return f"The network reads {first}, then {' and '.join(others)}. {path}"

    def picture(self):
        """Draw the input, a bar for each class, and what every layer yields."""
        notes = (lines(*words, size=12, role="muted") for words in (self.note, SCALE))
        return page(
            row(sized(_input(self), SECOND), _bars(self), gap=0),
            row(*(sized(note, SECOND) for note in notes), gap=0),
            *(layer_block(layer, empty=self.empty) for layer in self.layers),
            _scores(self),
            description=self.description,
            width=WIDTH,
            gap=13,
        )


def _input(reading):
    caption = f"{times(reading.image.shape)} pixels, 0 paper to 1 ink"
    seen = image(1 - reading.image, INPUT, role="line", inverts=True)
    return panel("what the network sees", caption, named("seen", seen), "input")


def _bars(reading):
    """A bar for each class, the softmax of the scores; help in its place if nothing is drawn."""
    count = reading.scores.size
    height = max(INPUT, BAR * count)
    caption = f"softmax of the {count} scores below"
    if reading.empty:
        help_ = column(space(0, 32), lines(*HELP, size=14, role="muted"))
        caption = "and the network reads it as you draw"
        return panel("Draw a digit", caption, sized(help_, height=height))
    names = [shortened(name, 13) for name in reading.classes]
    roles = ["output" if k == reading.best else "muted" for k in range(count)]
    style = {"height": BAR, "roles": roles, "chosen": [reading.best]}

    def shares(length):
        return named("shares", bars(names, reading.probabilities, length=length, **style))

    title = f"The network reads {shortened(reading.classes[reading.best], 30)}"
    fitted = fit(shares, range(340, 0, -20), min(WIDTH, ROOM.get()) - SECOND)
    return panel(title, caption, sized(fitted, height=height), "output")


def _scores(reading):
    """The scores as cells with their numbers, the best one framed."""
    count, best = reading.scores.size, reading.best
    cell = min(38, WIDTH // count, ROOM.get() // count)
    wins = "" if best is None else "the largest wins"
    frames = [] if best is None else [Frame(0, best, role="output")]
    shown = np.full(count, best is not None)
    style = {"role": "kernel", "shown": shown, "frames": frames, "longest": 5}
    below = []
    for k, name in enumerate(reading.classes):
        role, short = "output" if k == best else "muted", name if len(name) < 3 else k
        below.append(placed(text(short, size=12, role=role, bold=k == best), cell))
    heading = layer_heading("scores", f"{count} numbers", wins)
    grid = named("scores", cells(reading.scores.round(1), cell=cell, **style))
    return column(heading, grid, row(*below, gap=0), gap=4)
