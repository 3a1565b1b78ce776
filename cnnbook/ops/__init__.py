"""NumPy reference operations with the names and the meaning of `torch.nn.functional`.

float64 and float32 are promised; float16 is refused.
"""
# ruff: noqa: F401 - what is imported here is what there is
# ruff: isort: skip_file
# fmt: off

from cnnbook.ops.columns import fold, fold_backward, unfold, unfold_backward
from cnnbook.ops.convolution import (
    conv1d, conv1d_backward, conv2d, conv2d_backward, conv2d_loops, conv3d, conv3d_backward,
    conv_transpose1d, conv_transpose1d_backward, conv_transpose2d, conv_transpose2d_backward,
    conv_transpose3d, conv_transpose3d_backward,
)
from cnnbook.ops.dense import linear, linear_backward
from cnnbook.ops.losses import (
    cross_entropy, cross_entropy_backward, log_softmax, log_softmax_backward, softmax,
    softmax_backward,
)
from cnnbook.ops.normalisation import local_response_norm, local_response_norm_backward
from cnnbook.ops.padding import pad, pad_backward
from cnnbook.ops.pointwise import (
    relu, relu_backward, sigmoid, sigmoid_backward, tanh, tanh_backward,
)
from cnnbook.ops.pooling import (
    adaptive_avg_pool1d, adaptive_avg_pool1d_backward, adaptive_avg_pool2d,
    adaptive_avg_pool2d_backward, adaptive_avg_pool3d, adaptive_avg_pool3d_backward,
    adaptive_max_pool1d, adaptive_max_pool1d_backward, adaptive_max_pool2d,
    adaptive_max_pool2d_backward, adaptive_max_pool3d, adaptive_max_pool3d_backward, avg_pool1d,
    avg_pool1d_backward, avg_pool2d, avg_pool2d_backward, avg_pool3d, avg_pool3d_backward,
    max_pool1d, max_pool1d_backward, max_pool2d, max_pool2d_backward, max_pool3d,
    max_pool3d_backward,
)
from cnnbook.ops.signal import convolve, correlate

__all__ = [name for name, value in globals().items() if hasattr(value, "__code__")]  # as above
