"""A face detector, and one that also learns what faces there are: the debiasing VAE."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.models.building import remembered
from cnnbook.models.vae import VAE, ConvDecoder, ConvEncoder, VAEOutput
from cnnbook.models.variational import reparameterise, vae_loss
from cnnbook.recording import evaluating

FACE = 1
"""The label of a face; 0 is anything else."""


class DebiasingOutput(NamedTuple):
    """What a `DebiasingVAE` makes of a batch of images: a logit, and the fields of `VAEOutput`."""

    logit: torch.Tensor  # (N,): above 0 means a face
    x: torch.Tensor
    reconstruction: torch.Tensor
    mean: torch.Tensor
    log_variance: torch.Tensor
    z: torch.Tensor


@remembered
class FaceClassifier(nn.Module):
    """The standard CNN: `ConvEncoder`, `width` channels in its first layer, and one logit."""

    def __init__(self, shape=(3, 64, 64), width=12):
        super().__init__()
        self.encoder = ConvEncoder(shape, width)
        self.to_logit = nn.Linear(self.encoder.features, 1)

    def forward(self, x):
        """Return one logit per image, (N,): positive for a face."""
        return self.to_logit(self.encoder(x))[:, 0]

    def classify(self, x):
        """Return the logits (N,), in evaluation mode."""
        with evaluating(self):
            return self(x)


@remembered
class DebiasingVAE(VAE):
    """A VAE whose encoder also says whether there is a face.

    The path from image to logit is layer for layer that of `FaceClassifier`. The decoder takes
    more time than the encoder: a narrow one, `decoder_width` channels in its largest maps, pays.

    Amini, Soleimany, Schwarting, Bhatia & Rus (2019), Uncovering and Mitigating Algorithmic Bias
    through Learned Latent Structure, AIES, doi:10.1145/3306618.3314243.

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
    """Average the binary cross-entropy of logits and labels, both (N,): 1 for a face, else 0."""
    _check(logit, labels)
    return F.binary_cross_entropy_with_logits(logit, (labels == FACE).to(logit.dtype))


def _check(logit, labels):
    """Refuse shapes that differ, which would be broadcast to N×N, and labels of other classes."""
    if logit.ndim != 1 or labels.shape != logit.shape:
        shapes = f"{tuple(labels.shape)}, logit {tuple(logit.shape)}"
        raise ValueError(f"labels has shape {shapes}, expected (N,) for both")
    for wrong in labels[(labels != 0) & (labels != FACE)][:1].tolist():
        raise ValueError(f"labels holds {wrong}, must be {FACE} for a face or 0")


def debiasing_loss(output, labels, *, kl_weight=1.0, vae_weight=1e-3, likelihood="l1"):
    """Add the classification loss of all images and the VAE's loss of the faces.

    L = L_y + vae_weight · 1[y = face] · (kl_weight · KL + reconstruction error), averaged over all
    images: a non-face counts with 0 for the second part. `vae_weight` weighs some thousand pixels
    against one decision.

    Amini et al. (2019), equation 3, doi:10.1145/3306618.3314243.
    """
    total, faces = face_loss(output.logit, labels), labels == FACE
    if not faces.any():
        return total
    seen = VAEOutput(*(part[faces] for part in output[1:]))
    loss = vae_loss(seen, kl_weight=kl_weight, likelihood=likelihood)
    return total + vae_weight * faces.float().mean() * loss


def count_faces_right(output, labels):
    """Count the right answers of logits or a `DebiasingOutput`: the `correct` of `fit`."""
    logit = output if isinstance(output, torch.Tensor) else output.logit
    _check(logit, labels)
    return float(((logit > 0) == (labels == FACE)).sum())
