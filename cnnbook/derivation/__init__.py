"""From the dense layer to the convolution: 4-D weights, offsets, locality, sharing (chapter 1).

Everything here is one map: an image of shape (H, W) in, one of shape (H_out, W_out) out, no
channels. Each layer is a dense layer with constraints on its weight matrix, and `weight_pattern`
shows the constraints: which cells of the matrix hold the same number, and which hold none.
"""

from cnnbook.derivation.counts import (
    dense_parameters,
    locally_connected_parameters,
    offset_parameters,
    shared_parameters,
)
from cnnbook.derivation.layers import dense, from_offsets, locally_connected, to_offsets
from cnnbook.derivation.pattern import local_weights, place, toeplitz, weight_pattern

__all__ = [
    "dense",
    "dense_parameters",
    "from_offsets",
    "local_weights",
    "locally_connected",
    "locally_connected_parameters",
    "offset_parameters",
    "place",
    "shared_parameters",
    "to_offsets",
    "toeplitz",
    "weight_pattern",
]
