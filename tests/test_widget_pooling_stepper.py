"""The pooling stepper: the state's arithmetic, what the controls do, and what the picture says."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_state, texts

from cnnbook.figures.pooling import LARGEST, Change, Pooling
from cnnbook.widgets import pooling_stepper
from cnnbook.widgets.pooling_stepper import EXAMPLE

SETTINGS = [
    case
    for case in itertools.product(["max", "average"], [2, 3], [1, 2, 3], [0, 1], [False, True])
    if 2 * case[3] <= case[1]
]


def signed(rows=7, columns=5):
    return np.random.default_rng(0).standard_normal((rows, columns))  # negatives: zeros would win


def torch_pool(x, mode, kernel_size, stride, padding, ceil_mode, count_include_pad=True):
    x = torch.from_numpy(x)[None]
    if mode == "max":
        return F.max_pool2d(x, kernel_size, stride, padding, ceil_mode=ceil_mode)[0].numpy()
    return F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad)[0].numpy()


@pytest.mark.parametrize("setting", SETTINGS)
def test_outputs_and_every_covered_window_match_torch(setting):
    for include in (True, False):
        pooling = Pooling(signed(), *setting, include)
        expected = torch_pool(signed(), *setting, include)
        np.testing.assert_allclose(pooling.output, expected, rtol=1e-12, strict=True)
        reduce = np.nanmax if pooling.mode == "max" else np.nanmean
        by_window = [reduce(pooling.at(step).covered) for step in range(pooling.steps)]
        np.testing.assert_allclose(by_window, expected.ravel(), rtol=1e-12)


@pytest.mark.parametrize("setting", [case for case in SETTINGS if case[0] == "max"])
def test_winners_hold_the_maxima_of_the_shifted_input(setting):
    pooling = Pooling(signed(), *setting, shift=2, direction="diagonal")
    found = [pooling.shifted[place] for place in pooling.winners]
    np.testing.assert_array_equal(found, pooling.output.ravel())


def test_one_step_by_hand():
    largest = Pooling(EXAMPLE)
    assert largest.formula == "y[0,0] = max(1, 3, 2, 0) = 3"
    assert (largest.position, largest.winners[0], largest.steps) == ((0, 0), (0, 1), 9)
    assert Pooling(EXAMPLE, "average").formula == "y[0,0] = (1 + 3 + 2 + 0) / 4 = 1.5"
    assert "y[2,1] = max(2, 2, 2, 0) = 2." in Pooling(EXAMPLE, step=7).description
    assert Pooling(EXAMPLE, step=7).winners[7] == (4, 2)  # the first of three equals


def test_padding_is_excluded_from_a_maximum_and_counted_or_not_in_a_mean():
    x = np.array([[-3.0, -1.0], [-2.0, -5.0]])
    settings = {"kernel_size": 2, "stride": 2, "padding": 1}
    assert Pooling(x, "max", **settings).formula == "y[0,0] = max(−∞, −∞, −∞, −3) = −3"
    with_zeros = Pooling(x, "average", **settings, step=3)
    assert with_zeros.formula == "y[1,1] = (−5 + 0 + 0 + 0) / 4 = −1.25"
    without = Pooling(x, "average", **settings, count_include_pad=False)
    assert without.formula == "y[0,0] = (−3) / 1 = −3"


def test_a_window_that_hangs_over_counts_only_what_is_there():
    x = np.arange(25.0).reshape(5, 5)
    pooling = Pooling(x, "average", 2, ceil_mode=True, step=2)
    assert pooling.formula == "y[0,2] = (4 + 9) / 2 = 6.5"
    assert pooling.size_formula == "⌈(5 + 2·0 − 2) / 2⌉ + 1 = 3"
    assert pooling.zone.shape == (6, 6)
    assert (pooling.unseen, Pooling(x, "max", 2).unseen) == (0, 9)


def test_a_window_that_would_start_in_the_padding_is_dropped():
    pooling = Pooling(np.ones((4, 4)), "max", 2, 2, 1, True)
    assert pooling.output_shape == torch_pool(np.ones((4, 4)), "max", 2, 2, 1, True).shape
    dropped = Pooling(np.ones((3, 3)), "max", 2, 2, 1, True)
    assert dropped.size_formula == "⌈(3 + 2·1 − 2) / 2⌉ + 1 − 1 = 2"


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        ("right", [[2.0, 0.0, 1.0], [5.0, 3.0, 4.0]]),
        ("down", [[3.0, 4.0, 5.0], [0.0, 1.0, 2.0]]),
        ("diagonal", [[5.0, 3.0, 4.0], [2.0, 0.0, 1.0]]),
    ],
)
def test_shift_moves_the_input_and_wraps(direction, expected):
    pooling = Pooling(np.arange(6.0).reshape(2, 3), shift=1, direction=direction)
    np.testing.assert_array_equal(pooling.shifted, expected)


def test_changes_are_counted_against_the_unshifted_input():
    pixels, sampled, pooled = Pooling(EXAMPLE, shift=1).changes
    assert (pixels.count, sampled.count, pooled.count) == ("34 of 36", "9 of 9", "3 of 9")
    shifted = np.roll(EXAMPLE, 1, axis=1)
    assert (shifted != EXAMPLE).sum() == 34
    assert (shifted[::2, ::2] != EXAMPLE[::2, ::2]).sum() == 9
    assert (pooled.where == [[1, 1, 0], [0, 0, 1], [0, 0, 0]]).all()
    length = np.sqrt(9 + 16 + 25 + 16 + 25 + 9 + 25 + 4 + 16)
    assert pooled.relative == pytest.approx(np.sqrt(1 + 1 + 1) / length)
    assert not any(change.where.any() for change in Pooling(EXAMPLE).changes)
    assert Change(np.zeros((1, 2)), np.zeros((1, 2))).relative == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "min"}, "mode is 'min'"),
        ({"direction": "left"}, "direction is 'left'"),
        ({"kernel_size": 7}, "kernel_size 7 .* spans 7 pixels, more than the 6"),
        ({"padding": 2}, "padding 2 is more than half of kernel_size 2"),
        ({"stride": 0}, "stride is 0, must be at least 1"),
        ({"shift": -1}, "shift is -1, must be at least 0"),
        ({"step": 9}, "step is 9, expected 0 to 8"),
        ({"step": -1}, "step is -1, expected 0 to 8"),
    ],
)
def test_impossible_settings_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Pooling(EXAMPLE, **settings)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones(5), "x has 1 axes, expected 2"),
        (np.array([[1.0, np.nan]]), "x holds nan, not a finite number"),
        (np.ones((13, 3)), "the padded input is 13 × 3, the picture holds at most 12 × 12"),
    ],
)
def test_impossible_arrays_are_named(x, message):
    with pytest.raises(ValueError, match=message):
        pooling_stepper(x, kernel_size=1)


def test_a_shift_beyond_the_slider_and_a_wrong_type_are_named():
    with pytest.raises(ValueError, match="shift is 7, the slider holds at most 6"):
        pooling_stepper(shift=7)
    with pytest.raises(TypeError, match="kernel_size must be an int"):
        pooling_stepper(kernel_size=2.5)


def test_count_include_pad_is_offered_only_for_a_mean_over_padding():
    view = pooling_stepper()
    box = view.controls["count_include_pad"]
    assert box.disabled
    view.controls["mode"].value = "average"
    assert box.disabled
    view.controls["padding"].value = 1
    assert not box.disabled
    view.controls["mode"].value = "max"
    assert box.disabled


def test_own_array_and_typed_row():
    view = pooling_stepper(np.array([[-1.0, -2.0, -3.0]]), kernel_size=1)
    assert view.state.formula == "y[0,0] = max(−1) = −1"
    view.controls["x"].value = "4 5 6 7"
    assert view.state.x.shape == (1, 4)


@st.composite
def poolings(draw):
    """Any pooling that can be drawn."""
    values = np.random.default_rng(draw(st.integers(0, 9)))
    kernel = draw(st.integers(1, 5))
    shape = [draw(st.integers(kernel, 10)) for _ in range(2)]
    x = values.standard_normal(shape) * draw(st.sampled_from([0, 1e-7, 1, 10, 1e3]))
    x = x.round() if draw(st.booleans()) else x
    options = {name: draw(st.booleans()) for name in ("ceil_mode", "count_include_pad")}
    options["padding"] = draw(st.integers(0, min(kernel // 2, (LARGEST - max(shape)) // 2)))
    options["direction"] = draw(st.sampled_from(["right", "down", "diagonal"]))
    options["stride"] = draw(st.integers(1, 4))
    try:
        mode = draw(st.sampled_from(["max", "average"]))
        return Pooling(x, mode, kernel, shift=draw(st.integers(0, 6)), **options)
    except ValueError:  # with ceil_mode the last window may reach beyond what can be drawn
        return Pooling(x, "max", kernel)


@settings(max_examples=8, deadline=None)
@given(poolings())
def test_every_picture(pooling):
    check_state(pooling, steps=2)


def test_what_the_picture_says():
    picture = Pooling(EXAMPLE, shift=1, step=4).picture()
    words = texts(picture)
    for said in ("y[1,1] = max(0, 1, 0, 5) = 5", "3 of 9 changed", "9 of 9 changed", "= 5",
                 "relative change 14 %", "maximum, found in row 3, column 3"):  # fmt: skip
        assert said in words
    assert picture.description.startswith("Step 5 of 9: row 1, column 1 of the output.")
    assert picture.description.endswith("3 of 9 outputs of max pooling.")
    assert len(picture.find("input", "ring")) == len(picture.find("window", "ring")) == 1
    assert len(picture.find("input", "kept")) == 5  # winners so far, one of them for two windows
    assert len(picture.find("change", "frame")) == 34 + 9 + 3
    mean = Pooling(EXAMPLE, "average").picture()
    assert "maximum stands" not in mean.description
    assert not mean.find("ring")


@pytest.mark.parametrize(
    "values", [[-9, -1, -5, -3], [-9, 4, 0, 2], [1, 4, 0, 2]], ids=["negative", "mixed", "positive"]
)
def test_the_larger_number_is_the_darker_one(values):
    x = np.reshape(values, (2, 2)).astype(float)
    picture = Pooling(np.pad(x, 2, constant_values=x.min())).picture()
    tints = {m.at: m.tint for m in picture.find("input", "cell") if m.tint}
    inner = [tints.get((2 + k // 2, 2 + k % 2), 0) for k in np.argsort(values)]
    assert inner == sorted(inner)
    assert len(set(inner)) == 4
    low, high = min(*values, 0), max(*values, 0)
    assert inner[-1] == pytest.approx((max(values) - low) / (high - low))


@pytest.mark.parametrize("mode", ["max", "average"])
def test_size_does_not_depend_on_settings_that_only_move_the_window(mode):
    cases = [(2, 2, 0, 0, 0), (2, 2, 0, 3, 8), (3, 2, 1, 0, 0), (3, 3, 0, 1, 3), (2, 1, 0, 0, 0)]
    poolings = (Pooling(EXAMPLE, mode, k, s, p, shift=n, step=step) for k, s, p, n, step in cases)
    assert len({pooling.picture().size for pooling in poolings}) == 1
