"""Softmax and cross-entropy against PyTorch, by hand, and on what they refuse."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from cnnbook import ops

NAN, INF = np.nan, np.inf
CLOSE = {"rtol": 1e-10, "atol": 1e-10, "strict": True}
SOFTMAXES = ["softmax", "log_softmax"]


def assert_same(name, x, dim, limit=1e-12):
    ours, theirs = getattr(ops, name)(x, dim), getattr(F, name)(torch.from_numpy(x.copy()), dim)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=limit, atol=limit, strict=True)


@settings(max_examples=100, deadline=None)
@given(
    npst.arrays(np.float64, npst.array_shapes(), elements=st.floats(-1e3, 1e3) | st.just(-INF)),
    st.data(),
)
def test_softmax_matches_torch_everywhere(x, data):
    dim = data.draw(st.integers(-x.ndim, x.ndim - 1))
    for name in SOFTMAXES:
        assert_same(name, x, dim)
        assert_same(name, x.T, dim)  # another layout
        limit = 1e-5 * np.abs(x[x > -INF]).max(initial=1)
        assert_same(name, x.astype(np.float32), dim, limit=limit)


@pytest.mark.parametrize("name", SOFTMAXES)
@pytest.mark.parametrize(
    "x",
    [[-INF, 0.0], [-INF, -INF], [INF, 1.0], [INF, INF], [NAN, 0.0], [1e308, -1e308], [5.0], []],
)
def test_softmax_of_the_extremes(name, x):
    assert_same(name, np.array(x), 0)
    assert_same(name, np.array(x, np.float64)[None], 0)


@pytest.mark.parametrize("name", SOFTMAXES)
@pytest.mark.parametrize(
    ("x", "dim", "error", "message"),
    [
        (np.ones((2, 3)), 2, ValueError, r"dim is 2, must be from -2 to 1 for shape \(2, 3\)"),
        (np.ones((2, 3)), -3, ValueError, "dim is -3, must be from -2 to 1"),
        (np.array(1.0), 1, ValueError, "dim is 1, must be from -1 to 0"),
        (np.ones(3), 0.0, TypeError, r"dim must be an int.* got 0.0"),
        (np.ones(3, int), 0, TypeError, "x must hold floats, got dtype int64"),
        ([1.0, 2.0], 0, TypeError, "x must be a NumPy array, got list"),
    ],
)
def test_softmax_refuses(name, x, dim, error, message):
    with pytest.raises(error, match=message):
        getattr(ops, name)(x, dim)


# ---------------------------------------------------------------- cross-entropy


@st.composite
def losses(draw):
    """Draw scores, targets of either kind, and settings; PyTorch may refuse them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    classes = draw(st.integers(1, 4))
    batch = draw(st.sampled_from([(), (0,), (1,), (5,), (2, 3), (2, 2, 2)]))
    x = 3 * rng.standard_normal((*batch[:1], classes, *batch[1:]))
    options = {
        "weight": draw(st.sampled_from([None, rng.random(classes)])),
        "reduction": draw(st.sampled_from(["mean", "sum", "none"])),
        "label_smoothing": draw(st.sampled_from([0.0, 0.0, 0.1, 1.0])),
    }
    if draw(st.booleans()):
        ignored = draw(st.sampled_from([None, -100, -1, 0, 2]))
        target = rng.integers(0, classes + draw(st.sampled_from([0] * 9 + [1])), batch)
        if ignored is not None:
            options["ignore_index"] = ignored
            target = np.where(rng.random(batch) < 0.3, ignored, target)
    else:
        target = rng.dirichlet(np.ones(classes), batch)
        target = np.moveaxis(target, -1, min(len(batch), 1)).copy()
        if draw(st.booleans()):
            options["ignore_index"] = draw(st.sampled_from([-100, -1, 1]))
    return x, np.asarray(target), options


@settings(max_examples=400, deadline=None)
@given(losses())
def test_cross_entropy_and_its_gradient_are_torchs_over_the_argument_space(drawn):
    x, target, options = drawn
    tensors = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    leaf = torch.tensor(x, requires_grad=True)
    try:
        theirs = F.cross_entropy(leaf, torch.tensor(target), **tensors)
    except (RuntimeError, IndexError):
        with pytest.raises(ValueError, match=r"target holds|ignore_index is"):
            ops.cross_entropy(x, target, **options)
        return
    loss = ops.cross_entropy(x, target, **options)
    np.testing.assert_allclose(loss, theirs.detach().numpy(), **CLOSE)
    grad_out = np.asarray(np.random.default_rng(0).standard_normal(loss.shape))
    (expected,) = torch.autograd.grad(theirs, leaf, torch.tensor(grad_out))
    (grad_x,) = ops.cross_entropy_backward(grad_out, x, target, **options)
    np.testing.assert_allclose(grad_x, expected.numpy(), **CLOSE)


@pytest.mark.parametrize("index", [np.int64, np.uint8, np.int32])
def test_cross_entropy_in_float32_takes_every_integer(index):
    rng = np.random.default_rng(0)
    x, target = (5 * rng.standard_normal((7, 4))).astype(np.float32), rng.integers(0, 4, 7)
    expected = F.cross_entropy(torch.tensor(x), torch.tensor(target)).numpy()
    loss = ops.cross_entropy(x, target.astype(index))
    np.testing.assert_allclose(loss, expected, rtol=1e-6, strict=True)
    grad_x = ops.cross_entropy_backward(np.ones((), "f4"), x, target).grad_x
    assert grad_x.dtype == np.float32


def test_cross_entropy_by_hand():
    x, target = np.log([[1.0, 3.0], [1.0, 1.0]]), np.array([0, 1])
    assert ops.cross_entropy(x, target) == pytest.approx((math.log(4) + math.log(2)) / 2)
    grads = ops.cross_entropy_backward(np.asarray(2.0), x, target)
    np.testing.assert_allclose(grads.grad_x, [[-0.75, 0.75], [0.5, -0.5]], **CLOSE)
    weighted = ops.cross_entropy(x, target, np.array([3.0, 1.0]))
    assert weighted == pytest.approx((3 * math.log(4) + math.log(2)) / 4)
    kept = ops.cross_entropy(x, target, ignore_index=1, reduction="none")
    np.testing.assert_allclose(kept, [math.log(4), 0], **CLOSE)
    far = np.array([[1e4, 0.0], [0.0, -1e4]])  # their exponentials would overflow
    assert ops.cross_entropy(far, np.array([1, 1])) == 1e4
    even = ops.cross_entropy(x[1:], np.array([[0.25, 0.75]]), label_smoothing=0.5)
    assert even == pytest.approx(math.log(2))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("grad_out", [1.0, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("spike", [INF, -INF, NAN, 0.0, 1e200])
@pytest.mark.parametrize("column", [0, 1])
def test_cross_entropy_and_its_gradient_at_the_extremes(grad_out, spike, column):
    x, target = np.random.default_rng(0).standard_normal((3, 4)), np.array([0, 1, 3])
    x[0, column] = spike
    tensor = torch.from_numpy(x).requires_grad_()
    theirs = F.cross_entropy(tensor, torch.from_numpy(target))
    theirs.backward(torch.tensor(grad_out, dtype=torch.float64))
    np.testing.assert_allclose(ops.cross_entropy(x, target), theirs.detach().numpy(), **CLOSE)
    (grad_x,) = ops.cross_entropy_backward(np.array(grad_out), x, target)
    np.testing.assert_allclose(grad_x, tensor.grad.numpy(), **CLOSE)


GOOD = {"x": np.zeros((2, 3)), "target": np.zeros(2, int)}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.array(1.0)}, ValueError, r"x has 0 axes \(\), expected \(N, C\)"),
        ({"x": np.zeros((2, 0))}, ValueError, "x has size 0 along axis 1"),
        ({"x": np.zeros(0)}, ValueError, "x has size 0 along axis 0"),
        ({"x": np.zeros((2, 3), int)}, TypeError, "x must hold floats, got dtype int64"),
        ({"target": np.zeros(2)}, TypeError, "target must hold integers, got dtype float64"),
        ({"target": np.zeros((2, 3), int)}, TypeError, "target must hold floats, got dtype int64"),
        ({"target": np.zeros((2, 3), "f4")}, TypeError, "x is float64, target is float32"),
        ({"target": [0, 1]}, TypeError, "target must be a NumPy array, got list"),
        ({"target": np.zeros((2, 1), int)}, ValueError, r"shape \(2, 1\), .* expects \(2,\)"),
        ({"target": np.zeros(3, int)}, ValueError, r"has shape \(3,\), x \(2, 3\) expects \(2,\)"),
        ({"target": np.array([1, 3])}, ValueError, "target holds 3, x has classes 0 to 2"),
        ({"target": np.array([-1, 1])}, ValueError, "target holds -1, x has classes 0 to 2"),
        ({"weight": np.ones(2)}, ValueError, "weight has 2 entries, x has 3 classes"),
        ({"weight": np.ones((3, 1))}, ValueError, r"weight has 2 axes \(3, 1\), expected \(C,\)"),
        ({"weight": np.ones(3, "f4")}, TypeError, "x is float64, weight is float32"),
        ({"ignore_index": 1.0}, TypeError, "ignore_index must be an int, got 1.0"),
        ({"reduction": "max"}, ValueError, "reduction must be .* got 'max'"),
        ({"label_smoothing": 1.5}, ValueError, "label_smoothing is 1.5"),
        ({"label_smoothing": None}, TypeError, "label_smoothing is None"),
    ],
)
def test_cross_entropy_names_what_it_refuses(change, error, message):
    with pytest.raises(error, match=message):
        ops.cross_entropy(**GOOD | change)
    with pytest.raises(error, match=message):
        ops.cross_entropy_backward(np.ones(()), **GOOD | change)
