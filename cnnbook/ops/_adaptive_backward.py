"""Backward of adaptive pooling: as that of pooling, with windows of several sizes."""

import numpy as np

from cnnbook.ops._adaptive import adaptive_plan, largest_adaptive
from cnnbook.ops._arguments import check_flag, narrow, widen
from cnnbook.ops._gradients import InputGradient, check_grad_out
from cnnbook.ops._pooling_backward import to_maxima
from cnnbook.ops._sliding import along, check_pooled


def _adaptive_max_pool_backward(axes, grad_out, x, output_size, return_indices):
    check_pooled(axes, x)
    plan = adaptive_plan(axes, x, output_size)
    check_flag("return_indices", return_indices)
    check_grad_out(grad_out, x, (*x.shape[:-axes], *map(len, plan)))
    return to_maxima(axes, grad_out, x, largest_adaptive(axes, x, plan)[1])


@np.errstate(over="ignore", invalid="ignore")  # as in PyTorch
def _adaptive_avg_pool_backward(axes, grad_out, x, output_size):
    check_pooled(axes, x)
    plan = adaptive_plan(axes, x, output_size)
    check_grad_out(grad_out, x, (*x.shape[:-axes], *map(len, plan)))
    (grad,) = widen(grad_out)
    for axis, windows in zip(range(-axes, 0), plan, strict=True):
        shape = list(grad.shape)
        shape[axis] = x.shape[axis]
        spread = np.zeros(shape, grad.dtype)
        for i, window in enumerate(windows):  # neighbours overlap, so they add up
            share = grad[along(axis, slice(i, i + 1))] / (window.stop - window.start)
            spread[along(axis, window)] += share
        grad = spread
    return InputGradient(narrow(grad, x.dtype))


def adaptive_max_pool1d_backward(grad_out, x, output_size, return_indices=False):
    """Take the gradient of `adaptive_max_pool1d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, L_out) or (C, L_out)
    x, output_size, return_indices
        As `adaptive_max_pool1d` was given them.

    Returns
    -------
    InputGradient

    Raises
    ------
    TypeError, ValueError
        As `adaptive_max_pool2d_backward`.
    """
    return _adaptive_max_pool_backward(1, grad_out, x, output_size, return_indices)


def adaptive_max_pool2d_backward(grad_out, x, output_size, return_indices=False):
    """Take the gradient of `adaptive_max_pool2d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, H_out, W_out) or (C, H_out, W_out)
        Gradient of the loss with respect to what `adaptive_max_pool2d` returned: floats,
        dtype of `x`.
    x, output_size
        As `adaptive_max_pool2d` was given them.
    return_indices : bool
        Changes nothing: indices have no gradient, and `grad_out` is that of the maxima.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,), as in `max_pool2d_backward`.

    Raises
    ------
    TypeError
        As `adaptive_max_pool2d`, and if `grad_out` holds no floats or its dtype is not that of `x`.
    ValueError
        As `adaptive_max_pool2d`, and if `grad_out` has not the shape that it returns.
    """
    return _adaptive_max_pool_backward(2, grad_out, x, output_size, return_indices)


def adaptive_max_pool3d_backward(grad_out, x, output_size, return_indices=False):
    """Take the gradient of `adaptive_max_pool3d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
    x, output_size, return_indices
        As `adaptive_max_pool3d` was given them.

    Returns
    -------
    InputGradient

    Raises
    ------
    TypeError, ValueError
        As `adaptive_max_pool2d_backward`.
    """
    return _adaptive_max_pool_backward(3, grad_out, x, output_size, return_indices)


def adaptive_avg_pool1d_backward(grad_out, x, output_size):
    """Take the gradient of `adaptive_avg_pool1d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, L_out) or (C, L_out)
    x, output_size
        As `adaptive_avg_pool1d` was given them.

    Returns
    -------
    InputGradient

    Raises
    ------
    TypeError, ValueError
        As `adaptive_avg_pool2d_backward`.
    """
    return _adaptive_avg_pool_backward(1, grad_out, x, output_size)


def adaptive_avg_pool2d_backward(grad_out, x, output_size):
    """Take the gradient of `adaptive_avg_pool2d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, H_out, W_out) or (C, H_out, W_out)
        Gradient of the loss with respect to what `adaptive_avg_pool2d` returned: floats,
        dtype of `x`.
    x, output_size
        As `adaptive_avg_pool2d` was given them.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,), as in `avg_pool2d_backward`.

    Raises
    ------
    TypeError
        As `adaptive_avg_pool2d`, and if `grad_out` holds no floats or its dtype is not that of `x`.
    ValueError
        As `adaptive_avg_pool2d`, and if `grad_out` has not the shape that it returns.
    """
    return _adaptive_avg_pool_backward(2, grad_out, x, output_size)


def adaptive_avg_pool3d_backward(grad_out, x, output_size):
    """Take the gradient of `adaptive_avg_pool3d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
    x, output_size
        As `adaptive_avg_pool3d` was given them.

    Returns
    -------
    InputGradient

    Raises
    ------
    TypeError, ValueError
        As `adaptive_avg_pool2d_backward`.
    """
    return _adaptive_avg_pool_backward(3, grad_out, x, output_size)
