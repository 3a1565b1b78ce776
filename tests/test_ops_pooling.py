"""Pooling against `torch.nn.functional`, against cases worked by hand, and on what it refuses."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnnbook import ops

NAN, INF = np.nan, np.inf
SHAPES = {1: (2, 3, 9), 2: (2, 3, 9, 7), 3: (2, 2, 6, 5, 7)}  # unequal axes: swapped ones fail


def random(shape, dtype=np.float64):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def assert_same(name, x, *args, exact=False, **options):
    """Our operation and torch's of the same name return the same, indices included."""
    ours = getattr(ops, name)(x, *args, **options)
    theirs = getattr(F, name)(torch.from_numpy(x.copy()), *args, **options)
    if not isinstance(theirs, tuple):
        ours, theirs = (ours,), (theirs,)
    assert type(ours) is tuple
    for our, their in zip(ours, theirs, strict=True):
        limit = 0 if exact or our.dtype.kind != "f" else 1e-12
        np.testing.assert_allclose(our, their.numpy(), rtol=limit, atol=limit, strict=True)


# ---------------------------------------------------------------- against torch


@st.composite
def poolings(draw, dilations=(1, 2, 3)):
    """Draw an input and arguments that PyTorch takes, each axis with its own."""
    axes = draw(st.integers(1, 3))
    kernel, stride, padding, dilation, size = [], [], [], [], []
    for _ in range(axes):
        k, d = draw(st.integers(1, 4)), draw(st.sampled_from(dilations))
        p = draw(st.integers(0, k // 2))
        # at least one pixel in every window, or there is no index to agree on
        least = max(1, d * (k - 1) + 1 - 2 * p, d if p else 1)
        size.append(draw(st.integers(least, least + 6)))
        kernel.append(k), padding.append(p), dilation.append(d)
        stride.append(draw(st.integers(1, 5)))
    ceil_mode = draw(st.booleans())
    batch = draw(st.sampled_from([(2,), (1, 2), (2, 1), (0, 1)]))
    # few different numbers: many ties, and some of what travels in its own way
    numbers = st.sampled_from([-2.0, -1.0, 0.0, 1.0, -INF, NAN])
    shape = (*batch, *size)
    values = draw(st.lists(numbers, min_size=math.prod(shape), max_size=math.prod(shape)))
    x = np.array(values, dtype=np.float64).reshape(shape)
    return x, tuple(kernel), tuple(stride), tuple(padding), tuple(dilation), ceil_mode


@settings(max_examples=200, deadline=None)
@given(poolings())
def test_max_pool_matches_torch_everywhere(arguments):
    x, kernel, stride, padding, dilation, ceil_mode = arguments
    name = f"max_pool{len(kernel)}d"
    options = {"dilation": dilation, "ceil_mode": ceil_mode}
    assert_same(name, x, kernel, stride, padding, return_indices=True, exact=True, **options)
    values, _ = getattr(ops, name)(x, kernel, stride, padding, return_indices=True, **options)
    alone = getattr(ops, name)(x, kernel, stride, padding, **options)
    np.testing.assert_array_equal(alone, values, strict=True)


@settings(max_examples=100, deadline=None)
@given(poolings(dilations=(1,)), st.booleans())
def test_avg_pool_matches_torch_everywhere(arguments, count_include_pad):
    x, kernel, stride, padding, _, ceil_mode = arguments
    # torch's avg_pool3d alone refuses a kernel that only the padding makes room for
    assume(len(kernel) < 3 or all(np.less_equal(kernel, x.shape[-3:])))
    options = {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad}
    assert_same(f"avg_pool{len(kernel)}d", x, kernel, stride, padding, **options)


@settings(max_examples=100, deadline=None)
@given(poolings(), st.integers(0, 6))
def test_adaptive_pools_match_torch_everywhere(arguments, output_size):
    x, kernel, *_ = arguments
    assert_same(f"adaptive_avg_pool{len(kernel)}d", x, output_size)
    assert_same(f"adaptive_max_pool{len(kernel)}d", x, output_size, True, exact=True)


# ---------------------------------------------------------------- by hand


def test_max_pool2d_by_hand():
    x = np.array([[[1.0, 3.0, 2.0, 9.0], [7.0, 4.0, 1.0, 5.0]]])
    np.testing.assert_array_equal(ops.max_pool2d(x, 2), [[[7.0, 9.0]]], strict=True)
    _, indices = ops.max_pool2d(x, (2, 2), return_indices=True)
    np.testing.assert_array_equal(indices, [[[4, 3]]], strict=True)


def test_max_pool_never_takes_the_padding():
    x = np.array([[-5.0, -6.0, -7.0]])
    np.testing.assert_array_equal(ops.max_pool1d(x, 3, 1, 1), [[-5.0, -5.0, -6.0]], strict=True)


def test_max_pool_index_of_several_nan_is_the_last():
    x = np.array([[[1.0, NAN], [NAN, 3.0]]])
    for pooled in (ops.max_pool2d(x, 2, return_indices=True), ops.adaptive_max_pool2d(x, 1, True)):
        np.testing.assert_array_equal(pooled, ([[[NAN]]], [[[2]]]))


def test_max_pool_of_a_window_without_pixels_is_minus_infinity():
    x = np.array([[5.0, 6.0]])  # entries 0 and 3 of the window fall on the padding
    np.testing.assert_array_equal(ops.max_pool1d(x, 2, 1, 1, 3), [[-INF]], strict=True)
    with pytest.raises(ValueError, match=r"padding .*1.* with dilation .*3.* sees no pixel"):
        ops.max_pool1d(x, 2, 1, 1, 3, return_indices=True)


def test_a_lone_window_may_hang_over_the_edge_in_ceil_mode():
    x = random((1, 4, 8))
    assert_same("max_pool2d", x, 5, 2, ceil_mode=True, return_indices=True)
    assert_same("avg_pool2d", x, 5, 2, ceil_mode=True)
    with pytest.raises(ValueError, match=r"kernel_size 5 .* spans 5 pixels, more than the 4"):
        ops.max_pool2d(x, 5, 1, ceil_mode=True)


def test_infinities_average_without_a_warning():
    assert_same("avg_pool1d", np.array([[INF, -INF, 1.0]]), 2, 1)
    assert_same("adaptive_avg_pool1d", np.array([[INF, -INF, 1.0]]), 1)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8])
def test_max_pools_take_integers(dtype):
    x = np.random.default_rng(0).integers(0, 100, (2, 5, 4)).astype(dtype) - dtype(50)
    assert_same("max_pool2d", x, 2, 1, 1, return_indices=True)
    pooled = ops.adaptive_max_pool2d(x, 1)
    np.testing.assert_array_equal(pooled, x.max((1, 2), keepdims=True), strict=True)


# ---------------------------------------------------------------- refusals

IMAGE = random((1, 1, 4, 5))

WINDOWS = [
    ({"kernel_size": 2.0}, TypeError, "kernel_size must be an int or a tuple of ints, got 2.0"),
    ({"kernel_size": (2, 2, 2)}, ValueError, "kernel_size has 3 entries, expected 2"),
    ({"kernel_size": (5, 1)}, ValueError, "kernel_size 5 .* more than the 4 of the padded"),
    ({"stride": (1, None)}, TypeError, "stride must be .* got None"),
    ({"padding": 2}, ValueError, "padding 2 is more than half of kernel_size 2"),
    ({"padding": "same"}, TypeError, "padding must be .* got 'same'"),
    ({"ceil_mode": 1}, TypeError, "ceil_mode must be True or False, got 1"),
]
BAD = [(name, *row) for name in ("max_pool2d", "avg_pool2d") for row in WINDOWS] + [
    ("max_pool2d", {"dilation": 4}, ValueError, "spans 5 pixels, more than the 4"),
    ("max_pool2d", {"return_indices": "yes"}, TypeError, "return_indices must be True or"),
    ("avg_pool2d", {"count_include_pad": 0}, TypeError, "count_include_pad must be True or"),
    ("avg_pool2d", {"divisor_override": 0}, ValueError, "divisor_override is 0"),
    ("avg_pool2d", {"divisor_override": (2,)}, TypeError, r"divisor_override must .*\(2,\)"),
]


@pytest.mark.parametrize(("name", "change", "error", "message"), BAD)
def test_pools_refuse_bad_windows_and_options(name, change, error, message):
    with pytest.raises(error, match=message):
        getattr(ops, name)(IMAGE, **({"kernel_size": 2} | change))


ALL_POOLS = [
    f"{kind}{axes}d"
    for kind in ("max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool")
    for axes in (1, 2, 3)
]


@pytest.mark.parametrize("name", ALL_POOLS)
def test_pools_refuse_what_is_no_batch_of_maps(name):
    pool, axes = getattr(ops, name), int(name[-2])
    for rank in (axes, axes + 3):
        with pytest.raises(ValueError, match=rf"x has {rank} axes .*, expected \(N, C, .*"):
            pool(np.ones((2,) * rank), 1)
    for rank in (axes + 1, axes + 2):
        shape = [2] * rank
        shape[-axes - 1] = 0
        with pytest.raises(ValueError, match=f"x has size 0 along axis {rank - axes - 1}"):
            pool(np.ones(shape), 1)
    with pytest.raises(ValueError, match=f"x has size 0 along axis {axes + 1}"):
        pool(np.ones((2,) * (axes + 1) + (0,)), 1)
    with pytest.raises(TypeError, match="x must be a NumPy array, got list"):
        pool([[1.0, 2.0]], 1)
    for dtype in (bool, object, complex, "U1", np.float16):
        with pytest.raises(TypeError, match=r"x must hold .*, got dtype"):
            pool(np.ones((2,) * (axes + 1), dtype=dtype), 1)
    if "avg" in name:
        with pytest.raises(TypeError, match=r"x must hold floats.*, got dtype int64"):
            pool(np.ones((2,) * (axes + 1), np.int64), 1)


@pytest.mark.parametrize("name", ["adaptive_avg_pool2d", "adaptive_max_pool2d"])
def test_adaptive_pools_refuse_bad_sizes(name):
    with pytest.raises(ValueError, match="output_size is -1, must be at least 0"):
        getattr(ops, name)(IMAGE, -1)
    with pytest.raises(ValueError, match="output_size has 1 entries, expected 2"):
        getattr(ops, name)(IMAGE, (2,))


def test_a_pooling_beyond_the_integers_of_numpy_alone_is_refused():
    for window in ((2**63, 1, 2**62), (2**62, 1, 2**61), (2, 1, 10**30)):
        with pytest.raises(ValueError, match=r"kernel_size|padding"):
            ops.avg_pool1d(np.ones((1, 1, 4)), *window)
    assert_same("avg_pool2d", IMAGE, 2, divisor_override=2**63 - 1)
