"""A figure as a PNG of few colours."""

from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from cnnbook.figures.style import FewColours, plain_axes


def test_few_colours_keep_the_size_and_shrink_the_file():
    fig, ax = plain_axes(figsize=(3, 2))
    ax.imshow(np.random.default_rng(0).random((64, 64, 3)), interpolation="none")
    plain = BytesIO()
    fig.savefig(plain, format="png")
    small = FewColours(fig, "noise", 16)
    plt.close(fig)
    image = Image.open(BytesIO(small._repr_png_()))
    assert image.size == (300, 200)
    assert len(image.convert("RGB").getcolors()) <= 16
    assert len(small._repr_png_()) < len(plain.getvalue()) / 2
    assert repr(small) == "noise"
