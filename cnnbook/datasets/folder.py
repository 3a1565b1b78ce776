"""The reader's own pictures: one folder a class."""

from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from cnnbook.datasets.images import Images

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}


def image_folder(path, *, size=None, grey=False, progress=True):
    """Load pictures that are sorted into one folder a class.

    Parameters
    ----------
    path : path
        A folder with a folder for each class in it; the class is named like its folder.
    size : int or tuple of two ints, optional
        (H, W) of the images: a picture is scaled to cover it, and the middle is cut out. Without
        it, all pictures must have the size of the first.
    grey : bool
        Return one channel, the luminance, in place of three.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Images
        (N, 3, H, W) or (N, 1, H, W), values from 0 to 1, sorted by class and file name.

    Raises
    ------
    ValueError
        If there is no such folder or no picture in it, a file is no picture, or sizes differ.

    Examples
    --------
    ``image_folder("pets/train", size=64)``, where ``pets/train`` holds ``cats`` and ``dogs``.
    """
    path = Path(path)
    if not path.is_dir():
        raise ValueError(f"there is no folder {str(path)!r}")
    classes = tuple(sorted(entry.name for entry in path.iterdir() if entry.is_dir()))
    files = [
        (file, label)
        for label, name in enumerate(classes)
        for file in sorted((path / name).iterdir())
        if file.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise ValueError(f"{str(path)!r} holds no folder with pictures in it, one folder a class")
    if size is not None:
        size = (size, size) if isinstance(size, int) else tuple(size)
        if len(size) != 2 or min(size) < 1:
            raise ValueError(f"size is {size}, must be one or two numbers of at least 1")
    first = _read(files[0][0], size, grey)
    images = torch.empty(len(files), *first.shape, dtype=torch.float32)
    bar = tqdm(files, desc=f"reading {path.name}", disable=not progress, leave=False)
    for place, (file, _) in enumerate(bar):
        picture = _read(file, size, grey)
        if picture.shape != first.shape:
            raise ValueError(
                f"{file.name} has {picture.shape[1]}×{picture.shape[2]} pixels, "
                f"{files[0][0].name} has {first.shape[1]}×{first.shape[2]}: give a size"
            )
        images[place] = torch.from_numpy(picture).div(255)
    return Images(images, torch.tensor([label for _, label in files]), classes)


def _read(file, size, grey):
    """Return one picture as uint8 of shape (C, H, W)."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            picture = opened.convert("L" if grey else "RGB")
    except OSError as error:
        raise ValueError(f"{str(file)!r} is not a picture that Pillow can read: {error}") from None
    if size is not None:
        picture = ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.LANCZOS)
    pixels = np.array(picture)
    return pixels[None] if grey else pixels.transpose(2, 0, 1).copy()
