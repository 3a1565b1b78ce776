"""What a network makes of one drawn digit: its input, the maps of every layer, its verdict."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, fit_cell
from cnnbook.figures.layer_maps import (
    COLUMN,
    HEADING,
    WIDTH,
    draw_layer_heading,
    draw_layer_maps,
    layer_height,
)
from cnnbook.figures.picture import Picture
from cnnbook.ops import softmax

TOP = 40  # where the input and the bars begin
INPUT = 168  # side of the drawn input in pixels: six a pixel of 28×28
LONGEST = 336  # length of a bar that says 100 %
BAR = 17  # height of a bar's row
MOST_CLASSES = 20
HELP = (
    "Use the mouse, a finger or a pen,",
    "or the arrow keys and the space bar.",
    "A sample digit will do as well.",
)
SCALE = (
    "In the maps of a layer, paper is 0 and full ink is the greatest",
    "value of that layer, which stands at the right.",
)


@dataclass(frozen=True, eq=False)
class DigitReading:
    """One image, what every layer of a network yields for it, and the verdict.

    Parameters
    ----------
    image : ndarray of shape (H, W)
        What the network sees: 0 is paper, 1 is ink. Without any ink there is no verdict.
    layers : sequence of LayerMaps
        In the order in which they run, without the scores.
    scores : ndarray of shape (classes,)
        What the network returns, before the softmax.
    classes : sequence of str
        Their names.
    note : (str, str)
        Two short lines on how the image was made.

    Raises
    ------
    ValueError
        If the image has other axes, values leave [0, 1], there are fewer than 2 or more than 20
        classes, their names do not fit the scores, or a score is not finite.
    """

    image: np.ndarray
    layers: tuple
    scores: np.ndarray
    classes: tuple = tuple("0123456789")
    note: tuple = ("", "")

    def __post_init__(self):
        image, scores = np.asarray(self.image, float), np.asarray(self.scores, float)
        if image.ndim != 2:
            raise ValueError(f"image has {image.ndim} axes, expected 2")
        if not (image.min() >= 0 and image.max() <= 1):
            raise ValueError(
                f"image holds values from {image.min():.3g} to {image.max():.3g}, expected 0 to 1"
            )
        if scores.shape != (len(self.classes),):
            raise ValueError(
                f"scores has shape {scores.shape}, but there are {len(self.classes)} classes"
            )
        if not 2 <= scores.size <= MOST_CLASSES:
            raise ValueError(
                f"there are {scores.size} classes, the picture holds 2 to {MOST_CLASSES}"
            )
        if not np.isfinite(scores).all():
            raise ValueError("the scores hold NaN or infinity: the network computes no number here")
        object.__setattr__(self, "image", image)
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

    def share(self, index):
        """Write a class's probability in whole percent."""
        return f"{100 * self.probabilities[index]:.0f} %"

    @property
    def description(self):
        """The verdict and the shapes in words and numbers."""
        shapes = ", ".join(layer.size for layer in self.layers)
        path = f"The layers yield {shapes} and {self.scores.size} scores."
        if self.empty:
            return f"Nothing is drawn yet, so there is nothing to read. {path}"
        first, *others = [f"{self.classes[i]} ({self.share(i)})" for i in self.ranking[:3]]
        return f"The network reads {first}, then {' and '.join(others)}. {path}"


def draw_digit_reading(reading):
    """Draw the input, a bar a class, and the feature maps of every layer.

    Parameters
    ----------
    reading : DigitReading
        The size of the picture depends on its shapes, not on its values.

    Returns
    -------
    Picture
    """
    notes = TOP + max(INPUT, BAR * reading.scores.size) + 18
    top = notes + 34
    heights = [layer_height(layer) for layer in reading.layers]
    cell = fit_cell(reading.scores.size, WIDTH)
    height = top + sum(heights) + HEADING + 18 + cell
    picture = Picture(WIDTH, height, reading.description)
    _draw_input(picture, reading)
    _draw_bars(picture, reading)
    for x, lines in ((0, reading.note), (COLUMN, SCALE)):
        for row, line in enumerate(lines):
            picture.text(x, notes + 16 * row, line, size=12, fill="muted")
    for layer, needed in zip(reading.layers, heights, strict=True):
        draw_layer_maps(picture, layer, top, empty=reading.empty)
        top += needed
    _draw_scores(picture, reading, top, cell)
    return picture


def _draw_input(picture, reading):
    """Draw what the network sees."""
    draw_heading(
        picture, 0, TOP, "what the network sees",
        "{} × {} pixels, 0 paper to 1 ink".format(*reading.image.shape), role="input",
    )  # fmt: skip
    levels = 255 - np.rint(255 * reading.image).astype(np.uint8)
    rows, columns = reading.image.shape
    scale = INPUT / max(rows, columns)
    box = (0, TOP, columns * scale, rows * scale)
    picture.image(np.repeat(levels[..., None], 3, axis=2), *box, inverts=True)
    picture.rect(*box, stroke="line")


def _draw_bars(picture, reading):
    """Draw a bar a class: the softmax of the scores; help in its place if nothing is drawn."""
    if reading.empty:
        draw_heading(picture, COLUMN, TOP, "Draw a digit", "and the network reads it as you draw")
    else:
        draw_heading(
            picture, COLUMN, TOP, f"The network reads {reading.classes[reading.ranking[0]]}",
            f"softmax of the {reading.scores.size} scores below", role="output",
        )  # fmt: skip
    for index, name in enumerate(reading.classes):
        base = TOP + BAR * index + 13
        best = not reading.empty and index == reading.ranking[0]
        shown = name if len(name) < 13 else name[:11] + "…"
        picture.text(
            COLUMN - 10, base, shown, size=13, anchor="end", bold=best,
            fill="output" if best else "ink", mono=len(name) == 1,
        )  # fmt: skip
        picture.line((COLUMN, base - 12), (COLUMN, base + 4), stroke="line", stroke_width=1)
        if reading.empty:
            continue
        length = LONGEST * reading.probabilities[index]
        picture.rect(COLUMN, base - 11, length, 13, fill="output" if best else "muted", radius=1.5)
        picture.text(
            COLUMN + LONGEST + 66, base, reading.share(index), size=13, anchor="end", mono=True,
            bold=best, fill="output" if best else "muted",
        )  # fmt: skip
    for row, line in enumerate(HELP if reading.empty else ()):
        picture.text(COLUMN + 20, TOP + 52 + 22 * row, line, size=14, fill="muted")


def _draw_scores(picture, reading, top, cell):
    """Draw the scores as cells with their numbers, the best one framed."""
    shown = np.full(reading.scores.size, not reading.empty)
    span = "" if reading.empty else "the largest wins"
    draw_layer_heading(picture, top, "scores", f"{reading.scores.size} numbers", span)
    top += HEADING
    grid = draw_cells(
        picture, reading.scores.round(1), 0, top, cell=cell, role="signed", shown=shown, longest=5
    )
    for index, name in enumerate(reading.classes):
        best = not reading.empty and index == reading.ranking[0]
        x, _ = grid.centre(0, index)
        picture.text(
            x, top + cell + 14, name if len(name) < 3 else str(index), size=12, anchor="middle",
            fill="output" if best else "muted", bold=best,
        )  # fmt: skip
    if not reading.empty:
        grid.frame(picture, 0, reading.ranking[0], role="output")
