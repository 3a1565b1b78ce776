"""Read a picture that somebody brings: the one place where picture files become numbers."""

import contextlib
import os
import re
import warnings
from pathlib import Path

import numpy as np

from cnnbook.checks import whole

MOST_PIXELS = 89_478_485  # of a picture that is asked for: as many as Pillow reads of itself
ENOUGH = 1024  # pixels a side that a large JPEG is decoded to at least, to be made smaller


def check_size(size):
    """Return (H, W) of a size that is one number or two."""
    pair = (size, size) if np.ndim(size) == 0 else tuple(size)
    try:
        rows, columns = (whole("size", side) for side in pair)
        if rows * columns <= MOST_PIXELS:
            return rows, columns
    except (TypeError, ValueError):
        pass
    must = f"one or two whole numbers of at least 1, at most {MOST_PIXELS} pixels in all"
    raise ValueError(f"size is {pair}, must be {must}")


def open_picture(file, side=None):
    """Open a picture as a person sees it: upright, on white paper, the first of several.

    `file` is a path, or a file opened for reading bytes: whatever Pillow reads, of any colour mode.
    `side` is the larger side that is wanted: a JPEG far larger than that is decoded at a half, a
    quarter or an eighth; at least twice the side and 1,024 pixels remain.

    The result is of mode L or RGB, or F where the file has more than 8 bits per pixel: brightness
    from 0 to 255, where the greatest integer of its type is white, or the float 1.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    named = _check_file(file)
    try:
        with warnings.catch_warnings(), contextlib.ExitStack() as stack:
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if not hasattr(file, "read"):
                # a name would let Pillow map the file: it then turns a TIFF with wrong rows
                file = stack.enter_context(open(file, "rb"))
            with Image.open(file) as opened:
                if side is not None:  # of a JPEG; others ignore it
                    opened.draft(opened.mode, [max(2 * side, ENOUGH)] * 2)
                upright = ImageOps.exif_transpose(opened)
                if opened.mode == "F" or opened.mode[0] == "I":
                    return _scale(upright, *_range_of(opened))
                return _lay_on_white(upright)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        pixels, most = re.findall(r"\d+", str(error))[:2]
        reason = f"has {pixels} pixels, at most {most} are read: make it smaller first"
    except PermissionError:
        reason = "may not be read: its permissions forbid it"
    except UnidentifiedImageError:
        reason = "is not a picture that Pillow can read"
    except _NumbersError as error:
        reason = str(error)
    except Exception as error:  # a damaged file makes a decoder raise anything
        reason = f"is not a picture that Pillow can read: {error or type(error).__name__}"
    raise ValueError(f"{named} {reason}")


def read_picture(file, size=None, grey=False):
    """Return one picture as numbers from 0 to 1: (3, H, W), or (1, H, W) if `grey`, float32.

    With `size`, (H, W), the picture is scaled to cover it, and the middle is cut out.
    """
    from PIL import Image, ImageOps

    picture = open_picture(file, None if size is None else max(size))
    if grey and picture.mode == "RGB":
        picture = picture.convert("L")
    if size is not None:
        picture = ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.LANCZOS)
    pixels = np.atleast_3d(np.asarray(picture, np.float32)).clip(0, 255) / np.float32(255)
    return np.repeat(pixels.transpose(2, 0, 1), 3 if pixels.shape[2] == 1 and not grey else 1, 0)


class _NumbersError(ValueError):
    """The numbers of a picture do not say how bright it is."""


def _check_file(file):
    if hasattr(file, "read"):
        return repr(str(getattr(file, "name", type(file).__name__)))
    if not isinstance(file, str | os.PathLike):
        raise TypeError(f"a {type(file).__name__} is given, expected a path or an open file")
    named = repr(str(file))
    try:
        path = Path(file)
        if path.is_dir():
            raise ValueError(f"{named} is a folder, expected the file of a picture")
        if path.is_symlink() and not path.exists():
            raise ValueError(f"{named} is a link to nowhere")
        if not path.exists():
            raise ValueError(f"there is no file {named}")
        if not path.is_file():
            raise ValueError(f"{named} is not a file of bytes")
        if path.stat().st_size == 0:
            raise ValueError(f"{named} is not a picture: it has 0 bytes")
    except OSError as error:
        raise ValueError(f"{named} cannot be opened: {error.strerror}") from None
    return named


def _range_of(picture):
    """Return the number that means white, and whether negative numbers mean large ones."""
    tags = getattr(picture, "tag_v2", {})  # of a TIFF: bits, black at 0 or at the top, signed
    if tags.get(262) == 0:
        raise _NumbersError("counts brightness from white (0) to black: only 8 bits are read so")
    if picture.mode == "F":
        return 1, False
    bits, signed = tags.get(258, (32,))[0], tags.get(339, (2,))[0] == 2
    if picture.mode != "I":  # I;16 and its byte orders
        bits, signed = min(bits, 16), False
    elif picture.format in ("PNG", "PPM"):  # Pillow keeps their 16 bits in 32
        bits, signed = 16, False
    return 2 ** (bits - signed) - 1, bits == 32 and not signed


def _scale(picture, white, wraps):
    from PIL import Image

    values = np.asarray(picture)
    values = (values.view(np.uint32) if wraps else values).astype(float)
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        values[values == clear] = white
    least, most = values.min(), values.max()
    if not 0 <= least <= most <= white:  # not a number fails too
        raise _NumbersError(f"has values from {least:g} to {most:g}, must be from 0 to {white}")
    if white >= 2**31 - 1 and 0 < most < 2**16:
        values = f"has values up to {most:g} of {white}"
        raise _NumbersError(f"{values}, which is black: save it with 8 or 16 bits")
    return Image.fromarray((values * (255 / white)).astype(np.float32))


def _lay_on_white(picture):
    """Return a picture of any mode of 8 bits as L or RGB, what is transparent as white."""
    from PIL import Image

    grey = picture.mode in ("1", "L", "LA", "La")
    if picture.mode == "La":
        picture = picture.convert("LA")
    if "transparency" in picture.info or picture.mode in ("LA", "PA", "RGBA", "RGBa"):
        sheet = Image.new("RGBA", picture.size, "white")
        sheet.alpha_composite(picture.convert("RGBA"))
        picture = sheet
    elif picture.mode not in ("L", "RGB", "1"):
        picture = picture.convert("RGB")  # LAB has no way to L but over RGB
    return picture.convert("L" if grey else "RGB")
