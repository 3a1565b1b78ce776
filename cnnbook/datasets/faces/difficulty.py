"""What makes a picture hard to recognise: noise, covered parts, low contrast, blur."""

from dataclasses import dataclass

import numpy as np

CHUNK = 64  # images spoiled at a time: so few that they stay in the processor's cache


@dataclass(frozen=True)
class Difficulty:
    """How much pictures are spoiled at most; each draws its own strengths from none to that."""

    noise: float = 0.0  # standard deviation of Gaussian noise
    occlusion: float = 0.0  # side of a patch that covers some place, as a share of the image's
    contrast: float = 1.0  # 0.4 draws the differences from the image's mean in to 40 %
    blur: float = 0.0  # standard deviation of a Gaussian blur, in pixels

    def __post_init__(self):
        for name, most in (("noise", np.inf), ("occlusion", 1), ("contrast", 1), ("blur", 3)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name)}, must be from 0 to {most}")

    def apply(self, images, *, seed=0):
        """Spoil images (N, 3, H, W), float32, in place: blurred, covered, faded, then noisy.

        Values stay from 0 to 1. Image i is spoiled in the same way however many there are.
        """
        names = "blur side shape row column red green blue contrast noise".split()
        streams = np.random.SeedSequence([seed, 2]).spawn(len(names) + 1)
        *each, grain = map(np.random.default_rng, streams)
        drawn = (rng.random(len(images), np.float32) for rng in each)
        draw = dict(zip(names, drawn, strict=True))
        for start in range(0, len(images), CHUNK):
            here = slice(start, start + CHUNK)
            part, u = images[here], {name: value[here] for name, value in draw.items()}
            if self.blur:
                _blur(part, self.blur * u["blur"])
            if self.occlusion:
                _cover(part, self.occlusion, u)
            if self.contrast < 1:
                mean = part.mean((1, 2, 3), keepdims=True)
                faded = (1 - (1 - self.contrast) * u["contrast"])[:, None, None, None]
                part[:] = (part - mean) * faded + mean
            if self.noise:
                noise = grain.standard_normal(part.shape, dtype=np.float32)
                part += noise * (self.noise * u["noise"])[:, None, None, None]
            np.clip(part, 0, 1, out=part)


# the pictures of chapter 14: so hard that the standard network is unfair to rare groups
HARD = Difficulty(noise=0.05, occlusion=0.25, contrast=0.6, blur=0.5)


def _blur(images, sigma):
    reach = 6
    places = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (places / np.maximum(sigma, 1e-3)[:, None]) ** 2).astype(np.float32)
    weights /= weights.sum(1, keepdims=True)
    for lines in (images.swapaxes(2, 3), images):
        wide = np.pad(lines, [(0, 0)] * 3 + [(reach, reach)], "edge")
        lines[:] = 0
        for tap in range(2 * reach + 1):
            shifted = wide[..., tap : tap + lines.shape[3]]
            lines += weights[:, tap, None, None, None] * shifted


def _cover(images, most, u):
    height, width = images.shape[2:]
    side, shape = most * u["side"], 0.5 + u["shape"]
    # what is long one way is short the other way: bars and squares
    rows, columns = side * shape * height / 2, side / shape * width / 2
    inside = abs(np.arange(height) + 0.5 - (u["row"] * height)[:, None]) < rows[:, None]
    beside = abs(np.arange(width) + 0.5 - (u["column"] * width)[:, None]) < columns[:, None]
    colour = np.stack([u["red"], u["green"], u["blue"]], 1)[:, :, None, None]
    patch = inside[:, None, :, None] & beside[:, None, None, :]
    np.copyto(images, colour, where=patch)
