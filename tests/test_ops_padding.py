"""Padding against `torch.nn.functional.pad`, against cases worked by hand, and on its refusals."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cnnbook.ops import pad, pad_backward

MODES = ["reflect", "replicate", "circular"]


def numbered(*shape, dtype=np.float64):
    return np.arange(math.prod(shape)).reshape(shape).astype(dtype)


def assert_same(x, amounts, mode="constant", value=None):
    expected = F.pad(torch.from_numpy(x.copy()), amounts, mode, value).numpy()
    np.testing.assert_array_equal(pad(x, amounts, mode, value), expected, strict=True)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("constant", [0, 0, 1, 2, 3, 0]), ("reflect", [3, 2, 1, 2, 3, 2]),
     ("replicate", [1, 1, 1, 2, 3, 3]), ("circular", [2, 3, 1, 2, 3, 1])],
)  # fmt: skip
def test_pad_by_hand(mode, expected):
    np.testing.assert_array_equal(pad(np.array([[1, 2, 3]]), (2, 1), mode), [expected], strict=True)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_pad_matches_torch_everywhere(data):
    axes = data.draw(st.integers(1, 3))
    mode = data.draw(st.sampled_from(["constant", *MODES]))
    x = numbered(
        *data.draw(st.sampled_from([(2,), (1, 2), (0, 2)])),
        *(data.draw(st.integers(1, 5)) for _ in range(axes)),
    )
    amounts = tuple(data.draw(st.integers(-3, 5)) for _ in range(2 * axes))
    # torch reads outside of its memory where circular padding crops an axis it also wraps
    if mode == "circular" and any(
        a * b < 0 for a, b in zip(amounts[::2], amounts[1::2], strict=True)
    ):
        amounts = tuple(map(abs, amounts))
    sides = zip(x.shape[::-1], amounts[::2], amounts[1::2], strict=False)
    assume(all(map(sum, sides)))  # PyTorch 2.6 takes and refuses other empty results than 2.9
    try:
        expected = F.pad(torch.from_numpy(x), amounts, mode).numpy()
    except RuntimeError:
        with pytest.raises(ValueError, match=r"pad .* of x|pad .* pixels|x has size 0"):
            pad(x, amounts, mode)
    else:
        np.testing.assert_array_equal(pad(x, amounts, mode), expected, strict=True)


def test_negative_amounts_cut_off():
    x = numbered(1, 5)
    np.testing.assert_array_equal(pad(x, (-1, 2)), [[1, 2, 3, 4, 0, 0.0]], strict=True)
    # what is cut off is not wrapped round
    np.testing.assert_array_equal(pad(x, (2, -1), "circular"), [[2, 3, 0, 1, 2, 3.0]], strict=True)
    np.testing.assert_array_equal(pad(x, (-3, -2)), np.empty((1, 0)), strict=True)


@pytest.mark.parametrize("mode", ["constant", *MODES])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, np.complex64])
def test_pad_keeps_the_dtype(mode, dtype):
    assert_same(numbered(2, 3, 4, dtype=dtype), (1, 2), mode)


def test_value_travels():
    x = np.zeros((1, 2))
    for value in (np.nan, np.inf, -np.inf, 2, np.float32(0.5), True):
        assert_same(x, (1, 0), value=value)
    assert_same(numbered(1, 2, dtype=np.int64), (1, 0), value=-1.5)  # torch drops the fraction
    assert_same(x, (1, 0), "reflect", 0)  # torch takes a value of 0 here


IMAGE = numbered(1, 3, 4)
IMAGE_F4, IMAGE_U1, IMAGE_I8 = (IMAGE.astype(dtype) for dtype in ("f4", "u1", "i8"))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": [[1.0]]}, TypeError, "x must be a NumPy array, got list"),
        ({"x": np.array([["a"]])}, TypeError, "x must hold numbers, got dtype <U1"),
        ({"x": np.ones((2, 2), bool)}, TypeError, "x must hold numbers, got dtype bool"),
        ({"x": np.ones((2, 2), object)}, TypeError, "x must hold numbers, got dtype object"),
        ({"pad": 1}, TypeError, "pad must be a tuple of ints, got 1"),
        ({"pad": "same"}, TypeError, "pad must be a tuple of ints, got 'same'"),
        ({"pad": (1, 1, 1)}, ValueError, "pad has 3 entries, must have 2 an axis"),
        ({"pad": (1,)}, ValueError, "pad has 1 entries, must have 2 an axis"),
        ({"pad": (1,) * 8}, ValueError, "pad has 8 entries, x with 3 axes takes 6"),
        ({"pad": (-3, -2)}, ValueError, r"pad \(-3, -2\) cuts off 5 pixels, x has 4"),
        ({"pad": (-5, 5)}, ValueError, r"pad \(-5, 5\) cuts off 5 pixels, x has 4"),
        ({"mode": "edge"}, ValueError, r"mode must be .*'reflect', .* got 'edge'"),
        ({"mode": None}, ValueError, r"mode must be .* got None"),
        ({"value": "0"}, TypeError, "value must be a real number, got '0'"),
        ({"value": 1j}, TypeError, "value must be a real number, got 1j"),
        ({"value": 1, "mode": "reflect"}, ValueError, 'value is 1, but mode "reflect" takes none'),
        ({"value": 1e300, "x": IMAGE_F4}, ValueError, r"value 1e\+300 does not fit"),
        ({"value": 300, "x": IMAGE_U1}, ValueError, "value 300 does not fit uint8, 0 to 255"),
        ({"value": np.nan, "x": IMAGE_I8}, ValueError, "value nan does not fit int64"),
        ({"mode": "reflect", "pad": (4, 0)}, ValueError, r"pad \(4, 0\) must be less than the 4"),
        ({"mode": "reflect", "pad": (-4, 0)}, ValueError, r"pad \(-4, 0\) leaves nothing"),
        ({"mode": "replicate", "pad": (-4, 0)}, ValueError, r"pad \(-4, 0\) leaves nothing"),
        ({"mode": "circular", "pad": (5, 0)}, ValueError, r"pad \(5, 0\) wraps .* round 4 pixels"),
        ({"mode": "circular", "pad": (-2, 3)}, ValueError, r"pad \(-2, 3\) wraps .* round 2"),
        ({"mode": "circular", "pad": (-5, 0)}, ValueError, r"pad \(-5, 0\) cuts off 5 .* x has 4"),
        ({"mode": "reflect", "pad": (1,) * 6}, ValueError, r"x has 3 axes \(1, 3, 4\) and pad 6"),
        ({"mode": "reflect", "pad": ()}, ValueError, r"x has 3 axes \(1, 3, 4\) and pad 0"),
        ({"mode": "circular", "x": np.ones(3)}, ValueError, r"x has 1 axes \(3,\) and pad 2"),
        ({"mode": "reflect", "x": np.ones((2, 0, 4))}, ValueError, "x has size 0 along axis 1"),
    ],
)  # fmt: skip
def test_pad_refuses(change, error, message):
    with pytest.raises(error, match=message):
        pad(**({"x": IMAGE, "pad": (1, 1)} | change))
    with pytest.raises(error, match=message):
        pad_backward(IMAGE, **({"x": IMAGE, "pad": (1, 1)} | change))
