"""The softmax, its logarithm and the loss of classification (chapter 7)."""

import numpy as np

from cnnbook.ops._arguments import check_array, check_count, check_not_empty, narrow, widen
from cnnbook.ops._gradients import InputGradient, check_grad_out


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


@np.errstate(invalid="ignore", over="ignore")  # inf - inf is NaN, as in PyTorch, and no warning
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


@np.errstate(invalid="ignore", over="ignore")
def softmax_backward(grad_out, x, dim):
    """Take the gradient of `softmax`.

    Parameters
    ----------
    grad_out : ndarray of the shape of `x`
        Gradient of the loss with respect to what `softmax` returned: floats, dtype of `x`.
    x, dim
        As `softmax` was given them.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,): ``y * (grad_out - sum(grad_out * y))`` with ``y = softmax(x)``.

    Raises
    ------
    TypeError
        As `softmax`, and if the dtype of `grad_out` is not that of `x`.
    ValueError
        As `softmax`, and if `grad_out` has not the shape of `x`.
    """
    check_array("x", x, kinds="f")
    axis = _axis(x, dim)
    check_grad_out(grad_out, x, x.shape)
    grad, wide = widen(grad_out, x)
    y = softmax(wide, dim)
    grad_x = y * (grad - (grad * y).sum(axis, keepdims=True))
    return InputGradient(narrow(np.asarray(grad_x), x.dtype))


@np.errstate(invalid="ignore", over="ignore", divide="ignore")  # an empty axis sums to 0
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


@np.errstate(invalid="ignore", over="ignore")
def log_softmax_backward(grad_out, x, dim):
    """Take the gradient of `log_softmax`.

    Parameters
    ----------
    grad_out : ndarray of the shape of `x`
        Gradient of the loss with respect to what `log_softmax` returned: floats, dtype of `x`.
    x, dim
        As `log_softmax` was given them.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,): ``grad_out - softmax(x) * sum(grad_out)``.

    Raises
    ------
    TypeError
        As `log_softmax`, and if the dtype of `grad_out` is not that of `x`.
    ValueError
        As `log_softmax`, and if `grad_out` has not the shape of `x`.
    """
    check_array("x", x, kinds="f")
    axis = _axis(x, dim)
    check_grad_out(grad_out, x, x.shape)
    grad, wide = widen(grad_out, x)
    grad_x = grad - softmax(wide, dim) * grad.sum(axis, keepdims=True)
    return InputGradient(narrow(np.asarray(grad_x), x.dtype))


@np.errstate(invalid="ignore", over="ignore")  # the mean of no samples is NaN, as in PyTorch
def cross_entropy(x, target):
    """Score scores against the right classes: the mean over the batch of ``-log(softmax)``.

    Parameters
    ----------
    x : ndarray of shape (N, C)
        Floats: a score a class, any real numbers, no probabilities.
    target : ndarray of shape (N,)
        Integers from 0 to C - 1, the right class of each sample.

    Returns
    -------
    ndarray of shape ()
        The loss, in the dtype of `x`; ``log(C)`` for equal scores, NaN for an empty batch.

    Raises
    ------
    TypeError
        If `x` is no array of floats, or `target` no array of integers.
    ValueError
        If `x` has not two axes, `target` has not one entry a sample, or names no class.

    Notes
    -----
    PyTorch leaves out samples of class -100; here every sample counts, and -100 is no class.

    References
    ----------
    `torch.nn.functional.cross_entropy`.

    Examples
    --------
    >>> cross_entropy(np.array([[0.0, np.log(3.0)]]), np.array([1])).round(4)  # log(4 / 3)
    np.float64(0.2877)
    """
    _check_classes(x, target)
    (wide,) = widen(x)
    log_share = log_softmax(wide, 1)[np.arange(len(x)), target]
    return narrow(np.asarray(-log_share.sum() / len(x)), x.dtype)


@np.errstate(invalid="ignore", over="ignore")
def cross_entropy_backward(grad_out, x, target):
    """Take the gradient of `cross_entropy`.

    Parameters
    ----------
    grad_out : ndarray of shape ()
        Gradient with respect to the loss, of the dtype of `x`: ``np.ones(())`` to start with.
    x, target
        As `cross_entropy` was given them.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,): ``grad_out / N`` times `softmax` of `x`, less 1 at the target. For an
        infinite `grad_out` that difference is NaN at the target, as in PyTorch.

    Raises
    ------
    TypeError
        As `cross_entropy`, and if the dtype of `grad_out` is not that of `x`.
    ValueError
        As `cross_entropy`, and if `grad_out` has any axes.

    Examples
    --------
    >>> x = np.array([[0.0, np.log(3.0)]])
    >>> cross_entropy_backward(np.ones(()), x, np.array([1])).grad_x
    array([[ 0.25, -0.25]])
    """
    _check_classes(x, target)
    check_grad_out(grad_out, x, ())
    grad, wide = widen(grad_out, x)
    share, right = grad / max(len(x), 1), (np.arange(len(x)), target)
    if not np.isfinite(share):
        picked = np.zeros_like(wide)
        picked[right] = -share
        return InputGradient(narrow(log_softmax_backward(picked, wide, 1).grad_x, x.dtype))
    grad_x = softmax(wide, 1)
    grad_x[right] -= 1
    return InputGradient(narrow(grad_x * share, x.dtype))


def _check_classes(x, target):
    """Refuse what `cross_entropy` cannot take."""
    check_array("x", x, (2,), shape="(N, C)", kinds="f")
    check_not_empty("x", x, first_axis=1)
    check_array("target", target, (1,), shape="(N,)", kinds="iu")
    if len(target) != len(x):
        raise ValueError(f"target has {len(target)} entries, x has {len(x)} samples")
    for wrong in target[(target < 0) | (target >= x.shape[1])][:1]:
        raise ValueError(f"target holds {wrong}, x has classes 0 to {x.shape[1] - 1}")
