"""The parts of the picture of a network that learns: axes with curves, kernels, predictions."""

from dataclasses import dataclass

import numpy as np

from cnnbook.figures.cells import draw_heading, format_number

WIDTH = 900
LEFT, RIGHT = 44, 400  # of the curves
POINTS = 400  # of a curve at most: one a pixel
KERNELS, TILE, PITCH = 8, 50, 53  # kernels drawn, their side and their distance
LEVELS = 16  # tints of each sign; fewer colours keep the PNG small
IMAGES, COLUMN, SIDE, BARS = 10, 90, 48, 80  # images drawn, their distance, side, and bar chart


@dataclass(frozen=True)
class Panel:
    """Axes of one curve: steps to the right, values from 0 up.

    Parameters
    ----------
    top, bottom : float
        Edges in pixels.
    steps : int
        At the right edge.
    largest : float
        Value at the upper edge.
    """

    top: float
    bottom: float
    steps: int
    largest: float

    def place(self, step, value):
        """Return the (x, y) of a value; beyond the upper edge, on it."""
        share = min(max(value / self.largest, 0), 1)
        across = LEFT + (RIGHT - LEFT) * step / self.steps
        return across, self.bottom - (self.bottom - self.top) * share

    def frame(self, picture, ticks):
        """Draw a quiet line and a number at each (value, text)."""
        for value, text in ticks:
            y = self.place(0, value)[1]
            picture.line((LEFT, y), (RIGHT, y), stroke="line", stroke_width=1)
            picture.text(LEFT - 8, y + 4, text, size=11, fill="muted", anchor="end")

    def guess(self, picture, value, text):
        """Draw what guessing yields, dashed."""
        y = self.place(0, value)[1]
        picture.line((LEFT, y), (RIGHT, y), stroke="muted", stroke_width=1, dashed=True)
        picture.text(RIGHT, y - 5, text, size=11, fill="muted", anchor="end")

    def mark(self, picture, step, value, text, role, *, above):
        """Mark a value by a dot and write it beside, on paper that lets the curve shine through."""
        x, y = self.place(step, value)
        picture.rect(x - 4, y - 4, 8, 8, fill=role, radius=4)
        width, base = 8.3 * len(text) + 6, y - 9 if above else y + 20
        base = min(max(base, self.top + 12), self.bottom - 4)
        picture.rect(x + 5, base - 13, width, 17, fill="paper", tint=1.2, radius=3)
        picture.text(x + 8, base, text, fill=role, bold=True, mono=True)


def draw_curve(picture, panel, steps, values, role, stroke_width):
    """Draw a curve, thinned to what pixels can show; its end is always drawn.

    Parameters
    ----------
    picture : Picture
        Drawn upon.
    panel : Panel
    steps, values : ndarray of shape (n,)
    role : str
    stroke_width : float
    """
    if len(steps) < 2:
        return
    stride = -(-len(steps) // POINTS)
    chosen = np.append(np.arange(0, len(steps) - 1, stride), len(steps) - 1)
    points = [panel.place(steps[k], values[k]) for k in chosen]
    picture.line(*points, stroke=role, stroke_width=stroke_width)


def draw_step_axis(picture, curve, *panels):
    """Draw the axis that the panels share, the step shown, and where settings changed.

    Parameters
    ----------
    picture : Picture
        Drawn upon.
    curve : LearningCurve
    *panels : Panel
        From top to bottom.
    """
    first, last = panels[0], panels[-1]
    for tick in _ticks(curve.end):
        x = last.place(tick, 0)[0]
        picture.line((x, last.bottom), (x, last.bottom + 4), stroke="muted", stroke_width=1)
        picture.text(x, last.bottom + 17, tick, size=11, fill="muted", anchor="middle")
    picture.text(RIGHT, last.bottom + 34, "steps (batches)", size=11, fill="muted", anchor="end")
    for k in curve.changes:
        x = first.place(k, 0)[0]
        corners = (x - 4, first.top - 7), (x + 4, first.top - 7), (x, first.top)
        picture.polygon(*corners, fill="kernel")
    x = first.place(curve.step, 0)[0]
    for panel in panels:
        ends = (x, panel.top), (x, panel.bottom)
        picture.line(*ends, stroke="muted", stroke_width=1, dashed=True)


def _ticks(steps):
    """Choose round steps: five at most, and 0."""
    unit = 1
    while steps / unit > 5:
        unit = unit * 5 // 2 if str(unit)[0] == "2" else unit * 2
    return range(0, steps + 1, unit)


def draw_kernel_rows(picture, curve, x, y):
    """Draw the first kernels before training, now, and their difference, on one scale.

    Parameters
    ----------
    picture : Picture
        Drawn upon.
    curve : LearningCurve
    x, y : float
        Top left corner in pixels; the heading stands above it.
    """
    count, rows, columns = curve.kernels.shape
    shown = min(count, KERNELS)
    some = f"{count}" if shown == count else f"{shown} of {count}"
    caption = f"{some} kernels of {rows} × {columns}, one scale for all"
    draw_heading(picture, x, y, "weights of the first layer", caption, role="kernel")
    stages = [
        ("before training", curve.start),
        (f"after step {curve.step}" if curve.step else "now: nothing learned yet", curve.kernels),
        (f"change: {format_number(curve.moved, 2)} × the size of the weights before training",
         curve.kernels - curve.start),
    ]  # fmt: skip
    for k, (words, kernels) in enumerate(stages):
        top = y + 20 + 84 * k
        picture.text(x, top - 6, words, size=12, fill="muted")
        for n in range(shown):
            _draw_tile(picture, kernels[n] / curve.scale, x + n * PITCH, top)
    _draw_scale(picture, curve, x, y + 20 + 84 * 3)


def _draw_tile(picture, values, x, y):
    """Draw one kernel as tints: orange for positive weights, blue for negative ones."""
    rows, columns = values.shape
    cell = TILE / max(rows, columns)
    cell = int(cell) if cell >= 2 else cell
    picture.rect(x, y, columns * cell, rows * cell, fill="paper", stroke="line")
    levels = np.round(values * LEVELS).astype(int)
    for row, column in np.argwhere(levels):
        _draw_tint(picture, x + column * cell, y + row * cell, cell, cell, levels[row, column])


def _draw_tint(picture, x, y, width, height, level):
    role = "kernel" if level > 0 else "input"
    share = min(abs(level) / LEVELS, 1) / 0.7  # no text stands on it: the full tint is free
    picture.rect(x, y, width, height, fill=role, tint=share)


def _draw_scale(picture, curve, x, y):
    """Draw the tints with their numbers, and the range of the weights."""
    side = 5
    for k in range(2 * LEVELS + 1):
        if k != LEVELS:
            _draw_tint(picture, x + k * side, y, side, 9, k - LEVELS)
    length = (2 * LEVELS + 1) * side
    picture.rect(x, y, length, 9, stroke="line")
    for k, (value, anchor) in enumerate(((-1, "start"), (0, "middle"), (1, "end"))):
        text = format_number(value * curve.scale, 2)
        picture.text(x + length * k / 2, y + 22, text, size=11, fill="muted", anchor=anchor)
    words = f"weights now {curve.weight_range}"
    picture.text(x + length + 24, y + 8, words, size=12, fill="muted")


def draw_predictions(picture, curve, y):
    """Draw images, what the network takes them for, and the probability of each class.

    Parameters
    ----------
    picture : Picture
        Drawn upon.
    curve : LearningCurve
    y : float
        Top of the images in pixels.
    """
    low, high = curve.images.min(), curve.images.max()
    grey = (curve.images - low) / ((high - low) or 1)
    for k in range(min(len(curve.labels), IMAGES)):
        _draw_image(picture, grey[k], k * COLUMN, y)
        _draw_verdict(picture, curve.probabilities[k], curve.labels[k], k * COLUMN + SIDE + 5, y)
        _draw_bars(picture, curve.probabilities[k], curve.labels[k], k * COLUMN, y + SIDE + 8)


def _draw_image(picture, image, x, y):
    """Draw an image (C, H, W) with its shape kept; three channels as colours, others averaged."""
    colours = image if len(image) == 3 else np.repeat(image.mean(0, keepdims=True), 3, axis=0)
    height, width = image.shape[1:]
    side = SIDE / max(height, width)
    pixels = np.round(255 * colours.transpose(1, 2, 0)).astype(np.uint8)
    picture.image(pixels, x, y, width * side, height * side)


def _draw_verdict(picture, probabilities, label, x, y):
    """Write the class that the network names, how sure it is, and whether that is right."""
    named = int(probabilities.argmax())
    role = "output" if named == label else "kernel"
    picture.text(x, y + 16, named, size=17, fill=role, bold=True, mono=True)
    picture.text(x, y + 31, f"{100 * probabilities[named]:.0f} %", size=11, fill="muted")
    words = "right" if named == label else f"is {label}"
    picture.text(x, y + 46, words, size=11, fill=role, bold=named != label)


def _draw_bars(picture, probabilities, label, x, y):
    """Draw a bar a class; that of the true class stands in a frame."""
    height, pitch = 38, BARS / len(probabilities)
    named = probabilities.argmax()
    picture.line((x, y + height), (x + BARS, y + height), stroke="line", stroke_width=1)
    for k, share in enumerate(probabilities):
        left, tall = x + k * pitch, height * share
        if tall >= 0.3:
            role = "muted" if k != named else "output" if k == label else "kernel"
            picture.rect(left + 0.5, y + height - tall, max(pitch - 1, 0.5), tall, fill=role)
        if len(probabilities) <= 10:
            role = "ink" if k == label else "muted"
            where = left + pitch / 2, y + height + 11
            picture.text(*where, k, size=9, fill=role, anchor="middle", bold=k == label)
    picture.rect(x + label * pitch - 0.5, y - 1, pitch + 1, height + 1, stroke="ink", radius=1)
