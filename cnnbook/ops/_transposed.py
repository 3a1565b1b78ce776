"""Transposed convolution over 1, 2 and 3 axes, each with its backward."""

import numpy as np

from cnnbook.ops._arguments import check_operands, narrow, widen
from cnnbook.ops._gradients import Gradients, check_grad_out
from cnnbook.ops._products import gather, scatter, sum_of_maps, weight_gradient
from cnnbook.shapes import check_memory, per_axis, transposed_output_size


def conv_transpose1d(
    x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Spread every entry of a batch of sequences over a window of the output.

    As `conv_transpose2d`, over one axis.

    Parameters
    ----------
    x : ndarray of shape (N, C_in, L) or (C_in, L)
    weight : ndarray of shape (C_in, C_out // groups, k)
    bias : ndarray of shape (C_out,), optional
    stride, padding, output_padding, dilation : int or tuple of one int
    groups : int

    Returns
    -------
    ndarray of shape (N, C_out, L_out) or (C_out, L_out)

    Raises
    ------
    TypeError, ValueError
        As `conv_transpose2d`.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0]])
    >>> conv_transpose1d(x, np.array([[[1.0, 2.0, 3.0]]]), stride=2)
    array([[ 1.,  2., 13., 20., 30.]])
    """
    settings = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose(1, x, weight, bias, *settings)


def conv_transpose1d_backward(
    grad_out, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Take the gradient of `conv_transpose1d` with respect to its arrays.

    As `conv_transpose2d_backward`, over one axis.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C_out, L_out) or (C_out, L_out)
    x, weight, bias, stride, padding, output_padding, groups, dilation
        As `conv_transpose1d` was given them.

    Returns
    -------
    Gradients

    Raises
    ------
    TypeError, ValueError
        As `conv_transpose2d_backward`.
    """
    settings = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose_backward(1, grad_out, x, weight, bias, *settings)


def conv_transpose2d(
    x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Spread every pixel of a batch of images over a window of the output.

    The transpose of `conv2d` with the same weight, as a linear map: it takes an array of the
    shape that `conv2d` returns to the shape that `conv2d` was given. It is the gradient of
    `conv2d` with respect to its input, and not its inverse.

    Parameters
    ----------
    x : ndarray of shape (N, C_in, H, W) or (C_in, H, W)
        Any dtype of numbers. float16 is summed in float32, where PyTorch rounds every sum;
        integers wrap around.
    weight : ndarray of shape (C_in, C_out // groups, kH, kW)
        Of the dtype of `x`. A pixel of channel c adds ``x * weight[c, o]`` to its window of
        output channel o.
    bias : ndarray of shape (C_out,), optional
        Added to every entry of its map.
    stride, dilation : int or tuple of two ints, at least 1
        Step between the windows of neighbouring pixels, and between the entries of the kernel.
    padding : int or tuple of two ints, at least 0
        Rows and columns cut off on either side of the output: those that `conv2d` had padded.
    output_padding : int or tuple of two ints, less than `stride` or `dilation`
        Rows and columns more at the bottom and right: picks one of the input sizes that a strided
        `conv2d` takes to the same output size.
    groups : int
        The g-th of `groups` parts of the input channels writes only to the g-th part of the
        output channels.

    Returns
    -------
    ndarray of shape (N, C_out, H_out, W_out) or (C_out, H_out, W_out)
        Of the dtype of `x`; sizes as given by `cnnbook.shapes.transposed_output_size`.

    Raises
    ------
    TypeError
        If an array is no NumPy array of numbers, dtypes differ, or a setting is no integer.
    ValueError
        If ranks or channel counts do not agree, `groups` does not divide the channels, `padding`
        leaves nothing, a setting is out of range, or there are no channels or no pixels.

    References
    ----------
    Dumoulin & Visin (2016), arXiv:1603.07285, chapter 4. Zeiler et al. (2010), Deconvolutional
    Networks, CVPR.

    Examples
    --------
    >>> x = np.array([[[1.0, 10.0]]])
    >>> conv_transpose2d(x, np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    array([[[ 1., 12., 20.],
            [ 3., 34., 40.]]])
    """
    settings = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose(2, x, weight, bias, *settings)


def conv_transpose2d_backward(
    grad_out, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Take the gradient of `conv_transpose2d` with respect to its arrays.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C_out, H_out, W_out) or (C_out, H_out, W_out)
        Gradient of the loss with respect to what `conv_transpose2d` returned: floats, of the
        dtype of `x`.
    x, weight, bias, stride, padding, output_padding, groups, dilation
        As `conv_transpose2d` was given them; of `bias` only the presence counts.

    Returns
    -------
    Gradients
        Named tuple (grad_x, grad_weight, grad_bias), each of the shape and dtype of its array;
        `grad_bias` is None where there is no bias. `grad_x` is the convolution of `grad_out`,
        padded with zeros as it is: see the notes of `conv2d` on infinite weights.

    Raises
    ------
    TypeError
        As `conv_transpose2d`, and if `grad_out` holds no floats or its dtype is not that of `x`.
    ValueError
        As `conv_transpose2d`, and if `grad_out` has not the shape that it returns.

    References
    ----------
    Dumoulin & Visin (2016), arXiv:1603.07285, chapter 4.

    Examples
    --------
    >>> x, weight = np.array([[[5.0]]]), np.array([[[[1.0, 2.0]]]])
    >>> conv_transpose2d_backward(np.array([[[10.0, 100.0]]]), x, weight).grad_x
    array([[[210.]]])
    """
    settings = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose_backward(2, grad_out, x, weight, bias, *settings)


def conv_transpose3d(
    x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Spread every entry of a batch of volumes over a window of the output.

    As `conv_transpose2d`, over three axes.

    Parameters
    ----------
    x : ndarray of shape (N, C_in, D, H, W) or (C_in, D, H, W)
    weight : ndarray of shape (C_in, C_out // groups, kD, kH, kW)
    bias : ndarray of shape (C_out,), optional
    stride, padding, output_padding, dilation : int or tuple of three ints
    groups : int

    Returns
    -------
    ndarray of shape (N, C_out, D_out, H_out, W_out) or (C_out, D_out, H_out, W_out)

    Raises
    ------
    TypeError, ValueError
        As `conv_transpose2d`.
    """
    settings = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose(3, x, weight, bias, *settings)


def conv_transpose3d_backward(
    grad_out, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Take the gradient of `conv_transpose3d` with respect to its arrays.

    As `conv_transpose2d_backward`, over three axes.

    Parameters
    ----------
    grad_out : ndarray of shape (N, C_out, D_out, H_out, W_out) or (C_out, D_out, H_out, W_out)
    x, weight, bias, stride, padding, output_padding, groups, dilation
        As `conv_transpose3d` was given them.

    Returns
    -------
    Gradients

    Raises
    ------
    TypeError, ValueError
        As `conv_transpose2d_backward`.
    """
    settings = (stride, padding, output_padding, groups, dilation)
    return _conv_transpose_backward(3, grad_out, x, weight, bias, *settings)


def _conv_transpose(axes, x, weight, bias, *settings):
    """Read the arguments, work on a batch (of one, if there is no batch axis)."""
    size, *settings = _settings(axes, x, weight, bias, *settings)
    batch = x if x.ndim == axes + 2 else x[np.newaxis]
    out = narrow(scatter(*widen(batch, weight, bias), size, *settings), x.dtype)
    return out if x.ndim == axes + 2 else out[0]


def _conv_transpose_backward(axes, grad_out, x, weight, bias, *settings):
    """Read the arguments, take the gradients of a batch (of one, if there is no batch axis).

    The transpose of a transpose is the convolution. The weight's gradient is that of the
    convolution from the output to `x`, with the roles of image and pixels exchanged.
    """
    size, *settings = _settings(axes, x, weight, bias, *settings)
    channels = weight.shape[1] * settings[-1]
    check_grad_out(grad_out, x, (*x.shape[: -axes - 1], channels, *size))
    grad, pixels = (a if x.ndim == axes + 2 else a[np.newaxis] for a in (grad_out, x))
    grad, pixels, kernels = widen(grad, pixels, weight)
    grad_x = gather(grad, kernels, None, pixels.shape[2:], *settings)
    grad_weight = weight_gradient(grad, pixels, kernels.shape[2:], *settings)
    return Gradients(
        narrow(grad_x.reshape(x.shape), x.dtype),
        narrow(grad_weight, x.dtype),
        None if bias is None else narrow(sum_of_maps(grad), x.dtype),
    )


def _settings(axes, x, weight, bias, stride, padding, output_padding, groups, dilation):
    """Check the arguments; return the output size and the settings with an entry an axis."""
    groups = check_operands(axes, x, weight, bias, groups, transposed=True)
    stride = per_axis("stride", stride, axes, minimum=1)
    dilation = per_axis("dilation", dilation, axes, minimum=1)
    padding = per_axis("padding", padding, axes, minimum=0)
    extra = per_axis("output_padding", output_padding, axes, minimum=0)
    kernel_size = weight.shape[2:]
    size = transposed_output_size(x.shape[-axes:], kernel_size, stride, padding, extra, dilation)
    whole = [n + 2 * p for n, p in zip(size, padding, strict=True)]
    shape = (*x.shape[: -axes - 1], weight.shape[1] * groups, *whole)
    check_memory(shape, stride=stride, padding=padding, dilation=dilation)
    return size, stride, [(p, p) for p in padding], dilation, groups
