"""Autoencoders, plain and variational, of dense layers and of convolutions."""

from typing import NamedTuple

import torch
from torch import nn

from cnnbook.models.coders import ConvDecoder, ConvEncoder, DenseDecoder, DenseEncoder
from cnnbook.models.variational import reparameterise
from cnnbook.recording import evaluating


class Latent(NamedTuple):
    """What the encoder says of each image: a normal distribution over the codes."""

    mean: torch.Tensor
    """(N, latents)"""
    log_variance: torch.Tensor
    """(N, latents): log σ², neither σ nor σ²."""


class AutoencoderOutput(NamedTuple):
    """What an `Autoencoder` makes of a batch of images."""

    x: torch.Tensor
    """(N, C, H, W): the images themselves, for the loss to compare with."""
    reconstruction: torch.Tensor
    """(N, C, H, W): logits. The pixels are their sigmoid, whatever the likelihood."""
    z: torch.Tensor
    """(N, latents)"""


class VAEOutput(NamedTuple):
    """What a `VAE` makes of a batch of images."""

    x: torch.Tensor
    """(N, C, H, W): the images themselves, for the loss to compare with."""
    reconstruction: torch.Tensor
    """(N, C, H, W): logits. The pixels are their sigmoid, whatever the likelihood."""
    mean: torch.Tensor
    """(N, latents)"""
    log_variance: torch.Tensor
    """(N, latents): log σ², neither σ nor σ²."""
    z: torch.Tensor
    """(N, latents): drawn from N(mean, σ²)."""


class _Coding(nn.Module):
    """What can be done with codes: the common part of autoencoders, which bring ``encode(x)``.

    Parameters
    ----------
    encoder : torch.nn.Module
        (N, C, H, W) to (N, features), with the attribute `features`.
    decoder : torch.nn.Module
        (N, latents) to logits (N, C, H, W).
    latents : int
    """

    def __init__(self, encoder, decoder, latents):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.latents = latents

    def code(self, x):
        """Return one code for each image, (N, latents)."""
        return self.encode(x)

    def decode(self, z):
        """Turn codes (N, latents) into pixel values from 0 to 1, (N, C, H, W)."""
        return self.decoder(z).sigmoid()

    def reconstruct(self, x):
        """Show images (N, C, H, W) as they come back from their codes, nothing drawn."""
        with evaluating(self):
            return self.decode(self.code(x))

    def traverse(self, start, latent, values):
        """Give one latent of a code many values.

        Parameters
        ----------
        start : tensor of shape (C, H, W) or (latents,)
            An image, or a code.
        latent : int
            Which one.
        values : sequence of float

        Returns
        -------
        tensor of shape (len(values), C, H, W)
            Pixel values.

        Raises
        ------
        ValueError
            If there is no such latent, or `start` is neither image nor code.
        """
        if not 0 <= latent < self.latents:
            raise ValueError(f"latent is {latent}, must be from 0 to {self.latents - 1}")
        with evaluating(self):
            z = self._code_of(start).repeat(len(values), 1)
            z[:, latent] = torch.as_tensor(values, dtype=z.dtype)
            return self.decode(z)

    def interpolate(self, first, second, steps):
        """Morph one image into another, along the straight line between their codes.

        Parameters
        ----------
        first, second : tensor of shape (C, H, W) or (latents,)
            Images, or codes.
        steps : int
            Pictures, both ends included.

        Returns
        -------
        tensor of shape (steps, C, H, W)
            Pixel values.

        Raises
        ------
        ValueError
            If `steps` is below 2, or an end is neither image nor code.
        """
        if steps < 2:
            raise ValueError(f"steps is {steps}, must be at least 2")
        with evaluating(self):
            first, second = self._code_of(first), self._code_of(second)
            share = torch.linspace(0, 1, steps).to(first)[:, None]
            return self.decode((1 - share) * first + share * second)

    def _code_of(self, start):
        """Return a code of shape (1, latents), of an image if that is what it is."""
        if start.ndim == 3:
            return self.code(start[None])
        if start.shape != (self.latents,):
            shape = tuple(start.shape)
            raise ValueError(f"start has shape {shape}, expected (C, H, W) or ({self.latents},)")
        return start[None]


class Autoencoder(_Coding):
    """Squeeze images through a code and draw them again: nothing is random.

    Parameters
    ----------
    encoder : torch.nn.Module
        (N, C, H, W) to (N, features), with the attribute `features`.
    decoder : torch.nn.Module
        (N, latents) to logits (N, C, H, W).
    latents : int
    """

    def __init__(self, encoder, decoder, latents):
        super().__init__(encoder, decoder, latents)
        self.to_code = nn.Linear(encoder.features, latents)

    def encode(self, x):
        """Return the codes (N, latents) of images."""
        return self.to_code(self.encoder(x))

    def forward(self, x):
        """Encode and decode."""
        z = self.encode(x)
        return AutoencoderOutput(x, self.decoder(z), z)


class VAE(_Coding):
    """Encode an image as a normal distribution, draw a code from it, and decode that.

    A forward pass draws in evaluation mode, too: only so is the loss an estimate of the bound.
    `reconstruct`, `traverse` and `interpolate` take the means.

    Parameters
    ----------
    encoder : torch.nn.Module
        (N, C, H, W) to (N, features), with the attribute `features`.
    decoder : torch.nn.Module
        (N, latents) to logits (N, C, H, W).
    latents : int

    References
    ----------
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
        """Draw codes from N(0, I) and decode them.

        Parameters
        ----------
        count : int
        generator : torch.Generator, optional
            Else the global random numbers.

        Returns
        -------
        tensor of shape (count, C, H, W)
            Pixel values: the means of the pixels, not drawn from them.
        """
        parameter = next(self.parameters())
        with evaluating(self):
            return self.decode(torch.randn(count, self.latents, generator=generator).to(parameter))


class DenseAutoencoder(Autoencoder):
    """An autoencoder of dense layers: 784-400-2-400-784 as given, 630,386 parameters.

    Parameters
    ----------
    latents, hidden : int
    shape : tuple of int
        (C, H, W) of an image.
    """

    def __init__(self, latents=2, hidden=400, shape=(1, 28, 28)):
        super().__init__(DenseEncoder(shape, hidden), DenseDecoder(latents, shape, hidden), latents)


class DenseVAE(VAE):
    """A variational autoencoder of dense layers: 784-400-2·2, 2-400-784 as given.

    Parameters
    ----------
    latents, hidden : int
    shape : tuple of int
        (C, H, W) of an image.

    Examples
    --------
    >>> DenseVAE().sample(3).shape
    torch.Size([3, 1, 28, 28])
    """

    def __init__(self, latents=2, hidden=400, shape=(1, 28, 28)):
        super().__init__(DenseEncoder(shape, hidden), DenseDecoder(latents, shape, hidden), latents)


class ConvAutoencoder(Autoencoder):
    """An autoencoder of convolutions, see `ConvEncoder` and `ConvDecoder`.

    Parameters
    ----------
    latents : int
    shape : tuple of int
        (C, H, W) of an image.
    width : int
        Channels of the largest maps.
    """

    def __init__(self, latents=20, shape=(1, 28, 28), width=16):
        super().__init__(ConvEncoder(shape, width), ConvDecoder(latents, shape, width), latents)


class ConvVAE(VAE):
    """A variational autoencoder of convolutions, see `ConvEncoder` and `ConvDecoder`.

    Parameters
    ----------
    latents : int
    shape : tuple of int
        (C, H, W) of an image.
    width : int
        Channels of the largest maps.

    Examples
    --------
    >>> ConvVAE(shape=(3, 64, 64)).encode(torch.zeros(2, 3, 64, 64)).mean.shape
    torch.Size([2, 20])
    """

    def __init__(self, latents=20, shape=(1, 28, 28), width=16):
        super().__init__(ConvEncoder(shape, width), ConvDecoder(latents, shape, width), latents)
