"""What explorers of codes need: a variational autoencoder and images for it, checked."""

import copy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.datasets import mnist_small, photograph, portraits
from cnnbook.luminance import luminance
from cnnbook.models import pretrained

SHAPES = {"digits": (1, 28, 28), "portraits": (3, 48, 48)}
SHIPPED = {"digits": "vae_conv", "portraits": "portraits_aligned"}
NEW_PORTRAITS = 5001  # a seed whose faces the shipped network has not seen


def read_vae(model):
    """Load a shipped network, "digits" or "portraits", or check the reader's own.

    That has ``encode(x)``, which returns something with `mean` and `log_variance`, and
    ``decode(z)``, which returns pixel values; what is returned is a copy in evaluation mode.
    """
    if isinstance(model, str):
        if model not in SHIPPED:
            raise ValueError(f"model is {model!r}, must be {' or '.join(map(repr, SHIPPED))}")
        return pretrained(SHIPPED[model])
    if not (isinstance(model, nn.Module) and hasattr(model, "encode") and hasattr(model, "decode")):
        raise TypeError(f"model is a {type(model).__name__}, expected encode and decode of a VAE")
    return copy.deepcopy(model).eval()  # a cell may train the reader's own meanwhile


def decode(model, codes):
    """Decode an array (N, latents) without gradients into one (N, C, H, W)."""
    with torch.inference_mode():
        return model.decode(torch.from_numpy(np.asarray(codes, dtype=np.float32))).numpy()


def encode(model, images):
    """Encode images without gradients into their mean and log-variance, each (N, latents)."""
    try:
        with torch.inference_mode():
            latent = model.encode(images)
    except (RuntimeError, ValueError) as error:
        shape = tuple(images.shape)
        raise ValueError(f"the model does not take images of {shape}: {error}") from error
    if not hasattr(latent, "log_variance"):  # a plain code, of a model that is not variational
        kind = type(latent).__name__
        raise TypeError(f"encode returns a {kind}, expected mean and log_variance")
    return latent.mean, latent.log_variance


def read_images(images, model, count):
    """Check images of values from 0 to 1, or choose up to `count` of what a model draws."""
    if images is None:
        return _default_images(model, count)
    images = torch.as_tensor(getattr(images, "images", images), dtype=torch.float32)
    if images.ndim != 4:
        raise ValueError(f"images has {images.ndim} axes, expected 4: (N, C, H, W)")
    if not len(images):
        raise ValueError("images holds 0 images, expected 1 at least")
    _require_range("images", images)
    return images


def _default_images(model, count):
    if not hasattr(model, "latents"):
        raise TypeError(f"the {type(model).__name__} does not say its latents: pass images")
    shape = decode(model, np.zeros((1, model.latents))).shape[1:]
    if shape == SHAPES["digits"]:
        return mnist_small().test.images[:count]
    if shape == SHAPES["portraits"]:
        return portraits(count, seed=NEW_PORTRAITS).images
    raise ValueError(f"the model draws {shape}, for which there are no images here: pass some")


def read_own(source, shape):
    """Turn the reader's own picture into an image of the size that a model takes.

    It is a file, or values from 0 to 1 of shape (H, W), (H, W, 3) or (C, H, W); the largest square
    in its middle is scaled to `shape`, which is (C, H, W).
    """
    if isinstance(source, str | Path):
        source = photograph(source, grey=False)
    image = torch.as_tensor(source, dtype=torch.float32)
    if image.ndim == 2:
        image = image[None]
    elif image.ndim == 3 and image.shape[2] == 3:
        image = image.permute(2, 0, 1)
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        given = tuple(image.shape)
        raise ValueError(f"the picture has shape {given}, expected (H, W), (H, W, 3) or (C, H, W)")
    _require_range("the picture", image)
    if image.shape[0] > shape[0]:
        image = torch.from_numpy(luminance(image.permute(1, 2, 0).numpy())).float()[None]
    height, width = image.shape[1:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[None, :, top : top + side, left : left + side]
    if (side, side) != tuple(shape[1:]):
        square = F.interpolate(square, shape[1:], mode="bilinear", antialias=True)
    return square[0].expand(*shape).clamp(0, 1)


def _require_range(name, values):
    least, most = float(values.min()), float(values.max())
    if not (least >= 0 and most <= 1):
        raise ValueError(f"{name} holds {least:g} to {most:g}, expected 0 to 1")
