"""A normal code against the prior: densities, divergence, the reparameterised sample, slips."""

import math
from functools import cached_property
from typing import ClassVar

import numpy as np

from cnnbook.figures.numbers import format_factor, format_number, indexed
from cnnbook.figures.scene import (
    ROOM,
    area,
    column,
    curve,
    named,
    note,
    page,
    panel,
    plot,
    row,
    sized,
    text,
)
from cnnbook.figures.state import State, each_step, state

RANGES = {"mean": (-3, 3), "log_variance": (-2, 1)}
REACH = 7  # end of the z axis on either side
AXIS = np.linspace(-REACH, REACH, 211)  # its points
NOISE = np.random.default_rng(0).standard_normal(60).round(2)
"""A fixed sequence of ε ~ N(0, 1), so that every reader sees the same draws."""

WIDTH, PLOT, HIGHEST = 944, 516, 1.15  # of picture and plots in pixels; density at the top
BELOW = -0.35  # where the line of ε lies, in units of the density
SCALES = (0.25, 0.5, 1, 2, 4, 8)  # what the upper edge of the lower plot may stand for


def divergence(mean, variance):
    """Return KL(N(μ, σ²) ‖ N(0, 1)) = ½ (σ² + μ² − 1 − log σ²) in nats."""
    more = variance - 1
    logarithm = math.log1p(more) if abs(more) < 0.5 else math.log(variance)  # never above more
    return 0.5 * (mean**2 + more - logarithm)


def normal(z, mean=0.0, deviation=1.0):
    """Return the density of N(μ, σ²) at z."""
    return np.exp(-0.5 * ((z - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))


def _short(value, decimals=3):
    return format_number(round(float(value), decimals))


@state
class Code(State):
    """What an encoder says of one image, with one latent: N(μ, σ²)."""

    hint = "Drag along the upper plot: the mean goes there."

    step_label: ClassVar = "draw of ε"

    mean: float = 0.0  # μ, from −3 to 3
    log_variance: float = 0.0  # log σ², from −2 to 1
    step: int = 0  # index of ε in `NOISE`, from 0 to 59

    def __post_init__(self):
        for name, (least, most) in RANGES.items():
            if not least <= (value := getattr(self, name)) <= most:
                raise ValueError(f"{name} is {value}, must be from {least} to {most}")
        self._within("step", self.steps)

    @property
    def steps(self):
        """Draws to step through."""
        return len(NOISE)

    def touched(self, name, row, column):
        """The code's mean goes to a place of the axis."""
        least, most = RANGES["mean"]
        return {"mean": min(max(round((column + 0.5) / 10 - REACH, 1), least), most)}

    @property
    def variance(self):
        """σ²."""
        return math.exp(self.log_variance)

    @property
    def deviation(self):
        """σ = exp(½ log σ²)."""
        return math.exp(0.5 * self.log_variance)

    @property
    def kl(self):
        """Nats from the prior."""
        return divergence(self.mean, self.variance)

    @property
    def noise(self):
        """All ε up to the present one."""
        return NOISE[: self.step + 1]

    @property
    def samples(self):
        """Their z = μ + σ·ε."""
        return self.mean + self.deviation * self.noise

    @each_step
    def estimate(self):
        """The divergence as Monte Carlo sees it: the mean of log q(z) − log p(z)."""
        q, p = normal(self.samples, self.mean, self.deviation), normal(self.samples)
        return float((np.log(q) - np.log(p)).mean())

    def integrand(self, z=AXIS):
        """q(z) · (log q(z) − log p(z)): the divergence is the area below, with its sign."""
        difference = -0.5 * ((z - self.mean) / self.deviation) ** 2 + 0.5 * z**2
        return normal(z, self.mean, self.deviation) * (difference - 0.5 * self.log_variance)

    @property
    def shifted_mean(self):
        """The mean of μ + σ·ε if ε is drawn from N(μ, 1)."""
        return self.mean + self.deviation * self.mean

    @cached_property
    def between(self):
        """Area between the two densities: 0 where they are the same, 2 where they are apart."""
        axis = np.linspace(-2 * REACH, 2 * REACH, 1121)  # the widest code ends there
        apart = np.abs(normal(axis, self.mean, self.deviation) - normal(axis))
        return float(np.trapezoid(apart, axis))

    def formula(self, variance):
        """The divergence with the numbers put in, for σ² or what stands in its place."""
        logarithm, result = math.log(variance), divergence(self.mean, variance)
        squared, logarithm = (format_factor(round(v, 2)) for v in (self.mean, logarithm))
        return f"½·({format_number(variance)} + {squared}² − 1 − {logarithm}) = {_short(result)}"

    @property
    def sample_formula(self):
        """The present draw with the numbers put in."""
        product = f"{format_number(self.deviation)}·{format_factor(self.noise[-1])}"
        return f"{_short(self.mean, 2)} + {product} = {_short(self.samples[-1])}"

    @property
    def claim(self):
        """The code and its price."""
        code = f"N({_short(self.mean, 2)}, {format_number(self.variance)})"
        return f"To say {code} where N(0, 1) was expected costs {_short(self.kl)} nats"

    @property
    def description(self):
        """Divergence, sample and slips, in words and numbers."""
        return (
            f"{self.claim}: KL = {self.formula(self.variance)}. "
            f"Draw {self.step + 1} of {len(NOISE)}: "
            f"{indexed('ε', self.step)} = {format_number(self.noise[-1])}, "
            f"z = {self.sample_formula}. Mean of log q − log p over the draws so far: "
            f"{self.estimate:.2f}. Slips: σ for σ² gives {self.formula(self.deviation)}; "
            f"ε from N(μ, 1) gives z the mean {_short(self.shifted_mean)}."
        ).replace("-", "−")

    def picture(self):
        """Draw the densities, the draw, what adds up to the divergence, and the slips."""
        numbers = column(_divergence(self), _draw(self), gap=24)
        return page(
            text(self.claim, size=15, bold=True),
            row(sized(_densities(self), 566), numbers, gap=0),
            row(sized(_shares(self), 566), _slips(self), gap=0),
            description=self.description,
            width=WIDTH,
            gap=22,
            palette=True,
        )


def _densities(code):
    """Draw both densities; on the axis below them ε, and the arrow by which it becomes z."""
    q, p = normal(AXIS, code.mean, code.deviation), normal(AXIS)
    wide = min(PLOT, ROOM.get() - 30)
    axes = plot(
        area(AXIS, q, p, "kernel", tint=0.13),
        curve(AXIS, p, "input", dashed=True),
        curve(AXIS, q, "kernel", width=2.5),
        lambda picture, place: _samples(picture, place, code),
        width=wide, height=222, x=(-REACH, REACH), y=(BELOW, HIGHEST),
        x_ticks=range(1 - REACH, REACH, 2), feel=(("mean",), (1, 20 * REACH)),
    )  # fmt: skip
    title = f"q(z|x) = N({_short(code.mean, 2)}, {format_number(code.variance)})"
    caption = "dashed: the prior p(z) = N(0, 1); shaded: the area between, "
    caption += f"{code.between:.2f} of at most 2"
    axes = axes._replace(width=max(axes.width, wide + 30))  # with the names at the right
    return panel(title, caption, named("densities", axes), "kernel")


def _samples(picture, place, code):
    """Mark all ε on the lower line and their z on the upper one; an arrow for the present ones."""
    (left, zero), (right, below) = place(-REACH, 0), place(REACH, BELOW)
    picture.line((left, zero), (right, zero), stroke="line", stroke_width=1)
    noise, samples = ([place(z, 0)[0] for z in each] for each in (code.noise, code.samples))
    for e, z in zip(noise[:-1], samples[:-1], strict=True):
        picture.line((e, below), (e, below - 7), stroke="input", stroke_width=1)
        picture.line((z, zero), (z, zero + 7), stroke="kernel", stroke_width=1)
    e, z = noise[-1], samples[-1]
    picture.arrow((e, below), (z, zero + 3), stroke="output", stroke_width=2)
    for name, x, y, role in (("ε", e, below, "input"), ("z", z, zero, "output")):
        with picture.part("sample"):
            picture.rect(x - 4, y - 4, 8, 8, fill=role, radius=4)
        picture.text(right + 8, y + 4, name, size=14, fill=role, bold=True)


def _shares(code):
    shares = code.integrand()
    top = next(scale for scale in SCALES if shares.max() <= scale)

    def scale(picture, place):
        for value in (top, 0):
            left, right = place(-REACH, value), place(REACH, value)
            picture.line(left, right, stroke="line", stroke_width=1)
            style = {"size": 11, "fill": "muted", "anchor": "end"}
            picture.text(right[0], right[1] - 4, format_number(value), **style)

    axes = plot(
        area(AXIS, 0, shares.clip(0), "kernel", tint=0.45),
        area(AXIS, 0, shares.clip(max=0), "negative", tint=0.6),
        scale,
        width=min(PLOT, ROOM.get() - 30), height=118, x=(-REACH, REACH), y=(-0.6 * top, top),
    )  # fmt: skip
    title = "q(z|x) · (log q(z|x) − log p(z))"
    caption = "its area over the whole axis, slate taken off, is the KL"
    return panel(title, caption, named("integrand", axes), "kernel")


def _divergence(code):
    value = text(f"{_short(code.kl)} nats", size=24, role="kernel", bold=True, mono=True)
    numbers = column(text(code.formula(code.variance), mono=True), value)
    return panel("divergence from the prior", "KL = ½·(σ² + μ² − 1 − log σ²)", numbers, "kernel")


def _draw(code):
    noise = f"{indexed('ε', code.step)} = {format_number(code.noise[-1])}"
    slope = _short(0.5 * code.deviation * code.noise[-1])
    mean = f"mean of log q − log p so far, near the KL in the end: {_short(code.estimate, 2)}"
    numbers = column(
        text(f"σ = exp(½ log σ²) = {format_number(code.deviation)}", mono=True),
        text(noise, role="input", mono=True),
        text(f"z = {code.sample_formula}", role="output", mono=True, bold=True),
        text(f"∂z/∂μ = 1, ∂z/∂log σ² = ½·σ·ε = {slope}", role="gradient", mono=True),
        note(mean),
        gap=3,
    )
    caption = "z = μ + σ·ε: the chance is outside, gradients pass"
    return panel(f"draw {code.step + 1} of {len(NOISE)}", caption, numbers, "output")


def _slips(code):
    off = _short(divergence(code.mean, code.deviation) - code.kl)
    shifted = _short(code.shifted_mean)
    slips = {
        f"σ where σ² belongs: off by {off} nats": code.formula(code.deviation),
        f"ε ~ N(μ, 1): z has the mean {shifted}, not {_short(code.mean)}": f"μ + σ·μ = {shifted}",
    }
    written = (
        column(text(slip, bold=True), text(why, size=12, role="muted", mono=True), gap=2)
        for slip, why in slips.items()
    )
    return panel("two slips", "what they give at this setting", column(*written, gap=14))
