"""Transposed convolution against PyTorch, against hand-worked numbers, and against bad input."""

import itertools
import math
import tracemalloc

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnnbook.ops import (
    _windows,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)

TRANSPOSED = {
    1: (conv_transpose1d, F.conv_transpose1d),
    2: (conv_transpose2d, F.conv_transpose2d),
    3: (conv_transpose3d, F.conv_transpose3d),
}
SIZES = {1: (6,), 2: (6, 4), 3: (3, 5, 4)}  # unequal, as are the kernels: swapped axes fail
KERNELS = {1: (3,), 2: (3, 2), 3: (2, 3, 2)}
EXACT = {"rtol": 1e-11, "atol": 1e-11, "strict": True}


def torch_result(function, x, weight, bias=None, **options):
    tensors = [None if a is None else torch.tensor(a) for a in (x, weight, bias)]
    return function(*tensors, **options).numpy()


def operands(axes, groups=1, batch=2):
    rng = np.random.default_rng(0)
    shapes = (batch, 4, *SIZES[axes]), (4, 6 // groups, *KERNELS[axes]), (6,)
    return [rng.standard_normal(shape) for shape in shapes]


SETTINGS = [
    (stride, padding, extra, dilation, groups)
    for stride, padding, extra, dilation, groups in itertools.product(
        [1, 2, 3], [0, 1], [0, 1, 2], [1, 2], [1, 2]
    )
    if extra < max(stride, dilation)
]


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(("stride", "padding", "extra", "dilation", "groups"), SETTINGS)
def test_conv_transpose_matches_torch(axes, stride, padding, extra, dilation, groups):
    ours, theirs = TRANSPOSED[axes]
    x, weight, bias = operands(axes, groups)
    options = {"stride": stride, "padding": padding, "output_padding": extra}
    options |= {"dilation": dilation, "groups": groups}
    expected = torch_result(theirs, x, weight, bias, **options)
    np.testing.assert_allclose(ours(x, weight, bias, **options), expected, **EXACT)
    np.testing.assert_allclose(ours(x[1], weight, bias, **options), expected[1], **EXACT)
    plain = torch_result(theirs, x, weight, **options)
    np.testing.assert_allclose(ours(x, weight, **options), plain, **EXACT)


def test_arguments_stand_in_torchs_order():
    x, weight, bias = operands(2, groups=2)
    arguments = ((2, 3), (1, 0), (1, 2), 2, (3, 1))  # stride, padding, output_padding, groups, ...
    expected = F.conv_transpose2d(*map(torch.tensor, (x, weight, bias)), *arguments).numpy()
    np.testing.assert_allclose(conv_transpose2d(x, weight, bias, *arguments), expected, **EXACT)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 3))
def test_conv_transpose_matches_torch_over_the_argument_space(data, axes):
    small = st.integers(1, 3)
    spread = [st.integers(0, 2), *[st.tuples(*[st.integers(0, 2)] * axes)] * 2]
    groups, inside, outside = (data.draw(small) for _ in range(3))
    size, kernel, stride, dilation = (data.draw(st.tuples(*[small] * axes)) for _ in range(4))
    padding, extra = (data.draw(st.one_of(spread)) for _ in range(2))
    batch = data.draw(st.sampled_from([(), (1,), (2,)]))  # of an empty one torch checks too little
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    x = rng.standard_normal((*batch, groups * inside, *size))
    weight = rng.standard_normal((groups * inside, outside, *kernel))
    options = {"stride": stride, "padding": padding, "output_padding": extra}
    options |= {"dilation": dilation, "groups": groups}
    ours, theirs = TRANSPOSED[axes]
    try:
        expected = torch_result(theirs, x, weight, **options)
    except RuntimeError:
        with pytest.raises(ValueError, match=r"output_padding|leaves nothing"):
            ours(x, weight, **options)
        assume(False)
    np.testing.assert_allclose(ours(x, weight, **options), expected, **EXACT)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_it_is_the_transpose_of_convolution(axes, groups):
    """<conv(a), b> equals <a, conv_transpose(b)> for every a and b, with the same weight."""
    conv = (conv1d, conv2d, conv3d)[axes - 1]
    b, weight, _ = operands(axes, groups)
    options = {"stride": 2, "padding": 1, "groups": groups}
    back = TRANSPOSED[axes][0](b, weight, output_padding=1, **options)
    a = np.random.default_rng(1).standard_normal(back.shape)
    there = np.vdot(conv(a, weight, **options), b)
    np.testing.assert_allclose(np.vdot(a, back), there, rtol=1e-11)


def test_conv_transpose1d_by_hand():
    x = np.array([[[1.0, 10.0, 100.0]]])
    weight = np.array([[[1.0, 2.0, 3.0]]])
    full = [1, 2 + 10, 3 + 20 + 100, 30 + 200, 300.0]
    np.testing.assert_array_equal(conv_transpose1d(x, weight), [[full]])
    np.testing.assert_array_equal(conv_transpose1d(x, weight, padding=1), [[full[1:-1]]])
    apart = [1, 2, 3 + 10, 20, 30 + 100, 200, 300.0]
    np.testing.assert_array_equal(conv_transpose1d(x, weight, stride=2), [[apart]])
    extra = conv_transpose1d(x, weight, stride=2, output_padding=1)
    np.testing.assert_array_equal(extra, [[[*apart, 0]]])
    wide = [1, 10, 100 + 2, 20, 200 + 3, 30, 300.0]
    np.testing.assert_array_equal(conv_transpose1d(x, weight, dilation=2), [[wide]])


def test_channels_and_groups_by_hand():
    x = np.array([[[1.0], [2.0]]])
    weight = np.array([[[1.0], [10.0]], [[100.0], [1000.0]]])  # C_in 2, C_out 2
    np.testing.assert_array_equal(conv_transpose1d(x, weight), [[[201.0], [2010.0]]])
    apart = conv_transpose1d(x, weight, np.full(4, 0.5), groups=2)  # C_out 4
    np.testing.assert_array_equal(apart, [[[1.5], [10.5], [200.5], [2000.5]]])


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_blocks_fit_together(axes, monkeypatch):
    ours, theirs = TRANSPOSED[axes]
    x, weight, bias = operands(axes, groups=2, batch=5)
    options = {"stride": 2, "dilation": 2, "output_padding": 1, "padding": 1, "groups": 2}
    expected = torch_result(theirs, x, weight, bias, **options)
    one_sample = 8 * 6 * math.prod(KERNELS[axes]) * math.prod(SIZES[axes])
    for size in (1, one_sample // 3, one_sample - 1, one_sample, 2 * one_sample, 99 * one_sample):
        monkeypatch.setattr(_windows, "WORKSPACE_BYTES", size)
        np.testing.assert_allclose(ours(x, weight, bias, **options), expected, **EXACT)


@pytest.mark.parametrize("shape", [(16, 4, 64, 60), (1, 4, 256, 240)], ids=str)
def test_workspace_is_bounded(shape):
    x = np.zeros(shape, np.float32)
    weight = np.zeros((4, 8, 7, 7), np.float32)
    tracemalloc.start()
    out = conv_transpose2d(x, weight, padding=3)  # all the windows at once would be 97 MB
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * out.nbytes + 2 * _windows.WORKSPACE_BYTES + 2**20
    assert peak < 49 * out.nbytes / 5


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_nan_and_inf_travel_as_in_torch(axes):
    """A window is filled by products only: the gaps of a stride hold no 0 * inf."""
    ours, theirs = TRANSPOSED[axes]
    x, weight, _ = operands(axes)
    x[0, 1].flat[[1, 3]] = np.nan, np.inf
    x[1, 3].flat[2] = -np.inf
    x[1, 2].flat[0] = 0.0
    for special in (None, np.inf, np.nan, 0.0):
        if special is not None:
            weight[2, 3].flat[-1] = special
        for stride in (1, 3):
            expected = torch_result(theirs, x, weight, stride=stride, padding=1)
            out = ours(x, weight, stride=stride, padding=1)
            np.testing.assert_allclose(out, expected, **EXACT)


def test_memory_layout_does_not_matter():
    x, weight, bias = operands(2, groups=2)
    expected = torch_result(F.conv_transpose2d, x, weight, bias, stride=2, padding=1, groups=2)
    frozen = x.copy()
    frozen.flags.writeable = False
    backwards = np.flip(np.flip(weight).copy())
    for a, b in [(x.T.copy().T, weight), (np.asfortranarray(x), backwards), (frozen, weight)]:
        out = conv_transpose2d(a, b, bias, stride=2, padding=1, groups=2)
        np.testing.assert_allclose(out, expected, **EXACT)
        assert out.flags.c_contiguous
    np.testing.assert_array_equal(frozen, x)


@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(np.float32, 1e-5), (np.float16, 2e-3), (np.complex64, 1e-5), (np.int64, 0)],
)
def test_dtype_is_kept(dtype, tolerance):
    arrays = [(7 * a).round().astype(dtype) for a in operands(2)]
    expected = torch_result(F.conv_transpose2d, *arrays, stride=2)
    out = conv_transpose2d(*arrays, stride=2)
    np.testing.assert_allclose(out, expected, rtol=tolerance, atol=tolerance, strict=True)


def test_float16_is_summed_in_float32():
    """PyTorch adds its windows up in float16 here, where 2048 + 1 is 2048."""
    x = np.array([[[1, 1, 1, 1, 2048]]], np.float16)
    out = conv_transpose1d(x, np.ones((1, 1, 5), np.float16))
    assert out[0, 0, 4] == 2052


def test_small_integers_wrap_around():
    """PyTorch has no transposed convolution of uint8: the rule is that of `conv2d`."""
    x = np.array([[[200, 100]]], np.uint8)
    out = conv_transpose1d(x, np.array([[[1, 1]]], np.uint8))
    np.testing.assert_array_equal(out, np.array([[[200, 44, 100]]], np.uint8), strict=True)


def test_empty_batch():
    x, weight, bias = operands(2)
    expected = torch_result(F.conv_transpose2d, x[:0], weight, bias)
    np.testing.assert_array_equal(conv_transpose2d(x[:0], weight, bias), expected, strict=True)


GOOD = {"x": np.zeros((1, 4, 5, 6)), "weight": np.zeros((4, 6, 3, 2)), "bias": np.zeros(6)}
BAD_VALUES = [  # each breaks one rule of an otherwise good call
    ({"x": np.zeros((5, 6))}, r"x has 2 axes \(5, 6\), expected \(N, C_in, H, W\) or"),
    ({"weight": np.zeros((4, 3, 2))}, r"weight has 3 axes \(4, 3, 2\), expected \(C_in, C_out"),
    ({"x": np.zeros((1, 3, 5, 6))}, "x has 3 channels, weight expects 4"),
    ({"groups": 3, "bias": None}, "weight has 4 input channels, groups 3 must divide it"),
    ({"groups": 2}, "bias has 6 entries, weight gives 12 channels"),
    ({"groups": 0}, "groups is 0, must be at least 1"),
    ({"bias": np.zeros(4)}, "bias has 4 entries, weight gives 6 channels"),
    ({"bias": np.zeros((1, 6))}, "bias has 2 axes"),
    ({"weight": np.zeros((4, 0, 3, 2)), "bias": None}, "weight has size 0 along axis 1"),
    ({"x": np.zeros((1, 4, 0, 6))}, "x has size 0 along axis 2"),
    ({"stride": 0}, "stride is 0, must be at least 1"),
    ({"stride": (2, 2, 2)}, "stride has 3 entries, expected 2"),
    ({"dilation": -1}, "dilation is -1, must be at least 1"),
    ({"padding": -1}, "padding is -1, must be at least 0"),
    ({"padding": 4}, "padding 4 on both sides leaves nothing of size 5 spread to 7"),
    ({"output_padding": -1}, "output_padding is -1, must be at least 0"),
    ({"output_padding": 1}, "output_padding 1 must be less than stride 1 or dilation 1"),
    ({"output_padding": (0, 3), "stride": (4, 2)}, "output_padding 3 must be less than stride 2"),
]
BAD_TYPES = [
    ({"x": [[1.0]]}, "x must be a NumPy array, got list"),
    ({"weight": None}, "weight must be a NumPy array, got NoneType"),
    ({"x": GOOD["x"].astype(bool)}, "x must hold numbers, got dtype bool"),
    ({"weight": GOOD["weight"].astype(object)}, "weight must hold numbers, got dtype object"),
    ({"x": GOOD["x"].astype(np.float32)}, "dtypes differ: x is float32, weight is float64"),
    ({"stride": 2.0}, r"stride must be an int or a tuple of ints, got 2\.0"),
    ({"padding": "same"}, "padding must be an int or a tuple of ints, got 'same'"),
    ({"output_padding": None}, "output_padding must be an int or a tuple of ints, got None"),
    ({"groups": [1]}, r"groups must be an int, got \[1\]"),
    ({"dilation": True}, "dilation must be an int or a tuple of ints, got True"),
]


def test_the_good_call_is_good():
    assert conv_transpose2d(**GOOD).shape == (1, 6, 7, 7)


@pytest.mark.parametrize(("change", "message"), BAD_VALUES)
def test_bad_values_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        conv_transpose2d(**GOOD | change)


@pytest.mark.parametrize(("change", "message"), BAD_TYPES)
def test_bad_types_are_named(change, message):
    with pytest.raises(TypeError, match=message):
        conv_transpose2d(**GOOD | change)
