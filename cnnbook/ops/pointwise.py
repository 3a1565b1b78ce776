"""Activations: each number by itself."""

import numpy as np

from cnnbook.checks import check_array, check_grad_out
from cnnbook.ops.gradients import InputGradient


def relu(x):
    """Set negative numbers to 0; NaN stays NaN.

    >>> relu(np.array([-2.0, 0.5]))
    array([0. , 0.5])
    """
    check_array("x", x, kinds="fiu")
    return np.asarray(np.maximum(x, 0))  # of an array without axes NumPy makes a scalar


def relu_backward(grad_out, x):
    """Take the gradient of `relu`: `grad_out` where `x` is positive or NaN, 0 elsewhere, at 0 too.

    >>> relu_backward(np.array([1.0, 10.0, 100.0]), np.array([-2.0, 0.0, 0.5])).grad_x
    array([  0.,   0., 100.])
    """
    check_array("x", x, kinds="f")
    check_grad_out(grad_out, x, x.shape)
    return InputGradient(np.where(x <= 0, x.dtype.type(0), grad_out))


def sigmoid(x):
    """Squash numbers into (0, 1): ``1 / (1 + exp(-x))``, of integers in float32.

    >>> sigmoid(np.array([-1000.0, 0.0]))
    array([0. , 0.5])
    """
    x = _floats(x)
    small = np.exp(-np.abs(x))  # at most 1: exp(-x) itself would overflow for large negative x
    return np.asarray(np.where(x >= 0, x.dtype.type(1), small) / (1 + small))


def sigmoid_backward(grad_out, x):
    """Take the gradient of `sigmoid`: ``grad_out * y * (1 - y)`` with ``y = sigmoid(x)``.

    >>> sigmoid_backward(np.array([1.0, 1.0]), np.array([-1000.0, 0.0])).grad_x
    array([0.  , 0.25])
    """
    check_array("x", x, kinds="f")
    check_grad_out(grad_out, x, x.shape)
    y = sigmoid(x)
    return InputGradient(np.asarray(grad_out * y * (1 - y)))


def tanh(x):
    """Squash numbers into (-1, 1), of integers in float32."""
    return np.asarray(np.tanh(_floats(x)))


def tanh_backward(grad_out, x):
    """Take the gradient of `tanh`: ``grad_out * (1 - tanh(x) ** 2)``.

    >>> tanh_backward(np.array([1.0, 1.0]), np.array([-1000.0, 0.0])).grad_x
    array([0., 1.])
    """
    check_array("x", x, kinds="f")
    check_grad_out(grad_out, x, x.shape)
    y = tanh(x)
    return InputGradient(np.asarray(grad_out * (1 - y * y)))


def _floats(x):
    """Turn integers into float32, as PyTorch does where values are no integers."""
    check_array("x", x, kinds="fiu")
    return x if x.dtype.kind == "f" else x.astype(np.float32)
