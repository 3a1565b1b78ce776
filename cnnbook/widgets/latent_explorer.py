"""Move the latents of a variational autoencoder and see what it draws."""

from dataclasses import dataclass
from functools import cached_property

import ipywidgets as widgets
import numpy as np
import torch

from cnnbook.figures.cells import indexed
from cnnbook.figures.traversal import Traversal, draw_traversal
from cnnbook.models import kl_divergence
from cnnbook.widgets.explorer import LABELS, Explorer, factory
from cnnbook.widgets.latent_inputs import decode, encode, read_images, read_vae

SLIDERS = ("first", "second", "third", "fourth", "fifth", "sixth")
EACH = "each latent in a row"
MEAN = "the mean, all latents 0"
STARTS, RANDOM, COUNT = 12, 6, 300  # images and random codes to start from; images for the KL
STEP = 0.05  # of the sliders; the codes that they start from are rounded to it


@dataclass(frozen=True, eq=False)
class LatentState:
    """See `latent_explorer`.

    `first` to `sixth` are the values of the latents in `shown`. Another `start` sets them; `placed`
    is the start that they were set by.
    """

    model: torch.nn.Module
    kl: np.ndarray
    shown: tuple
    codes: dict
    origins: dict
    across: str
    down: str = EACH
    start: str = MEAN
    placed: str = ""
    first: float = 0.0
    second: float = 0.0
    third: float = 0.0
    fourth: float = 0.0
    fifth: float = 0.0
    sixth: float = 0.0

    def __post_init__(self):
        if self.start not in self.codes:
            raise ValueError(f"start is {self.start!r}, must be one of {list(self.codes)}")
        if self.placed != self.start:
            for name, latent in zip(SLIDERS, self.shown, strict=False):
                value = STEP * round(float(self.codes[self.start][latent]) / STEP)
                object.__setattr__(self, name, round(value, 2))
            object.__setattr__(self, "placed", self.start)
        _ = self.traversal  # refuses what cannot be

    @cached_property
    def bounds(self):
        """The range of the sliders: −3 to 3, or more if a code to start from needs it."""
        codes = np.stack(list(self.codes.values()))[:, list(self.shown)]
        reach = max(3, int(np.ceil(np.abs(codes).max())))
        return {name: (-reach, reach) for name, _ in zip(SLIDERS, self.shown, strict=False)}

    @property
    def code(self):
        """The code now: that of the start, with the sliders' values in it."""
        code = self.codes[self.start].copy()
        for name, latent in zip(SLIDERS, self.shown, strict=False):
            code[latent] = getattr(self, name)
        return code

    @cached_property
    def traversal(self):
        """The arithmetic of the picture."""
        names = {indexed("z", latent): latent for latent in self.shown}
        for field, value in (("across", self.across), ("down", self.down)):
            if value not in names and (field, value) != ("down", EACH):
                raise ValueError(f"{field} is {value!r}, must be one of {list(names)}")
        across, down = names[self.across], names.get(self.down)
        return Traversal(self.code, self.kl, self.shown, across, down, self.start)

    def picture(self):
        """Decode the code and its neighbours in one batch, and draw them."""
        codes = self.traversal.codes
        rows, columns, latents = codes.shape
        batch = np.concatenate([self.code[None], codes.reshape(-1, latents)])
        images = decode(self.model, batch)
        tiles = images[1:].reshape(rows, columns, *images.shape[1:])
        return draw_traversal(self.traversal, images[0], tiles, self.origins.get(self.start))


@factory
def latent_explorer(
    model=None, images=None, *, latents=None, across=None, down=None, start=0, seed=0
):
    """Open sliders for the latents of a variational autoencoder that carry most.

    Parameters
    ----------
    model : torch.nn.Module or {"digits", "faces"}, optional
        A variational autoencoder, such as `cnnbook.models.ConvVAE`, which is set to evaluation
        mode; or a shipped one: that of the digits when not given.
    images : Images, tensor or ndarray of shape (N, C, H, W), optional
        Values from 0 to 1: what each latent carries is averaged over them, and the first twelve
        are codes to start from. Digits or faces, if the model is for one of them, when not given.
    latents : sequence of int, optional
        Which ones get a slider, at most six; the six that carry most when not given.
    across : int, optional
        A latent with a slider; the first one when not given.
    down : int, optional
        Another one, for a grid of two; each latent has a row of its own when not given.
    start : int, optional
        Number of an image to start from; None for the mean of all codes.
    seed : int
        What decides the random codes.

    Returns
    -------
    Explorer

    Raises
    ------
    TypeError, ValueError
        If the model is no such network, its weights are not here, the images do not fit it, or
        there is no such latent or image.
    """
    model = read_vae("digits" if model is None else model)
    images = read_images(images, model, COUNT)
    mean, log_variance = encode(model, images)
    kl = kl_divergence(mean, log_variance, per_latent=True).mean(0).numpy()
    shown = _choose(latents, kl)
    codes, origins = _starts(images, mean.numpy(), seed)
    if start is not None and not 0 <= start < len(origins):
        raise ValueError(f"start is {start}, must be from 0 to {len(origins) - 1}")
    for name, latent in (("across", across), ("down", down)):
        if latent is not None and latent not in shown:
            raise ValueError(f"{name} is {latent}, the sliders are of {list(shown)}")
    state = LatentState(
        model, kl, shown, codes, origins,
        across=indexed("z", shown[0] if across is None else across),
        down=EACH if down is None else indexed("z", down),
        start=MEAN if start is None else f"image {start}",
    )  # fmt: skip
    return Explorer(state, _controls(state))


def _choose(latents, kl):
    """Return the latents that get a slider."""
    if latents is None:
        return tuple(int(latent) for latent in np.argsort(-kl, kind="stable")[: len(SLIDERS)])
    if not 1 <= len(latents) <= len(SLIDERS):
        raise ValueError(f"there are {len(latents)} latents, the sliders are 1 to {len(SLIDERS)}")
    if len(set(latents)) < len(latents):
        raise ValueError(f"latents is {list(latents)}: only {len(set(latents))} differ")
    for latent in latents:
        if not 0 <= latent < len(kl):
            raise ValueError(f"latents holds {latent}, must be from 0 to {len(kl) - 1}")
    return tuple(latents)


def _starts(images, mean, seed):
    """Return codes to start from by name, and the images that some of them are of."""
    random = np.random.default_rng(seed).standard_normal((RANDOM, mean.shape[1]))
    codes = {MEAN: np.zeros(mean.shape[1])}
    origins = {f"image {n}": images[n].numpy() for n in range(min(STARTS, len(images)))}
    codes |= {name: mean[n].astype(float) for n, name in enumerate(origins)}
    codes |= {f"random {n}": code for n, code in enumerate(random)}
    return codes, origins


def _controls(state):
    """A list of starts, two lists of latents, and a slider for each latent."""
    names = [indexed("z", latent) for latent in state.shown]
    lists = {
        "start": ("start from", list(state.codes), "250px"),
        "across": ("across", names, "130px"),
        "down": ("down", [EACH, *names], "220px"),
    }
    controls = {
        field: widgets.Dropdown(
            options=options, value=getattr(state, field), description=text, style=LABELS,
            layout=widgets.Layout(width=width),
        )
        for field, (text, options, width) in lists.items()
    }  # fmt: skip
    for field, name in zip(SLIDERS, names, strict=False):
        least, most = state.bounds[field]
        controls[field] = widgets.FloatSlider(
            getattr(state, field), min=least, max=most, step=STEP, description=name, style=LABELS,
            layout=widgets.Layout(width="290px"),
        )  # fmt: skip
    return controls
