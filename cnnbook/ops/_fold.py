"""Windows to columns and back: `unfold` copies them out, `fold` adds them up."""

import math

import numpy as np

from cnnbook import shapes
from cnnbook.ops._arguments import check_array, check_not_empty
from cnnbook.ops._windows import add_windows, crop, pad_zeros, window_view
from cnnbook.shapes import per_axis


def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """Copy every window of a batch of images to a column (im2col).

    Parameters
    ----------
    x : ndarray of shape (N, C, H, W) or (C, H, W)
        Any dtype of numbers.
    kernel_size, dilation, stride : int or tuple of two ints, at least 1
    padding : int or tuple of two ints, at least 0
        Zeros on either side of an axis.

    Returns
    -------
    ndarray of shape (N, C * kH * kW, windows) or (C * kH * kW, windows)
        One column a window, windows counted row by row; a column runs through the channels, in
        each through the rows of the window. A new array, kH * kW times the size of `x` at
        stride 1.

    Raises
    ------
    TypeError
        If `x` is no NumPy array of numbers, or a setting is no integer.
    ValueError
        If `x` has the wrong rank or no entries a sample, no window fits, or a setting is out of
        range.

    References
    ----------
    Chellapilla, Puri & Simard (2006), High Performance Convolutional Neural Networks for Document
    Processing, section 3.

    Examples
    --------
    >>> unfold(np.arange(6.0).reshape(1, 2, 3), kernel_size=2)
    array([[0., 1.],
           [1., 2.],
           [3., 4.],
           [4., 5.]])
    """
    check_array("x", x, (3, 4), shape="(N, C, H, W) or (C, H, W)")
    check_not_empty("x", x, first_axis=x.ndim - 3)
    kernel_size, dilation, padding, stride = _settings(kernel_size, dilation, padding, stride)
    positions = shapes.output_size(x.shape[-2:], kernel_size, stride, padding, dilation)
    padded = pad_zeros(x if x.ndim == 4 else x[np.newaxis], [(p, p) for p in padding])
    windows = window_view(padded, kernel_size, positions, stride, dilation)
    columns = x.shape[-3] * math.prod(kernel_size), math.prod(positions)
    return windows.copy().reshape(*x.shape[:-3], *columns)


def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Add columns up to images (col2im): the transpose of `unfold`.

    A pixel that lies in several windows gets the sum of its entries, so ``fold(unfold(x))`` is
    `x` times the number of windows over each pixel.

    Parameters
    ----------
    x : ndarray of shape (N, C * kH * kW, windows) or (C * kH * kW, windows)
        Any dtype of numbers.
    output_size : int or tuple of two ints, at least 1
        Height and width of the images.
    kernel_size, dilation, stride : int or tuple of two ints, at least 1
    padding : int or tuple of two ints, at least 0
        Rows and columns cut off on either side of the sum.

    Returns
    -------
    ndarray of shape (N, C, H, W) or (C, H, W)

    Raises
    ------
    TypeError
        If `x` is no NumPy array of numbers, or a setting is no integer.
    ValueError
        If `x` has the wrong rank or no entries a sample, its columns are no whole channels or are
        not as many as the windows of the image, or a setting is out of range.

    References
    ----------
    `torch.nn.functional.fold`.

    Examples
    --------
    >>> fold(np.array([[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]), (2, 3), kernel_size=2)
    array([[[0., 2., 2.],
            [3., 8., 5.]]])
    """
    check_array("x", x, (2, 3), shape="(N, C * kH * kW, windows) or (C * kH * kW, windows)")
    check_not_empty("x", x, first_axis=x.ndim - 2)
    kernel_size, dilation, padding, stride = _settings(kernel_size, dilation, padding, stride)
    size = _pair("output_size", output_size, 1)
    positions = shapes.output_size(size, kernel_size, stride, padding, dilation)
    channels, rest = divmod(x.shape[-2], math.prod(kernel_size))
    if rest:
        raise ValueError(
            f"x has {x.shape[-2]} entries a column, no multiple of the "
            f"{math.prod(kernel_size)} of kernel_size {kernel_size}"
        )
    if x.shape[-1] != math.prod(positions):
        raise ValueError(
            f"x has {x.shape[-1]} columns, output_size {size} has {math.prod(positions)} windows "
            f"{positions}"
        )
    whole = [n + 2 * p for n, p in zip(size, padding, strict=True)]
    out = np.zeros((len(x) if x.ndim == 3 else 1, channels, *whole), x.dtype)
    windows = window_view(out, kernel_size, positions, stride, dilation, writeable=True)
    add_windows(windows, x)
    out = np.ascontiguousarray(crop(out, [(p, p) for p in padding]))
    return out if x.ndim == 3 else out[0]


def _pair(name, value, minimum):
    """Spread an int over height and width; as PyTorch here, but not elsewhere, refuse (3,)."""
    if isinstance(value, (tuple, list)) and len(value) != 2:
        raise ValueError(f"{name} has {len(value)} entries, expected 2: {value!r}")
    return per_axis(name, value, 2, minimum)


def _settings(kernel_size, dilation, padding, stride):
    """Read the settings of `fold` and `unfold`, each as a pair."""
    return (
        _pair("kernel_size", kernel_size, 1),
        _pair("dilation", dilation, 1),
        _pair("padding", padding, 0),
        _pair("stride", stride, 1),
    )
