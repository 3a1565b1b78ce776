"""Convolution against PyTorch, against hand-worked numbers, and against bad input."""

import itertools
import math
import tracemalloc
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnbook.ops import _windows, conv1d, conv2d, conv3d

CONVS = {1: (conv1d, F.conv1d), 2: (conv2d, F.conv2d), 3: (conv3d, F.conv3d)}
SIZES = {1: (9,), 2: (9, 7), 3: (5, 7, 6)}  # unequal, as are the kernels: swapped axes fail
KERNELS = {1: (3,), 2: (3, 2), 3: (2, 3, 1)}
EXACT = {"rtol": 1e-11, "atol": 1e-11, "strict": True}
SAME_WARNING = "ignore:Using padding='same' with even kernel lengths:UserWarning"


def torch_result(function, x, weight, bias=None, **options):
    tensors = [None if a is None else torch.tensor(a) for a in (x, weight, bias)]
    return function(*tensors, **options).numpy()


def operands(axes, groups=1, batch=2, dtype=np.float64):
    rng = np.random.default_rng(0)
    shapes = (batch, 4, *SIZES[axes]), (6, 4 // groups, *KERNELS[axes]), (6,)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


SETTINGS = [
    (stride, padding, dilation, groups)
    for stride, padding, dilation, groups in itertools.product(
        [1, 2, 3], [0, 1, 2, "valid", "same"], [1, 2], [1, 2]
    )
    if padding != "same" or stride == 1
]


@pytest.mark.filterwarnings(SAME_WARNING)
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(("stride", "padding", "dilation", "groups"), SETTINGS)
def test_conv_matches_torch(axes, stride, padding, dilation, groups):
    ours, theirs = CONVS[axes]
    x, weight, bias = operands(axes, groups)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    expected = torch_result(theirs, x, weight, bias, **options)
    np.testing.assert_allclose(ours(x, weight, bias, **options), expected, **EXACT)
    np.testing.assert_allclose(ours(x[1], weight, bias, **options), expected[1], **EXACT)
    plain = torch_result(theirs, x, weight, **options)
    np.testing.assert_allclose(ours(x, weight, **options), plain, **EXACT)


@pytest.mark.parametrize(
    "options",
    [
        {"stride": (2, 3), "padding": (0, 2), "dilation": (2, 1)},
        {"stride": [1, 2], "padding": [1, 0], "dilation": [1, 3]},
        {"stride": (2,), "padding": (1,), "dilation": (2,)},  # one entry holds for both axes
        {"stride": np.int64(2), "padding": np.int32(1)},
    ],
    ids=str,
)
def test_conv2d_reads_an_entry_an_axis(options):
    x, weight, bias = operands(2)
    plain = {k: v if isinstance(v, (tuple, list)) else int(v) for k, v in options.items()}
    expected = torch_result(F.conv2d, x, weight, bias, **plain)
    np.testing.assert_allclose(conv2d(x, weight, bias, **options), expected, **EXACT)


def test_arguments_stand_in_torchs_order():
    x, weight, bias = operands(2, groups=2)
    tensors = map(torch.tensor, (x, weight, bias))
    expected = F.conv2d(*tensors, 2, 1, 3, 2).numpy()
    np.testing.assert_allclose(conv2d(x, weight, bias, 2, 1, 3, 2), expected, **EXACT)


@st.composite
def convolutions(draw):
    axes = draw(st.integers(1, 3))
    small = st.integers(1, 3)

    def spread(entries):  # one int for all axes, or a tuple
        return draw(st.one_of(entries, st.tuples(*[entries] * axes)))

    groups, inside, outside = draw(small), draw(small), draw(small)
    kernel = draw(st.tuples(*[small] * axes))
    stride, padding, dilation = spread(small), spread(st.integers(0, 3)), spread(small)
    per_axis = [v if isinstance(v, tuple) else (v,) * axes for v in (padding, dilation)]
    size = tuple(
        draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), d * (k - 1) + 5))
        for k, p, d in zip(kernel, *per_axis, strict=True)
    )
    shapes = (
        (*draw(st.sampled_from([(), (0,), (1,), (2,)])), groups * inside, *size),
        (groups * outside, inside, *kernel),
        draw(st.sampled_from([None, (groups * outside,)])),
    )
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return axes, shapes, options, draw(st.integers(0, 2**31))


@settings(max_examples=150, deadline=None)
@given(convolutions())
def test_conv_matches_torch_over_the_argument_space(drawn):
    axes, shapes, options, seed = drawn
    rng = np.random.default_rng(seed)
    arrays = [None if shape is None else rng.standard_normal(shape) for shape in shapes]
    ours, theirs = CONVS[axes]
    expected = torch_result(theirs, *arrays, **options)
    np.testing.assert_allclose(ours(*arrays, **options), expected, **EXACT)


def test_conv1d_by_hand():
    x = np.array([[[1.0, 2.0, 4.0, 8.0, 16.0]]])
    weight = np.array([[[1.0, -3.0]]])
    expected = [[[1 - 6, 2 - 12, 4 - 24, 8 - 48.0]]]  # not flipped
    np.testing.assert_array_equal(conv1d(x, weight), expected, strict=True)
    expected = [[[0 - 3, 2 - 12, 8 - 48.0]]]  # windows (0, 1), (2, 4), (8, 16)
    np.testing.assert_array_equal(conv1d(x, weight, stride=2, padding=1), expected, strict=True)
    expected = [[[1 - 24, 2 - 48.0]]]
    np.testing.assert_array_equal(conv1d(x, weight, dilation=3), expected, strict=True)


def test_conv2d_by_hand():
    x = np.array([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[0.0, 1.0, 0.0], [1.0, 0.0, 2.0]]]])
    weight = np.array([[[[1.0, 10.0]], [[100.0, 1000.0]]]])  # C_in 2, kH 1, kW 2
    out = [[[[21 + 1000, 32 + 100], [54 + 100, 65 + 2000]]]]
    expected = np.array(out) + 0.5
    np.testing.assert_array_equal(conv2d(x, weight, np.array([0.5])), expected, strict=True)


def test_groups_by_hand():
    x = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    weight = np.array([[[10.0]], [[20.0]], [[30.0]], [[40.0]]])
    expected = [[[10.0, 20.0], [20.0, 40.0], [90.0, 120.0], [120.0, 160.0]]]
    np.testing.assert_array_equal(conv1d(x, weight, groups=2), expected, strict=True)


def test_same_puts_the_odd_zero_at_the_end():
    x = np.array([[[1.0, 2.0, 3.0]]])
    expected = [[[1 + 2, 2 + 3, 3.0]]]
    np.testing.assert_array_equal(conv1d(x, np.ones((1, 1, 2)), padding="same"), expected)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_blocks_fit_together(axes, monkeypatch):
    """Whatever the workspace holds, from a single row to the whole batch, the result is one."""
    ours, theirs = CONVS[axes]
    x, weight, bias = operands(axes, groups=2, batch=5)
    options = {"padding": 2, "groups": 2}
    expected = torch_result(theirs, x, weight, bias, **options)
    one_sample = 8 * 4 * math.prod(KERNELS[axes]) * math.prod(expected.shape[2:])
    for size in (1, one_sample // 3, one_sample - 1, one_sample, 2 * one_sample, 99 * one_sample):
        monkeypatch.setattr(_windows, "WORKSPACE_BYTES", size)
        np.testing.assert_allclose(ours(x, weight, bias, **options), expected, **EXACT)


@pytest.mark.parametrize("shape", [(16, 8, 64, 60), (1, 16, 180, 170)], ids=str)
def test_workspace_is_bounded(shape):
    """Peak memory: the padded input, the output and two blocks, not k² copies of the input."""
    x = np.zeros(shape, np.float32)  # 2 MB; all its windows would be 97 MB
    weight = np.zeros((4, shape[1], 7, 7), np.float32)
    tracemalloc.start()
    out = conv2d(x, weight, padding=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * x.nbytes + out.nbytes + 2 * _windows.WORKSPACE_BYTES + 2**20
    assert peak < 49 * x.nbytes / 5


def test_unpadded_pointwise_convolution_copies_nothing():
    x = np.zeros((4, 64, 40, 30), np.float32)
    weight = np.zeros((1, 64, 1, 1), np.float32)
    tracemalloc.start()
    out = conv2d(x, weight)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < out.nbytes + x.nbytes / 10


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 4])
def test_nan_and_inf_travel_as_in_torch(axes, groups):
    """A padded zero times an infinite weight is NaN, and nothing else is touched."""
    ours, theirs = CONVS[axes]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 4, *SIZES[axes]))
    weight = rng.standard_normal((8, 4 // groups, *KERNELS[axes]))
    x[0, 1].flat[[2, 7]] = np.nan, np.inf
    x[1, 3].flat[4] = -np.inf
    x[1, 2].flat[5] = 0.0
    for special in (None, np.inf, np.nan, 0.0):
        if special is not None:
            weight[5].flat[-1] = special
        options = {"padding": 1, "groups": groups}
        expected = torch_result(theirs, x, weight, **options)
        np.testing.assert_allclose(ours(x, weight, **options), expected, **EXACT)


def layouts(array):
    """The same numbers in other memory, by name."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    frozen = array.copy()
    frozen.flags.writeable = False
    return {
        "fortran": np.asfortranarray(array),
        "transposed": np.ascontiguousarray(array.T).T,
        "channels last": np.moveaxis(np.moveaxis(array, 1, -1).copy(), -1, 1),
        "negative": np.flip(np.flip(array).copy()),
        "every other": wide[..., ::2],
        "read-only": frozen,
    }


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("name", layouts(np.zeros((1, 1, 1))))
def test_memory_layout_does_not_matter(axes, name):
    ours, theirs = CONVS[axes]
    x, weight, bias = operands(axes, groups=2)
    expected = torch_result(theirs, x, weight, bias, padding=1, groups=2)
    arrays = layouts(x)[name], layouts(weight)[name], bias
    before = [a.copy() for a in arrays]
    np.testing.assert_allclose(ours(*arrays, padding=1, groups=2), expected, **EXACT)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy, strict=True)


def test_a_repeated_batch_needs_no_memory_of_its_own():
    x, weight, _ = operands(2)
    repeated = np.broadcast_to(x[0], x.shape)
    expected = torch_result(F.conv2d, np.stack([x[0], x[0]]), weight)
    np.testing.assert_allclose(conv2d(repeated, weight), expected, **EXACT)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [
        (np.float32, 1e-5),
        (np.float16, 2e-3),
        (np.complex64, 1e-5),
        (np.complex128, 1e-11),
        (np.int64, 0),
        (np.int32, 0),
        (np.uint8, 0),
    ],
)
def test_dtype_is_kept(axes, dtype, tolerance):
    ours, theirs = CONVS[axes]
    factor = 7 + 2j if np.dtype(dtype).kind == "c" else 7
    arrays = [(factor * np.abs(a).round(1)).astype(dtype) for a in operands(axes)]
    expected = torch_result(theirs, *arrays, stride=2, padding=1)
    out = ours(*arrays, stride=2, padding=1)
    np.testing.assert_allclose(out, expected, rtol=tolerance, atol=tolerance, strict=True)


def test_float16_is_summed_in_float32():
    half = partial(np.array, dtype=np.float16)
    x, weight, bias = half([[[2048, 1]]]), half([[[1, 1]]]), half([1])
    out = conv1d(x, weight, bias)  # in float16, 2048 + 1 is 2048
    np.testing.assert_array_equal(out, half([[[2050]]]), strict=True)
    np.testing.assert_array_equal(out, torch_result(F.conv1d, x, weight, bias), strict=True)
    out = conv1d(half([[[6e4]]]), half([[[2]]]))  # float16 ends at 65504
    np.testing.assert_array_equal(out, half([[[np.inf]]]), strict=True)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_empty_batch_and_axes_of_size_one(axes):
    ours, theirs = CONVS[axes]
    x, weight, bias = operands(axes)
    for data, kernel in [
        (x[:0], weight),
        (x[:1, :, *(slice(1),) * axes], weight[:1, :, *(slice(1),) * axes]),
        (x[:1, :, *(slice(1),) * axes], weight),
    ]:
        expected = torch_result(theirs, data, kernel, bias[: len(kernel)], padding=2)
        out = ours(data, kernel, bias[: len(kernel)], padding=2)
        np.testing.assert_allclose(out, expected, **EXACT)


GOOD_X, GOOD_WEIGHT, GOOD_BIAS = np.zeros((1, 4, 5, 6)), np.zeros((6, 4, 3, 2)), np.zeros(6)
BAD_VALUES = [  # each breaks one rule of an otherwise good call
    ({"x": np.zeros((5, 6))}, r"x has 2 axes \(5, 6\), expected \(N, C_in, H, W\) or"),
    ({"x": np.zeros((1, 1, 4, 5, 6))}, "x has 5 axes"),
    ({"weight": np.zeros((4, 3, 2))}, r"weight has 3 axes \(4, 3, 2\), expected \(C_out"),
    ({"x": np.zeros((1, 3, 5, 6))}, "x has 3 channels, weight expects 4"),
    ({"x": np.zeros((3, 5, 6))}, "x has 3 channels, weight expects 4"),
    ({"x": np.zeros((1, 0, 5, 6))}, "x has 0 channels, weight expects 4"),
    ({"groups": 2}, r"x has 4 channels, weight expects 8 \(4 a group, groups 2\)"),
    ({"weight": np.zeros((6, 1, 3, 2)), "groups": 4}, "weight has 6 output channels, groups 4"),
    ({"weight": np.zeros((6, 1, 3, 2)), "groups": 3}, "x has 4 channels, weight expects 3"),
    ({"groups": 0}, "groups is 0, must be at least 1"),
    ({"groups": -1}, "groups is -1, must be at least 1"),
    ({"weight": np.zeros((0, 4, 3, 2)), "bias": None}, "weight has size 0 along axis 0"),
    ({"weight": np.zeros((6, 4, 0, 2))}, "weight has size 0 along axis 2"),
    ({"x": np.zeros((1, 4, 0, 6)), "padding": 2}, "x has size 0 along axis 2"),
    ({"weight": np.zeros((6, 4, 6, 2))}, "kernel_size 6 .* more than the 5 of the padded input"),
    ({"dilation": (1, 6)}, "kernel_size 2 with dilation 6 spans 7 pixels, more than the 6"),
    ({"stride": 0}, "stride is 0, must be at least 1"),
    ({"stride": (1, -2)}, "stride is -2, must be at least 1"),
    ({"stride": (1, 2, 1)}, "stride has 3 entries, expected 2"),
    ({"stride": ()}, "stride has 0 entries, expected 2"),
    ({"dilation": 0}, "dilation is 0, must be at least 1"),
    ({"dilation": -1}, "dilation is -1, must be at least 1"),
    ({"padding": -1}, "padding is -1, must be at least 0"),
    ({"padding": (0, -1)}, "padding is -1, must be at least 0"),
    ({"padding": "full"}, 'padding must be ints, "valid" or "same", got \'full\''),
    ({"padding": "same", "stride": 2}, r'padding "same" needs stride 1, got stride \(2, 2\)'),
    ({"bias": np.zeros(5)}, "bias has 5 entries, weight gives 6 channels"),
    ({"bias": np.zeros((6, 1))}, r"bias has 2 axes \(6, 1\), expected \(C_out,\)"),
]
BAD_TYPES = [
    ({"x": GOOD_X.tolist()}, "x must be a NumPy array, got list"),
    ({"x": None}, "x must be a NumPy array, got NoneType"),
    ({"x": torch.zeros(1, 4, 5, 6)}, "x must be a NumPy array, got Tensor"),
    ({"weight": "sobel"}, "weight must be a NumPy array, got str"),
    ({"bias": 1.0}, "bias must be a NumPy array, got float"),
    ({"x": GOOD_X.astype(object)}, "x must hold numbers, got dtype object"),
    ({"x": GOOD_X.astype(bool)}, "x must hold numbers, got dtype bool"),
    ({"weight": GOOD_WEIGHT.astype(str)}, "weight must hold numbers, got dtype <U"),
    ({"x": GOOD_X.astype(np.float32)}, "dtypes differ: x is float32, weight is float64"),
    ({"bias": GOOD_BIAS.astype(np.int64)}, "dtypes differ: .* bias is int64"),
    ({"stride": 1.0}, r"stride must be an int or a tuple of ints, got 1\.0"),
    ({"stride": True}, "stride must be an int or a tuple of ints, got True"),
    ({"stride": None}, "stride must be an int or a tuple of ints, got None"),
    ({"stride": "2"}, "stride must be an int or a tuple of ints, got '2'"),
    ({"dilation": (1, 1.5)}, r"dilation must be an int or a tuple of ints, got 1\.5"),
    ({"padding": None}, "padding must be an int or a tuple of ints, got None"),
    ({"padding": ((1, 1), (0, 0))}, "padding must be an int or a tuple of ints"),
    ({"padding": np.array([1, 1])}, "padding must be an int or a tuple of ints"),
    ({"groups": (1,)}, r"groups must be an int, got \(1,\)"),
    ({"groups": 1.0}, "groups must be an int"),
]


def test_the_good_call_is_good():
    assert conv2d(GOOD_X, GOOD_WEIGHT, GOOD_BIAS).shape == (1, 6, 3, 5)


@pytest.mark.parametrize(("change", "message"), BAD_VALUES)
def test_bad_values_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        conv2d(**{"x": GOOD_X, "weight": GOOD_WEIGHT, "bias": GOOD_BIAS} | change)


@pytest.mark.parametrize(("change", "message"), BAD_TYPES)
def test_bad_types_are_named(change, message):
    with pytest.raises(TypeError, match=message):
        conv2d(**{"x": GOOD_X, "weight": GOOD_WEIGHT, "bias": GOOD_BIAS} | change)


def test_the_other_ranks_name_their_axes():
    with pytest.raises(ValueError, match=r"expected \(N, C_in, L\) or \(C_in, L\)"):
        conv1d(np.zeros(3), np.zeros((1, 1, 1)))
    with pytest.raises(ValueError, match=r"expected \(N, C_in, D, H, W\) or \(C_in, D, H, W\)"):
        conv3d(np.zeros((1, 1, 1)), np.zeros((1, 1, 1, 1, 1)))
