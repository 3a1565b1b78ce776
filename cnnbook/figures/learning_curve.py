"""A network that learns, at one of its steps: curves, first kernels and what it says of images."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import draw_heading, format_number
from cnnbook.figures.learning_panels import (
    WIDTH,
    Panel,
    draw_curve,
    draw_kernel_rows,
    draw_predictions,
    draw_step_axis,
)
from cnnbook.figures.picture import Picture

SMOOTHED = 10  # batches in the running mean
PANELS = ((70, 190), (252, 352))  # top and bottom of the loss and of the accuracy
STRIP = 446  # top of the images


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """What was learned up to a step, and how it went on from there.

    Parameters
    ----------
    losses : ndarray of shape (S,)
        Mean cross-entropy of each batch, before the step that its gradient leads to.
    accuracies : ndarray of shape (S + 1,)
        Share of the held-out images named right: before training, then after each step.
    settings : sequence of S str
        In words, how each step was made.
    start, kernels : ndarray of shape (K, kH, kW)
        First layer before training and after `step`.
    images : ndarray of shape (n, C, H, W)
        Some of the held-out images; at most 10 are drawn.
    labels : ndarray of shape (n,)
        Their true classes.
    probabilities : ndarray of shape (n, classes)
        What the network says of them after `step`.
    held_out : int
        Number of held-out images.
    step : int
        From 0, before training, to S.
    until : int
        Step at which the axis ends; S if that is more.
    largest : float, optional
        Weight with the strongest tint, so that steps can share a scale.

    Raises
    ------
    ValueError
        If shapes disagree, a number is not finite, or there is no such step.
    """

    losses: np.ndarray
    accuracies: np.ndarray
    settings: tuple
    start: np.ndarray
    kernels: np.ndarray
    images: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    held_out: int
    step: int
    until: int
    largest: float | None = None

    def __post_init__(self):
        steps = len(self.losses)
        if len(self.accuracies) != steps + 1:
            raise ValueError(f"{len(self.accuracies)} accuracies for {steps} losses, expected "
                             f"{steps + 1}: one before training")  # fmt: skip
        if len(self.settings) != steps:
            raise ValueError(f"{len(self.settings)} settings for {steps} losses")
        if not 0 <= self.step <= steps:
            raise ValueError(f"step is {self.step}, expected 0 to {steps}")
        if self.start.shape != self.kernels.shape or self.start.ndim != 3:
            raise ValueError(
                f"start has shape {self.start.shape}, kernels {self.kernels.shape}, "
                "expected the same three axes"
            )
        counts = {len(self.images), len(self.labels), len(self.probabilities)}
        if len(counts) > 1:
            raise ValueError(
                f"{len(self.images)} images, {len(self.labels)} labels and "
                f"{len(self.probabilities)} probabilities, expected as many of each"
            )
        for name in ("losses", "accuracies", "start", "kernels", "images", "probabilities"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} holds NaN or infinity")

    @property
    def classes(self):
        """Number of classes."""
        return self.probabilities.shape[1]

    @property
    def end(self):
        """Last step on the axis."""
        return max(self.until, len(self.losses), 1)

    @property
    def guess(self):
        """Loss and accuracy of one who gives each class the same probability."""
        return math.log(self.classes), 1 / self.classes

    @cached_property
    def smoothed(self):
        """Mean loss of the last 10 batches, after each step; of fewer at the start."""
        total = np.concatenate([[0], np.cumsum(self.losses)])
        after = np.arange(1, len(total))
        first = np.maximum(after - SMOOTHED, 0)
        return (total[after] - total[first]) / (after - first)

    @cached_property
    def scale(self):
        """Weight with the strongest tint: a round number that hides no weight."""
        largest = self.largest or max(abs(self.start).max(), abs(self.kernels).max())
        if not largest:
            return 1.0
        power = 10.0 ** math.floor(math.log10(largest))
        return next(k * power for k in (1, 1.5, 2, 3, 5, 7, 10) if k * power >= largest * 0.999999)

    @property
    def moved(self):
        """Euclidean length of the change of the kernels, over that of the kernels before."""
        length = np.linalg.norm(self.start)
        return np.linalg.norm(self.kernels - self.start) / length if length else 0.0

    @property
    def changes(self):
        """Steps after which the settings are others."""
        pairs = zip(self.settings, self.settings[1:], strict=False)
        return [k for k, (old, new) in enumerate(pairs, 1) if old != new]

    @property
    def right(self):
        """Number of the drawn images that are named right."""
        return int((self.probabilities.argmax(1) == self.labels).sum())

    @property
    def heading(self):
        """Which step this is, and how it was made."""
        made = self.settings[self.step - 1] if self.step else "before training"
        return f"Step {self.step} of {self.end}", made

    @property
    def weight_range(self):
        """Least and largest weight of the kernels in words."""
        low, high = (format_number(v, 2) for v in (self.kernels.min(), self.kernels.max()))
        return f"from {low} to {high}"

    @property
    def description(self):
        """The step in words and numbers."""
        title, made = self.heading
        accuracy = f"{percent(self.accuracies[self.step])} of {self.held_out} validation images"
        text = f"{title}, {made}: "
        if self.step:
            loss, mean = (format_number(v[self.step - 1]) for v in (self.losses, self.smoothed))
            text += f"loss of the batch {loss} (mean of the last {SMOOTHED}: {mean}), "
        text += f"{accuracy} named right. Weights of the first kernels {self.weight_range}, "
        text += f"changed by {format_number(self.moved, 2)} × their size before training. "
        return f"{text}Of {len(self.labels)} images shown, {self.right} are named right."


def percent(share):
    """Write a share in percent with three digits.

    Parameters
    ----------
    share : float

    Returns
    -------
    str

    Examples
    --------
    >>> percent(0.9666)
    '96.7 %'
    """
    return f"{format_number(100 * share)} %"


def draw_learning_curve(curve):
    """Draw the curves, the kernels before and after, and what is said of some images.

    Parameters
    ----------
    curve : LearningCurve

    Returns
    -------
    Picture
        Of one size at all steps.
    """
    picture = Picture(WIDTH, STRIP + 112, curve.description)
    title, made = curve.heading
    picture.text(0, 14, title, size=14, fill="muted", bold=True)
    picture.text(WIDTH, 14, made, fill="muted", anchor="end")
    _draw_curves(picture, curve)
    draw_kernel_rows(picture, curve, 476, PANELS[0][0] - 5)
    draw_heading(picture, 0, STRIP, "validation images, the first of each class",
                 "bars: the probability that the network gives each class; framed: the true one",
                 role="output")  # fmt: skip
    draw_predictions(picture, curve, STRIP)
    return picture


def _draw_curves(picture, curve):
    loss_guess, chance = curve.guess
    top = math.ceil(2.6 * loss_guess) / 2  # beyond it the curve is cut, so that no axis jumps
    loss = Panel(*PANELS[0], curve.end, top)
    accuracy = Panel(*PANELS[1], curve.end, 1)
    words = f"cross-entropy in nats; grey: each batch, black: mean of {SMOOTHED}"
    words += "; ▾ new settings" if curve.changes else ""
    draw_heading(picture, 0, PANELS[0][0] - 5, "training loss", words)
    draw_heading(picture, 0, PANELS[1][0] - 5, "validation accuracy",
                 f"of {curve.held_out} images that no step learns from", role="output")  # fmt: skip
    unit = 1 if top >= 2 else 0.5
    loss.frame(picture, [(v, format_number(v)) for v in np.arange(0, top + 0.01, unit)])
    loss.guess(picture, loss_guess, f"guessing: ln {curve.classes} = {format_number(loss_guess)}")
    accuracy.frame(picture, [(0, "0"), (0.5, "50"), (1, "100 %")])
    accuracy.guess(picture, chance, f"guessing: {percent(chance)}")
    draw_step_axis(picture, curve, loss, accuracy)
    after = np.arange(1, len(curve.losses) + 1)
    draw_curve(picture, loss, after, curve.losses, "muted", 0.7)
    draw_curve(picture, loss, after, curve.smoothed, "ink", 2)
    draw_curve(picture, accuracy, np.arange(len(after) + 1), curve.accuracies, "output", 2)
    if curve.step:
        value = curve.smoothed[curve.step - 1]
        loss.mark(picture, curve.step, value, format_number(value), "ink", above=True)
    value = curve.accuracies[curve.step]
    high = value > 0.4  # below a curve that is high up, above one that is low
    accuracy.mark(picture, curve.step, value, percent(value), "output", above=not high)
