"""Local response normalisation, the brightness control of AlexNet."""

import numpy as np

from cnnbook.ops._arguments import check_array, check_count, check_number
from cnnbook.ops._sliding import Sliding, combine_along


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
    check_array("x", x, kinds="f")
    if x.ndim < 3:
        raise ValueError(f"x has {x.ndim} axes {x.shape}, expected at least 3: (N, C, ...)")
    size = check_count("size", size)
    for name, number in (("alpha", alpha), ("beta", beta), ("k", k)):
        check_number(name, number)
    channels = x.shape[1]
    neighbours = Sliding(channels, channels, size, stride=1, padding=size // 2)
    sums = combine_along(x * x, 1 - x.ndim, neighbours, np.add, 0)
    return x / (float(k) + float(alpha) * (sums / size)) ** float(beta)
