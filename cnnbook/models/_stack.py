"""Layers in a row, whose slices are plain rows of layers."""

from torch import nn


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
