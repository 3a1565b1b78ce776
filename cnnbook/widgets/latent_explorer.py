"""Move the latents of a variational autoencoder and see what it draws."""

from functools import partial

import numpy as np

from cnnbook.figures.numbers import indexed
from cnnbook.figures.traversal import EACH, MEAN, ROWS, STEP, Traversal
from cnnbook.models import kl_divergence
from cnnbook.widgets.explorer import choice, explore, factory, sliders
from cnnbook.widgets.latent_inputs import decode, encode, read_images, read_vae

STARTS, RANDOM, COUNT = 12, 6, 300  # images and random codes to start from; images for the KL


@factory
def latent_explorer(
    model=None, images=None, *, latents=None, across=None, down=None, start=0, seed=0
):
    """Open sliders for the latents of a variational autoencoder that carry most.

    Parameters
    ----------
    model : torch.nn.Module or {"digits", "portraits"}, optional
        A variational autoencoder, such as `cnnbook.models.ConvVAE`, copied; or a shipped one: that
        of the digits when not given.
    images : Images, tensor or ndarray of shape (N, C, H, W), optional
        Values from 0 to 1: what each latent carries is averaged over them, and the first twelve
        are codes to start from. Digits or portraits, if the model draws these, when not given.
    latents : sequence of int, optional
        Which ones get a slider, at most six; the six that carry most when not given.
    across, down : int, optional
        The first of them, and another one for a grid of two; else each has a row of its own.
    start : int, optional
        Number of an image to start from; None for the mean of all codes.
    seed : int
        What decides the random codes.
    """
    model = read_vae("digits" if model is None else model)
    images = read_images(images, model, COUNT)
    mean, log_variance = encode(model, images)
    kl = kl_divergence(mean, log_variance, per_latent=True).mean(0).numpy()
    latents = np.argsort(-kl, kind="stable")[:ROWS].tolist() if latents is None else latents
    starts, origins = _starts(images, mean.numpy().astype(float), seed)
    if start is not None and not 0 <= start < len(origins):
        raise ValueError(f"start is {start}, must be from 0 to {len(origins) - 1}")
    across = next(iter(latents), 0) if across is None else across
    down, start = EACH if down is None else down, MEAN if start is None else f"image {start}"
    code = partial(decode, model), kl, starts, origins
    state = Traversal(*code, tuple(latents), across, down, start)
    names = {indexed("z", latent): latent for latent in state.latents}
    return explore(
        state,
        page={"start": ...},
        start=choice(list(starts), "start from"),
        across=choice(names, width="130px"),
        down=choice({"each latent in a row": EACH} | names, width="220px"),
        values=sliders(names, *state.bounds["values"], step=STEP),
    )


def _starts(images, mean, seed):
    """Return codes to start from by name, and the images that some of them are of."""
    random = np.random.default_rng(seed).standard_normal((RANDOM, mean.shape[1]))
    origins = {f"image {n}": images[n].numpy() for n in range(min(STARTS, len(images)))}
    starts = {MEAN: np.zeros(mean.shape[1])} | dict(zip(origins, mean, strict=False))
    return starts | {f"random {n}": code for n, code in enumerate(random)}, origins
