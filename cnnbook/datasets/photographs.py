"""Real photographs: those that scikit-learn and scikit-image ship, or the reader's own file."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnbook.checks import whole
from cnnbook.datasets._pictures import MOST_PIXELS, open_picture
from cnnbook.datasets._shipped import shipped


class Photograph(NamedTuple):
    """What is known of a photograph that a package ships.

    Parameters
    ----------
    package, file : str
        Where it lies.
    shows : str
    credit : str
        Who made it.
    licence : str
        As the package states it.
    """

    package: str
    file: str
    shows: str
    credit: str
    licence: str


def _skimage(file, *words):
    return Photograph("scikit-image", f"data/{file}", *words)


_FLICKR = "Creative Commons attribution"
PHOTOGRAPHS = {
    "china": Photograph(
        "scikit-learn", "datasets/images/china.jpg", "a Chinese temple",
        "danielbuechele (Flickr)", _FLICKR,
    ),
    "flower": Photograph(
        "scikit-learn", "datasets/images/flower.jpg", "a dahlia", "vultilion (Flickr)", _FLICKR
    ),
    "astronaut": _skimage(
        "astronaut.png", "the astronaut Eileen Collins", "NASA Great Images", "public domain"
    ),
    "brick": _skimage("brick.png", "a brick wall, grey", "CC0Textures", "CC0"),
    "camera": _skimage("camera.png", "a man with a camera, grey", "Lav Varshney", "CC0"),
    "chelsea": _skimage("chelsea.png", "the cat Chelsea", "Stefan van der Walt", "CC0"),
    "clock": _skimage(
        "clock_motion.png", "a clock, blurred by motion, grey", "Stefan van der Walt",
        "public domain",
    ),
    "coffee": _skimage(
        "coffee.png", "a cup of coffee", "Rachel Michetti, courtesy of Pikolo Espresso Bar", "CC0"
    ),
    "coins": _skimage(
        "coins.png", "Greek coins from Pompeii, grey", "Brooklyn Museum",
        "no known copyright restrictions",
    ),
    "grass": _skimage("grass.png", "grass, grey", "linolafett (DeviantArt)", "CC0"),
    "gravel": _skimage("gravel.png", "gravel, grey", "CC0Textures", "CC0"),
    "hubble_deep_field": _skimage(
        "hubble_deep_field.jpg", "galaxies, by the Hubble telescope", "NASA", "public domain"
    ),
    "motorcycle_left": _skimage(
        "motorcycle_left.png", "a motorcycle in a garage",
        "Scharstein et al. (2014), Middlebury stereo benchmark", "none stated",
    ),
    "retina": _skimage("retina.jpg", "a human retina", "Mikael Häggström", "CC0"),
    "rocket": _skimage("rocket.jpg", "a Falcon 9 lifts off", "SpaceX", "public domain"),
}  # fmt: skip
"""The photographs that need no network, and what is known of each."""


def photograph(name="china", *, grey=True, height=None):
    """Load a photograph as numbers in [0, 1).

    Parameters
    ----------
    name : str, path or binary file
        One of `PHOTOGRAPHS`, or a picture file: its path, or the open file. Pixels of those that
        ship: china, flower, rocket 427 × 640; astronaut, brick, camera, grass, gravel 512 × 512;
        chelsea 300 × 451; clock 300 × 400; coffee 400 × 600; coins 303 × 384; motorcycle_left
        500 × 741; hubble_deep_field 872 × 1000; retina 1411 × 1411. ``PHOTOGRAPHS["coffee"]``
        says who made it, and under which licence.
    grey : bool
        Return one luminance in place of three colour channels. What is grey already has three
        equal channels with `grey` false.
    height : int, optional
        Rows to shrink to; the columns follow in proportion.

    Returns
    -------
    ndarray of shape (H, W), or (H, W, 3) with `grey` false, float64
        The bytes divided by 256, so that 255 stays below 1 (chapter 2). Luminance is
        0.299 R + 0.587 G + 0.114 B. White is 255/256 in every kind of file: integers of more
        bits are divided by the greatest that their type holds, floats must be from 0 to 1.
        What is transparent is white, a phone's photograph stands upright, of an animation there
        is the first picture.

    Raises
    ------
    TypeError
        If `name` is neither a name, a path nor an open file, or `height` is no whole number.
    ValueError
        If there is no such file, it holds no picture that can be read, or `height` is not
        positive or beyond all memory.
    DatasetError
        If the package that ships it is not installed.

    References
    ----------
    `sklearn.datasets.load_sample_image`; `skimage.data`; ITU-R BT.601 for the luminance weights.
    """
    from PIL import Image

    if height is not None:
        height = whole("height", height, most=MOST_PIXELS)
    image = open_picture(_path(name), height)
    if height is not None:
        width = max(1, round(image.width * height / image.height))
        if height * width > MOST_PIXELS:
            raise ValueError(
                f"height is {height}: {height} × {width} pixels, at most {MOST_PIXELS} in all"
            )
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    if image.mode == "F":
        pixels = pixels.astype(float).clip(0, 255)  # shrinking may leave the range
    pixels = pixels / 256
    if pixels.ndim == 2:
        return pixels if grey else np.stack([pixels] * 3, axis=-1)
    return pixels @ [0.299, 0.587, 0.114] if grey else pixels


def _path(name):
    if isinstance(name, str) and name in PHOTOGRAPHS:
        return shipped(PHOTOGRAPHS[name].package, PHOTOGRAPHS[name].file)
    if isinstance(name, str | os.PathLike) and not os.path.lexists(name):
        known = ", ".join(map(repr, PHOTOGRAPHS))
        raise ValueError(f"no photograph {str(name)!r}: give the path of a file, or one of {known}")
    return name if hasattr(name, "read") or not isinstance(name, str) else Path(name)
