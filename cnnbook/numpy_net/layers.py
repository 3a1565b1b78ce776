"""Layers: operations of `cnnbook.ops` with their settings, their parameters and a memory."""

import math

import numpy as np

from cnnbook import ops
from cnnbook.checks import check_memory, per_axis
from cnnbook.shapes import conv_parameters, linear_parameters


class Layer:
    """An operation of `cnnbook.ops` with its settings and, if it learns, its parameters.

    `parameters` and `gradients`, those of the last backward, are arrays under torch's names
    ("weight", "bias").
    """

    operation = ""  # its name in cnnbook.ops

    def __init__(self, **settings):
        self.settings = settings
        self.parameters, self.gradients = {}, {}

    def forward(self, x):
        """Apply the operation to a batch; remember the batch."""
        self.x = x
        return getattr(ops, self.operation)(x, *self.parameters.values(), **self.settings)

    def backward(self, grad_out):
        """Return the gradient of the last input, keep those of the parameters."""
        backward = getattr(ops, f"{self.operation}_backward")
        grads = backward(grad_out, self.x, *self.parameters.values(), **self.settings)
        self.gradients = dict(zip(self.parameters, grads[1:], strict=False))  # maybe no bias
        return grads.grad_x

    def state(self):
        """Copy the parameters: names and arrays, as in the `state_dict` of the torch module."""
        return {name: array.copy() for name, array in self.parameters.items()}

    def load(self, state):
        """Overwrite the parameters with arrays of the same names and shapes; keep the dtypes."""
        own = self.parameters
        if set(state) != set(own):
            raise ValueError(f"state has {sorted(state)}, the network has {sorted(own)}")
        for name, array in state.items():
            if np.shape(array) != own[name].shape:
                shapes = f"{np.shape(array)}, expected {own[name].shape}"
                raise ValueError(f"{name} has shape {shapes}")
        for name, array in state.items():
            own[name][...] = array

    def _draw(self, shape, bias, rng, dtype):
        """Draw weight and bias as torch's layers do: uniform, up to ``1 / sqrt(fan_in)``."""
        check_memory(shape, weight=shape)
        rng = np.random.default_rng() if rng is None else rng
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        for name, size in (("weight", shape), ("bias", shape[0]))[: 1 + bool(bias)]:
            self.parameters[name] = rng.uniform(-bound, bound, size).astype(dtype)


class Conv2d(Layer):
    """Convolution with a learned weight, see `cnnbook.ops.conv2d`."""

    operation = "conv2d"

    def __init__(
        self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1,
        bias=True, *, rng=None, dtype=np.float32,
    ):  # fmt: skip
        super().__init__(stride=stride, padding=padding, dilation=dilation, groups=groups)
        kernel = per_axis("kernel_size", kernel_size, 2, minimum=1)
        conv_parameters(in_channels, out_channels, kernel, groups=groups)  # refuses what is none
        shape = (int(out_channels), int(in_channels) // int(groups), *kernel)
        self._draw(shape, bias, rng, dtype)


class Linear(Layer):
    """Dense layer, see `cnnbook.ops.linear`."""

    operation = "linear"

    def __init__(self, in_features, out_features, bias=True, *, rng=None, dtype=np.float32):
        super().__init__()
        linear_parameters(in_features, out_features)  # refuses what is no size
        self._draw((int(out_features), int(in_features)), bias, rng, dtype)


class _Pool2d(Layer):
    def __init__(self, kernel_size, stride=None, padding=0, **settings):
        super().__init__(kernel_size=kernel_size, stride=stride, padding=padding, **settings)


class MaxPool2d(_Pool2d):
    """Max pooling, see `cnnbook.ops.max_pool2d` for more settings."""

    operation = "max_pool2d"


class AvgPool2d(_Pool2d):
    """Average pooling, see `cnnbook.ops.avg_pool2d` for more settings."""

    operation = "avg_pool2d"


class ReLU(Layer):
    """Negative numbers to 0."""

    operation = "relu"


class Tanh(Layer):
    """Hyperbolic tangent."""

    operation = "tanh"


class Flatten(Layer):
    """Turn each sample into one row of features."""

    def forward(self, x):
        """Join all axes but the first."""
        self.shape = x.shape
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def backward(self, grad_out):
        """Give the gradient the shape of the input."""
        return grad_out.reshape(self.shape)


class Sequential(Layer):
    """Layers one after the other; the parameters of layer 3 are "3.weight" and "3.bias"."""

    def __init__(self, *layers):
        self.layers = layers

    @property
    def parameters(self):
        """Parameters of all layers: the arrays themselves, no copies."""
        return self._gather("parameters")

    @property
    def gradients(self):
        """Gradients of all layers, under the names of the parameters."""
        return self._gather("gradients")

    def _gather(self, kind):
        each = [(i, getattr(layer, kind)) for i, layer in enumerate(self.layers)]
        return {f"{i}.{name}": array for i, arrays in each for name, array in arrays.items()}

    def forward(self, x):
        """Run the layers, first to last."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad_out):
        """Run the layers backwards, last to first."""
        for layer in reversed(self.layers):
            grad_out = layer.backward(grad_out)
        return grad_out
