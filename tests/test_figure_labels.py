"""What a picture writes beside its marks is true of them: names, counts, shades."""

import re

import numpy as np
import pytest

from cnnbook.figures.channels import Channels
from cnnbook.figures.padded_axis import PaddedAxis
from cnnbook.figures.padding import draw_paddings
from cnnbook.figures.participation import Participation, draw_participation


def texts(picture):
    return [mark.text for mark in picture.marks if hasattr(mark, "text")]


def shades(picture, role):
    return [mark.tint for mark in picture.marks if getattr(mark, "fill", None) == role
            and getattr(mark, "tint", None)]  # fmt: skip


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_kernel_is_named_by_its_place_in_the_weight(groups):
    weight = np.arange(4 * (4 // groups) * 4.0).reshape(4, 4 // groups, 2, 2)
    for step in range(4):  # one position per output map
        picture = Channels(np.ones((4, 2, 2)), weight, step=step, groups=groups).picture()
        names = re.findall(r"w\[(\d),(\d)\]", " ".join(texts(picture)))
        assert names == [(str(step), str(c)) for c in range(4 // groups)]


def test_products_with_zeros_are_counted_as_products():
    axes = [PaddedAxis(7, 3, padding=padding) for padding in ((0, 0), (0, 1), (2, 2))]
    shown = texts(draw_paddings(axes, ["none", "one", "wide"]))
    assert "no product with a zero" in shown
    assert "1 product with a zero, at most 1 per window" in shown
    assert "6 products with a zero, at most 2 per window" in shown  # four zeros, six products


def test_each_window_carries_the_name_of_its_output():
    shown = texts(draw_paddings([PaddedAxis(9, 3)], ["k = 3"]))
    assert [text for text in shown if text.startswith("y")] == [f"y{n}" for n in "₀₁₂₃₄₅₆"]


def test_a_count_has_one_shade_in_the_map_and_in_both_strips():
    picture = draw_participation(Participation(PaddedAxis(7, 3), PaddedAxis(5, 1)))
    assert set(np.round(shades(picture, "input"), 3)) == {0.333, 0.667, 1}
    strips = 5 + 7
    assert np.allclose(shades(picture, "input")[:5], 1 / 3)
    assert len(shades(picture, "input")) == strips + 35
