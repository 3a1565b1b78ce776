"""A figure as a PNG of few colours."""

import subprocess
import sys
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from cnnbook.figures.style import LIGHT, FewColours, diverging, plain_axes


def test_few_colours_keep_the_size_and_shrink_the_file():
    fig, ax = plain_axes(figsize=(3, 2))
    noise = np.random.default_rng(0).random((64, 64, 3))
    ax.imshow(noise, interpolation="none", aspect="auto")
    plain = BytesIO()
    fig.savefig(plain, format="png", dpi=200)
    small = FewColours(fig, "noise", 16)
    plt.close(fig)
    png, size = small._repr_png_()
    image = Image.open(BytesIO(png))
    assert image.size == pytest.approx((600, 400), rel=0.1)  # twice as sharp, less the margin
    half = image.width / 2, image.height / 2
    assert (size["width"], size["height"]) == pytest.approx(half, abs=0.5)
    assert len(image.convert("RGB").getcolors()) <= 16
    assert len(png) < len(plain.getvalue()) / 2
    assert repr(small) == "noise"


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
    assert (box, colour) == ("False", LIGHT["muted"])


def test_below_zero_is_slate():
    colours = diverging("output")([0.0, 0.5, 1.0])[:, :3]
    assert [to_hex(c) for c in colours] == [LIGHT["negative"], LIGHT["paper"], LIGHT["output"]]
