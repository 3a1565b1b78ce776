"""The window: its arithmetic against ops, steps worked by hand, and a picture with nothing cut."""

import numpy as np
import pytest
from scipy import signal

from cnnbook.figures.picture import MARGIN, _Rect, _Text
from cnnbook.figures.window import LINE, Window, draw_window
from cnnbook.ops import conv1d, conv2d

X = np.array([[1, 2, 0, 1], [0, 1, 3, 2], [2, 0, 1, 0.0]])
KERNEL = np.array([[1, 2], [0, -1.0]])
RNG = np.random.default_rng(0)
PICTURES = {
    "plain": {"x": X, "kernel": KERNEL},
    "flip": {"x": X, "kernel": KERNEL, "flip": True, "padding": 1, "stride": 2},
    "one pixel": {"x": [[3]], "kernel": [[2]]},
    "dilated": {"x": RNG.integers(0, 256, (7, 7)), "kernel": np.ones((3, 3)) / 9, "dilation": 2},
    "thin": {"x": RNG.integers(0, 9, (1, 12)), "kernel": np.ones((1, 3))},
    "tall": {"x": RNG.integers(0, 9, (16, 2)), "kernel": np.ones((3, 2)), "flip": True},
    "wide": {"x": RNG.integers(0, 9, (2, 16)), "kernel": np.ones((2, 2)), "flip": True},
    "full": {"x": RNG.standard_normal((16, 16)), "kernel": RNG.standard_normal((5, 5))},
    "full, rotated": {
        "x": 1e3 * RNG.standard_normal((16, 16)), "kernel": RNG.standard_normal((8, 8)),
        "flip": True,
    },
    "kernel as large as the input": {"x": np.ones((16, 16)), "kernel": np.ones((16, 16))},
    "row": {"x": [1, 2, 4, 8], "kernel": [1, 0.5, 0.25], "flip": True, "padding": 2},
    "long row": {"x": RNG.standard_normal(16), "kernel": RNG.standard_normal(9)},
    "gaps": {"x": np.arange(9), "kernel": [1, -2, 1], "dilation": 2, "padding": 2, "stride": 2},
    "zeros": {"x": np.zeros((3, 3)), "kernel": np.zeros((2, 2))},
    "tiny": {"x": 1e-7 * RNG.standard_normal((5, 5)), "kernel": RNG.standard_normal((3, 3))},
}  # fmt: skip


def texts(picture):
    return [mark.text for mark in picture.marks if isinstance(mark, _Text)]


def assert_nothing_is_cut(picture):
    """Every rectangle and every text lies on the canvas, in the PNG's wide fonts."""
    for mark in picture.marks:
        if isinstance(mark, _Rect):
            assert min(mark.x, mark.y) >= -MARGIN, mark
            assert mark.x + mark.width <= picture.width + MARGIN, mark
            assert mark.y + mark.height <= picture.height + MARGIN, mark
    figure = picture.axes().figure
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    for text, box in zip(figure.axes[0].texts, boxes, strict=True):
        assert min(box.x0, box.y0) >= 0, text
        assert box.x1 <= figure.bbox.x1, text
        assert box.y1 <= figure.bbox.y1, text
    corners = np.array([box.extents for box in boxes])
    apart = (corners[:, None, :2] >= corners[None, :, 2:] - 1).any(axis=2)
    meet = [(i, j) for i, j in np.argwhere(~(apart | apart.T)) if i < j]
    assert not meet, [figure.axes[0].texts[k] for k in meet[0]]


def test_a_step_worked_by_hand():
    window = Window(X, KERNEL, step=4)  # row 1, column 1
    np.testing.assert_array_equal(window.covered, [[1, 3], [0, 1]])
    np.testing.assert_array_equal(window.products, [[1, 6], [0, -1]])
    assert window.formula == "y[1,1] = 1·1 + 3·2 + 1·(−1) = 6"
    assert window.description == (
        "Step 5 of 6: row 1, column 1 of the output. y[1,1] = 1·1 + 3·2 + 1·(−1) = 6."
    )


def test_a_convolution_worked_by_hand():
    window = Window(X, KERNEL, step=4, flip=True)
    np.testing.assert_array_equal(window.applied, [[-1, 0], [2, 1]])
    assert window.formula == "y[1,1] = 1·(−1) + 0·2 + 1·1 = 0"


def test_an_echo_worked_by_hand():
    window = Window([1, 0, 2, 0], [1, 0.5, 0.25], step=2, padding=2, flip=True)
    assert window.formula == "y[2] = 1·0.25 + 0·0.5 + 2·1 = 2.25"
    np.testing.assert_array_equal(window.output, [[1, 0.5, 2.25, 1, 0.5, 0]])


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("padding", [0, (2, 1)])
@pytest.mark.parametrize("stride", [1, (2, 3)])
@pytest.mark.parametrize("dilation", [1, (2, 1)])
def test_every_step_yields_the_output_of_ops(flip, padding, stride, dilation):
    x, kernel = RNG.standard_normal((6, 8)), RNG.standard_normal((3, 2))
    weight = np.flip(kernel).copy() if flip else kernel
    expected = conv2d(x[None, None], weight[None, None], None, stride, padding, dilation)[0, 0]
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "flip": flip}
    steps = Window(x, kernel, **settings).steps
    assert steps == expected.size
    for step in range(steps):
        window = Window(x, kernel, step, **settings)
        np.testing.assert_allclose(window.products.sum(), expected[window.position], atol=1e-12)
    np.testing.assert_allclose(window.output, expected, atol=1e-12)


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
    assert window.formula == "y[0,0] = 1·1 + 4·1 = 5"


@pytest.mark.parametrize("case", PICTURES.values(), ids=PICTURES)
def test_nothing_is_cut(case):
    picture = draw_window(Window(**case, step=Window(**case).steps - 1))  # all outputs are there
    assert picture.width <= 952
    assert_nothing_is_cut(picture)


@pytest.mark.parametrize("case", PICTURES.values(), ids=PICTURES)
def test_size_and_type_are_the_same_at_every_step(case):
    steps = Window(**case).steps
    pictures = [draw_window(Window(**case, step=k)) for k in range(0, steps, max(1, steps // 8))]
    assert len({(picture.width, picture.height) for picture in pictures}) == 1
    sizes = [{m.size for m in p.marks if isinstance(m, _Text)} for p in pictures]
    assert all(each <= sizes[-1] for each in sizes)


def product_sizes(picture, near):
    """Sizes of type in the cells whose place `near` finds, given title and mark."""
    marks = [mark for mark in picture.marks if isinstance(mark, _Text)]
    title = next(mark for mark in marks if mark.text == "window × kernel")
    return {mark.size for mark in marks if mark.anchor == "middle" and near(title, mark)}


def test_products_keep_one_size_of_type():
    x, kernel = np.array([1, 0.25, 8, -0.125, 3, 5]), np.array([1, 0.5, 3])
    images = [draw_window(Window(x.reshape(2, 3), kernel[None], step)) for step in range(2)]
    below = [product_sizes(p, lambda t, m: m.y > t.y and t.x < m.x < t.x + 150) for p in images]
    rows = [draw_window(Window(x, kernel, step)) for step in range(4)]
    beside = [product_sizes(p, lambda t, m: abs(m.y - t.y) < 16) for p in rows]
    assert len(set.union(*below)) == len(set.union(*beside)) == 1


def test_a_long_formula_is_broken_into_lines():
    window = Window(**PICTURES["full"], step=17)
    lines = window.formula_lines
    assert len(lines) > 1
    assert max(map(len, lines)) <= LINE
    assert " ".join(line.strip() for line in lines) == window.formula
    assert lines[-1].endswith("(25 terms) = " + window.formula.rpartition(" = ")[2])
    counts = {len(Window(**PICTURES["full"], step=k).formula_lines) for k in range(100)}
    assert counts == {len(lines)}


def test_numbers_in_the_picture():
    shown = texts(draw_window(Window(X, KERNEL, step=4)))
    for text in ("Step 5 of 6", "row 1, column 1 of the output", "= 6", "input 3 × 4",
                 "columns: 4 + 2·0 − 2 + 1 = 3", "not flipped"):  # fmt: skip
        assert text in shown
    assert "y[1,1] = 1·1 + 3·2 + 1·(−1) = 6" in shown


def test_outputs_to_come_are_empty():
    first, last = (draw_window(Window(X, KERNEL + 40, step=k)) for k in (0, 5))
    values = [f"{value:g}" for value in Window(X, KERNEL + 40).output.flat]
    assert [value in texts(last) for value in values] == [True] * 6
    assert [value in texts(first) for value in values[1:]] == [False] * 5


def test_both_kernels_are_shown_where_one_is_flipped():
    assert {"as given", "rotated"} <= set(texts(draw_window(Window(X, KERNEL, flip=True))))
    row = texts(draw_window(Window([1, 2, 3], [1, 2], flip=True)))
    assert {"as given", "laid down", "flipped"} <= set(row)


def test_padding_is_dashed_and_the_window_framed():
    picture = draw_window(Window(X, KERNEL, padding=1))
    dashed = [mark for mark in picture.marks if isinstance(mark, _Rect) and mark.dashed]
    assert len(dashed) == 5 * 6 - 3 * 4
    frames = [m for m in picture.marks if isinstance(m, _Rect) and m.stroke == "kernel"]
    assert {frame.fill for frame in frames} == {None}
    output = [m for m in picture.marks if isinstance(m, _Rect) and m.stroke == "output"]
    assert len(output) == 1


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
    ],
)
def test_impossible_windows_are_refused(case, error, message):
    with pytest.raises(error, match=message):
        Window(**case)
