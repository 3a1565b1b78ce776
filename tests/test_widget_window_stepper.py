"""The window stepper: every control changes state and picture, impossible settings say why."""

import numpy as np
import pytest

from cnnbook.ops import conv2d
from cnnbook.widgets import window_stepper
from cnnbook.widgets.window_stepper import EXAMPLE, SOBEL


def test_it_opens_on_the_example():
    view = window_stepper()
    np.testing.assert_array_equal(view.state.x, EXAMPLE)
    np.testing.assert_array_equal(view.state.kernel, SOBEL)
    assert (view.state.step, view.state.steps, view.message) == (0, 9, "")
    assert "y[0,0] = 1·1 + 0·(−1) + 0·2 + 3·(−2) + 2·1 + 1·(−1) = −4" in view.screen.value


def test_the_example_agrees_with_ops():
    view = window_stepper()
    expected = conv2d(EXAMPLE[None, None], SOBEL[None, None])[0, 0]
    for step in range(9):
        view.go_to(step)
        assert (view.state.covered * view.state.applied).sum() == expected[view.state.position]
        assert f"Step {step + 1} of 9" in view.screen.value


def test_typed_arrays_are_shown():
    view = window_stepper()
    view.controls["kernel"].value = "1/2 0; 0 −3"
    np.testing.assert_array_equal(view.state.kernel, [[0.5, 0], [0, -3]])
    assert "kernel 2 × 2" in view.screen.value
    view.controls["x"].value = "7 8 9; 1 2 3"
    np.testing.assert_array_equal(view.state.x, [[7, 8, 9], [1, 2, 3]])
    assert "y[0,0] = 7·0.5 + 2·(−3) = −2.5" in view.screen.value


def test_one_typed_row_stays_a_matrix():
    view = window_stepper()
    view.controls["padding"].value = 1
    view.controls["kernel"].value = "1 1 1"
    assert view.state.kernel.shape == (1, 3)
    assert view.message == ""


def test_own_arrays_may_hold_whole_numbers_or_be_lists():
    view = window_stepper(np.arange(12).reshape(3, 4), np.ones((2, 2), int))
    assert view.state.x.dtype == float
    assert view.controls["x"].value == "0 1 2 3; 4 5 6 7; 8 9 10 11"
    assert window_stepper([1, 0, 2, 0], [1, 0.5, 0.25], padding=2).state.steps == 6


def test_a_row_is_typed_as_a_row():
    view = window_stepper([1, 0, 2, 0], [1, 0.5, 0.25], padding=2, flip=True, step=2)
    assert "y[2] = 1·0.25 + 0·0.5 + 2·1 = 2.25" in view.screen.value
    view.controls["kernel"].value = "1 1"
    assert view.state.kernel.shape == (2,)
    view.controls["kernel"].value = "1 1; 1 1"
    assert view.message == "x has 1 axes, kernel has 2"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": np.ones((17, 3))}, "the padded input is 17 × 3, the picture holds at most 16"),
        ({"x": np.ones((14, 14)), "padding": 2}, "the padded input is 18 × 18"),
        ({"x": np.ones(5)}, "x has 1 axes, kernel has 2"),
        ({"x": np.ones((2, 5))}, "more than the 2 of the padded input"),
        ({"step": 9}, "step is 9, expected 0 to 8"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        window_stepper(**arguments)
