"""What is around a head: the background, the neck, the clothes."""

import numpy as np

from cnnbook.datasets.faces import _colours
from cnnbook.datasets.faces._solids import SIDE, View, column, paint

ROW = np.linspace(-1, 1, SIDE, dtype=np.float32)[:, None]
COLUMN = ROW.T
ABOVE = 38  # rows in which there is neither neck nor coat


def background(kind, hue, value):
    """Draw pictures (3, N, 64, 64) of one colour, of a gradient, or of colours that flow."""
    first = column(_colours.hue(hue, 0.38, 0.25 + 0.65 * value))
    second = column(_colours.hue(hue + 0.12, 0.45, 0.12 + 0.6 * value))
    turn = column(20 * hue + 7 * value)  # what is random in a background comes from its colour
    wave = np.sin(2.6 * ROW + turn) * np.sin(2.9 * COLUMN + 1.7 * turn)
    wave += 0.6 * np.sin(5 * COLUMN + 2.3 * turn) * np.cos(4 * ROW - 3.1 * turn)
    ramp = column(kind == 1) * (0.5 + 0.5 * ROW)
    amount = column(kind == 2) * (0.5 + 0.45 * wave) + ramp
    return (second - first) * amount + first


def body(rgb, view, faces):
    """Paint the neck, with the shadow of the head, and the clothes; they do not turn."""
    rgb = rgb[:, :, ABOVE:]
    view = View(view.rotation, view.scale, view.right[:, ABOVE:], view.down[:, ABOVE:])
    back = 0.16 * np.sin(np.radians(column(faces["yaw"])))  # the neck is at the back of a head
    right, down, w = view.right + back, view.down, column(faces["width"])
    skin = column(_colours.SKIN[:, faces["skin"]])
    side = np.sin(np.radians(column(faces["light"])))
    neck = view.cover(np.minimum(0.38 * w + 0.12 * (down - 1) ** 2 - abs(right), down - 0.3))
    round_off = 0.86 - 0.5 * right * right + 0.2 * side * right - 0.28 * np.clip(1.45 - down, 0, 1)
    paint(rgb, neck, skin * round_off)
    coat = 1 - np.sqrt((0.7 * right) ** 2 + ((down - 1.85) / 0.78) ** 2)
    collar = 1 - np.sqrt((right / 0.48) ** 2 + ((down - 0.98) / 0.36) ** 2)
    clothes = column(_colours.hue(faces["clothes"], 0.5, 0.25 + 0.5 * (faces["clothes"] * 7 % 1)))
    shape = view.cover(np.minimum(0.7 * coat, -0.35 * collar))
    seam = 1 - 0.25 * np.exp(-((collar + 0.12) ** 2) / 0.004)
    paint(rgb, shape, clothes * seam * (1.05 - 0.3 * right * right + 0.2 * side * right))
