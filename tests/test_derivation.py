"""The derivation of convolution from the dense layer, by brute force, by hand and against torch."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnbook import derivation as d


def random(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def assert_equal(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12, strict=True)


def conv(x, kernel, stride=1, padding=0):
    """Torch's cross-correlation of one map with one kernel."""
    function = F.conv1d if x.ndim == 1 else F.conv2d
    maps = [torch.from_numpy(a)[None, None] for a in (x, kernel)]
    return function(*maps, stride=stride, padding=padding)[0, 0].numpy()


SETTINGS = list(itertools.product([1, 2, (2, 3)], [0, 1, (2, 1)]))

# ---------------------------------------------------------------- dense


def test_dense_is_the_linear_layer_with_its_matrix_reshaped():
    x, weight, bias = random(3, 4), random(2, 5, 3, 4), random(2, 5)
    arrays = x.ravel(), weight.reshape(10, 12), bias.ravel()
    expected = F.linear(*map(torch.from_numpy, arrays)).numpy().reshape(2, 5)
    assert_equal(d.dense(x, weight, bias), expected)
    assert_equal(d.dense(x, weight), expected - bias)


# ---------------------------------------------------------------- offsets


def test_to_offsets_renames_every_weight():
    weight = random(3, 2, 4, 5)
    renamed = d.to_offsets(weight)
    assert renamed.shape == (3, 2, 6, 6)
    expected = np.zeros((3, 2, 6, 6))
    for i, j, k, m in np.ndindex(weight.shape):
        a, b = k - i, m - j  # offset a lies at index a + H_out - 1
        expected[i, j, a + 2, b + 1] = weight[i, j, k, m]
    np.testing.assert_array_equal(renamed, expected, strict=True)


@given(st.tuples(*[st.integers(1, 4)] * 4))
def test_from_offsets_undoes_to_offsets(shape):
    weight = 1 + np.arange(math.prod(shape)).reshape(shape)
    renamed = d.to_offsets(weight)
    assert np.count_nonzero(renamed) == weight.size  # nothing lost, nothing twice
    np.testing.assert_array_equal(d.from_offsets(renamed), weight, strict=True)


# ---------------------------------------------------------------- local, shared


@pytest.mark.parametrize(("stride", "padding"), SETTINGS)
def test_locally_connected_applies_one_kernel_a_unit(stride, padding):
    x, kernel = random(7, 6), random(3, 2)
    units = conv(x, kernel, stride, padding).shape
    weight, bias = random(*units, 3, 2), random(*units)
    expected = bias.copy()
    for unit in np.ndindex(units):
        expected[unit] += conv(x, weight[unit], stride, padding)[unit]
    assert_equal(d.locally_connected(x, weight, bias, stride, padding), expected)
    embedded = d.local_weights(weight, (7, 6), stride, padding)
    assert_equal(d.dense(x, embedded, bias), expected)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_toeplitz_matches_torch_everywhere(data):
    axes = data.draw(st.integers(1, 2))
    draw = [[data.draw(st.integers(*r)) for _ in range(axes)] for r in [(1, 4), (1, 4), (0, 3)]]
    kernel, stride, padding = map(tuple, draw)
    size = tuple(
        data.draw(st.integers(max(1, k - 2 * p), 7)) for k, p in zip(kernel, padding, strict=True)
    )
    x, weight = random(*size), 1 + random(*kernel)
    expected = conv(x, weight, stride, padding)
    assert_equal(d.toeplitz(weight, size, stride, padding) @ x.ravel(), expected.ravel())


# ---------------------------------------------------------------- the pattern and the counts


def brute_pattern(size, kernel, stride, padding, shared, local):
    """Name the parameter in each cell by what makes it: unit and entry, or offset, or pixel."""
    counts = [(n + 2 * padding - k) // stride + 1 for n, k in zip(size, kernel, strict=True)]
    rows = []
    for unit in itertools.product(*map(range, counts)):
        row = []
        for pixel in itertools.product(*map(range, size)):
            entry = tuple(q - u * stride + padding for q, u in zip(pixel, unit, strict=True))
            seen = all(0 <= e < k for e, k in zip(entry, kernel, strict=True))
            row.append(None if local and not seen else (entry if shared else (unit, entry)))
        rows.append(row)
    return rows


@pytest.mark.parametrize(("shared", "local"), [*itertools.product([False, True], repeat=2)])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [((4,), (2,), 1, 0), ((5, 4), (3, 2), 1, 0), ((5, 4), (3, 2), 2, 1), ((3, 2), (1, 1), 4, 0),
     ((2, 3), (2, 1), 4, 3)],
)  # fmt: skip
def test_weight_pattern_gives_equal_numbers_to_equal_parameters(
    size, kernel, stride, padding, shared, local
):
    pattern = d.weight_pattern(size, kernel, stride, padding, shared=shared, local=local)
    expected = brute_pattern(size, kernel, stride, padding, shared, local)
    assert pattern.shape == (len(expected), len(expected[0]))
    assert pattern.dtype == np.int64
    pairs = set(zip(itertools.chain(*expected), pattern.ravel().tolist(), strict=True))
    names, numbers = zip(*pairs, strict=True)
    assert len(set(names)) == len(set(numbers)) == len(pairs)  # one number a name, and back
    assert all((name is None) == (number == -1) for name, number in pairs)


@pytest.mark.parametrize(("size", "kernel"), [((6, 6), (3, 3)), ((5, 7), (2, 3)), ((8,), (3,))])
@pytest.mark.parametrize("stride", [1, 2])
def test_counts_are_the_numbers_in_the_pattern(size, kernel, stride):
    units = tuple((n - k) // stride + 1 for n, k in zip(size, kernel, strict=True))
    expected = {
        (False, False): d.dense_parameters(size, units, bias=False),
        (False, True): d.locally_connected_parameters(units, kernel, bias=False),
        (True, False): d.offset_parameters(size, units, stride=stride, bias=False),
        (True, True): d.shared_parameters(kernel, bias=False),
    }
    for (shared, local), count in expected.items():
        pattern = d.weight_pattern(size, kernel, stride, shared=shared, local=local)
        assert set(pattern.ravel().tolist()) - {-1} == set(range(count))


def test_biases_are_one_a_unit_or_one_for_all():
    assert d.dense_parameters((2, 3), (4, 5)) - d.dense_parameters((2, 3), (4, 5), bias=False) == 20
    assert d.locally_connected_parameters((4, 5), (2, 2)) == 20 * 4 + 20
    assert d.shared_parameters((2, 3)) == 7
    assert d.offset_parameters((2, 3), (2, 3)) == 3 * 5 + 1


def test_offset_parameters_jump_over_pixels_with_large_strides():
    assert d.offset_parameters((2,), (3,), stride=5, bias=False) == 6


def test_functions_keep_the_dtype_and_write_to_nothing():
    x, weight = random(4, 5).astype("f4"), random(3, 4, 2, 2).astype("f4")
    kernel = weight[0, 0]
    for array in (x, weight):
        array.flags.writeable = False
    assert d.locally_connected(x, weight).dtype == np.float32
    embedded = d.local_weights(weight, (4, 5))
    assert embedded.dtype == d.toeplitz(kernel.T, (4, 5)).dtype == np.float32
    assert d.dense(x.T, embedded.transpose(0, 1, 3, 2)).dtype == np.float32


# ---------------------------------------------------------------- refusals

X, W = np.ones((3, 4)), np.ones((2, 2, 3, 4))


def pattern(shared, local):
    return d.weight_pattern((3,), (2,), shared=shared, local=local)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: d.dense(X.T, W), ValueError, r"x has shape \(4, 3\), weight expects \(3, 4\)"),
        (lambda: d.dense(X[0], W), ValueError, r"x has 1 axes \(4,\), expected \(H, W\)"),
        (lambda: d.dense(X, W[0]), ValueError, "weight has 3 axes"),
        (lambda: d.dense([[1.0]], W), TypeError, "x must be a NumPy array, got list"),
        (lambda: d.dense(X > 0, W), TypeError, "x must hold numbers, got dtype bool"),
        (lambda: d.dense(X, W, X), ValueError, r"bias has shape \(3, 4\), .* output of \(2, 2\)"),
        (lambda: d.dense(X, W, 1.0), TypeError, "bias must be a NumPy array, got float"),
        (lambda: d.to_offsets(X), ValueError, "weight has 2 axes"),
        (lambda: d.to_offsets(W[:0]), ValueError, "weight has size 0 along axis 0"),
        (lambda: d.from_offsets(X), ValueError, "offset_weight has 2 axes"),
        (lambda: d.from_offsets(W[..., :1]), ValueError, r"has \(3, 1\) offsets, \(2, 2\) units"),
        (lambda: d.from_offsets(W), ValueError, "has 24 numbers other than 0 at offsets out of"),
        (lambda: d.locally_connected(X[0], W), ValueError, "x has 1 axes"),
        (lambda: d.locally_connected(X, W[0]), ValueError, "weight has 3 axes"),
        (lambda: d.locally_connected(X, W), ValueError, r"2\) units, .* has \(1, 1\) windows"),
        (lambda: d.locally_connected(X, W, stride=0), ValueError, "stride is 0, must be at least"),
        (lambda: d.locally_connected(X, W, padding=-1), ValueError, "padding is -1, must be at"),
        (lambda: d.local_weights(W, (3, 4)), ValueError, r"2\) units, .* has \(1, 1\) windows"),
        (lambda: d.local_weights(X, (3, 4)), ValueError, "weight has 2 axes"),
        (lambda: d.toeplitz(W, (3, 4)), ValueError, "kernel has 4 axes"),
        (lambda: d.toeplitz(X, (2, 4)), ValueError, r"kernel_size 3 .* more than the 2 of the"),
        (lambda: d.toeplitz(X, (3,)), ValueError, "input_size has 1 axes, kernel_size 2"),
        (lambda: d.toeplitz(X, 4), TypeError, r"input_size must be a tuple .*, got 4"),
        (lambda: d.toeplitz(X, (3, 4.0)), TypeError, r"input_size must be .* got 4.0"),
        (lambda: d.toeplitz(X, (3, 4), stride="2"), TypeError, r"stride must be .* got '2'"),
        (lambda: pattern(1, True), TypeError, "shared must be True or False, got 1"),
        (lambda: pattern(True, "no"), TypeError, "local must be True or False, got 'no'"),
        (lambda: d.place(X, X), TypeError, "pattern must hold integers, got dtype float64"),
        (lambda: d.place(np.array([[0, 5]]), X[0]), ValueError, r"from 0 to 5, .* has 4 entries"),
        (lambda: d.place(np.array([[-2]]), X), ValueError, "holds numbers from -2 to -2"),
        (lambda: d.dense_parameters(3, (2,)), TypeError, r"input_size must be a tuple .*, got 3"),
        (lambda: d.dense_parameters((3,), (0,)), ValueError, "output_size is 0, must be at least"),
        (lambda: d.locally_connected_parameters((3,), 2), TypeError, "kernel_size must be a tuple"),
        (lambda: d.shared_parameters(()), TypeError, r"kernel_size must be a tuple .*, got \(\)"),
        (lambda: d.offset_parameters((3,), (2, 2)), ValueError, "has 1 axes, output_size 2"),
        (lambda: d.offset_parameters((3,), (2,), stride=0), ValueError, "stride is 0, must be"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
