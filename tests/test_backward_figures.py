"""The figures of a backward pass: their arithmetic against `ops`, and steps worked by hand."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, check_state, texts

from cnnbook import ops
from cnnbook.figures.backward import BackwardStep
from cnnbook.figures.backward_graph import Node, draw_graph
from cnnbook.shapes import output_size, pool_output_size

CONVOLUTIONS = list(itertools.product([(2, 3), (3, 1)], [1, 2, 3], [0, 1, 2], [1, 2]))
POOLINGS = [
    case
    for case in itertools.product(["max", "average"], [2, 3, (2, 3)], [1, 2, 3], [0, 1])
    if 2 * case[3] <= np.min(case[1])
]


def signed(rows=5, columns=5):
    return np.random.default_rng(0).standard_normal((rows, columns))


def last_step(x, kernel, mode, *settings):
    """Build the last step under a random upstream gradient of the right shape."""
    if mode == "convolution":
        shape = output_size(x.shape, kernel.shape, *settings)
    else:
        shape = pool_output_size(x.shape, kernel, *settings)
    grad_out = np.random.default_rng(1).standard_normal(shape)
    return BackwardStep(x, kernel, grad_out, mode, *settings, step=grad_out.size - 1)


@pytest.mark.parametrize(("size", "stride", "padding", "dilation"), CONVOLUTIONS)
def test_the_last_step_of_a_convolution_is_its_backward(size, stride, padding, dilation):
    x, kernel = signed(), np.random.default_rng(2).standard_normal(size)
    last = last_step(x, kernel, "convolution", stride, padding, dilation)
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    arrays = (array[None, None] for array in (last.grad_out, x, kernel))
    expected = ops.conv2d_backward(*arrays, **options)
    close = {"rtol": 1e-12, "atol": 1e-12, "strict": True}
    np.testing.assert_allclose(last.grad_x, expected.grad_x[0, 0], **close)
    np.testing.assert_allclose(last.grad_w, expected.grad_weight[0, 0], **close)
    output = ops.conv2d(x[None, None], kernel[None, None], None, stride, padding, dilation)
    np.testing.assert_allclose(last.output, output[0, 0], **close)


@pytest.mark.parametrize(("mode", "size", "stride", "padding"), POOLINGS)
@pytest.mark.parametrize(
    "x", [signed(), np.round(signed()), np.zeros((6, 5))], ids=["", "ties", "0"]
)
def test_the_last_step_of_a_pooling_is_its_backward(mode, size, stride, padding, x):
    last = last_step(x, size, mode, stride, padding)
    forward, backward = {
        "max": (ops.max_pool2d, ops.max_pool2d_backward),
        "average": (ops.avg_pool2d, ops.avg_pool2d_backward),
    }[mode]
    expected = backward(last.grad_out[None], x[None], size, stride, padding).grad_x[0]
    np.testing.assert_allclose(last.grad_x, expected, rtol=1e-12, atol=1e-12, strict=True)
    output = forward(x[None], size, stride, padding)[0]
    np.testing.assert_allclose(last.output, output, rtol=1e-12, atol=1e-12)
    assert last.grad_w is None


def test_each_step_adds_what_one_output_sends():
    x, kernel, grad_out = signed(6, 5), signed(2, 3), signed(5, 3)
    every = [BackwardStep(x, kernel, grad_out, step=step) for step in range(15)]
    for before, after in itertools.pairwise(every):
        one = np.zeros_like(grad_out)
        one[after.position] = grad_out[after.position]
        alone = ops.conv2d_backward(one[None, None], x[None, None], kernel[None, None])
        np.testing.assert_allclose(after.grad_x - before.grad_x, alone.grad_x[0, 0], atol=1e-12)
        np.testing.assert_allclose(
            after.grad_w - before.grad_w, alone.grad_weight[0, 0], atol=1e-12
        )


X = np.array([[1, 3, -2], [0, 2, 1.0]])
W = np.array([[2, -1.0]])
G = np.array([[1, -2], [3, 0.5]])


def test_one_step_of_a_convolution_by_hand():
    step = BackwardStep(X, W, G, step=1)
    assert step.position == (0, 1)
    np.testing.assert_array_equal(step.grad_x, [[2, -1 - 4, 2], [0, 0, 0]])
    np.testing.assert_array_equal(step.grad_w, [[1 - 6, 3 + 4]])
    assert step.input_sum == ("grad_x[0,1] = 1·(−1) + (−2)·2 = −5", "2 of 2 windows")
    assert step.weight_sum == ("grad_w[0,0] = 1·1 + (−2)·3 = −5", "2 of 4 positions")
    assert step.short_term(-2, 2) == "−2·2"
    assert step.short_term(-2, -1) == "+2·1"
    assert step.description.startswith("Backward step 2 of 4: g[0,1] = −2 reaches each input")
    assert "grad_x[0,1] = 1·(−1) + (−2)·2 = −5 (2 of 2 windows)." in step.description


def test_one_step_of_max_pooling_by_hand():
    step = BackwardStep([[1, 3, 0], [2, 0, 3]], 2, [[5, -2.0]], "max", 1, step=1)
    np.testing.assert_array_equal(step.grad_x, [[0, 5 - 2, 0], [0, 0, 0]])
    assert (
        step.rule == "g[0,1] = −2 goes to the maximum 3 in row 0, column 1, the first of 2 equals"
    )
    assert step.input_sum == ("grad_x[0,1] = 5 + (−2) = 3", "2 of 2 windows")
    first = BackwardStep([[1, 3, 0], [2, 0, 3]], 2, [[5, -2.0]], "max", 1)
    assert "equals" not in first.rule
    assert first.input_sum[0] == "grad_x[0,1] = 5"  # not "5 = 5"
    negative = BackwardStep([[1, 3]], (1, 2), [[-5.0]], "max")
    assert negative.input_sum[0] == "grad_x[0,1] = −5"


def test_one_step_of_average_pooling_by_hand():
    step = BackwardStep(X, 2, [[4, 6.0]], "average", step=1)
    np.testing.assert_array_equal(step.grad_x, [[1, 2.5, 1.5], [1, 2.5, 1.5]])
    assert step.input_sum == ("grad_x[0,1] = 4/4 + 6/4 = 2.5", "2 of 2 windows")
    assert step.rule == "g[0,1] = 6 is spread over 4 inputs: each gets 1/4 of it"


def test_what_falls_on_the_padding_is_dropped():
    step = BackwardStep([[5.0]], [[1, 0], [0, 0]], np.ones((2, 2)), padding=1)
    assert step.grad_padded[0, 0] == 1
    last = BackwardStep([[5.0]], [[1, 2], [3, 4]], np.ones((2, 2)), padding=1, step=3)
    np.testing.assert_array_equal(last.grad_x, [[1 + 2 + 3 + 4]])
    outside = BackwardStep(np.ones((1, 1)), np.ones((1, 1)), np.ones((3, 3)), padding=1)
    assert outside.input_sum == ("all of it falls on the padding and is dropped", "")
    assert outside.example is None


def test_long_sums_show_their_last_terms_only():
    step = BackwardStep(np.ones((4, 4)), np.ones((1, 1)), np.ones((4, 4)), step=15)
    line, share = step.weight_sum
    assert line == "grad_w[0,0] = … + " + " + ".join(["1·1"] * 9) + " = 16"
    assert share == "16 of 16 positions"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "min"}, "mode is 'min', expected one of"),
        ({"x": np.ones(3)}, "x has 1 axes, expected 2"),
        ({"kernel": np.full((1, 2), np.inf)}, "kernel holds inf, not a finite number"),
        ({"grad_out": np.ones((3, 2))}, "grad_out is 3 × 2, the output is 2 × 2"),
        ({"x": np.ones((10, 3))}, "grad_out is 2 × 2, the output is 10 × 2"),
        ({"x": np.ones((2, 3)), "padding": 4, "grad_out": np.ones((10, 10))}, "input is 10 × 11"),
        ({"step": 4}, "step is 4, expected 0 to 3"),
        ({"mode": "max", "kernel": (1, 2), "dilation": 2}, "dilation is 2, expected 1 for pooling"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    settings = {"x": X, "kernel": W, "grad_out": G, **change}
    with pytest.raises(ValueError, match=re.escape(message)):
        BackwardStep(**settings)


def test_a_wrong_type_is_named():
    with pytest.raises(TypeError, match="stride must be an int"):
        BackwardStep(X, W, G, stride=1.5)


@st.composite
def steps(draw):
    """Any layer that can be drawn."""
    numbers = np.random.default_rng(draw(st.integers(0, 9)))
    kernel = [draw(st.integers(1, 3)) for _ in range(2)]
    mode = draw(st.sampled_from(["convolution", "max", "average"]))
    x = numbers.standard_normal([k + draw(st.integers(0, 4)) for k in kernel])
    names = {"stride": 2, "dilation": 2, "padding": 1, "scale": 4}
    stride, dilation, padding, scale = (draw(st.integers(1, most)) for most in names.values())
    if mode != "convolution" or max(k + 2 > n for k, n in zip(kernel, x.shape, strict=True)):
        dilation, padding = 1, padding * (mode == "convolution")
    weights = numbers.standard_normal(kernel)
    last = last_step(x, weights if mode == "convolution" else tuple(kernel), mode, stride, padding)
    if mode == "convolution":
        last = last_step(x, weights, mode, stride, padding, dilation)
    scale = [1e-6, 1, 10, 1e3][scale - 1]
    arrays = {"x": x * scale, "grad_out": last.grad_out * scale}
    if draw(st.booleans()):
        arrays = {name: array.round() for name, array in arrays.items()}
    return replace(last, **arrays, step=0)


@settings(max_examples=12, deadline=None)
@given(steps())
def test_every_picture(step):
    check_state(step, steps=2)


def written(picture, part):
    """The small texts of what is added now."""
    return [mark.text for mark in picture.find(part, "added")]


def test_the_drawing_holds_the_numbers():
    picture = BackwardStep(X, W, G, step=1).picture()
    words = {"Step 2 of 4", "row 0, column 1 of the output", "now + g[0,1]·w"}
    assert words <= set(texts(picture))
    assert "grad_w[0,0] = 1·1 + (−2)·3 = −5   (2 of 4 positions)" in texts(picture)
    assert written(picture, "grad_x") == ["−2·2", "+2·1"]
    assert written(picture, "grad_w") == ["−2·3", "+2·2"]


def test_long_factors_give_way_to_their_product():
    picture = BackwardStep(X, W * 1.237, G * 0.123, step=1).picture()
    assert written(picture, "grad_x")[0] == "−0.609"  # −0.246 · 2.474


def test_the_sign_of_a_gradient_is_seen():
    picture = BackwardStep(X, W, G, step=3).picture()
    fills = {m.at: m.fill for m in picture.find("grad_y", "cell") if m.tint}
    assert fills == {(0, 0): "gradient", (0, 1): "negative", (1, 0): "gradient",
                     (1, 1): "gradient"}  # fmt: skip


def test_a_gradient_that_was_not_sent_yet_does_not_look_like_a_zero():
    step = BackwardStep(np.arange(5.0)[None], np.ones((1, 3)), np.array([[1.0, 0, 3]]), step=1)
    assert len(step.picture().find("grad_y", "padding")) == 1
    assert "dashed: not sent yet" in texts(step.picture())
    assert not step.at(2).picture().find("grad_y", "padding")


def test_shares_of_an_average_are_written_as_fractions():
    step = BackwardStep(np.ones((3, 4)), 3, np.array([[1.0, -3]]), mode="average", step=1)
    assert [step.write(value) for value in (1 / 9, -2 / 9, 0, 1 / 3)] == ["1/9", "−2/9", "0", "3/9"]
    assert step.write(0.1234) == "0.123"
    assert "−2/9" in texts(step.picture())


def graph():
    return [
        Node("w", 2, 6, 0, 0, role="kernel"),
        Node("u", -6, 2, 1, 0.5, {"w": -3}),
    ]


def test_a_graph_says_its_values_and_gradients():
    picture = draw_graph(graph())
    check_picture(picture)
    assert repr(picture) == ("Computation graph: w is 2, its gradient 6; u is −6, its gradient 2.")
    assert {"w", "2", "6", "u", "−6", "·(−3)"} <= {*texts(picture)}


def test_an_edge_from_nowhere_is_named():
    with pytest.raises(ValueError, match="u is computed from w, which is not in the graph"):
        draw_graph(graph()[1:])
