"""Slide from one face to another: a mix of codes beside a mix of pixels."""

from dataclasses import dataclass
from typing import ClassVar

import ipywidgets as widgets
import numpy as np
import torch
import torch.nn.functional as F

from cnnbook.figures.morphing import SMALL, STEPS, Morph, draw_morph
from cnnbook.widgets.explorer import LABELS, Explorer, factory
from cnnbook.widgets.latent_inputs import decode, encode, read_images, read_own, read_vae

COUNT = 12  # images to choose from


@dataclass(frozen=True, eq=False)
class MorphState:
    """See `morph`. `images`, `codes` and `thumbnails` hold what can be chosen, by name."""

    step_label: ClassVar = "t"
    interval: ClassVar = 120  # milliseconds a step

    model: torch.nn.Module
    images: dict
    codes: dict
    thumbnails: dict
    first: str
    second: str
    step: int = STEPS // 2

    def __post_init__(self):
        for name in ("first", "second"):
            if getattr(self, name) not in self.images:
                known = list(self.images)
                raise ValueError(f"{name} is {getattr(self, name)!r}, must be one of {known}")
        _ = self.morph  # refuses what cannot be

    @property
    def steps(self):
        """From t = 0 to t = 1, both included."""
        return STEPS + 1

    @property
    def morph(self):
        """The arithmetic of the picture."""
        chosen = self.first, self.second
        images, codes = ([table[name] for name in chosen] for table in (self.images, self.codes))
        return Morph(*images, *codes, self.step)

    def picture(self):
        """Decode the mix and the strip in one batch, and draw them."""
        morph = self.morph
        images = decode(self.model, np.concatenate([morph.code[None], morph.codes]))
        names = self.first, self.second
        return draw_morph(morph, images[0], images[1:], names, self.thumbnails)


@factory
def morph(first=None, second=None, model=None, *, images=None, t=0.5):
    """Open a slider from one image to another, along the straight line between their codes.

    Parameters
    ----------
    first, second : int, str, path or ndarray, optional
        Number of one of the images to choose from, the path of a picture, or a picture: values
        from 0 to 1, of shape (H, W), (H, W, 3) or (C, H, W). A picture is cut to a square and
        scaled to the size of the model. The first two of the images when not given.
    model : torch.nn.Module or {"digits", "faces"}, optional
        A variational autoencoder, which is set to evaluation mode; or a shipped one: that of the
        faces when not given.
    images : Images, tensor or ndarray of shape (N, C, H, W), optional
        What to choose from, the first twelve; rendered faces or digits when not given.
    t : float
        How far to go at the start, from 0 to 1; rounded to a fortieth.

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If the model is no such network, its weights are not here, or there is no such image.
    """
    model = read_vae("faces" if model is None else model)
    if not 0 <= t <= 1:
        raise ValueError(f"t is {t}, must be from 0 to 1")
    table, names = _choices(first, second, read_images(images, model, COUNT)[:COUNT])
    every = torch.stack(list(table.values()))
    small = F.interpolate(every, (SMALL, SMALL), mode="bilinear", antialias=True)
    images, thumbnails, codes = (
        dict(zip(table, values.numpy(), strict=True))
        for values in (every, small, encode(model, every)[0].double())
    )
    state = MorphState(model, images, codes, thumbnails, *names, round(t * STEPS))
    controls = {
        field: widgets.Dropdown(
            options=list(images), value=getattr(state, field), description=field, style=LABELS,
            layout=widgets.Layout(width="220px"),
        )
        for field in ("first", "second")
    }  # fmt: skip
    return Explorer(state, controls)


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
