"""The backward stepper: what the controls do."""

import numpy as np
import pytest

from cnnbook import ops
from cnnbook.widgets import backward_stepper
from cnnbook.widgets.backward_stepper import EXAMPLE, KERNEL, UPSTREAM, BackwardState

MODES = ("convolution", "max", "average")


def test_it_opens_on_a_convolution_and_ends_with_its_gradients():
    view = backward_stepper()
    view.go_to(99)
    assert (view.state.step, view.state.steps) == (8, 9)
    expected = ops.conv2d_backward(UPSTREAM[None, None], EXAMPLE[None, None], KERNEL[None, None])
    np.testing.assert_array_equal(view.state.inner.grad_x, expected.grad_x[0, 0])
    np.testing.assert_array_equal(view.state.inner.grad_w, expected.grad_weight[0, 0])


def test_the_pool_size_changes_a_pooling():
    view = backward_stepper(mode="max")
    assert view.state.inner.output_shape == (4, 4)
    view.controls["kernel_size"].value = 3
    assert view.state.inner.output_shape == (3, 3)
    assert "window" in view.screen.value


@pytest.mark.parametrize("mode", MODES)
def test_only_what_the_mode_has_can_be_set(mode):
    view = backward_stepper()
    view.controls["mode"].value = mode
    idle = {name for name, control in view.controls.items() if control.disabled}
    assert idle == ({"kernel_size"} if mode == "convolution" else {"kernel", "dilation"})


def test_a_dilation_stays_out_of_a_pooling_and_comes_back():
    view = backward_stepper(dilation=2)
    assert view.state.steps == 1
    view.controls["mode"].value = "max"
    assert (view.message, view.state.inner.dilation, view.state.steps) == ("", 1, 16)
    view.controls["mode"].value = "convolution"
    assert (view.state.inner.dilation, view.state.steps) == (2, 1)


def test_the_upstream_gradient_is_cut_or_repeated():
    state = BackwardState(EXAMPLE, KERNEL, UPSTREAM, padding=1)
    np.testing.assert_array_equal(state.inner.grad_out, np.tile(UPSTREAM, (2, 2))[:5, :5])
    state = BackwardState(EXAMPLE, KERNEL, UPSTREAM, stride=2)
    np.testing.assert_array_equal(state.inner.grad_out, UPSTREAM[:2, :2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((10, 3)), np.ones((1, 1))), "the padded input is 10 × 3"),
        ((np.ones(3), np.ones((1, 1))), "x has 1 axes, expected 2"),
        (
            (EXAMPLE, KERNEL, np.ones((0, 2))),
            r"upstream has shape \(0, 2\), expected",
        ),
        ((np.ones((2, 2)), np.ones((3, 3))), "kernel_size 3"),
    ],
)
def test_impossible_arrays_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        backward_stepper(*arguments)
