"""The dense layer (chapter 1)."""

import math

import numpy as np

from cnnbook.ops._arguments import check_array, check_same_dtype, narrow, widen
from cnnbook.ops._gradients import Gradients, check_grad_out


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
    _check(x, weight, bias)
    wide, wide_weight, wide_bias = widen(x, weight, bias)
    out = wide @ wide_weight.T
    return narrow(np.asarray(out if bias is None else out + wide_bias), x.dtype)


@np.errstate(invalid="ignore", over="ignore")
def linear_backward(grad_out, x, weight, bias=None):
    """Take the gradient of `linear` with respect to its arrays.

    Parameters
    ----------
    grad_out : ndarray of shape (..., out_features), or (...) if `weight` has one axis
        Gradient of the loss with respect to what `linear` returned: floats, dtype of `x`.
    x, weight, bias
        As `linear` was given them; of `bias` only the shape counts.

    Returns
    -------
    Gradients
        Named tuple (grad_x, grad_weight, grad_bias): ``grad_out @ weight``, the sum over the
        samples of ``outer(grad_out, x)``, and the sum of `grad_out` over the axes along which the
        bias was spread; None where there is no bias.

    Raises
    ------
    TypeError
        As `linear`, and if `grad_out` holds no floats or its dtype is not that of `x`.
    ValueError
        As `linear`, and if `grad_out` has not the shape that `linear` returns.

    Examples
    --------
    >>> weight = np.array([[3.0, 4.0], [5.0, 6.0]])
    >>> linear_backward(np.array([1.0, 10.0]), np.array([1.0, 2.0]), weight).grad_weight
    array([[ 1.,  2.],
           [10., 20.]])
    """
    check_grad_out(grad_out, x, _check(x, weight, bias))
    grad, wide, wide_weight = widen(grad_out, x, weight)
    features, samples = x.shape[-1], math.prod(x.shape[:-1])
    rows = grad.reshape(samples, math.prod(weight.shape[:-1]))
    # -1 would be ambiguous where there are no features
    grad_x = rows @ wide_weight.reshape(rows.shape[1], features)
    grad_weight = rows.T @ wide.reshape(samples, features)
    grad_bias = None if bias is None else narrow(_sum_to(grad, bias.shape), x.dtype)
    return Gradients(
        narrow(grad_x.reshape(x.shape), x.dtype),
        narrow(grad_weight.reshape(weight.shape), x.dtype),
        grad_bias,
    )


def _check(x, weight, bias):
    """Refuse what `linear` cannot take; return the shape of the result."""
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
    return out_shape


def _sum_to(array, shape):
    """Sum over the axes along which an array of `shape` was spread to that of `array`."""
    new = array.ndim - len(shape)
    spread = [axis for axis, n in enumerate(shape, start=new) if n == 1]
    return array.sum((*range(new), *spread)).reshape(shape)
