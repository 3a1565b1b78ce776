"""The weight matrix of a layer: arithmetic, counts, and what the pictures say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, check_state, texts

from cnnbook.derivation import toeplitz
from cnnbook.figures import MatrixLayer, draw_stages
from cnnbook.ops import conv2d

X = np.array([[1, 2, 0, 1], [0, 1, 3, 2], [2, 0, 1, 0], [1, 3, 2, 1.0]])
KERNEL = np.array([[3, -2], [1, -3.0]])
SWITCHES = [(False, False), (True, False), (False, True), (True, True)]


def layer(locality=True, sharing=True, **settings):
    return MatrixLayer(X, KERNEL, locality, sharing, **settings)


@st.composite
def layers(draw):
    """Any layer that can be drawn."""
    values = np.random.default_rng(draw(st.integers(0, 9)))
    rows = draw(st.integers(1, 4))
    shape = rows, draw(st.integers(1, 16 // rows))
    kernel = [draw(st.integers(1, min(n, 4))) for n in shape]
    scale = draw(st.sampled_from([0, 1e-7, 1, 1e3]))
    arrays = [values.standard_normal(s) * scale for s in (shape, kernel)]
    arrays = [array.round() for array in arrays] if draw(st.booleans()) else arrays
    on = draw(st.booleans()), draw(st.booleans())
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    outputs = [(n + 2 - k) // s + 1 for n, k, s in zip(shape, kernel, stride, strict=True)]
    padding = draw(st.integers(0, int(np.prod(outputs) <= 20)))
    return MatrixLayer(*arrays, *on, stride=stride, padding=padding)


@settings(max_examples=10, deadline=None)
@given(layers())
def test_every_picture(layer):
    check_state(layer, steps=2)


@pytest.mark.parametrize("shape", [(4, 4), (2, 7)])
def test_stages_of_every_size(shape):
    check_picture(draw_stages(MatrixLayer(np.full(shape, -12.5), np.ones((1, 1)) / 9)))


def test_a_convolution_worked_by_hand():
    step = layer(step=4)
    np.testing.assert_array_equal(
        step.weights, [[0, 0, 0, 0], [0, 3, -2, 0], [0, 1, -3, 0], [0] * 4]
    )
    np.testing.assert_array_equal(step.output, [[-4, -2, -5], [0, -6, 6], [-2, -5, 2]])
    assert step.formula == "H[1,1] = 3·1 + (−2)·3 + 1·0 + (−3)·1 = −6"
    assert step.description == (
        "Locality on, sharing on: 4 weights, the same four everywhere. Row 4 of the 9 × 16 matrix "
        "sees 4 of 16 pixels and gives row 1, column 1 of the output: " + step.formula + "."
    )


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 0), (1, 1), ((1, 2), (2, 0)), (3, 2)])
def test_both_switches_on_give_the_convolution(stride, padding):
    rng = np.random.default_rng(0)
    x, kernel = rng.standard_normal((5, 4)), rng.standard_normal((2, 3))
    step = MatrixLayer(x, kernel, True, True, stride=stride, padding=padding)
    expected = conv2d(x[None], kernel[None, None], stride=stride, padding=padding)[0]
    np.testing.assert_allclose(step.output, expected)
    np.testing.assert_array_equal(step.matrix, toeplitz(kernel, x.shape, stride, padding))


@pytest.mark.parametrize(
    ("switches", "parameters", "count"),
    [
        ((False, False), 144, "9 · 16 = 144 weights"),
        ((True, False), 36, "9 · 4 = 36 weights"),
        ((False, True), 36, "36 weights, one for each offset"),
        ((True, True), 4, "4 weights, the same four everywhere"),
    ],
)
def test_free_weights(switches, parameters, count):
    step = layer(*switches)
    assert step.parameters == parameters
    assert step.count == count
    assert np.unique(step.pattern[step.pattern >= 0]).size == parameters


@pytest.mark.parametrize(
    ("kernel", "count"),
    [([[2]], "1 weight, the same one everywhere"),
     (np.ones((4, 3)), "12 weights, the same 12 everywhere")],
)  # fmt: skip
def test_one_weight_and_many(kernel, count):
    assert MatrixLayer(X, kernel, True, True).count == count


@pytest.mark.parametrize("padding", [0, 1])
def test_locality_erases_and_sharing_copies(padding):
    dense, local, shared, both = (layer(*on, padding=padding) for on in SWITCHES)
    assert np.all(dense.matrix != 0)
    kept = both.pattern >= 0
    np.testing.assert_array_equal(local.matrix, np.where(kept, dense.matrix, 0))
    np.testing.assert_array_equal(both.matrix, np.where(kept, shared.matrix, 0))
    for number in range(shared.parameters):
        assert np.unique(shared.matrix[shared.pattern == number]).size <= 1
    if not padding:  # sharing gives everyone what the first output has
        np.testing.assert_array_equal(shared.matrix[0], dense.matrix[0])


def test_a_weight_of_zero_is_still_one_and_a_window_may_see_no_pixel():
    zeros = MatrixLayer(X, np.zeros((2, 2)), True, True)
    assert zeros.seen.sum() == 4
    assert zeros.formula == "H[0,0] = 0·1 + 0·2 + 0·0 + 0·1 = 0"
    outside = MatrixLayer(X, [[2]], True, True, padding=1)
    assert outside.formula == "H[0,0] = 0 = 0"
    assert "1 of 1 meet padding" in texts(outside.picture())
    assert layer(False, False).formula.endswith(" + … (16 terms) = −9")


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({"step": 9}, "step is 9, expected 0 to 8"),
        ({"step": -1}, "step is -1, expected 0 to 8"),
        ({"stride": 0}, "stride is 0, must be at least 1"),
        ({"padding": -1}, "padding is -1, must be at least 0"),
        ({"x": X[0]}, "x has 1 axes, expected 2"),
        ({"kernel": np.ones((0, 2))}, "kernel_size is 0, must be at least 1"),
        ({"kernel": np.ones((5, 5))}, "kernel_size 5"),
        ({"padding": 3}, "would be 81 × 16, the picture holds at most 36 × 36"),
    ],
)
def test_impossible_layers_are_refused(case, message):
    with pytest.raises(ValueError, match=message):
        MatrixLayer(**{"x": X, "kernel": KERNEL, **case})


@pytest.mark.parametrize("switches", SWITCHES)
def test_the_picture_shows_the_count_the_sum_and_all_four_counts(switches):
    step = layer(*switches, step=4)
    picture = step.picture()
    shown = texts(picture)
    assert {step.count, step.reason, step.formula, "144", "4"} <= set(shown)
    assert shown.count("36") == 2
    assert [m.stroke for m in picture.find("present") if hasattr(m, "stroke")] == [step.role]


def test_what_is_looked_at_is_framed_and_the_sign_is_seen():
    picture = layer(step=4).picture()
    for part, role in (("matrix", "kernel"), ("weights", "kernel"), ("input", "kernel"),
                       ("output", "output")):  # fmt: skip
        assert [mark.stroke for mark in picture.find(part, "frame")] == [role]
    first = {m.at[1]: (m.fill, m.tint) for m in picture.find("matrix", "weight") if m.at[0] == 0}
    one, two = pytest.approx(1 / 3), pytest.approx(2 / 3)
    assert first == {0: ("kernel", 1), 1: ("negative", two), 4: ("kernel", one), 5: ("negative", 1)}


def test_switches_keep_the_size():
    assert len({layer(*on).picture().size for on in SWITCHES}) == 1


def test_stages_say_all_four_counts():
    picture = draw_stages(layer())
    assert picture.description == (
        "Four 9 × 16 weight matrices with the same numbers. dense layer: 9 · 16 = 144 weights; "
        "sharing, without locality: 36 weights, one for each offset; "
        "locality = locally connected layer: 9 · 4 = 36 weights; "
        "locality + sharing = convolution: 4 weights, the same four everywhere."
    )
    assert texts(picture).count("sharing") == texts(picture).count("locality") == 2
