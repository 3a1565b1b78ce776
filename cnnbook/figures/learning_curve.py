"""A network that learns, at one of its steps: curves, first kernels and what it says of images."""

import itertools
import math
from functools import cached_property, partial

import numpy as np

from cnnbook.figures.numbers import format_number
from cnnbook.figures.scene import (
    LEGIBLE,
    Block,
    column,
    curve,
    dot,
    image,
    legible,
    level,
    named,
    note,
    page,
    panel,
    placed,
    plot,
    row,
    sized,
    space,
    text,
)
from cnnbook.figures.state import State, state

SMOOTHED = 10  # batches in the running mean
WIDTH, HEIGHTS = 350, (112, 92)  # of the plots of loss and accuracy
KERNELS, TILE = 8, 50  # kernels drawn, and the side of one
LEVELS = 16  # tints of each sign; fewer colours keep the PNG small
IMAGES, SIDE, BARS, TALL = 10, 48, 86, 38  # images drawn, their side, and the size of a bar chart


@state
class LearningCurve(State):
    """What was learned up to a step, and how it went on; `of` reads it from a trainer."""

    hint = "Point at a curve: the network of then. Click or drag; arrow keys."

    history: tuple  # of the trainer's `Record`s: before training, then after each step
    images: np.ndarray  # (n, C, H, W): some held-out ones, whose probabilities the history holds
    labels: np.ndarray  # (n,), their true classes
    held_out: int  # number of all held-out images
    step: int = 0  # from 0, before training, to the last
    until: int = 0  # step at which the axis ends; the last one if that is more

    def __post_init__(self):
        self._within("step", self.steps)

    @classmethod
    def of(cls, trainer, step=None, until=0):
        """Read what a trainer learned up to a step, the last one when not given."""
        shown = (part[trainer.shown] for part in trainer.validation)
        step = trainer.steps if step is None else step
        return cls(tuple(trainer.history), *shown, len(trainer.validation[0]), step, until)

    @property
    def steps(self):
        """Number of steps that can be shown, with the one before training."""
        return len(self.history)

    @property
    def now(self):
        """The record of this step."""
        return self.history[self.step]

    @cached_property
    def losses(self):
        """Mean cross-entropy of each batch, before the step that its gradient leads to."""
        return np.array([record.loss for record in self.history[1:]])

    @cached_property
    def accuracies(self):
        """Share of the held-out images named right: before training, then after each step."""
        return np.array([record.accuracy for record in self.history])

    @cached_property
    def smoothed(self):
        """Mean loss of the last 10 batches, after each step; of fewer at the start."""
        total = np.concatenate([[0], np.cumsum(self.losses)])
        after = np.arange(1, len(total))
        first = np.maximum(after - SMOOTHED, 0)
        return (total[after] - total[first]) / (after - first)

    def touched(self, name, row, step):
        """A place of a curve is gone to, as far as was trained."""
        return {"step": min(step, self.steps - 1)}

    def hovered(self, *part):
        """A place of a curve shows the network of then."""
        return self.at(self.touched(*part)["step"])

    @property
    def end(self):
        """Last step on the axis."""
        return max(self.until, self.steps - 1, 1)

    @property
    def guess(self):
        """Loss and accuracy of one who gives each class the same probability."""
        classes = self.now.probabilities.shape[1]
        return math.log(classes), 1 / classes

    @cached_property
    def scale(self):
        """Weight with the strongest tint: a round number that hides no weight of any step."""
        largest = max(np.abs(record.kernels).max() for record in self.history)
        if not largest:
            return 1.0
        power = 10.0 ** math.floor(math.log10(largest))
        return next(k * power for k in (1, 1.5, 2, 3, 5, 7, 10) if k * power >= largest * 0.999999)

    @property
    def change(self):
        """What training added to the kernels."""
        return self.now.kernels - self.history[0].kernels

    @property
    def moved(self):
        """Euclidean length of the change of the kernels, over that of the kernels before."""
        length = np.linalg.norm(self.history[0].kernels)
        return np.linalg.norm(self.change) / length if length else 0.0

    @cached_property
    def changes(self):
        """Steps after which the settings are others."""
        made = [record.settings for record in self.history[1:]]
        return [k for k, (old, new) in enumerate(itertools.pairwise(made), 1) if old != new]

    @property
    def title(self):
        """Which step this is, and how it was made."""
        made = str(self.now.settings) if self.step else "before training"
        return f"Step {self.step} of {self.end}", made

    @property
    def weight_range(self):
        """Least and largest weight of the kernels in words."""
        low, high = (format_number(v, 2) for v in (self.now.kernels.min(), self.now.kernels.max()))
        return f"from {low} to {high}"

    @property
    def description(self):
        """The step in words and numbers."""
        words = f"{', '.join(self.title)}: "
        if self.step:
            loss, mean = (format_number(v[self.step - 1]) for v in (self.losses, self.smoothed))
            words += f"loss of the batch {loss} (mean of the last {SMOOTHED}: {mean}), "
        words += f"{percent(self.now.accuracy)} of {self.held_out} validation images named right. "
        words += f"Weights of the first kernels {self.weight_range}, "
        words += f"changed by {format_number(self.moved, 2)} × their size before training. "
        right = int((self.now.probabilities.argmax(1) == self.labels).sum())
        return f"{words}Of {len(self.labels)} images shown, {right} are named right."

    def picture(self):
        """Draw the curves, the kernels before and after, and what is said of some images."""
        caption = "bars: the probability that the network gives each class; framed: the true one"
        answers = row(*(_answer(self, k) for k in range(min(len(self.labels), IMAGES))), gap=4)
        step, made = self.title
        heading = text(step, size=14, role="muted", bold=True, width=150), text(made, role="muted")
        curves = sized(column(_loss(self), _accuracy(self), gap=8), 462)
        return page(
            row(*heading, gap=20),
            row(curves, _weights(self), gap=16),
            panel("validation images, the first of each class", caption, answers, "output"),
            description=self.description,
        )


def percent(share):
    """Write a share in percent with three digits: 96.7 %."""
    return f"{format_number(100 * share)} %"


# ---------------------------------------------------------------- curves


def _loss(learned):
    guess = learned.guess[0]
    top = math.ceil(2.6 * guess) / 2  # beyond it the curve is cut, so that no axis jumps
    after = np.arange(1, learned.steps)
    mean = learned.smoothed[learned.step - 1] if learned.step else None
    layers = [
        level(guess, f"guessing: ln {round(math.exp(guess))} = {format_number(guess)}"),
        curve(after, learned.losses, "muted", width=0.7),
        curve(after, learned.smoothed, "ink"),
        *([dot(learned.step, mean, "ink")] if learned.step else []),
        *(partial(_mark, step) for step in learned.changes),
    ]
    words = f"cross-entropy in nats; grey: each batch, black: mean of {SMOOTHED}"
    words += "; ▾ new settings" * bool(learned.changes)
    value = format_number(mean) if learned.step else ""
    ticks = np.arange(0, top + 0.01, 1 if top >= 2 else 0.5).tolist()
    axes = _axes(learned, layers, HEIGHTS[0], (0, top), ticks)
    return named("loss", _under("training loss", value, words, axes, "ink"))


def _accuracy(learned):
    chance, value = learned.guess[1], learned.now.accuracy
    layers = [
        level(chance, f"guessing: {percent(chance)}"),
        curve(np.arange(learned.steps), learned.accuracies, "output"),
        dot(learned.step, value, "output"),
    ]
    words = f"of {learned.held_out} images that no step learns from"
    ticks = {0: "0", 0.5: "50", 1: "100 %"}
    axes = _axes(learned, layers, HEIGHTS[1], (0, 1), ticks, "steps (batches)")
    return named("accuracy", _under("validation accuracy", percent(value), words, axes, "output"))


def _under(title, value, caption, axes, role):
    """Axes below their title and the value of this step."""
    heading = text(title, size=14, role=role, bold=True, width=170)
    value = text(value, size=17, role=role, bold=True, mono=True, width=80)
    return column(row(heading, value, gap=10, align=1), note(caption), axes, gap=4)


def _axes(learned, layers, height, y, y_ticks, x_label=""):
    """Axes of steps, with the step shown as a dashed line."""
    unit = 1
    while learned.end / unit > 5:  # round steps: five at most, and 0
        unit = unit * 5 // 2 if str(unit)[0] == "2" else unit * 2

    def here(picture, place):
        ends = place(learned.step, y[0]), place(learned.step, y[1])
        picture.line(*ends, stroke="muted", stroke_width=1, dashed=True)

    options = {"x": (0, learned.end), "y": y, "y_ticks": y_ticks, "x_label": x_label}
    options |= {"x_ticks": range(0, learned.end + 1, unit), "width": WIDTH, "height": height}
    options["feel"] = ("step",), (1, learned.end + 1)
    return placed(plot(here, *layers, **options), 412, across=1)


def _mark(step, picture, place):
    """A mark above the step after which the settings changed."""
    x, top = place(step, place.y[1])
    with picture.part("changed"):
        picture.polygon((x - 4, top - 7), (x + 4, top - 7), (x, top), fill="kernel")


# ---------------------------------------------------------------- kernels


def _weights(learned):
    """The first kernels before training, now, and their difference, on one scale."""
    count, rows, columns = learned.now.kernels.shape
    some = f"{count}" if count <= KERNELS else f"{KERNELS} of {count}"
    caption = f"{some} kernels of {rows} × {columns}, one scale for all"
    now = f"after step {learned.step}" if learned.step else "now: nothing learned yet"
    moved = f"{format_number(learned.moved, 2)} × the size of the weights before training"
    stages = {"before training": learned.history[0].kernels, now: learned.now.kernels}
    blocks = [space(0, 2)]
    for words, kernels in (stages | {f"change: {moved}": learned.change}).items():
        tiles = _tiles(kernels[:KERNELS] / learned.scale, gap=3)
        blocks.append(named("kernels", column(note(words), tiles, gap=3)))
    foot = row(_legend(learned.scale), note(f"weights now {learned.weight_range}"), gap=24)
    block = column(*blocks, foot, gap=14)
    return panel("weights of the first layer", caption, block, "kernel")


def _tint(picture, level, *box):
    share = min(abs(level) / LEVELS, 1) / 0.7  # no text stands on it: the full tint is free
    picture.rect(*box, fill="kernel" if level > 0 else "negative", tint=share)


def _tiles(kernels, gap):
    """Kernels in a row, as tints of their weights from −1 to 1."""
    count, rows, columns = kernels.shape
    cell = TILE / max(rows, columns)
    cell = int(cell) if cell >= 2 else cell
    levels = np.round(kernels * LEVELS).astype(int)

    def draw(picture, x, y):
        lefts = [x + k * (TILE + gap) for k in range(count)]
        for left in lefts:
            picture.rect(left, y, columns * cell, rows * cell, fill="paper", stroke="line")
        with picture.part("weight", merged=True):
            for k, i, j in np.argwhere(levels):
                _tint(picture, levels[k, i, j], lefts[k] + j * cell, y + i * cell, cell, cell)

    return Block(count * (TILE + gap) - gap, TILE, draw)


def _legend(scale):
    """The tints with their numbers."""
    side = 5
    length = (2 * LEVELS + 1) * side

    def draw(picture, x, y):
        for k in range(-LEVELS, LEVELS + 1):
            if k:
                _tint(picture, k, x + (k + LEVELS) * side, y, side, 9)
        picture.rect(x, y, length, 9, stroke="line")
        for value, anchor in ((-1, "start"), (0, "middle"), (1, "end")):
            across, words = x + length * (value + 1) / 2, format_number(value * scale, 2)
            picture.text(across, y + 22, words, size=11, fill="muted", anchor=anchor)

    return Block(length, 26, draw)


# ---------------------------------------------------------------- answers


def _answer(learned, number):
    """An image, what the network takes it for, and the probability of each class."""
    probabilities, label = learned.now.probabilities[number], learned.labels[number]
    low, high = learned.images.min(), learned.images.max()
    values = (learned.images[number] - low) / ((high - low) or 1)
    values = values if len(values) == 3 else values.mean(0)
    best = int(probabilities.argmax())
    role, words = ("output", "right") if best == label else ("kernel", f"is {label}")
    share = text(f"{100 * probabilities[best]:.0f} %", size=11, role="muted", width=34)
    words = text(words, size=11, role=role, bold=best != label)
    verdict = column(text(best, size=17, role=role, bold=True, mono=True), share, words, gap=0)
    shown = row(placed(image(values, SIDE), SIDE, SIDE), verdict, gap=4)
    return sized(column(shown, _shares(probabilities, label, best), gap=8), BARS)


def _shares(probabilities, label, best):
    """A bar for each class; that of the true class stands in a frame."""
    pitch = BARS / len(probabilities)

    def draw(picture, x, y):
        picture.line((x, y + TALL), (x + BARS, y + TALL), stroke="line", stroke_width=1)
        for k, share in enumerate(probabilities):
            left, tall = x + k * pitch, TALL * share
            if tall >= 0.3:
                role = "muted" if k != best else "output" if k == label else "kernel"
                bar = left + 0.5, y + TALL - tall, max(pitch - 1, 0.5), tall
                with picture.part("share"):
                    picture.rect(*bar, fill=role, at=(k,))
            if len(probabilities) <= 10:
                style = {"fill": "ink" if k == label else "muted", "bold": k == label}
                style["size"] = 10 if legible(10) else LEGIBLE
                picture.text(left + pitch / 2, y + TALL + 12, k, anchor="middle", **style)
        left = x + label * pitch - 0.5
        picture.rect(left, y - 1, pitch + 1, TALL + 1, stroke="ink", radius=1)

    return Block(BARS, TALL + 15, draw)
