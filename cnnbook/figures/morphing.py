"""Between two images: the mix of their codes, decoded, beside the mix of their pixels."""

from collections.abc import Callable
from functools import cached_property
from typing import ClassVar

import numpy as np

from cnnbook.figures.numbers import format_factor, format_number, indexed
from cnnbook.figures.scene import (
    ROOM,
    column,
    feel,
    formula,
    image,
    lines,
    named,
    note,
    over,
    page,
    panel,
    placed,
    row,
    sized,
    space,
    text,
    tiles,
)
from cnnbook.figures.state import State, each_step, state

STEPS, STRIP = 40, 9  # from t = 0 to t = 1: steps, and images in a strip
SHARES = np.linspace(0, 1, STRIP)  # t of each image in a strip
LEADING = 3  # latents whose numbers are shown

WIDTH, LARGE, PITCH = 944, 200, 248  # of the picture; side of the four large images, and distance
TILE, NAMES = 93, 106  # side of an image in a strip, room for the strip's name
SMALL = 32  # side of the images to choose from


@state
class Morph(State):
    """Two images, their codes, and how far the way from one to the other has been gone."""

    hint = "Click a small image to choose it; point at the strips to look ahead."

    step_label: ClassVar = "t"
    interval: ClassVar = 120  # milliseconds a step

    decode: Callable  # codes (N, latents) into images (N, C, H, W) of values from 0 to 1
    images: dict  # name: (C, H, W), values from 0 to 1: what there is to choose from, at most 14
    codes: dict  # name: (latents,), the mean that the encoder gives
    thumbnails: dict  # name: (C, h, w), a small copy
    first: str
    second: str
    step: int = STEPS // 2  # from 0, the first one, to 40, the second one

    @property
    def steps(self):
        """From t = 0 to t = 1, both included."""
        return STEPS + 1

    @property
    def share(self):
        """t: how far the way has been gone, from 0 to 1."""
        return self.step / STEPS

    def _mix(self, table, shares):
        """(1 − t)·first + t·second of what a table holds for the two, for each t."""
        shares = np.reshape(shares, (-1, *[1] * table[self.first].ndim))
        return (1 - shares) * table[self.first] + shares * table[self.second]

    @each_step
    def code(self):
        """Z = (1 − t)·μ₁ + t·μ₂."""
        return self._mix(self.codes, self.share)[0]

    @property
    def blend(self):
        """The same mix of pixels, (C, H, W)."""
        return self._mix(self.images, self.share)[0]

    @cached_property
    def blends(self):
        """The mixes of pixels of the strip, (9, C, H, W)."""
        return self._mix(self.images, SHARES)

    @cached_property
    def strip(self):
        """The mixes of codes of the strip, decoded, (9, C, H, W)."""
        return self.decode(self._mix(self.codes, SHARES))

    @cached_property
    def apart(self):
        """How far the codes are apart in each latent."""
        return np.abs(self.codes[self.first] - self.codes[self.second])

    @property
    def distance(self):
        """Length of μ₂ − μ₁."""
        return float(np.linalg.norm(self.apart))

    def touched(self, name, row, column):
        """A small copy takes the place of the one chosen before; a place of a strip is gone to."""
        if name == "choice":
            return {"first": self.second, "second": list(self.images)[column]}
        return {"step": column * STEPS // (STRIP - 1)}

    def hovered(self, name, *place):
        """A place of a strip shows itself."""
        return self.at(self.touched(name, *place)["step"]) if name == "strip" else None

    @property
    def formulas(self):
        """The mix of the latents in which the two codes differ most, with the numbers put in."""
        rest, share = format_number(1 - self.share), format_number(self.share)
        written, each = [], (self.codes[self.first], self.codes[self.second], self.code)
        for latent in np.argsort(-self.apart, kind="stable")[:LEADING]:
            first, second, mix = (round(float(code[latent]), 2) for code in each)
            sum_ = f"{rest}·{format_factor(first)} + {share}·{format_factor(second)}"
            written.append(f"{indexed('z', latent)} = {sum_} = {format_number(mix)}")
        return written

    @property
    def claim(self):
        """How far the way is gone, and which ways are compared."""
        ways = "once through the codes and once through the pixels"
        return f"t = {format_number(self.share)} of the way, {ways}"

    @property
    def description(self):
        """The claim, and the formulas."""
        return (
            f"{self.claim}. z = (1 − t)·μ₁ + t·μ₂; the codes are {self.distance:.2f} apart. The "
            f"latents that differ most: {'; '.join(self.formulas)}."
        )

    def picture(self):
        """Draw both images with the two mixes between them, and a strip of each mix."""
        four = [
            ("first", self.first, self.images[self.first], "input"),
            ("mix of codes", "decoded from z", self.decode(self.code[None])[0], "output"),
            ("mix of pixels", "without a network", self.blend, "muted"),
            ("second", self.second, self.images[self.second], "input"),
        ]
        panels = [
            sized(panel(title, caption, image(shown, LARGE, role=role), role), LARGE, LARGE + 44)
            for title, caption, shown, role in four
        ]
        side = min(TILE, (ROOM.get() - NAMES) // STRIP)
        t = (placed(text(format_number(s), size=11, role="muted"), side) for s in SHARES)
        t = row(note("t", width=NAMES), *t, gap=0)
        codes = _strip(self, "codes", side, self.strip, ("mixed, then", "decoded"), "output")
        mixes = _strip(self, "pixels", side, self.blends, ("mixed",), "muted")
        return page(
            text(self.claim, size=15, bold=True),
            named("large", row(*panels, gap=PITCH - LARGE)),
            row(sized(_formulas(self), 2 * PITCH), _choices(self), gap=0),
            column(t, codes, space(0, 2), mixes, gap=3),
            description=self.description,
            width=WIDTH,
            palette=True,
        )


def _formulas(morph):
    title = f"z = (1 − t)·μ₁ + t·μ₂ with t = {format_number(morph.share)}"
    title = text(title, size=14, role="output", bold=True, mono=True)
    words = f"μ₁ and μ₂ are {morph.distance:.2f} apart; the {len(morph.formulas)} latents of "
    words += f"{len(morph.code)} that differ most:"
    return column(title, note(words), formula(*morph.formulas), gap=3)


def _choices(morph):
    """Small copies of what can be chosen, their numbers below; the two are framed."""
    chosen = [name in (morph.first, morph.second) for name in morph.images]

    def frames(picture, x, y):
        with picture.part("frame"):
            for n in np.flatnonzero(chosen).tolist():
                box = x + n * SMALL, y, SMALL, SMALL
                picture.rect(*box, stroke="input", stroke_width=3, at=(n,))

    labels = []
    for name, framed in zip(morph.images, chosen, strict=True):
        words = name.removeprefix("image ") if name.startswith("image ") else "own"
        role = "input" if framed else "muted"
        labels.append(placed(text(words, size=11, role=role, bold=framed), SMALL))
    small = tiles(np.stack([morph.thumbnails[name] for name in morph.images])[None], SMALL)
    return column(
        text("to choose from: a click takes the place of the first", role="input", bold=True),
        named("choices", feel(over(small, frames), ("choice",), grid=(1, len(morph.images)))),
        row(*labels, gap=0),
        gap=3,
    )


def _strip(morph, name, side, images, words, role):
    """Nine images from t = 0 to t = 1 after the strip's name, the nearest to the present framed."""
    place = morph.share * (STRIP - 1)
    nearest = round(place)

    def frame(picture, x, y):
        style = {"stroke": "kernel", "stroke_width": 3, "dashed": nearest != place}
        with picture.part("frame"):
            picture.rect(x + nearest * side, y, side, side, at=(nearest,), **style)

    head = column(text(name, role=role, bold=True), lines(*words, size=12, role=role), gap=2)
    strip = feel(over(tiles(images[None], side), frame), ("strip",), grid=(1, STRIP))
    return named(name, row(sized(head, NAMES), strip, gap=0, align=0.5))
