"""Pictures as SVG and PNG, their colours, and plain figures in the same type."""

import base64
import io
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from picture_checks import THEMES, check_picture, contrast, rgb, texts
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from cnnbook.figures.numbers import format_factor, format_number
from cnnbook.figures.picture import MARGIN, Picture
from cnnbook.figures.scene import cells, page, plot
from cnnbook.figures.style import (
    LIGHT,
    WORDS,
    FewColours,
    diverging,
    label_line,
    plain_axes,
    show_photo,
)

SVG = "{http://www.w3.org/2000/svg}"


def tinted(theme, role, share=1):
    colours, _, tint = THEMES[theme]
    return share * tint * rgb(colours[role]) + (1 - share * tint) * rgb(colours["paper"])


@pytest.mark.parametrize("theme", THEMES)
def test_words_are_legible_and_signs_are_apart(theme):
    colours, words, _ = THEMES[theme]
    for role in ("input", "kernel", "output", "gradient", "negative", "ink", "muted"):
        for ground in ("paper", "wash"):
            assert contrast(rgb(words[role]), rgb(colours[ground])) >= 4.5, (role, ground)
    shares = (1, 0.75, 0.5, 0.25, 0.12, 0)
    for role in ("input", "kernel", "output", "gradient", "negative"):
        assert contrast(rgb(colours["ink"]), tinted(theme, role)) >= 4.5, role
        if role != "negative":  # the strongest slate beside every tint, and beside paper
            others = np.array([[tinted(theme, role, share) for share in shares]])
            slate = np.array([[tinted(theme, "negative")]])
            apart = deltaE_ciede2000(rgb2lab(slate), rgb2lab(others))
            assert apart.min() >= 15, role


def test_svg_and_png_show_the_same():
    picture = Picture(120, 60, 'a < b & "c"')
    picture.rect(10, 10, 30, 20, fill="input", tint=0.5, stroke="line")
    picture.rect(50, 10, 30, 20, stroke="kernel", stroke_width=3, radius=3, dashed=True)
    picture.text(10, 50, "−1 < 2", bold=True, mono=True)
    picture.arrow((85, 20), (110, 20))
    root = ET.fromstring(picture.svg())
    assert (root.get("aria-label"), root.get("role")) == ('a < b & "c"', "img")
    assert [text.text for text in root.iter(f"{SVG}text")] == ["−1 < 2"]
    assert len(list(root.iter(f"{SVG}rect"))) == 2
    data, metadata = picture._repr_mimebundle_()
    assert data["text/plain"] == 'a < b & "c"'
    size = {"width": 120 + 2 * MARGIN, "height": 60 + 2 * MARGIN}
    assert metadata["image/png"] == {**size, "alt": 'a < b & "c"', "keeps": []}
    png = base64.b64decode(data["image/png"])
    assert png == picture.png()
    assert b"Software" not in png
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    assert pixels.shape[:2] == (2 * (60 + 2 * MARGIN), 2 * (120 + 2 * MARGIN))
    row, column = 2 * (20 + MARGIN), 2 * (25 + MARGIN)  # the middle of the tinted rectangle
    expected = 255 * tinted("light", "input", 0.5)
    np.testing.assert_allclose(pixels[row, column], expected, atol=2)


def test_merged_rectangles_are_one_path_for_each_look_and_stay_marks():
    picture = Picture(40, 10)
    with picture.part("weight", merged=True):
        for column in range(4):
            picture.rect(10 * column, 0, 10, 10, fill="kernel", tint=column % 2)
    picture.rect(0, 0, 40, 10, stroke="line")
    tags = [node.tag.rpartition("}")[2] for node in ET.fromstring(picture.svg(css=False))]
    assert tags == ["path", "path", "rect"]
    assert "M0 0h10v10h-10zM20 0h10v10h-10z" in picture.svg()
    assert [mark.x for mark in picture.find("weight")] == [0, 10, 20, 30]
    with picture.part(merged=True):
        picture.rect(0, 0, 10, 10, radius=2)
    with pytest.raises(ValueError, match="must be plain rectangles"):
        picture.svg()


def test_image_keeps_its_place_and_its_pixels():
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 2] = 255, 0, 0  # top right
    for palette, scale in [(False, 2), (True, 1.5)]:
        picture = Picture(60, 40, palette=palette)
        picture.image(pixels, 0, 0, 60, 40)
        drawn = Image.open(io.BytesIO(picture.png())).convert("RGB")
        assert drawn.width == scale * (60 + 2 * MARGIN)
        places = [(MARGIN + 55, MARGIN + 5), (MARGIN + 5, MARGIN + 35)]
        seen = [drawn.getpixel((int(scale * x), int(scale * y))) for x, y in places]
        assert seen == [(255, 0, 0), (0, 0, 0)]
    assert "image-rendering:pixelated" in picture.svg()


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
    assert format_factor(value) == (f"({text})" if text[0] == "−" else text)


def test_cells_hide_what_is_not_shown_and_tint_by_magnitude():
    three = cells([4, -2, 0], cell=38, role="kernel", shown=[True, True, False])
    picture = page(three, description="three cells", width=0)
    assert texts(picture) == ["4", "−2"]
    tints = [(m.fill, m.tint) for m in picture.find("cell") if m.tint]
    assert tints == [("kernel", 1), ("negative", 0.5)]
    assert (picture.width, picture.height) == (3 * 38, 38)
    assert texts(page(cells(np.ones((2, 3)), cell=10), description="tiny")) == []


def test_what_stands_at_the_ends_of_an_axis_is_whole():
    for ticks in ({0: "a long first tick"}, {1: "a long last tick"}, {0.5: "in the middle"}, {}):
        axes = plot(width=40, height=20, x=(0, 1), y=(0, 1), x_ticks=ticks)
        check_picture(page(axes, description="axes", width=0))


# ---------------------------------------------------------------- figures of Matplotlib


def test_a_figure_in_few_colours_keeps_the_size_and_shrink_the_file():
    fig, (left, right) = plain_axes(1, 2, figsize=(3, 2))
    (line,) = left.plot([0, 1], [2, 3], color=LIGHT["input"])
    assert label_line(left, line, "loss").xy == (1, 3)
    show_photo(right, np.array([[0.0, -1.0]]), "a photo")
    assert "values −1 to 0" in [text.get_text() for text in right.texts]
    small = FewColours(fig, "a line and a photo", 16)
    plt.close(fig)
    png, size = small._repr_png_()
    image = Image.open(io.BytesIO(png))
    assert image.size == pytest.approx((600, 400), rel=0.1)  # twice as sharp, less the margin
    half = image.width / 2, image.height / 2
    assert (size["width"], size["height"]) == pytest.approx(half, abs=0.5)
    assert len(image.convert("RGB").getcolors()) <= 16
    assert repr(small) == "a line and a photo"


def test_a_notebook_shows_every_figure_sharply_in_the_type_of_the_book():
    code = """
import matplotlib; matplotlib.use("module://matplotlib_inline.backend_inline")
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
from cnnbook.figures import plain_axes
import matplotlib.pyplot as plt
plain_axes()
assert plt.isinteractive()  # or no later figure would be shown
fig, ax = plain_axes(figsize=(4, 2))
data, metadata = shell.display_formatter.format(fig)
from PIL import Image; import io
print(Image.open(io.BytesIO(data["image/png"])).width / metadata["image/png"]["width"])
print(ax.spines["top"].get_visible(), ax.xaxis.label.get_color())
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    sharper, box, colour = found.stdout.split()
    assert float(sharper) == pytest.approx(2, abs=0.01), found.stderr
    assert (box, colour) == ("False", WORDS["muted"])


def test_below_zero_is_slate():
    colours = diverging()([0.0, 0.5, 1.0])[:, :3]
    assert [to_hex(c) for c in colours] == [LIGHT["negative"], LIGHT["paper"], LIGHT["kernel"]]
