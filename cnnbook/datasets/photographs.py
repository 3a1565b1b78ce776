"""Real photographs: those that scikit-learn and scikit-image ship, or the reader's own file."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnbook.checks import whole
from cnnbook.datasets.pictures import MOST_PIXELS, open_picture
from cnnbook.datasets.sources import shipped
from cnnbook.luminance import luminance


class Photograph(NamedTuple):
    """A photograph that a package ships: where it lies, who made it, its licence as stated."""

    package: str
    file: str
    credit: str
    licence: str


def _skimage(file, *words):
    return Photograph("scikit-image", f"data/{file}", *words)


def _sklearn(file, *words):
    return Photograph("scikit-learn", f"datasets/images/{file}", *words)


SCHARSTEIN = "Scharstein et al. (2014), Middlebury stereo benchmark"
PHOTOGRAPHS = {
    "china": _sklearn("china.jpg", "danielbuechele (Flickr)", "Creative Commons attribution"),
    "flower": _sklearn("flower.jpg", "vultilion (Flickr)", "Creative Commons attribution"),
    "astronaut": _skimage("astronaut.png", "NASA Great Images", "public domain"),
    "brick": _skimage("brick.png", "CC0Textures", "CC0"),
    "camera": _skimage("camera.png", "Lav Varshney", "CC0"),
    "chelsea": _skimage("chelsea.png", "Stefan van der Walt", "CC0"),
    "clock": _skimage("clock_motion.png", "Stefan van der Walt", "public domain"),
    "coffee": _skimage("coffee.png", "Rachel Michetti, courtesy of Pikolo Espresso Bar", "CC0"),
    "coins": _skimage("coins.png", "Brooklyn Museum", "no known copyright restrictions"),
    "grass": _skimage("grass.png", "linolafett (DeviantArt)", "CC0"),
    "gravel": _skimage("gravel.png", "CC0Textures", "CC0"),
    "hubble_deep_field": _skimage("hubble_deep_field.jpg", "NASA", "public domain"),
    "motorcycle_left": _skimage("motorcycle_left.png", SCHARSTEIN, "none stated"),
    "retina": _skimage("retina.jpg", "Mikael Häggström", "CC0"),
    "rocket": _skimage("rocket.jpg", "SpaceX", "public domain"),
}
"""The photographs that need no network, who made them, and under which licence."""


def photograph(name="china", *, grey=True, height=None):
    """Load a photograph as numbers in [0, 1): (H, W), or (H, W, 3) with `grey` false, float64.

    They are the bytes divided by 256, so that 255 stays below 1 (chapter 2). White is 255/256 in
    every kind of file, see `open_picture`. What is transparent is white, a phone's photograph
    stands upright, of an animation there is the first picture.

    `name` is one of `PHOTOGRAPHS` (``data/README.md`` lists their sizes), or a picture file: its
    path, or the open file. `height` is rows to shrink to; the columns follow in proportion.
    """
    from PIL import Image

    if height is not None:
        height = whole("height", height, most=MOST_PIXELS)
    image = open_picture(_path(name), height)
    if height is not None:
        width = max(1, round(image.width * height / image.height))
        if height * width > MOST_PIXELS:
            pixels = f"{height} × {width} pixels, at most {MOST_PIXELS} in all"
            raise ValueError(f"height is {height}: {pixels}")
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(image).astype(float).clip(0, 255) / 256  # shrinking may leave the range
    if pixels.ndim == 2:
        return pixels if grey else np.stack([pixels] * 3, axis=-1)
    return luminance(pixels) if grey else pixels


def _path(name):
    if isinstance(name, str) and name in PHOTOGRAPHS:
        return shipped(PHOTOGRAPHS[name].package, PHOTOGRAPHS[name].file)
    if isinstance(name, str | os.PathLike) and not os.path.lexists(name):
        known = ", ".join(map(repr, PHOTOGRAPHS))
        raise ValueError(f"no photograph {str(name)!r}: give the path of a file, or one of {known}")
    return name if hasattr(name, "read") or not isinstance(name, str) else Path(name)
