"""What a backward returns."""

from typing import NamedTuple

import numpy as np


class InputGradient(NamedTuple):
    """Gradient of an operation that learns nothing."""

    grad_x: np.ndarray


class Gradients(NamedTuple):
    """Gradients of an operation with a weight, each of the shape and dtype of its array."""

    grad_x: np.ndarray
    grad_weight: np.ndarray
    grad_bias: np.ndarray | None  # None where there is no bias
