"""What a picture writes beside its marks is true of them: names, counts, shades."""

import numpy as np

from cnnbook.figures.kernels import draw_kernels


def texts(picture):
    return [mark.text for mark in picture.marks if hasattr(mark, "text")]


def shades(picture, role):
    return [mark.tint for mark in picture.marks if getattr(mark, "fill", None) == role
            and getattr(mark, "tint", None)]  # fmt: skip


def test_kernels_share_a_scale_when_told_to():
    kernels = {"small": np.array([[0.5]]), "large": np.array([[2.0]])}
    assert shades(draw_kernels(kernels), "kernel") == [1, 1]
    assert shades(draw_kernels(kernels, largest=2), "kernel") == [0.25, 1]
