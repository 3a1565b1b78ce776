"""Transposed convolution over 1, 2 and 3 axes: the convolution's two steps, undone in turn."""

import numpy as np

from cnnbook.ops._arguments import check_operands, narrow, widen
from cnnbook.ops._windows import add_windows, crop, take_block, window_blocks, window_view
from cnnbook.shapes import per_axis, transposed_output_size


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
        Any dtype of numbers. float16 is summed in float32; integers wrap around.
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


def _conv_transpose(axes, x, weight, bias, stride, padding, output_padding, groups, dilation):
    """Read the arguments, work on a batch (of one, if there is no batch axis)."""
    groups = check_operands(axes, x, weight, bias, groups, transposed=True)
    stride = per_axis("stride", stride, axes, minimum=1)
    dilation = per_axis("dilation", dilation, axes, minimum=1)
    pads = [(p, p) for p in per_axis("padding", padding, axes, minimum=0)]
    extra = per_axis("output_padding", output_padding, axes, minimum=0)
    batch = x if x.ndim == axes + 2 else x[np.newaxis]
    out = _spread(*widen(batch, weight, bias), stride, pads, extra, dilation, groups)
    out = narrow(out, x.dtype)
    return out if x.ndim == axes + 2 else out[0]


@np.errstate(invalid="ignore", over="ignore")  # NaN and inf travel without a word, as in PyTorch
def _spread(x, weight, bias, stride, pads, extra, dilation, groups):
    """Multiply to get what each window receives, add the windows up, block by block.

    Convolution copies windows to columns and multiplies by the weight matrix; here the transposed
    matrix gives the columns, and they are added where they would have been copied from.
    """
    kernel_size, positions = weight.shape[2:], x.shape[2:]
    axes = len(kernel_size)
    size = transposed_output_size(
        positions, kernel_size, stride, [p for p, _ in pads], extra, dilation
    )
    whole = [before + n + after for n, (before, after) in zip(size, pads, strict=True)]
    out = np.zeros((len(x), groups * weight.shape[1], *whole), x.dtype)
    windows = window_view(out, kernel_size, positions, stride, dilation, writeable=True)
    rows = weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
    for block in window_blocks(windows, axes):
        pixels = take_block(x, axes, block)
        pixels = pixels.reshape(len(pixels), groups, rows.shape[2], -1)
        add_windows(take_block(windows, axes, block), np.matmul(rows, pixels))
    if bias is not None:
        out += bias.reshape(-1, *(1,) * axes)
    return np.ascontiguousarray(crop(out, pads))
