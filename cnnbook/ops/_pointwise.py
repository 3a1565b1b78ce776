"""Activations, the softmax and the dense layer: nothing here looks at neighbouring pixels."""

import numpy as np

from cnnbook.ops._arguments import check_array, check_count, check_same_dtype, narrow, widen


def relu(x):
    """Set negative numbers to 0.

    Parameters
    ----------
    x : ndarray
        Real numbers, of any shape.

    Returns
    -------
    ndarray of the same shape and dtype
        ``max(x, 0)``; NaN stays NaN.

    Raises
    ------
    TypeError
        If `x` is no array of real numbers.

    Examples
    --------
    >>> relu(np.array([-2.0, 0.5]))
    array([0. , 0.5])
    """
    check_array("x", x, kinds="fiu")
    return np.asarray(np.maximum(x, 0))  # of an array without axes NumPy makes a scalar


def _floats(x):
    """Turn integers into float32, as PyTorch does where values are no integers."""
    check_array("x", x, kinds="fiu")
    return x if x.dtype.kind == "f" else x.astype(np.float32)


def sigmoid(x):
    """Squash numbers into (0, 1).

    Parameters
    ----------
    x : ndarray
        Real numbers, of any shape.

    Returns
    -------
    ndarray of the same shape
        ``1 / (1 + exp(-x))``; dtype of `x`, float32 for integers.

    Raises
    ------
    TypeError
        If `x` is no array of real numbers.

    Examples
    --------
    >>> sigmoid(np.array([-1000.0, 0.0]))
    array([0. , 0.5])
    """
    x = _floats(x)
    small = np.exp(-np.abs(x))  # at most 1: exp(-x) itself would overflow for large negative x
    return np.asarray(np.where(x >= 0, x.dtype.type(1), small) / (1 + small))


def tanh(x):
    """Squash numbers into (-1, 1).

    Parameters
    ----------
    x : ndarray
        Real numbers, of any shape.

    Returns
    -------
    ndarray of the same shape
        The hyperbolic tangent; dtype of `x`, float32 for integers.

    Raises
    ------
    TypeError
        If `x` is no array of real numbers.
    """
    return np.asarray(np.tanh(_floats(x)))


def _axis(x, dim):
    """Check the axis of a softmax; None, all axes, for an array that has none."""
    dim = check_count("dim", dim, minimum=None)
    axes = max(x.ndim, 1)
    if not -axes <= dim < axes:
        raise ValueError(f"dim is {dim}, must be from {-axes} to {axes - 1} for shape {x.shape}")
    return dim if x.ndim else None


def _below_maximum(x, axis):
    """Subtract the maximum, so that no exponential overflows: the ratios stay what they were."""
    return x - np.max(x, axis, keepdims=True, initial=-np.inf)


@np.errstate(invalid="ignore")  # inf - inf is NaN without a warning, as in PyTorch
def softmax(x, dim):
    """Turn numbers into probabilities.

    Parameters
    ----------
    x : ndarray
        Floats, of any shape.
    dim : int
        The axis along which the probabilities sum to 1; a negative one counts from the end.

    Returns
    -------
    ndarray of the same shape and dtype
        ``exp(x) / sum(exp(x))``. Minus infinity gets probability 0; where there is a NaN, plus
        infinity, or minus infinity only, all are NaN.

    Raises
    ------
    TypeError
        If `x` is no array of floats, or `dim` no integer.
    ValueError
        If `x` has no axis `dim`.

    References
    ----------
    Bridle (1990), "Probabilistic interpretation of feedforward classification network outputs".

    Examples
    --------
    >>> softmax(np.array([0.0, np.log(3.0)]), dim=0)
    array([0.25, 0.75])
    """
    check_array("x", x, kinds="f")
    axis = _axis(x, dim)
    (wide,) = widen(x)
    share = np.exp(_below_maximum(wide, axis))
    return narrow(np.asarray(share / share.sum(axis, keepdims=True)), x.dtype)


@np.errstate(invalid="ignore")
def log_softmax(x, dim):
    """Turn numbers into logarithms of probabilities.

    Parameters
    ----------
    x : ndarray
        Floats, of any shape.
    dim : int
        The axis along which the probabilities sum to 1; a negative one counts from the end.

    Returns
    -------
    ndarray of the same shape and dtype
        ``x - log(sum(exp(x)))``, accurate also where `softmax` rounds to 0.

    Raises
    ------
    TypeError, ValueError
        As `softmax`.

    References
    ----------
    `torch.nn.functional.log_softmax`.

    Examples
    --------
    >>> log_softmax(np.array([0.0, -1000.0]), dim=0)
    array([    0., -1000.])
    """
    check_array("x", x, kinds="f")
    axis = _axis(x, dim)
    (wide,) = widen(x)
    below = _below_maximum(wide, axis)
    return narrow(np.asarray(below - np.log(np.exp(below).sum(axis, keepdims=True))), x.dtype)


def _broadcasts(shape, target):
    """Whether an array of `shape` spreads to `target` without enlarging it."""
    tail = target[len(target) - len(shape) :]
    return len(shape) <= len(target) and all(n in (1, m) for n, m in zip(shape, tail, strict=True))


@np.errstate(invalid="ignore", over="ignore")
def linear(x, weight, bias=None):
    """Apply a dense layer to the last axis.

    Parameters
    ----------
    x : ndarray of shape (..., in_features)
    weight : ndarray of shape (out_features, in_features) or (in_features,)
    bias : ndarray of shape (out_features,), optional
        Or any shape that broadcasts to the result; () beside a `weight` with one axis.

    Returns
    -------
    ndarray of shape (..., out_features), or (...) if `weight` has one axis
        ``x @ weight.T + bias``.

    Raises
    ------
    TypeError
        If an argument is no array of numbers, or the dtypes differ.
    ValueError
        If the numbers of features differ.

    References
    ----------
    `torch.nn.functional.linear`; chapter 1.

    Examples
    --------
    >>> linear(np.array([1.0, 2.0]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([0.5, -0.5]))
    array([11.5, 16.5])
    """
    check_array("x", x)
    if x.ndim == 0:
        raise ValueError("x has 0 axes, expected at least 1")
    check_array("weight", weight, (1, 2), shape="(out_features, in_features)")
    if bias is not None:
        check_array("bias", bias)
    check_same_dtype(x=x, weight=weight, bias=bias)
    if x.shape[-1] != weight.shape[-1]:
        raise ValueError(f"x has {x.shape[-1]} features, weight expects {weight.shape[-1]}")
    out_shape = (*x.shape[:-1], *weight.shape[:-1])
    # one output a sample is no reason to take a bias a sample
    if bias is not None and not _broadcasts(bias.shape, out_shape if weight.ndim > 1 else ()):
        raise ValueError(f"bias has shape {bias.shape}, result has {out_shape}")
    wide, wide_weight, wide_bias = widen(x, weight, bias)
    out = wide @ wide_weight.T
    return narrow(np.asarray(out if bias is None else out + wide_bias), x.dtype)
