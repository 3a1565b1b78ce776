"""The widget of chapter 1: controls to state, state to picture, messages in place."""

import base64

import numpy as np
import pytest

from cnnbook.ops import conv2d
from cnnbook.widgets import dense_to_convolution
from cnnbook.widgets.dense_to_convolution import IMAGE, KERNEL, DenseToConvolutionState


def test_it_opens_on_the_dense_layer():
    view = dense_to_convolution()
    assert (view.state.locality, view.state.sharing) == (False, False)
    assert view.state.x.shape == (4, 4)
    assert view.state.kernel.shape == (2, 2)
    assert "9 · 16 = 144 weights" in view.screen.value


@pytest.mark.parametrize(
    ("locality", "sharing", "count"),
    [
        (False, False, "9 · 16 = 144 weights"),
        (True, False, "9 · 4 = 36 weights"),
        (False, True, "36 weights, one for each offset"),
        (True, True, "4 weights, the same four everywhere"),
    ],
)
def test_the_switches_set_the_count(locality, sharing, count):
    view = dense_to_convolution()
    view.controls["locality"].value, view.controls["sharing"].value = locality, sharing
    assert view.state.count == count
    assert f">{count}</text>" in view.screen.value
    assert repr(view).startswith(f"Locality {'on' if locality else 'off'}, sharing ")


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("x", 6, lambda s: s.x.shape, (6, 6)),
        ("kernel", 3, lambda s: s.kernel.shape, (3, 3)),
        ("stride", 2, lambda s: s.stride, 2),
        ("padding", 1, lambda s: s.padding, 1),
        ("locality", True, lambda s: s.locality, True),
        ("sharing", True, lambda s: s.sharing, True),
    ],
)
def test_every_control_changes_state_and_picture(name, value, field, expected):
    view = dense_to_convolution()
    before = view.screen.value
    view.controls[name].value = value
    assert field(view.state) == expected
    assert view.screen.value != before
    assert view.message == ""


def test_an_impossible_setting_says_why_and_keeps_the_state():
    view = dense_to_convolution()
    view.controls["x"].value = 1
    assert "kernel_size 2" in view.message
    assert view.message in view.screen.value
    assert view.state.x.shape == (4, 4)
    view.controls["x"].value = 3
    assert view.message == ""
    assert view.state.x.shape == (3, 3)


def test_a_matrix_too_large_to_read_says_so():
    view = dense_to_convolution()
    view.controls["x"].value = 6
    view.controls["padding"].value = 2
    assert view.message == "the weight matrix would be 81 × 36, the picture holds at most 36 × 36"
    assert view.state.padding == 0


def test_steps_go_through_the_rows_and_stop_at_the_ends():
    view = dense_to_convolution(locality=True, sharing=True)
    assert view.step.max == 8
    view.go_to(4)
    assert view.state.position == (1, 1)
    assert "H[1,1] = 3·1 + (−2)·3 + 1·0 + (−3)·1 = −6" in view.screen.value
    view.go_to(99)
    assert view.state.step == 8
    view.go_to(-5)
    assert view.state.step == 0


def test_a_smaller_image_clamps_the_step():
    view = dense_to_convolution(step=8)
    view.controls["x"].value = 3
    assert view.state.step == view.step.value == view.step.max == 3


def test_own_arrays():
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal((5, 7)), rng.standard_normal((3, 2))
    view = dense_to_convolution(x, kernel, locality=True, sharing=True)
    np.testing.assert_allclose(view.state.output, conv2d(x[None], kernel[None, None])[0])
    assert view.controls["x"].value == 7
    view.controls["x"].value = 4  # its top left corner
    np.testing.assert_array_equal(view.state.x, x[:4, :4])


def test_arguments_set_the_first_picture():
    view = dense_to_convolution(locality=True, step=3, stride=2, padding=1)
    assert (view.state.locality, view.state.sharing) == (True, False)
    assert (view.state.step, view.state.stride, view.state.padding) == (3, 2, 1)
    values = {name: control.value for name, control in view.controls.items()}
    settings = {"locality": True, "sharing": False, "stride": 2, "padding": 1}
    assert values == {**settings, "x": 4, "kernel": 2}


def test_own_integer_lists():
    view = dense_to_convolution([[1, 2, 3]], [[1, -1]], locality=True, sharing=True)
    np.testing.assert_array_equal(view.state.output, [[-1, -1]])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"x": np.ones(4)}, ValueError, r"x has shape \(4,\), expected"),
        ({"x": np.float64(4)}, ValueError, r"x has shape \(\), expected"),
        ({"x": np.ones((7, 6))}, ValueError, "would be 30 × 42, the picture holds at most 36"),
        ({"kernel": np.ones((5, 5))}, ValueError, "kernel_size 5"),
        ({"stride": 1.5}, TypeError, "stride must be an int"),
        ({"step": 9}, ValueError, "step is 9, expected 0 to 8"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        dense_to_convolution(**arguments)


def test_a_picture_stands_where_no_kernel_runs():
    bundle, metadata = DenseToConvolutionState(IMAGE, KERNEL).picture()._repr_mimebundle_()
    view = dense_to_convolution()._repr_mimebundle_()
    assert base64.b64decode(view["image/png"]).startswith(b"\x89PNG")
    assert view["text/plain"] == repr(dense_to_convolution())
    assert metadata["image/png"]["width"] <= 960
    assert bundle["text/plain"].startswith("Locality off, sharing off: 16 · 36 = 576 weights.")


def test_the_text_alternative_carries_the_formula():
    view = dense_to_convolution(locality=True, sharing=True, step=4)
    assert f'aria-label="{view.state.description}"' in view.screen.value
    assert view.state.formula in view.state.description


def test_the_example_kernel_has_nine_different_weights():
    assert np.unique(KERNEL).size == 9
    assert np.all(KERNEL != 0)
