"""Smooth a latent distribution more or less, and see which faces are drawn for it."""

import numpy as np
import torch

from cnnbook.datasets import HARD, RARE_GROUPS, AttributedImages, biased, face_groups, faces
from cnnbook.figures.numbers import indexed
from cnnbook.figures.resampling import Resampling
from cnnbook.models import pretrained
from cnnbook.training import latent_means, resampling_probabilities
from cnnbook.widgets.explorer import LABELS, choice, explore, factory
from cnnbook.widgets.slider import SelectionSlider

COUNT = 400  # rendered faces
# how the faces that the shipped network learned from were drawn, see `cnnbook.experiments.worlds`
LEARNED = {"joint": biased(**RARE_GROUPS), "difficulty": HARD, "crop": 40, "size": 32}
LEARNED |= {"wall": "same", "seed": 4100}
ALPHAS = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, float("inf"))


@factory
def resampling_explorer(
    model=None, images=None, *, means=None, groups=None, names=None, latent=None, **settings
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
    latent : int, optional
        Whose histogram to show; the one whose means are spread most when not given.
    **settings
        The fields `alpha` (0.01 when not given), `combine`, `bins` and `step` of `Resampling`.
    """
    images, groups, names = _read_faces(images, groups, names)
    if means is None:
        model = pretrained("debiasing_worlds_A_DB-VAE") if model is None else model
        means = latent_means(model, images)
    means = torch.as_tensor(means).numpy().astype(float)
    order = np.argsort(-means.std(0), kind="stable").ravel().tolist()
    settings["latent"] = order[0] if latent is None else latent
    settings["alpha"] = float(settings.get("alpha", 0.01))
    return explore(
        Resampling(_weigh, means, images.numpy(), groups, names, **settings),
        page={"alpha": ALPHAS[::9]},
        alpha=_smoothing,
        latent=choice({indexed("z", number): number for number in order}, width="150px"),
        combine=choice(("max", "product"), "over the latents", width="220px"),
    )


def _weigh(means, **options):
    return resampling_probabilities(torch.from_numpy(means), **options).numpy()


def _read_faces(images, groups, names):
    """Return the faces, the group of each, and the groups' names."""
    if images is None:
        images = faces(COUNT, **LEARNED)
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
    if names is None:
        names = [f"group {number}" for number in range(int(groups.max()) + 1)]
    return images, groups, tuple(names)


def _smoothing(name, alpha):
    """A slider over values of α, the given one among them."""
    alphas = [(f"{value:g}".replace("inf", "∞"), value) for value in sorted({*ALPHAS, alpha})]
    look = {"description": "smoothing α", "style": LABELS, "layout": {"width": "330px"}}
    return SelectionSlider(options=alphas, value=alpha, **look), None
