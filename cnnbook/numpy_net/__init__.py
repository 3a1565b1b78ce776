"""Layers, a loss and optimisers that learn with NumPy alone, named as in `torch.nn` (chapter 7).

A layer is an operation of `cnnbook.ops` together with its settings and its parameters. `forward`
remembers its input, `backward` turns the gradient of the output into that of the input and leaves
those of the parameters in `gradients`. Departures from PyTorch: a backward replaces the gradients
instead of adding to them, so there is no `zero_grad`; an optimiser is given the network.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> network = Sequential(Linear(2, 8, rng=rng), Tanh(), Linear(8, 2, rng=rng))
>>> x, target = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([0, 1, 1, 0])
>>> loss, optimiser = CrossEntropyLoss(), SGD(network, lr=0.5, momentum=0.9)
>>> for _ in range(100):
...     value = loss.forward(network.forward(x), target)
...     _ = network.backward(loss.backward())
...     optimiser.step()
>>> network.forward(x).argmax(1)
array([0, 1, 1, 0])
"""
# ruff: noqa: F401 - what is imported here is what there is

from cnnbook.numpy_net.layers import (
    AvgPool2d,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    Tanh,
)
from cnnbook.numpy_net.learning import SGD, Adam, CrossEntropyLoss
from cnnbook.numpy_net.networks import lenet, simple_conv_net
