"""convolve and correlate against scipy.signal, hand-worked numbers, and bad input."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnbook.ops import convolve, correlate

PAIRS = [(convolve, scipy.signal.convolve), (correlate, scipy.signal.correlate)]


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 3), st.data())
def test_both_match_scipy(axes, data):
    sizes = st.tuples(*[st.integers(1, 6)] * axes)
    shape_x, shape_w = data.draw(sizes), data.draw(sizes)
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(shape_x), rng.standard_normal(shape_w)
    for ours, theirs in PAIRS:
        for mode in ("full", "same", "valid"):
            try:
                expected = theirs(x, w, mode, method="direct")
            except ValueError:
                assert mode == "valid"
                with pytest.raises(ValueError, match="needs one array inside the other"):
                    ours(x, w, mode)
            else:
                out = ours(x, w) if mode == "full" else ours(x, w, mode)
                np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12, strict=True)


def test_by_hand():
    x, w = np.array([1, 2, 3]), np.array([1, 10, 100, 1000])
    np.testing.assert_array_equal(convolve(x, w), [1, 12, 123, 1230, 2300, 3000])
    np.testing.assert_array_equal(convolve(x, w, "same"), [12, 123, 1230])
    np.testing.assert_array_equal(convolve(x, w, "valid"), [123, 1230])
    np.testing.assert_array_equal(correlate(x, w), [1000, 2100, 3210, 321, 32, 3])
    np.testing.assert_array_equal(correlate(x, w, "same"), [2100, 3210, 321])
    np.testing.assert_array_equal(correlate(x, w, "valid"), [3210, 321])
    np.testing.assert_array_equal(correlate(w, x, "valid"), [321, 3210])


def test_a_large_w_is_not_looped_over():
    """The loop is over the smaller array, or this would take a minute."""
    x, w = np.ones(3), np.ones(1_000_000)
    np.testing.assert_array_equal(convolve(x, w, "valid"), np.full(999_998, 3.0), strict=True)


@pytest.mark.parametrize("dtypes", ["f4 f4", "i4 i4", "u1 u1", "i4 f4", "f8 i8"])
def test_dtypes_promote_as_in_scipy_and_inputs_stay(dtypes):
    dtypes = dtypes.split()
    x, w = np.arange(12).reshape(3, 4)[:, ::-1].astype(dtypes[0]), np.ones((2, 2), dtypes[1])
    for array in (x, w):
        array.flags.writeable = False
    expected = scipy.signal.convolve(x, w, method="direct")
    np.testing.assert_array_equal(convolve(x, w), expected, strict=True)


def test_nan_and_inf_reach_their_windows_only():
    x, w = np.array([1.0, 2.0, np.nan, 4.0]), np.array([1.0, np.inf])
    expected = [1, np.inf, np.nan, np.nan, np.inf]
    np.testing.assert_array_equal(convolve(x, w), expected)


GOOD = {"x": np.ones((3, 4)), "w": np.ones((2, 3)), "mode": "same"}
BAD = [  # each breaks one rule of an otherwise good call
    ({"x": np.ones((1, 2, 3, 4)), "w": np.ones((1, 2, 3, 4))}, ValueError, "x has 4 axes"),
    ({"w": np.ones(3)}, ValueError, "x has 2 axes, w has 1"),
    ({"w": np.float64(2.0)}, TypeError, "w must be a NumPy array, got float64"),
    ({"w": np.ones((2, 0))}, ValueError, "w has size 0 along axis 1"),
    ({"x": np.ones((0, 4))}, ValueError, "x has size 0 along axis 0"),
    ({"w": np.ones((4, 2)), "mode": "valid"}, ValueError, r"other: x \(3, 4\), w \(4, 2"),
    ({"mode": "wrap"}, ValueError, 'mode must be "full", "valid" or "same", got \'wrap\''),
    ({"mode": None}, TypeError, 'mode must be "full", "valid" or "same", got None'),
    ({"mode": 1}, TypeError, "mode must be .* got 1"),
    ({"x": [[1.0]]}, TypeError, "x must be a NumPy array, got list"),
    ({"w": "sobel"}, TypeError, "w must be a NumPy array, got str"),
    ({"x": np.ones((3, 4), bool)}, TypeError, "x must hold numbers, got dtype bool"),
    ({"w": np.ones((2, 3), object)}, TypeError, "w must hold numbers, got dtype object"),
    ({"x": np.ones((3, 4), complex)}, TypeError, "x must be real, got dtype complex128"),
]


@pytest.mark.parametrize("function", [convolve, correlate])
@pytest.mark.parametrize(("change", "error", "message"), BAD)
def test_bad_input_is_named(function, change, error, message):
    assert function(**GOOD).shape == (3, 4)
    with pytest.raises(error, match=message):
        function(**GOOD | change)
