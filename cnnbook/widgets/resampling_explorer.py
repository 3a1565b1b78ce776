"""Smooth a latent distribution more or less, and see which faces are drawn for it."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import ipywidgets as widgets
import numpy as np
import torch

from cnnbook.datasets import AttributedImages, biased, face_groups, faces
from cnnbook.datasets.faces.attributes import RARE_GROUPS
from cnnbook.datasets.faces.difficulty import HARD
from cnnbook.figures.cells import indexed
from cnnbook.figures.resampling import Resampling
from cnnbook.figures.resampling_drawing import draw_resampling
from cnnbook.models import pretrained
from cnnbook.training import latent_means, resampling_probabilities
from cnnbook.widgets.explorer import LABELS, Explorer, factory

COUNT, DRAWS = 400, 20  # rendered faces; draws to step through
LEARNED = 2000  # seed of the faces that the shipped network learned from
BINS = 10
ALPHAS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, float("inf"))


@dataclass(frozen=True, eq=False)
class ResamplingState:
    """See `resampling_explorer`; `latent` is the name of one, such as z₃."""

    step_label: ClassVar = "draw"

    means: np.ndarray
    images: np.ndarray
    groups: np.ndarray
    names: tuple
    alpha: float
    latent: str
    combine: str = "max"
    bins: int = BINS
    step: int = 0

    def __post_init__(self):
        known = [indexed("z", number) for number in range(self.means.shape[1])]
        if self.latent not in known:
            raise ValueError(f"latent is {self.latent!r}, must be one of {', '.join(known)}")
        if not 0 <= self.step < DRAWS:
            raise ValueError(f"step is {self.step}, must be from 0 to {DRAWS - 1}")
        _ = self.resampling  # refuses what cannot be

    @property
    def steps(self):
        """Draws to step through."""
        return DRAWS

    @cached_property
    def resampling(self):
        """The arithmetic of the picture."""
        options = {"alpha": self.alpha, "bins": self.bins, "combine": self.combine}
        probabilities = resampling_probabilities(torch.from_numpy(self.means), **options).numpy()
        latent = [indexed("z", n) for n in range(self.means.shape[1])].index(self.latent)
        return Resampling(
            self.means[:, latent], probabilities, self.groups, self.names, self.alpha, latent,
            self.bins, self.step,
        )  # fmt: skip

    def picture(self):
        """Draw the histogram, the probabilities, the batch and the shares."""
        return draw_resampling(self.resampling, self.images[self.resampling.chosen])


@factory
def resampling_explorer(
    model=None,
    images=None,
    *,
    means=None,
    groups=None,
    names=None,
    alpha=0.01,
    latent=None,
    combine="max",
    bins=BINS,
    step=0,
):
    """Open controls for the resampling of faces by their latents.

    Parameters
    ----------
    model : torch.nn.Module, optional
        With ``encode(images).mean``, such as a `DebiasingVAE`; the shipped one when not given.
    images : AttributedImages, tensor or ndarray of shape (N, C, H, W), optional
        Faces, values from 0 to 1; of attributed images those that are labelled 1. When not given,
        400 of those that the shipped network learned from.
    means : tensor or ndarray of shape (N, latents), optional
        Codes of the images, in place of a model.
    groups : tensor or ndarray of shape (N,), optional
        Index of each face's group; those of `face_groups` for images with the attributes `skin`
        and `yaw`, else one group, when not given.
    names : sequence of str, optional
        Of the groups.
    alpha : float
        Smoothing, from 0 to infinity.
    latent : int, optional
        Whose histogram to show; the one whose means are spread most when not given.
    combine : {"max", "product"}
        See `cnnbook.training.resampling_probabilities`.
    bins : int
        Of each histogram.
    step : int
        Which draw to start with, from 0 to 19.

    Returns
    -------
    Explorer

    Raises
    ------
    ValueError
        If the weights are not here, lengths differ, or an argument is out of range.
    """
    images, groups, names = _read_faces(images, groups, names)
    if means is None:
        model = pretrained("debiasing_DB-VAE_0") if model is None else model
        means = latent_means(model, images)
    means = torch.as_tensor(means).numpy().astype(float)
    if means.ndim != 2 or len(means) != len(images):
        raise ValueError(f"means has shape {means.shape}, expected ({len(images)}, latents)")
    order = np.argsort(-means.std(0), kind="stable")
    latent = int(order[0]) if latent is None else latent
    state = ResamplingState(
        means, images.numpy(), groups, names, float(alpha), indexed("z", latent), combine, bins,
        step,
    )  # fmt: skip
    return Explorer(state, _controls(state, order))


def _read_faces(images, groups, names):
    """Return the faces, the group of each, and the groups' names."""
    if images is None:
        images = faces(COUNT, joint=biased(**RARE_GROUPS), difficulty=HARD, seed=LEARNED)
    if isinstance(images, AttributedImages):
        images = images[images.labels == 1]
        if groups is None and {"skin", "yaw"} <= set(images.attributes):
            groups, names = face_groups(images)
        images = images.images
    images = torch.as_tensor(images)
    if images.ndim != 4:
        raise ValueError(f"images has {images.ndim} axes, expected 4: (N, C, H, W)")
    if groups is None:
        groups, names = torch.zeros(len(images), dtype=int), ("all faces",)
    groups = torch.as_tensor(groups).numpy()
    if groups.shape != (len(images),):
        raise ValueError(f"groups has shape {groups.shape}, there are {len(images)} faces")
    if names is None:
        names = [f"group {number}" for number in range(int(groups.max()) + 1)]
    return images, groups, tuple(names)


def _controls(state, order):
    """A slider for α, and lists of the latents and of the ways to combine them."""
    alphas = [(f"{alpha:g}", alpha) for alpha in sorted({*ALPHAS[:-1], state.alpha})]
    alphas = [pair for pair in alphas if pair[1] < ALPHAS[-1]] + [("∞", ALPHAS[-1])]
    latents = [indexed("z", int(number)) for number in order]
    lists = {
        "latent": ("latent", latents, "150px"),
        "combine": ("over the latents", ["max", "product"], "220px"),
    }
    controls = {
        "alpha": widgets.SelectionSlider(
            options=alphas, value=state.alpha, description="smoothing α", style=LABELS,
            layout=widgets.Layout(width="330px"),
        )
    }  # fmt: skip
    controls |= {
        field: widgets.Dropdown(
            options=options, value=getattr(state, field), description=text, style=LABELS,
            layout=widgets.Layout(width=width),
        )
        for field, (text, options, width) in lists.items()
    }  # fmt: skip
    return controls
