"""Convolution and correlation as signal processing defines them: no batch, no channels.

Source: Oppenheim & Schafer, Discrete-Time Signal Processing, sections 2.3 and 2.9.
"""

import numpy as np

from cnnbook.checks import check_array
from cnnbook.ops.convolution import conv_transpose1d, conv_transpose2d, conv_transpose3d


def convolve(x, w, mode="full"):
    """Convolve two arrays: slide the flipped `w` over `x`, as `scipy.signal.convolve`.

    Nothing is padded: unlike there, an infinite entry never meets a zero from outside the arrays.

    Parameters
    ----------
    x, w : ndarray of 1, 2 or 3 axes, as many in both
        Real, not empty. `w` is flipped along every axis.
    mode : {"full", "valid", "same"}
        Which positions to keep. "full" keeps all where the arrays meet; "valid" those where one
        lies wholly in the other, whichever is the larger; "same" as many as `x` has entries, out
        of the middle of "full", one entry nearer to the start if the middle falls between two.

    Returns
    -------
    ndarray of what `x` and `w` promote to
        Along each axis, for n entries of `x` and k of `w`: ``n + k - 1``, ``|n - k| + 1`` or ``n``.

    Examples
    --------
    >>> convolve(np.array([1, 2, 3]), np.array([1, 10]))
    array([ 1, 12, 23, 30])
    >>> convolve(np.array([1, 2, 3]), np.array([1, 10]), "same")
    array([ 1, 12, 23])
    """
    _check(x, w, mode)
    dtype = np.result_type(x, w)
    kernel, image = sorted((x.astype(dtype), w.astype(dtype)), key=np.size)
    # "full" is the sum of one copy of the image for each kernel entry: a transposed convolution
    spread = (conv_transpose1d, conv_transpose2d, conv_transpose3d)[x.ndim - 1]
    full = spread(image[np.newaxis], kernel[np.newaxis, np.newaxis])[0]
    if mode == "full":
        return full
    if mode == "same":
        size, start = x.shape, [(k - 1) // 2 for k in w.shape]
    else:
        start = [min(pair) - 1 for pair in zip(x.shape, w.shape, strict=True)]
        size = [n - 2 * cut for n, cut in zip(full.shape, start, strict=True)]
    return full[tuple(slice(s, s + n) for s, n in zip(start, size, strict=True))].copy()


def correlate(x, w, mode="full"):
    """Cross-correlate two arrays: slide `w`, not flipped, over `x`, as `scipy.signal.correlate`.

    It is ``convolve(x, flipped w, mode)``, and what deep learning calls a convolution: mode
    "valid" is `conv2d` with one channel. Swapping `x` and `w` flips the result.

    >>> correlate(np.array([1, 2, 3]), np.array([1, 10]), "valid")
    array([21, 32])
    """
    check_array("w", w)
    return convolve(x, np.flip(w), mode)


def _check(x, w, mode):
    """Refuse what `convolve` cannot take."""
    for name, array in (("x", x), ("w", w)):
        check_array(name, array, (1, 2, 3), filled=0)
        if array.dtype.kind == "c":
            raise TypeError(f"{name} must be real, got dtype {array.dtype}")
    if x.ndim != w.ndim:
        raise ValueError(f"x has {x.ndim} axes, w has {w.ndim}")
    if mode not in ("full", "valid", "same"):
        error = ValueError if isinstance(mode, str) else TypeError
        raise error(f'mode must be "full", "valid" or "same", got {mode!r}')
    inside = {np.sign(n - k) for n, k in zip(x.shape, w.shape, strict=True)}
    if mode == "valid" and {-1, 1} <= inside:
        raise ValueError(f'mode "valid" needs one array inside the other: x {x.shape}, w {w.shape}')
