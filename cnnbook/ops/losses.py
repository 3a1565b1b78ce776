"""The softmax, its logarithm and the loss of classification (chapter 7)."""

import numpy as np

from cnnbook.checks import check_array, check_grad_out, integer, real
from cnnbook.ops.gradients import InputGradient

# inf - inf is NaN, and so is the mean of no samples: as in PyTorch, and without a warning
_QUIET = {"invalid": "ignore", "over": "ignore", "divide": "ignore"}


@np.errstate(**_QUIET)
def softmax(x, dim):
    """Turn numbers into probabilities: ``exp(x) / sum(exp(x))``.

    `x` holds floats, in any shape; along its axis `dim` the probabilities sum to 1. Minus infinity
    gets probability 0; where there is a NaN, plus infinity, or minus infinity only, all are NaN.
    Source: Bridle (1990), Probabilistic interpretation of feedforward classification network
    outputs.

    >>> softmax(np.array([0.0, np.log(3.0)]), dim=0)
    array([0.25, 0.75])
    """
    axis = _axis(x, dim)
    share = np.exp(_below_maximum(x, axis))
    return np.asarray(share / share.sum(axis, keepdims=True))


@np.errstate(**_QUIET)
def softmax_backward(grad_out, x, dim):
    """Take the gradient of `softmax`: ``y * (grad_out - sum(grad_out * y))``, y the softmax."""
    axis = _axis(x, dim)
    check_grad_out(grad_out, x, x.shape)
    y = softmax(x, dim)
    return InputGradient(np.asarray(y * (grad_out - (grad_out * y).sum(axis, keepdims=True))))


@np.errstate(**_QUIET)
def log_softmax(x, dim):
    """Turn numbers into logarithms of probabilities, accurate also where `softmax` rounds to 0.

    >>> log_softmax(np.array([0.0, -1000.0]), dim=0)
    array([    0., -1000.])
    """
    axis = _axis(x, dim)
    below = _below_maximum(x, axis)
    return np.asarray(below - np.log(np.exp(below).sum(axis, keepdims=True)))


@np.errstate(**_QUIET)
def log_softmax_backward(grad_out, x, dim):
    """Take the gradient of `log_softmax`: ``grad_out - softmax(x) * sum(grad_out)``."""
    axis = _axis(x, dim)
    check_grad_out(grad_out, x, x.shape)
    return InputGradient(np.asarray(grad_out - softmax(x, dim) * grad_out.sum(axis, keepdims=True)))


def _axis(x, dim):
    """Check what a softmax is given; return the axis: None, all, for an array that has none."""
    check_array("x", x, kinds="f")
    dim, axes = integer("dim", dim, form="an int"), max(x.ndim, 1)
    if not -axes <= dim < axes:
        raise ValueError(f"dim is {dim}, must be from {-axes} to {axes - 1} for shape {x.shape}")
    return dim if x.ndim else None


def _below_maximum(x, axis):
    """Subtract the maximum, so that no exponential overflows: the ratios stay what they were."""
    return x - np.max(x, axis, keepdims=True, initial=-np.inf)


# ---------------------------------------------------------------- cross-entropy


@np.errstate(**_QUIET)
def cross_entropy(
    x, target, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    """Compare scores with the right classes: ``-log(softmax(x))`` there, and its mean.

    Parameters
    ----------
    x : ndarray of shape (N, C), (N, C, d1, ...) or (C,)
        Floats: a score a class, any real numbers, no probabilities.
    target : ndarray
        The right class of each sample or pixel, integers from 0 to C - 1, in the shape of `x`
        without C. Or, in the shape of `x` and its dtype, the probabilities of all classes.
    weight : ndarray of shape (C,), optional
        What the loss of a sample of each class counts.
    ignore_index : int
        A class that counts nothing.
    reduction : {"mean", "sum", "none"}
        The mean is weighted if the classes are, unless `target` holds probabilities.
    label_smoothing : float from 0 to 1
        The part of each target that is spread over all classes.

    Returns
    -------
    ndarray of shape (), or for "none" of one loss a sample
        ``log(C)`` for equal scores, NaN for the mean of no samples.

    Examples
    --------
    >>> cross_entropy(np.array([[0.0, np.log(3.0)]]), np.array([1])).round(4)  # log(4 / 3)
    np.float64(0.2877)
    """
    axis, share, total = _shares(x, target, weight, ignore_index, reduction, label_smoothing)
    terms = share * log_softmax(x, axis)
    if target.dtype.kind != "f":  # an impossible class that is not the right one costs nothing
        terms = np.where(share == 0, share, terms)
    loss = -terms.sum(axis) if reduction == "none" else -terms.sum() / total
    return np.asarray(loss, x.dtype)


@np.errstate(**_QUIET)
def cross_entropy_backward(
    grad_out, x, target, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    """Take the gradient of `cross_entropy` with respect to the scores.

    `grad_out` has the shape of the loss, ``np.ones(())`` to start with. Of the plain mean over N
    samples the gradient is ``grad_out / N`` times `softmax` of `x`, less 1 at the right class.

    >>> x = np.array([[0.0, np.log(3.0)]])
    >>> cross_entropy_backward(np.ones(()), x, np.array([1])).grad_x
    array([[ 0.25, -0.25]])
    """
    axis, share, total = _shares(x, target, weight, ignore_index, reduction, label_smoothing)
    losses = np.delete(x.shape, axis) if reduction == "none" else ()
    check_grad_out(grad_out, x, map(int, losses))
    grad = np.expand_dims(grad_out, axis) if reduction == "none" else grad_out / total
    terms = -grad * share
    if target.dtype.kind != "f":
        terms = np.where(share == 0, share, terms)
    return log_softmax_backward(terms.astype(x.dtype, copy=False), x, axis)


def _shares(x, target, weight, ignore_index, reduction, label_smoothing):
    """Check the arguments; return the axis of the classes, what each counts, what divides the sum.

    The loss of a sample is the sum of ``-share * log_softmax(x)`` over its classes.
    """
    check_array("x", x, kinds="f")
    axis = min(x.ndim - 1, 1)
    if axis < 0:
        raise ValueError("x has 0 axes (), expected (N, C), (N, C, d1, ...) or (C,)")
    check_array("x", x[:1] if axis else x, filled=axis)
    classes, samples = x.shape[axis], (*x.shape[:axis], *x.shape[axis + 1 :])
    ignore_index = integer("ignore_index", ignore_index, form="an int")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f'reduction must be "none", "mean" or "sum", got {reduction!r}')
    smooth = real("label_smoothing", label_smoothing, most=1.0)
    if weight is None:
        weight = np.ones(classes, x.dtype)
    check_array("weight", weight, (1,), shape="(C,)", like=x)
    if len(weight) != classes:
        raise ValueError(f"weight has {len(weight)} entries, x has {classes} classes")
    check_array("target", target, kinds="fiu")
    if target.shape == x.shape:
        check_array("target", target, kinds="f", like=x)
        if ignore_index >= 0:
            raise ValueError(f"ignore_index is {ignore_index}, but target holds probabilities")
        share, total = target * (1 - smooth) + smooth / classes, x.size // classes
    else:
        check_array("target", target, kinds="iu")
        if target.shape != samples:
            raise ValueError(f"target has shape {target.shape}, x {x.shape} expects {samples}")
        kept = target != ignore_index
        for wrong in target[kept & ((target < 0) | (target >= classes))][:1]:
            raise ValueError(f"target holds {wrong}, x has classes 0 to {classes - 1}")
        right, share = np.where(kept, target, 0).astype(np.int64), np.zeros_like(x)
        np.put_along_axis(share, np.expand_dims(right, axis), 1 - smooth, axis)
        share = (share + smooth / classes) * np.expand_dims(kept, axis)
        total = weight[right][kept].sum()
    share = share * weight.reshape(classes, *[1] * (x.ndim - 1 - axis))
    return axis, share.astype(x.dtype, copy=False), total if reduction == "mean" else 1
