"""A classifier that slides over a large image: its scores as a map, peaks as detections."""

from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cnnbook.checks import integer
from cnnbook.figures.scene import (
    Block,
    bars,
    feel,
    image,
    over,
    page,
    panel,
    row,
    text,
    text_width,
)
from cnnbook.figures.state import State, state
from cnnbook.figures.style import LIGHT, TINT

STAGE = (460, 320)  # largest width and height of the image
CLOSE, PER_COLUMN = 128, 6  # side of the close-up of the window, bars below one another
MOST = 12  # classes
ANY = "any"  # what is shown when all classes but `nothing` are taken together


class Detection(NamedTuple):
    """A peak of the score map."""

    row: int
    column: int
    label: int
    score: float


@state
class ScoreMap(State):
    """An image, the probabilities of the classes at each place of a window, and one such place.

    What is `shown` is a class, or "any": the probability that the window holds an object of any
    class. Without a class `nothing` that is the largest probability.
    """

    hint = "Point at the image or at the map: the window goes there. Click or drag."

    image: np.ndarray  # (H, W), from 0 to 1
    probabilities: np.ndarray  # (classes, rows, columns)
    classes: tuple
    nothing: str | None = None  # the class of windows that hold no object, if there is one
    window: int = 32  # its side in pixels
    stride: int = 4  # pixels that it moves by
    shown: str = ANY
    threshold: float = 0.5  # peaks above it are detections
    row: int = 0  # the place of the window, counted in steps
    column: int = 0

    def __post_init__(self):
        self._array("image", 2)
        self._array("probabilities", 3)
        object.__setattr__(self, "classes", tuple(self.classes))
        if len(self.classes) > MOST:
            raise ValueError(f"there are {len(self.classes)} classes, the picture holds {MOST}")
        for name in ("window", "stride"):
            integer(name, getattr(self, name), 1)
        steps = [(size - self.window) // self.stride + 1 for size in self.image.shape]
        given, expected = self.probabilities.shape, (len(self.classes), *steps)
        if given != expected:
            raise ValueError(f"probabilities have shape {given}, expected {expected}")
        self._one_of("nothing", (None, *self.classes))
        self._one_of("shown", (ANY, *self.classes))
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}, must be from 0 to 1")
        for name, count in zip(("row", "column"), steps, strict=True):
            self._within(name, count)

    @cached_property
    def objects(self):
        """Indices of the classes without `nothing`."""
        return [k for k, name in enumerate(self.classes) if name != self.nothing]

    @cached_property
    def presence(self):
        """For each place, how probable it is that the window holds an object."""
        among = self.probabilities[self.objects]
        return among.max(0) if self.nothing is None else among.sum(0)

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
            if all(np.abs(peak - other[:2]).max() > 2 for other in kept):
                label = self.objects[int(self.probabilities[self.objects, *peak].argmax())]
                kept.append(Detection(*peak.tolist(), label, float(self.presence[*peak])))
        return kept

    def touched(self, name, *pixel):
        """The window's middle goes to a pixel, as near as its steps allow."""
        places = (
            min(max(round((at - self.window / 2) / self.stride), 0), count - 1)
            for at, count in zip(pixel, self.presence.shape, strict=True)
        )
        return dict(zip(("row", "column"), places, strict=True))

    def hovered(self, *part):
        """A pixel shows what the window around it is taken for."""
        return replace(self, **self.touched(*part))

    @property
    def crop(self):
        """The pixels in the window."""
        top, left = self.row * self.stride, self.column * self.stride
        return self.image[top : top + self.window, left : left + self.window]

    @property
    def now(self):
        """The probabilities of the classes in the window."""
        return self.probabilities[:, self.row, self.column]

    @property
    def claim(self):
        """How many windows there are, and how many detections."""
        found = f"{len(self.detections)} detections above {self.threshold:.2f}"
        return f"{self.presence.size:,} windows, {found}"

    @property
    def reading(self):
        """Where the window is, and what it is taken for."""
        top, left = self.row * self.stride, self.column * self.stride
        return (
            f"rows {top} to {top + self.window - 1}, columns {left} to {left + self.window - 1}: "
            f"{self.classes[self.now.argmax()]} with {100 * self.now.max():.0f} %"
        )

    @property
    def description(self):
        """The detections and the reading of the window, in words and numbers."""
        found = [f"{self.classes[d.label]} at ({d.row}, {d.column})" for d in self.detections]
        places = f" Found: {', '.join(found)}." if found else ""
        value = self.values[self.row, self.column]
        return (
            f"{self.claim}.{places} The window in row {self.row}, column {self.column} of the map, "
            f"{self.reading}. The map shows {self.shown}: {value:.2f} there."
        )

    def picture(self):
        """Draw the image with the detections, the score map in register, and the window."""
        height, width = self.image.shape
        side = min(STAGE[0] / width, STAGE[1] / height)
        found = "green: what was found; orange: the window now"
        seen = panel(f"image, {height} × {width}", found, _image(self, side), "input")
        rows, columns = self.presence.shape
        what = "any class" if self.shown == ANY else f"class {self.shown}"
        cell = "a cell stands at the middle of its window; pale 0, full green 1"
        scores = panel(f"{what}, {rows} × {columns}", cell, _map(self, side), "output")
        shares = (_shares(self, k) for k in range(0, len(self.classes), PER_COLUMN))
        now = row(image(self.crop, CLOSE), *shares)
        return page(
            text(self.claim, size=15, bold=True),
            row(seen, scores, gap=24),
            panel(f"the window, {self.window} × {self.window}", self.reading, now, "kernel"),
            description=self.description,
            width=2 * STAGE[0] + 24,
        )


def _image(scores, side):
    """The image, what was found on it, and the window."""
    step, span = scores.stride * side, scores.window * side
    inset = 0.14 * span  # neighbouring boxes keep apart

    def draw(picture, x, y):
        for detection in scores.detections:
            left, top = x + detection.column * step + inset, y + detection.row * step + inset
            name = scores.classes[detection.label]
            wide = text_width(name, bold=True) + 7
            with picture.part("detection"):
                box = left, top, span - 2 * inset, span - 2 * inset
                picture.rect(*box, stroke="output", stroke_width=2)
                picture.rect(left, top, wide, 18, fill="output")
                middle, style = (left + wide / 2, top + 14), {"fill": "paper", "bold": True}
                picture.text(*middle, name, anchor="middle", **style)
        with picture.part("window"):
            place = x + scores.column * step, y + scores.row * step
            picture.rect(*place, span, span, stroke="kernel", stroke_width=3)

    block = over(image(scores.image, side * max(scores.image.shape)), draw)
    return feel(block, ("pixel",), grid=scores.image.shape)


def _map(scores, side):
    """The scores, each where the middle of its window is, and the cell of the window now."""
    height, width = (side * size for size in scores.image.shape)
    step, span = scores.stride * side, scores.window * side
    edge = (span - step) / 2  # from the image's border to the first cell
    hue = list(bytes.fromhex(LIGHT["output"][1:]))
    strength = 255 * (0.06 + (TINT + 0.2) * np.clip(scores.values, 0, 1))
    pixels = np.dstack([np.full((*strength.shape, 3), hue), strength.round()]).astype(np.uint8)

    def draw(picture, x, y):
        rows, columns = strength.shape
        with picture.part("map"):
            picture.rect(x, y, width, height, stroke="line")
            picture.image(pixels, x + edge, y + edge, columns * step, rows * step)
            x, y = x + scores.column * step, y + scores.row * step
            with picture.part("window"):
                picture.rect(x + edge, y + edge, step, step, stroke="kernel", stroke_width=3)
                picture.rect(x, y, span, span, stroke="kernel", dashed=True)

    return feel(Block(width, height, draw), ("pixel",), grid=scores.image.shape)


def _shares(scores, start):
    """Bars of some classes: what the window is taken for."""
    some, best = slice(start, start + PER_COLUMN), int(scores.now.argmax()) - start
    roles = ["output" if k == best else "muted" for k in range(len(scores.classes[some]))]
    style = {"length": 200, "height": 21, "roles": roles, "chosen": {best}}
    return bars(scores.classes[some], scores.now[some], write="{:.2f}".format, **style)
