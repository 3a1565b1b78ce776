"""Activations: each number by itself."""

import numpy as np

from cnnbook.ops._arguments import check_array
from cnnbook.ops._gradients import InputGradient, check_grad_out


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


def relu_backward(grad_out, x):
    """Take the gradient of `relu`.

    Parameters
    ----------
    grad_out : ndarray of the shape of `x`
        Gradient of the loss with respect to what `relu` returned: floats, dtype of `x`.
    x : ndarray
        As `relu` was given it.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,): `grad_out` where `x` is positive or NaN, 0 elsewhere, at 0 too.

    Raises
    ------
    TypeError
        If `x` or `grad_out` is no array of floats, or their dtypes differ.
    ValueError
        If `grad_out` has not the shape of `x`.

    Examples
    --------
    >>> relu_backward(np.array([1.0, 10.0, 100.0]), np.array([-2.0, 0.0, 0.5])).grad_x
    array([  0.,   0., 100.])
    """
    check_array("x", x, kinds="f")
    check_grad_out(grad_out, x, x.shape)
    return InputGradient(np.where(x <= 0, x.dtype.type(0), grad_out))


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


def sigmoid_backward(grad_out, x):
    """Take the gradient of `sigmoid`.

    Parameters
    ----------
    grad_out : ndarray of the shape of `x`
        Gradient of the loss with respect to what `sigmoid` returned: floats, dtype of `x`.
    x : ndarray
        As `sigmoid` was given it.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,): ``grad_out * y * (1 - y)`` with ``y = sigmoid(x)``, at most a
        quarter of `grad_out`.

    Raises
    ------
    TypeError
        If `x` or `grad_out` is no array of floats, or their dtypes differ.
    ValueError
        If `grad_out` has not the shape of `x`.

    Examples
    --------
    >>> sigmoid_backward(np.array([1.0, 1.0]), np.array([-1000.0, 0.0])).grad_x
    array([0.  , 0.25])
    """
    check_array("x", x, kinds="f")
    check_grad_out(grad_out, x, x.shape)
    y = sigmoid(x)
    return InputGradient(np.asarray(grad_out * y * (1 - y)))


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


def tanh_backward(grad_out, x):
    """Take the gradient of `tanh`.

    Parameters
    ----------
    grad_out : ndarray of the shape of `x`
        Gradient of the loss with respect to what `tanh` returned: floats, dtype of `x`.
    x : ndarray
        As `tanh` was given it.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,): ``grad_out * (1 - tanh(x) ** 2)``.

    Raises
    ------
    TypeError
        If `x` or `grad_out` is no array of floats, or their dtypes differ.
    ValueError
        If `grad_out` has not the shape of `x`.

    Examples
    --------
    >>> tanh_backward(np.array([1.0, 1.0]), np.array([-1000.0, 0.0])).grad_x
    array([0., 1.])
    """
    check_array("x", x, kinds="f")
    check_grad_out(grad_out, x, x.shape)
    y = tanh(x)
    return InputGradient(np.asarray(grad_out * (1 - y * y)))
