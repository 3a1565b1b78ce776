"""Checks that the layers make on what they are given."""

import numpy as np

from cnnbook.shapes import output_size, per_axis


def check(name, value, axes, expected):
    """Refuse what is no array of numbers with one of the given numbers of axes."""
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
    if value.dtype.kind not in "fiuc":
        raise TypeError(f"{name} must hold numbers, got dtype {value.dtype}")
    if value.ndim not in axes:
        raise ValueError(f"{name} has {value.ndim} axes {value.shape}, expected {expected}")


def check_bias(bias, shape):
    """Refuse a bias that has not one number a unit; None stands for no bias."""
    if bias is not None:
        check("bias", bias, (2,), "(H_out, W_out)")
        if bias.shape != shape:
            raise ValueError(f"bias has shape {bias.shape}, weight gives an output of {shape}")


def check_units(name, units, size, kernel, stride, padding):
    """Refuse weights for other than one unit a window."""
    windows = output_size(size, kernel, stride, padding)
    if units != windows:
        raise ValueError(f"{name} has {units} units, an input of {size} has {windows} windows")


def window_axes(input_size, kernel_size, stride, padding):
    """Check the sizes; return (size, kernel, stride, padding, windows) of each axis."""
    size, kernel = size_tuple("input_size", input_size), size_tuple("kernel_size", kernel_size)
    if len(size) != len(kernel):
        raise ValueError(f"input_size has {len(size)} axes, kernel_size {len(kernel)}")
    stride = per_axis("stride", stride, len(size), minimum=1)
    padding = per_axis("padding", padding, len(size), minimum=0)
    count = output_size(size, kernel, stride, padding)
    return list(zip(size, kernel, stride, padding, count, strict=True))


def size_tuple(name, value):
    """Refuse an int: elsewhere it means a square, along one axis it would mean a line."""
    if not isinstance(value, (tuple, list)) or not value:
        raise TypeError(f"{name} must be a tuple with one int an axis, got {value!r}")
    return per_axis(name, value, len(value), minimum=1)
