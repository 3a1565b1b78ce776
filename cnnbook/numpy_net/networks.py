"""Two small networks: one convolution with two dense layers, and LeNet."""

import math

import numpy as np

from cnnbook.numpy_net.layers import (
    AvgPool2d,
    Conv2d,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    Tanh,
)
from cnnbook.shapes import output_size as window_count
from cnnbook.shapes import pool_output_size


def simple_conv_net(
    input_dim=(1, 28, 28), filter_num=30, filter_size=5, stride=1, pad=0, hidden_size=100,
    output_size=10, weight_init_std=0.01, *, rng=None, dtype=np.float32,
):  # fmt: skip
    """Build convolution, ReLU, 2×2 max pooling, dense layer, ReLU, dense layer.

    The softmax belongs to the loss, `CrossEntropyLoss`. A row or column that the pooling cannot
    pair is left out.

    Parameters
    ----------
    input_dim : tuple of three ints
        (C, H, W) of one image.
    filter_num, filter_size, stride, pad, hidden_size, output_size : int
        Of the convolution: output channels, kernel_size, stride and padding; outputs of the two
        dense layers.
    weight_init_std : float
        Weights are drawn from a normal distribution of this standard deviation; biases are 0.
    rng : numpy.random.Generator, optional
        What draws them; a new one when not given.

    >>> sum(a.size for a in simple_conv_net().parameters.values())  # 780 + 432100 + 1010
    433890
    """
    rng = np.random.default_rng() if rng is None else rng
    channels, *size = input_dim
    maps = pool_output_size(window_count(tuple(size), filter_size, stride, pad), 2)
    network = Sequential(
        Conv2d(channels, filter_num, filter_size, stride, pad, rng=rng, dtype=dtype),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Linear(filter_num * math.prod(maps), hidden_size, rng=rng, dtype=dtype),
        ReLU(),
        Linear(hidden_size, output_size, rng=rng, dtype=dtype),
    )
    for name, array in network.parameters.items():
        weights = name.endswith("weight")
        array[...] = rng.normal(0, weight_init_std, array.shape) if weights else 0
    return network


def lenet(
    in_channels=1, num_classes=10, padding=2, activation=Tanh, pool=AvgPool2d, *, rng=None,
    dtype=np.float32,
):  # fmt: skip
    """Build LeNet-5 in its modern form: 61,706 parameters for one channel and ten classes.

    Departures from the paper (LeCun, Bottou, Bengio & Haffner, 1998, Proceedings of the IEEE
    86(11), section II), as is usual: pooling without parameters, every map of the second
    convolution sees all six of the first, a plain tanh, and a dense layer at the end in place of
    radial basis functions. `padding` is that of the first convolution: 2 for images of 28×28, 0 for
    32×32. `Tanh` and `AvgPool2d` are close to the paper, `ReLU` and `MaxPool2d` what is used today.

    >>> sum(a.size for a in lenet().parameters.values())
    61706
    """
    drawn = {"rng": np.random.default_rng() if rng is None else rng, "dtype": dtype}
    return Sequential(
        Conv2d(in_channels, 6, 5, padding=padding, **drawn),
        activation(),
        pool(2),
        Conv2d(6, 16, 5, **drawn),
        activation(),
        pool(2),
        Flatten(),
        Linear(400, 120, **drawn),
        activation(),
        Linear(120, 84, **drawn),
        activation(),
        Linear(84, num_classes, **drawn),
    )
