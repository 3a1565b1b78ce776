"""A normal code against the prior: densities, divergence, the reparameterised sample, slips."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import format_factor, format_number, indexed

RANGES = {"mean": (-3, 3), "log_variance": (-2, 1)}
REACH = 7  # end of the z axis on either side
NOISE = np.random.default_rng(0).standard_normal(60).round(2)
"""A fixed sequence of ε ~ N(0, 1), so that every reader sees the same draws."""


def divergence(mean, variance):
    """Return KL(N(μ, σ²) ‖ N(0, 1)) = ½ (σ² + μ² − 1 − log σ²) in nats.

    Parameters
    ----------
    mean, variance : float

    Returns
    -------
    float
    """
    more = variance - 1
    logarithm = math.log1p(more) if abs(more) < 0.5 else math.log(variance)  # never above more
    return 0.5 * (mean**2 + more - logarithm)


def normal(z, mean=0.0, deviation=1.0):
    """Return the density of N(μ, σ²) at z.

    Parameters
    ----------
    z : float or ndarray
    mean, deviation : float

    Returns
    -------
    float or ndarray
    """
    return np.exp(-0.5 * ((z - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))


@dataclass(frozen=True)
class Code:
    """What an encoder says of one image, with one latent: N(μ, σ²).

    Parameters
    ----------
    mean : float
        μ, from −3 to 3.
    log_variance : float
        log σ², from −2 to 1.
    step : int
        Index of ε in `NOISE`.

    Raises
    ------
    ValueError
        If a number is beyond its range.
    """

    mean: float
    log_variance: float
    step: int = 0

    def __post_init__(self):
        ranges = {**RANGES, "step": (0, len(NOISE) - 1)}
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} is {value}, must be from {least} to {most}")

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
        """Z = μ + σ·ε of them."""
        return self.mean + self.deviation * self.noise

    @property
    def estimate(self):
        """The divergence as Monte Carlo sees it: the mean of log q(z) − log p(z)."""
        ratio = np.log(normal(self.samples, self.mean, self.deviation)) - np.log(
            normal(self.samples)
        )
        return float(ratio.mean())

    @cached_property
    def axis(self):
        """Points on the z axis."""
        return np.linspace(-REACH, REACH, 211)

    @cached_property
    def integrand(self):
        """q(z) · (log q(z) − log p(z)): the divergence is the area below, with its sign."""
        z = self.axis
        difference = -0.5 * ((z - self.mean) / self.deviation) ** 2 + 0.5 * z**2
        return normal(z, self.mean, self.deviation) * (difference - 0.5 * self.log_variance)

    @property
    def deviation_slip(self):
        """The divergence with σ where σ² belongs."""
        return divergence(self.mean, self.deviation)

    @property
    def shifted_mean(self):
        """The mean of μ + σ·ε if ε is drawn from N(μ, 1)."""
        return self.mean + self.deviation * self.mean

    @property
    def between(self):
        """Area between the two densities: 0 where they are the same, 2 where they are apart."""
        axis = np.linspace(-2 * REACH, 2 * REACH, 1121)  # the widest code ends there
        apart = np.abs(normal(axis, self.mean, self.deviation) - normal(axis))
        return float(np.trapezoid(apart, axis))

    @property
    def kl_formula(self):
        """The divergence with the numbers put in."""
        return self._divergence(self.variance, self.log_variance, self.kl)

    @property
    def slip_formula(self):
        """The same with σ in place of σ²."""
        return self._divergence(self.deviation, self.log_variance / 2, self.deviation_slip)

    def _divergence(self, variance, log_variance, result):
        squared, logarithm = (format_factor(round(v, 2)) for v in (self.mean, log_variance))
        inside = f"{format_number(variance)} + {squared}² − 1 − {logarithm}"
        return f"½·({inside}) = {format_number(round(result, 3))}"

    @property
    def sample_formula(self):
        """The present draw with the numbers put in."""
        mean, noise = format_number(round(self.mean, 2)), format_factor(self.noise[-1])
        result = format_number(round(float(self.samples[-1]), 3))
        return f"{mean} + {format_number(self.deviation)}·{noise} = {result}"

    @property
    def claim(self):
        """The code and its price."""
        mean, variance = format_number(round(self.mean, 2)), format_number(self.variance)
        price = format_number(round(self.kl, 3))
        return f"To say N({mean}, {variance}) where N(0, 1) was expected costs {price} nats"

    @property
    def description(self):
        """Divergence, sample and slips, in words and numbers."""
        shifted = format_number(round(self.shifted_mean, 3))
        return (
            f"{self.claim}: KL = {self.kl_formula}. Draw {self.step + 1} of {len(NOISE)}: "
            f"{indexed('ε', self.step)} = {format_number(self.noise[-1])}, "
            f"z = {self.sample_formula}. Mean of log q − log p over the draws so far: "
            f"{self.estimate:.2f}. Slips: σ for σ² gives {self.slip_formula}; "
            f"ε from N(μ, 1) gives z the mean {shifted}."
        ).replace("-", "−")
