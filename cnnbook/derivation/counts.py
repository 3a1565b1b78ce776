"""Free parameters of each layer on the way from dense to convolutional.

Sizes are tuples, one int an axis: (H, W) or (L,), in pixels. `bias` counts the biases, too.
"""

import math

from cnnbook.checks import per_axis, size_tuple


def dense_parameters(input_size, output_size, *, bias=True):
    """Count the weights from every pixel to every unit, and one bias a unit.

    >>> dense_parameters((100, 100), (100, 100), bias=False)
    100000000
    """
    units = math.prod(size_tuple("output_size", output_size))
    return units * (math.prod(size_tuple("input_size", input_size)) + bool(bias))


def locally_connected_parameters(output_size, kernel_size, *, bias=True):
    """Count the weights of one kernel a unit, and one bias a unit.

    Entries of a window that meet padding only count too.

    >>> locally_connected_parameters((100, 100), (5, 5), bias=False)
    250000
    """
    units = math.prod(size_tuple("output_size", output_size))
    return units * (math.prod(size_tuple("kernel_size", kernel_size)) + bool(bias))


def shared_parameters(kernel_size, *, bias=True):
    """Count the weights of a convolution from one map to one map, and its one bias.

    >>> shared_parameters((5, 5), bias=False)
    25
    """
    return math.prod(size_tuple("kernel_size", kernel_size)) + bool(bias)


def offset_parameters(input_size, output_size, *, stride=1, bias=True):
    """Count the weights of a layer that shares them and sees the whole map, and its one bias.

    There is one an offset from window to pixel: the product over the axes of
    ``size + (size_out - 1) * min(stride, size)``.

    >>> offset_parameters((6, 6), (6, 6), bias=False)
    121
    """
    size, units = size_tuple("input_size", input_size), size_tuple("output_size", output_size)
    if len(size) != len(units):
        raise ValueError(f"input_size has {len(size)} axes, output_size {len(units)}")
    stride = per_axis("stride", stride, len(size), minimum=1)
    axes = zip(size, units, stride, strict=True)
    return math.prod(n + (o - 1) * min(s, n) for n, o, s in axes) + bool(bias)
