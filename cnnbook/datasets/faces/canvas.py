"""What faces are drawn with: colours, where each pixel looks, solids, and paint."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

SIDE = 64  # rows and columns of an image
UNIT = 21.5  # pixels from the middle of a head to its chin


# colours are from 0 to 1, in an array of shape (3, number of them)
def _table(*colours):
    return (np.array(colours, np.float32) / 255).T


SKIN = _table(
    (240, 202, 182), (228, 184, 154), (206, 156, 120), (176, 124, 88), (138, 92, 64), (102, 68, 51)
)
HAIR = _table(
    (30, 26, 27), (60, 41, 32), (106, 72, 48), (204, 166, 104), (158, 76, 40), (156, 154, 152)
)
IRIS = _table((52, 32, 20), (104, 66, 36), (84, 112, 68), (78, 126, 168))


def colour_of(hue, saturation, value):
    """Return the colours (3, N) of these hues (0 and 1 are red, 1/3 green, 2/3 blue)."""
    ramp = abs((hue * 6 + np.array([[0], [4], [2]])) % 6 - 3) - 1
    return (value * (1 - saturation * (1 - np.clip(ramp, 0, 1)))).astype(np.float32)


def column(values):
    """Make numbers of N faces fit arrays of N pictures."""
    return np.asarray(values, np.float32)[..., None, None]


class Place(NamedTuple):
    """A square of each of N pictures: the first row and the first column of each, and the size."""

    rows: np.ndarray
    columns: np.ndarray
    size: int

    def cut(self, pictures):
        """Copy the squares out of pictures (..., N, H, W)."""
        return self._windows(pictures)[..., np.arange(len(self.rows)), *self[:2], :, :]

    def put(self, pictures, squares):
        """Put the squares back in place."""
        self._windows(pictures)[..., np.arange(len(self.rows)), *self[:2], :, :] = squares

    def _windows(self, pictures):
        return sliding_window_view(pictures, (self.size,) * 2, axis=(-2, -1), writeable=True)


class View(NamedTuple):
    """Where each pixel of N pictures looks, in units of half a head.

    Axes are right, down and front: those of the camera, or those of a head.
    """

    rotation: np.ndarray  # (3, 3, N, 1, 1), turns the head's axes into the camera's
    scale: np.ndarray  # (N, 1, 1), pixels in a unit
    right: np.ndarray  # (N, H, W), the place that a pixel shows, in the camera's axes
    down: np.ndarray

    @classmethod
    def of(cls, faces):
        """Look at heads as their attributes say."""
        sin, cos = _turn(faces["yaw"])
        up, level = _turn(faces["pitch"])
        zero = 0 * sin
        rotation = [[cos, zero, sin], [up * sin, level, -up * cos], [-level * sin, up, level * cos]]
        scale = UNIT * column(faces["size"])
        centre = np.arange(SIDE, dtype=np.float32) + 0.5 - SIDE / 2
        # a turned head has most of itself behind the nose: moved, it stays in the middle
        across = (centre - column(faces["column"]) + 0.15 * UNIT * sin) / scale
        along = (centre[:, None] + 0.5 - column(faces["row"])) / scale
        sin, cos = _turn(faces["roll"])
        right, down = cos * across + sin * along, cos * along - sin * across
        return cls(np.array(rotation), scale, right, down)

    def of_some(self, chosen):
        """Look at some of the heads only."""
        return View(self.rotation[:, :, chosen], *(part[chosen] for part in self[1:]))

    def near(self, point, size):
        """Return the place of the pixels around a point of each head, and the view of them."""
        point = np.array(np.broadcast_arrays(*point, self.scale[:, 0, 0])[:3], np.float32)
        seen = (self.rotation[:2, :, :, 0, 0] * point).sum(1)
        places = np.stack([self.right, self.down])
        corner = places[..., 0, 0]
        steps = np.stack([places[..., 1, 0] - corner, places[..., 0, 1] - corner], 2)
        middle = ((seen - corner)[..., None] * steps).sum(0) * self.scale[:, 0] ** 2
        first = np.clip(middle.T.astype(int) - size // 2, 0, self.right.shape[1] - size)
        place = Place(*first, size)
        return place, self._replace(right=place.cut(self.right), down=place.cut(self.down))

    def cover(self, distance):
        """Turn a signed distance (inside is positive) into the share of a pixel that is covered."""
        return np.clip(0.5 + distance * self.scale, 0, 1)

    def on_head(self, front):
        """Return right, down and front, in the head's axes, of the points at that depth."""
        r = self.rotation
        return [r[0, k] * self.right + r[1, k] * self.down + r[2, k] * front for k in range(3)]

    def ellipsoid(self, centre, axes):
        """Return the depth of an ellipsoid of each head, and how much of each pixel it covers.

        `centre` and `axes` are triples of numbers or of arrays (N,), in the head's axes. Outside
        of the outline the depth falls away steeply, so that solids can be joined there.
        """
        wide = [np.broadcast_to(value, len(self.scale)) for value in (*centre, *axes)]
        centre, axes = np.array(wide, np.float32).reshape(2, 3, -1)
        # divided by the axes it is a ball: |right · across + down · along + t · ray - middle| = 1
        across, along, ray = self.rotation[..., 0, 0] / axes
        middle = centre / axes

        def dot(first, second):
            return column((first * second).sum(0))

        a = dot(ray, ray)
        b = dot(across, ray) * self.right + (dot(along, ray) * self.down - dot(middle, ray))
        # a quadratic in t: inside is its discriminant, a polynomial in right and down
        inside = b * b
        inside -= (a * dot(across, across)) * (self.right * self.right)
        inside -= (2 * a * dot(across, along) * self.right) * self.down
        inside += (2 * a * dot(across, middle)) * self.right
        rest = (a * dot(along, along)) * self.down - 2 * a * dot(along, middle)
        inside -= rest * self.down + a * (dot(middle, middle) - 1)
        depth = np.sqrt(np.maximum(inside, 0))
        depth += 3 * np.minimum(inside, 0)
        depth -= b
        depth /= a
        return depth, self.cover(inside * (column(axes.mean(0)) / (2 * a)))


def _turn(degrees):
    angle = np.radians(column(degrees))
    return np.sin(angle), np.cos(angle)


def join(first, second, softness=0):
    """Return the nearer of two surfaces, rounded where they meet."""
    if not softness:
        return np.maximum(first, second)
    share = np.clip(0.5 + (second - first) / (2 * softness), 0, 1)
    return first + share * (second - first) + softness * share * (1 - share)


def paint(rgb, cover, colour):
    """Lay a colour over pictures (3, N, H, W) where `cover` (N, H, W) says how much."""
    for channel, value in zip(rgb, colour, strict=True):
        channel += cover * (value - channel)
