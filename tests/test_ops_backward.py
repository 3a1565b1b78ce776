"""Every operation and its backward: memory, dtypes, cases by hand, and what a backward refuses.

The sweeps compare with PyTorch over all arguments; here stand the cases that deserve a name.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnbook import ops
from cnnbook.ops import windows

CLOSE = {"rtol": 1e-10, "atol": 1e-10, "strict": True}
SIZES = {1: (9,), 2: (9, 7), 3: (5, 7, 6)}  # unequal, as are the kernels: swapped axes fail
KERNELS = {1: (3,), 2: (3, 2), 3: (2, 3, 1)}


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def autograd(name, grad_out, *arguments, **options):
    """Gradients of torch's function of this name with respect to each array of floats."""
    tensors = [torch.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]
    leaves = [t.requires_grad_() for t in tensors if torch.is_tensor(t) and t.is_floating_point()]
    out = getattr(F, name)(*tensors, **options)
    return [grad.numpy() for grad in torch.autograd.grad(out, leaves, torch.tensor(grad_out))]


def gradients(name, grad_out, *arguments, **options):
    """Our gradients, without those that are None."""
    grads = getattr(ops, f"{name}_backward")(grad_out, *arguments, **options)
    return [grad for grad in grads if grad is not None]


def assert_like_autograd(name, *arguments, **options):
    """Compare with autograd for a random upstream gradient."""
    grad_out = np.asarray(normal(*getattr(ops, name)(*arguments, **options).shape, seed=1))
    assert_gradients(name, grad_out, *arguments, **options)


def assert_gradients(name, grad_out, *arguments, **options):
    expected = autograd(name, grad_out, *arguments, **options)
    given = gradients(name, grad_out, *arguments, **options)
    for one, other in zip(given, expected, strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


def operands(axes, groups=1, batch=2):
    shapes = (batch, 4, *SIZES[axes]), (6, 4 // groups, *KERNELS[axes]), (6,)
    return [normal(*shape, seed=i) for i, shape in enumerate(shapes)]


# ---------------------------------------------------------------- the convolutions


def test_conv1d_backward_by_hand():
    """y0 = a x0 + b x1 and y1 = a x2 + b x3; the loss is y0 + 10 y1."""
    x, weight = np.array([[[1.0, 2.0, 3.0, 4.0, 5.0]]]), np.array([[[-1.0, 7.0]]])
    grads = ops.conv1d_backward(np.array([[[1.0, 10.0]]]), x, weight, np.zeros(1), stride=2)
    assert grads._fields == ("grad_x", "grad_weight", "grad_bias")
    np.testing.assert_array_equal(grads.grad_x, [[[-1.0, 7.0, -10.0, 70.0, 0.0]]], strict=True)
    np.testing.assert_array_equal(grads.grad_weight, [[[1.0 + 30, 2.0 + 40]]], strict=True)
    np.testing.assert_array_equal(grads.grad_bias, [11.0], strict=True)


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
def test_blocks_fit_together(name, monkeypatch):
    """Whatever the workspace holds, from a single row to the whole batch, the result is one."""
    x, weight = normal(5, 4, 9, 7), normal(4, 2, 3, 2, seed=1)
    for size in (1, 2_000, 10_000, 20_000, 10**6):
        monkeypatch.setattr(windows, "WORKSPACE_BYTES", size)
        assert_like_autograd(name, x, weight, padding=1, groups=2)


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_nan_and_inf_travel_as_in_torch(name, groups):
    x, weight = normal(2, 4, 6, 5), normal(4, 4 // groups, 3, 2, seed=1)
    options = {"padding": 1, "groups": groups}
    grad_out = normal(*getattr(ops, name)(x, weight, **options).shape, seed=2)
    x[0, 1, 2, 3], x[1, 0, 0, 0] = np.nan, np.inf
    grad_out[0, 2, 1, 1], grad_out[1, 3, 4, 0] = np.nan, -np.inf
    assert_gradients(name, grad_out, x, weight, **options)


# ---------------------------------------------------------------- all operations


PER_AXES = {
    f"{name}{axes}d": arguments
    for axes in (1, 2, 3)
    for name, arguments in {
        "conv": (*operands(axes, 2), 2, 1, 1, 2),
        "conv_transpose": (normal(2, 4, *SIZES[axes]), normal(4, 3, *KERNELS[axes], seed=1)),
        "max_pool": (normal(2, 3, *SIZES[axes]), 3, 2, 1),
        "avg_pool": (normal(2, 3, *SIZES[axes]), 3, 2, 1, True, False),
        "adaptive_max_pool": (normal(2, 3, *SIZES[axes]), 4),
        "adaptive_avg_pool": (normal(2, 3, *SIZES[axes]), 4),
    }.items()
}
EXAMPLES = PER_AXES | {
    "unfold": (normal(2, 3, 6, 5), (3, 2), 1, 1, 2),
    "fold": (normal(2, 12, 24), (6, 5), (3, 2), 1, (1, 0), (1, 1)),
    "pad": (normal(2, 3, 5, 4), (1, 2, 3, -1), "reflect"),
    "local_response_norm": (normal(2, 6, 3), 4, 0.9, 0.75, 2.0),
    "linear": (normal(2, 5, 4), normal(3, 4, seed=1), normal(3, seed=2)),
    **{name: (normal(4, 5),) for name in ("relu", "sigmoid", "tanh")},
    "softmax": (normal(4, 5), 1),
    "log_softmax": (normal(4, 5), 0),
    "cross_entropy": (normal(4, 5), np.array([0, 4, 1, 1])),
}


def test_every_operation_has_an_example():
    assert {n.removesuffix("_backward") for n in ops.__all__ if "_backward" in n} == set(EXAMPLES)


def floats(arguments):
    return [a for a in arguments if isinstance(a, np.ndarray) and a.dtype.kind == "f"]


def change_floats(arguments, change):
    return [change(a) if any(a is b for b in floats(arguments)) else a for a in arguments]


def results(name, grad_out, *arguments):
    """What the operation returns, and the gradients of its arrays."""
    return [getattr(ops, name)(*arguments), *gradients(name, grad_out, *arguments)]


def upstream(name, arguments):
    return np.asarray(normal(*getattr(ops, name)(*arguments).shape, seed=9))


@pytest.mark.parametrize("name", EXAMPLES)
def test_dtypes_and_shapes_are_kept(name):
    grad_out = upstream(name, EXAMPLES[name])
    exact = results(name, grad_out, *EXAMPLES[name])
    arguments = change_floats(EXAMPLES[name], lambda a: a.astype(np.float32))
    given = results(name, grad_out.astype(np.float32), *arguments)
    for one, array, best in zip(given, [grad_out, *floats(arguments)], exact, strict=True):
        assert (type(one), one.shape, one.dtype) == (np.ndarray, array.shape, np.float32)
        np.testing.assert_allclose(one, best, rtol=1e-4, atol=1e-4)


def layouts(array):
    """The same numbers in other memory: the last must not be written to."""
    wide, frozen = np.zeros((*array.shape, 2), array.dtype), array.copy()
    wide[..., 0], frozen.flags.writeable = array, False
    flipped = np.asarray(np.flip(np.flip(array).copy()))
    turned = np.moveaxis(np.moveaxis(array, 0, -1).copy(), -1, 0) if array.ndim else array
    return [array.copy(order="F"), flipped, wide[..., 0], turned, frozen]


@pytest.mark.parametrize("name", EXAMPLES)
def test_memory_layout_does_not_matter_and_nothing_is_written(name):
    before = [upstream(name, EXAMPLES[name]), *floats(EXAMPLES[name])]
    expected = results(name, before[0], *EXAMPLES[name])
    for i in range(5):
        arguments = change_floats(EXAMPLES[name], lambda a, i=i: layouts(a)[i])
        arrays = [layouts(before[0])[i], *floats(arguments)]
        for one, other in zip(results(name, arrays[0], *arguments), expected, strict=True):
            np.testing.assert_allclose(one, other, **CLOSE)
            assert one.flags.writeable
            assert not any(np.shares_memory(one, array) for array in arrays)
        for array, other in zip(arrays, before, strict=True):
            np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_wrong_grad_out_is_named(name):
    backward, arguments = getattr(ops, f"{name}_backward"), EXAMPLES[name]
    shape = getattr(ops, name)(*arguments).shape
    wrong = (*shape[:-1], shape[-1] + 1) if shape else (1,)
    numbers = [", ".join(map(str, s)) + ("," if len(s) == 1 else "") for s in (wrong, shape)]
    message = rf"grad_out has shape \({numbers[0]}\), the output has \({numbers[1]}\)"
    with pytest.raises(ValueError, match=message):
        backward(np.zeros(wrong), *arguments)
    with pytest.raises(TypeError, match="dtypes differ: grad_out is float32, x is float64"):
        backward(np.zeros(shape, np.float32), *arguments)
    with pytest.raises(TypeError, match="grad_out must hold floats, got dtype int64"):
        backward(np.zeros(shape, np.int64), *arguments)
    with pytest.raises(TypeError, match="grad_out must be a NumPy array, got list"):
        backward(np.zeros((*shape, 1)).tolist(), *arguments)


# ---------------------------------------------------------------- pooling


def test_max_pool_backward_with_padding_by_hand():
    x = np.array([[[-1.0, -2.0, -3.0, -4.0]]])  # windows (pad, -1), (-2, -3), (-4, pad)
    grads = ops.max_pool1d_backward(np.array([[[1.0, 10.0, 100.0]]]), x, 2, padding=1)
    np.testing.assert_array_equal(grads.grad_x, [[[1.0, 10.0, 0.0, 100.0]]], strict=True)


def test_pooling_output_size_counts_padding():
    """A well-known textbook's pooling takes a padding and leaves it out of its output size."""
    x = normal(2, 3, 4, 7)
    for name in ("max_pool2d", "avg_pool2d"):
        assert getattr(ops, name)(x, 2, 2, 1).shape == (2, 3, 3, 4)  # without padding (2, 3)
        with pytest.raises(ValueError, match=r"has shape \(2, 3, 2, 3\), the output has \(2, 3, 3"):
            getattr(ops, f"{name}_backward")(np.zeros((2, 3, 2, 3)), x, 2, 2, 1)


def test_the_first_of_equal_maxima_gets_the_gradient():
    x = np.array([[[5.0, 5.0, 1.0], [5.0, 5.0, 5.0]]])
    grads = ops.max_pool2d_backward(np.array([[[1.0, 10.0]]]), x, 2, 1)
    np.testing.assert_array_equal(grads.grad_x, [[[1.0, 10.0, 0.0], [0.0, 0.0, 0.0]]], strict=True)
    assert_like_autograd("max_pool2d", np.zeros((2, 3, 7, 6)), 3, 2, 1)
    assert_like_autograd("adaptive_max_pool2d", np.zeros((2, 3, 7, 6)), (3, 4))
    assert_like_autograd("adaptive_max_pool2d", np.full((2, 3, 7, 6), np.nan), (3, 4))


def test_a_window_that_sees_padding_only_has_no_gradient():
    x = normal(1, 1, 1, 4)
    out = ops.max_pool2d_backward(np.ones((1, 1, 1, 1)), x, (1, 2), 1, (0, 1), (1, 5))
    np.testing.assert_array_equal(out.grad_x, np.zeros_like(x), strict=True)


@pytest.mark.parametrize("kind", ["avg", "max"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_an_empty_stride_is_the_kernel_size(kind, axes):
    x, kernel = normal(2, 3, *(7, 6, 5)[:axes]), (3, 2, 2)[:axes]
    assert_like_autograd(f"{kind}_pool{axes}d", x, kernel, ())


@pytest.mark.parametrize("name", ["max_pool1d", "avg_pool2d", "adaptive_avg_pool1d", "pad", "relu"])
def test_integers_have_no_gradient(name):
    x = EXAMPLES[name][0].astype(np.int64)
    grad_out = upstream(name, EXAMPLES[name])
    with pytest.raises(TypeError, match=r"x must hold floats|x is int64"):
        getattr(ops, f"{name}_backward")(grad_out, x, *EXAMPLES[name][1:])


# ---------------------------------------------------------------- the others


@pytest.mark.parametrize("bias", [(), (1,), (5,), (3, 1), (1, 5), (2, 3, 5)], ids=str)
def test_a_bias_gets_the_sum_over_the_axes_it_was_spread_along(bias):
    bias = np.asarray(normal(*bias, seed=2))
    x, weight, grad_out = normal(2, 3, 4), normal(5, 4, seed=1), normal(2, 3, 5, seed=3)
    leaf = torch.tensor(bias, requires_grad=True)
    out = torch.tensor(x) @ torch.tensor(weight).T + leaf
    expected = torch.autograd.grad(out, leaf, torch.tensor(grad_out))[0].numpy()
    grads = ops.linear_backward(grad_out, x, weight, bias)
    np.testing.assert_allclose(grads.grad_bias, expected, **CLOSE)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (0, 4)], ids=str)
def test_linear_with_one_output_and_no_bias(shape):
    assert_like_autograd("linear", normal(*shape), normal(4, seed=1))


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"), [(4, 0, 3), (4, 3, 0), (0, 3, 2), (4, 0, 0)]
)
def test_a_dense_layer_may_have_no_features(rows, inputs, outputs):
    assert_like_autograd("linear", normal(rows, inputs), normal(outputs, inputs))
    assert_like_autograd("linear", normal(rows, inputs), normal(inputs))


def test_activations_at_their_extremes():
    x = np.array([-1000.0, -0.0, 0.0, 1000.0, np.nan, np.inf, -np.inf])
    for name in ("relu", "sigmoid", "tanh"):
        assert_like_autograd(name, x)
    assert ops.relu_backward(np.ones(1), np.zeros(1)).grad_x == 0  # as in torch: 0 at the kink


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_backward_of_large_and_infinite_scores(name):
    x = np.array([[1000.0, 0.0, -1000.0], [-np.inf, 0.0, 1.0], [np.nan, 0.0, 1.0]])
    assert_like_autograd(name, x, 1)
    assert_like_autograd(name, np.asarray(3.0), 0)


@pytest.mark.parametrize("odd", [np.nan, -np.inf, np.inf])
@pytest.mark.parametrize("where", ["x", "grad_out"])
def test_max_pooling_sends_odd_numbers_where_torch_sends_them(odd, where):
    x, grad_out = normal(2, 3, 7, 6).round(), normal(2, 3, 4, 3, seed=1)  # many ties
    {"x": x, "grad_out": grad_out}[where][:, 0, 1:3, 1] = odd
    assert_gradients("max_pool2d", grad_out, x, 3, 2, 1)
