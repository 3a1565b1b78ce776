"""The dense layer (chapter 1)."""

import math

import numpy as np

from cnnbook.checks import check_array, check_grad_out
from cnnbook.ops.gradients import Gradients


@np.errstate(invalid="ignore", over="ignore")
def linear(x, weight, bias=None):
    """Apply a dense layer to the last axis: ``x @ weight.T + bias``.

    Parameters
    ----------
    x : ndarray of shape (..., in_features)
    weight : ndarray of shape (out_features, in_features) or (in_features,)
        With one axis, the result has the shape (...).
    bias : ndarray of shape (out_features,), optional
        Or any shape that broadcasts to the result; () beside a `weight` with one axis.

    Examples
    --------
    >>> linear(np.array([1.0, 2.0]), np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([0.5, -0.5]))
    array([11.5, 16.5])
    """
    _check(x, weight, bias)
    out = x @ weight.T
    return np.asarray(out if bias is None else out + bias)


@np.errstate(invalid="ignore", over="ignore")
def linear_backward(grad_out, x, weight, bias=None):
    """Take the gradient of `linear` with respect to its arrays.

    That of `x` is ``grad_out @ weight``, that of `weight` the sum over the samples of
    ``outer(grad_out, x)``, that of `bias` the sum over the axes along which it was spread.

    >>> weight = np.array([[3.0, 4.0], [5.0, 6.0]])
    >>> linear_backward(np.array([1.0, 10.0]), np.array([1.0, 2.0]), weight).grad_weight
    array([[ 1.,  2.],
           [10., 20.]])
    """
    check_grad_out(grad_out, x, _check(x, weight, bias))
    features, samples = x.shape[-1], math.prod(x.shape[:-1])
    rows = grad_out.reshape(samples, math.prod(weight.shape[:-1]))
    # -1 would be ambiguous where there are no features
    grad_x = rows @ weight.reshape(rows.shape[1], features)
    grad_weight = rows.T @ x.reshape(samples, features)
    grad_bias = None if bias is None else _sum_to(grad_out, bias.shape)
    return Gradients(grad_x.reshape(x.shape), grad_weight.reshape(weight.shape), grad_bias)


def _check(x, weight, bias):
    """Refuse what `linear` cannot take; return the shape of the result."""
    check_array("x", x)
    if x.ndim == 0:
        raise ValueError("x has 0 axes, expected at least 1")
    check_array("weight", weight, (1, 2), shape="(out_features, in_features)", like=x)
    if x.shape[-1] != weight.shape[-1]:
        raise ValueError(f"x has {x.shape[-1]} features, weight expects {weight.shape[-1]}")
    out_shape = (*x.shape[:-1], *weight.shape[:-1])
    if bias is not None:
        check_array("bias", bias, like=x)
        # one output a sample is no reason to take a bias a sample
        tail = out_shape[len(out_shape) - bias.ndim :] if weight.ndim > 1 else ()
        if len(tail) != bias.ndim or any(
            n not in (1, m) for n, m in zip(bias.shape, tail, strict=True)
        ):
            raise ValueError(f"bias has shape {bias.shape}, result has {out_shape}")
    return out_shape


def _sum_to(array, shape):
    """Sum over the axes along which an array of `shape` was spread to that of `array`."""
    new = array.ndim - len(shape)
    spread = [axis for axis, n in enumerate(shape, start=new) if n == 1]
    return array.sum((*range(new), *spread)).reshape(shape)
