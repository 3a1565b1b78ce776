"""The backward stepper: what the controls do, and that no text of its picture is cut."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest

from cnnbook import ops
from cnnbook.figures.backward import draw_backward
from cnnbook.widgets import backward_stepper
from cnnbook.widgets.backward_stepper import EXAMPLE, KERNEL, UPSTREAM, BackwardState

MODES = ("convolution", "max", "average")


def test_it_opens_on_a_convolution_and_ends_with_its_gradients():
    view = backward_stepper()
    view.go_to(99)
    assert (view.state.step, view.state.steps) == (8, 9)
    expected = ops.conv2d_backward(UPSTREAM[None, None], EXAMPLE[None, None], KERNEL[None, None])
    np.testing.assert_array_equal(view.state.backward.grad_x, expected.grad_x[0, 0])
    np.testing.assert_array_equal(view.state.backward.grad_w, expected.grad_weight[0, 0])


@pytest.mark.parametrize(
    ("name", "value"),
    [("mode", "max"), ("mode", "average"), ("stride", 2), ("padding", 1), ("dilation", 2),
     ("kernel", "1 2; 3 4"), ("upstream", "1 0; 0 1"), ("x", "1 2 3; 4 5 6; 7 8 9; 1 1 1")],
)  # fmt: skip
def test_every_control_changes_the_picture(name, value):
    view = backward_stepper(step=4)
    before = view.screen.value
    view.controls[name].value = value
    assert view.message == ""
    assert view.screen.value != before


def test_the_pool_size_changes_a_pooling():
    view = backward_stepper(mode="max")
    assert view.state.backward.output_shape == (4, 4)
    view.controls["kernel_size"].value = 3
    assert view.state.backward.output_shape == (3, 3)
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
    assert (view.message, view.state.backward.dilation, view.state.steps) == ("", 1, 16)
    view.controls["mode"].value = "convolution"
    assert (view.state.backward.dilation, view.state.steps) == (2, 1)


def test_the_upstream_gradient_is_cut_or_repeated():
    state = BackwardState(EXAMPLE, KERNEL, UPSTREAM, padding=1)
    np.testing.assert_array_equal(state.backward.grad_out, np.tile(UPSTREAM, (2, 2))[:5, :5])
    state = BackwardState(EXAMPLE, KERNEL, UPSTREAM, stride=2)
    np.testing.assert_array_equal(state.backward.grad_out, UPSTREAM[:2, :2])


def test_an_impossible_setting_is_said_and_the_state_stays():
    view = backward_stepper(step=3)
    state = view.state
    view.controls["padding"].value = 3
    assert view.message == "the padded input is 11 × 11, the picture holds at most 9 × 9"
    assert view.state is state
    assert 'role="alert"' in view.screen.value
    view.controls["padding"].value = 0
    view.controls["kernel"].value = "1 a"
    assert view.message == "'a' is not a number"
    view.controls["kernel"].value = "1 2"
    assert view.message == ""
    np.testing.assert_array_equal(view.state.kernel, [[1, 2]])


def test_steps_clamp_when_a_setting_leaves_fewer():
    view = backward_stepper(step=8)
    view.controls["stride"].value = 2
    assert (view.state.step, view.state.steps, view.step.max) == (3, 4, 3)
    view.buttons[0].click()
    assert view.state.step == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((10, 3)), np.ones((1, 1))), "the padded input is 10 × 3"),
        ((np.ones(3), np.ones((1, 1))), re.escape("x has shape (3,), expected rows and columns")),
        ((EXAMPLE, KERNEL, np.ones((0, 2))), re.escape("upstream has shape (0, 2)")),
        ((np.ones((2, 2)), np.ones((3, 3))), "kernel_size 3"),
    ],
)
def test_impossible_arrays_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        backward_stepper(*arguments)


def test_the_svg_speaks_and_the_bundle_holds_a_png():
    view = backward_stepper(step=4)
    assert "image/png" in view._repr_mimebundle_()
    assert repr(view) == view.state.backward.description
    assert 'aria-label="Backward step 5 of 9: g[1,1] = 2 reaches each input' in view.screen.value
    assert (
        "grad_x[1,2] = 1·1 + (−1)·(−1) + 2·0 + 0·0 + 2·2 = 6   (5 of 6 windows)"
        in view.screen.value
    )


ARRAYS = [EXAMPLE, -EXAMPLE[:3, :4] / 7, np.arange(63.0).reshape(9, 7) * 1.5]
SETTINGS = [
    {"padding": 1, "stride": 2},
    {"padding": 2, "kernel": KERNEL},
    {"dilation": 2, "kernel": -KERNEL[:2, :1] * 12.25},
    {"kernel_size": 4, "padding": 2, "upstream": -UPSTREAM * 100},
    {"upstream": UPSTREAM / 7},
]


def pictures():
    for x, settings, mode in itertools.product(ARRAYS, SETTINGS, MODES):
        state = {"kernel": KERNEL[:2, :1], "upstream": UPSTREAM, "kernel_size": 2, **settings}
        try:
            middle = BackwardState(x, mode=mode, **state).steps // 2
        except ValueError:  # too large, or no window fits
            continue
        drawn = BackwardState(x, mode=mode, **state, step=middle).backward
        yield pytest.param(drawn, id=f"{x.shape}-{mode}-{[*settings]}")


@pytest.mark.parametrize("backward", list(pictures()))
def test_no_text_is_cut_or_overlaps_another(backward):
    picture = draw_backward(backward)
    assert picture.width <= 952
    axes = picture.axes()
    renderer = axes.figure.canvas.get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in axes.texts]
    page = axes.figure.bbox
    for text, box in boxes:
        assert page.x0 <= box.x0 < box.x1 <= page.x1, text
        assert page.y0 <= box.y0 < box.y1 <= page.y1, text
    for (one, box), (other, next_box) in itertools.combinations(boxes, 2):
        assert not box.padded(-1.5).overlaps(next_box.padded(-1.5)), (one, other)


@pytest.mark.parametrize("mode", MODES)
def test_size_and_type_are_the_same_at_all_steps(mode):
    state = {
        "kernel": KERNEL,
        "upstream": [[2, 7, 1]] * np.ones((3, 1)) / 3,
        "mode": mode,
        "kernel_size": 3,
    }
    drawn = [BackwardState(EXAMPLE, **state, step=step).picture() for step in range(9)]
    assert len({picture.size for picture in drawn}) == 1
    grids = [re.findall(r'<rect x="([\d.]+)"[^>]*stroke-width="1"', p.svg())[0] for p in drawn]
    assert len({*grids}) == 1
    column = [[m.size for m in p.marks if m.x == 23 and m.mono] for p in map(numbers, drawn)]
    without_terms = [sizes for step, sizes in enumerate(column) if step % 3]  # none in column 0
    assert len({tuple(sizes) for sizes in without_terms}) == 1
    assert len(without_terms[0]) == 10


def numbers(picture):
    """Keep the numbers in cells."""
    kept = [mark for mark in picture.marks if getattr(mark, "anchor", "") == "middle"]
    return replace(picture, marks=kept)
