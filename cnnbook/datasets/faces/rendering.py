"""Draw faces: 64×64 pixels, in colour, every property of them known."""

import numpy as np
import torch
import torch.nn.functional as F

from cnnbook.checks import whole
from cnnbook.datasets.faces.attributes import ATTRIBUTES, sample_attributes
from cnnbook.datasets.faces.canvas import HAIR, SIDE, SKIN, View, colour_of, column, paint
from cnnbook.datasets.faces.difficulty import Difficulty
from cnnbook.datasets.faces.features import features
from cnnbook.datasets.faces.head import hair, head, illuminate
from cnnbook.datasets.images import FACE_CLASSES, AttributedImages

HEAD, FACE = 50, 40  # rows and columns that hold a head without hair, what is painted on it
ABOVE = 38  # rows in which there is neither neck nor coat
CHUNK = 64  # faces drawn at a time: so few that they stay in the processor's cache
# of each part: shown, moved right, moved down, its right side lower, upside down (-1)
PARTS = {part: np.float32([[1], [0], [0], [0], [1]]) for part in ("eyes", "brows", "nose", "mouth")}
WALLS = {
    "any": {},
    "plain": {"background": 0},  # one colour behind each head
    "same": {"background": 0, "backdrop": 0.6, "brightness": 0.5, "clothes": 0.6},
}
"""What may be behind the heads: for each name, the attributes that are then the same for all."""

# of a head that looks as the usual one does, in the middle of the picture
ALIGNED = ("pitch", "roll", "width", "jaw", "nose", "tone", "size", "row", "column")
PORTRAIT = 48  # rows and columns of a portrait


def faces(count, *, joint=None, difficulty=None, crop=SIDE, size=None, wall="any", seed=0):
    """Draw faces whose attributes are known, as `AttributedImages`.

    They are (count, 3, 64, 64), all labelled 1, with all of `ATTRIBUTES` and `kind`, which is -1.
    The `Joint` says how likely combinations of attributes are (six equal groups without it), the
    `Difficulty` how the pictures are spoiled (not at all without it), `wall` what is behind them,
    see `WALLS`. `crop` and `size` then cut the picture, see `cut`. Face i is the same, byte for
    byte, however many are drawn.
    """
    attributes = before_wall(sample_attributes(count, joint=joint, seed=seed), wall)
    images = render_faces(attributes)
    (difficulty or Difficulty()).apply(images.numpy(), seed=seed)
    return _labelled(cut(images, crop, size), attributes)


def portraits(count, *, turn=25, seed=0):
    """Draw faces of one size in one place, (count, 3, 48, 48), that differ in what one can name.

    Only the head's turn moves the parts of a face, evenly from −`turn` to `turn` degrees; `ALIGNED`
    have their defaults, and a wall of one colour is behind. For the rest see `faces`.
    """
    least, most = 0, ATTRIBUTES["yaw"].most
    if not least <= turn <= most:
        raise ValueError(f"turn is {turn}, must be from {least} to {most:g} degrees")
    attributes = before_wall(sample_attributes(count, seed=seed), "plain")
    angle = np.random.default_rng([seed, 5]).uniform(-turn, turn, count)
    attributes["yaw"] = angle.astype(np.float32)
    for name in ALIGNED:
        attributes[name] = np.full_like(attributes[name], ATTRIBUTES[name].default)
    return _labelled(cut(render_faces(attributes), PORTRAIT), attributes)


def _labelled(images, attributes):
    """Make `AttributedImages` of faces and of what they were drawn from."""
    tensors = {name: torch.from_numpy(values) for name, values in attributes.items()}
    tensors["kind"] = torch.full((len(images),), -1)
    labels = torch.ones(len(images), dtype=torch.int64)
    return AttributedImages(images, labels, FACE_CLASSES, tensors)


def before_wall(attributes, wall):
    """Put all heads before the wall of that name, see `WALLS`."""
    if wall not in WALLS:
        raise ValueError(f"wall is {wall!r}, must be one of {', '.join(WALLS)}")
    fixed = WALLS[wall].items()
    return attributes | {name: np.full_like(attributes[name], value) for name, value in fixed}


def cut(images, crop=SIDE, size=None):
    """Keep the middle `crop` rows and columns of images, scaled to `size` (as cut, without it).

    Smaller ones are made by bilinear interpolation against aliasing.
    """
    side = images.shape[-1]
    crop = whole("crop", crop, most=side)
    size = crop if size is None else whole("size", size, most=crop)
    first = (side - crop) // 2
    images = images[..., first : first + crop, first : first + crop].contiguous()
    if size == crop:
        return images
    return F.interpolate(images, (size, size), mode="bilinear", antialias=True)


def render_faces(attributes):
    """Draw exactly the faces that are described: (N, 3, 64, 64), float32, values from 0 to 1.

    What is not given of `ATTRIBUTES` has its default, and a single number stands for all faces.
    """
    return torch.from_numpy(render(check_attributes(attributes)))


def render(faces, parts=None):
    """Draw checked descriptions, and heads whose parts are not where they belong."""
    images = np.empty((len(faces["skin"]), 3, SIDE, SIDE), np.float32)
    for start in range(0, len(images), CHUNK):
        here = slice(start, start + CHUNK)
        batch = {name: values[here] for name, values in faces.items()}
        own = {name: values[:, here] for name, values in (parts or {}).items()}
        images[here] = draw(batch | {"parts": own or PARTS}).swapaxes(0, 1)
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
        for wrong in value[~((value >= least) & (value <= most))]:  # not a number, too
            raise ValueError(f"{name} is {wrong:g}, must be from {least:g} to {most:g}")
    values = {name: given.get(name, a.default) for name, a in ATTRIBUTES.items()}
    wide = {name: np.broadcast_to(value, max(lengths)) for name, value in values.items()}
    return {name: value.astype(ATTRIBUTES[name].dtype) for name, value in wide.items()}


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


def background(kind, hue, value):
    """Draw pictures (3, N, 64, 64) of one colour, of a gradient, or of colours that flow."""
    row = np.linspace(-1, 1, SIDE, dtype=np.float32)[:, None]
    along = row.T
    first = column(colour_of(hue, 0.38, 0.25 + 0.65 * value))
    second = column(colour_of(hue + 0.12, 0.45, 0.12 + 0.6 * value))
    turn = column(20 * hue + 7 * value)  # what is random in a background comes from its colour
    wave = np.sin(2.6 * row + turn) * np.sin(2.9 * along + 1.7 * turn)
    wave += 0.6 * np.sin(5 * along + 2.3 * turn) * np.cos(4 * row - 3.1 * turn)
    ramp = column(kind == 1) * (0.5 + 0.5 * row)
    amount = column(kind == 2) * (0.5 + 0.45 * wave) + ramp
    return (second - first) * amount + first


def body(rgb, view, faces):
    """Paint the neck, with the shadow of the head, and the clothes; they do not turn."""
    rgb, down = rgb[:, :, ABOVE:], view.down[:, ABOVE:]
    back = 0.16 * np.sin(np.radians(column(faces["yaw"])))  # the neck is at the back of a head
    right, w = view.right[:, ABOVE:] + back, column(faces["width"])
    skin = column(SKIN[:, faces["skin"]])
    side = np.sin(np.radians(column(faces["light"])))
    neck = view.cover(np.minimum(0.38 * w + 0.12 * (down - 1) ** 2 - abs(right), down - 0.3))
    round_off = 0.86 - 0.5 * right * right + 0.2 * side * right - 0.28 * np.clip(1.45 - down, 0, 1)
    paint(rgb, neck, skin * round_off)
    coat = 1 - np.sqrt((0.7 * right) ** 2 + ((down - 1.85) / 0.78) ** 2)
    collar = 1 - np.sqrt((right / 0.48) ** 2 + ((down - 0.98) / 0.36) ** 2)
    clothes = column(colour_of(faces["clothes"], 0.5, 0.25 + 0.5 * (faces["clothes"] * 7 % 1)))
    shape = view.cover(np.minimum(0.7 * coat, -0.35 * collar))
    seam = 1 - 0.25 * np.exp(-((collar + 0.12) ** 2) / 0.004)
    paint(rgb, shape, clothes * seam * (1.05 - 0.3 * right * right + 0.2 * side * right))
