"""A classifier that slides over larger images: dense layers become convolutions."""

import copy
import math

import torch
from torch import nn

from cnnbook.models.inception import Inception
from cnnbook.models.lenet5 import RadialBasis, ScaledTanh, Subsampling, TableConv2d

SLIDING = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, TableConv2d, Subsampling, Inception,
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
    nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d, nn.ZeroPad2d,
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LocalResponseNorm,
    nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
)  # fmt: skip
"""Layers that do the same at every place of a map: before `nn.Flatten` they stay as they are."""

POINTWISE = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Softplus,
    nn.Tanh, nn.Sigmoid, nn.Hardtanh, nn.Softsign, ScaledTanh,
    nn.Identity, nn.Dropout, RadialBasis,
)  # fmt: skip
"""Layers that stay as they are before it and after it."""


def fully_convolutional(model, input_size):
    """Turn a classifier, made for inputs of shape `input_size`, into one that slides over larger.

    The first dense layer becomes a convolution as large as the maps it was made for, the others
    become 1×1 convolutions, with the same numbers as weights.

    The result takes (N, C, H, W) to (N, classes, rows, columns): one vector of scores for each
    position of the window, which moves by the product of all strides. Where no layer pads, the
    scores equal those of the model on crops of the image, one every `jump` pixels, as
    `cnnbook.receptive_field.trace` gives it for the output. A layer that pads sees zeros beyond the
    border of a crop, but the neighbouring pixels in the large image, so that scores differ. For
    `LeNet` build ``LeNet(padding=0)``, whose crops are 32×32, with the state of one trained on
    padded 28×28 images.

    The model is an `nn.Sequential`: layers in a row, nested or not, with one `nn.Flatten` before
    its dense layers, such as `LeNet`, `AlexNet`, `MLP`. It stays as it is: the weights are copied.
    A layer that cannot slide is refused by name. `input_size` has no batch: (1, 28, 28).

    Matan et al. (1992), Multi-digit recognition using a space displacement neural network;
    Long, Shelhamer & Darrell (2015), arXiv:1411.4038, section 3.1.

    >>> from cnnbook.models import LeNet
    >>> slides = fully_convolutional(LeNet(padding=0), (1, 32, 32))
    >>> slides(torch.zeros(1, 1, 32, 48)).shape  # every 4 pixels: 0, 4, 8, 12, 16
    torch.Size([1, 10, 1, 5])
    """
    if not isinstance(model, nn.Sequential) or type(model).forward is not nn.Sequential.forward:
        row = "as nn.Sequential(net.features, net.avgpool, nn.Flatten(), net.classifier)"
        got = f"got {type(model).__name__}: put its parts in a row, {row}"
        raise TypeError(f"model must be an nn.Sequential, {got}")
    like = next(model.parameters(), torch.empty(0))
    x = torch.zeros(1, *input_size, dtype=like.dtype, device=like.device)
    layers, maps = [], None
    for name, layer in _rows(copy.deepcopy(model).eval()):
        if isinstance(layer, nn.Flatten):
            shape = tuple(x.shape[1:])
            if layer.start_dim != 1 or layer.end_dim not in (-1, x.ndim - 1):
                raise ValueError(f"layer {name!r} flattens only some of the axes of {shape}")
            maps = shape if maps is None else maps  # what a dense layer sees as one row
        else:
            layers += _converted(f"layer {name!r} ({type(layer).__name__})", layer, x, maps)
        if isinstance(layer, nn.Linear):
            maps = (layer.out_features, *[1] * (len(maps) - 1))
        x = _apply(name, layer, x)
    return nn.Sequential(*layers).train(model.training)


def _rows(model, prefix=""):
    for name, layer in model._modules.items():  # named_children() leaves out repeated ones
        if type(layer).forward is nn.Sequential.forward:
            yield from _rows(layer, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", layer


@torch.no_grad()
def _apply(name, layer, x):
    """Run one layer of the classifier, to know the next one's input."""
    try:
        return layer(x)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"layer {name!r} does not accept {tuple(x.shape[1:])}: {reason}") from None


def _converted(label, layer, x, maps):
    """The layers that take the place of one; `maps` is the shape that was flattened, if any."""
    if isinstance(layer, nn.Linear):
        if maps is None:
            raise ValueError(f"{label} stands before nn.Flatten: it mixes along one axis alone")
        return [_convolution(label, layer, maps)]
    for kind in ("AvgPool", "MaxPool"):
        if maps is None and f"Adaptive{kind}" in label:
            return _pooling(label, layer, x, kind)
    fits = (
        isinstance(layer, POINTWISE)
        or (isinstance(layer, SLIDING) and maps is None)
        or (isinstance(layer, (nn.Softmax, nn.LogSoftmax)) and layer.dim == 1)
        or (isinstance(layer, nn.Upsample) and layer.scale_factor is not None)
    )
    if fits:
        return [layer]
    raise ValueError(f"{label} is not known to do the same at every place of an image")


def _convolution(label, linear, maps):
    channels, *sizes = maps
    if linear.in_features != math.prod(maps):
        raise ValueError(f"{label} has {linear.in_features} inputs, it sees maps of {maps}")
    result = getattr(nn, f"Conv{len(sizes)}d")(channels, linear.out_features, tuple(sizes))
    result.weight = nn.Parameter(linear.weight.detach().reshape(result.weight.shape))
    result.bias = linear.bias  # None, too
    return result


def _pooling(label, layer, x, kind):
    """Adaptive pooling at the original size, as pooling with fixed windows."""
    sizes, bins = tuple(x.shape[2:]), tuple(_apply(label, layer, x).shape[2:])
    if sizes == bins:
        return []
    windows = tuple(size // count for size, count in zip(sizes, bins, strict=True))
    if any(w * count != size for w, count, size in zip(windows, bins, sizes, strict=True)):
        raise ValueError(f"{label} takes maps of {sizes} to {bins}: its windows are not all alike")
    return [getattr(nn, f"{kind}{len(sizes)}d")(windows)]
