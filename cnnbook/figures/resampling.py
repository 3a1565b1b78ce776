"""Which faces are drawn how often: a latent's histogram, probabilities, and a batch by them."""

import math
from collections.abc import Callable
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np

from cnnbook.figures.numbers import format_number, indexed
from cnnbook.figures.scene import (
    column,
    curve,
    level,
    named,
    over,
    page,
    panel,
    placed,
    plot,
    row,
    sized,
    space,
    spread,
    text,
    tiles,
)
from cnnbook.figures.state import State, each_step, state

BATCH, DRAWS, BINS = 16, 20, 10  # faces in a drawn batch; draws to step through
WIDTH, LEFT, PLOT = 944, 532, 464  # of the picture, of its left half, of the histogram
TILE, GROUP = 64, 26  # side of a face, which has as many pixels; height of a group's row
GAINS = (0.01, 1000)  # ends of the logarithmic axis
STEPS = (1.15, 1.5, 2, 3, 5, 8, 16)  # heights of the plot, in units of the highest bar


class Share(NamedTuple):
    """How often a group is there, and how often it is drawn."""

    name: str
    count: int
    before: float  # share of the faces
    after: float  # share of what is drawn, on average
    drawn: int  # faces of the group in the batch

    @property
    def gain(self):
        """How many times as often as there: 1 changes nothing."""
        return self.after / self.before if self.count else math.nan

    @property
    def change(self):
        """Both shares, as they are written."""
        return f"{self.before:.1%} → {self.after:.1%}".replace("%", " %") if self.count else "none"


@state
class Resampling(State):
    """One latent of many faces, how probable each is to be drawn, and a batch drawn so."""

    step_label: ClassVar = "draw"

    weigh: Callable  # means into probabilities, as `cnnbook.training.resampling_probabilities`
    means: np.ndarray  # (N, latents)
    images: np.ndarray  # (N, C, H, W), values from 0 to 1
    groups: np.ndarray  # (N,): index of each face's group in `names`, −1 for none
    names: tuple
    alpha: float  # what smooths the densities; may be infinite
    latent: int = 0  # whose histogram is shown
    combine: str = "max"  # or "product": how the weights of all latents become one
    bins: int = BINS
    step: int = 0  # which draw, from 0 to 19; each has a seed of its own

    def __post_init__(self):
        count = len(self.images)
        if self.means.ndim != 2 or len(self.means) != count:
            raise ValueError(f"means has shape {self.means.shape}, expected ({count}, latents)")
        if self.groups.shape != (count,):
            raise ValueError(f"groups has shape {self.groups.shape}, there are {count} faces")
        if count < 2:
            raise ValueError(f"there are {count} faces, need at least 2")
        self._within("latent", self.means.shape[1])
        self._within("step", self.steps)
        unknown = self.groups[(self.groups < -1) | (self.groups >= len(self.names))]
        if len(unknown):
            raise ValueError(f"groups holds {unknown[0]}, must be from -1 to {len(self.names) - 1}")
        _ = self.probabilities  # refuses the other settings

    @property
    def steps(self):
        """Draws to step through."""
        return DRAWS

    @cached_property
    def probabilities(self):
        """Of each face to be drawn."""
        return self.weigh(self.means, alpha=self.alpha, bins=self.bins, combine=self.combine)

    @property
    def values(self):
        """The means of the latent that is shown."""
        return self.means[:, self.latent]

    @cached_property
    def edges(self):
        """Borders of the bins, from the least mean to the greatest; a constant has width 1."""
        low, high = float(self.values.min()), float(self.values.max())
        return np.linspace(low, high if high > low else low + self.bins, self.bins + 1)

    @cached_property
    def places(self):
        """Bin of each face."""
        share = (self.values - self.edges[0]) / (self.edges[-1] - self.edges[0])
        return np.minimum((share * self.bins).astype(int), self.bins - 1)

    @cached_property
    def density(self):
        """Q: share of the faces in each bin, divided by its width."""
        return np.bincount(self.places, minlength=self.bins) / len(self.means) / self._bin

    @cached_property
    def drawn_density(self):
        """The same of what is drawn, on average."""
        return np.bincount(self.places, self.probabilities, self.bins) / self._bin

    @property
    def _bin(self):
        return self.edges[1] - self.edges[0]

    @cached_property
    def gains(self):
        """N·p(x): how many times an epoch of N draws shows each face, on average."""
        return len(self.means) * self.probabilities

    @each_step
    def chosen(self):
        """Indices of the faces in the batch."""
        rng = np.random.default_rng([self.step, len(self.means)])
        share = self.probabilities / self.probabilities.sum()
        return rng.choice(len(share), BATCH, p=share)

    @each_step
    def shares(self):
        """A `Share` for each group."""
        every = [self.groups == index for index in range(len(self.names))]
        rows = ((int(m.sum()), m.mean(), self.probabilities[m].sum()) for m in every)
        drawn = (int(members[self.chosen].sum()) for members in every)
        return tuple(Share(n, *row, d) for n, row, d in zip(self.names, rows, drawn, strict=True))

    @property
    def rare(self):
        """The groups with fewer faces than an even share, but some."""
        even = len(self.means) / len(self.names)
        return tuple(share for share in self.shares if 0 < share.count < even)

    @property
    def formula(self):
        """What the first face of the batch weighs in this latent, with the numbers put in."""
        face = int(self.chosen[0])
        density = float(self.density[self.places[face]])
        name, mean = indexed("z", self.latent), format_number(round(float(self.values[face]), 2))
        there = f"Q({name} = {mean})"
        if math.isinf(self.alpha):
            return f"{there} = {density:.3f}, and α → ∞: every face weighs the same"
        total, alpha = density + self.alpha, format_number(self.alpha)
        return f"1/({there} + α) = 1/({density:.3f} + {alpha}) = {format_number(1 / total)}"

    @property
    def claim(self):
        """What α does to the rare groups."""
        smoothing = f"α = {format_number(self.alpha)}"
        if not self.rare:
            return f"{smoothing}: no group is rarer than the others"
        _, counts, before, after, _ = zip(*self.rare, strict=True)
        return (
            f"{smoothing}: the rare groups ({sum(counts)} of {len(self.means)} faces) "
            f"are drawn {sum(after) / sum(before):.2f} times as often as they are there"
        )

    @property
    def description(self):
        """The claim, the weight of a face, and the shares of all groups."""
        rows = (f"{s.name} {s.change}, {s.drawn} in this draw" for s in self.shares)
        return (
            f"{self.claim}. The first face of draw {self.step + 1} weighs {self.formula} in latent "
            f"{self.latent}. One epoch shows a face {self.gains.min():.2f} to "
            f"{self.gains.max():.1f} times on average. "
            f"Shares of the groups, there → drawn: {'; '.join(rows)}."
        ).replace("-", "−")

    def picture(self):
        """Draw what a latent says of the faces, and which of them are drawn for it."""
        return page(
            text(self.claim, size=15, bold=True),
            row(sized(_histogram(self), LEFT), _gains(self), gap=0),
            row(sized(_batch(self), LEFT), _shares(self), gap=0),
            description=self.description,
            width=WIDTH,
            gap=20,
            palette=True,
        )


def _small(words):
    return text(words, size=11, role="muted")


def _histogram(it):
    """The histogram of a latent, what is drawn of it, and α; the weight of one face below."""
    highest, needed = (float(np.max(q)) for q in (it.density, [it.density, it.drawn_density]))
    top = next((step for step in STEPS if needed <= step * highest), STEPS[-1]) * highest

    def bins(picture, place):
        for n, density in enumerate(it.density):
            (left, high), (right, low) = place(n, density), place(n + 1, 0)
            box = left + 1, high, right - left - 2, low - high
            picture.rect(*box, fill="input", tint=0.55, at=(n,))

    def alpha(picture, place):
        right, height = place(it.bins, it.alpha)
        level(it.alpha, role="kernel")(picture, place)
        picture.text(right + 6, height + 4, "α", fill="kernel", bold=True)

    corners = np.repeat(np.arange(it.bins + 1), 2)[1:-1]
    layers = [bins, curve(corners, np.repeat(it.drawn_density, 2), "output", width=2.5)]
    layers += [alpha] if it.alpha < top else []
    axes = plot(*layers, width=PLOT, height=148, x=(0, it.bins), y=(0, top))
    low, high = (format_number(round(float(edge), 2)) for edge in it.edges[[0, -1]])
    name = indexed("z", it.latent)
    below = low, f"mean of {name}, {len(it.means)} faces in {it.bins} bins", high
    drawn = column(
        named("histogram", sized(axes, PLOT + 20)),
        spread(*map(_small, below), width=PLOT, most=PLOT),
        space(0),
        text("the first face of the batch below weighs in this latent", size=12),
        text(it.formula, mono=True, role="kernel"),
        gap=2,
    )
    caption = "bars: the faces; green line: what is drawn; dashed: α, added to each bar"
    return panel(f"latent {name}: histogram Q", caption, drawn, "input")


def _gains(it):
    """How often each face is drawn, from the commonest to the rarest."""
    gains = np.sort(it.gains)
    line = curve(np.linspace(0, 1, len(gains)), gains, "output", width=2.5)
    size = {"width": 350, "height": 148, "x": (0, 1), "y": GAINS, "logarithmic": True}
    axes = plot(level(1, dashed=False), line, **size, y_ticks=(0.1, 1, 10, 100))
    ends = spread(_small("commonest"), _small("rarest"), width=350, most=350)
    ends = row(space(axes.width - 350 - 10), ends, gap=0)
    least, most = format_number(float(gains[0])), format_number(float(gains[-1]))
    words = f"from {least} to {most} times; 1 is once, as without resampling"
    drawn = column(named("gains", axes), ends, space(0), text(words, size=12), gap=2)
    caption = "all latents together; the commonest face stands left"
    return panel("N·p(x): draws an epoch", caption, drawn, "output")


def _batch(it):
    """The faces of a batch in two rows, with the gain of each below it."""
    lines = []
    for faces in it.chosen.reshape(2, -1):
        lines.append(tiles(it.images[faces][None], TILE))
        gains = it.gains[faces].tolist()
        words = [f"×{g:.0f}" if g >= 100 else f"×{format_number(g, 2)}" for g in gains]
        lines.append(row(*(placed(text(w, size=11, mono=True), TILE) for w in words), gap=0))
    faces, caption = column(*lines, gap=3), "below each: how many times an epoch shows it"
    return panel(f"draw {it.step + 1}: {BATCH} faces", caption, named("batch", faces), "output")


def _shares(it):
    """A table of the groups: two bars, both shares, how many times as often, faces in this draw."""
    longest = max(0.5, *(max(share.before, share.after) for share in it.shares))

    def bars(share):
        def draw(picture, x, y):
            for down, part, role in ((4, share.before, "input"), (13, share.after, "output")):
                picture.rect(x, y + down, max(76 * part / longest, 1), 8, fill=role)

        return over(space(76, GROUP), draw) if share.count else space(76, GROUP)

    def cell(words, **style):
        return placed(text(words, **style), height=GROUP)

    def listed(head, cells, width, align=1):
        return column(_small(head), *cells, space(width), gap=0, align=align)

    each, mono = it.shares, {"size": 12, "mono": True}
    gains = (f"×{share.gain:.2f}" if share.count else "" for share in each)
    columns = row(
        listed("", (cell(share.name, bold=share in it.rare) for share in each), 118, align=0),
        listed("", map(bars, each), 76),
        listed("there → drawn", (cell(share.change, **mono) for share in each), 120),
        listed("", (cell(gain, **mono) for gain in gains), 50),
        listed("in draw", (cell(share.drawn, **mono) for share in each), 44),
        gap=0,
    )
    drawn = sized(named("groups", columns), height=15 + GROUP * max(4, len(each)))
    caption = "upper bar: of the faces; lower bar: of what is drawn"
    return panel("shares of the groups", caption, drawn, "output")
