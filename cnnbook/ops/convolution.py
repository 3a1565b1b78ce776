"""Convolution and its transpose over 1, 2 and 3 axes, each with its backward (chapters 2 to 4, 7).

Three products of windows and weights are all there is to compute. Each is linear in its two
factors, and each is the derivative of the other two: `gather` is the convolution, `scatter` its
transpose (so its gradient with respect to the image), and `weight_gradient` its gradient with
respect to the weight. The transposed convolution has the same three, image and result exchanged.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnbook.checks import check_array, check_grad_out, check_memory, integer, per_axis
from cnnbook.ops.gradients import Gradients
from cnnbook.ops.variants import variants
from cnnbook.ops.windows import Plan, blocks, crop, run_on, slide, spread, surround
from cnnbook.shapes import output_size, same_padding, transposed_output_size


def conv2d_loops(x, weight, bias=None, stride=1, padding=0):
    """Cross-correlate as the definition says it: one window, one kernel, one sum at a time.

    `x` is (C_in, H, W), `stride` and `padding` are ints; `conv2d` is the same and fast.

    >>> rng = np.random.default_rng(0)
    >>> x, weight, bias = (rng.normal(size=size) for size in ((3, 6, 5), (4, 3, 3, 2), 4))
    >>> slow = conv2d_loops(x, weight, bias, stride=2, padding=1)
    >>> np.allclose(slow, conv2d(x, weight, bias, stride=2, padding=1))
    True
    """
    kernel_size = weight.shape[2:]
    x = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
    out = np.zeros((len(weight), *output_size(x.shape[1:], kernel_size, stride)), x.dtype)
    for o, i, j in np.ndindex(out.shape):
        window = x[:, i * stride :, j * stride :][:, : kernel_size[0], : kernel_size[1]]
        out[o, i, j] = (weight[o] * window).sum() + (0 if bias is None else bias[o])
    return out


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Cross-correlate a batch of images with a bank of kernels.

    The windows are copied to the columns of a matrix, which the weight, a matrix too, multiplies.
    Sizes of the output, (N, C_out, H_out, W_out), are given by `cnnbook.shapes.output_size`.

    Parameters
    ----------
    x : ndarray of shape (N, C_in, H, W) or (C_in, H, W)
        float64 or float32; integers (which wrap around) and complex numbers work too.
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

    `grad_out`, of the shape of what `conv2d` returned and the dtype of `x`, is the gradient of the
    loss with respect to that; the rest is as `conv2d` was given it, and refused as there. Infinite
    weights meet padded zeros here, too: see the notes of `conv2d`. Source: LeCun et al. (1989),
    Backpropagation Applied to Handwritten Zip Code Recognition, Neural Computation 1(4).

    >>> x, weight = np.array([[[1.0, 2.0, 4.0]]]), np.array([[[[-1.0, 1.0]]]])
    >>> conv2d_backward(np.array([[[1.0, 10.0]]]), x, weight).grad_x
    array([[[-1., -9., 10.]]])
    """
    return _conv_backward(2, grad_out, x, weight, bias, stride, padding, dilation, groups)


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
        As in `conv2d`.
    weight : ndarray of shape (C_in, C_out // groups, kH, kW)
        A pixel of channel c adds ``x * weight[c, o]`` to its window of output channel o.
    bias : ndarray of shape (C_out,), optional
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
    return _conv_transpose(2, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d_backward(
    grad_out, x, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Take the gradient of `conv_transpose2d` with respect to its arrays, as `conv2d_backward`.

    >>> x, weight = np.array([[[5.0]]]), np.array([[[[1.0, 2.0]]]])
    >>> conv_transpose2d_backward(np.array([[[10.0, 100.0]]]), x, weight).grad_x
    array([[[210.]]])
    """
    settings = stride, padding, output_padding, groups, dilation
    return _conv_transpose_backward(2, grad_out, x, weight, bias, *settings)


# ---------------------------------------------------------------- the three products

THIN = 16
"""Output channels a group up to which to copy the windows costs more than the product."""


def gather(windows, weight, bias, groups):
    """Convolve: copy the windows to columns, block by block, and multiply.

    The matrices are (C_out/g, C_in/g * k²) for the weight and (C_in/g * k², windows) for the
    image: one product for each sample and group, written to its place in the output.
    """
    axes, rows = weight.ndim - 2, weight.reshape(groups, len(weight) // groups, -1)
    size, steps = windows.shape[-axes:], windows.strides[-axes:]
    check_memory((len(windows), len(weight), *size), size=size)
    out = np.empty((len(windows), *rows.shape[:2], *size), windows.dtype)
    windows = windows.reshape(len(windows), groups, weight.shape[1], *windows.shape[2:])
    bias = None if bias is None else bias.reshape(groups, -1, *(1,) * axes)
    copied = not windows.flags.c_contiguous  # of a 1×1 kernel they are the image itself
    # rows of windows that run on into the next are copied fast, but there is junk between them
    junk = run_on(windows, axes).shape[-1] / math.prod(size) if min(steps) >= 0 else 2
    joined = copied and rows.shape[1] <= THIN and steps[-1] == windows.itemsize and junk < 1.5
    cost = 1.5 * (1 + rows.shape[1] / rows.shape[2]) if joined else 1
    for (samples, group, part_rows), part, room in blocks(windows, -axes, copied, cost):
        target = out[samples, group, :, part_rows]
        columns = run_on(part, axes) if joined else part
        if copied:
            room, rest = room[: columns.size].reshape(columns.shape), room[columns.size :]
            room[...] = columns
            columns = room
        columns = columns.reshape(*target.shape[:2], rows.shape[2], -1)
        if joined:
            shape = *target.shape[:3], columns.shape[3]
            product = np.matmul(rows[group], columns, out=rest[: math.prod(shape)].reshape(shape))
            target[...] = as_strided(product, target.shape, (*product.strides[:3], *steps))
        else:  # whole rows, so the target is still a view
            np.matmul(rows[group], columns, out=target.reshape(*target.shape[:3], -1))
        if bias is not None:
            target += bias[group]
    return out.reshape(len(out), len(weight), *size)


def scatter(pixels, weight, bias, groups, plan, size):
    """Transpose: multiply to get what each window receives, add the windows up, block by block.

    Convolution copies windows to columns and multiplies by the weight matrix; here the transposed
    matrix gives the columns, and they are added where they would have been copied from: to an
    image of `size`, which the pads of `plan` surround at first.
    """
    axes, rows = weight.ndim - 2, weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
    whole = [before + n + after for n, (before, after) in zip(size, plan.pads, strict=True)]
    out = np.zeros((len(pixels), groups * weight.shape[1], *whole), pixels.dtype)
    windows = slide(out, plan, pixels.shape[2:], writeable=True)
    windows = windows.reshape(len(out), groups, weight.shape[1], *windows.shape[2:])
    pixels = pixels.reshape(len(out), groups, rows.shape[2], *pixels.shape[2:])
    # of one channel a group there is nothing to sum, and BLAS would start for every map
    product = np.multiply if rows.shape[2] == 1 else np.matmul
    for (samples, group, part_rows), part, room in blocks(windows, -axes):
        given = pixels[samples, group, :, part_rows].reshape(*part.shape[:2], rows.shape[2], -1)
        columns = room[: part.size].reshape(*part.shape[:2], rows.shape[1], -1)
        product(rows[group], given, out=columns)
        spread(part, columns.reshape(part.shape), axes)
    if bias is not None:
        out += bias.reshape(-1, *(1,) * axes)
    return np.ascontiguousarray(crop(out, plan.pads))


def weight_gradient(windows, pixels, groups):
    """Sum, over samples and windows, the pixel at each window times the window's numbers.

    A kernel entry is shared by all windows, so its gradient is one sum over all of them: the
    product of (C/g, samples * windows) and the windows, copied as for a convolution.
    """
    axes = pixels.ndim - 2
    kernel_size = windows.shape[2 : 2 + axes]
    windows, pixels = (
        a.reshape(len(a), groups, a.shape[1] // groups, *a.shape[2:]) for a in (windows, pixels)
    )
    out = np.zeros((*pixels.shape[1:3], math.prod(windows.shape[2:-axes])), pixels.dtype)
    for (samples, group, part_rows), part, room in blocks(windows, -axes):
        part = np.moveaxis(part, 0, -axes - 1)
        columns = room[: part.size].reshape(part.shape)
        columns[...] = part
        rows = np.moveaxis(pixels[samples, group, :, part_rows], 0, 2)
        rows = rows.reshape(*rows.shape[:2], -1)
        out[group] += rows @ columns.reshape(len(rows), out.shape[2], -1).swapaxes(1, 2)
    return out.reshape(-1, windows.shape[2], *kernel_size)


# ---------------------------------------------------------------- over any number of axes


@np.errstate(invalid="ignore", over="ignore")  # NaN and inf travel without a word, as in PyTorch
def _conv(axes, x, weight, bias, *settings):
    plan, groups = _plan(axes, x, weight, bias, *settings)
    batch = x if x.ndim == axes + 2 else x[np.newaxis]
    out = gather(slide(surround(batch, plan.pads), plan), weight, bias, groups)
    return out if x.ndim == axes + 2 else out[0]


@np.errstate(invalid="ignore", over="ignore")
def _conv_backward(axes, grad_out, x, weight, bias, *settings):
    plan, groups = _plan(axes, x, weight, bias, *settings)
    batch = x if x.ndim == axes + 2 else x[np.newaxis]
    windows = slide(surround(batch, plan.pads), plan)
    check_grad_out(grad_out, x, (*x.shape[: -axes - 1], len(weight), *windows.shape[-axes:]))
    grad = grad_out if x.ndim == axes + 2 else grad_out[np.newaxis]
    return Gradients(
        scatter(grad, weight, None, groups, plan, x.shape[-axes:]).reshape(x.shape),
        weight_gradient(windows, grad, groups),
        None if bias is None else grad.sum((0, *range(2, grad.ndim))),
    )


@np.errstate(invalid="ignore", over="ignore")
def _conv_transpose(axes, x, weight, bias, *settings):
    plan, groups, size = _transposed_plan(axes, x, weight, bias, *settings)
    batch = x if x.ndim == axes + 2 else x[np.newaxis]
    out = scatter(batch, weight, bias, groups, plan, size)
    return out if x.ndim == axes + 2 else out[0]


@np.errstate(invalid="ignore", over="ignore")
def _conv_transpose_backward(axes, grad_out, x, weight, bias, *settings):
    """Convolve `grad_out`, for that is the transpose of the transpose."""
    plan, groups, size = _transposed_plan(axes, x, weight, bias, *settings)
    check_grad_out(grad_out, x, (*x.shape[: -axes - 1], weight.shape[1] * groups, *size))
    grad, pixels = (a if x.ndim == axes + 2 else a[np.newaxis] for a in (grad_out, x))
    # where `output_padding` has made room, more windows fit than `x` has pixels
    windows = slide(surround(grad, plan.pads), plan, x.shape[-axes:])
    return Gradients(
        gather(windows, weight, None, groups).reshape(x.shape),
        weight_gradient(windows, pixels, groups),
        None if bias is None else grad.sum((0, *range(2, grad.ndim))),
    )


def _plan(axes, x, weight, bias, stride, padding, dilation, groups, *, transposed=False):
    """Check what a convolution, or its transpose, is given; return the plan and `groups`."""
    size, kernel = (("L", "k"), ("H, W", "kH, kW"), ("D, H, W", "kD, kH, kW"))[axes - 1]
    channels = "C_in, C_out // groups" if transposed else "C_out, C_in // groups"
    ranks, shape = (axes + 1, axes + 2), f"(N, C_in, {size}) or (C_in, {size})"
    check_array("x", x, ranks, shape=shape, filled=-axes)
    check_array("weight", weight, (axes + 2,), shape=f"({channels}, {kernel})", like=x, filled=0)
    groups = integer("groups", groups, 1, form="an int")
    if len(weight) % groups:
        side = "input" if transposed else "output"
        raise ValueError(
            f"weight has {len(weight)} {side} channels, groups {groups} must divide it"
        )
    expected, out_channels = weight.shape[1] * groups, len(weight)
    if transposed:
        expected, out_channels = out_channels, expected
    if x.shape[-axes - 1] != expected:
        note = f" ({weight.shape[1]} a group, groups {groups})" if groups > 1 else ""
        raise ValueError(f"x has {x.shape[-axes - 1]} channels, weight expects {expected}{note}")
    if bias is not None:
        check_array("bias", bias, (1,), shape="(C_out,)", like=x)
        if len(bias) != out_channels:
            raise ValueError(f"bias has {len(bias)} entries, weight gives {out_channels} channels")

    size, kernel = x.shape[-axes:], weight.shape[2:]
    stride = per_axis("stride", stride, axes, minimum=1)
    dilation = per_axis("dilation", dilation, axes, minimum=1)
    if transposed or not isinstance(padding, str):
        pads = [(p, p) for p in per_axis("padding", padding, axes, minimum=0)]
    elif padding == "valid":
        pads = [(0, 0)] * axes
    elif padding != "same":
        raise ValueError(f'padding must be ints, "valid" or "same", got {padding!r}')
    elif max(stride) > 1:
        raise ValueError(f'padding "same" needs stride 1, got stride {stride}')
    else:
        pads = same_padding(size, kernel, 1, dilation)
    plan = Plan(kernel, stride, dilation, pads)
    if not transposed:
        whole = [n + sum(pair) for n, pair in zip(size, pads, strict=True)]
        if any(d * (k - 1) >= n for n, k, d in zip(whole, kernel, dilation, strict=True)):
            output_size(size, kernel, stride, pads, dilation)  # says which window does not fit
        check_memory((*x.shape[:-axes], *whole), padding=padding)
    return plan, groups


def _transposed_plan(axes, x, weight, bias, stride, padding, output_padding, groups, dilation):
    """Check what a transposed convolution is given; return plan, `groups`, size of the output."""
    plan, groups = _plan(axes, x, weight, bias, stride, padding, dilation, groups, transposed=True)
    extra = per_axis("output_padding", output_padding, axes, minimum=0)
    cut = tuple(before for before, _ in plan.pads)
    size = transposed_output_size(
        x.shape[-axes:], plan.kernel_size, plan.stride, cut, extra, plan.dilation
    )
    whole = map(sum, zip(size, cut, cut, strict=True))
    shape = *x.shape[: -axes - 1], weight.shape[1] * groups, *whole
    check_memory(shape, stride=stride, padding=padding, dilation=dilation)
    return plan, groups, size


# ---------------------------------------------------------------- over one and three axes

conv1d, conv3d = variants(conv2d, _conv)
conv1d_backward, conv3d_backward = variants(conv2d_backward, _conv_backward)
conv_transpose1d, conv_transpose3d = variants(conv_transpose2d, _conv_transpose)
conv_transpose1d_backward, conv_transpose3d_backward = variants(
    conv_transpose2d_backward, _conv_transpose_backward
)
