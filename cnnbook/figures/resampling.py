"""Which groups of faces are drawn more often, what it costs, and the faces that do it."""

import math
from collections.abc import Callable
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np

from cnnbook.figures.numbers import format_number, indexed
from cnnbook.figures.scene import (
    clip,
    column,
    curve,
    image,
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
WIDTH, LEFT, PLOT = 944, 540, 380  # of the picture, of its upper left part, of the histogram
TILE, LARGE, GROUP = 64, 140, 26  # sides of a face, small and chosen; height of a group's row
BAR = 128  # a gain's bar, from the left end to the right
ENDS = (4, 16, 100, 10_000)  # the first is the end of the gains' axis that holds all of them
STEPS = (1.15, 1.5, 2, 3, 5, 8, 16)  # heights of the plot, in units of the highest bar


class Share(NamedTuple):
    """How often a group is there, and how often it is drawn."""

    name: str
    count: int
    before: float  # share of the faces
    after: float  # share of what is drawn, on average
    effective: float  # as many faces, drawn evenly, would vary as much: (Σp)² / Σp²
    shown: int  # faces of the group in the batch, or in the bin or the group that is looked at

    @property
    def gain(self):
        """How many times as often as there: 1 changes nothing."""
        return self.after / self.before if self.count else math.nan

    @property
    def worth(self):
        """The effective sample size beside the number of faces, as both are written."""
        size = f"{self.effective:.0f}" if self.effective >= 9.95 else f"{self.effective:.2g}"
        return f"{size} of {self.count}"

    @property
    def change(self):
        """Both shares, as they are written."""
        return f"{self.before:.1%} → {self.after:.1%}".replace("%", " %") if self.count else "none"


@state
class Resampling(State):
    """One latent of many faces, how probable each is to be drawn, and a batch drawn so."""

    step_label: ClassVar = "draw"
    hint: ClassVar = (
        "Point at a face: its weight; at a bar or a group: the faces in it. Click: it stays."
    )

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
    looked_at: tuple = ()  # ("bin", number, latent) or ("group", number) in place of the draw
    face: int = 0  # which of the faces that are shown weighs in the formula

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
        self._within("face", BATCH)
        unknown = self.groups[(self.groups < -1) | (self.groups >= len(self.names))]
        if len(unknown):
            raise ValueError(f"groups holds {unknown[0]}, must be from -1 to {len(self.names) - 1}")
        _ = self.probabilities  # refuses the other settings
        if self.looked_at[:1] == ("bin",) and self.looked_at[2] != self.latent:
            object.__setattr__(self, "looked_at", ())  # another latent has other bins
        if not len(self.members):
            raise ValueError(f"looked_at is {self.looked_at}, there are no such faces")

    @property
    def steps(self):
        """Draws to step through."""
        return DRAWS

    def at(self, step):
        """Return this state at another draw, which is looked at then."""
        other = super().at(step)
        if step != self.step:
            vars(other).update(looked_at=(), face=0)
        return other

    def touched(self, *part):
        """A face is chosen; a bin or a group is looked at, or the draw again."""
        if part[0] == "face":
            return {"face": part[1]}
        return {"looked_at": () if self.looked_at == part else part, "face": 0}

    def hovered(self, *part):
        """A face shows what it weighs, a bin or a group its faces."""
        other, face = self.at(self.step), part[0] == "face"
        vars(other).update({"face": part[1]} if face else {"looked_at": part, "face": 0})
        return other

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

    @cached_property
    def effective(self):
        """n_eff = 1 / Σp²: as many faces, drawn evenly, would vary as much."""
        return float(1 / (self.probabilities**2).sum())

    @each_step
    def drawn(self):
        """Indices of the faces in the batch."""
        rng = np.random.default_rng([self.step, len(self.means)])
        share = self.probabilities / self.probabilities.sum()
        return rng.choice(len(share), BATCH, p=share)

    @each_step
    def members(self):
        """Indices of the faces of the batch; or of a bin or a group, those drawn most first."""
        if not self.looked_at:
            return self.drawn
        kind, number = self.looked_at[:2]
        found = np.flatnonzero((self.places if kind == "bin" else self.groups) == number)
        return found[np.argsort(-self.gains[found], kind="stable")]

    @property
    def chosen(self):
        """Index of the face whose weight is written."""
        return int(self.members[min(self.face, len(self.members) - 1)])

    @each_step
    def shares(self):
        """A `Share` for each group."""
        shares = []
        for index, name in enumerate(self.names):
            inside = self.groups == index
            p, shown = self.probabilities[inside], int(inside[self.members].sum())
            effective = float(p.sum() ** 2 / (p**2).sum()) if p.any() else 0.0
            shares.append(Share(name, len(p), inside.mean(), p.sum(), effective, shown))
        return tuple(shares)

    @property
    def rare(self):
        """The groups with fewer faces than an even share, but some."""
        even = len(self.means) / len(self.names)
        return tuple(share for share in self.shares if 0 < share.count < even)

    @property
    def weight(self):
        """What the chosen face weighs in this latent: the formula, and the numbers put in."""
        density = float(self.density[self.places[self.chosen]])
        mean = format_number(round(float(self.values[self.chosen]), 2))
        there = f"Q({indexed('z', self.latent)} = {mean})"
        if math.isinf(self.alpha):
            return f"{there} = {density:.3f}", "α → ∞: every face weighs the same"
        total, alpha = density + self.alpha, format_number(self.alpha)
        return f"1/({there} + α)", f"1/({density:.3f} + {alpha}) = {format_number(1 / total)}"

    @property
    def formula(self):
        """The weight in one line."""
        return (", and " if math.isinf(self.alpha) else " = ").join(self.weight)

    @property
    def group(self):
        """Name of the chosen face's group."""
        number = self.groups[self.chosen]
        return self.names[number] if number >= 0 else "no group"

    @property
    def title(self):
        """Which faces are shown."""
        if not self.looked_at:
            return f"draw {self.step + 1}: {BATCH} faces"
        kind, number = self.looked_at[:2]
        name = f"bin {number}" if kind == "bin" else self.names[number]
        count = len(self.members)
        return f"{name}: " + (f"{BATCH} of {count} faces" if count > BATCH else f"{count} faces")

    @property
    def claim(self):
        """What α does to the rare groups, and what it costs."""
        smoothing = f"α = {format_number(self.alpha)}"
        cost = f"an epoch is as varied as {self.effective:.0f} of {len(self.means)} faces"
        if not self.rare:
            return f"{smoothing}: no group is rarer than the others; {cost}"
        before, after = (sum(getattr(s, n) for s in self.rare) for n in ("before", "after"))
        return f"{smoothing}: the rare groups are drawn {after / before:.2f} times as often; {cost}"

    @property
    def description(self):
        """The claim, the weight of a face, and the shares of all groups."""
        rows = (f"{s.name} {s.change}, effective {s.worth}, {s.shown} shown" for s in self.shares)
        return (
            f"{self.claim}. Draw {self.step + 1}. Effective sample size 1/Σp² = "
            f"{self.effective:.1f}. Shown is {self.title}. The chosen face, {self.group}, weighs "
            f"{self.formula} in latent {self.latent}. One epoch shows a face "
            f"{self.gains.min():.2f} to {self.gains.max():.1f} times on average. "
            f"Shares of the groups, there → drawn: {'; '.join(rows)}."
        ).replace("-", "−")

    def picture(self):
        """Draw what becomes of the groups, what a latent says of the faces, and some faces."""
        return page(
            text(self.claim, size=15, bold=True),
            row(sized(_shares(self), LEFT), _histogram(self), gap=0),
            row(sized(_faces(self), LEFT), _chosen(self), gap=0),
            description=self.description,
            width=WIDTH,
            gap=16,
            palette=True,
        )


def _small(words):
    return text(words, size=12, role="muted")


def _shares(it):
    """A table of the groups: how many times as often, the shares, what is left of them."""
    logs = [abs(math.log(s.gain)) for s in it.shares if s.count and s.gain > 0]
    end = next((end for end in ENDS if max(logs, default=0) <= math.log(end)), ENDS[-1])

    def bar(share):
        def draw(picture, x, y):
            middle = x + BAR / 2
            gain = min(max(share.gain, 1 / end), end)
            reach = BAR / 2 * math.log(gain) / math.log(end)
            box = min(middle, middle + reach), y + 5, max(abs(reach), 1), GROUP - 10
            with picture.part("gain"):
                picture.rect(*box, fill="output" if reach >= 0 else "negative", radius=1)
            picture.line((middle, y), (middle, y + GROUP), stroke="muted", stroke_width=1)

        return over(space(BAR, GROUP), draw) if share.count else space(BAR, GROUP)

    def cell(words, **style):
        return placed(text(words, size=12, mono=True, **style), height=GROUP)

    def listed(head, cells, width, align=1):
        return column(_small(head), *cells, space(width), gap=0, align=align)

    each = it.shares
    names = (
        placed(text(clip(s.name, 116, bold=True), bold=s in it.rare), height=GROUP) for s in each
    )
    gains = (f"×{share.gain:.2f}" if share.count else "" for share in each)
    left = (s.worth if s.count else "" for s in each)
    marks = (f"×1/{end}", "×1", f"×{end}")
    ends = row(*(placed(_small(words), BAR / 3) for words in marks), gap=0)
    columns = row(
        space(5),
        listed("", names, 120, align=0),
        column(ends, *map(bar, each), gap=0),
        listed("", map(cell, gains), 56),
        listed("there → drawn", map(cell, (share.change for share in each)), 124),
        listed("n_eff", map(cell, left), 84),
        space(5),
        gap=0,
    )

    def buttons(picture, x, y):
        top = y + 12 * 1.35
        for number, share in enumerate(each):
            where = x, top + number * GROUP, columns.width, GROUP
            if it.looked_at == ("group", number):
                picture.rect(*where, stroke="kernel", stroke_width=2, radius=3)
            if share.count:
                words = f"{share.name}, {share.count} faces"
                with picture.part("sheet", touch=("group", number), words=words):
                    picture.rect(*where, fill="paper", tint=0)

    drawn = sized(named("groups", over(columns, buttons)), height=17 + GROUP * max(4, len(each)))
    caption = "drawn more or less often than they are there; rare groups in bold"
    return panel("the groups", caption, column(drawn, _cost(it), gap=6), "output")


def _cost(it):
    """The effective sample size, as a part of all faces."""
    count, width = len(it.means), 150

    def draw(picture, x, y):
        picture.rect(x, y, width, 12, fill="wash", stroke="line", radius=2)
        with picture.part("effective"):
            picture.rect(x, y, width * it.effective / count, 12, fill="output", radius=2)

    words = f"n_eff = 1/Σp² = {it.effective:.0f} of {count}"
    return row(over(space(width, 12), draw), text(words, bold=True, mono=True), gap=10, align=0.5)


def _histogram(it):
    """The histogram of a latent, what is drawn of it, and α; each bar answers a pointer."""
    highest, needed = (float(np.max(q)) for q in (it.density, [it.density, it.drawn_density]))
    top = next((step for step in STEPS if needed <= step * highest), STEPS[-1]) * highest
    kind, number = it.looked_at[:2] or ("", None)
    part = np.bincount(it.places[it.groups == number], minlength=it.bins) * (kind == "group")
    counts = np.bincount(it.places, minlength=it.bins)

    def bins(picture, place):
        for n, density in enumerate(it.density):
            (left, high), (right, low) = place(n, density), place(n + 1, 0)
            box = left + 1, high, right - left - 2, low - high
            with picture.part("bar"):
                picture.rect(*box, fill="input", tint=0.55, at=(n,))
            if part[n]:
                tall = (low - high) * part[n] / counts[n]
                with picture.part("group"):
                    picture.rect(left + 1, low - tall, right - left - 2, tall, fill="input")

    def sheets(picture, place):
        for n, count in enumerate(counts):
            (left, high), (right, low) = place(n, top), place(n + 1, 0)
            if n == it.places[it.chosen]:
                with picture.part("frame"):
                    look = {"stroke": "kernel", "stroke_width": 2, "radius": 2}
                    picture.rect(left + 1, place(n, it.density[n])[1] - 3, right - left - 2,
                                 low - place(n, it.density[n])[1] + 3, **look)  # fmt: skip
            if count:
                with picture.part(
                    "sheet", touch=("bin", n, it.latent), words=f"bin {n}: {count} faces"
                ):
                    picture.rect(left, high, right - left, low - high, fill="paper", tint=0)

    def alpha(picture, place):
        right, height = place(it.bins, it.alpha)
        level(it.alpha, role="kernel")(picture, place)
        picture.text(right + 6, height + 4, "α", fill="kernel", bold=True)

    corners = np.repeat(np.arange(it.bins + 1), 2)[1:-1]
    layers = [bins, curve(corners, np.repeat(it.drawn_density, 2), "output", width=2.5)]
    layers += [alpha] if it.alpha < top else []
    axes = plot(*layers, sheets, width=PLOT, height=148, x=(0, it.bins), y=(0, top))
    low, high = (format_number(round(float(edge), 2)) for edge in it.edges[[0, -1]])
    name = indexed("z", it.latent)
    below = low, f"mean of {name}, {len(it.means)} faces in {it.bins} bins", high
    drawn = column(
        named("histogram", sized(axes, PLOT + 20)),
        spread(*map(_small, below), width=PLOT, most=PLOT),
        gap=2,
    )
    caption = "bars: the faces; green line: what is drawn; dashed: α"
    return panel(f"latent {name}: histogram Q", caption, drawn, "input")


def _faces(it):
    """The faces of a batch, a bin or a group in two rows, with the gain of each below it."""
    lines = []
    for start in range(0, BATCH, BATCH // 2):
        faces = it.members[start : min(start + BATCH // 2, BATCH)]
        gains = it.gains[faces].tolist()
        words = [f"×{g:.0f}" if g >= 100 else f"×{format_number(g, 2)}" for g in gains]
        shown = tiles(it.images[faces][None], TILE) if len(faces) else space(0, TILE)
        lines.append(sized(over(shown, _sheets(it, start, words)), BATCH // 2 * TILE))
        cells = (placed(text(w, size=12, mono=True), TILE) for w in words)
        lines.append(sized(row(*cells, gap=0), height=12 * 1.35))
    again = "most drawn first; click again: back to the draw"
    caption = again if it.looked_at else "below each: how many times an epoch shows it"
    return panel(it.title, caption, named("batch", column(*lines, gap=3)), "output")


def _sheets(it, start, words):
    def draw(picture, x, y):
        for number, gain in enumerate(words):
            where, face = (x + number * TILE, y, TILE, TILE), start + number
            with picture.part("sheet", touch=("face", face), words=f"face {face}, {gain}"):
                picture.rect(*where, fill="paper", tint=0)
            if it.members[face] == it.chosen:
                with picture.part("frame"):
                    picture.rect(*where, stroke="kernel", stroke_width=3)

    return draw


def _chosen(it):
    """The chosen face, large, and what it weighs."""
    left, right = it.weight
    gain = float(it.gains[it.chosen])
    words = column(
        text(clip(it.group, 230, bold=True), bold=True),
        _small(f"in latent {indexed('z', it.latent)} it weighs"),
        text(left, mono=True, size=12, role="kernel"),
        text(right if math.isinf(it.alpha) else f"= {right}", mono=True, size=12, role="kernel"),
        space(0, 2),
        _small("all latents together: an epoch shows it"),
        text(f"{format_number(gain)} times", size=22, role="output", bold=True, mono=True),
        gap=5,
    )
    faces = row(image(it.images[it.chosen], LARGE, role="kernel"), words, gap=14)
    return panel("the chosen face", "framed in the row; its bin is framed above", faces, "kernel")
