import base64
import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from picture_checks import texts
from PIL import Image

from cnnbook.figures.numbers import format_factor, format_number
from cnnbook.figures.picture import MARGIN, Picture
from cnnbook.figures.scene import cells, page
from cnnbook.figures.style import DARK, DARK_TINT, LIGHT, TINT, label_line, plain_axes, show_photo

SVG = "{http://www.w3.org/2000/svg}"


def luminance(colour):
    """Relative luminance of an sRGB colour (WCAG 2.1)."""
    parts = np.array([int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def blend(front, back, share):
    parts = [(int(front[k : k + 2], 16), int(back[k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(share * f + (1 - share) * b):02x}" for f, b in parts)


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("theme", "tint"), [(LIGHT, TINT), (DARK, DARK_TINT)], ids=["light", "dark"]
)
@pytest.mark.parametrize("role", ["input", "kernel", "output", "gradient"])
def test_numbers_stay_legible_on_the_strongest_tint(theme, tint, role):
    assert contrast(theme["ink"], blend(theme[role], theme["paper"], tint)) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_captions_are_legible_on_paper(theme):
    assert contrast(theme["muted"], theme["paper"]) >= 4.5


def example():
    picture = Picture(120, 60, 'a < b & "c"')
    picture.rect(10, 10, 30, 20, fill="input", tint=0.5, stroke="line")
    picture.rect(50, 10, 30, 20, stroke="kernel", stroke_width=3, radius=3, dashed=True)
    picture.text(10, 50, "−1 < 2", bold=True, mono=True)
    picture.arrow((85, 20), (110, 20))
    return picture


def test_svg_is_well_formed_and_says_what_it_shows():
    root = ET.fromstring(example().svg())
    assert root.get("aria-label") == 'a < b & "c"'
    assert root.get("role") == "img"
    assert [text.text for text in root.iter(f"{SVG}text")] == ["−1 < 2"]
    assert len(list(root.iter(f"{SVG}rect"))) == 2


def test_png_has_two_pixels_a_css_pixel_and_the_right_colours():
    pixels = np.asarray(Image.open(io.BytesIO(example().png())).convert("RGB"))
    assert pixels.shape[:2] == (2 * (60 + 2 * MARGIN), 2 * (120 + 2 * MARGIN))
    row, column = 2 * (20 + MARGIN), 2 * (25 + MARGIN)  # the middle of the tinted rectangle
    expected = blend(LIGHT["input"], LIGHT["paper"], 0.5 * TINT)
    np.testing.assert_allclose(
        pixels[row, column], [int(expected[k : k + 2], 16) for k in (1, 3, 5)], atol=2
    )


def test_png_is_the_same_each_time_and_names_no_software():
    assert example().png() == example().png()
    assert b"Software" not in example().png()


def test_bundle_for_a_notebook():
    data, metadata = example()._repr_mimebundle_()
    assert data["text/plain"] == 'a < b & "c"'
    assert base64.b64decode(data["image/png"])[:4] == b"\x89PNG"
    assert metadata["image/png"] == {"width": 120 + 2 * MARGIN, "height": 60 + 2 * MARGIN}


def test_image_keeps_its_place_and_its_pixels():
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 2] = 255, 0, 0  # top right
    picture = Picture(60, 40)
    picture.image(pixels, 0, 0, 60, 40)
    drawn = np.asarray(Image.open(io.BytesIO(picture.png(scale=1))))
    assert tuple(drawn[MARGIN + 5, MARGIN + 55, :3]) == (255, 0, 0)
    assert tuple(drawn[MARGIN + 35, MARGIN + 5, :3]) == (0, 0, 0)
    assert "image-rendering:pixelated" in picture.svg()


def test_crisp_images_and_fewer_pixels_keep_a_palette_small():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = {}
    for crisp in (False, True):
        picture = Picture(100, 100, palette=True)
        picture.image(pixels, 0, 0, 100, 100, crisp=crisp)
        sizes[crisp] = len(picture.png())
        assert Image.open(io.BytesIO(picture.png())).size == (162, 162)  # 1.5 × (100 + 8)
    assert sizes[True] < 0.8 * sizes[False]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"), (-2.0, "−2"), (-0.0, "0"), (0.12345, "0.123"), (-1e-12, "0"),
        (1234567.0, "1.23e6"), (1e-5, "1e−5"), (float("nan"), "NaN"),
        (float("inf"), "∞"), (float("-inf"), "−∞"),
    ],
)  # fmt: skip
def test_format_number(value, text):
    assert format_number(value) == text


def test_negative_factors_stand_in_brackets():
    assert format_factor(-2) == "(−2)"
    assert format_factor(2) == "2"


def test_cells_hide_what_is_not_shown_and_tint_by_magnitude():
    picture = page(cells([[4.0, -2.0, 0.0]], cell=38, role="kernel", shown=[[True, True, False]]),
                   description="three cells", width=0)  # fmt: skip
    assert texts(picture) == ["4", "−2"]
    tints = [(m.fill, m.tint) for m in picture.find("cell") if m.tint]
    assert tints == [("kernel", 1), ("negative", 0.5)]
    assert (picture.width, picture.height) == (3 * 38, 38)


def test_tiny_cells_carry_no_numbers():
    assert texts(page(cells(np.ones((2, 3)), cell=10), description="tiny")) == []


def test_plain_axes_label_and_photo():
    fig, axes = plain_axes(1, 2)
    (line,) = axes[0].plot([0, 1], [2, 3], color=LIGHT["input"])
    label = label_line(axes[0], line, "loss")
    assert label.xy == (1, 3)
    show_photo(axes[1], np.array([[0.0, -1.0]]), "a photo")
    assert "values −1 to 0" in [text.get_text() for text in axes[1].texts]
    assert fig.dpi == 100
