"""Activation maximisation at one step: the image, how far it climbed, what it is read as."""

from dataclasses import dataclass, replace

import numpy as np

from cnnbook.figures.cells import draw_heading, format_number
from cnnbook.figures.picture import Picture

WIDTH, TOP = 900, 76
SMALL, LARGE = 140, 280  # sides of the start and of the image now
IMAGE, RIGHT = 172, 500  # their columns, and that of the curve
CURVE_WIDTH, CURVE_HEIGHT = 300, 96
BARS, ROW, BAR, MOST = TOP + 148, 13.2, 240, 12


@dataclass(frozen=True, eq=False)
class Climb:
    """All images of a climb in pixel space, and which one is shown.

    Parameters
    ----------
    images : ndarray of shape (steps, H, W), values from 0 to 1
        The first one is the start.
    values : ndarray of shape (steps,)
        What is climbed, without any penalty: a unit's value for each image.
    probabilities : ndarray of shape (steps, classes)
        What the network takes each image for.
    classes : sequence of str
        At most 12.
    unit : str
        What is maximised, in words: "class 7".
    wanted : int, optional
        The class that is maximised, if it is one.
    remedies : str
        What was done against noise, in words.
    step : int

    Raises
    ------
    ValueError
        If lengths disagree, or there is no such step or class.
    """

    images: np.ndarray
    values: np.ndarray
    probabilities: np.ndarray
    classes: tuple
    unit: str
    wanted: int | None = None
    remedies: str = "none"
    step: int = 0

    def __post_init__(self):
        steps = len(self.images)
        if self.images.ndim != 3:
            raise ValueError(f"images has {self.images.ndim} axes, expected 3: (steps, H, W)")
        if steps < 2:
            raise ValueError(f"there are {steps} images, expected 2 at least")
        if self.values.shape != (steps,):
            raise ValueError(f"values have shape {self.values.shape}, expected ({steps},)")
        expected = (steps, len(self.classes))
        if self.probabilities.shape != expected:
            raise ValueError(
                f"probabilities have shape {self.probabilities.shape}, expected {expected}"
            )
        if len(self.classes) > MOST:
            raise ValueError(f"there are {len(self.classes)} classes, the picture holds {MOST}")
        if not 0 <= self.step < steps:
            raise ValueError(f"step is {self.step}, must be from 0 to {steps - 1}")
        if self.wanted is not None and not 0 <= self.wanted < len(self.classes):
            raise ValueError(f"class {self.wanted} is wanted, there are {len(self.classes)}")

    def at(self, step):
        """Return the same climb, shown at another step."""
        return replace(self, step=step)

    @property
    def value(self):
        """The unit's value for the image now."""
        return float(self.values[self.step])

    @property
    def reading(self):
        """The most probable class now and its share, in words."""
        shares = self.probabilities[self.step]
        return f"read as {self.classes[shares.argmax()]} with {100 * shares.max():.0f} %"

    @property
    def variation(self):
        """Total variation of the image now: the sum of all steps between neighbours."""
        image = self.images[self.step]
        return float(np.abs(np.diff(image, axis=0)).sum() + np.abs(np.diff(image, axis=1)).sum())

    @property
    def claim(self):
        """Where the climb is, and what it has reached."""
        first, now = (format_number(v, 3) for v in (self.values[0], self.value))
        steps = len(self.images) - 1
        return f"Step {self.step} of {steps}: {self.unit} from {first} to {now}, {self.reading}"

    @property
    def description(self):
        """The claim, the remedies and the total variation: what a screen reader says."""
        return (
            f"{self.claim}. Against noise: {self.remedies}. "
            f"Total variation of the image: {self.variation:.0f}."
        )


def draw_climb(climb):
    """Draw the start, the image now, the curve of the value, and a bar for each class.

    Parameters
    ----------
    climb : Climb

    Returns
    -------
    Picture
    """
    picture = Picture(WIDTH, TOP + LARGE + 24, climb.description)
    picture.text(0, 20, climb.claim, size=15, bold=True)
    height, width = climb.images.shape[1:]
    draw_heading(picture, 0, TOP, "start", f"{height} × {width}", role="input")
    _draw_image(picture, climb.images[0], 0, SMALL, "input")
    caption = f"total variation {climb.variation:.0f}"
    draw_heading(picture, IMAGE, TOP, "the image now", caption, role="kernel")
    _draw_image(picture, climb.images[climb.step], IMAGE, LARGE, "kernel")
    picture.text(IMAGE, TOP + LARGE + 20, f"against noise: {climb.remedies}", size=12, fill="muted")
    _draw_curve(picture, climb)
    _draw_bars(picture, climb)
    return picture


def _draw_image(picture, image, x, side, role):
    height, width = image.shape
    scale = side / max(height, width)
    grey = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)
    box = (x, TOP, width * scale, height * scale)
    picture.image(np.repeat(grey[:, :, None], 3, axis=2), *box)
    picture.rect(*box, stroke=role, stroke_width=2)


def _draw_curve(picture, climb):
    least, most = float(climb.values.min()), float(climb.values.max())
    span = most - least or 1
    across = CURVE_WIDTH / (len(climb.values) - 1)
    points = [
        (RIGHT + n * across, TOP + CURVE_HEIGHT * (most - float(v)) / span)
        for n, v in enumerate(climb.values)
    ]
    title, caption = f"value of {climb.unit}", "before softmax or activation, without penalties"
    draw_heading(picture, RIGHT, TOP - 4, title, caption, role="output")
    low, right = TOP + CURVE_HEIGHT, RIGHT + CURVE_WIDTH
    picture.line((RIGHT, low), (right, low), stroke="line", stroke_width=1)
    picture.line(*points, stroke="line", stroke_width=2)
    if climb.step:
        picture.line(*points[: climb.step + 1], stroke="output", stroke_width=2.5)
    x, y = points[climb.step]
    picture.line((x, TOP), (x, low), stroke="muted", stroke_width=1, dashed=True)
    picture.rect(x - 4, y - 4, 8, 8, fill="output", radius=4)
    number = format_number(climb.value, 3)
    picture.text(x + 10, max(y + 5, TOP + 10), number, size=14, fill="output", bold=True, mono=True)
    picture.text(RIGHT, low + 16, "step 0", size=11, fill="muted")
    last = f"{len(climb.values) - 1}"
    picture.text(right, low + 16, last, size=11, fill="muted", anchor="end")


def _draw_bars(picture, climb):
    picture.text(RIGHT, BARS - 8, "what the network says", size=13, fill="ink", bold=True)
    shares = climb.probabilities[climb.step]
    for number, (name, share) in enumerate(zip(climb.classes, shares, strict=True)):
        y, first = BARS + ROW * number, number == int(shares.argmax())
        role = "output" if number == climb.wanted else ("ink" if first else "muted")
        label = name if len(name) < 9 else name[:7] + "…"
        picture.text(RIGHT + 52, y + 10.5, label, size=11, fill=role, anchor="end", bold=first)
        length = BAR * float(share)
        picture.rect(RIGHT + 60, y + 1, max(length, 0.5), ROW - 3, fill=role)
        text = f"{share:.2f}"
        picture.text(RIGHT + 66 + length, y + 10.5, text, size=11, fill=role, mono=True)
