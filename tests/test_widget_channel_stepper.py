"""The channel stepper: arithmetic against ops, controls, messages, a picture with nothing cut."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_state, texts

from cnnbook.figures.channels import BIAS, EXAMPLE, WEIGHT, Channels
from cnnbook.ops import conv2d
from cnnbook.shapes import conv_macs, conv_parameters
from cnnbook.widgets import channel_stepper
from cnnbook.widgets.channel_stepper import ChannelState

HAND_X = np.array([[[1, 2, 0], [0, 1, 3], [2, 0, 1]], [[2, 0, 1], [1, 1, 0], [0, 3, 1.0]]])
HAND_WEIGHT = np.array([[[[1, 1], [2, -1]], [[1, 0], [0, 1.0]]]])


def random_case(groups=1):
    rng = np.random.default_rng(0)
    x, bias = rng.standard_normal((4, 5, 6)), rng.standard_normal(2)
    return x, rng.standard_normal((2, 4 // groups, 2, 3)), bias


def test_the_hand_worked_step():
    step = Channels(HAND_X, HAND_WEIGHT, np.array([1.0]))
    np.testing.assert_array_equal(step.products[0], [[1, 2], [0, -1]])
    np.testing.assert_array_equal(step.products[1], [[2, 0], [0, 1]])
    np.testing.assert_array_equal(step.partial_sums, [2, 3])
    assert step.sums[0, 0, 0] == 6
    assert step.formula == "y[0,0,0] = s₀ + s₁ + b₀ = 2 + 3 + 1 = 6"
    assert step.channel_formula(0) == "s₀ = 1·1 + 2·1 + 0·2 + 1·(−1) = 2"
    assert step.count_formula == "C_out·C_in·kH·kW + C_out = 1·2·2·2 + 1 = 9 parameters"
    assert step.work_formula == "8 weights · 2·2 positions = 32 multiply-adds"


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), ((1, 2), (2, 0))])
def test_every_step_adds_up_to_the_output_of_ops(groups, stride, padding):
    x, weight, bias = random_case(groups)
    expected = conv2d(x, weight, bias, stride, padding, groups=groups)
    steps = Channels(x, weight, bias, 0, stride, padding, groups).steps
    assert steps == expected.size
    for step in range(steps):
        now = Channels(x, weight, bias, step, stride, padding, groups)
        assert now.position == np.unravel_index(step, expected.shape)
        np.testing.assert_allclose(
            now.partial_sums.sum() + bias[now.position[0]], expected[now.position]
        )
        assert now.done.sum() == step + 1


def test_a_group_sees_its_own_inputs_only():
    x, weight, bias = random_case(groups=2)
    first, last = (Channels(x, weight, bias, step, groups=2) for step in (0, 31))
    assert (list(first.inputs), list(last.inputs)) == ([0, 1], [2, 3])
    picture = first.picture()
    assert len(picture.find("input", "frame")) == 2  # a window on each map that is seen
    assert sum("(other group)" in text for text in texts(picture)) == 2
    assert first.count_formula.endswith("2·(4/2)·2·3 + 2 = 26 parameters")


def test_relu_is_shown_beside_the_sum():
    step = Channels(EXAMPLE, WEIGHT, BIAS, activation="relu")
    assert step.sums[0, 0, 0] == -5
    assert step.output[0, 0, 0] == 0
    assert step.activation_formula == "a[0,0,0] = max(0, −5) = 0"
    assert step.activation_formula in step.description
    assert step.activation_formula in texts(step.picture())
    assert Channels(EXAMPLE, WEIGHT, BIAS).activation_formula == ""


def test_without_a_bias_none_is_added_or_counted():
    step = Channels(EXAMPLE, WEIGHT)
    assert "b₀" not in step.formula
    assert step.count_formula == "C_out·C_in·kH·kW = 2·3·3·3 = 54 parameters"
    assert "plus bias" not in texts(step.picture())


def test_counts_agree_with_shapes():
    x, weight, bias = random_case()
    step = Channels(x, weight, bias, padding=1)
    assert f"= {conv_parameters(4, 2, (2, 3))} parameters" in step.count_formula
    assert f"= {conv_macs(4, 2, (2, 3), (6, 6)):,} multiply-adds" in step.work_formula


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"x": EXAMPLE[0]}, ValueError, "x has 2 axes, expected 3"),
        ({"weight": WEIGHT[0]}, ValueError, "weight has 3 axes, expected 4"),
        ({"x": EXAMPLE[:2]}, ValueError, "x has 2 channels, weight expects 3"),
        ({"bias": np.ones(3)}, ValueError, "bias has 3 entries, weight gives 2 channels"),
        ({"x": np.full((3, 4, 5), np.nan)}, ValueError, "x holds nan, not a finite number"),
        ({"step": 12}, ValueError, "step is 12, expected 0 to 11"),
        ({"out_channel": 2}, ValueError, "out_channel is 2, expected 0 to 1"),
        ({"activation": "tanh"}, ValueError, "activation is 'tanh', expected one of"),
        ({"stride": 1.5}, TypeError, "stride must be an int"),
    ],
)
def test_impossible_channels_are_refused(change, error, match):
    with pytest.raises(error, match=match):
        Channels(**{"x": EXAMPLE, "weight": WEIGHT, "bias": BIAS, **change})


def test_the_state_uses_a_part_of_the_weight():
    small = ChannelState(EXAMPLE, WEIGHT, BIAS, kernel_size=1)
    np.testing.assert_array_equal(small.used_weight, WEIGHT[:, :, :1, :1])
    weight = np.arange(36.0).reshape(3, 3, 2, 2)
    depthwise = ChannelState(EXAMPLE, weight, groups=3)
    np.testing.assert_array_equal(
        depthwise.inner.output, conv2d(EXAMPLE, weight[range(3), range(3)][:, None], groups=3)
    )


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"x": np.ones((3, 9, 5))}, "27 rows in all padded input maps, the picture holds at most"),
        ({"x": np.ones((3, 4, 10))}, "10 columns of the padded input"),
        ({"weight": np.ones((5, 3, 3, 3))}, "5 output channels, the picture holds at most 4"),
        ({"x": np.ones((5, 4, 4)), "weight": np.ones((2, 5, 3, 3))}, "5 input channels"),
        ({"weight": np.ones((2, 3, 6, 1)), "x": np.ones((3, 7, 7))}, "6 kernel rows or columns"),
        ({"weight": np.ones((4, 3, 1, 1)), "x": np.ones((3, 7, 7))}, "28 rows in all output maps"),
        ({"kernel_size": 4}, "kernel_size is 4, the given kernels have 1 to 3"),
        ({"groups": 2}, "groups is 2, must divide 3 inputs, 2 outputs"),
        ({"weight": WEIGHT[0]}, "weight has 3 axes, expected 4"),
    ],
)
def test_what_the_picture_cannot_hold_is_refused(change, match):
    with pytest.raises(ValueError, match=match):
        ChannelState(**{"x": EXAMPLE, "weight": WEIGHT, **change})


def test_groups_can_be_chosen_where_they_divide():
    assert "groups" not in channel_stepper().controls
    view = channel_stepper(EXAMPLE, np.ones((3, 3, 3, 3)))
    view.controls["groups"].value = 3
    assert "C_out·C_in/g·kH·kW = 3·(3/3)·3·3 = 27 parameters" in view.screen.value
    view.controls["groups"].value = 1
    assert "C_out·C_in·kH·kW = 3·3·3·3 = 81 parameters" in view.screen.value


def test_own_arrays():
    view = channel_stepper(HAND_X, HAND_WEIGHT, np.array([1.0]), step=2)
    assert "Step 3 of 4: output channel 0, row 1, column 0." in repr(view)
    assert "out_channel" in view.controls
    assert channel_stepper(HAND_X, HAND_WEIGHT).state.bias is None
    assert channel_stepper().state.bias is BIAS
    with pytest.raises(ValueError, match="x has 2 channels, weight expects 3"):
        channel_stepper(HAND_X, WEIGHT)


def test_the_svg_holds_the_numbers_and_the_description():
    state = ChannelState(EXAMPLE, WEIGHT, BIAS, step=7)
    svg = state.picture().svg()
    assert 'role="img" aria-label="Step 8 of 12: output channel 1, row 0, column 1. s₀ = 2·1' in svg
    for text in ("y[1,0,1] = s₀ + s₁ + s₂ + b₁ = 6 + 5 + (−2) + (−2) = 7",
                 "2 sets of 3: 6 two-dimensional kernels", "= 7", "w[1,2]", "b₁ = −2"):  # fmt: skip
        assert f">{text}</text>" in svg


def test_results_not_yet_computed_are_empty():
    shown = [len(texts(ChannelState(EXAMPLE, WEIGHT, BIAS, step=s).picture())) for s in (0, 5, 11)]
    assert shown[1] - shown[0] == 5
    assert shown[2] - shown[1] == 6


def test_a_tiny_number_does_not_shrink_the_others():
    x = EXAMPLE / 3
    x[0, 0, 0] = -0.004451
    shown = texts(Channels(x, WEIGHT, BIAS).picture())
    assert "0.67" in shown
    assert not any(text.startswith("−0.004") for text in shown)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_kernel_is_named_by_its_place_in_the_weight(groups):
    weight = np.arange(4 * (4 // groups) * 4.0).reshape(4, 4 // groups, 2, 2)
    for step in range(4):  # one position per output map
        picture = Channels(np.ones((4, 2, 2)), weight, step=step, groups=groups).picture()
        names = re.findall(r"w\[(\d),(\d)\]", " ".join(texts(picture)))
        assert names == [(str(step), str(c)) for c in range(4 // groups)]


@st.composite
def channels(draw):
    """Any state that can be drawn."""
    ins, outs = draw(st.sampled_from([(1, 1), (3, 2), (2, 4), (4, 4)]))
    height, width = draw(st.integers(2, 5)), draw(st.integers(2, 7))
    values = np.random.default_rng(draw(st.integers(0, 9)))
    size = min(height, width, draw(st.integers(1, 4)))
    scale = draw(st.sampled_from([0, 1e-6, 1, 1e3]))
    x = values.standard_normal((ins, height, width))
    weight = values.standard_normal((outs, ins, size, size))
    bias = values.standard_normal(outs) * 1e-3 if draw(st.booleans()) else None
    divisors = [g for g in (1, 2, 4) if ins % g == outs % g == 0]
    options = {
        "groups": draw(st.sampled_from(divisors)),
        "activation": draw(st.sampled_from(["none", "relu"])),
        "out_channel": draw(st.sampled_from([None, outs - 1])),
        "stride": draw(st.integers(1, 3)),
    }
    if (height + 2) * max(ins, outs) <= 24:
        options["padding"] = draw(st.integers(0, 1))
    return ChannelState(x * scale, weight, bias, **options)


@settings(max_examples=15, deadline=None)
@given(channels())
def test_every_picture(state):
    for picture in check_state(state):
        assert all(mark.size >= 6 for mark in picture.marks if hasattr(mark, "text"))
