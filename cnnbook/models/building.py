"""How a network is built: it remembers its arguments, and a slice of it is a plain row."""

import functools
import inspect

from torch import nn

NETWORKS = {}
"""Name to class: the networks that a file of weights may ask for, see `remembered`."""


def remembered(network):
    """Let each network of a class keep the arguments that it was built with.

    They stand in its attribute `arguments`, and `cnnbook.models.save_weights` writes them down:
    so ``type(net)(**net.arguments)`` is the same network, untrained.
    """
    build = network.__init__
    signature = inspect.signature(build)

    @functools.wraps(build)
    def __init__(self, *args, **kwargs):
        build(self, *args, **kwargs)
        _, *given = signature.bind(self, *args, **kwargs).arguments.items()  # without self
        self.arguments = dict(given)

    network.__init__ = __init__
    NETWORKS[network.__name__] = network
    return network


class Stack(nn.Sequential):
    """An `nn.Sequential` that a network can inherit from.

    A slice of an `nn.Sequential` is made by calling its class with the layers, which a network
    whose arguments are numbers cannot understand: so slices are plain here.
    """

    def __getitem__(self, index):
        """Return one layer, or a plain `nn.Sequential` of the same layers for a slice."""
        if isinstance(index, slice):
            return nn.Sequential(*list(self)[index])
        return super().__getitem__(index)
