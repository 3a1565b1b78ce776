"""Free parameters of each layer on the way from dense to convolutional."""

import math

from cnnbook.derivation._arguments import size_tuple
from cnnbook.shapes import per_axis


def dense_parameters(input_size, output_size, *, bias=True):
    """Count the free parameters of a dense layer between maps.

    Parameters
    ----------
    input_size, output_size : tuple of int
        (H, W) and (H_out, W_out), in pixels.
    bias : bool
        Whether one bias a unit is counted.

    Returns
    -------
    int
        ``prod(output_size) * prod(input_size)``, plus ``prod(output_size)`` with biases.

    Raises
    ------
    TypeError, ValueError
        If a size is no tuple of positive integers.

    Examples
    --------
    >>> dense_parameters((100, 100), (100, 100), bias=False)
    100000000
    """
    units = math.prod(size_tuple("output_size", output_size))
    return units * (math.prod(size_tuple("input_size", input_size)) + bool(bias))


def locally_connected_parameters(output_size, kernel_size, *, bias=True):
    """Count the free parameters of a locally connected layer.

    Parameters
    ----------
    output_size, kernel_size : tuple of int
        (H_out, W_out) and (kH, kW), in pixels.
    bias : bool
        Whether one bias a unit is counted.

    Returns
    -------
    int
        ``prod(output_size) * prod(kernel_size)``, plus ``prod(output_size)`` with biases. Entries
        of a window that meet padding only count too.

    Raises
    ------
    TypeError, ValueError
        If a size is no tuple of positive integers.

    Examples
    --------
    >>> locally_connected_parameters((100, 100), (5, 5), bias=False)
    250000
    """
    units = math.prod(size_tuple("output_size", output_size))
    return units * (math.prod(size_tuple("kernel_size", kernel_size)) + bool(bias))


def shared_parameters(kernel_size, *, bias=True):
    """Count the free parameters of a convolution from one map to one map.

    Parameters
    ----------
    kernel_size : tuple of int
        (kH, kW), in pixels.
    bias : bool
        Whether the one bias, the same for all units, is counted.

    Returns
    -------
    int
        ``prod(kernel_size)``, plus 1 with the bias.

    Raises
    ------
    TypeError, ValueError
        If the size is no tuple of positive integers.

    Examples
    --------
    >>> shared_parameters((5, 5), bias=False)
    25
    """
    return math.prod(size_tuple("kernel_size", kernel_size)) + bool(bias)


def offset_parameters(input_size, output_size, *, stride=1, bias=True):
    """Count the free parameters of a layer that shares weights and sees the whole map.

    Parameters
    ----------
    input_size, output_size : tuple of int
        (H, W) and (H_out, W_out), in pixels.
    stride : int or tuple of int
        Step from the window of one unit to that of the next, in pixels.
    bias : bool
        Whether the one bias, the same for all units, is counted.

    Returns
    -------
    int
        One weight an offset from window to pixel: the product over the axes of
        ``size + (size_out - 1) * min(stride, size)``, plus 1 with the bias.

    Raises
    ------
    TypeError, ValueError
        If a size is no tuple of positive integers, or the numbers of axes differ.

    Examples
    --------
    >>> offset_parameters((6, 6), (6, 6), bias=False)
    121
    """
    size, units = size_tuple("input_size", input_size), size_tuple("output_size", output_size)
    if len(size) != len(units):
        raise ValueError(f"input_size has {len(size)} axes, output_size {len(units)}")
    stride = per_axis("stride", stride, len(size), minimum=1)
    axes = zip(size, units, stride, strict=True)
    return math.prod(n + (o - 1) * min(s, n) for n, o, s in axes) + bool(bias)
