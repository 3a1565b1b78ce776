"""Three invented signs that a network learns: how far it is, what it reads, and why."""

import math
import textwrap
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cnnbook.figures.numbers import format_number
from cnnbook.figures.scene import (
    Block,
    bars,
    clip,
    column,
    curve,
    dot,
    image,
    level,
    lines,
    named,
    note,
    page,
    panel,
    plot,
    row,
    sized,
    space,
    text,
    text_width,
)
from cnnbook.figures.state import State, state
from cnnbook.figures.style import LIGHT

SHEET, COVER, EVIDENCE, PROGRESS, TESTS = 248, 264, 252, 263, 258  # widths of the parts
SIDE, NEAR, THUMB = 114, 40, 38  # sides of the images
LEARNED = 0.8  # share of the drawings, at every place, from which on the shape was learned


def percent(share):
    """Write a share in whole percent."""
    return f"{100 * share:.0f} %"


def _titled(title, block, role="ink"):
    return column(text(title, size=14, role=role, bold=True), block, gap=4)


# ---------------------------------------------------------------- what the sheet is read as


@state
class ScriptReading(State):
    """One drawing, what the network reads, and what it hangs on; nothing without ink."""

    image: np.ndarray  # (28, 28), what the network sees, 0 paper, 1 ink
    names: tuple  # of the three signs
    probabilities: np.ndarray  # (3,)
    covered: np.ndarray  # (n, n): probability of the sign read, with a grey patch at n × n places
    across: np.ndarray  # (m, 3): probabilities with the drawing at m columns, left to right
    place: int = 0  # which of the columns is nearest to where it stands
    nearest: tuple = ()  # pairs: an image (28, 28) of a learned drawing, and its sign
    steps: int = 0  # that the network has learned
    patch: int = 10  # pixels a side of the patch, and from one of its places to the next
    stride: int = 2

    @property
    def empty(self):
        """Whether there is no ink."""
        return not self.image.any()

    @property
    def best(self):
        """The most probable sign."""
        return int(np.argmax(self.probabilities))

    @cached_property
    def drop(self):
        """How far each place of the patch takes the probability of the sign read down."""
        return self.probabilities[self.best] - self.covered

    @property
    def words(self):
        """What is read, what a patch changes, what another place changes and what is nearest."""
        if self.empty:
            return "Nothing is drawn on the sheet.", "There is nothing to cover.", "", ""
        shares = zip(self.names, self.probabilities, strict=True)
        read = ", ".join(f"{name} {percent(share)}" for name, share in shares)
        most = percent(max(self.drop.max(), 0))
        ends = " and ".join(self.names[k] for k in self.across[[0, -1]].argmax(1))
        near = ", ".join(self.names[sign] for _, sign in self.nearest) or "none"
        return (
            f"The sheet is read as {read}.",
            f"A grey patch takes away {most} of {self.names[self.best]} at most.",
            f"At the left and at the right edge it is read as {ends}.",
            f"Nearest learned drawings: {near}.",
        )

    @property
    def description(self):
        """The reading and its reasons in words and numbers."""
        return " ".join(filter(None, self.words))

    @property
    def verdict(self):
        """The three probabilities, as a block."""
        names = [clip(name, 86, bold=True) for name in self.names]
        if self.empty:
            help_ = "Draw one of the signs,", "or press one on the shelf."
            return _titled("The sheet is empty", sized(lines(*help_, role="muted"), SHEET, 60))
        title = f"It reads {self.names[self.best]}" + " by chance" * (not self.steps)
        roles = ["output" if k == self.best else "muted" for k in range(len(names))]
        shown = bars(names, self.probabilities, length=116, height=20, roles=roles)
        return _titled(title, sized(named("shares", shown), SHEET, 60), "output")

    @property
    def cover(self):
        """What the network sees, and where a patch changes the reading, as a block."""
        seen = image(1 - self.image, SIDE, role="line", inverts=True)
        seen = panel("what it sees", "28 × 28, sized", named("seen", seen), "input")
        most = "" if self.empty else f"takes {percent(max(self.drop.max(), 0))} away"
        hidden = panel("under a patch", most, named("covered", _map(self)), "kernel")
        foot = "orange: a grey patch here lowers the", "probability; slate: raises it; dashed: most"
        foot = lines(*foot, size=12, role="muted")
        return column(row(seen, hidden, gap=24), sized(foot, COVER), gap=4)

    @property
    def evidence(self):
        """The probabilities along a row of the sheet, and the nearest drawings, as a block."""
        return column(sized(_across(self), EVIDENCE), _nearest(self), gap=6)

    def picture(self):
        """Draw the reading and its reasons."""
        blocks = row(self.verdict, self.cover, self.evidence, gap=24)
        return page(blocks, description=self.description, width=0)


def _map(reading):
    """The fall of the probability, each in the middle of its patch, and the ink upon it."""
    pixel = SIDE / len(reading.image)
    cell, side = reading.stride * pixel, reading.patch * pixel
    ink = np.zeros((*reading.image.shape, 4), np.uint8)
    ink[..., :3], ink[..., 3] = 128, (170 * reading.image).astype(np.uint8)

    def draw(picture, x, y):
        picture.rect(x, y, SIDE, SIDE, fill="paper")
        inset = (side - cell) / 2
        for at, fall in () if reading.empty else np.ndenumerate(reading.drop):
            if abs(fall) >= 0.02:
                box = x + inset + at[1] * cell, y + inset + at[0] * cell, cell, cell
                role = "kernel" if fall > 0 else "negative"
                with picture.part("fall"):
                    picture.rect(*box, fill=role, tint=min(abs(fall), 1) / 0.7, at=at)
        picture.image(ink, x, y, SIDE, SIDE, crisp=True)
        picture.rect(x, y, SIDE, SIDE, stroke="line", stroke_width=2)
        if not reading.empty and reading.drop.max() >= 0.02:
            i, j = np.unravel_index(reading.drop.argmax(), reading.drop.shape)
            with picture.part("patch"):
                frame = {"stroke": "kernel", "stroke_width": 1.5, "dashed": True}
                picture.rect(x + j * cell, y + i * cell, side, side, **frame)

    return Block(SIDE, SIDE, draw)


def _across(reading):
    places, signs = reading.across.shape
    cell, high = 13, 17
    names = [clip(name, 70, bold=True) for name in reading.names]
    width = max(text_width(name, bold=True) for name in names) + 8

    def draw(picture, x, y):
        for k, name in enumerate(names):
            look = {"bold": k == reading.best and not reading.empty, "anchor": "end"}
            picture.text(x + width - 8, y + (k + 0.5) * high + 5, name, **look)
            for m in range(places):
                box = x + width + m * cell, y + k * high, cell, high
                picture.rect(*box, fill="paper", stroke="line")
                share = 0 if reading.empty else reading.across[m, k]
                if share >= 0.02:
                    with picture.part("across"):
                        picture.rect(
                            *box, fill="output", tint=share / 0.7, stroke="line", at=(m, k)
                        )
        if not reading.empty:
            left = x + width + reading.place * cell
            picture.rect(left, y, cell, signs * high, stroke="ink", stroke_width=2)
        below = {"size": 11, "fill": "muted"}
        base = y + signs * high + 13
        picture.text(x + width, base, "left edge", **below)
        picture.text(x + width + places * cell, base, "right edge", anchor="end", **below)

    caption = "full green: sure; framed: where it stands"
    block = Block(width + places * cell, signs * high + 16, draw)
    return panel("the drawing, moved across", caption, block, "output")


def _nearest(reading):
    shown = [
        column(
            named("near", image(1 - picture, NEAR, role="line", inverts=True)),
            text(clip(reading.names[sign], NEAR + 14, 12), size=12),
            gap=1,
        )
        for picture, sign in reading.nearest
    ]
    shown = [sized(block, NEAR + 16) for block in shown] or [space(NEAR, NEAR + 17)]
    return _titled("nearest learned drawings", row(*shown, gap=4), "input")


# ---------------------------------------------------------------- how far the network is


@state
class ScriptProgress(State):
    """What was learned so far: the loss of each step, and the first kernels."""

    losses: np.ndarray  # (steps,), cross-entropy of each batch
    kernels: np.ndarray  # (6, 5, 5), now
    before: np.ndarray  # the same before the first step
    copies: int  # images that are learned
    until: int  # steps to be done

    @property
    def steps(self):
        """Number of steps done."""
        return len(self.losses)

    @property
    def description(self):
        """The steps in words."""
        if not self.steps:
            return "Nothing is learned yet."
        loss = format_number(self.losses[-10:].mean(), 2)
        steps = f"{self.steps} steps of {self.until} on {self.copies} images"
        return f"{steps}, mean loss of the last ten {loss}."

    @property
    def block(self):
        """The loss, and the kernels as they are now."""
        guess = math.log(3)
        after = np.arange(1, self.steps + 1)
        layers = [level(guess, "guessing: ln 3"), curve(after, self.losses, "ink", width=1.5)]
        layers += [dot(self.steps, self.losses[-1], "ink")] if self.steps else []
        axes = plot(
            *layers, width=92, height=70, x=(0, self.until), y=(0, 1.5),
            x_ticks=(0, self.until), y_ticks={0: "0", 1: "1"},
        )  # fmt: skip
        done = f"step {self.steps} of {self.until}"
        loss = panel(done, f"loss; {self.copies} images", named("loss", axes))
        moved = np.linalg.norm(self.kernels - self.before) / np.linalg.norm(self.before)
        grid = _kernels(self.kernels / max(np.abs(self.kernels).max(), np.abs(self.before).max()))
        caption = f"changed by {percent(moved)}" if self.steps else "drawn at random"
        kernels = panel("its first kernels", caption, named("kernels", grid), "kernel")
        return sized(row(sized(loss, 138), kernels, gap=10), PROGRESS)

    def picture(self):
        """Draw how far the network is."""
        return page(self.block, description=self.description, width=0)


def _kernels(values):
    """Six kernels (6, n, n) of values from −1 to 1: orange above zero, slate below."""
    cell, gap, size = 7, 5, values.shape[1]
    sheet = np.zeros((2, 3, size, size, 4), np.uint8)
    for kernel, shown in zip(values, sheet.reshape(6, size, size, 4), strict=True):
        hues = [list(bytes.fromhex(LIGHT[role][1:])) for role in ("negative", "kernel")]
        shown[..., :3] = np.array(hues)[(kernel > 0).astype(int)]
        shown[..., 3] = np.rint(255 * np.abs(kernel))
    side = cell * size

    def draw(picture, x, y):
        for (i, j), corner in np.ndenumerate(np.arange(6).reshape(2, 3)):
            box = x + j * (side + gap), y + i * (side + gap), side, side
            picture.image(sheet[i, j], *box, crisp=True)
            picture.rect(*box, stroke="line", at=(int(corner),))

    return Block(3 * side + 2 * gap, 2 * side + gap, draw)


# ---------------------------------------------------------------- how well it reads


class Recall(NamedTuple):
    """What the network read of some drawings, and what they are."""

    name: str
    predicted: np.ndarray  # (n,)
    signs: np.ndarray  # (n,)
    interval: tuple  # Wilson's, 95 %, of the share read right
    before: float | None = None  # that share after the training before this one

    @property
    def right(self):
        """Number of drawings read right."""
        return int((self.predicted == self.signs).sum())

    @property
    def count(self):
        """Number of drawings."""
        return len(self.signs)


@state
class ScriptTests(State):
    """Drawings that are read: by writer, and all at one place of the sheet."""

    names: tuple  # of the three signs
    writers: tuple = ()  # `Recall`s
    places: tuple = ()  # `Recall`s: at the left edge, in the middle, at the right edge
    left: int | None = None  # the sign that was learned at the left edge only
    steps: int = 0

    @property
    def verdict(self):
        """What was learned, with the numbers that say so."""
        if not self.steps or not self.places:
            return ""
        shares = [place.right / place.count for place in self.places]
        edge = self.places[int(np.argmin(shares))]
        if min(shares) >= LEARNED:
            fewest = f"{edge.right} of {edge.count}"
            return f"At every place it reads at least {fewest} right: it learned the shape."
        if self.left is None:
            where = f"{edge.right} of {edge.count} are read right {edge.name}"
            return f"Only {where}: it learned shape and place together."
        at_left, middle, _ = self.places
        other, own = at_left.signs != self.left, middle.signs == self.left
        taken = int((at_left.predicted[other] == self.left).sum())
        found = int((middle.predicted[own] == self.left).sum())
        name = self.names[self.left]
        words = f"Put at the left, {taken} of {other.sum()} other signs are read as {name}; "
        words += f"in the middle, {found} of {own.sum()} of {name} are. "
        fooled = taken >= LEARNED * other.sum() and found <= (1 - LEARNED) * own.sum()
        return words + ("It learned left." if fooled else "It learned some of both.")

    @property
    def caution(self):
        """How little so few drawings say."""
        if not self.writers:
            return ""
        row = self.writers[-1]
        low, high = (percent(end) for end in row.interval)
        return f"{row.right} of {row.count} may truly be {low} to {high}"

    @property
    def description(self):
        """The tests in words and numbers."""
        rows = "; ".join(f"{r.name} {r.right} of {r.count}" for r in self.writers + self.places)
        return f"Read right: {rows}. {self.caution}. {self.verdict}".strip()

    @property
    def block(self):
        """A point and an interval for each writer and each place."""
        rows = [_recall(recall, self.steps) for recall in self.writers]
        rows += (2 - len(rows)) * [space(0, LINE)]  # a neighbour comes later
        rows += [space(0, 3)] + [_recall(recall, self.steps) for recall in self.places]
        block = column(*rows, _scale(), note(self.caution), gap=1)
        caption = "bars: 95 % intervals by Wilson; ○ before"
        return sized(panel("drawings read right", caption, block, "output"), TESTS)

    def picture(self):
        """Draw how well the network reads."""
        return page(self.block, description=self.description, width=0)


NAME, AXIS, LINE = 106, 84, 16  # of a row: room for its name, of its axis, and its height


def _recall(recall, steps):
    role = "output" if steps else "muted"

    def draw(picture, x, y):
        start, middle = x + NAME, y + LINE / 2
        picture.text(x, middle + 4.5, recall.name, size=12)
        picture.line((start, middle), (start + AXIS, middle), stroke="line", stroke_width=1)
        low, high = (start + AXIS * end for end in recall.interval)
        if recall.before is not None:
            ring = {"fill": "paper", "stroke": "muted", "stroke_width": 1.5, "radius": 4}
            picture.rect(start + AXIS * recall.before - 4, middle - 4, 8, 8, **ring)
        with picture.part("interval"):
            picture.line((low, middle), (high, middle), stroke=role, stroke_width=3)
        share = start + AXIS * recall.right / recall.count
        with picture.part("share"):
            picture.rect(share - 4, middle - 4, 8, 8, fill=role, radius=4)
        words = f"{recall.right} of {recall.count}"
        picture.text(start + AXIS + 10, middle + 4.5, words, size=12, fill=role, mono=True)

    return Block(NAME + AXIS + 10 + 58, LINE, draw)


def _scale():
    def draw(picture, x, y):
        for share, words in ((0, ""), (1 / 3, "guessing"), (1, "100 %")):
            across = x + NAME + AXIS * share
            picture.line((across, y), (across, y + 3), stroke="muted", stroke_width=1)
            anchor = "middle" if share < 1 else "end"
            picture.text(
                across + 12 * (share == 1), y + 14, words, size=11, fill="muted", anchor=anchor
            )

    return Block(NAME + AXIS + 30, 18, draw)


# ---------------------------------------------------------------- all of it, on paper


@state
class OwnScript(State):
    """Drawings of three signs, the network that learns them, its tests and one reading."""

    names: tuple
    drawings: tuple  # for each sign, images (n, 28, 28) of what is learned
    progress: ScriptProgress
    tests: ScriptTests
    reading: ScriptReading

    @property
    def description(self):
        """All of it in words and numbers."""
        pairs = zip(self.names, self.drawings, strict=True)
        signs = ", ".join(f"{len(images)} of {name}" for name, images in pairs)
        parts = f"Drawings to learn: {signs}.", self.progress.description
        return " ".join((*parts, self.tests.description, self.reading.description))

    def picture(self):
        """Draw everything below one another."""
        shelves = []
        for name, images in zip(self.names, self.drawings, strict=True):
            shown = [image(1 - one, THUMB, role="line", inverts=True) for one in images]
            shown = row(*shown, gap=4) if shown else text("no drawing yet", size=12, role="muted")
            shelves.append(_titled(name, sized(shown, 6 * (THUMB + 4)), "input"))
        reading = self.reading
        return page(
            named("drawings", row(*shelves, gap=24)),
            row(self.progress.block, self.tests.block, gap=40),
            lines(*textwrap.wrap(self.tests.verdict, 110), role="muted"),
            row(reading.verdict, reading.cover, reading.evidence, gap=24),
            description=self.description,
        )
