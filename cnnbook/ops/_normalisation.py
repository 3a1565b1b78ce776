"""Local response normalisation, the brightness control of AlexNet."""

import numpy as np

from cnnbook.ops._arguments import check_array, check_count, check_number
from cnnbook.ops._gradients import InputGradient, check_grad_out
from cnnbook.ops._sliding import Sliding, combine_along, spread_along
from cnnbook.shapes import MOST_NUMBERS


@np.errstate(all="ignore")  # 0 / 0 and negative powers become NaN or inf, as in PyTorch
def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    """Divide each number by the strength of its neighbours in other channels.

    Parameters
    ----------
    x : ndarray of shape (N, C, ...)
        Floats, with at least three axes: the second one holds the channels.
    size : int
        Channels that count, at least 1: ``size // 2`` before, the channel itself, and
        ``(size - 1) // 2`` after it. Beyond the first and the last channel there are zeros.
    alpha, beta, k : float
        Scale, exponent and offset of the divisor.

    Returns
    -------
    ndarray of the same shape and dtype
        ``x / (k + alpha / size * sum of the neighbours' squares) ** beta``.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If `x` has fewer than three axes, or `size` is below 1.

    References
    ----------
    Krizhevsky, Sutskever & Hinton (2012), section 3.3; there alpha is not divided by `size`.
    `torch.nn.functional.local_response_norm`.

    Examples
    --------
    >>> local_response_norm(np.full((1, 2, 1), 2.0), size=3, alpha=1.5, beta=1.0)
    array([[[0.4],
            [0.4]]])
    """
    _, divisor = _divisor(x, size, alpha, beta, k)
    return x / divisor ** float(beta)


@np.errstate(all="ignore")
def local_response_norm_backward(grad_out, x, size, alpha=1e-4, beta=0.75, k=1.0):
    """Take the gradient of `local_response_norm`.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, ...)
        Gradient of the loss with respect to what `local_response_norm` returned: dtype of `x`.
    x, size, alpha, beta, k
        As `local_response_norm` was given them.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,). With d the divisor before its exponent: ``grad_out / d**beta`` for
        the channel's own output, less ``2 * alpha * beta / size * x`` times the sum of
        ``grad_out * x / d**(beta + 1)`` over the channels that it is a neighbour of. Where a number
        is infinite or NaN, NaN stands where PyTorch has it.

    Raises
    ------
    TypeError
        As `local_response_norm`, and if the dtype of `grad_out` is not that of `x`.
    ValueError
        As `local_response_norm`, and if `grad_out` has not the shape of `x`.

    Examples
    --------
    >>> x, grad_out = np.full((1, 2, 1), 2.0), np.array([[[1.0], [0.0]]])
    >>> local_response_norm_backward(grad_out, x, size=2, alpha=1.0, beta=1.0).grad_x.ravel()
    array([-0.11111111,  0.        ])
    """
    neighbours, divisor = _divisor(x, size, alpha, beta, k)
    check_grad_out(grad_out, x, x.shape)
    own = grad_out / divisor ** float(beta)
    others = spread_along(own * x / divisor, 1 - x.ndim, neighbours)
    scale = 2 * float(alpha) * float(beta) / neighbours.kernel
    grad_x = own - scale * x * others
    if not (np.isfinite(grad_x).all() and np.isfinite(divisor).all()):
        grad_x = _by_chain_rule(grad_out, x, neighbours, divisor, float(alpha), float(beta))
    return InputGradient(grad_x)


def _by_chain_rule(grad_out, x, neighbours, divisor, alpha, beta):
    """Take the gradient factor by factor, as PyTorch does: where one is infinite, so is its NaN."""
    power = divisor**beta
    from_power = -grad_out * (x / power / power)
    # a constant, d**0, has no gradient, not even where d is infinite
    from_divisor = from_power * (beta * divisor ** (beta - 1)) if beta else np.zeros_like(x)
    from_sums = spread_along(from_divisor * alpha / neighbours.kernel, 1 - x.ndim, neighbours)
    return grad_out / power + 2 * (from_sums * x)


def _divisor(x, size, alpha, beta, k):
    """Check the arguments; return the window over the channels and the divisor without `beta`."""
    check_array("x", x, kinds="f")
    if x.ndim < 3:
        raise ValueError(f"x has {x.ndim} axes {x.shape}, expected at least 3: (N, C, ...)")
    size = check_count("size", size)
    if size > MOST_NUMBERS:
        raise ValueError(f"size is {size}, must be at most {MOST_NUMBERS}")
    for name, number in (("alpha", alpha), ("beta", beta), ("k", k)):
        check_number(name, number)
    channels = x.shape[1]
    neighbours = Sliding(channels, channels, size, stride=1, padding=size // 2)
    sums = combine_along(x * x, 1 - x.ndim, neighbours, np.add, 0)
    return neighbours, float(k) + float(alpha) * (sums / size)
