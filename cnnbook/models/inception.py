"""The Inception module: four branches side by side, and a small network made of it."""

from collections import OrderedDict

import torch
from torch import nn

from cnnbook.models.building import Stack, remembered


class ConvUnit(nn.Sequential):
    """A convolution and ReLU; with `batch_norm` between them the bias is left out."""

    def __init__(
        self, in_channels, out_channels, kernel_size, *, stride=1, padding=0, batch_norm=False
    ):
        settings = {"stride": stride, "padding": padding, "bias": not batch_norm}
        layers = OrderedDict(conv=nn.Conv2d(in_channels, out_channels, kernel_size, **settings))
        if batch_norm:
            layers["bn"] = nn.BatchNorm2d(out_channels, eps=0.001)  # torchvision's eps
        layers["relu"] = nn.ReLU()
        super().__init__(layers)
        self.kernel_size, self.stride = self.conv.kernel_size, self.conv.stride  # for `summary`


class Inception(nn.Module):
    """Four branches that see the same maps; their outputs are stacked along the channels.

    The branches are a 1×1 convolution; a 1×1 and a 3×3; a 1×1 and a 5×5; a 3×3 maximum and a 1×1.
    ReLU follows every convolution. `out_channels` is ``conv1 + conv3 + conv5 + pool``.

    These four are output channels of the branches; `pool` is None where the fourth has no 1×1
    convolution. `reduce3` and `reduce5` are channels of the bottlenecks before the 3×3 and the
    5×5; None leaves one out, as in the paper's "naïve version". `large_kernel`, odd, is that of
    the third branch: 5, or 3 as in torchvision. `batch_norm` normalises after each convolution,
    whose biases are then left out.

    Szegedy et al. (2015), Going deeper with convolutions, arXiv:1409.4842, section 4, figure 2.

    >>> lean = Inception(192, 64, 96, 128, 16, 32, 32)  # GoogLeNet's 3a
    >>> wide = Inception(192, 64, None, 128, None, 32, 32)
    >>> [sum(p.numel() for p in net.parameters()) for net in (lean, wide)]  # with biases
    [163696, 393472]
    """

    def __init__(
        self, in_channels, conv1, reduce3, conv3, reduce5, conv5, pool, *, large_kernel=5,
        batch_norm=False,
    ):  # fmt: skip
        super().__init__()
        style = {"batch_norm": batch_norm}
        self.branch1 = ConvUnit(in_channels, conv1, 1, **style)
        self.branch2 = _branch(in_channels, reduce3, conv3, 3, style)
        self.branch3 = _branch(in_channels, reduce5, conv5, large_kernel, style)
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1))
        if pool is not None:
            self.branch4.append(ConvUnit(in_channels, pool, 1, **style))
        self.out_channels = conv1 + conv3 + conv5 + (in_channels if pool is None else pool)

    def forward(self, x):
        """Take (N, in_channels, H, W) to (N, out_channels, H, W)."""
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], 1)


def _branch(in_channels, reduced, out_channels, kernel_size, style):
    layers = [] if reduced is None else [ConvUnit(in_channels, reduced, 1, **style)]
    channels = in_channels if reduced is None else reduced
    last = ConvUnit(channels, out_channels, kernel_size, padding=kernel_size // 2, **style)
    return nn.Sequential(*layers, last)


@remembered
class SmallInception(Stack):
    """Three Inception modules for images of 28×28 or 32×32: 66,754 parameters as given.

    One convolution and a pooling, two modules, a pooling, a third module, the mean of each map,
    and a single dense layer. The parameters are those for three channels and ten classes, with
    biases. `width` is a factor to the number of channels; dropout comes before the dense layer.
    """

    def __init__(self, in_channels=3, num_classes=10, *, width=1.0, batch_norm=False, dropout=0.0):
        def channels(*counts):
            return [max(1, round(count * width)) for count in counts]

        style, (stem,) = {"batch_norm": batch_norm}, channels(32)
        first = Inception(stem, *channels(16, 16, 32, 8, 16, 16), **style)
        second = Inception(first.out_channels, *channels(24, 24, 48, 8, 16, 16), **style)
        third = Inception(second.out_channels, *channels(48, 32, 64, 8, 24, 24), **style)
        parts = {"stem": ConvUnit(in_channels, stem, 3, padding=1, **style)}
        parts |= {"pool1": nn.MaxPool2d(3, 2, padding=1), "inception1": first, "inception2": second}
        parts |= {"pool2": nn.MaxPool2d(3, 2, padding=1), "inception3": third}
        parts |= {"avgpool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
        parts |= {"dropout": nn.Dropout(dropout), "fc": nn.Linear(third.out_channels, num_classes)}
        super().__init__(OrderedDict(parts))
