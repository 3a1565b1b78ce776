"""The weight matrix of a layer: arithmetic, counts, and what the pictures say."""

import numpy as np
import pytest

from cnnbook.derivation import toeplitz
from cnnbook.figures.dense import MatrixLayer, draw_layer
from cnnbook.figures.picture import _Rect, _Text
from cnnbook.figures.weight_matrix import draw_stages
from cnnbook.ops import conv2d

X = np.array([[1, 2, 0, 1], [0, 1, 3, 2], [2, 0, 1, 0], [1, 3, 2, 1.0]])
KERNEL = np.array([[3, -2], [1, -3.0]])
SWITCHES = [(False, False), (True, False), (False, True), (True, True)]


def layer(locality=True, sharing=True, **settings):
    return MatrixLayer(X, KERNEL, locality, sharing, **settings)


def assert_legible(picture):
    """Nothing is cut off at the border, and no text lies on another."""
    figure = picture.axes().figure
    renderer = figure.canvas.get_renderer()
    axes = figure.axes[0]
    for mark in picture.marks:
        if isinstance(mark, _Rect):
            assert min(mark.x, mark.y) >= -4, mark
            assert mark.x + mark.width <= picture.width + 4, mark
            assert mark.y + mark.height <= picture.height + 4, mark
    for text in axes.texts:
        box = text.get_window_extent(renderer)
        assert min(box.x0, box.y0) >= 0, text
        assert box.x1 <= figure.bbox.x1, text
        assert box.y1 <= figure.bbox.y1, text
    boxes = np.array([text.get_window_extent(renderer).extents for text in axes.texts])
    apart = (boxes[:, None, :2] >= boxes[None, :, 2:] - 1).any(axis=2)
    meet = [(axes.texts[i], axes.texts[j]) for i, j in np.argwhere(~(apart | apart.T)) if i < j]
    assert not meet


def texts(picture):
    return [mark.text for mark in picture.marks if isinstance(mark, _Text)]


def test_a_convolution_worked_by_hand():
    step = layer(step=4)
    np.testing.assert_array_equal(step.row, [[0, 0, 0, 0], [0, 3, -2, 0], [0, 1, -3, 0], [0] * 4])
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


def test_one_weight_is_no_plural():
    assert MatrixLayer(X, [[2]], True, True).count == "1 weight, the same one everywhere"


def test_many_shared_weights_are_counted_in_digits():
    step = MatrixLayer(X, np.ones((4, 3)), True, True)
    assert step.count == "12 weights, the same 12 everywhere"


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


def test_weight_of_zero_is_still_a_weight():
    step = MatrixLayer(X, np.zeros((2, 2)), True, True)
    assert step.seen.sum() == 4
    assert step.formula == "H[0,0] = 0·1 + 0·2 + 0·0 + 0·1 = 0"


def test_window_that_sees_no_pixel():
    step = MatrixLayer(X, [[2]], True, True, padding=1)
    assert step.formula == "H[0,0] = 0 = 0"
    assert "1 of 1 meet padding" in texts(draw_layer(step))


def test_long_sums_are_shortened():
    assert layer(False, False).formula.endswith(" + … (16 terms) = −9")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"step": 9}, "step is 9, expected 0 to 8"),
        ({"step": -1}, "step is -1, expected 0 to 8"),
        ({"stride": 0}, "stride is 0, must be at least 1"),
        ({"padding": -1}, "padding is -1, must be at least 0"),
    ],
)
def test_impossible_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        layer(**settings)


def test_arrays_that_are_no_matrices():
    with pytest.raises(ValueError, match=r"x has shape \(4,\), expected"):
        MatrixLayer(X[0], KERNEL)
    with pytest.raises(ValueError, match=r"kernel has shape \(0, 2\), expected"):
        MatrixLayer(X, np.ones((0, 2)))
    with pytest.raises(ValueError, match="kernel_size 5"):
        MatrixLayer(X, np.ones((5, 5)))


EXAMPLES = [
    (X, KERNEL, {"step": 8}),
    (np.arange(25.0).reshape(5, 5), np.full((3, 3), 1 / 9), {"padding": 1}),
    (np.full((2, 7), -12.5), [[1, 2, 3]], {"stride": (1, 2)}),
    ([[1.0]], [[1.0]], {}),
]


@pytest.mark.parametrize("switches", SWITCHES)
@pytest.mark.parametrize(("x", "kernel", "settings"), EXAMPLES)
def test_pictures_are_legible(switches, x, kernel, settings):
    picture = draw_layer(MatrixLayer(x, kernel, *switches, **settings))
    assert picture.width <= 960
    assert_legible(picture)


@pytest.mark.parametrize(("x", "kernel", "settings"), EXAMPLES)
def test_stages_are_legible(x, kernel, settings):
    picture = draw_stages(MatrixLayer(x, kernel, **settings))
    assert picture.width <= 960
    assert_legible(picture)


@pytest.mark.parametrize("switches", SWITCHES)
def test_picture_shows_count_sum_and_all_four_counts(switches):
    step = layer(*switches, step=4)
    shown = texts(draw_layer(step))
    for expected in (step.count, step.reason, step.formula, "144", "4"):
        assert expected in shown
    assert shown.count("36") == 2
    sizes = [mark.size for mark in draw_layer(step).marks
             if isinstance(mark, _Text) and mark.text == step.count]  # fmt: skip
    assert sizes == [25]  # larger than all but the sum


def test_switches_and_steps_keep_the_size():
    assert len({draw_layer(layer(*on, step=k)).size for on in SWITCHES for k in (0, 8)}) == 1


def test_stages_say_all_four_counts():
    picture = draw_stages(layer())
    assert picture.description == (
        "Four 9 × 16 weight matrices with the same numbers. dense layer: 9 · 16 = 144 weights; "
        "sharing, without locality: 36 weights, one for each offset; "
        "locality = locally connected layer: 9 · 4 = 36 weights; "
        "locality + sharing = convolution: 4 weights, the same four everywhere."
    )
    assert texts(picture).count("sharing") == texts(picture).count("locality") == 2
