"""The widget of chapter 1: controls to state, state to picture, messages in place."""

import numpy as np
import pytest

from cnnbook.ops import conv2d
from cnnbook.widgets import dense_to_convolution


def test_own_arrays():
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal((5, 7)), rng.standard_normal((3, 2))
    view = dense_to_convolution(x, kernel, locality=True, sharing=True)
    np.testing.assert_allclose(view.state.output, conv2d(x[None], kernel[None, None])[0])
    assert view.controls["x"].value == 7
    view.controls["x"].value = 4  # its top left corner
    np.testing.assert_array_equal(view.state.x, x[:4, :4])
    lists = dense_to_convolution([[1, 2, 3]], [[1, -1]], locality=True, sharing=True)
    np.testing.assert_array_equal(lists.state.output, [[-1, -1]])


def test_arguments_set_the_controls():
    settings = {"locality": True, "sharing": False, "stride": 2, "padding": 1}
    view = dense_to_convolution(step=3, **settings)
    assert view.state.step == 3
    values = {name: control.value for name, control in view.controls.items()}
    assert values == {**settings, "x": 4, "kernel": 2}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x": np.float64(4)}, ValueError, "x has 0 axes, expected 2"),
        ({"x": np.ones((7, 6))}, ValueError, "would be 30 × 42, the picture holds at most 36"),
        ({"stride": 1.5}, TypeError, "stride must be an int"),
        ({"size": 9}, TypeError, "size"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        dense_to_convolution(**arguments)
