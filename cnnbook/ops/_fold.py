"""Windows to columns and back: `unfold` copies them out, `fold` adds them up."""

import math

import numpy as np

from cnnbook import shapes
from cnnbook.ops._arguments import check_array, check_not_empty, check_padded
from cnnbook.ops._gradients import InputGradient, check_grad_out
from cnnbook.ops._windows import add_windows, crop, pad_zeros, window_view
from cnnbook.shapes import check_memory, per_axis


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
    positions, settings = _unfold_settings(x, kernel_size, dilation, padding, stride)
    kernel_size, dilation, padding, stride = settings
    padded = pad_zeros(x if x.ndim == 4 else x[np.newaxis], [(p, p) for p in padding])
    windows = window_view(padded, kernel_size, positions, stride, dilation)
    columns = x.shape[-3] * math.prod(kernel_size), math.prod(positions)
    return windows.copy().reshape(*x.shape[:-3], *columns)


def unfold_backward(grad_out, x, kernel_size, dilation=1, padding=0, stride=1):
    """Take the gradient of `unfold`: a pixel gets the sum over its copies.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C * kH * kW, windows) or (C * kH * kW, windows)
        Gradient of the loss with respect to what `unfold` returned: floats, dtype of `x`.
    x, kernel_size, dilation, padding, stride
        As `unfold` was given them.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,), the `fold` of `grad_out`.

    Raises
    ------
    TypeError
        As `unfold`, and if `grad_out` holds no floats or its dtype is not that of `x`.
    ValueError
        As `unfold`, and if `grad_out` has not the shape that `unfold` returns.

    Examples
    --------
    >>> unfold_backward(np.ones((2, 2)), np.zeros((1, 1, 3)), kernel_size=(1, 2)).grad_x
    array([[[1., 2., 1.]]])
    """
    positions, settings = _unfold_settings(x, kernel_size, dilation, padding, stride)
    columns = x.shape[-3] * math.prod(settings[0]), math.prod(positions)
    check_grad_out(grad_out, x, (*x.shape[:-3], *columns))
    return InputGradient(fold(grad_out, x.shape[-2:], *settings))


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
    size, positions, settings = _fold_settings(
        x, output_size, kernel_size, dilation, padding, stride
    )
    kernel_size, dilation, padding, stride = settings
    channels = x.shape[-2] // math.prod(kernel_size)
    whole = [n + 2 * p for n, p in zip(size, padding, strict=True)]
    out = np.zeros((len(x) if x.ndim == 3 else 1, channels, *whole), x.dtype)
    windows = window_view(out, kernel_size, positions, stride, dilation, writeable=True)
    add_windows(windows, x)
    out = np.ascontiguousarray(crop(out, [(p, p) for p in padding]))
    return out if x.ndim == 3 else out[0]


def fold_backward(grad_out, x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Take the gradient of `fold`: each entry gets that of the pixel it was added to.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C, H, W) or (C, H, W)
        Gradient of the loss with respect to what `fold` returned: floats, dtype of `x`.
    x, output_size, kernel_size, dilation, padding, stride
        As `fold` was given them.

    Returns
    -------
    InputGradient
        Named tuple (grad_x,), the `unfold` of `grad_out`.

    Raises
    ------
    TypeError
        As `fold`, and if `grad_out` holds no floats or its dtype is not that of `x`.
    ValueError
        As `fold`, and if `grad_out` has not the shape that `fold` returns.

    Examples
    --------
    >>> image = np.array([[[1.0, 2.0, 3.0]]])
    >>> fold_backward(image, np.zeros((2, 2)), (1, 3), kernel_size=(1, 2)).grad_x
    array([[1., 2.],
           [2., 3.]])
    """
    size, _, settings = _fold_settings(x, output_size, kernel_size, dilation, padding, stride)
    channels = x.shape[-2] // math.prod(settings[0])
    check_grad_out(grad_out, x, (*x.shape[:-2], channels, *size))
    return InputGradient(unfold(grad_out, *settings))


def _pair(name, value, minimum):
    """Spread an int over height and width; as PyTorch here, but not elsewhere, refuse (3,)."""
    if isinstance(value, (tuple, list)) and len(value) != 2:
        raise ValueError(f"{name} has {len(value)} entries, expected 2: {value!r}")
    return per_axis(name, value, 2, minimum)


def _unfold_settings(x, kernel_size, dilation, padding, stride):
    """Check the arguments of `unfold`; return the window positions and the settings as pairs."""
    check_array("x", x, (3, 4), shape="(N, C, H, W) or (C, H, W)")
    check_not_empty("x", x, first_axis=x.ndim - 3)
    settings = kernel_size, dilation, padding, stride = _settings(
        kernel_size, dilation, padding, stride
    )
    positions = shapes.output_size(x.shape[-2:], kernel_size, stride, padding, dilation)
    pads = [(p, p) for p in padding]
    check_padded(x if x.ndim == 4 else x[np.newaxis], pads)
    copied = (*x.shape[:-2], *kernel_size, *positions)
    check_memory(copied, kernel_size=kernel_size, padding=padding)
    return positions, settings


def _fold_settings(x, output_size, kernel_size, dilation, padding, stride):
    """Check the arguments of `fold`; return image size, window positions, settings as pairs."""
    check_array("x", x, (2, 3), shape="(N, C * kH * kW, windows) or (C * kH * kW, windows)")
    check_not_empty("x", x, first_axis=x.ndim - 2)
    settings = kernel_size, dilation, padding, stride = _settings(
        kernel_size, dilation, padding, stride
    )
    size = _pair("output_size", output_size, 1)
    positions = shapes.output_size(size, kernel_size, stride, padding, dilation)
    if x.shape[-2] % math.prod(kernel_size):
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
    channels = x.shape[-2] // math.prod(kernel_size)
    shape = (*x.shape[:-2], channels, *whole)
    check_memory(shape, output_size=output_size, padding=padding)
    return size, positions, settings


def _settings(kernel_size, dilation, padding, stride):
    """Read the settings of `fold` and `unfold`, each as a pair."""
    return (
        _pair("kernel_size", kernel_size, 1),
        _pair("dilation", dilation, 1),
        _pair("padding", padding, 0),
        _pair("stride", stride, 1),
    )
