"""What is no face, and is hard to tell from one."""

import numpy as np
import torch

from cnnbook.checks import whole
from cnnbook.datasets.faces.attributes import ATTRIBUTES, sample_attributes
from cnnbook.datasets.faces.canvas import HAIR, SIDE, SKIN, View, colour_of, column, paint
from cnnbook.datasets.faces.difficulty import Difficulty
from cnnbook.datasets.faces.rendering import PARTS, background, before_wall, cut, render
from cnnbook.datasets.images import FACE_CLASSES, AttributedImages
from cnnbook.datasets.photographs import photograph

NON_FACES = ("photograph", "texture", "missing", "shuffled", "object")
"""Crops of two photographs, patterns in the colours of faces, heads that lack eyes or mouth or
show their back, heads whose parts are in wrong places, and a house, a socket, a clock, a plant."""

DARK, WHITE = (0.08, 0.07, 0.07), (0.92, 0.92, 0.9)
# parts of a head: (shown, moved right, moved down, right side lower, upside down)
GONE = (0, 0, 0, 0, 1)
MISSING = (
    {"eyes": GONE, "brows": GONE},
    {"mouth": GONE, "nose": GONE},
    {"eyes": GONE, "brows": GONE, "mouth": GONE, "nose": GONE},
    {},  # the head shows its back
)
SHUFFLED = (
    {"eyes": (1, 0, 0.6, 0, -1), "brows": (1, 0, 1.02, 0, -1), "mouth": (1, 0, -0.9, 0, -1)},
    {"eyes": (1, 0, 0.55, 0, 1), "mouth": (1, 0, -0.58, 0, 1), "brows": GONE},
    {"eyes": (1, 0, 0.05, 0.3, 1), "brows": (1, 0, 0.1, -0.25, 1), "mouth": (1, 0, 0, 0.22, 1)},
    {"eyes": (1, 0, -0.35, 0, 1), "brows": (1, 0, 0.95, 0, 1), "mouth": (1, 0, -0.28, 0, 1)},
)


def non_faces(count, *, difficulty=None, crop=SIDE, size=None, wall="any", seed=0):
    """Draw pictures without a face, in the colours of faces and before the same backgrounds.

    Each kind of `NON_FACES` is as likely as any other. The rest is as for `faces`, but all are
    labelled 0, attributes are -1 or NaN, and `kind` is an index into `NON_FACES`. The wall is that
    behind heads and objects.
    """
    seed = whole("seed", seed, 0)
    drawn = sample_attributes(count, seed=seed + 1_000_003)  # no head in common with `faces`
    walled = before_wall(drawn, wall)
    number, variant = np.random.default_rng([seed, 3]).random((count, 2)).T
    kind = (number * len(NON_FACES)).astype(int)
    images = np.empty((count, 3, SIDE, SIDE), np.float32)
    for place, draw in enumerate((_photographs, _textures, _missing, _shuffled, _objects)):
        those = np.flatnonzero(kind == place)
        if len(those):
            described = drawn if draw in (_photographs, _textures) else walled
            part = {name: values[those] for name, values in described.items()}
            rngs = (np.random.default_rng([seed, 4, index]) for index in those)
            images[those] = draw(part, (variant[those] * 4).astype(int), rngs)
    (difficulty or Difficulty()).apply(images, seed=seed + 1_000_003)
    nothing = {name: -1 if a.names else float("nan") for name, a in ATTRIBUTES.items()}
    attributes = {name: torch.full((count,), value) for name, value in nothing.items()}
    attributes["kind"] = torch.from_numpy(kind)
    labels = torch.zeros(count, dtype=torch.int64)
    images = cut(torch.from_numpy(images), crop, size)
    return AttributedImages(images, labels, FACE_CLASSES, attributes)


def _missing(faces, variant, rngs):
    yaw = np.where(variant == 3, 180 + faces["yaw"] / 2, faces["yaw"]).astype(np.float32)
    return _shuffled(faces | {"yaw": yaw}, variant, rngs, MISSING)


def _shuffled(faces, variant, rngs, layouts=SHUFFLED):
    chosen = {part: [layout.get(part, (1, 0, 0, 0, 1)) for layout in layouts] for part in PARTS}
    return render(faces, {part: np.float32(rows)[variant].T for part, rows in chosen.items()})


def _photographs(faces, variant, rngs):
    """Cut squares of many sizes out, mirror half of them, change their colours."""
    from PIL import Image

    # more of them would change every set that was drawn before
    pictures = [256 * photograph(name, grey=False) for name in ("china", "flower")]
    images = np.empty((len(variant), 3, SIDE, SIDE), np.float32)
    for place, rng in enumerate(rngs):
        source = Image.fromarray(pictures[rng.integers(2)].astype(np.uint8))
        size = 40 * 9 ** rng.random()  # from 40 to 360 pixels
        left, top = rng.random(2) * (source.width - size, source.height - size)
        box = (left, top, left + size, top + size)
        crop = source.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
        pixels = np.asarray(crop, np.float32).transpose(2, 0, 1)[:, :, :: rng.choice([-1, 1])] / 255
        skin = SKIN[:, faces["skin"][place], None, None]
        tint = rng.choice([0, 0.7])  # half of them in tones of skin
        images[place] = (1 - tint) * pixels + tint * 1.6 * skin * pixels.mean(0)
        images[place] *= rng.uniform(0.75, 1.25, (3, 1, 1))
    return np.clip(images, 0, 1)


def _textures(faces, variant, rngs):
    """Mix two colours by clouds, stripes, spots or a warped grid."""
    first, hair = SKIN[:, faces["skin"]].T, HAIR[:, faces["hair_colour"]]
    second = np.where(variant % 2, hair, colour_of(faces["clothes"], 0.4, 0.5)).T
    images = np.empty((len(variant), 3, SIDE, SIDE), np.float32)
    for place, rng in enumerate(rngs):
        share = _pattern(variant[place], rng)
        one, other = first[place, :, None, None], second[place, :, None, None]
        images[place] = one + share * (other - one)
    return np.clip(images, 0, 1)


def _pattern(variant, rng):
    """Return numbers (64, 64), mostly from 0 to 1."""
    coarse = {n: rng.standard_normal((n, n)) / n**0.5 for n in (4, 8, 16, 32)}
    cloud = sum(np.kron(c, np.ones((SIDE // n, SIDE // n))) for n, c in coarse.items())
    padded = np.pad(cloud, 2, "edge")
    cloud = sum(padded[i : i + SIDE, j : j + SIDE] for i in range(5) for j in range(5)) / 25
    row, column = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    angle, pace, phase = rng.uniform((0, 6, 0), (np.pi, 25, 6))
    along = pace * (np.cos(angle) * row + np.sin(angle) * column)
    across = pace * (np.cos(angle) * column - np.sin(angle) * row)
    if variant == 0:
        return 0.5 + 0.5 * cloud
    if variant == 1:
        return 0.5 + 0.5 * np.sin(along + phase + 2 * cloud)
    if variant == 2:
        centres = rng.uniform(-0.9, 0.9, (7, 2))
        radii = rng.uniform(0.08, 0.35, 7)
        far = np.hypot(row - centres[:, :1, None], column - centres[:, 1:, None])
        return np.clip(0.5 + 16 * (radii[:, None, None] - far), 0, 1).max(0) + 0.15 * cloud
    return 0.5 + 0.5 * np.sin(along + cloud) * np.sin(across + phase)


def _objects(faces, variant, rngs):
    view = View.of(faces | {"yaw": 0 * faces["yaw"], "pitch": 0 * faces["yaw"]})
    rgb = background(faces["background"], faces["backdrop"], faces["brightness"])
    for place, draw in enumerate((_house, _socket, _clock, _plant)):
        those = variant == place
        if those.any():
            part, here = rgb[:, those], {name: values[those] for name, values in faces.items()}
            skin, hair = SKIN[:, here["skin"]], HAIR[:, here["hair_colour"]]
            colours = skin, hair, colour_of(here["clothes"], 0.5, 0.6)
            draw(part, view.of_some(those), here, *map(column, colours))
            angle = np.radians(column(here["light"]))
            part *= 0.92 + 0.25 * np.sin(angle) * view.right[those] - 0.08 * view.down[those]
            rgb[:, those] = part
    return np.clip(rgb, 0, 1).swapaxes(0, 1)


def _box(view, right, down, width, height):
    return np.minimum(width - abs(view.right - right), height - abs(view.down - down))


def _disc(view, right, down, radius):
    return radius - np.sqrt((view.right - right) ** 2 + (view.down - down) ** 2)


def _house(rgb, view, faces, skin, hair, coat):
    width = column(0.82 * faces["width"])
    paint(rgb, view.cover(_box(view, 0, 0.35, width, 0.75)), skin)
    roof = np.minimum(0.75 * (view.down + 1.15) - 0.72 * abs(view.right), -0.3 - view.down)
    paint(rgb, view.cover(roof), hair)
    for side in (-1, 1):
        window = _box(view, side * 0.38, 0.08, 0.19, 0.05 + 0.16 * column(faces["eyes"]))
        paint(rgb, view.cover(window + 0.05), WHITE)
        paint(rgb, view.cover(window), DARK)
    door = _box(view, 0.2 * column(faces["gaze"]), 0.78, 0.16, 0.32)
    paint(rgb, view.cover(door), coat)


def _socket(rgb, view, faces, skin, hair, coat):
    plate = _box(view, 0, 0, 0.86, 0.86)
    paint(rgb, view.cover(plate + 0.03), 0.6 * skin)
    paint(rgb, view.cover(plate), skin)
    paint(rgb, view.cover(_disc(view, 0, 0, 0.66)), skin * (0.75 - 0.15 * view.down))
    for side in (-1, 1):
        paint(rgb, view.cover(_disc(view, side * 0.27, -0.08, 0.09)), DARK)
    slot = _box(view, 0, 0.34, 0.05 + 0.14 * column(faces["opening"]), 0.06)
    paint(rgb, view.cover(slot), DARK)


def _clock(rgb, view, faces, skin, hair, coat):
    paint(rgb, view.cover(_disc(view, 0, 0, 0.98)), hair)
    paint(rgb, view.cover(_disc(view, 0, 0, 0.86)), skin)
    for angle in np.arange(12) * np.pi / 6:  # the hours
        mark = _disc(view, 0.72 * np.sin(angle), -0.72 * np.cos(angle), 0.06)
        paint(rgb, view.cover(mark), DARK)
    for turn, length in ((faces["backdrop"] * 9, 0.66), (faces["clothes"] * 7, 0.45)):
        right, down = np.sin(column(turn)), -np.cos(column(turn))
        along = right * view.right + down * view.down
        off = abs(right * view.down - down * view.right)
        hand = np.minimum(0.045 - off, np.minimum(along + 0.08, length - along))
        paint(rgb, view.cover(hand), DARK)


def _plant(rgb, view, faces, skin, hair, coat):
    pot = np.minimum(0.62 - 0.22 * (view.down - 0.2) - abs(view.right), 0.98 - view.down)
    paint(rgb, view.cover(np.minimum(pot, view.down - 0.12)), skin * (1.1 - 0.5 * view.right**2))
    paint(rgb, view.cover(_box(view, 0, 0.2, 0.72, 0.09)), 0.85 * skin)
    leaves = np.sin(15 * view.right + 3 * np.sin(7 * view.down)) * np.sin(14 * view.down)
    bush = 0.75 - np.sqrt(view.right**2 / column(faces["width"]) + (view.down + 0.45) ** 2)
    green = 0.5 * hair + 0.5 * np.float32([0.2, 0.42, 0.2]).reshape(3, 1, 1, 1)
    paint(rgb, view.cover(bush + 0.08 * leaves), green * (1 + 0.35 * leaves))
