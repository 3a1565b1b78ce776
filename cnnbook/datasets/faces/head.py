"""The form of a head and of its hair, and the light on them."""

import numpy as np

from cnnbook.datasets.faces.attributes import HAIRS
from cnnbook.datasets.faces.canvas import column, join


def head(view, faces):
    """Return the depth of the skin's surface, and how much of each pixel the head covers."""
    w, jaw, nose = faces["width"], faces["jaw"], faces["nose"]
    shown = faces["parts"]["nose"][0]
    chin = (0.43 + 0.07 * jaw) * w
    surface, outline = view.ellipsoid((0, -0.28, -0.14), (0.73 * w, 0.72, 0.84))
    cheeks, jaws = ((0, 0.14, 0.08), (0.68 * w, 0.80, 0.64)), ((0, 0.60, 0.28), (chin, 0.38, 0.40))
    for solid, softness in ((cheeks, 0.10), (jaws, 0.08)):
        depth, cover = view.ellipsoid(*solid)
        surface, outline = join(surface, depth, softness), np.maximum(outline, cover)
    ear = np.where(LENGTH[faces["hair"]] > 0.5, 0.62, 0.76) * w  # long hair lies over the ears
    wing, half = 0.075 + 0.035 * nose, 0.115 + 0.035 * nose
    small = (  # chin, lips, bridge of the nose, its tip, its wings, ears
        ((0, 0.84, 0.48), (0.20 + 0.05 * jaw, 0.15, 0.20), 0.06, 18),
        ((0, 0.58, 0.60), (0.22, 0.12, 0.12), 0.05, 18),
        ((0, 0.06, 0.63 * shown), (0.085 + 0.02 * nose, 0.30, 0.16), 0.05, 18),
        ((0, 0.27, 0.77 * shown), (half, 0.11, 0.15), 0.03, 14),
        ((wing, 0.32, 0.67 * shown), (wing, 0.075, 0.09), 0.02, 12),
        ((-wing, 0.32, 0.67 * shown), (wing, 0.075, 0.09), 0.02, 12),
        ((ear, 0.06, -0.12), (0.07, 0.20, 0.13), 0.01, 16),
        ((-ear, 0.06, -0.12), (0.07, 0.20, 0.13), 0.01, 16),
    )
    for centre, axes, softness, size in small:
        place, near = view.near(centre, size)
        depth, cover = near.ellipsoid(centre, axes)
        place.put(surface, join(place.cut(surface), depth, softness))
        place.put(outline, np.maximum(place.cut(outline), cover))
    return surface, outline


# one number a style of HAIRS: bald, short, parted, curly, long, bun, fringe
THICKNESS = np.array([0, 0.07, 0.10, 0.27, 0.11, 0.07, 0.11], np.float32)
# where the hair ends: how far down over the forehead, beside the eyes, and in the neck
FRONT = np.array([-2, -0.60, -0.62, -0.52, -0.74, -0.66, -0.27], np.float32)
SIDES = np.array([-2, 0.00, 0.02, 0.12, 2, -0.06, 0.60], np.float32)
NECK = np.array([-2, 0.32, 0.36, 0.50, 2, 0.32, 0.66], np.float32)
# the line over the forehead rises to one side, or from a parting in the middle
SLANT = np.array([0, 0, 0.28, 0, 0, 0, 0], np.float32)
ARCH = np.array([0, 0.1, 0.1, 0.1, 0.55, 0.15, 0], np.float32)
# what hangs down: half its length
LENGTH = np.array([0.1, 0.1, 0.1, 0.1, 1.02, 0.1, 0.95], np.float32)


def hair(view, faces):
    """Return depth and cover of the hair, and its pattern of light and dark strands."""
    style, w = faces["hair"], faces["width"]
    thick = THICKNESS[style]
    centre = (0, -0.30 - 0.25 * thick, -0.16 - 0.5 * thick)
    depth, cover = view.ellipsoid(centre, (0.73 * w + thick, 0.73 + thick, 0.83 + thick))
    hangs = LENGTH[style] > 0.5
    _add(depth, cover, view, hangs, (0, 0.3, -0.32), (0.84 * w, LENGTH[style], 0.52), 0.12)
    right, down, front = view.on_head(depth)
    strands = np.sin(24 * right + 9 * down) * np.sin(22 * front - 8 * down) * 0.13
    curly = style == HAIRS.index("curly")
    strands[curly] = _curls(right[curly], down[curly], front[curly])
    cover *= view.cover(_edge(style, right, down, front) + 0.25 * strands)
    # hair behind the neck is hidden by it
    across = view.right + 0.16 * np.sin(np.radians(column(faces["yaw"])))
    neck = 0.145 - across * across
    cover *= 1 - (view.down > 0.4) * (neck > 0) * (depth < np.sqrt(np.maximum(neck, 0)) - 0.1)
    cover *= column(style > 0)
    _add(depth, cover, view, style == HAIRS.index("bun"), (0, -0.72, -0.84), (0.3, 0.3, 0.3))
    return depth, cover, strands


def _add(depth, cover, view, chosen, centre, axes, softness=0):
    if chosen.any():
        axes = [axis[chosen] if np.ndim(axis) else axis for axis in axes]
        more, covered = view.of_some(chosen).ellipsoid(centre, axes)
        alone = (cover[chosen] < 0.5) & (covered > 0)  # where the rest of the hair was cut away
        depth[chosen] = np.where(alone, more, join(depth[chosen], more, softness))
        cover[chosen] = np.maximum(cover[chosen], covered)


def _curls(right, down, front):
    curls = np.sin(17 * right + 3 * np.sin(8 * down)) + np.sin(16 * down + 3 * np.sin(9 * right))
    return 0.2 * curls * np.cos(11 * front + 4 * right)


def _edge(style, right, down, front):
    """Return how far above the line where the hair ends each point is."""
    forward = front / np.sqrt(right * right + front * front + 1e-6)  # cosine of the longitude
    line = column(SLANT[style]) * right + column(ARCH[style]) * abs(right) + column(FRONT[style])
    line += np.clip((0.80 - forward) * 2.4, 0, 1) * (column(SIDES[style]) - line)
    line += np.clip((-0.22 - forward) * 5, 0, 1) * (column(NECK[style]) - line)
    return line - down


def illuminate(rgb, view, faces, depth):
    """Light a surface of this depth in place: lamp and sky, shine, and a rim of light."""
    down, right = np.zeros_like(depth), np.zeros_like(depth)
    np.subtract(depth[:, 2:], depth[:, :-2], out=down[:, 1:-1])
    np.subtract(depth[:, :, 2:], depth[:, :, :-2], out=right[:, :, 1:-1])
    down *= view.scale / 2
    right *= view.scale / 2
    towards = 1 / np.sqrt(1 + down * down + right * right)  # front component of the normal
    angle = np.radians(column(faces["light"]))
    facing = (0.8 * np.cos(angle) - 0.8 * np.sin(angle) * right + 0.6 * down) * towards
    # the normal against what is half-way between lamp and camera (Blinn 1977)
    shine = np.maximum((facing + towards) / np.sqrt(2 + 1.6 * np.cos(angle)), 0)
    for _ in range(4):
        shine *= shine
    # dark skin shows its form by its shine more than by its shade
    gloss = 0.19 * shine + 0.05 * (1 - towards) ** 2
    shade = 0.51 + 0.54 * np.maximum(facing, 0)
    for channel, warmth in zip(rgb, (1.03, 1.0, 0.98), strict=True):
        channel *= warmth * shade
        channel += gloss
