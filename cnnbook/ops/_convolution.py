"""Convolution over 1, 2 and 3 axes, each with its backward (chapters 2 to 4, and 7)."""

import numpy as np

from cnnbook.ops._arguments import check_operands, check_padded, narrow, widen
from cnnbook.ops._gradients import Gradients, check_grad_out
from cnnbook.ops._products import gather, scatter, sum_of_maps, weight_gradient
from cnnbook.shapes import check_memory, output_size, per_axis, same_padding


def conv1d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlate a batch of sequences with a bank of kernels.

    As `conv2d`, over one axis.

    Parameters
    ----------
    x : ndarray of shape (N, C_in, L) or (C_in, L)
    weight : ndarray of shape (C_out, C_in // groups, k)
    bias : ndarray of shape (C_out,), optional
    stride, dilation : int or tuple of one int, at least 1
    padding : int, tuple of one int, "valid" or "same"
    groups : int

    Returns
    -------
    ndarray of shape (N, C_out, L_out) or (C_out, L_out)

    Raises
    ------
    TypeError, ValueError
        As `conv2d`.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, 4.0, 8.0]])
    >>> conv1d(x, np.array([[[-1.0, 1.0]]]))
    array([[1., 2., 4.]])
    """
    return _conv(1, x, weight, bias, stride, padding, dilation, groups)


def conv1d_backward(grad_out, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Take the gradient of `conv1d` with respect to its arrays.

    As `conv2d_backward`, over one axis.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C_out, L_out) or (C_out, L_out)
    x, weight, bias, stride, padding, dilation, groups
        As `conv1d` was given them.

    Returns
    -------
    Gradients

    Raises
    ------
    TypeError, ValueError
        As `conv2d_backward`.

    Examples
    --------
    >>> x, weight = np.array([[1.0, 2.0, 4.0]]), np.array([[[-1.0, 1.0]]])
    >>> conv1d_backward(np.array([[1.0, 10.0]]), x, weight)  # doctest: +NORMALIZE_WHITESPACE
    Gradients(grad_x=array([[-1., -9., 10.]]), grad_weight=array([[[21., 42.]]]), grad_bias=None)
    """
    settings = (stride, padding, dilation, groups)
    return _conv_backward(1, grad_out, x, weight, bias, *settings)


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlate a batch of images with a bank of kernels.

    Parameters
    ----------
    x : ndarray of shape (N, C_in, H, W) or (C_in, H, W)
        Any dtype of numbers. float16 is summed in float32; integers wrap around.
    weight : ndarray of shape (C_out, C_in // groups, kH, kW)
        Not flipped, of the dtype of `x`.
    bias : ndarray of shape (C_out,), optional
        Added to every entry of its map.
    stride, dilation : int or tuple of two ints, at least 1
        Step between windows, and between neighbouring kernel entries, in pixels.
    padding : int, tuple of two ints, "valid" or "same"
        Zeros on either side of an axis. "valid" is none. "same", for stride 1 only, keeps the
        size; an odd zero goes to the bottom or right.
    groups : int
        Output channels of the g-th of `groups` parts see only the g-th part of the input
        channels. With ``groups = C_in`` the convolution is depthwise.

    Returns
    -------
    ndarray of shape (N, C_out, H_out, W_out) or (C_out, H_out, W_out)
        Of the dtype of `x`; sizes as given by `cnnbook.shapes.output_size`.

    Raises
    ------
    TypeError
        If an array is no NumPy array of numbers, dtypes differ, or a setting is no integer.
    ValueError
        If ranks or channel counts do not agree, `groups` does not divide the channels, no window
        fits, a setting is out of range, or there are no channels or no pixels.

    Notes
    -----
    A padded zero is a factor like any other: times an infinite weight it gives NaN. So it is in
    PyTorch in float64; some of its float32 kernels leave the zeros out and give a number there.

    References
    ----------
    Dumoulin & Visin (2016), arXiv:1603.07285, chapter 2. The matrix product over copied windows:
    Chellapilla, Puri & Simard (2006), High Performance Convolutional Neural Networks for Document
    Processing, section 3.

    Examples
    --------
    >>> x = np.arange(12.0).reshape(1, 1, 3, 4)
    >>> conv2d(x, np.ones((1, 1, 2, 2)))
    array([[[[10., 14., 18.],
             [26., 30., 34.]]]])
    """
    return _conv(2, x, weight, bias, stride, padding, dilation, groups)


def conv2d_backward(grad_out, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Take the gradient of `conv2d` with respect to its arrays.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C_out, H_out, W_out) or (C_out, H_out, W_out)
        Gradient of the loss with respect to what `conv2d` returned: floats, of the dtype of `x`.
    x, weight, bias, stride, padding, dilation, groups
        As `conv2d` was given them; of `bias` only the presence counts.

    Returns
    -------
    Gradients
        Named tuple (grad_x, grad_weight, grad_bias), each of the shape and dtype of its array;
        `grad_bias` is None where there is no bias. `grad_x` is the transposed convolution of
        `grad_out`; `grad_weight` sums, over all windows, `grad_out` times the window. Padded zeros
        are factors here, too: see the notes of `conv2d`.

    Raises
    ------
    TypeError
        As `conv2d`, and if `grad_out` holds no floats or its dtype is not that of `x`.
    ValueError
        As `conv2d`, and if `grad_out` has not the shape that `conv2d` returns.

    References
    ----------
    LeCun et al. (1989), Backpropagation Applied to Handwritten Zip Code Recognition, Neural
    Computation 1(4); Dumoulin & Visin (2016), arXiv:1603.07285, chapter 4; chapter 7.

    Examples
    --------
    >>> x, weight = np.array([[[1.0, 2.0, 4.0]]]), np.array([[[[-1.0, 1.0]]]])
    >>> conv2d_backward(np.array([[[1.0, 10.0]]]), x, weight).grad_x
    array([[[-1., -9., 10.]]])
    """
    settings = (stride, padding, dilation, groups)
    return _conv_backward(2, grad_out, x, weight, bias, *settings)


def conv3d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlate a batch of volumes with a bank of kernels.

    As `conv2d`, over three axes.

    Parameters
    ----------
    x : ndarray of shape (N, C_in, D, H, W) or (C_in, D, H, W)
    weight : ndarray of shape (C_out, C_in // groups, kD, kH, kW)
    bias : ndarray of shape (C_out,), optional
    stride, dilation : int or tuple of three ints, at least 1
    padding : int, tuple of three ints, "valid" or "same"
    groups : int

    Returns
    -------
    ndarray of shape (N, C_out, D_out, H_out, W_out) or (C_out, D_out, H_out, W_out)

    Raises
    ------
    TypeError, ValueError
        As `conv2d`.
    """
    return _conv(3, x, weight, bias, stride, padding, dilation, groups)


def conv3d_backward(grad_out, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Take the gradient of `conv3d` with respect to its arrays.

    As `conv2d_backward`, over three axes.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C_out, D_out, H_out, W_out) or (C_out, D_out, H_out, W_out)
    x, weight, bias, stride, padding, dilation, groups
        As `conv3d` was given them.

    Returns
    -------
    Gradients

    Raises
    ------
    TypeError, ValueError
        As `conv2d_backward`.
    """
    settings = (stride, padding, dilation, groups)
    return _conv_backward(3, grad_out, x, weight, bias, *settings)


def _conv(axes, x, weight, bias, *settings):
    """Read the arguments, convolve a batch (of one, if there is no batch axis)."""
    settings = _settings(axes, x, weight, bias, *settings)
    batch = x if x.ndim == axes + 2 else x[np.newaxis]
    out = narrow(gather(*widen(batch, weight, bias), *settings), x.dtype)
    return out if x.ndim == axes + 2 else out[0]


def _conv_backward(axes, grad_out, x, weight, bias, *settings):
    """Read the arguments, take the gradients of a batch (of one, if there is no batch axis)."""
    positions, *settings = _settings(axes, x, weight, bias, *settings)
    check_grad_out(grad_out, x, (*x.shape[: -axes - 1], len(weight), *positions))
    grad, image = (a if x.ndim == axes + 2 else a[np.newaxis] for a in (grad_out, x))
    grad, image, kernels = widen(grad, image, weight)
    grad_x = scatter(grad, kernels, None, image.shape[2:], *settings)
    grad_weight = weight_gradient(image, grad, kernels.shape[2:], *settings)
    return Gradients(
        narrow(grad_x.reshape(x.shape), x.dtype),
        narrow(grad_weight, x.dtype),
        None if bias is None else narrow(sum_of_maps(grad), x.dtype),
    )


def _settings(axes, x, weight, bias, stride, padding, dilation, groups):
    """Check the arguments; return the output size and the settings with an entry an axis."""
    groups = check_operands(axes, x, weight, bias, groups)
    stride = per_axis("stride", stride, axes, minimum=1)
    dilation = per_axis("dilation", dilation, axes, minimum=1)
    size, kernel_size = x.shape[-axes:], weight.shape[2:]
    pads = _pads(padding, size, kernel_size, stride, dilation)
    positions = output_size(size, kernel_size, stride, pads, dilation)
    check_padded(x, pads)
    check_memory((*x.shape[: -axes - 1], len(weight), *positions), padding=padding)
    return positions, stride, pads, dilation, groups


def _pads(padding, size, kernel_size, stride, dilation):
    """Read `padding` as a pair (before, after) an axis."""
    if not isinstance(padding, str):
        return [(p, p) for p in per_axis("padding", padding, len(size), minimum=0)]
    if padding not in ("valid", "same"):
        raise ValueError(f'padding must be ints, "valid" or "same", got {padding!r}')
    if padding == "valid":
        return [(0, 0)] * len(size)
    if any(step > 1 for step in stride):
        raise ValueError(f'padding "same" needs stride 1, got stride {stride}')
    return same_padding(size, kernel_size, 1, dilation)
