"""Slide from one face to another: a mix of codes beside a mix of pixels."""

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from cnnbook.figures.morphing import SMALL, STEPS, Morph
from cnnbook.widgets.explorer import choice, explore, factory
from cnnbook.widgets.latent_inputs import decode, encode, read_images, read_own, read_vae

COUNT = 12  # images to choose from


@factory
def morph(first=None, second=None, model=None, *, images=None, t=0.5):
    """Open a slider from one image to another, along the straight line between their codes.

    Parameters
    ----------
    first, second : int, str, path or ndarray, optional
        Number of one of the images to choose from, the path of a picture, or a picture: values
        from 0 to 1, of shape (H, W), (H, W, 3) or (C, H, W). A picture is cut to a square and
        scaled to the size of the model. The first two of the images when not given.
    model : torch.nn.Module or {"digits", "portraits"}, optional
        A variational autoencoder, copied; or a shipped one: that of the portraits when not given.
    images : Images, tensor or ndarray of shape (N, C, H, W), optional
        What to choose from, the first twelve; portraits or digits when not given.
    t : float
        How far to go at the start, from 0 to 1; rounded to a fortieth.
    """
    model = read_vae("portraits" if model is None else model)
    if not 0 <= t <= 1:
        raise ValueError(f"t is {t}, must be from 0 to 1")
    table, chosen = _choices(first, second, read_images(images, model, COUNT)[:COUNT])
    every = torch.stack(list(table.values()))
    small = F.interpolate(every, (SMALL, SMALL), mode="bilinear", antialias=True)
    images, codes, thumbnails = (
        dict(zip(table, values.numpy(), strict=True))
        for values in (every, encode(model, every)[0].double(), small)
    )
    state = Morph(partial(decode, model), images, codes, thumbnails, *chosen, round(t * STEPS))
    names = choice(list(images), width="220px")
    return explore(state, page={}, first=names, second=names)


def _choices(first, second, images):
    """Return all images to choose from by name, and the names of the two that are chosen."""
    table, names = {f"image {n}": image for n, image in enumerate(images)}, []
    for default, (word, wanted) in enumerate((("first", first), ("second", second))):
        number = default if wanted is None else wanted
        if isinstance(number, int | np.integer):
            names.append(f"image {number}")
            if names[-1] not in table:
                raise ValueError(f"{word} is {number}, must be from 0 to {len(images) - 1}")
        else:
            names.append(f"your {word}")
            table[names[-1]] = read_own(wanted, images.shape[1:])
    return table, names
