"""Between two images: the mix of their codes, decoded, beside the mix of their pixels."""

from dataclasses import dataclass

import numpy as np

from cnnbook.figures.cells import draw_heading, format_factor, format_number, indexed
from cnnbook.figures.picture import Picture
from cnnbook.figures.pixels import draw_image, draw_tiles

WIDTH, TOP = 944, 84
LARGE, PITCH = 200, 248  # side of the four large images, and their distance
STEPS, STRIP = 40, 9  # steps from t = 0 to t = 1, and images in a strip
FORMULA = TOP + LARGE + 30  # baseline of the first formula
LEFT, TILE = 106, 93  # left edge of the strips, side of an image in them
CODES = FORMULA + 118  # tops of the two strips
PIXELS = CODES + TILE + 8
SMALL = 32  # side of the images to choose from
LEADING = 3  # latents whose numbers are shown


@dataclass(frozen=True, eq=False)
class Morph:
    """Two images, their codes, and how far the way from one to the other has been gone.

    Parameters
    ----------
    first, second : ndarray of shape (C, H, W), values from 0 to 1
    first_code, second_code : ndarray of shape (latents,)
        The means that the encoder gives for them.
    step : int
        From 0, the first one, to 40, the second one.

    Raises
    ------
    ValueError
        If shapes disagree, or there is no such step.
    """

    first: np.ndarray
    second: np.ndarray
    first_code: np.ndarray
    second_code: np.ndarray
    step: int = STEPS // 2

    def __post_init__(self):
        if self.first.shape != self.second.shape:
            raise ValueError(
                f"the images have shapes {self.first.shape} and {self.second.shape}, expected one"
            )
        if self.first_code.shape != self.second_code.shape:
            shapes = f"{self.first_code.shape} and {self.second_code.shape}"
            raise ValueError(f"the codes have shapes {shapes}, expected one")
        if not 0 <= self.step <= STEPS:
            raise ValueError(f"step is {self.step}, must be from 0 to {STEPS}")

    @property
    def share(self):
        """t: how far the way has been gone, from 0 to 1."""
        return self.step / STEPS

    @property
    def shares(self):
        """T of each image in a strip."""
        return np.linspace(0, 1, STRIP)

    @property
    def code(self):
        """Z = (1 − t)·μ₁ + t·μ₂."""
        return self._mix(self.first_code, self.second_code, self.share)

    @property
    def codes(self):
        """The codes of the strip, (9, latents)."""
        return self._mix(self.first_code, self.second_code, self.shares[:, None])

    @property
    def blend(self):
        """The same mix of pixels, (C, H, W)."""
        return self._mix(self.first, self.second, self.share)

    @property
    def blends(self):
        """The mixes of pixels of the strip, (9, C, H, W)."""
        return self._mix(self.first, self.second, self.shares[:, None, None, None])

    @staticmethod
    def _mix(first, second, share):
        return (1 - share) * first + share * second

    @property
    def distance(self):
        """Length of μ₂ − μ₁."""
        return float(np.linalg.norm(self.first_code - self.second_code))

    @property
    def leading(self):
        """The latents in which the two codes differ most."""
        apart = np.abs(self.first_code - self.second_code)
        return [int(latent) for latent in np.argsort(-apart, kind="stable")[:LEADING]]

    @property
    def formulas(self):
        """The mix of each leading latent, with the numbers put in."""
        lines = []
        for latent in self.leading:
            first, second = (
                format_factor(round(float(code[latent]), 2))
                for code in (self.first_code, self.second_code)
            )
            result = format_number(round(float(self.code[latent]), 2))
            name, rest = indexed("z", latent), format_number(1 - self.share)
            lines.append(
                f"{name} = {rest}·{first} + {format_number(self.share)}·{second} = {result}"
            )
        return lines

    @property
    def claim(self):
        """How far the way is gone, and which ways are compared."""
        share = format_number(self.share)
        return f"t = {share} of the way, once through the codes and once through the pixels"

    @property
    def description(self):
        """The claim, and the mix of the leading latents."""
        return (
            f"{self.claim}. z = (1 − t)·μ₁ + t·μ₂; the codes are {self.distance:.2f} apart. The "
            f"latents that differ most: {'; '.join(self.formulas)}."
        )


def draw_morph(morph, image, strip, names=("first", "second"), choices=None):
    """Draw both images with the two mixes between them, and a strip of each mix.

    Parameters
    ----------
    morph : Morph
    image : ndarray of shape (C, H, W), values from 0 to 1
        Decoded from `morph.code`.
    strip : ndarray of shape (9, C, H, W)
        Decoded from `morph.codes`.
    names : (str, str)
        What the two images are called.
    choices : dict of str to ndarray of shape (C, h, w), optional
        Small copies of all images that can be chosen, by name; at most 14.

    Returns
    -------
    Picture
    """
    picture = Picture(WIDTH, PIXELS + TILE, morph.description, palette=True)
    picture.text(0, 18, morph.claim, size=15, bold=True)
    images = [
        ("first", names[0], morph.first, "input"),
        ("mix of codes", "decoded from z", image, "output"),
        ("mix of pixels", "without a network", morph.blend, "muted"),
        ("second", names[1], morph.second, "input"),
    ]
    for number, (title, caption, shown, role) in enumerate(images):
        draw_heading(picture, number * PITCH, TOP, title, caption, role=role)
        draw_image(picture, shown, number * PITCH, TOP, LARGE, role=role)
    _draw_formulas(picture, morph)
    if choices:
        _draw_choices(picture, choices, names)
    for number, share in enumerate(morph.shares):
        place = LEFT + (number + 0.5) * TILE, CODES - 7
        picture.text(*place, format_number(share), size=11, fill="muted", anchor="middle")
    picture.text(LEFT - 10, CODES - 7, "t", size=12, fill="muted", anchor="end")
    _draw_strip(picture, morph, strip, CODES, ("codes", "mixed, then", "decoded"), "output")
    _draw_strip(picture, morph, morph.blends, PIXELS, ("pixels", "mixed", ""), "muted")
    return picture


def _draw_formulas(picture, morph):
    title = f"z = (1 − t)·μ₁ + t·μ₂ with t = {format_number(morph.share)}"
    picture.text(0, FORMULA, title, size=14, fill="output", bold=True, mono=True)
    words = f"μ₁ and μ₂ are {morph.distance:.2f} apart; the {len(morph.leading)} latents of "
    words += f"{len(morph.code)} that differ most:"
    picture.text(0, FORMULA + 17, words, size=12, fill="muted")
    for number, line in enumerate(morph.formulas):
        picture.text(0, FORMULA + 38 + 18 * number, line, mono=True)


def _draw_choices(picture, choices, names):
    """Draw small copies of what can be chosen, their numbers below, and frame the two."""
    x, y = 2 * PITCH, FORMULA + 16
    picture.text(x, FORMULA, "to choose from", size=13, fill="input", bold=True)
    draw_tiles(picture, np.stack(list(choices.values()))[None], x, y, SMALL)
    for number, name in enumerate(choices):
        left, chosen = x + number * SMALL, name in names
        if chosen:
            picture.rect(left, y, SMALL, SMALL, stroke="input", stroke_width=3)
        label = name.removeprefix("image ") if name.startswith("image ") else "own"
        role = "input" if chosen else "muted"
        place = left + SMALL / 2, y + SMALL + 14
        picture.text(*place, label, size=11, fill=role, anchor="middle", bold=chosen)


def _draw_strip(picture, morph, images, top, words, role):
    """Draw nine images from t = 0 to t = 1 and frame the nearest to the present one."""
    for number, word in enumerate(words):
        place = LEFT - 10, top + TILE / 2 - 10 + 16 * number
        bold, size = number == 0, 12 + (number == 0)
        picture.text(*place, word, size=size, fill=role, anchor="end", bold=bold)
    draw_tiles(picture, images[None], LEFT, top, TILE)
    place = morph.share * (STRIP - 1)
    nearest = round(place)
    picture.rect(
        LEFT + nearest * TILE, top, TILE, TILE, stroke="kernel", stroke_width=3,
        dashed=nearest != place,
    )  # fmt: skip
