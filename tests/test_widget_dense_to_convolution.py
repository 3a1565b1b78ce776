"""The widget of chapter 1: controls to state, state to picture, messages in place."""

import base64

import numpy as np
import pytest

from cnnbook.ops import conv2d
from cnnbook.widgets import dense_to_convolution


def test_it_opens_on_the_dense_layer_with_a_still_picture():
    view = dense_to_convolution()
    assert (view.state.locality, view.state.sharing) == (False, False)
    assert (view.state.x.shape, view.state.kernel.shape) == ((4, 4), (2, 2))
    assert "9 · 16 = 144 weights" in view.screen.value
    assert f'aria-label="{view.state.description}"' in view.screen.value
    data = view._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == view.state.description


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("x", 6, lambda s: s.x.shape, (6, 6)),
        ("kernel", 3, lambda s: s.kernel.shape, (3, 3)),
        ("stride", 2, lambda s: s.stride, 2),
        ("padding", 1, lambda s: s.padding, 1),
        ("locality", True, lambda s: s.count, "9 · 4 = 36 weights"),
        ("sharing", True, lambda s: s.count, "36 weights, one for each offset"),
    ],
)
def test_every_control_changes_state_and_picture(name, value, field, expected):
    view = dense_to_convolution()
    before = view.screen.value
    view.controls[name].value = value
    assert field(view.state) == expected
    assert view.screen.value != before
    assert view.message == ""


def test_impossible_settings_say_why_and_keep_the_state():
    view = dense_to_convolution()
    view.controls["x"].value = 1
    assert "kernel_size 2" in view.message
    assert view.message in view.screen.value
    assert view.state.x.shape == (4, 4)
    view.controls["x"].value = 6
    assert view.message == ""
    view.controls["padding"].value = 2
    assert view.message == "the weight matrix would be 81 × 36, the picture holds at most 36 × 36"
    assert view.state.padding == 0


def test_steps_go_through_the_rows_and_stay_when_the_image_shrinks():
    view = dense_to_convolution(locality=True, sharing=True)
    assert view.step.max == 8
    view.go_to(4)
    assert view.state.position == (1, 1)
    assert "H[1,1] = 3·1 + (−2)·3 + 1·0 + (−3)·1 = −6" in view.screen.value
    view.go_to(99)
    assert view.state.step == 8
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
