"""Convolution over 1, 2 and 3 axes: one core, copied windows times the weight matrix."""

import numpy as np

from cnnbook.ops._arguments import check_operands, narrow, widen
from cnnbook.ops._windows import pad_zeros, take_block, window_blocks, window_view
from cnnbook.shapes import output_size, per_axis, same_padding


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
    A padded zero is a factor like any other: times an infinite weight it gives NaN.

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


def _conv(axes, x, weight, bias, stride, padding, dilation, groups):
    """Read the arguments, convolve a batch (of one, if there is no batch axis)."""
    groups = check_operands(axes, x, weight, bias, groups)
    stride = per_axis("stride", stride, axes, minimum=1)
    dilation = per_axis("dilation", dilation, axes, minimum=1)
    batch = x if x.ndim == axes + 2 else x[np.newaxis]
    pads = _pads(padding, x.shape[-axes:], weight.shape[2:], stride, dilation)
    out = _convolve(*widen(batch, weight, bias), stride, pads, dilation, groups)
    out = narrow(out, x.dtype)
    return out if x.ndim == axes + 2 else out[0]


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


@np.errstate(invalid="ignore", over="ignore")  # NaN and inf travel without a word, as in PyTorch
def _convolve(x, weight, bias, stride, pads, dilation, groups):
    """Copy the windows to the columns of a matrix and multiply, block by block.

    The matrices are (C_out/g, C_in/g * k²) for the weight and (C_in/g * k², windows) for the
    image: one product for each sample and group, written to its place in the output.
    """
    kernel_size = weight.shape[2:]
    axes = len(kernel_size)
    positions = output_size(x.shape[2:], kernel_size, stride, pads, dilation)
    windows = window_view(pad_zeros(x, pads), kernel_size, positions, stride, dilation)
    rows = weight.reshape(groups, len(weight) // groups, -1)
    out = np.empty((len(x), len(weight), *positions), x.dtype)
    for block in window_blocks(windows, axes):
        target = take_block(out, axes, block)
        target = target.reshape(len(target), *rows.shape[:2], -1)  # whole rows, so still a view
        columns = take_block(windows, axes, block)
        columns = columns.reshape(len(target), groups, rows.shape[2], -1)  # for 1×1 kernels a view
        # a view may still overlap itself (one channel, one axis): BLAS needs plain memory
        np.matmul(rows, np.ascontiguousarray(columns), out=target)
        if bias is not None:
            target += bias.reshape(groups, -1, 1)
    return out
