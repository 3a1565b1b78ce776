"""Colours of skin, hair, eyes, clothes and backgrounds: (3, number of them), from 0 to 1."""

import numpy as np


def _table(*colours):
    return (np.array(colours, np.float32) / 255).T


SKIN = _table(
    (240, 202, 182), (228, 184, 154), (206, 156, 120), (176, 124, 88), (138, 92, 64), (102, 68, 51)
)
HAIR = _table(
    (30, 26, 27), (60, 41, 32), (106, 72, 48), (204, 166, 104), (158, 76, 40), (156, 154, 152)
)
IRIS = _table((52, 32, 20), (104, 66, 36), (84, 112, 68), (78, 126, 168))


def hue(values, saturation, value):
    """Return the colours (3, N) of these hues (0 and 1 are red, 1/3 green, 2/3 blue)."""
    ramp = abs((values * 6 + np.array([[0], [4], [2]])) % 6 - 3) - 1
    return (value * (1 - saturation * (1 - np.clip(ramp, 0, 1)))).astype(np.float32)
