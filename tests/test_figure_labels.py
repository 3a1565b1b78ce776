"""What a picture writes beside its marks is true of them: names, counts, shades."""

import re

import numpy as np
import pytest

from cnnbook.figures.channels import Channels


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
