"""Backward of pooling: a maximum sends its gradient to one pixel, a mean to all of its window."""

import math

import numpy as np

from cnnbook.ops._arguments import check_flag, narrow, widen
from cnnbook.ops._gradients import InputGradient, add_at, check_grad_out
from cnnbook.ops._pooling import largest, lowest, plan_means
from cnnbook.ops._sliding import along, check_pooled, combine_along, plan_windows, spread_along


def to_maxima(axes, grad_out, x, index):
    """Send each entry of `grad_out` to the pixel of its map that `index` names."""
    pixels = math.prod(x.shape[-axes:])
    first = np.arange(0, x.size, pixels).reshape(*x.shape[:-axes], *(1,) * axes)
    # a window that sees padding only has no maximum (-1), and no pixel gets its gradient
    return InputGradient(add_at(grad_out, np.where(index < 0, -1, first + index), x))


def _max_pool_backward(axes, grad_out, x, *settings):
    *settings, return_indices = settings
    check_pooled(axes, x)
    plan = plan_windows(axes, x, *settings)
    check_flag("return_indices", return_indices)
    check_grad_out(grad_out, x, (*x.shape[:-axes], *(sliding.count for sliding in plan)))
    if not ((x > lowest(x.dtype)).all() and np.isfinite(grad_out).all()):
        return to_maxima(axes, grad_out, x, largest(axes, x, plan)[1])
    stages, best = [], x  # fast: comparisons and products only, one axis after the other
    for axis, sliding in zip(range(-1, -axes - 1, -1), reversed(plan), strict=True):
        before, best = best, combine_along(best, axis, sliding, np.maximum, lowest(x.dtype))
        stages.append((before, best, axis, sliding))
    (grad,) = widen(grad_out)
    for stage in reversed(stages):
        grad = _to_first_maxima(grad, *stage)
    return InputGradient(narrow(grad, x.dtype))


def _to_first_maxima(grad, x, best, axis, sliding):
    """Give each window's gradient, along one axis, to the first pixel that is its maximum."""
    shape = list(grad.shape)
    shape[axis] = sliding.size
    out, waiting = np.zeros(shape, grad.dtype), np.ones(best.shape, bool)
    for windows, pixels in sliding.entries():
        windows, pixels = along(axis, windows), along(axis, pixels)
        won = (x[pixels] == best[windows]) & waiting[windows]
        waiting[windows] ^= won
        out[pixels] += grad[windows] * won
    return out


@np.errstate(over="ignore", invalid="ignore")  # inf - inf is NaN without a warning, as in PyTorch
def _avg_pool_backward(axes, grad_out, x, *settings):
    check_pooled(axes, x)
    plan, divisor = plan_means(axes, x, *settings)
    check_grad_out(grad_out, x, (*x.shape[:-axes], *(sliding.count for sliding in plan)))
    (grad,) = widen(grad_out)
    grad = grad / divisor.astype(grad.dtype)
    for axis, sliding in zip(range(-axes, 0), plan, strict=True):
        grad = spread_along(grad, axis, sliding)
    return InputGradient(narrow(grad, x.dtype))


def max_pool1d_backward(
    grad_out,
    x,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """Take the gradient of `max_pool1d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, L_out) or (C, L_out)
    x, kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As `max_pool1d` was given them.

    Returns
    -------
    InputGradient

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d_backward`.
    """
    settings = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return _max_pool_backward(1, grad_out, x, *settings)


def max_pool2d_backward(
    grad_out,
    x,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """Take the gradient of `max_pool2d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, H_out, W_out) or (C, H_out, W_out)
        Gradient of the loss with respect to what `max_pool2d` returned: floats, dtype of `x`.
    x, kernel_size, stride, padding, dilation, ceil_mode
        As `max_pool2d` was given them.
    return_indices : bool
        Changes nothing: indices have no gradient, and `grad_out` is that of the maxima.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,): each entry of `grad_out`, added to the pixel that was the maximum
        of its window: the first one of equals, the last one of several NaN.

    Raises
    ------
    TypeError
        As `max_pool2d`, and if `grad_out` holds no floats or its dtype is not that of `x`.
    ValueError
        As `max_pool2d`, and if `grad_out` has not the shape that it returns.

    Examples
    --------
    >>> x = np.array([[[1.0, 7.0, 7.0]]])  # two windows, one maximum: their gradients add up
    >>> max_pool2d_backward(np.array([[[1.0, 10.0]]]), x, (1, 2), stride=1).grad_x
    array([[[ 0., 11.,  0.]]])
    """
    settings = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return _max_pool_backward(2, grad_out, x, *settings)


def max_pool3d_backward(
    grad_out,
    x,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """Take the gradient of `max_pool3d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
    x, kernel_size, stride, padding, dilation, ceil_mode, return_indices
        As `max_pool3d` was given them.

    Returns
    -------
    InputGradient

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d_backward`.
    """
    settings = (kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    return _max_pool_backward(3, grad_out, x, *settings)


def avg_pool1d_backward(
    grad_out, x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True
):
    """Take the gradient of `avg_pool1d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, L_out) or (C, L_out)
    x, kernel_size, stride, padding, ceil_mode, count_include_pad
        As `avg_pool1d` was given them.

    Returns
    -------
    InputGradient

    Raises
    ------
    TypeError, ValueError
        As `avg_pool2d_backward`.
    """
    settings = (kernel_size, stride, padding, ceil_mode, count_include_pad)
    return _avg_pool_backward(1, grad_out, x, *settings)


def avg_pool2d_backward(
    grad_out,
    x,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    """Take the gradient of `avg_pool2d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, H_out, W_out) or (C, H_out, W_out)
        Gradient of the loss with respect to what `avg_pool2d` returned: floats, dtype of `x`.
    x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As `avg_pool2d` was given them.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,): each entry of `grad_out`, divided as the forward divided, added to
        every pixel of its window.

    Raises
    ------
    TypeError
        As `avg_pool2d`, and if `grad_out` holds no floats or its dtype is not that of `x`.
    ValueError
        As `avg_pool2d`, and if `grad_out` has not the shape that it returns.

    Examples
    --------
    >>> x = np.array([[[1.0, 7.0, 7.0]]])
    >>> avg_pool2d_backward(np.array([[[1.0, 10.0]]]), x, (1, 2), stride=1).grad_x
    array([[[0.5, 5.5, 5. ]]])
    """
    settings = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _avg_pool_backward(2, grad_out, x, *settings)


def avg_pool3d_backward(
    grad_out,
    x,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    """Take the gradient of `avg_pool3d`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, D_out, H_out, W_out) or (C, D_out, H_out, W_out)
    x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
        As `avg_pool3d` was given them.

    Returns
    -------
    InputGradient

    Raises
    ------
    TypeError, ValueError
        As `avg_pool2d_backward`.
    """
    settings = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return _avg_pool_backward(3, grad_out, x, *settings)
