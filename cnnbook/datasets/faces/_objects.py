"""Things that look at us though they are no faces: a house, a socket, a clock, a plant."""

import numpy as np

from cnnbook.datasets.faces import _colours
from cnnbook.datasets.faces._scene import background
from cnnbook.datasets.faces._solids import View, column, paint

DARK, WHITE = (0.08, 0.07, 0.07), (0.92, 0.92, 0.9)


def objects(faces, chosen):
    """Draw one of the four (`chosen`, 0 to 3) for each description, in the colours of faces."""
    view = View.of({**faces, "yaw": 0 * faces["yaw"], "pitch": 0 * faces["yaw"]})
    rgb = background(faces["background"], faces["backdrop"], faces["brightness"])
    for place, draw in enumerate((house, socket, clock, plant)):
        those = chosen == place
        if those.any():
            part, here = rgb[:, those], {name: values[those] for name, values in faces.items()}
            skin = column(_colours.SKIN[:, here["skin"]])
            hair = column(_colours.HAIR[:, here["hair_colour"]])
            coat = column(_colours.hue(here["clothes"], 0.5, 0.6))
            draw(part, view[those], here, skin, hair, coat)
            angle = np.radians(column(here["light"]))
            part *= 0.92 + 0.25 * np.sin(angle) * view.right[those] - 0.08 * view.down[those]
            rgb[:, those] = part
    return np.clip(rgb, 0, 1).swapaxes(0, 1)


def _box(view, right, down, half_width, half_height):
    across = half_width - abs(view.right - right)
    return np.minimum(across, half_height - abs(view.down - down))


def _disc(view, right, down, radius):
    return radius - np.sqrt((view.right - right) ** 2 + (view.down - down) ** 2)


def house(rgb, view, faces, skin, hair, coat):
    """Paint a front with a roof, two windows and a door."""
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


def socket(rgb, view, faces, skin, hair, coat):
    """Paint a plate with a round hollow, two holes and a slot."""
    plate = _box(view, 0, 0, 0.86, 0.86)
    paint(rgb, view.cover(plate + 0.03), 0.6 * skin)
    paint(rgb, view.cover(plate), skin)
    hollow = _disc(view, 0, 0, 0.66)
    paint(rgb, view.cover(hollow), skin * (0.75 - 0.15 * view.down))
    for side in (-1, 1):
        paint(rgb, view.cover(_disc(view, side * 0.27, -0.08, 0.09)), DARK)
    slot = _box(view, 0, 0.34, 0.05 + 0.14 * column(faces["opening"]), 0.06)
    paint(rgb, view.cover(slot), DARK)


def clock(rgb, view, faces, skin, hair, coat):
    """Paint a dial with twelve marks and two hands."""
    paint(rgb, view.cover(_disc(view, 0, 0, 0.98)), hair)
    paint(rgb, view.cover(_disc(view, 0, 0, 0.86)), skin)
    for hour in range(12):
        angle = hour * np.pi / 6
        mark = _disc(view, 0.72 * np.sin(angle), -0.72 * np.cos(angle), 0.06)
        paint(rgb, view.cover(mark), DARK)
    for turn, length in ((faces["backdrop"] * 9, 0.66), (faces["clothes"] * 7, 0.45)):
        right, down = np.sin(column(turn)), -np.cos(column(turn))
        along = right * view.right + down * view.down
        off = abs(right * view.down - down * view.right)
        hand = np.minimum(0.045 - off, np.minimum(along + 0.08, length - along))
        paint(rgb, view.cover(hand), DARK)


def plant(rgb, view, faces, skin, hair, coat):
    """Paint a bush in a pot."""
    pot = np.minimum(0.62 - 0.22 * (view.down - 0.2) - abs(view.right), 0.98 - view.down)
    paint(rgb, view.cover(np.minimum(pot, view.down - 0.12)), skin * (1.1 - 0.5 * view.right**2))
    paint(rgb, view.cover(_box(view, 0, 0.2, 0.72, 0.09)), 0.85 * skin)
    leaves = np.sin(15 * view.right + 3 * np.sin(7 * view.down)) * np.sin(14 * view.down)
    bush = 0.75 - np.sqrt(view.right**2 / column(faces["width"]) + (view.down + 0.45) ** 2)
    green = 0.5 * hair + 0.5 * np.float32([0.2, 0.42, 0.2]).reshape(3, 1, 1, 1)
    paint(rgb, view.cover(bush + 0.08 * leaves), green * (1 + 0.35 * leaves))
