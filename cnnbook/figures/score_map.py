"""A classifier that slides over a large image: its scores as a map, peaks as detections."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cnnbook.figures.cells import draw_heading
from cnnbook.figures.picture import Picture
from cnnbook.figures.style import LIGHT, TINT

WIDTH, GAP, TOP = 944, 24, 84
STAGE = (460, 320)  # largest width and height of the image
CLOSE, BELOW, BARS = 128, 62, 168  # close-up of the window, space above it, left edge of the bars
BAR, ROW, PER_COLUMN, PITCH = 200, 22, 6, 386  # bars of the classes, in columns of six
MOST = 12  # classes
ANY = "any"  # what is shown when all classes but `nothing` are taken together


class Detection(NamedTuple):
    """A peak of the score map."""

    row: int
    column: int
    label: int
    score: float


@dataclass(frozen=True, eq=False)
class ScoreMap:
    """An image, the probabilities of the classes at each place of a window, and one such place.

    Parameters
    ----------
    image : ndarray of shape (H, W), values from 0 to 1
    probabilities : ndarray of shape (classes, rows, columns)
        Of a window that moves by `stride` pixels.
    classes : sequence of str
    nothing : str or None
        The class of windows that hold no object, if there is one.
    window, stride : int
        Side and step of the window in pixels.
    shown : str
        A class, or "any": the probability that the window holds an object of any class. Without a
        class `nothing` that is the largest probability.
    threshold : float
        Peaks above it are detections.
    row, column : int
        The place of the window, counted in steps.

    Raises
    ------
    ValueError
        If sizes do not agree, or there is no such class or place.
    """

    image: np.ndarray
    probabilities: np.ndarray
    classes: tuple
    nothing: str | None = None
    window: int = 32
    stride: int = 4
    shown: str = ANY
    threshold: float = 0.5
    row: int = 0
    column: int = 0

    def __post_init__(self):
        if self.image.ndim != 2:
            raise ValueError(f"image has {self.image.ndim} axes, expected 2: (H, W)")
        if len(self.classes) > MOST:
            raise ValueError(f"there are {len(self.classes)} classes, the picture holds {MOST}")
        for name in ("window", "stride"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, must be at least 1")
        steps = [(size - self.window) // self.stride + 1 for size in self.image.shape]
        if self.probabilities.shape != (len(self.classes), *steps):
            raise ValueError(
                f"probabilities have shape {self.probabilities.shape}, "
                f"expected {(len(self.classes), *steps)}"
            )
        if self.nothing is not None and self.nothing not in self.classes:
            raise ValueError(f"there is no class {self.nothing!r}, only {self.classes}")
        if self.shown not in (ANY, *self.classes):
            raise ValueError(f"shown is {self.shown!r}, not {ANY!r} and none of {self.classes}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}, must be from 0 to 1")
        for name, count in zip(("row", "column"), steps, strict=True):
            if not 0 <= getattr(self, name) < count:
                raise ValueError(f"{name} is {getattr(self, name)}, must be from 0 to {count - 1}")

    @cached_property
    def objects(self):
        """Indices of the classes without `nothing`."""
        return [k for k, name in enumerate(self.classes) if name != self.nothing]

    @cached_property
    def presence(self):
        """For each place, how probable it is that the window holds an object."""
        if self.nothing is None:
            return self.probabilities.max(0)
        return self.probabilities[self.objects].sum(0)

    @property
    def values(self):
        """The map that is shown."""
        if self.shown == ANY:
            return self.presence
        return self.probabilities[self.classes.index(self.shown)]

    @cached_property
    def detections(self):
        """Places above the threshold that no place within two steps exceeds, row by row.

        Of equals within two steps the first one counts.
        """
        padded = np.pad(self.presence, 2, constant_values=-np.inf)
        around = np.lib.stride_tricks.sliding_window_view(padded, (5, 5)).max((2, 3))
        kept = []
        for peak in np.argwhere((self.presence >= around) & (self.presence > self.threshold)):
            if all(np.abs(peak - other).max() > 2 for other in kept):
                kept.append(peak)
        return [self._detection(row, column) for row, column in kept]

    def _detection(self, row, column):
        scores = self.probabilities[self.objects, row, column]
        label = self.objects[int(scores.argmax())]
        return Detection(int(row), int(column), label, float(self.presence[row, column]))

    @property
    def crop(self):
        """The pixels in the window."""
        top, left = self.row * self.stride, self.column * self.stride
        return self.image[top : top + self.window, left : left + self.window]

    @property
    def claim(self):
        """How many windows there are, and how many detections."""
        places = self.presence.size
        return f"{places:,} windows, {len(self.detections)} detections above {self.threshold:.2f}"

    @property
    def reading(self):
        """Where the window is, and what it is taken for."""
        scores = self.probabilities[:, self.row, self.column]
        top, left = self.row * self.stride, self.column * self.stride
        best = int(scores.argmax())
        return (
            f"rows {top} to {top + self.window - 1}, columns {left} to {left + self.window - 1}: "
            f"{self.classes[best]} with {100 * scores[best]:.0f} %"
        )

    @property
    def description(self):
        """The detections and the reading of the window, in words and numbers."""
        named = [f"{self.classes[d.label]} at ({d.row}, {d.column})" for d in self.detections]
        places = f" Found: {', '.join(named)}." if named else ""
        value = self.values[self.row, self.column]
        return (
            f"{self.claim}.{places} The window in row {self.row}, column {self.column} of the map, "
            f"{self.reading}. The map shows {self.shown}: {value:.2f} there."
        )


def draw_score_map(scores):
    """Draw the image with the detections, the score map in register, and one window's classes.

    Parameters
    ----------
    scores : ScoreMap

    Returns
    -------
    Picture
    """
    height, width = scores.image.shape
    side = min(STAGE[0] / width, STAGE[1] / height)
    bottom = TOP + height * side
    picture = Picture(WIDTH, bottom + BELOW + CLOSE + 28, scores.description)
    picture.text(0, 18, scores.claim, size=15, bold=True)
    right = STAGE[0] + GAP
    caption = "green: what was found; orange: the window now"
    draw_heading(picture, 0, TOP, f"image, {height} × {width}", caption, role="input")
    _draw_grey(picture, scores.image, 0, TOP, side)
    rows, columns = scores.presence.shape
    what = "any class" if scores.shown == ANY else f"class {scores.shown}"
    caption = "a cell stands at the middle of its window; pale 0, full green 1"
    draw_heading(picture, right, TOP, f"{what}, {rows} × {columns}", caption, role="output")
    _draw_values(picture, scores, right, side)
    for detection in scores.detections:
        _draw_detection(picture, scores, detection, side)
    _draw_window(picture, scores, right, side)
    _draw_close(picture, scores, bottom + BELOW)
    return picture


def _draw_grey(picture, image, x, y, side):
    grey = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)
    height, width = image.shape
    picture.image(np.repeat(grey[:, :, None], 3, axis=2), x, y, width * side, height * side)


def _origin(scores, side):
    """Left and top edge of the first cell, from those of the image."""
    return (scores.window - scores.stride) / 2 * side


def _draw_values(picture, scores, x, side):
    height, width = scores.image.shape
    picture.rect(x, TOP, width * side, height * side, stroke="line")
    hue = [int(LIGHT["output"][k : k + 2], 16) for k in (1, 3, 5)]
    rows, columns = scores.values.shape
    pixels = np.empty((rows, columns, 4), np.uint8)
    pixels[..., :3] = hue
    pixels[..., 3] = np.round(255 * (0.06 + (TINT + 0.2) * np.clip(scores.values, 0, 1)))
    edge, cell = _origin(scores, side), scores.stride * side
    picture.image(pixels, x + edge, TOP + edge, columns * cell, rows * cell)


def _draw_detection(picture, scores, detection, side):
    step, span = scores.stride * side, scores.window * side
    inset = span * 0.14  # neighbouring boxes keep apart
    x, y = detection.column * step + inset, TOP + detection.row * step + inset
    picture.rect(x, y, span - 2 * inset, span - 2 * inset, stroke="output", stroke_width=2)
    picture.rect(x, y, 16, 18, fill="output")
    name = scores.classes[detection.label]
    picture.text(x + 8, y + 14, name, size=13, fill="paper", anchor="middle", bold=True)


def _draw_window(picture, scores, right, side):
    step, span = scores.stride * side, scores.window * side
    x, y = scores.column * step, TOP + scores.row * step
    picture.rect(x, y, span, span, stroke="kernel", stroke_width=3)
    edge = _origin(scores, side)
    picture.rect(right + edge + x, edge + y, step, step, stroke="kernel", stroke_width=3)
    picture.rect(right + x, y, span, span, stroke="kernel", stroke_width=1, dashed=True)


def _draw_close(picture, scores, top):
    title = f"the window, {scores.window} × {scores.window}"
    draw_heading(picture, 0, top, title, scores.reading, role="kernel")
    _draw_grey(picture, scores.crop, 0, top, CLOSE / scores.window)
    values = scores.probabilities[:, scores.row, scores.column]
    for number, (name, value) in enumerate(zip(scores.classes, values, strict=True)):
        x = BARS + PITCH * (number // PER_COLUMN)
        y = top + ROW * (number % PER_COLUMN)
        first = number == int(values.argmax())
        role = "output" if first else "muted"
        picture.text(x + 56, y + 13, name, fill=role, anchor="end", bold=first)
        picture.rect(x + 66, y + 2, max(BAR * float(value), 0.5), 13, fill=role)
        text = f"{value:.2f}"
        picture.text(x + 72 + BAR * float(value), y + 13, text, size=12, fill=role, mono=True)
