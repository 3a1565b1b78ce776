"""Convolution and its transpose: hand-worked numbers, memory, numbers of every kind, refusals.

The sweeps compare all arguments with PyTorch's.
"""

import math
import tracemalloc

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnbook import ops
from cnnbook.ops import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d
from cnnbook.ops import windows as sliding

SIZES = {1: (9,), 2: (9, 7), 3: (5, 7, 6)}  # unequal, as are the kernels: swapped axes fail
KERNELS = {1: (3,), 2: (3, 2), 3: (2, 3, 2)}
EXACT = {"rtol": 1e-11, "atol": 1e-11, "strict": True}
FAMILIES = [f"{kind}{axes}d" for kind in ("conv", "conv_transpose") for axes in (1, 2, 3)]


def in_torch(name, x, weight, bias=None, *arguments, **options):
    tensors = [None if a is None else torch.tensor(a) for a in (x, weight, bias)]
    return getattr(F, name)(*tensors, *arguments, **options).numpy()


def operands(name, groups=1, batch=2, dtype=np.float64):
    """Four channels in and six out, whichever way the weight stands."""
    rng, axes = np.random.default_rng(0), int(name[-2])
    channels = (4, 6 // groups) if "transpose" in name else (6, 4 // groups)
    shapes = (batch, 4, *SIZES[axes]), (*channels, *KERNELS[axes]), (6,)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


# ---------------------------------------------------------------- by hand


def test_conv2d_by_hand():
    x = np.array([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[0.0, 1.0, 0.0], [1.0, 0.0, 2.0]]]])
    weight = np.array([[[[1.0, 10.0]], [[100.0, 1000.0]]]])  # C_in 2, kH 1, kW 2
    out = [[[[21 + 1000, 32 + 100], [54 + 100, 65 + 2000]]]]
    expected = np.array(out) + 0.5
    np.testing.assert_array_equal(conv2d(x, weight, np.array([0.5])), expected, strict=True)


def test_conv_transpose1d_by_hand():
    x = np.array([[[1.0, 10.0, 100.0]]])
    weight = np.array([[[1.0, 2.0, 3.0]]])
    full = [1, 2 + 10, 3 + 20 + 100, 30 + 200, 300.0]
    np.testing.assert_array_equal(conv_transpose1d(x, weight, padding=1), [[full[1:-1]]])
    apart = [1, 2, 3 + 10, 20, 30 + 100, 200, 300.0]
    extra = conv_transpose1d(x, weight, stride=2, output_padding=1)
    np.testing.assert_array_equal(extra, [[[*apart, 0]]])
    wide = [1, 10, 100 + 2, 20, 200 + 3, 30, 300.0]
    np.testing.assert_array_equal(conv_transpose1d(x, weight, dilation=2), [[wide]])


# ---------------------------------------------------------------- memory


@pytest.mark.parametrize("out_channels", [6, 34])  # rows that run on, and rows that do not
@pytest.mark.parametrize("name", FAMILIES)
def test_blocks_fit_together(name, out_channels, monkeypatch):
    """Whatever the workspace holds, from a single row to the whole batch, the result is one."""
    x, weight, _ = operands(name, groups=2, batch=5)
    if out_channels == 34:
        shape = (4, 17) if "transpose" in name else (34, 2)
        weight = np.random.default_rng(1).standard_normal((*shape, *weight.shape[2:]))
    options = {"padding": 1, "groups": 2}
    expected = in_torch(name, x, weight, **options)
    one_sample = 8 * weight[:, 0].size * math.prod(x.shape[2:])
    for size in (1, one_sample // 3, one_sample - 1, one_sample, 2 * one_sample, 99 * one_sample):
        monkeypatch.setattr(sliding, "WORKSPACE_BYTES", size)
        np.testing.assert_allclose(getattr(ops, name)(x, weight, **options), expected, **EXACT)


def peak_memory(call):
    tracemalloc.start()
    out = call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return out, peak


@pytest.mark.parametrize("out_channels", [4, 20])
@pytest.mark.parametrize("shape", [(16, 8, 64, 60), (1, 16, 180, 170)], ids=str)
def test_workspace_is_bounded(shape, out_channels):
    """Peak memory: the padded arrays and two blocks, not k² copies of the input."""
    x = np.zeros(shape, np.float32)  # 2 MB; all its windows would be 97 MB
    weight = np.zeros((out_channels, shape[1], 7, 7), np.float32)
    out, peak = peak_memory(lambda: conv2d(x, weight, padding=3))
    limit = 2 * sliding.WORKSPACE_BYTES + 2**20
    assert peak < 2 * x.nbytes + 2.2 * out.nbytes + limit
    _, peak = peak_memory(lambda: ops.conv2d_backward(out, x, weight, padding=3))
    assert peak < 4 * x.nbytes + 2 * out.nbytes + limit
    back, peak = peak_memory(lambda: conv_transpose2d(out, weight, padding=3))
    assert peak < 3 * back.nbytes + limit


def test_unpadded_pointwise_convolution_copies_nothing():
    x = np.zeros((4, 64, 40, 30), np.float32)
    out, peak = peak_memory(lambda: conv2d(x, np.zeros((1, 64, 1, 1), np.float32)))
    assert peak < out.nbytes + x.nbytes / 10


def test_a_repeated_batch_needs_no_memory_of_its_own():
    x, weight, _ = operands("conv2d", groups=2)
    repeated = np.broadcast_to(x[0], x.shape)
    expected = in_torch("conv2d", repeated.copy(), weight, groups=2)
    np.testing.assert_allclose(conv2d(repeated, weight, groups=2), expected, **EXACT)


# ---------------------------------------------------------------- numbers of every kind


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("groups", [1, 4])
def test_nan_and_inf_travel_as_in_torch(name, groups):
    """A padded zero times an infinite weight is NaN; the gaps of a transpose hold no 0 * inf."""
    rng, axes = np.random.default_rng(0), int(name[-2])
    x = rng.standard_normal((2, 4, *SIZES[axes]))
    channels = (4, 8 // groups) if "transpose" in name else (8, 4 // groups)
    weight = rng.standard_normal((*channels, *KERNELS[axes]))
    x[0, 1].flat[[2, 7]] = np.nan, np.inf
    x[1, 3].flat[4] = -np.inf
    x[1, 2].flat[5] = 0.0
    for special in (None, np.inf, np.nan, 0.0):
        if special is not None:
            weight[2].flat[-1] = special
        for stride in (1, 3):
            options = {"padding": 1, "groups": groups, "stride": stride}
            expected = in_torch(name, x, weight, **options)
            np.testing.assert_allclose(getattr(ops, name)(x, weight, **options), expected, **EXACT)


@pytest.mark.parametrize("name", FAMILIES)
def test_dtype_is_kept(name):
    for dtype, tolerance in ((np.float32, 1e-5), (np.complex64, 1e-5), (np.int64, 0)):
        factor = 7 + 2j if dtype is np.complex64 else 7
        arrays = [(factor * np.abs(a).round(1)).astype(dtype) for a in operands(name)]
        expected = in_torch(name, *arrays, stride=2, padding=1)
        out = getattr(ops, name)(*arrays, stride=2, padding=1)
        np.testing.assert_allclose(out, expected, rtol=tolerance, atol=tolerance, strict=True)


def test_small_integers_wrap_around():
    """PyTorch has no transposed convolution of uint8: the rule is that of `conv2d`."""
    x, weight = np.array([[[200, 100]]], np.uint8), np.array([[[1, 1]]], np.uint8)
    out = conv_transpose1d(x, weight)
    np.testing.assert_array_equal(out, np.array([[[200, 44, 100]]], np.uint8), strict=True)
    np.testing.assert_array_equal(conv1d(x, weight), np.array([[[44]]], np.uint8), strict=True)


@pytest.mark.parametrize("name", FAMILIES)
def test_empty_batch_and_axes_of_size_one(name):
    x, weight, bias = operands(name)
    one = (slice(None), slice(None), *[slice(1)] * int(name[-2]))
    for data, kernel in ((x[:0], weight), (x[one], weight[one])):
        expected = in_torch(name, data, kernel, bias)
        np.testing.assert_allclose(getattr(ops, name)(data, kernel, bias), expected, **EXACT)


# ---------------------------------------------------------------- refusals

GOOD = {"x": np.zeros((1, 4, 5, 6)), "weight": np.zeros((6, 4, 3, 2)), "bias": np.zeros(6)}
GOOD_TRANSPOSED = GOOD | {"weight": np.zeros((4, 6, 3, 2))}
X, WEIGHT, BIAS = GOOD.values()
BOTH = [  # each breaks one rule of an otherwise good call
    ({"x": np.zeros((5, 6))}, ValueError, r"x has 2 axes \(5, 6\), expected \(N, C_in, H, W\) or"),
    ({"x": np.zeros((1, 3, 5, 6))}, ValueError, "x has 3 channels, weight expects 4"),
    ({"x": np.zeros((3, 5, 6))}, ValueError, "x has 3 channels, weight expects 4"),
    ({"x": np.zeros((1, 0, 5, 6))}, ValueError, "x has 0 channels, weight expects 4"),
    ({"x": np.zeros((1, 4, 0, 6)), "padding": 2}, ValueError, "x has size 0 along axis 2"),
    ({"groups": 0}, ValueError, "groups is 0, must be at least 1"),
    ({"groups": (1,)}, TypeError, r"groups must be an int, got \(1,\)"),
    ({"bias": np.zeros(5)}, ValueError, "bias has 5 entries, weight gives 6 channels"),
    ({"bias": np.zeros((6, 1))}, ValueError, r"bias has 2 axes \(6, 1\), expected \(C_out,\)"),
    ({"stride": 0}, ValueError, "stride is 0, must be at least 1"),
    ({"stride": (1, -2)}, ValueError, "stride is -2, must be at least 1"),
    ({"stride": ()}, ValueError, "stride has 0 entries, expected 2"),
    ({"padding": (0, -1)}, ValueError, "padding is -1, must be at least 0"),
    ({"x": X.tolist()}, TypeError, "x must be a NumPy array, got list"),
    ({"x": torch.zeros(1, 4, 5, 6)}, TypeError, "x must be a NumPy array, got Tensor"),
    ({"weight": None}, TypeError, "weight must be a NumPy array, got NoneType"),
    ({"bias": 1.0}, TypeError, "bias must be a NumPy array, got float"),
    ({"x": X.astype(object)}, TypeError, "x must hold numbers, got dtype object"),
    ({"x": X.astype(bool)}, TypeError, "x must hold numbers, got dtype bool"),
    ({"x": X.astype(np.float16)}, TypeError, "x must hold numbers, got dtype float16"),
    ({"weight": WEIGHT.astype(str)}, TypeError, "weight must hold numbers, got dtype <U"),
    ({"x": X.astype(np.float32)}, TypeError, "dtypes differ: x is float32, weight is float64"),
    ({"bias": BIAS.astype(np.int64)}, TypeError, "dtypes differ: .* bias is int64"),
    ({"padding": ((1, 1), (0, 0))}, TypeError, "padding must be an int or a tuple of ints"),
    ({"padding": np.array([1, 1])}, TypeError, "padding must be an int or a tuple of ints"),
]
ONE_WAY = [
    ({"weight": np.zeros((4, 3, 2))}, ValueError, r"weight has 3 axes \(4, 3, 2\), .* \(C_out"),
    ({"groups": 2}, ValueError, r"x has 4 channels, weight expects 8 \(4 a group, groups 2\)"),
    ({"weight": np.zeros((6, 1, 3, 2)), "groups": 4}, ValueError, "6 output channels, groups 4"),
    ({"weight": WEIGHT[:0], "bias": None}, ValueError, "weight has size 0 along axis 0"),
    ({"weight": np.zeros((6, 4, 0, 2))}, ValueError, "weight has size 0 along axis 2"),
    ({"weight": np.zeros((6, 4, 6, 2))}, ValueError, "kernel_size 6 .* more than the 5 of the pad"),
    ({"dilation": (1, 6)}, ValueError, "2 with dilation 6 spans 7 pixels, more than the"),
    ({"padding": "full"}, ValueError, 'padding must be ints, "valid" or "same", got \'full\''),
    ({"padding": "same", "stride": 2}, ValueError, r'"same" needs stride 1, got stride \(2, 2\)'),
    ({"padding": 2**30}, ValueError, "padding .*: would make an array of shape"),
]
OTHER_WAY = [
    ({"weight": np.zeros((4, 3, 2))}, ValueError, r"weight has 3 axes \(4, 3, 2\), .* \(C_in, C_"),
    ({"groups": 3, "bias": None}, ValueError, "weight has 4 input channels, groups 3 must divide"),
    ({"groups": 2}, ValueError, "bias has 6 entries, weight gives 12 channels"),
    ({"weight": np.zeros((4, 0, 3, 2)), "bias": None}, ValueError, "has size 0 along axis 1"),
    ({"padding": 4}, ValueError, "padding 4 on both sides leaves nothing of size 5 spread to 7"),
    ({"padding": "same"}, TypeError, "padding must be an int or a tuple of ints, got 'same'"),
    ({"output_padding": 1}, ValueError, "1 must be less than stride 1 or dilation 1"),
    ({"output_padding": (0, 3), "stride": (4, 2)}, ValueError, "output_padding 3 .* stride 2"),
    ({"stride": 2**31}, ValueError, "stride .*: would make an array of shape"),
]
GOOD_CALLS = {"conv2d": GOOD, "conv_transpose2d": GOOD_TRANSPOSED}


@pytest.mark.parametrize(
    ("name", "change", "error", "message"),
    [("conv2d", *row) for row in BOTH + ONE_WAY]
    + [("conv_transpose2d", *row) for row in BOTH + OTHER_WAY],
)
def test_bad_input_is_named(name, change, error, message):
    assert getattr(ops, name)(**GOOD_CALLS[name]).ndim == 4
    with pytest.raises(error, match=message):
        getattr(ops, name)(**GOOD_CALLS[name] | change)


def test_the_other_ranks_name_their_axes():
    with pytest.raises(ValueError, match=r"expected \(N, C_in, L\) or \(C_in, L\)"):
        conv1d(np.zeros(3), np.zeros((1, 1, 1)))
    with pytest.raises(ValueError, match=r"expected \(N, C_in, D, H, W\) or \(C_in, D, H, W\)"):
        conv3d(np.zeros((1, 1, 1)), np.zeros((1, 1, 1, 1, 1)))
