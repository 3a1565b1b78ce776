"""Real photographs: the two that scikit-learn ships, or the reader's own file."""

from pathlib import Path

import numpy as np

PHOTOGRAPHS = ("china", "flower")


def photograph(name="china", *, grey=True, height=None):
    """Load a photograph as numbers in [0, 1).

    Parameters
    ----------
    name : {"china", "flower"}, path or binary file
        One of the photographs that scikit-learn ships (427 × 640 pixels; Creative Commons
        attribution licence, by the Flickr users danielbuechele and vultilion), or an image file:
        its path, or the open file.
    grey : bool
        Return one luminance in place of three colour channels.
    height : int, optional
        Rows to shrink to; the columns follow in proportion.

    Returns
    -------
    ndarray of shape (H, W), or (H, W, 3) with `grey` false, float64
        The bytes divided by 256, so that 255 stays below 1 (chapter 2). Luminance is
        0.299 R + 0.587 G + 0.114 B.

    Raises
    ------
    ValueError
        If there is no such file, it holds no image, or `height` is not positive.

    References
    ----------
    `sklearn.datasets.load_sample_image`; ITU-R BT.601 for the luminance weights.
    """
    from PIL import Image, UnidentifiedImageError

    if height is not None and height < 1:
        raise ValueError(f"height is {height}, must be at least 1")
    try:
        with Image.open(_path(name)) as file:
            image = file.convert("RGB")
    except FileNotFoundError:
        known = " or ".join(map(repr, PHOTOGRAPHS))
        raise ValueError(
            f"no photograph {str(name)!r}: give {known} or the path of a file"
        ) from None
    except UnidentifiedImageError:
        raise ValueError(f"{str(name)!r} is not an image file that Pillow can read") from None
    if height is not None:
        width = max(1, round(image.width * height / image.height))
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    pixels = np.asarray(image) / 256
    return pixels @ [0.299, 0.587, 0.114] if grey else pixels


def _path(name):
    if name not in PHOTOGRAPHS:
        return name if hasattr(name, "read") else Path(name)
    import sklearn.datasets

    return Path(sklearn.datasets.__file__).parent / "images" / f"{name}.jpg"
