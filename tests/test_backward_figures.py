"""The figures of a backward pass: their arithmetic against `ops`, and steps worked by hand."""

import itertools
import re

import numpy as np
import pytest

from cnnbook import ops
from cnnbook.figures.backward import BackwardStep, draw_backward
from cnnbook.figures.backward_graph import Node, draw_graph

CONVOLUTIONS = list(itertools.product([(2, 3), (3, 1)], [1, 2, 3], [0, 1, 2], [1, 2]))
POOLINGS = [
    case
    for case in itertools.product(["max", "average"], [2, 3, (2, 3)], [1, 2, 3], [0, 1])
    if 2 * case[3] <= np.min(case[1])
]


def signed(rows=6, columns=5):
    return np.random.default_rng(0).standard_normal((rows, columns))


def last_step(x, kernel, mode, *settings):
    """Build the last step under a random upstream gradient of the right shape."""
    shape = BackwardStep.output_shape.func(_bare(x, kernel, mode, *settings))
    grad_out = np.random.default_rng(1).standard_normal(shape)
    return BackwardStep(x, kernel, grad_out, mode, *settings, step=grad_out.size - 1)


def _bare(x, kernel, mode, stride, padding, dilation=1):
    bare = object.__new__(BackwardStep)
    names = ("x", "kernel", "mode", "stride", "padding", "dilation")
    for name, value in zip(names, (x, kernel, mode, stride, padding, dilation), strict=True):
        object.__setattr__(bare, name, value)
    return bare


@pytest.mark.parametrize(("size", "stride", "padding", "dilation"), CONVOLUTIONS)
def test_the_last_step_of_a_convolution_is_its_backward(size, stride, padding, dilation):
    x, kernel = signed(), np.random.default_rng(2).standard_normal(size)
    last = last_step(x, kernel, "convolution", stride, padding, dilation)
    expected = ops.conv2d_backward(
        last.grad_out[None, None],
        x[None, None],
        kernel[None, None],
        stride=stride,
        padding=padding,
        dilation=dilation,
    )
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
    x, kernel, grad_out = signed(), signed(2, 3), signed(5, 3)
    steps = [BackwardStep(x, kernel, grad_out, step=step) for step in range(15)]
    for before, after in itertools.pairwise(steps):
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
        ({"kernel": np.full((1, 2), np.inf)}, "kernel holds NaN or infinity"),
        ({"grad_out": np.ones((3, 2))}, "grad_out is 3 × 2, the output is 2 × 2"),
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


def texts(svg):
    return re.findall(r">([^<>]+)</text>", svg)


def test_the_drawing_holds_the_numbers():
    words = texts(draw_backward(BackwardStep(X, W, G, step=1)).svg())
    assert {"Step 2 of 4", "row 0, column 1 of the output", "now + g[0,1]·w"} <= {*words}
    assert "grad_w[0,0] = 1·1 + (−2)·3 = −5   (2 of 4 positions)" in words
    # the window's two additions to grad_x, then the two to grad_w
    assert [w for w in words if re.fullmatch(r"[+−]\d·\d", w)] == ["−2·2", "+2·1", "−2·3", "+2·2"]


def test_long_factors_give_way_to_their_product():
    step = BackwardStep(X, W * 1.237, G * 0.123, step=1)
    words = texts(draw_backward(step).svg())
    assert "−0.609" in words  # −0.246 · 2.474
    assert not any(re.match(r"[+−][\d.]+·", w) for w in words)


def graph():
    return [
        Node("w", 2, 6, 0, 0, role="kernel"),
        Node("u", -6, 2, 1, 0.5, {"w": -3}),
    ]


def test_a_graph_says_its_values_and_gradients():
    picture = draw_graph(graph())
    assert repr(picture) == ("Computation graph: w is 2, its gradient 6; u is −6, its gradient 2.")
    assert {"w", "2", "6", "u", "−6", "·(−3)"} <= {*texts(picture.svg())}


def test_an_edge_from_nowhere_is_named():
    with pytest.raises(ValueError, match="u is computed from w, which is not in the graph"):
        draw_graph(graph()[1:])
