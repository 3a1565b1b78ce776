"""A face detector, and one that also learns what faces there are: the debiasing VAE."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.models.coders import ConvDecoder, ConvEncoder
from cnnbook.models.vae import VAE
from cnnbook.models.variational import reparameterise, vae_loss
from cnnbook.recording import evaluating

FACE = 1
"""The label of a face; 0 is anything else."""


class DebiasingOutput(NamedTuple):
    """What a `DebiasingVAE` makes of a batch of images: a `VAEOutput` with a logit."""

    logit: torch.Tensor
    """(N,): above 0 means a face."""
    x: torch.Tensor
    """(N, C, H, W)"""
    reconstruction: torch.Tensor
    """(N, C, H, W): logits of the pixels."""
    mean: torch.Tensor
    """(N, latents)"""
    log_variance: torch.Tensor
    """(N, latents): log σ²."""
    z: torch.Tensor
    """(N, latents)"""


class FaceClassifier(nn.Module):
    """The standard CNN: `ConvEncoder` and one logit, (N, C, H, W) to (N,).

    Parameters
    ----------
    shape : tuple of int
        (C, H, W) of an image.
    width : int
        Channels of the first of four layers; each next one has twice as many.
    """

    def __init__(self, shape=(3, 64, 64), width=12):
        super().__init__()
        self.encoder = ConvEncoder(shape, width)
        self.to_logit = nn.Linear(self.encoder.features, 1)

    def forward(self, x):
        """Return one logit per image: positive for a face."""
        return self.to_logit(self.encoder(x))[:, 0]

    def classify(self, x):
        """Return the logits (N,), in evaluation mode."""
        with evaluating(self):
            return self(x)


class DebiasingVAE(VAE):
    """A VAE whose encoder also says whether there is a face.

    The path from image to logit is layer for layer that of `FaceClassifier`.

    Parameters
    ----------
    latents : int
    shape : tuple of int
        (C, H, W) of an image.
    width : int
        Channels of the encoder's first layer.
    decoder_width : int
        Channels of the decoder's largest maps. It takes more time than the encoder: a narrow one
        pays.

    References
    ----------
    Amini, Soleimany, Schwarting, Bhatia & Rus (2019), Uncovering and Mitigating Algorithmic Bias
    through Learned Latent Structure, AIES, doi:10.1145/3306618.3314243.

    Examples
    --------
    >>> DebiasingVAE()(torch.zeros(2, 3, 64, 64)).logit.shape
    torch.Size([2])
    """

    def __init__(self, latents=20, shape=(3, 64, 64), width=12, decoder_width=8):
        decoder = ConvDecoder(latents, shape, decoder_width)
        super().__init__(ConvEncoder(shape, width), decoder, latents)
        self.to_logit = nn.Linear(self.encoder.features, 1)

    def forward(self, x, generator=None):
        """Decide, encode, draw a latent and decode it."""
        features = self.encoder(x)
        mean, log_variance = self.to_latent(features).chunk(2, 1)
        z = reparameterise(mean, log_variance, generator)
        logit = self.to_logit(features)[:, 0]
        return DebiasingOutput(logit, x, self.decoder(z), mean, log_variance, z)

    def classify(self, x):
        """Return the logits (N,), in evaluation mode; nothing is decoded."""
        with evaluating(self):
            return self.to_logit(self.encoder(x))[:, 0]


def face_loss(logit, labels):
    """Average the binary cross-entropy over all images.

    Parameters
    ----------
    logit : tensor of shape (N,)
    labels : tensor of shape (N,)
        1 for a face, 0 for anything else.

    Returns
    -------
    tensor of shape ()

    Raises
    ------
    ValueError
        If the shapes differ, or a label is neither 0 nor 1.
    """
    _check(logit, labels)
    return F.binary_cross_entropy_with_logits(logit, (labels == FACE).to(logit.dtype))


def _check(logit, labels):
    """Refuse shapes that differ, which would be broadcast to N×N, and labels of other classes."""
    if logit.ndim != 1 or labels.shape != logit.shape:
        raise ValueError(
            f"labels has shape {tuple(labels.shape)}, logit {tuple(logit.shape)}, "
            "expected (N,) for both"
        )
    for wrong in labels[(labels != 0) & (labels != FACE)][:1].tolist():
        raise ValueError(f"labels holds {wrong}, must be {FACE} for a face or 0")


def debiasing_loss(output, labels, *, kl_weight=1.0, vae_weight=1e-3, likelihood="l1"):
    """Add the classification loss of all images and the VAE's loss of the faces.

    L = L_y + vae_weight · 1[y = face] · (kl_weight · KL + reconstruction error), averaged over all
    images: a non-face counts with 0 for the second part.

    Parameters
    ----------
    output : DebiasingOutput
    labels : tensor of shape (N,)
        1 for a face, 0 for anything else.
    kl_weight, vae_weight : float
        The second one weighs some thousand pixels against one decision.
    likelihood : {"l1", "l2", "bernoulli"}
        See `cnnbook.models.variational.reconstruction_error`.

    Returns
    -------
    tensor of shape ()

    Raises
    ------
    ValueError
        As `face_loss` and `cnnbook.models.variational.reconstruction_error`.

    References
    ----------
    Amini et al. (2019), equation 3, doi:10.1145/3306618.3314243.
    """
    total, faces = face_loss(output.logit, labels), labels == FACE
    if faces.any():
        seen = output._replace(
            **{name: getattr(output, name)[faces] for name in output._fields if name != "logit"}
        )
        loss = vae_loss(seen, kl_weight=kl_weight, likelihood=likelihood)
        total = total + vae_weight * faces.float().mean() * loss
    return total


def count_faces_right(output, labels):
    """Count the right answers, for the `correct` of `cnnbook.training.fit`.

    Parameters
    ----------
    output : DebiasingOutput, or tensor of shape (N,)
        Logits: above 0 means a face.
    labels : tensor of shape (N,)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As `face_loss`.
    """
    logit = output if isinstance(output, torch.Tensor) else output.logit
    _check(logit, labels)
    return float(((logit > 0) == (labels == FACE)).sum())
