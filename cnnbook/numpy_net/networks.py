"""Two small networks: one convolution with two dense layers, and LeNet."""

import math

import numpy as np

from cnnbook import shapes
from cnnbook.numpy_net import layers


def simple_conv_net(
    input_dim=(1, 28, 28), filter_num=30, filter_size=5, stride=1, pad=0, hidden_size=100,
    output_size=10, weight_init_std=0.01, *, rng=None, dtype=np.float32,
):  # fmt: skip
    """Build convolution, ReLU, 2×2 max pooling, dense layer, ReLU, dense layer.

    `input_dim` is (C, H, W) of one image. A row or column that the pooling cannot pair is left out;
    the softmax belongs to the loss. Weights are drawn from a normal distribution of the standard
    deviation `weight_init_std`; biases are 0. As given there are 433,890 parameters.
    """
    rng = np.random.default_rng() if rng is None else rng
    channels, *size = input_dim
    maps = shapes.output_size(tuple(size), filter_size, stride, pad)
    features = filter_num * math.prod(shapes.pool_output_size(maps, 2))
    drawn = {"rng": rng, "dtype": dtype}
    network = layers.Sequential(
        layers.Conv2d(channels, filter_num, filter_size, stride, pad, **drawn), layers.ReLU(),
        layers.MaxPool2d(2), layers.Flatten(),
        layers.Linear(features, hidden_size, **drawn), layers.ReLU(),
        layers.Linear(hidden_size, output_size, **drawn),
    )  # fmt: skip
    for array in network.parameters.values():
        array[...] = rng.normal(0, weight_init_std, array.shape) if array.ndim > 1 else 0
    return network


def lenet(
    in_channels=1, num_classes=10, padding=2, activation=layers.Tanh, pool=layers.AvgPool2d, *,
    rng=None, dtype=np.float32,
):  # fmt: skip
    """Build LeNet-5 in its modern form: 61,706 parameters for one channel and ten classes.

    Departures from the paper (LeCun et al., 1998, Proceedings of the IEEE 86(11), section II), as
    is usual: pooling without parameters, every map of the second convolution sees all six of the
    first, a plain tanh, and a dense layer at the end in place of radial basis functions. `padding`
    is 2 for images of 28×28, 0 for 32×32.
    """
    drawn = {"rng": np.random.default_rng() if rng is None else rng, "dtype": dtype}
    return layers.Sequential(
        layers.Conv2d(in_channels, 6, 5, padding=padding, **drawn), activation(), pool(2),
        layers.Conv2d(6, 16, 5, **drawn), activation(), pool(2),
        layers.Flatten(), layers.Linear(400, 120, **drawn), activation(),
        layers.Linear(120, 84, **drawn), activation(),
        layers.Linear(84, num_classes, **drawn),
    )  # fmt: skip
