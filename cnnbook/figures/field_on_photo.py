"""The receptive field of one unit, laid on a photograph."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import format_number
from cnnbook.figures.picture import Picture
from cnnbook.luminance import luminance
from cnnbook.receptive_field import Field

WIDTH, HEIGHT, TOP = 680, 400, 60
STAGE = (410, 310)  # room for the photograph and what lies around it
AROUND = 0.16  # part of the photograph's longer side that is shown outside of it
SIDE = 470  # left edge of what stands beside it
BOX = 140  # side of the close-up and of the map


@dataclass(frozen=True, eq=False)
class PlacedField:
    """A unit of a traced layer, and the photograph that the network looks at.

    Parameters
    ----------
    image : ndarray of shape (H, W) or (H, W, 3), values in [0, 1]
        Drawn in grey.
    field : Field
        Of a layer, along two axes, for an input of H × W pixels.
    unit : (int, int)
        Row and column in the layer's map.

    Raises
    ------
    TypeError, ValueError
        If sizes do not agree, there is no such unit, or its layer has no common jump.

    References
    ----------
    Chapter 8.
    """

    image: np.ndarray
    field: Field
    unit: tuple

    def __post_init__(self):
        image = np.asarray(self.image, dtype=float)
        if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
            raise ValueError(f"image has shape {image.shape}, expected (H, W) or (H, W, 3)")
        object.__setattr__(self, "image", image)
        if len(self.field.axes) != 2:
            raise ValueError(f"the field has {len(self.field.axes)} axes, expected 2")
        self.field.rectangle(self.unit, clip=True)

    @cached_property
    def seen(self):
        """Rows and columns of the photograph that the unit sees."""
        return self.field.rectangle(self.unit, clip=True)

    @cached_property
    def whole(self):
        """The same as if the photograph had no border; where no rule gives it, just `seen`."""
        if any(axis.repeat is None for axis in self.field.axes):
            return self.seen
        return self.field.rectangle(self.unit)

    @property
    def share(self):
        """Part of the photograph that the unit sees, in per cent."""
        rows, columns = self.seen
        return 100 * rows.size * columns.size / np.prod(self.image.shape[:2])

    @property
    def summary(self):
        """Size and jump of the layer's fields."""
        if any(axis.repeat is None for axis in self.field.axes):
            return "no common jump: a branch sees the whole map"
        sizes, jumps = self.field.size, self.field.jump
        return f"field {sizes[0]} × {sizes[1]}, jump {jumps[0]} × {jumps[1]}"

    @property
    def description(self):
        """The unit and its field in words and numbers."""
        rows, columns = self.field.units
        return (
            f"Unit in row {self.unit[0]}, column {self.unit[1]} of the {rows} × {columns} map of "
            f"{self.field.name}: {self.summary}; it sees {self.ranges}, "
            f"{format_number(self.share, 2)} % of the photograph."
        )

    @property
    def ranges(self):
        """First and last row and column that the unit sees, and what lies outside."""
        (top, bottom), (left, right) = self.seen
        outside = self.whole != self.seen
        text = f"rows {top} to {bottom - 1}, columns {left} to {right - 1}"
        (top, bottom), (left, right) = self.whole
        numbers = map(format_number, (top, bottom - 1, left, right - 1))
        without = "rows {} to {}, columns {} to {}".format(*numbers)
        return f"{text} (without a border: {without})" if outside else text


def _pixels(image):
    """Grey bytes: colour is kept for the frames, and grey pictures are a third as heavy."""
    grey = luminance(image) if image.ndim == 3 else image
    return np.dstack([(np.clip(grey, 0, 1) * 255).astype(np.uint8)] * 3)


def draw_field_on_photo(placed):
    """Draw the photograph with what one unit sees left bright.

    Parameters
    ----------
    placed : PlacedField

    Returns
    -------
    Picture
        The field outside the photograph is dashed as far as it fits on the stage. Beside it: the
        unit in its map, and a close-up of what it sees.
    """
    picture = Picture(WIDTH, HEIGHT, placed.description, palette=True)  # two photographs
    rows, columns = placed.field.units
    picture.text(0, 18, placed.field.name, size=15, fill="output", bold=True)
    picture.text(0, 40, placed.summary, size=13)
    picture.text(SIDE, 18, f"map {rows} × {columns}", size=14, fill="output", bold=True)
    where = f"unit in row {placed.unit[0]}, column {placed.unit[1]}"
    picture.text(SIDE, 36, where, size=12, fill="muted")
    _draw_stage(picture, placed)
    _draw_map(picture, placed)
    _draw_close_up(picture, placed)
    return picture


def _draw_stage(picture, placed):
    height, width = placed.image.shape[:2]
    around = AROUND * max(height, width)
    scale = min(STAGE[0] / (width + 2 * around), STAGE[1] / (height + 2 * around))
    across, down = scale * (width + 2 * around), scale * (height + 2 * around)
    left, top = scale * around, TOP + scale * around

    def x(column):
        return min(max(left + scale * column, 0), across)

    def y(row):
        return min(max(top + scale * row, TOP), TOP + down)

    picture.rect(0, TOP, across, down, fill="wash")
    picture.image(_pixels(placed.image), left, top, scale * width, scale * height)
    (r0, r1), (c0, c1) = placed.seen
    frame = (x(c0), y(r0), x(c1) - x(c0), y(r1) - y(r0))
    _fade(picture, (left - 1, top - 1, scale * width + 2, scale * height + 2), frame)
    (w0, w1), (v0, v1) = placed.whole
    if placed.whole != placed.seen:
        corners = (x(v0), y(w0)), (x(v1), y(w0)), (x(v1), y(w1)), (x(v0), y(w1)), (x(v0), y(w0))
        picture.line(*corners, stroke="output", stroke_width=1.5, dashed=True)
    picture.rect(*frame, stroke="output", stroke_width=3, radius=2)
    middle = x((v0 + v1) / 2), y((w0 + w1) / 2)
    if min(x(c1) - x(c0), y(r1) - y(r0)) > 40:
        _draw_cross(picture, middle)
    share = f"sees {format_number(placed.share, 2)} % of the photograph, {height} × {width} pixels"
    picture.text(0, TOP + STAGE[1] + 22, share, size=13, fill="muted")


def _fade(picture, outer, inner):
    """Cover a rectangle but for one inside it, as one polygon: parts would show their seams."""
    corners = []
    for (x, y, width, height), turn in ((outer, 1), (inner, -1)):
        ring = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
        corners += ring[::turn]
    picture.polygon(*corners, corners[0], fill="paper", tint=0.7)


def _draw_cross(picture, middle):
    for dx, dy in ((7, 0), (0, 7)):
        ends = (middle[0] - dx, middle[1] - dy), (middle[0] + dx, middle[1] + dy)
        picture.line(*ends, stroke="paper", stroke_width=4)
        picture.line(*ends, stroke="output", stroke_width=2)


def _draw_map(picture, placed):
    rows, columns = placed.field.units
    cell = BOX / max(rows, columns)
    height, width = rows * cell, columns * cell
    picture.rect(SIDE, TOP - 12, width, height, fill="wash", stroke="line")
    if cell >= 5:
        for r in range(1, rows):
            y = TOP - 12 + r * cell
            picture.line((SIDE, y), (SIDE + width, y), stroke="line", stroke_width=1)
        for c in range(1, columns):
            x = SIDE + c * cell
            picture.line((x, TOP - 12), (x, TOP - 12 + height), stroke="line", stroke_width=1)
    side = max(cell, 5)
    x = SIDE + (placed.unit[1] + 0.5) * cell - side / 2
    y = TOP - 12 + (placed.unit[0] + 0.5) * cell - side / 2
    picture.rect(x, y, side, side, fill="output", stroke="output")


def _draw_close_up(picture, placed):
    """What the unit sees, enlarged; the part outside the photograph is empty."""
    (w0, w1), (v0, v1) = placed.whole
    (r0, r1), (c0, c1) = placed.seen
    top = TOP + BOX + 44
    picture.text(SIDE, top - 26, "what it sees", size=14, fill="output", bold=True)
    outside = placed.whole != placed.seen
    caption = "dashed: beyond the border" if outside else "all of it on the photograph"
    picture.text(SIDE, top - 9, caption, size=12, fill="muted")
    scale = BOX / max(w1 - w0, v1 - v0, 1)
    frame = (SIDE, top, scale * (v1 - v0), scale * (w1 - w0))
    picture.rect(*frame, fill="wash", stroke="output", dashed=True, stroke_width=1.5)
    if r1 > r0 and c1 > c0:
        place = (SIDE + scale * (c0 - v0), top + scale * (r0 - w0),
                 scale * (c1 - c0), scale * (r1 - r0))  # fmt: skip
        picture.image(_pixels(placed.image[r0:r1, c0:c1]), *place)
        picture.rect(*place, stroke="output", stroke_width=2)
