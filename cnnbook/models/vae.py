"""Autoencoders, plain and variational, of dense layers and of convolutions."""

import itertools
import math
from typing import NamedTuple

import torch
from torch import nn

from cnnbook.models.building import Stack, remembered
from cnnbook.models.variational import reparameterise
from cnnbook.recording import evaluating

# ---------------------------------------------------------------- images to features, and back


class DenseEncoder(Stack):
    """Flatten an image, and one dense layer: (N, C, H, W) to (N, features)."""

    def __init__(self, shape=(1, 28, 28), hidden=400):
        super().__init__(nn.Flatten(), nn.Linear(math.prod(shape), hidden), nn.ReLU())
        self.features = hidden


class DenseDecoder(Stack):
    """Two dense layers: (N, latents) to (N, C, H, W), the logits of the pixels."""

    def __init__(self, latents, shape=(1, 28, 28), hidden=400):
        first, last = nn.Linear(latents, hidden), nn.Linear(hidden, math.prod(shape))
        super().__init__(first, nn.ReLU(), last, nn.Unflatten(1, shape))


class ConvEncoder(Stack):
    """Convolutions of stride 2, each followed by batch normalisation and ReLU, then flatten.

    Each layer halves the maps, down to 4 or an odd number of pixels, and doubles the channels,
    `width` after the first: 28×28 becomes 14×14, 7×7; 64×64 becomes 32×32, 16×16, 8×8, 4×4. The
    result is (N, features).
    """

    def __init__(self, shape=(1, 28, 28), width=16):
        channels, sizes = plan_sizes(shape, width)
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
    """

    def __init__(self, latents, shape=(1, 28, 28), width=16):
        channels, sizes = plan_sizes(shape, width)
        smallest = (channels[-1], *sizes[-1])
        layers = [nn.Linear(latents, math.prod(smallest)), nn.Unflatten(1, smallest)]
        for before, after in itertools.pairwise(channels[::-1]):
            layers += [nn.ReLU(), nn.ConvTranspose2d(before, after, 4, 2, padding=1)]
        super().__init__(*layers)


def plan_sizes(shape, width):
    """List channels and sizes of the maps, from the image to the smallest."""
    channels, sizes = [shape[0]], [tuple(shape[1:])]
    while all(pixels % 2 == 0 and pixels > 4 for pixels in sizes[-1]):
        sizes.append(tuple(pixels // 2 for pixels in sizes[-1]))
        channels.append(width * 2 ** (len(sizes) - 2))
    if len(sizes) == 1:
        size = "×".join(map(str, sizes[0]))
        raise ValueError(f"images of {size} cannot be halved, expected even sizes > 4")
    return channels, sizes


# ---------------------------------------------------------------- what codes are good for


class _Coding(nn.Module):
    """What can be done with codes: the common part of autoencoders, which bring ``code(x)``.

    An encoder takes (N, C, H, W) to (N, features) and has the attribute `features`; a decoder
    takes (N, latents) to logits (N, C, H, W). An image (C, H, W) or a code (latents,) will do
    where pictures start.
    """

    def __init__(self, encoder, decoder, latents):
        super().__init__()
        self.encoder, self.decoder, self.latents = encoder, decoder, latents

    def decode(self, z):
        """Turn codes (N, latents) into pixel values from 0 to 1, (N, C, H, W)."""
        return self.decoder(z).sigmoid()

    def reconstruct(self, x):
        """Show images (N, C, H, W) as they come back from their codes, nothing drawn."""
        with evaluating(self):
            return self.decode(self.code(x))

    def traverse(self, start, latent, values):
        """Give one latent of a code many values: pixel values (len(values), C, H, W)."""
        if not 0 <= latent < self.latents:
            raise ValueError(f"latent is {latent}, must be from 0 to {self.latents - 1}")
        with evaluating(self):
            z = self._code_of(start).repeat(len(values), 1)
            z[:, latent] = torch.as_tensor(values, dtype=z.dtype)
            return self.decode(z)

    def interpolate(self, first, second, steps):
        """Morph one image into another, along the straight line between their codes.

        Both ends are among the `steps` pictures.
        """
        if steps < 2:
            raise ValueError(f"steps is {steps}, must be at least 2")
        with evaluating(self):
            first, second = self._code_of(first), self._code_of(second)
            share = torch.linspace(0, 1, steps).to(first)[:, None]
            return self.decode((1 - share) * first + share * second)

    def _code_of(self, start):
        if start.ndim == 3:
            return self.code(start[None])
        if start.shape != (self.latents,):
            shape = tuple(start.shape)
            raise ValueError(f"start has shape {shape}, expected (C, H, W) or ({self.latents},)")
        return start[None]


class AutoencoderOutput(NamedTuple):
    """What an autoencoder makes of a batch of images: fields of `VAEOutput`."""

    x: torch.Tensor
    reconstruction: torch.Tensor
    z: torch.Tensor


@remembered
class DenseAutoencoder(_Coding):
    """Squeeze images through a code and draw them again: nothing is random.

    Of dense layers: 784-400-2-400-784 as given, 630,386 parameters.
    """

    def __init__(self, latents=2, hidden=400, shape=(1, 28, 28)):
        super().__init__(DenseEncoder(shape, hidden), DenseDecoder(latents, shape, hidden), latents)
        self.to_code = nn.Linear(self.encoder.features, latents)

    def encode(self, x):
        """Return the codes (N, latents) of images."""
        return self.to_code(self.encoder(x))

    code = encode

    def forward(self, x):
        """Encode and decode."""
        z = self.encode(x)
        return AutoencoderOutput(x, self.decoder(z), z)


# ---------------------------------------------------------------- variational


class Latent(NamedTuple):
    """What the encoder says of each image: a normal distribution over the codes."""

    mean: torch.Tensor  # (N, latents)
    log_variance: torch.Tensor  # (N, latents): log σ², neither σ nor σ²


class VAEOutput(NamedTuple):
    """What a `VAE` makes of a batch of images."""

    x: torch.Tensor  # (N, C, H, W): the images themselves, for the loss to compare with
    reconstruction: torch.Tensor  # logits: pixels are their sigmoid, whatever the likelihood
    mean: torch.Tensor  # (N, latents)
    log_variance: torch.Tensor  # (N, latents): log σ², neither σ nor σ²
    z: torch.Tensor  # (N, latents): drawn from N(mean, σ²)


class VAE(_Coding):
    """Encode an image as a normal distribution, draw a code from it, and decode that.

    A forward pass draws in evaluation mode, too: only so is the loss an estimate of the bound.
    `reconstruct`, `traverse` and `interpolate` take the means.

    Kingma & Welling (2014), Auto-Encoding Variational Bayes, arXiv:1312.6114.
    """

    def __init__(self, encoder, decoder, latents):
        super().__init__(encoder, decoder, latents)
        self.to_latent = nn.Linear(encoder.features, 2 * latents)

    def encode(self, x):
        """Return mean and log-variance of the codes of images, each (N, latents)."""
        return Latent(*self.to_latent(self.encoder(x)).chunk(2, 1))

    def code(self, x):
        """Return the means of the codes, (N, latents)."""
        return self.encode(x).mean

    def forward(self, x, generator=None):
        """Encode, draw a latent and decode it."""
        mean, log_variance = self.encode(x)
        z = reparameterise(mean, log_variance, generator)
        return VAEOutput(x, self.decoder(z), mean, log_variance, z)

    def sample(self, count, generator=None):
        """Draw codes from N(0, I) and decode them: the means of the pixels, not drawn from them."""
        parameter = next(self.parameters())
        with evaluating(self):
            return self.decode(torch.randn(count, self.latents, generator=generator).to(parameter))


@remembered
class DenseVAE(VAE):
    """A variational autoencoder of dense layers: 784-400-2·2, 2-400-784 as given."""

    def __init__(self, latents=2, hidden=400, shape=(1, 28, 28)):
        super().__init__(DenseEncoder(shape, hidden), DenseDecoder(latents, shape, hidden), latents)


@remembered
class ConvVAE(VAE):
    """A variational autoencoder of a `ConvEncoder` and a `ConvDecoder`."""

    def __init__(self, latents=20, shape=(1, 28, 28), width=16):
        super().__init__(ConvEncoder(shape, width), ConvDecoder(latents, shape, width), latents)
