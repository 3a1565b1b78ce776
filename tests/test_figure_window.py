"""The window: its arithmetic against ops, steps worked by hand, and its pictures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_state, texts
from scipy import signal

from cnnbook.figures.window import LINE, Window
from cnnbook.ops import conv1d, conv2d

X = np.array([[1, 2, 0, 1], [0, 1, 3, 2], [2, 0, 1, 0.0]])
KERNEL = np.array([[1, 2], [0, -1.0]])
RNG = np.random.default_rng(0)


@st.composite
def windows(draw):
    """Any window that can be drawn."""
    rank, size = draw(st.integers(1, 2)), st.integers(1, 16)
    shape, kernel = ([draw(size) for _ in range(rank)] for _ in range(2))
    values = np.random.default_rng(draw(st.integers(0, 9)))
    scale = draw(st.sampled_from([0, 1e-7, 1, 1e3]))
    whole = draw(st.booleans())
    arrays = [values.standard_normal(s) * scale for s in (shape, np.minimum(shape, kernel))]
    arrays = [array.round() for array in arrays] if whole else arrays
    options = {"stride": draw(st.integers(1, 4)), "flip": draw(st.booleans())}
    options["padding"] = draw(st.integers(0, min(2, (16 - max(shape)) // 2)))
    if max(arrays[1].shape) * 2 <= min(shape):
        options["dilation"] = draw(st.integers(1, 2))
    return Window(*arrays, **options)


@settings(max_examples=30, deadline=None)
@given(windows())
def test_every_picture(window):
    check_state(window)


def formula(window):
    return window.description.partition("output. ")[2].removesuffix(".")


def test_a_step_worked_by_hand():
    window = Window(X, KERNEL, step=4)  # row 1, column 1
    np.testing.assert_array_equal(window.covered, [[1, 3], [0, 1]])
    np.testing.assert_array_equal(window.covered * window.applied, [[1, 6], [0, -1]])
    assert formula(window) == "y[1,1] = 1·1 + 3·2 + 1·(−1) = 6"
    assert window.description == (
        "Step 5 of 6: row 1, column 1 of the output. y[1,1] = 1·1 + 3·2 + 1·(−1) = 6."
    )
    assert repr(window) == window.description


def test_a_convolution_worked_by_hand():
    window = Window(X, KERNEL, step=4, flip=True)
    np.testing.assert_array_equal(window.applied, [[-1, 0], [2, 1]])
    assert formula(window) == "y[1,1] = 1·(−1) + 0·2 + 1·1 = 0"


def test_an_echo_worked_by_hand():
    window = Window([1, 0, 2, 0], [1, 0.5, 0.25], step=2, padding=2, flip=True)
    assert formula(window) == "y[2] = 1·0.25 + 0·0.5 + 2·1 = 2.25"
    np.testing.assert_array_equal(window.output, [[1, 0.5, 2.25, 1, 0.5, 0]])


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("padding", [0, (2, 1)])
@pytest.mark.parametrize("stride", [1, (2, 3)])
@pytest.mark.parametrize("dilation", [1, (2, 1)])
def test_every_step_yields_the_output_of_ops(flip, padding, stride, dilation):
    x, kernel = RNG.standard_normal((6, 8)), RNG.standard_normal((3, 2))
    weight = np.flip(kernel).copy() if flip else kernel
    expected = conv2d(x[None, None], weight[None, None], None, stride, padding, dilation)[0, 0]
    options = {"stride": stride, "padding": padding, "dilation": dilation, "flip": flip}
    first = Window(x, kernel, **options)
    assert first.steps == expected.size
    for step in range(first.steps):
        window = first.at(step)
        np.testing.assert_allclose(
            (window.covered * window.applied).sum(), expected[window.position], atol=1e-12
        )
        afresh = Window(x, kernel, step, **options)
        assert window.description == afresh.description
    np.testing.assert_allclose(first.output, expected, atol=1e-12)


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 3, 1), (1, 1, 2)])
def test_a_row_yields_the_output_of_ops(stride, padding, dilation):
    x, kernel = RNG.standard_normal(9), RNG.standard_normal(3)
    expected = conv1d(x[None], kernel[None, None], None, stride, padding, dilation)
    window = Window(x, kernel, 0, stride, padding, dilation)
    np.testing.assert_allclose(window.output, expected, atol=1e-12)


def test_flip_is_scipys_convolution():
    x, kernel = RNG.standard_normal((5, 7)), RNG.standard_normal((2, 3))
    expected = signal.convolve2d(x, kernel, "valid")
    np.testing.assert_allclose(Window(x, kernel, flip=True).output, expected, atol=1e-12)


def test_whole_numbers_and_lists_are_taken():
    window = Window([[1, 2], [3, 4]], [[1, 0], [0, 1]])
    assert window.x.dtype == window.kernel.dtype == float
    assert formula(window) == "y[0,0] = 1·1 + 4·1 = 5"


def test_a_long_formula_is_broken_into_lines():
    window = Window(RNG.standard_normal((16, 16)), RNG.standard_normal((5, 5)), step=17)
    lines = window.formula_lines
    assert 1 < len(lines)
    assert max(map(len, lines)) <= LINE
    assert " ".join(line.strip() for line in lines) == formula(window)
    assert lines[-1].endswith("(25 terms) = " + formula(window).rpartition(" = ")[2])
    assert {len(window.at(k).formula_lines) for k in range(100)} == {len(lines)}


def test_what_the_picture_says():
    picture = Window(X, KERNEL, step=4).picture()
    for words in ("Step 5 of 6", "row 1, column 1 of the output", "= 6", "input 3 × 4",
                  "columns: 4 + 2·0 − 2 + 1 = 3", "y[1,1] = 1·1 + 3·2 + 1·(−1) = 6"):  # fmt: skip
        assert words in texts(picture)
    both = texts(Window(X, KERNEL, flip=True).picture())
    assert {"as given", "rotated"} <= set(both)
    row = texts(Window([1, 2, 3], [1, 2], flip=True).picture())
    assert {"as given", "laid down", "flipped", "output 2"} <= set(row)


def written(picture, part):
    return [mark.text for mark in picture.find(part) if hasattr(mark, "text")]


def test_outputs_to_come_are_empty():
    first, last = (Window(X, KERNEL + 40, step=k).picture() for k in (0, 5))
    assert (len(written(first, "output")), len(written(last, "output"))) == (1, 6)


def test_padding_is_dashed_and_the_window_framed():
    picture = Window(X, KERNEL, padding=1).picture()
    assert len(picture.find("input", "padding")) == 5 * 6 - 3 * 4
    assert all(mark.dashed for mark in picture.find("input", "padding"))
    assert [m.stroke for m in picture.find("input", "frame")] == ["kernel"]
    assert [m.stroke for m in picture.find("output", "frame")] == ["output"]
    gaps = Window(X, KERNEL, dilation=2, padding=1).picture()
    assert [m.dashed for m in gaps.find("input", "frame")] == [False] * 4 + [True]


def test_sign_is_seen_and_numbers_share_a_scale():
    window = Window([[-8, 4]], [[1]], step=1)
    tints = {m.at: (m.fill, m.tint) for m in window.picture().find("input", "cell") if m.tint}
    assert tints == {(0, 0): ("negative", 1), (0, 1): ("input", 0.5)}
    output = [m.tint for m in window.picture().find("output", "cell") if m.fill == "output"]
    assert output == [0.5]


@pytest.mark.parametrize(
    ("case", "error", "message"),
    [
        ({"x": X, "kernel": [1, 2]}, ValueError, "x has 2 axes, kernel has 1"),
        ({"x": X[None], "kernel": KERNEL}, ValueError, "x has 3 axes, expected 1 or 2"),
        ({"x": X, "kernel": KERNEL, "step": 6}, ValueError, "step is 6, expected 0 to 5"),
        ({"x": X, "kernel": KERNEL, "step": -1}, ValueError, "step is -1, expected 0 to 5"),
        ({"x": X, "kernel": np.ones((4, 1))}, ValueError, "more than the 3 of the padded input"),
        ({"x": X, "kernel": KERNEL, "stride": 0}, ValueError, "stride is 0, must be at least 1"),
        ({"x": X, "kernel": KERNEL, "padding": 0.5}, TypeError, "padding must be an int"),
        ({"x": [1, np.inf], "kernel": [1]}, ValueError, "x holds inf, not a finite number"),
        ({"x": [1, 2], "kernel": [np.nan]}, ValueError, "kernel holds nan, not a finite number"),
        ({"x": np.ones((17, 3)), "kernel": [[1]]}, ValueError, "is 17 × 3, the picture holds at"),
    ],
)
def test_impossible_windows_are_refused(case, error, message):
    with pytest.raises(error, match=message):
        Window(**case)
