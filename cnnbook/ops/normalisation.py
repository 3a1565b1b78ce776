"""Local response normalisation, the brightness control of AlexNet."""

import numpy as np

from cnnbook.checks import MOST_NUMBERS, check_array, check_grad_out, integer, number
from cnnbook.ops.gradients import InputGradient


@np.errstate(all="ignore")  # 0 / 0 and negative powers become NaN or inf, as in PyTorch
def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    """Divide each number by the strength of its neighbours in other channels.

    It is ``x / (k + alpha / size * sum of the neighbours' squares) ** beta``.

    Parameters
    ----------
    x : ndarray of shape (N, C, ...)
        Floats, with at least three axes: the second one holds the channels.
    size : int
        Channels that count, at least 1: ``size // 2`` before, the channel itself, and
        ``(size - 1) // 2`` after it. Beyond the first and the last channel there are zeros.
    alpha, beta, k : float
        Scale, exponent and offset of the divisor.

    References
    ----------
    Krizhevsky, Sutskever & Hinton (2012), section 3.3; there alpha is not divided by `size`.

    Examples
    --------
    >>> local_response_norm(np.full((1, 2, 1), 2.0), size=3, alpha=1.5, beta=1.0)
    array([[[0.4],
            [0.4]]])
    """
    return x / _divisor(x, size, alpha, beta, k) ** float(beta)


@np.errstate(all="ignore")
def local_response_norm_backward(grad_out, x, size, alpha=1e-4, beta=0.75, k=1.0):
    """Take the gradient of `local_response_norm`.

    With d the divisor before its exponent: ``grad_out / d**beta`` for the channel's own output,
    less ``2 * alpha * beta / size * x`` times the sum of ``grad_out * x / d**(beta + 1)`` over the
    channels that it is a neighbour of. Taken factor by factor, as PyTorch does: so NaN stands
    where PyTorch has it.

    >>> x, grad_out = np.full((1, 2, 1), 2.0), np.array([[[1.0], [0.0]]])
    >>> local_response_norm_backward(grad_out, x, size=2, alpha=1.0, beta=1.0).grad_x.ravel()
    array([-0.11111111,  0.        ])
    """
    divisor, beta = _divisor(x, size, alpha, beta, k), float(beta)
    check_grad_out(grad_out, x, x.shape)
    power = divisor**beta
    from_power = -grad_out * (x / power / power)
    # a constant, d**0, has no gradient, not even where d is infinite
    from_divisor = from_power * (beta * divisor ** (beta - 1)) if beta else np.zeros_like(x)
    from_sums = _sum_of_channels(
        from_divisor * float(alpha) / int(size), (size - 1) // 2, size // 2
    )
    return InputGradient(grad_out / power + 2 * (from_sums * x))


def _divisor(x, size, alpha, beta, k):
    """Check the arguments; return the divisor without its exponent."""
    check_array("x", x, kinds="f")
    if x.ndim < 3:
        raise ValueError(f"x has {x.ndim} axes {x.shape}, expected at least 3: (N, C, ...)")
    if (size := integer("size", size, 1, form="an int")) > MOST_NUMBERS:
        raise ValueError(f"size is {size}, must be at most {MOST_NUMBERS}")
    for name, value in (("alpha", alpha), ("beta", beta), ("k", k)):
        number(name, value)
    squares = _sum_of_channels(x * x, size // 2, (size - 1) // 2)
    return float(k) + float(alpha) * (squares / size)


def _sum_of_channels(x, before, after):
    """Sum, for each channel, from `before` channels ahead of it to `after` behind."""
    channels, out = x.shape[1], np.zeros_like(x)
    for step in range(-min(before, channels - 1), min(after, channels - 1) + 1):
        first, last = max(0, -step), channels - max(0, step)
        out[:, first:last] += x[:, first + step : last + step]
    return out
