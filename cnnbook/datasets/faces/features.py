"""What is painted onto the surface of a head: eyes, brows, mouth, beard, glasses and marks."""

import numpy as np

from cnnbook.datasets.faces.canvas import HAIR, IRIS, SKIN, colour_of, column, paint

EYE_RIGHT, EYE_DOWN, EYE = 0.285, -0.02, 0.175  # place of the eyes and half their width


def features(rgb, view, faces, points):
    """Paint all of them, far ones first."""
    right, down, front = points
    ahead = np.clip(front * 6, 0, 1)
    skin, hair = column(SKIN[:, faces["skin"]]), column(HAIR[:, faces["hair_colour"]])
    marks(rgb, view, faces, right, down, front)
    _some(beard, rgb, view, faces, points)
    mouth(rgb, view, faces, *_moved(faces, "mouth", right, down, 0.58), ahead, skin)
    nostrils(rgb, view, faces, *_moved(faces, "nose", right, down, 0.36), ahead)
    eyes(rgb, view, faces, *_moved(faces, "eyes", right, down, EYE_DOWN), ahead, skin)
    brows(rgb, view, faces, *_moved(faces, "brows", right, down, -0.25), ahead, hair)
    _some(glasses, rgb, view, faces, points)


def _some(draw, rgb, view, faces, points):
    """Paint what not all faces have on those that have it."""
    have = faces[draw.__name__] > 0
    if have.any():
        part = rgb[:, have]
        those = {name: values[have] for name, values in faces.items() if name != "parts"}
        draw(part, view.of_some(have), those, *(axis[have] for axis in points))
        rgb[:, have] = part


def _moved(faces, part, right, down, middle):
    """Return a part's own axes: those of the head, but where a non-face has parts moved."""
    shown, across, along, skew, flip = column(faces["parts"][part])
    side = np.sign(right)
    return right - across, (down - along - skew * side - middle) * flip + middle, shown


def marks(rgb, view, faces, right, down, front):
    """Shade eye sockets, redden cheeks, draw wrinkles and freckles, and the hollow of the ears."""
    out = abs(right)
    socket = (out - EYE_RIGHT) ** 2 / 0.05 + (down + 0.06) ** 2 / 0.025
    shade = 1 - 0.16 * np.exp(-socket) * (front > 0)
    fold = out - 0.17 - 0.28 * (down - 0.33)  # from the nose past the corners of the mouth
    fold = np.exp(-((fold / 0.03) ** 2)) * ((down > 0.33) & (down < 0.62))
    brow = np.maximum(np.sin((down + 0.01 * np.cos(9 * right)) * 52), 0) ** 2
    brow *= (down > -0.56) & (down < -0.34) & (out < 0.34)
    shade -= column(faces["age"]) * (front > 0.2) * (0.18 * fold + 0.12 * brow)
    spots = np.sin(71 * right + 1) * np.sin(83 * down + 2 * np.sin(40 * right))
    cheek = np.exp(-((out - 0.33) ** 2) / 0.04 - (down - 0.25) ** 2 / 0.02)
    shade -= column(faces["freckles"]) * 0.15 * np.sqrt(cheek) * (spots > 0.35)
    ear = ((front + 0.10) / 0.07) ** 2 + ((down - 0.04) / 0.13) ** 2
    shade -= 0.25 * np.exp(-ear) * (out > 0.72 * column(faces["width"]))
    for channel, blush in zip(rgb, (0.02, -0.05, -0.04), strict=True):
        channel *= shade * (1 + 1.2 * blush * cheek)


def eyes(rgb, view, faces, right, down, shown, ahead, skin):
    """Paint white, iris, pupil, the light in it, and the lids."""
    u, v = (abs(right) - EYE_RIGHT) / EYE, (down - EYE_DOWN) / EYE
    arch = np.maximum(1 - u * u, -2)
    lid = -0.68 * column(faces["eyes"]) * arch
    eye = view.cover(EYE * np.minimum(v - lid, 0.44 * arch - v)) * ahead * shown
    paint(rgb, eye, (0.94, 0.93, 0.91))
    iris_right = u - 0.28 * np.sign(right) * column(faces["gaze"])
    away = np.sqrt(iris_right**2 + (v + 0.06) ** 2)
    iris = eye * view.cover(EYE * (0.48 - away))
    paint(rgb, iris, column(IRIS[:, faces["eye_colour"]]))
    paint(rgb, eye * view.cover(EYE * (0.22 - away)), (0.03, 0.03, 0.03))
    glint = np.sqrt((iris_right * np.sign(right) + 0.16) ** 2 + (v + 0.26) ** 2)
    paint(rgb, 0.9 * eye * view.cover(EYE * (0.12 - glint)), (1, 1, 1))
    line = np.minimum(0.15 - abs(v - lid), arch + 0.2) * EYE
    paint(rgb, 0.85 * view.cover(line) * ahead * shown, 0.22 * skin)


def brows(rgb, view, faces, right, down, shown, ahead, hair):
    """Paint two tapered arcs."""
    u = (abs(right) - 0.30) / 0.20
    middle = -0.27 - 0.06 * column(faces["brows"]) * u + 0.045 * u * u
    thick = 0.042 * (1.1 - 0.4 * u)
    brow = view.cover(np.minimum(thick - abs(down - middle), 0.20 * (1 - abs(u))))
    paint(rgb, 0.88 * brow * ahead * shown, 0.75 * hair)


def nostrils(rgb, view, faces, right, down, shown, ahead):
    """Darken the nostrils and the shadow below the nose."""
    out = abs(right) - 0.065 - 0.02 * column(faces["nose"])
    holes = np.exp(-((out / 0.035) ** 2) - ((down - 0.375) / 0.025) ** 2)
    below = np.exp(-((right / 0.16) ** 2) - ((down - 0.42) / 0.035) ** 2)
    rgb *= 1 - shown * ahead * (0.55 * holes + 0.12 * below)


def mouth(rgb, view, faces, right, down, shown, ahead, skin):
    """Paint the lips, and between them a line, or teeth and the dark."""
    smile = column(faces["mouth"])
    u = right / (0.23 + 0.05 * smile)
    arch = np.maximum(1 - u * u, -2)
    v = down - 0.59 + 0.085 * smile * (u * u - 0.45)
    gap = 0.012 + 0.075 * column(faces["opening"])
    bow = 0.012 * np.exp(-((u / 0.18) ** 2))  # the dip in the middle of the upper lip
    lips = np.minimum(v + (0.058 + gap) * arch - bow, (0.075 + gap) * arch - v)
    lip = skin * np.float32([0.65, 0.40, 0.42]).reshape(3, 1, 1, 1)
    lip += np.float32([0.25, 0.11, 0.12]).reshape(3, 1, 1, 1)  # rosier than dark skin, too
    paint(rgb, 0.9 * view.cover(lips) * ahead * shown, lip)
    inside = view.cover(np.minimum(v + gap * arch, gap * arch - v)) * (arch > 0) * ahead * shown
    paint(rgb, 0.9 * inside, 0.25 * lip)
    teeth = np.minimum(v + 0.9 * gap * arch, 0.25 * gap * arch - v)
    paint(rgb, inside * view.cover(teeth) * (gap > 0.03), (0.93, 0.91, 0.88))
    shadow = np.exp(-((u / 0.7) ** 2) - ((v - 0.13 - gap) / 0.03) ** 2)
    rgb *= 1 - 0.15 * shadow * ahead * shown


def beard(rgb, view, faces, right, down, front):
    """Paint stubble, a moustache or a full beard."""
    hair, kind = column(HAIR[:, faces["hair_colour"]]), column(faces["beard"])
    grown = np.array([0, 0.38, 0.88, 0.88], np.float32)[faces["beard"]]
    line = 0.08 + 0.36 * np.clip((front + 0.05) / 0.5, 0, 1)  # from the ear to the cheek
    jaw = np.clip((down - line) * 9, 0, 1) * np.clip((front + 0.16) * 8, 0, 1)
    lip = np.clip((0.17 - abs(down - 0.58 + 0.06 * column(faces["mouth"]))) * 14, 0, 1)
    jaw *= 1 - lip * (abs(right) < 0.3) * (kind == 3) * (down > 0.5) * (down < 0.68)
    band = 0.055 - abs(down - 0.47 - 0.5 * right * right)
    above = view.cover(np.minimum(band, 0.27 - abs(right))) * ((front > 0.2) * (kind >= 2))
    grain = 1 + 0.12 * np.sin(33 * right + 2) * np.sin(29 * down)
    paint(rgb, np.maximum(jaw * (kind != 2), above) * column(grown), hair * grain)


def glasses(rgb, view, faces, right, down, front):
    """Paint two lenses in a frame, the bridge, and the arms to the ears."""
    out, up = abs(right) - 0.295, down - EYE_DOWN
    lens = 0.205 - np.sqrt(np.sqrt(out**2 * out**2 + 1.9 * up**2 * up**2))
    ahead = front > 0.1
    paint(rgb, 0.14 * view.cover(lens) * ahead, (0.85, 0.93, 1.0))
    rim = 0.026 - abs(lens)
    bridge = np.minimum(0.022 - abs(up + 0.05), 0.1 - abs(right))
    arm = np.minimum(0.024 - abs(up + 0.04), np.minimum(abs(right) - 0.48, front + 0.12))
    frame = np.maximum(view.cover(np.maximum(rim, bridge)) * ahead, view.cover(arm))
    shade = column(colour_of(faces["clothes"] + 0.4, 0.5, 0.22))
    paint(rgb, 0.92 * frame, shade)
