"""A VAE whose faces have eyes: for heads that all look from one place."""

import itertools

import torch
from torch import nn

from cnnbook.models.building import Stack, remembered
from cnnbook.models.vae import VAE, ConvEncoder, plan_sizes
from cnnbook.models.variational import vae_loss

MADE_FOR = (
    "This network has only seen heads that a program drew, 48×48 pixels, all of one size in one "
    "place, turned by at most 25 degrees. What comes back is the drawn head that it takes your "
    "picture for. It was never tried on photographs of people, and it recognises nobody."
)


class NormalisedDecoder(Stack):
    """A `ConvDecoder` with batch normalisation before each ReLU, and a last 3×3 convolution.

    Normalised maps learn the small parts of a face in a few thousand steps. All images of a batch
    must be alike for that: in a debiasing VAE, whose batches hold non-faces, they are not.
    """

    def __init__(self, latents, shape=(3, 48, 48), width=24):
        channels, sizes = plan_sizes(shape, width)
        smallest = (channels[-1], *sizes[-1])
        features = smallest[0] * smallest[1] * smallest[2]
        layers = [nn.Linear(latents, features), nn.Unflatten(1, smallest)]
        for before, after in itertools.pairwise([*channels[:0:-1], width // 2]):
            layers += [nn.BatchNorm2d(before), nn.ReLU()]
            layers += [nn.ConvTranspose2d(before, after, 4, 2, padding=1)]
        super().__init__(*layers, nn.ReLU(), nn.Conv2d(width // 2, shape[0], 3, padding=1))


@remembered
class PortraitVAE(VAE):
    """A variational autoencoder of `portraits`: `ConvEncoder` and `NormalisedDecoder`."""

    def __init__(self, latents=64, shape=(3, 48, 48), width=24):
        decoder = NormalisedDecoder(latents, shape, width)
        super().__init__(ConvEncoder(shape, width), decoder, latents)
        self.shape = tuple(shape)

    def reconstruct(self, x):
        """Show images (N, C, H, W), or the picture in a file, as they come back from their codes.

        Of a file the middle square is taken, (1, C, H, W), and a line says what the network was
        made for.
        """
        if isinstance(x, torch.Tensor):
            return super().reconstruct(x)
        x = self.read(x)
        print(MADE_FOR)
        return super().reconstruct(x)

    def read(self, file):
        """Read the middle of a picture file in the size of the network's images: (1, C, H, W)."""
        from cnnbook.datasets.pictures import read_picture

        return torch.from_numpy(read_picture(file, self.shape[1:]))[None]


def edge_error(x, reconstruction):
    """Sum how much neighbours differ otherwise than in the images: (N, C, H, W) to (N,).

    L1 of the differences between horizontal and vertical neighbours. A blurred eye costs little
    in its pixels and much in its edges.
    """
    if x.shape != reconstruction.shape:
        shapes = f"x has shape {tuple(x.shape)}, reconstruction {tuple(reconstruction.shape)}"
        raise ValueError(shapes)
    wrong = reconstruction.sigmoid() - x
    return sum(wrong.diff(dim=axis).abs().flatten(1).sum(1) for axis in (2, 3))


def portrait_loss(output, labels=None, *, kl_weight=0.1, edge_weight=2.0):
    """Add `edge_weight` · `edge_error` to the `vae_loss` with likelihood "l1".

    With it the loss is no bound on log p(x): no density of the pixels has this error.
    """
    edges = edge_error(output.x, output.reconstruction).mean()
    return vae_loss(output, kl_weight=kl_weight) + edge_weight * edges
