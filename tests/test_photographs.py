import numpy as np
import pytest
from PIL import Image

from cnnbook.datasets import PHOTOGRAPHS, photograph


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_need_no_network(name):
    image = photograph(name)
    assert image.shape == (427, 640)
    assert image.dtype == np.float64
    assert image.min() >= 0
    assert image.max() < 1


def test_colours_and_luminance_by_hand(tmp_path):
    path = tmp_path / "own.png"
    Image.fromarray(np.array([[[255, 0, 128], [0, 64, 0]]], np.uint8)).save(path)
    colours = photograph(path, grey=False)
    np.testing.assert_array_equal(colours, [[[255 / 256, 0, 0.5], [0, 0.25, 0]]])
    expected = [[0.299 * 255 / 256 + 0.114 * 0.5, 0.587 * 0.25]]
    np.testing.assert_allclose(photograph(path), expected, rtol=1e-12)


def test_height_keeps_the_proportion():
    assert photograph("flower", height=107).shape == (107, 160)


def test_unknown_name_says_which_there_are():
    with pytest.raises(ValueError, match="no photograph 'cat': give 'china' or 'flower'"):
        photograph("cat")


def test_a_file_that_is_no_image(tmp_path):
    path = tmp_path / "notes.png"
    path.write_text("no image")
    with pytest.raises(ValueError, match=r"notes\.png' is not an image file"):
        photograph(path)


def test_height_must_be_positive():
    with pytest.raises(ValueError, match="height is 0"):
        photograph(height=0)
