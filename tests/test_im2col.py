"""The im2col stepper: the arithmetic of its picture, what the controls do, a legible picture."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_state, texts

from cnnbook.figures.im2col import Im2col
from cnnbook.widgets import im2col_stepper
from cnnbook.widgets.im2col_stepper import EXAMPLE, WEIGHT

HAND_X = np.array([[1, 2, 0, 3], [0, 1, 4, 1], [2, 0, 1, 2.0]])
HAND_W = np.array([[1, 2], [0, -1.0]])
SMALL = WEIGHT[:, :, :2, :2]


def signed():
    rng = np.random.default_rng(0)
    return -1 - rng.random((2, 4, 4)), rng.standard_normal((3, 2, 3, 2))


# ---------------------------------------------------------------- arithmetic


def test_the_hand_worked_case():
    lowered = Im2col(HAND_X, HAND_W, step=5)
    np.testing.assert_array_equal(lowered.columns[:, 0], [1, 2, 0, 1])
    np.testing.assert_array_equal(lowered.columns[:, 5], [4, 1, 1, 2])
    np.testing.assert_array_equal(lowered.product, [[4, -2, 5, 2, 8, 4]])
    np.testing.assert_array_equal(lowered.output, [[[4, -2, 5], [2, 8, 4]]])
    assert lowered.formula == "Y[0,5] = 1·4 + 2·1 + 0·1 + (−1)·2 = 4"
    assert lowered.place_formula == "column 5 = 1·3 + 2, so y[0,1,2] = 4"
    assert lowered.count_words == "4 × 6 = 24 numbers; the input has 12"


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1), ((1, 2), (2, 0)), (3, 2)])
def test_convolution_and_columns_match_torch(stride, padding):
    x, weight = signed()
    lowered = Im2col(x, weight, stride=stride, padding=padding)
    one, kernels = torch.from_numpy(x)[None], torch.from_numpy(weight)
    expected = F.conv2d(one, kernels, stride=stride, padding=padding)[0].numpy()
    np.testing.assert_allclose(lowered.output, expected, rtol=1e-12, atol=1e-12, strict=True)
    columns = F.unfold(one, (3, 2), stride=stride, padding=padding)[0].numpy()
    np.testing.assert_array_equal(lowered.columns, columns)
    # a padded zero is known as such, and no pixel is taken for one
    np.testing.assert_array_equal(lowered.columns_outside, columns == 0)


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), ((3, 2), 1, 1), (3, 2, 1)])
def test_pooling_matches_torch_and_keeps_channels_apart(mode, kernel, stride, padding):
    x, _ = signed()  # all below 0: a padded zero would win
    lowered = Im2col(x, kernel_size=kernel, mode=mode, stride=stride, padding=padding)
    pool = F.max_pool2d if mode == "max" else F.avg_pool2d
    expected = pool(torch.from_numpy(x), kernel, stride, padding).numpy()
    np.testing.assert_allclose(lowered.output, expected, rtol=1e-12, strict=True)


@pytest.mark.parametrize("mode", ["convolution", "max", "average"])
def test_each_step_reads_its_window_and_its_block(mode):
    x, weight = signed()
    how = {"weight": weight} if mode == "convolution" else {"kernel_size": (3, 2)}
    whole = Im2col(x, mode=mode, stride=(1, 2), padding=1, **how)
    for step, row in itertools.product(range(whole.steps), range(whole.rows)):
        now = replace(whole, row=row, step=step)
        i, j = now.corner
        window = now.padded[:, i : i + 3, j : j + 2]
        np.testing.assert_array_equal(now.columns[:, step], window.ravel())
        seen = now.columns[now.block, step]
        if mode == "convolution":
            wanted = (weight[row] * window).sum()
        else:
            wanted = window[row].max() if mode == "max" else window[row].mean()
        assert now.product[row, step] == pytest.approx(wanted)
        assert seen.size == (window.size if mode == "convolution" else 6)
        if mode == "max":
            assert now.columns[now.winner, step] == wanted
            assert now.winner in now.block


def test_pooling_formulas():
    pair = np.stack([HAND_X, -HAND_X])
    largest = Im2col(pair, kernel_size=2, mode="max", row=1)
    assert largest.formula == "Y[1,0] = max(−1, −2, 0, −1) = 0"
    mean = Im2col(pair, kernel_size=2, mode="average", row=1)
    assert mean.formula == "Y[1,0] = ((−1) + (−2) + 0 + (−1)) / 4 = −1"
    padded = Im2col(pair, kernel_size=2, mode="max", padding=1)
    assert padded.formula == "Y[0,0] = max(−∞, −∞, −∞, 1) = 1"


def test_the_description_says_step_place_formula_and_size():
    lowered = Im2col(EXAMPLE, SMALL, row=1, step=4)
    assert lowered.description == (
        "Step 5 of 6, convolution: the window at row 1, column 1 becomes column 4. "
        "Y[1,4] = 0·1 + 1·4 + 1·0 + 0·1 + 2·3 + (−1)·0 + 0·1 + 1·2 = 12. "
        "Column 4 = 1·3 + 1, so y[1,1,1] = 12. Columns: 8 × 6 = 48 numbers; the input has 24."
    )


def test_the_lines_of_a_formula_say_the_formula():
    for lowered in (Im2col(EXAMPLE, WEIGHT, padding=1), Im2col(EXAMPLE * 1.37, WEIGHT / 7)):
        assert " ".join(line.strip() for line in lowered.formula_lines) == lowered.formula
        assert len(lowered.formula_lines) > 1


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"x": np.ones((1, 2, 3, 4))}, ValueError, "x has 4 axes, expected 2 or 3"),
        ({"x": np.full((2, 3, 4), np.inf)}, ValueError, "x holds inf, not a finite number"),
        ({"weight": SMALL[0]}, ValueError, "weight has 3 axes, expected 2 or 4"),
        ({"weight": None}, ValueError, "weight is None, a convolution needs one"),
        ({"weight": SMALL[:, :1]}, ValueError, "x has 2 channels, weight expects 1"),
        ({"kernel_size": 3}, ValueError, "kernel_size is 3, weight has 2 × 2"),
        ({"mode": "max", "weight": None}, ValueError, "kernel_size is None, a pooling needs one"),
        ({"mode": "min"}, ValueError, "mode is 'min', expected one of"),
        ({"stride": 0}, ValueError, "stride is 0, must be at least 1"),
        ({"stride": 1.5}, TypeError, "stride must be an int"),
        ({"row": -1}, ValueError, "row is -1, expected 0 to 1"),
        ({"channels": 3}, ValueError, "channels is 3, expected 1 to 2"),
        ({"kernel_size": 0}, ValueError, "kernel_size is 0, must be at least 1"),
        ({"step": 6}, ValueError, "step is 6, expected 0 to 5"),
        ({"step": -1}, ValueError, "step is -1, expected 0 to 5"),
    ],
)
def test_impossible_arguments_are_named(change, error, match):
    with pytest.raises(error, match=match):
        Im2col(**{"x": EXAMPLE, "weight": SMALL, **change})


def test_a_pooling_refuses_more_padding_than_half_a_window():
    with pytest.raises(ValueError, match="padding 2 is more than half of kernel_size 2"):
        Im2col(EXAMPLE, kernel_size=2, mode="max", padding=2)


# ---------------------------------------------------------------- the picture


@st.composite
def lowerings(draw):
    """Any layer that can be drawn."""
    numbers = np.random.default_rng(draw(st.integers(0, 9)))
    (tall, wide), count = draw(st.tuples(*[st.integers(1, 3)] * 2)), draw(st.integers(1, 3))
    scale = draw(st.sampled_from([0, 1e-7, 1, 1e4]))
    x = numbers.standard_normal((count, *(k + draw(st.integers(0, 2)) for k in (tall, wide))))
    weight = numbers.standard_normal((draw(st.integers(1, 3)), count, tall, wide))
    if draw(st.booleans()):
        x, weight = x.round(), weight.round()
    names = {"mode": ["convolution", "max", "average"], "stride": [1, 2], "padding": [0, 1]}
    options = {name: draw(st.sampled_from(known)) for name, known in names.items()}
    try:
        return Im2col(x * scale, weight, row=draw(st.integers(0, 2)), **options)
    except ValueError:  # the matrix is too large, or the padding of a pooling
        return Im2col(x[:1, :tall, :wide] * scale, weight[:, :1])


@settings(max_examples=10, deadline=None)
@given(lowerings())
def test_every_picture(lowered):
    check_state(lowered, steps=2)


def test_what_the_picture_says():
    picture = Im2col(EXAMPLE, SMALL, row=1, step=4).picture()
    for said in ("8 × 6 = 48 numbers; the input has 24", "weights 2 × 8", "result 2 × 6", "= 12",
                 "the window at row 1, column 1 becomes column 4", "row 1 as 2 × 3", "1,1,0", "=",
                 "Y[1,4] = 0·1 + 1·4 + 1·0 + 0·1 + 2·3 + (−1)·0 + 0·1 + 1·2 = 12"):  # fmt: skip
        assert said in texts(picture), said


def test_a_result_reads_the_same_in_the_product_and_in_its_map():
    lowered = Im2col(EXAMPLE, WEIGHT, mode="average", stride=2, padding=1, step=3)
    words = texts(lowered.picture())
    assert words.count("0.67") == words.count("0.89") == 2
    assert "0.667" not in words


def test_what_is_not_yet_computed_is_empty():
    shown = [len(texts(Im2col(EXAMPLE, SMALL, step=s).picture())) for s in (0, 1, 5)]
    assert shown[1] - shown[0] == 8 + 2 + 2  # a column, its two results, twice
    assert shown[2] - shown[1] == 4 * 12


def test_frames_mark_window_column_row_result_and_winner():
    def strokes(mode, part):
        lowered = Im2col(EXAMPLE, SMALL, mode=mode, row=1, step=4)
        return [(m.stroke, m.stroke_width) for m in lowered.picture().find(part, "frame")]

    parts = {"input": 2, "columns": 1, "weights": 1, "product": 1, "output": 1}
    assert {part: len(strokes("convolution", part)) for part in parts} == parts
    assert strokes("max", "input") == [("kernel", 1.5), ("kernel", 3)]
    assert strokes("average", "columns") == [("kernel", 1.5), ("kernel", 3)]
    assert strokes("max", "columns") == [("kernel", 1.5), ("kernel", 3), ("output", 3)]
    words = texts(Im2col(EXAMPLE, SMALL, mode="max").picture())
    assert {"no weights", "largest of the block"} <= set(words)


@pytest.mark.parametrize("mode", ["convolution", "max", "average"])
def test_the_picture_keeps_its_size_between_rows(mode):
    rows = [Im2col(EXAMPLE, WEIGHT, mode=mode, padding=1, row=row) for row in (0, 1)]
    assert len({lowered.picture().size for lowered in rows}) == 1


# ---------------------------------------------------------------- state and view


def test_the_state_uses_a_part_of_the_arrays():
    part = Im2col(EXAMPLE, WEIGHT, kernel_size=2, channels=1)
    whole = Im2col(EXAMPLE[:1], WEIGHT[:, :1, :2, :2])
    np.testing.assert_array_equal(part.weight_matrix, whole.weight_matrix)
    np.testing.assert_array_equal(part.output, whole.output)
    pooled = Im2col(EXAMPLE, WEIGHT, mode="max", kernel_size=2, channels=1, row=1)
    assert (pooled.row, pooled.bounds) == (0, {"row": (0, 0)})  # the last row there is


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"x": np.ones((3, 4, 4))}, "x has 3 channels, weight expects 2"),
        ({"x": np.ones((2, 6, 7))}, "the columns make a matrix of 18 × 20, the picture holds at"),
        ({"kernel_size": 1, "padding": 1}, "30 windows, the picture holds at most 20"),
        (
            {"x": np.ones((3, 4, 4)), "weight": np.ones((1, 3, 3, 3))},
            "27 numbers in a window, the picture holds at most 18",
        ),
        (
            {"x": np.ones((4, 4, 4)), "weight": np.ones((1, 4, 2, 2))},
            "4 input channels, the picture holds at most 3",
        ),
        (
            {"x": np.ones((1, 4, 4)), "weight": np.ones((4, 1, 2, 2))},
            "4 output channels, the picture holds at most 3",
        ),
    ],
)
def test_what_the_picture_cannot_hold_is_refused(change, match):
    with pytest.raises(ValueError, match=match):
        Im2col(**{"x": EXAMPLE, "weight": WEIGHT, **change})


def test_fewer_windows_clamp_the_step_and_fewer_channels_the_row():
    view = im2col_stepper(step=5, row=1)
    view.controls["stride"].value = 2
    assert (view.state.step, view.step.max) == (1, 1)
    view.controls["mode"].value = "max"
    assert (view.state.row, view.controls["row"].max) == (1, 1)
    view.controls["channels"].value = 1
    assert (view.state.row, view.controls["row"].value) == (0, 0)
    assert view.controls["row"].disabled
    view.controls["mode"].value = "convolution"
    assert not view.controls["row"].disabled
    assert view.message == ""


def test_own_arrays_and_menus():
    view = im2col_stepper(HAND_X, HAND_W, step=5)
    assert "Y[0,5] = 1·4 + 2·1 + 0·1 + (−1)·2 = 4" in repr(view)
    assert "channels" not in view.controls
    assert view.controls["kernel_size"].label == "2 × 2"
    assert im2col_stepper().controls["kernel_size"].label == "2 × 2"
    flat = im2col_stepper(HAND_X, np.ones((2, 3)))
    menu = flat.controls["kernel_size"]
    assert (menu.label, flat.state.window_size) == ("2 × 3", (2, 3))
    menu.label = "2 × 2"
    assert flat.state.window_size == (2, 2)
    menu.label = "2 × 3"
    assert flat.state.window_size == (2, 3)
    with pytest.raises(ValueError, match="x has 1 channels, weight expects 2"):
        im2col_stepper(HAND_X, WEIGHT)
