"""Three products of windows and weights: all that convolution and its transpose compute.

Each is linear in its two factors, and each is the derivative of the other two: `gather` is the
convolution, `scatter` its transpose (so its gradient with respect to the image), and
`weight_gradient` its gradient with respect to the weight. The gradients of the transposed
convolution are the same three with the roles of image and result exchanged.
"""

import math

import numpy as np

from cnnbook.ops._windows import (
    add_windows,
    crop,
    pad_zeros,
    take_block,
    window_blocks,
    window_view,
)


@np.errstate(invalid="ignore", over="ignore")  # NaN and inf travel without a word, as in PyTorch
def gather(x, weight, bias, positions, stride, pads, dilation, groups):
    """Copy the windows to the columns of a matrix and multiply, block by block.

    The matrices are (C_out/g, C_in/g * k²) for the weight and (C_in/g * k², windows) for the
    image: one product for each sample and group, written to its place in the output.
    """
    kernel_size = weight.shape[2:]
    axes = len(kernel_size)
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


@np.errstate(invalid="ignore", over="ignore")
def scatter(x, weight, bias, size, stride, pads, dilation, groups):
    """Multiply to get what each window receives, add the windows up, block by block.

    Convolution copies windows to columns and multiplies by the weight matrix; here the transposed
    matrix gives the columns, and they are added where they would have been copied from: to an
    image of `size`, around which `pads` are cut off.
    """
    kernel_size, positions = weight.shape[2:], x.shape[2:]
    axes = len(kernel_size)
    whole = [before + n + after for n, (before, after) in zip(size, pads, strict=True)]
    out = np.zeros((len(x), groups * weight.shape[1], *whole), x.dtype)
    windows = window_view(out, kernel_size, positions, stride, dilation, writeable=True)
    rows = weight.reshape(groups, len(weight) // groups, -1).swapaxes(1, 2)
    # of one channel a group there is nothing to sum, and BLAS would start for every map
    product = np.multiply if rows.shape[2] == 1 else np.matmul
    for block in window_blocks(windows, axes):
        pixels = take_block(x, axes, block)
        pixels = pixels.reshape(len(pixels), groups, rows.shape[2], -1)
        add_windows(take_block(windows, axes, block), product(rows, pixels))
    if bias is not None:
        out += bias.reshape(-1, *(1,) * axes)
    return np.ascontiguousarray(crop(out, pads))


@np.errstate(invalid="ignore", over="ignore")
def weight_gradient(image, pixels, kernel_size, stride, pads, dilation, groups):
    """Sum, over samples and windows, of the pixel at each window times the window's numbers.

    A kernel entry is shared by all windows, so its gradient is one sum over all of them: the
    product of (C/g, samples * windows) and the windows of `image`, copied as for a convolution.
    """
    axes = len(kernel_size)
    windows = window_view(pad_zeros(image, pads), kernel_size, pixels.shape[2:], stride, dilation)
    out = np.zeros(
        (groups, pixels.shape[1] // groups, image.shape[1] // groups * math.prod(kernel_size)),
        image.dtype,
    )
    for block in window_blocks(windows, axes):
        columns = np.moveaxis(take_block(windows, axes, block), 0, -axes - 1)
        columns = columns.reshape(groups, out.shape[2], -1)
        rows = take_block(pixels, axes, block).swapaxes(0, 1).reshape(*out.shape[:2], -1)
        out += np.matmul(rows, np.ascontiguousarray(columns).swapaxes(1, 2))
    return out.reshape(pixels.shape[1], -1, *kernel_size)


@np.errstate(invalid="ignore", over="ignore")
def sum_of_maps(grad_out):
    """Gradient of a bias: it is added to every entry of its map, in every sample."""
    return grad_out.sum((0, *range(2, grad_out.ndim)))
