"""Read one picture file as numbers."""

import numpy as np


def check_size(size):
    """Return (H, W) of a size that is one number or two."""
    size = (size, size) if isinstance(size, int) else tuple(size)
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size is {size}, must be one or two numbers of at least 1")
    return size


def read_picture(file, size=None, grey=False):
    """Return one picture as uint8 of shape (C, H, W)."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            picture = opened.convert("L" if grey else "RGB")
    except (OSError, SyntaxError) as error:  # Pillow calls a broken PNG a SyntaxError
        raise ValueError(f"{str(file)!r} is not a picture that Pillow can read: {error}") from None
    if size is not None:
        picture = ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.LANCZOS)
    pixels = np.array(picture)
    return pixels[None] if grey else pixels.transpose(2, 0, 1).copy()
