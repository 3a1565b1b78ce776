"""Draw faces: 64×64 pixels, in colour, every property of them known."""

import numpy as np
import torch

from cnnbook.datasets.faces._colours import HAIR, SKIN
from cnnbook.datasets.faces._features import features
from cnnbook.datasets.faces._head import hair, head, illuminate
from cnnbook.datasets.faces._scene import background, body
from cnnbook.datasets.faces._solids import SIDE, View, column, paint
from cnnbook.datasets.faces.attributes import ATTRIBUTES

__all__ = ["render_faces"]

HEAD, FACE = 50, 40  # rows and columns that hold a head without hair, what is painted on it
CHUNK = 64  # faces drawn at a time: so few that they stay in the processor's cache
# of each part: shown, moved right, moved down, its right side lower, upside down (-1)
PARTS = {part: np.float32([[1], [0], [0], [0], [1]]) for part in ("eyes", "brows", "nose", "mouth")}


def render_faces(attributes):
    """Draw exactly the faces that are described.

    Parameters
    ----------
    attributes : dict of str to array of shape (N,)
        Any of `ATTRIBUTES`, as `sample_attributes` draws them; what is not given has its default.
        A single number stands for all faces.

    Returns
    -------
    tensor of shape (N, 3, 64, 64), float32
        Values from 0 to 1.

    Raises
    ------
    ValueError
        If an attribute is unknown or out of its range, or the lengths differ.
    """
    return torch.from_numpy(render(check_attributes(attributes)))


def render(faces, parts=None):
    """Draw checked descriptions, and heads whose parts are not where they belong."""
    count = len(faces["skin"])
    images = np.empty((count, 3, SIDE, SIDE), np.float32)
    for start in range(0, count, CHUNK):
        here = slice(start, start + CHUNK)
        batch = {name: values[here] for name, values in faces.items()}
        batch["parts"] = (
            {name: values[:, here] for name, values in parts.items()} if parts else PARTS
        )
        images[here] = draw(batch).swapaxes(0, 1)
    return images


def check_attributes(attributes):
    """Fill in what is not given, and refuse what is no face."""
    given = {name: np.atleast_1d(np.asarray(value)) for name, value in attributes.items()}
    unknown = [name for name in given if name not in ATTRIBUTES]
    if unknown:
        raise ValueError(f"unknown attribute {unknown[0]!r}, must be of {', '.join(ATTRIBUTES)}")
    lengths = {len(value) for value in given.values()} - {1} or {1}
    if len(lengths) > 1:
        raise ValueError(f"attributes have {min(lengths)} and {max(lengths)} values")
    for name, value in given.items():
        least, most = ATTRIBUTES[name].least, ATTRIBUTES[name].most
        if len(value) and not least <= value.min() <= value.max() <= most:
            worst = value.max() if value.max() > most else value.min()
            raise ValueError(f"{name} is {worst:g}, must be from {least:g} to {most:g}")
    count = max(lengths)
    return {
        name: np.broadcast_to(given.get(name, a.default), count).astype(a.dtype)
        for name, a in ATTRIBUTES.items()
    }


def draw(faces):
    """Draw a batch (3, N, 64, 64)."""
    view = View.of(faces)
    rgb = background(faces["background"], faces["backdrop"], faces["brightness"])
    body(rgb, view, faces)
    surface, outline = np.full_like(rgb[0], -9), np.zeros_like(rgb[0])
    place, near = view.near((0, 0, 0), HEAD)
    skin_depth, cover = head(near, faces)
    place.put(rgb, face(place.cut(rgb), near, faces, skin_depth, cover))
    place.put(surface, skin_depth)
    place.put(outline, cover)
    depth, cover, strands = hair(view, faces)
    # hair is seen where it is nearer than the skin, or beside the head
    cover *= np.maximum(np.clip(0.5 + 10 * (depth - surface), 0, 1), 1 - outline)
    lock = column(HAIR[:, faces["hair_colour"]]) * (1 + strands)
    illuminate(lock, view, faces, depth)
    paint(rgb, cover, lock)
    return np.clip(rgb, 0, 1, out=rgb)


def face(rgb, view, faces, surface, outline):
    """Lay a head's skin, with all that is painted on it, over a picture."""
    skin = np.empty_like(rgb)
    skin[:] = column(SKIN[:, faces["skin"]] * (1 + 0.06 * faces["tone"]))
    place, near = view.near((0, 0.1, 0.5), FACE)
    part = place.cut(skin)
    features(part, near, faces, near.on_head(place.cut(surface)))
    place.put(skin, part)
    illuminate(skin, view, faces, surface)
    paint(rgb, outline, skin)
    return rgb
