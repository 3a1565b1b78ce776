"""Activation maximisation at one step: the image, how far it climbed, what it is read as."""

import numpy as np

from cnnbook.figures.numbers import format_number
from cnnbook.figures.scene import bars, column, curve, dot, image, page, panel, plot, row, text
from cnnbook.figures.state import State, state

MOST = 12  # classes


@state
class Climb(State):
    """All images of a climb in pixel space, and which one is shown."""

    hint = "Point at the curve: the image of then. Click or drag; arrow keys."

    images: np.ndarray  # (steps, H, W), values from 0 to 1; the first one is the start
    values: np.ndarray  # (steps,): the unit's value for each image, without any penalty
    probabilities: np.ndarray  # (steps, classes): what the network takes each image for
    classes: tuple
    unit: str  # what is maximised, in words: "class 7"
    wanted: int | None = None  # the class that is maximised, if it is one
    remedies: str = "none"  # what was done against noise, in words
    step: int = 0

    def __post_init__(self):
        for name, axes in (("images", 3), ("values", 1), ("probabilities", 2)):
            self._array(name, axes)
        count, classes = len(self.images), len(self.classes)
        if count < 2:
            raise ValueError(f"there are {count} images, expected 2 at least")
        for name, expected in (("values", (count,)), ("probabilities", (count, classes))):
            if (shape := getattr(self, name).shape) != expected:
                raise ValueError(f"{name} have shape {shape}, expected {expected}")
        if classes > MOST:
            raise ValueError(f"there are {classes} classes, the picture holds {MOST}")
        self._within("step", count)
        if self.wanted is not None:
            self._within("wanted", classes)

    @property
    def steps(self):
        """Number of images."""
        return len(self.images)

    @property
    def variation(self):
        """Total variation of the image now: the sum of all steps between neighbours."""
        image = self.images[self.step]
        return float(np.abs(np.diff(image, axis=0)).sum() + np.abs(np.diff(image, axis=1)).sum())

    @property
    def claim(self):
        """Where the climb is, and what it has reached."""
        first, now = (format_number(self.values[step]) for step in (0, self.step))
        shares = self.probabilities[self.step]
        reading = f"read as {self.classes[shares.argmax()]} with {100 * shares.max():.0f} %"
        climbed = f"{self.unit} from {first} to {now}, {reading}"
        return f"Step {self.step} of {self.steps - 1}: {climbed}"

    def touched(self, name, row, step):
        """A place of the curve is gone to."""
        return {"step": step}

    def hovered(self, *part):
        """A place of the curve shows the image of then."""
        return self.at(self.touched(*part)["step"])

    @property
    def description(self):
        """The claim, the remedies and the total variation."""
        variation = f"Total variation of the image: {self.variation:.0f}"
        return f"{self.claim}. Against noise: {self.remedies}. {variation}."

    def picture(self):
        """Draw the start, the image now, the curve of the value, and a bar for each class."""
        first, now, shares = self.images[0], self.images[self.step], self.probabilities[self.step]
        best = int(shares.argmax())
        roles = ["ink" if k == best else "muted" for k in range(len(shares))]
        if self.wanted is not None:
            roles[self.wanted] = "output"
        style = {"roles": roles, "chosen": {best}, "write": lambda share: f"{share:.2f}"}
        before = "before softmax or activation, without penalties"
        numbers = column(
            panel(f"value of {self.unit}", before, _curve(self), "output"),
            text("what the network says", bold=True),
            bars(self.classes, shares, length=220, height=15, **style),
            gap=4,
        )
        size, variation = "{} × {}".format(*now.shape), f"total variation {self.variation:.0f}"
        start = panel("start", size, image(first, 140, role="input"), "input")
        now = panel("the image now", variation, image(now, 280, role="kernel"), "kernel")
        return page(
            text(self.claim, size=15, bold=True),
            text(f"against noise: {self.remedies}", role="muted"),
            row(start, now, numbers, gap=32),
            description=self.description,
        )


def _curve(climb):
    """The value at each step, up to now in colour."""
    values, now = climb.values, climb.step
    least, most = float(values.min()), float(values.max())
    most = most if most > least else least + 1

    return plot(
        curve(range(climb.steps), values, "line"),
        curve(range(now + 1), values[: now + 1], "output", width=2.5),
        lambda p, at: p.line(at(now, most), at(now, least), stroke_width=1, dashed=True),
        dot(now, values[now], "output", format_number(values[now])),
        width=300, height=84, x=(0, climb.steps - 1), y=(least, most),
        x_ticks={0: "step 0", climb.steps - 1: f"{climb.steps - 1}"},
        feel=(("step",), (1, climb.steps)),
    )  # fmt: skip
