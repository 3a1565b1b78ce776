"""unfold and fold against PyTorch, against hand-worked numbers, and against bad input."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnnbook.ops import fold, unfold


def test_unfold_by_hand():
    x = np.array([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[7.0, 8.0, 9.0], [0.0, 0.0, 1.0]]])
    expected = [[1, 2], [2, 3], [4, 5], [5, 6], [7, 8], [8, 9], [0, 0], [0, 1.0]]
    np.testing.assert_array_equal(unfold(x, 2), expected, strict=True)
    padded = unfold(x[:1, :1], kernel_size=(1, 2), padding=(0, 1), stride=2)
    np.testing.assert_array_equal(padded, [[0, 2.0], [1, 3]], strict=True)
    assert not np.shares_memory(unfold(x, 1), x)  # a copy even where a view would do


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_dtype_is_kept(dtype):
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 5)).astype(dtype)
    columns = F.unfold(torch.tensor(x), 2)
    np.testing.assert_array_equal(unfold(x, 2), columns.numpy(), strict=True)
    expected = F.fold(columns, (6, 5), 2).numpy()
    out = fold(columns.numpy(), (6, 5), 2)
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6, strict=True)


def test_integers_are_folded_too():
    """PyTorch has no integer fold; here it is the same sum."""
    x = np.arange(12).reshape(1, 1, 3, 4)
    counts = np.array([[1, 2, 2, 1], [2, 4, 4, 2], [1, 2, 2, 1]])
    np.testing.assert_array_equal(fold(unfold(x, 2), (3, 4), 2), x * counts, strict=True)


def test_nan_and_inf_travel_as_in_torch():
    columns = np.ones((1, 4, 6))
    columns[0, 0, 0], columns[0, 3, 4], columns[0, 1, 4] = np.nan, np.inf, -np.inf
    expected = F.fold(torch.tensor(columns), (3, 4), 2).numpy()
    np.testing.assert_array_equal(fold(columns, (3, 4), 2), expected, strict=True)
    columns[0, 0, 5] = np.inf  # meets the -inf of its neighbour: inf - inf
    out = fold(columns, (3, 4), 2)
    np.testing.assert_array_equal(out, F.fold(torch.tensor(columns), (3, 4), 2).numpy())
    assert np.isnan(out).sum() == 2


X, COLUMNS = np.zeros((2, 3, 4, 5)), np.zeros((2, 12, 12))
BAD = [  # each breaks one rule of an otherwise good call
    (unfold, (np.zeros((4, 5)), 2), ValueError, r"x has 2 axes \(4, 5\), expected \(N, C, H, W\)"),
    (unfold, (np.zeros((1, 0, 4, 5)), 2), ValueError, "x has size 0 along axis 1"),
    (unfold, (np.zeros((3, 0, 5)), 2, 1, 1), ValueError, "x has size 0 along axis 1"),
    (unfold, (X, 5), ValueError, "kernel_size 5 .* more than the 4"),
    (unfold, (X, (2,)), ValueError, "kernel_size has 1 entries, expected 2"),
    (unfold, (X, (2, 2, 2)), ValueError, "kernel_size has 3 entries, expected 2"),
    (unfold, (X, 2, 1, "same"), TypeError, "padding must be an int or a tuple of ints"),
    (unfold, (X.tolist(), 2), TypeError, "x must be a NumPy array, got list"),
    (unfold, (X.astype(bool), 2), TypeError, "x must hold numbers, got dtype bool"),
    (fold, (X, (4, 5), 2), ValueError, r"x has 4 axes \(2, 3, 4, 5\), expected \(N, C \* kH"),
    (fold, (np.zeros((2, 0, 12)), (4, 5), 2), ValueError, "x has size 0 along axis 1"),
    (fold, (np.zeros((2, 11, 12)), (4, 5), 2), ValueError, "x has 11 entries a .* of the 4 of"),
    (fold, (COLUMNS, (4, 6), 2), ValueError, r"x has 12 columns, output_size \(4, 6\) has 15"),
    (fold, (COLUMNS, (1, 5), 2), ValueError, "kernel_size 2 .* more than the 1"),
    (fold, (COLUMNS, (4, 5, 6), 2), ValueError, "output_size has 3 entries, expected 2"),
    (fold, (COLUMNS.astype(object), (4, 5), 2), TypeError, "x must hold numbers, got dtype object"),
]


@pytest.mark.parametrize(("function", "arguments", "error", "message"), BAD)
def test_bad_input_is_named(function, arguments, error, message):
    with pytest.raises(error, match=message):
        function(*arguments)
