"""Activations, the dense layer and response normalisation against PyTorch."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnbook import ops

NAN, INF = np.nan, np.inf
EXTREMES = np.array([[-INF, -1e4, -700.0, -20.0, -0.0], [0.5, 20.0, 700.0, 1e4, NAN]])
ACTIVATIONS = ["relu", "sigmoid", "tanh"]
TOLERANCE = {"float64": 1e-12, "float32": 1e-6}


def random(*shape, dtype=np.float64):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def assert_same(name, x, *args, limit=None, **options):
    """Our operation and torch's of the same name return the same array."""
    ours = getattr(ops, name)(x, *args, **options)
    tensors = [torch.from_numpy(a.copy()) if isinstance(a, np.ndarray) else a for a in (x, *args)]
    theirs = getattr(F, name)(*tensors, **options).numpy()
    limit = limit or TOLERANCE.get(str(theirs.dtype), 0)
    np.testing.assert_allclose(ours, theirs, rtol=limit, atol=limit, strict=True)


# ---------------------------------------------------------------- activations


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_match_torch(name):
    assert_same(name, EXTREMES)
    assert_same(name, EXTREMES.astype(np.float32), limit=1e-6)
    assert_same(name, np.array(-0.5))  # an array without axes stays an array
    for dtype in (np.uint8, np.int64):
        assert_same(name, np.array([0, 1, 100], dtype))


def test_sigmoid_is_accurate_in_both_tails():
    x = np.array([-700.0, -np.log(3.0), np.log(3.0)])
    np.testing.assert_allclose(ops.sigmoid(x), [np.exp(-700.0), 0.25, 0.75], rtol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [bool, object, complex, np.float16])
def test_activations_refuse_what_is_no_real_number(name, dtype):
    with pytest.raises(TypeError, match="x must hold real numbers, got dtype"):
        getattr(ops, name)(np.ones(3, dtype))
    with pytest.raises(TypeError, match="x must be a NumPy array, got float"):
        getattr(ops, name)(1.0)


# ---------------------------------------------------------------- linear


@pytest.mark.parametrize("leading", [(), (4,), (0,), (2, 1, 4)])
@pytest.mark.parametrize("bias", [None, (2,), (), (1,)])
def test_linear_matches_torch(leading, bias):
    x, weight = random(*leading, 3), random(2, 3)
    bias = None if bias is None else np.asarray(random(*bias))
    assert_same("linear", x, weight, bias)
    for dtype in (np.float32, np.int64, np.complex64):
        cast = [None if a is None else np.asarray(8 * a).astype(dtype) for a in (x, weight, bias)]
        assert_same("linear", *cast, limit=1e-5)


@pytest.mark.parametrize(
    ("x", "weight", "bias"),
    [((3,), (3,), ()), ((4, 3), (3,), None), ((4, 0), (2, 0), (2,)), ((4, 3), (2, 3), (4, 1)),
     ((4, 3), (0, 3), None)],
)  # fmt: skip
def test_linear_takes_the_shapes_that_torch_takes(x, weight, bias):
    assert_same("linear", np.ones(x), np.ones(weight), None if bias is None else np.ones(bias))
    assert_same("linear", np.array([[INF, 1.0], [NAN, 0.0]]), np.array([[1.0, 1.0], [-1.0, 0.0]]))


def test_linear_spreads_a_bias_of_two_axes():
    """PyTorch 2.9 takes it beside a matrix only."""
    bias = np.arange(8.0).reshape(4, 2)
    ours = ops.linear(np.ones((5, 4, 3)), np.ones((2, 3)), bias)
    np.testing.assert_array_equal(ours, [3 + bias] * 5)


ROW, MATRIX = np.ones(3), np.ones((2, 3))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"weight": np.ones((2, 5))}, ValueError, "x has 3 features, weight expects 5"),
        ({"bias": np.ones(3)}, ValueError, r"bias has shape \(3,\), result has \(2,\)"),
        ({"bias": np.ones((4, 2))}, ValueError, r"bias has shape \(4, 2\), result has \(2,\)"),
        ({"weight": ROW, "bias": ROW}, ValueError, r"bias has shape \(3,\), result has \(\)"),
        ({"x": np.ones((3, 3)), "weight": ROW, "bias": ROW}, ValueError, r"bias has shape \(3,\)"),
        ({"x": np.array(1.0)}, ValueError, "x has 0 axes, expected at least 1"),
        ({"weight": MATRIX[None]}, ValueError, r"weight has 3 axes .* expected \(out_features"),
        ({"weight": MATRIX.astype("f4")}, TypeError, "differ: x is float64, weight is float32"),
        ({"bias": np.ones(2, int)}, TypeError, r"dtypes differ: .* bias is int64"),
        ({"bias": 1.0}, TypeError, "bias must be a NumPy array, got float"),
        ({"weight": [[1.0] * 3]}, TypeError, "weight must be a NumPy array, got list"),
        ({"x": np.ones(3, bool)}, TypeError, "x must hold numbers, got dtype bool"),
    ],
)
def test_linear_refuses(change, error, message):
    with pytest.raises(error, match=message):
        ops.linear(**({"x": ROW, "weight": MATRIX} | change))


# ---------------------------------------------------------------- local response normalisation


@pytest.mark.parametrize("shape", [(2, 5, 4), (0, 5, 4, 3), (2, 0, 3)])
@pytest.mark.parametrize("size", [1, 4, 12])
def test_local_response_norm_matches_torch(shape, size):
    assert_same("local_response_norm", 10 * random(*shape), size, 0.3, 0.5, 2.0)
    assert_same("local_response_norm", 10 * random(*shape, dtype="f4"), size, limit=1e-5)


def test_local_response_norm_of_the_extremes():
    x = np.array([0.0, INF, NAN, -1e200]).reshape(1, 4, 1)
    assert_same("local_response_norm", x, 1, k=0.0)
    assert_same("local_response_norm", np.ones((1, 2, 2)), 2, -9.0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("spike", [INF, -INF, NAN, 0.0, 1e200])
@pytest.mark.parametrize("where", ["x", "grad_out"])
@pytest.mark.parametrize("beta", [0, 0.75, 2])
def test_local_response_norm_and_its_gradient_at_the_extremes(spike, where, beta):
    rng = np.random.default_rng(0)
    x, grad_out = rng.standard_normal((2, 1, 6, 2, 2))
    (x if where == "x" else grad_out)[0, 2, 1, 0] = spike
    tensor = torch.from_numpy(x).requires_grad_()
    theirs = F.local_response_norm(tensor, 3, alpha=0.5, beta=beta)
    theirs.backward(torch.from_numpy(grad_out))
    ours = ops.local_response_norm(x, 3, alpha=0.5, beta=beta)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-9, atol=1e-12)
    (grad_x,) = ops.local_response_norm_backward(grad_out, x, 3, alpha=0.5, beta=beta)
    np.testing.assert_allclose(grad_x, tensor.grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.ones((4, 3))}, ValueError, r"x has 2 axes \(4, 3\), expected at least 3"),
        ({"x": np.ones((1, 2, 3), int)}, TypeError, "x must hold floats, got dtype int64"),
        ({"x": 1.0}, TypeError, "x must be a NumPy array, got float"),
        ({"size": 0}, ValueError, "size is 0, must be at least 1"),
        ({"size": 2.0}, TypeError, r"size must be an int.* got 2.0"),
        ({"size": (2, 2)}, TypeError, r"size must be an int.* got \(2, 2\)"),
        ({"alpha": "a"}, TypeError, "alpha must be a real number, got 'a'"),
        ({"beta": None}, TypeError, "beta must be a real number, got None"),
        ({"k": 1j}, TypeError, "k must be a real number, got 1j"),
    ],
)
def test_local_response_norm_refuses(change, error, message):
    with pytest.raises(error, match=message):
        ops.local_response_norm(**({"x": np.ones((1, 3, 2)), "size": 2} | change))
