"""What a backward returns, and the check that every backward makes on what it is given."""

from typing import NamedTuple

import numpy as np

from cnnbook.ops._arguments import check_array, check_same_dtype, narrow


class InputGradient(NamedTuple):
    """Gradient of an operation that learns nothing."""

    grad_x: np.ndarray


class Gradients(NamedTuple):
    """Gradients of an operation with a weight, each of the shape of what it belongs to."""

    grad_x: np.ndarray
    grad_weight: np.ndarray
    grad_bias: np.ndarray | None  # None where there is no bias


def check_grad_out(grad_out, x, shape):
    """Refuse what is no gradient of an output of `shape`, computed from `x`."""
    check_array("grad_out", grad_out, kinds="f")
    check_same_dtype(grad_out=grad_out, x=x)
    if grad_out.shape != tuple(shape):
        raise ValueError(f"grad_out has shape {grad_out.shape}, the output has {tuple(shape)}")


def add_at(grad_out, index, x):
    """Add each entry of `grad_out` to the entry of `x` that it came from; return that gradient.

    `index` numbers the entries of `x` row by row; a negative one stands for none.
    """
    from_x = index >= 0
    # bincount is the one sum over repeated indices that NumPy does fast; it sums in float64
    total = np.bincount(index[from_x], grad_out[from_x], minlength=x.size)
    return narrow(total.reshape(x.shape), x.dtype)
