"""NumPy reference operations with the names and the meaning of `torch.nn.functional`."""

from cnnbook.ops._convolution import conv1d, conv2d, conv3d

__all__ = [
    "conv1d",
    "conv2d",
    "conv3d",
]
