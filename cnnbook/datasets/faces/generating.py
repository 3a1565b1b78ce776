"""Faces, and what is no face, as labelled images."""

import torch

from cnnbook.datasets.faces.attributes import sample_attributes
from cnnbook.datasets.faces.difficulty import Difficulty
from cnnbook.datasets.faces.rendering import render_faces
from cnnbook.datasets.images import FACE_CLASSES, AttributedImages


def faces(count, *, joint=None, difficulty=None, seed=0):
    """Draw faces whose attributes are known.

    Parameters
    ----------
    count : int
    joint : Joint, optional
        How likely combinations of attributes are; `BALANCED` if none is given.
    difficulty : Difficulty, optional
        How the pictures are spoiled; not at all if none is given.
    seed : int
        The same seed gives the same bytes, and face i is the same however many are drawn.

    Returns
    -------
    AttributedImages
        (count, 3, 64, 64), values from 0 to 1, all labelled 1, with all of `ATTRIBUTES` and
        `kind`, which is -1.
    """
    attributes = sample_attributes(count, joint=joint, seed=seed)
    images = render_faces(attributes)
    (difficulty or Difficulty()).apply(images.numpy(), seed=seed)
    tensors = {name: torch.from_numpy(values) for name, values in attributes.items()}
    tensors["kind"] = torch.full((count,), -1)
    return AttributedImages(images, torch.ones(count, dtype=torch.int64), FACE_CLASSES, tensors)
