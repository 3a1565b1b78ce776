"""Which faces are drawn how often: a latent's histogram, probabilities, and a batch by them."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cnnbook.figures.cells import format_number, indexed

BATCH = 16  # faces in a drawn batch


class Share(NamedTuple):
    """How often a group is there, and how often it is drawn."""

    name: str
    count: int
    before: float
    """Share of the faces."""
    after: float
    """Share of what is drawn, on average."""
    drawn: int
    """Faces of the group in the batch."""

    @property
    def gain(self):
        """How many times as often as there: 1 changes nothing."""
        return self.after / self.before if self.count else math.nan

    @property
    def change(self):
        """Both shares, as they are written."""
        both = f"{100 * self.before:.1f} % → {100 * self.after:.1f} %"
        return both if self.count else "none"


@dataclass(frozen=True, eq=False)
class Resampling:
    """One latent of many faces, the probabilities of these, and a batch drawn by them.

    Parameters
    ----------
    means : ndarray of shape (N,)
        Of the latent whose histogram is shown.
    probabilities : ndarray of shape (N,)
        Of being drawn; they add up to 1.
    groups : ndarray of shape (N,), int
        Index of each face's group in `names`, −1 for what belongs to none.
    names : tuple of str
    alpha : float
        What smoothed the densities; may be infinite.
    latent : int
        Number of the latent.
    bins : int
        Of the histogram.
    step : int
        Which draw; each has a seed of its own.

    Raises
    ------
    ValueError
        If lengths disagree, or a number is out of range.

    Examples
    --------
    >>> faces = Resampling(
    ...     np.array([0, 0.4, 0.8, 1.5, 3.0]), np.full(5, 0.2), np.zeros(5, int), ("all",), 0, 0, 3
    ... )
    >>> faces.density
    array([0.6, 0.2, 0.2])
    """

    means: np.ndarray
    probabilities: np.ndarray
    groups: np.ndarray
    names: tuple
    alpha: float
    latent: int = 0
    bins: int = 10
    step: int = 0

    def __post_init__(self):
        count = len(self.means)
        for name in ("means", "probabilities", "groups"):
            shape = getattr(self, name).shape
            if shape != (count,):
                raise ValueError(f"{name} has shape {shape}, expected ({count},)")
        if count < 2:
            raise ValueError(f"there are {count} faces, need at least 2")
        if not self.alpha >= 0:
            raise ValueError(f"alpha is {self.alpha}, must not be negative")
        if self.bins < 1:
            raise ValueError(f"bins is {self.bins}, must be at least 1")
        total = float(self.probabilities.sum())
        if self.probabilities.min() < 0 or abs(total - 1) > 1e-6:
            raise ValueError(f"probabilities add up to {total:g}, must be 1, none negative")
        if not -1 <= self.groups.min() <= self.groups.max() < len(self.names):
            worst = self.groups.max() if self.groups.max() >= len(self.names) else self.groups.min()
            raise ValueError(f"groups holds {worst}, must be from -1 to {len(self.names) - 1}")

    @cached_property
    def edges(self):
        """Borders of the bins, from the least mean to the greatest; a constant has width 1."""
        low, high = float(self.means.min()), float(self.means.max())
        return np.linspace(low, high if high > low else low + self.bins, self.bins + 1)

    @cached_property
    def places(self):
        """Bin of each face."""
        share = (self.means - self.edges[0]) / (self.edges[-1] - self.edges[0])
        return np.minimum((share * self.bins).astype(int), self.bins - 1)

    @cached_property
    def density(self):
        """Q: share of the faces in each bin, divided by its width."""
        return self._histogram(np.full(len(self.means), 1 / len(self.means)))

    @cached_property
    def drawn_density(self):
        """The same of what is drawn, on average."""
        return self._histogram(self.probabilities)

    def _histogram(self, weights):
        shares = np.bincount(self.places, weights, self.bins)
        return shares / (self.edges[1] - self.edges[0])

    @cached_property
    def gains(self):
        """N·p(x): how many times an epoch of N draws shows each face, on average."""
        return len(self.means) * self.probabilities

    @cached_property
    def chosen(self):
        """Indices of the faces in the batch."""
        rng = np.random.default_rng([self.step, len(self.means)])
        share = self.probabilities / self.probabilities.sum()
        return rng.choice(len(share), BATCH, p=share)

    @cached_property
    def shares(self):
        """A `Share` for each group."""
        rows = []
        for index, name in enumerate(self.names):
            members = self.groups == index
            count, drawn = int(members.sum()), int(members[self.chosen].sum())
            after = float(self.probabilities[members].sum())
            rows.append(Share(name, count, count / len(members), after, drawn))
        return tuple(rows)

    @property
    def rare(self):
        """The groups with fewer faces than an even share, but some."""
        even = len(self.means) / len(self.names)
        return tuple(row for row in self.shares if 0 < row.count < even)

    @property
    def smoothing(self):
        """α as it is written."""
        return f"α = {format_number(self.alpha)}"

    @property
    def formula(self):
        """What the first face of the batch weighs in this latent, with the numbers put in."""
        face = int(self.chosen[0])
        density = float(self.density[self.places[face]])
        name = indexed("z", self.latent)
        there = f"Q({name} = {format_number(round(float(self.means[face]), 2))})"
        if math.isinf(self.alpha):
            return f"{there} = {density:.3f}, and α → ∞: every face weighs the same"
        total, alpha = density + self.alpha, format_number(self.alpha)
        return f"1/({there} + α) = 1/({density:.3f} + {alpha}) = {format_number(1 / total)}"

    @property
    def claim(self):
        """What α does to the rare groups."""
        if not self.rare:
            return f"{self.smoothing}: no group is rarer than the others"
        gain = sum(row.after for row in self.rare) / sum(row.before for row in self.rare)
        count = f"{sum(row.count for row in self.rare)} of {len(self.means)} faces"
        times = f"drawn {gain:.2f} times as often as they are there"
        return f"{self.smoothing}: the rare groups ({count}) are {times}"

    @property
    def description(self):
        """The claim, the weight of a face, and the shares of all groups."""
        rows = "; ".join(
            f"{row.name} {row.change}, {row.drawn} in this draw" for row in self.shares
        )
        least, most = float(self.gains.min()), float(self.gains.max())
        return (
            f"{self.claim}. The first face of draw {self.step + 1} weighs {self.formula} in latent "
            f"{self.latent}. One epoch shows a face {least:.2f} to {most:.1f} times on average. "
            f"Shares of the groups, there → drawn: {rows}."
        ).replace("-", "−")
