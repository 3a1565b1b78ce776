"""Windows to columns and back: `unfold` copies them out, `fold` adds them up (chapter 6).

Source: Chellapilla, Puri & Simard (2006), High Performance Convolutional Neural Networks for
Document Processing, section 3.
"""

import math

import numpy as np

from cnnbook import shapes
from cnnbook.checks import check_array, check_grad_out, check_memory, per_axis
from cnnbook.ops.gradients import InputGradient
from cnnbook.ops.windows import Plan, crop, slide, spread, surround


def unfold(x, kernel_size, dilation=1, padding=0, stride=1):
    """Copy every window of a batch of images to a column (im2col).

    `x` is (N, C, H, W) or (C, H, W), `padding` zeros on either side of an axis. The result, (N, C *
    kH * kW, windows) or (C * kH * kW, windows), has one column a window, windows counted row by
    row; a column runs through the channels, in each through the rows of the window.

    >>> unfold(np.arange(6.0).reshape(1, 2, 3), kernel_size=2)
    array([[0., 1.],
           [1., 2.],
           [3., 4.],
           [4., 5.]])
    """
    plan, shape = _plan_unfold(x, kernel_size, dilation, padding, stride)
    maps = x if x.ndim == 4 else x[np.newaxis]
    return slide(surround(maps, plan.pads), plan).copy().reshape(shape)


def unfold_backward(grad_out, x, kernel_size, dilation=1, padding=0, stride=1):
    """Take the gradient of `unfold`, the `fold` of `grad_out`: a pixel sums over its copies.

    >>> unfold_backward(np.ones((2, 2)), np.zeros((1, 1, 3)), kernel_size=(1, 2)).grad_x
    array([[[1., 2., 1.]]])
    """
    _, shape = _plan_unfold(x, kernel_size, dilation, padding, stride)
    check_grad_out(grad_out, x, shape)
    return InputGradient(fold(grad_out, x.shape[-2:], kernel_size, dilation, padding, stride))


def fold(x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Add columns up to images (col2im): the transpose of `unfold`.

    A pixel that lies in several windows gets the sum of its entries, so ``fold(unfold(x))`` is
    `x` times the number of windows over each pixel. `x` is as `unfold` returns it, `output_size`
    height and width of the images, `padding` rows and columns cut off on either side of the sum.

    >>> fold(np.array([[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]), (2, 3), kernel_size=2)
    array([[[0., 2., 2.],
            [3., 8., 5.]]])
    """
    plan, shape = _plan_fold(x, output_size, kernel_size, dilation, padding, stride)
    columns = x if x.ndim == 3 else x[np.newaxis]
    out = surround(np.zeros((len(columns), *shape[-3:]), x.dtype), plan.pads)
    windows = slide(out, plan, writeable=True)
    spread(windows, columns.reshape(windows.shape), axes=2)
    return np.ascontiguousarray(crop(out, plan.pads)).reshape(shape)


def fold_backward(grad_out, x, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Take the gradient of `fold`, the `unfold` of `grad_out`: an entry gets that of its pixel.

    >>> image = np.array([[[1.0, 2.0, 3.0]]])
    >>> fold_backward(image, np.zeros((2, 2)), (1, 3), kernel_size=(1, 2)).grad_x
    array([[1., 2.],
           [2., 3.]])
    """
    _, shape = _plan_fold(x, output_size, kernel_size, dilation, padding, stride)
    check_grad_out(grad_out, x, shape)
    return InputGradient(unfold(grad_out, kernel_size, dilation, padding, stride))


def _plan_unfold(x, *settings):
    """Check the arguments of `unfold`; return the plan of its windows and the output's shape."""
    check_array("x", x, (3, 4), shape="(N, C, H, W) or (C, H, W)", filled=-3)
    plan, positions = _plan(x.shape[-2:], *settings)
    whole = [n + sum(pair) for n, pair in zip(x.shape[-2:], plan.pads, strict=True)]
    check_memory((*x.shape[:-2], *whole), padding=plan.pads)
    column = x.shape[-3] * math.prod(plan.kernel_size)
    check_memory((*x.shape[:-3], column, *positions), kernel_size=plan.kernel_size)
    return plan, (*x.shape[:-3], column, math.prod(positions))


def _plan_fold(x, output_size, *settings):
    """Check the arguments of `fold`; return the plan of its windows and the output's shape."""
    shape = "(N, C * kH * kW, windows) or (C * kH * kW, windows)"
    check_array("x", x, (2, 3), shape=shape, filled=-2)
    size = _pair("output_size", output_size, 1)
    plan, positions = _plan(size, *settings)
    area, windows = math.prod(plan.kernel_size), math.prod(positions)
    if x.shape[-2] % area:
        raise ValueError(
            f"x has {x.shape[-2]} entries a column, no multiple of the {area} of kernel_size "
            f"{plan.kernel_size}"
        )
    if x.shape[-1] != windows:
        raise ValueError(
            f"x has {x.shape[-1]} columns, output_size {size} has {windows} windows {positions}"
        )
    whole = [n + sum(pair) for n, pair in zip(size, plan.pads, strict=True)]
    channels = x.shape[-2] // area
    check_memory((*x.shape[:-2], channels, *whole), output_size=size, padding=plan.pads)
    return plan, (*x.shape[:-2], channels, *size)


def _plan(size, kernel_size, dilation, padding, stride):
    """Read the settings of both as pairs; return the plan and the positions of the windows."""
    kernel_size, dilation = _pair("kernel_size", kernel_size, 1), _pair("dilation", dilation, 1)
    padding, stride = _pair("padding", padding, 0), _pair("stride", stride, 1)
    positions = shapes.output_size(size, kernel_size, stride, padding, dilation)
    return Plan(kernel_size, stride, dilation, [(p, p) for p in padding]), positions


def _pair(name, value, minimum):
    """Spread an int over height and width; as PyTorch here, but not elsewhere, refuse (3,)."""
    if isinstance(value, tuple | list) and len(value) != 2:
        raise ValueError(f"{name} has {len(value)} entries, expected 2: {value!r}")
    return per_axis(name, value, 2, minimum)
