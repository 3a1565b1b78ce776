"""Encoders from images to features, and decoders from latents back to images."""

import itertools
import math

from torch import nn

from cnnbook.models._stack import Stack


class DenseEncoder(Stack):
    """Flatten an image, and one dense layer: (N, C, H, W) to (N, features).

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of an image.
    hidden : int
        Units, which are the features.
    """

    def __init__(self, shape=(1, 28, 28), hidden=400):
        super().__init__(nn.Flatten(), nn.Linear(math.prod(shape), hidden), nn.ReLU())
        self.features = hidden


class DenseDecoder(Stack):
    """Two dense layers: (N, latents) to (N, C, H, W), the logits of the pixels.

    Parameters
    ----------
    latents : int
    shape : tuple of int
        (C, H, W) of an image.
    hidden : int
        Units between the two.
    """

    def __init__(self, latents, shape=(1, 28, 28), hidden=400):
        super().__init__(
            nn.Linear(latents, hidden),
            nn.ReLU(),
            nn.Linear(hidden, math.prod(shape)),
            nn.Unflatten(1, shape),
        )


class ConvEncoder(Stack):
    """Convolutions of stride 2, each followed by batch normalisation and ReLU, then flatten.

    Each layer halves the maps, down to 4 or an odd number of pixels, and doubles the channels:
    28×28 becomes 14×14, 7×7; 64×64 becomes 32×32, 16×16, 8×8, 4×4. The result is (N, features).

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of an image.
    width : int
        Channels of the first layer.
    """

    def __init__(self, shape=(1, 28, 28), width=16):
        channels, sizes = _plan(shape, width)
        layers = []
        for before, after in itertools.pairwise(channels):
            # batch normalisation takes the mean away: a bias would have no effect
            layers += [nn.Conv2d(before, after, 3, 2, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.ReLU()]
        super().__init__(*layers, nn.Flatten())
        self.features = channels[-1] * math.prod(sizes[-1])


class ConvDecoder(Stack):
    """A dense layer and transposed convolutions: (N, latents) to (N, C, H, W), logits.

    The sizes of `ConvEncoder` backwards. Kernels of 4×4 with stride 2 cover every pixel equally
    often, so that they leave no chequered pattern. Nothing is normalised here: in `DebiasingVAE`
    the codes of non-faces come along in a batch, and must not change what is made of faces.

    Parameters
    ----------
    latents : int
    shape : tuple of int
        (C, H, W) of an image.
    width : int
        Channels before the last layer.
    """

    def __init__(self, latents, shape=(1, 28, 28), width=16):
        channels, sizes = _plan(shape, width)
        smallest = (channels[-1], *sizes[-1])
        layers = [nn.Linear(latents, math.prod(smallest)), nn.Unflatten(1, smallest)]
        for before, after in itertools.pairwise(channels[::-1]):
            layers += [nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, padding=1)]
        super().__init__(*layers)


def _plan(shape, width):
    """List channels and sizes of the maps, from the image to the smallest."""
    size, channels = shape[1:], [shape[0]]
    sizes = [tuple(size)]
    while all(pixels % 2 == 0 and pixels > 4 for pixels in sizes[-1]):
        sizes.append(tuple(pixels // 2 for pixels in sizes[-1]))
        channels.append(width * 2 ** (len(sizes) - 2))
    if len(sizes) == 1:
        raise ValueError(f"images of {size[0]}×{size[1]} cannot be halved, expected even sizes > 4")
    return channels, sizes
