"""The receptive field of one unit, laid on a photograph."""

from dataclasses import replace
from functools import cached_property

import numpy as np

from cnnbook.checks import integer
from cnnbook.figures.numbers import format_number
from cnnbook.figures.scene import (
    Block,
    column,
    feel,
    image,
    named,
    page,
    panel,
    row,
    sized,
    space,
    text,
    times,
)
from cnnbook.figures.state import State, state
from cnnbook.luminance import luminance

STAGE = (410, 310)  # room for the photograph and what lies around it
AROUND = 0.16  # part of the photograph's longer side that is shown outside of it
BOX = 140  # side of the close-up and of the map


@state
class PlacedField(State):
    """A unit of a traced layer, and the photograph that the network looks at, in grey.

    The unit is the last one where the layer's map has fewer, the middle one when not given.
    """

    hint = "Point at the photograph or at the map; click or drag."

    image: np.ndarray  # (H, W) or (H, W, 3), from 0 to 1
    fields: dict  # by layer, as `cnnbook.receptive_field.trace` gives them for H × W pixels
    layer: str
    row: int | None = None
    column: int | None = None

    def __post_init__(self):
        self._array("image", 2, 3)
        if self.image.ndim == 3 and self.image.shape[2] != 3:
            raise ValueError(f"image has shape {self.image.shape}, expected (H, W) or (H, W, 3)")
        self._one_of("layer", self.fields)
        if len(self.field.axes) != 2:
            raise ValueError(f"the field has {len(self.field.axes)} axes, expected 2")
        for name, count in zip(("row", "column"), self.field.units, strict=True):
            given = getattr(self, name)
            place = (count - 1) // 2 if given is None else min(integer(name, given, 0), count - 1)
            object.__setattr__(self, name, place)

    @property
    def field(self):
        """The field of the layer."""
        return self.fields[self.layer]

    @property
    def bounds(self):
        """The rows and columns of the map."""
        rows, columns = self.field.units
        return {"row": (0, rows - 1), "column": (0, columns - 1)}

    @cached_property
    def centres(self):
        """The middle of what each row, and each column, of units sees, as pixel indices."""
        rows, columns = (range(count) for count in self.field.units)
        spans = [self.field.rectangle((n, 0))[0] for n in rows]
        spans = spans, [self.field.rectangle((0, n))[1] for n in columns]
        return [np.array([span.centre for span in each]) for each in spans]

    def touched(self, name, *place):
        """A unit of the map is gone to, or the one that looks at a pixel."""
        if name == "pixel":
            place = (
                int(np.abs(at - centres).argmin())
                for at, centres in zip(place, self.centres, strict=True)
            )
        return dict(zip(("row", "column"), place, strict=True))

    def hovered(self, *part):
        """A place shows its unit."""
        return replace(self, **self.touched(*part))

    @cached_property
    def seen(self):
        """Rows and columns of the photograph that the unit sees."""
        return self.field.rectangle((self.row, self.column), clip=True)

    @cached_property
    def whole(self):
        """The same as if the photograph had no border; where no rule gives it, just `seen`."""
        if any(axis.repeat is None for axis in self.field.axes):
            return self.seen
        return self.field.rectangle((self.row, self.column))

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
    def ranges(self):
        """First and last row and column that the unit sees, and what lies outside."""
        seen, whole = (
            f"rows {format_number(rows[0])} to {format_number(rows[1] - 1)}, "
            f"columns {format_number(columns[0])} to {format_number(columns[1] - 1)}"
            for rows, columns in (self.seen, self.whole)
        )
        return f"{seen} (without a border: {whole})" if whole != seen else seen

    @property
    def description(self):
        """The unit and its field in words and numbers."""
        return (
            f"Unit in row {self.row}, column {self.column} of the {times(self.field.units)} map of "
            f"{self.field.name}: {self.summary}; it sees {self.ranges}, "
            f"{format_number(self.share, 2)} % of the photograph."
        )

    @cached_property
    def grey(self):
        """The photograph in grey: colour is kept for the frames."""
        return luminance(self.image) if self.image.ndim == 3 else self.image

    def picture(self):
        """Draw the photograph with what the unit sees left bright, the map, and a close-up.

        The field outside the photograph is dashed as far as there is room.
        """
        height, width = self.image.shape[:2]
        share = f"sees {format_number(self.share, 2)} % of the photograph"
        title = text(self.field.name, size=15, role="output", bold=True)
        below = text(f"{share}, {height} × {width} pixels", role="muted")
        left = column(title, text(self.summary), _stage(self), below)
        inside = self.whole == self.seen
        border = "all of it on the photograph" if inside else "dashed: beyond the border"
        where, units = f"unit in row {self.row}, column {self.column}", times(self.field.units)
        map_ = panel(f"map {units}", where, sized(_map(self), BOX, BOX), "output")
        close = panel("what it sees", border, sized(_close_up(self), BOX, BOX), "output")
        both = row(sized(left, 470), column(map_, close, gap=12), gap=0)
        return page(both, description=self.description, width=680, palette=True)


def _stage(placed):
    """The photograph in its surroundings, all but the field covered."""
    height, width = placed.image.shape[:2]
    around = AROUND * max(height, width)
    scale = min(STAGE[0] / (width + 2 * around), STAGE[1] / (height + 2 * around))
    (top, bottom), (left, right) = placed.seen
    (first, last), (west, east) = placed.whole

    def draw(picture, x, y):
        def at(row, column):
            """Place of a pixel's corner; what lies beyond the surroundings is at their end."""
            column = min(max(column, -around), width + around)
            row = min(max(row, -around), height + around)
            return x + scale * (around + column), y + scale * (around + row)

        def ring(a, b, c, d):
            return [at(a, c), at(a, d), at(b, d), at(b, c), at(a, c)]

        size = scale * (width + 2 * around), scale * (height + 2 * around)
        picture.rect(x, y, *size, fill="wash")
        corner = at(0, 0)
        image(placed.grey, scale * max(height, width)).draw(picture, *corner)
        sheet = feel(space(scale * width, scale * height), ("pixel",), grid=(height, width))
        edge = 1 / scale
        photo = ring(-edge, height + edge, -edge, width + edge)
        field = ring(top, bottom, left, right)
        with picture.part("cover"):  # one polygon with a hole: parts would show their seams
            picture.polygon(*photo, *field[::-1], photo[0], fill="paper", tint=0.7)
        if placed.whole != placed.seen:
            picture.line(*ring(first, last, west, east), stroke="output", dashed=True)
        picture.line(*field, stroke="output", stroke_width=3)
        if scale * min(bottom - top, right - left) > 40:
            x, y = at((first + last) / 2, (west + east) / 2)
            for stroke, stroke_width in (("paper", 4), ("output", 2)):
                style = {"stroke": stroke, "stroke_width": stroke_width}
                picture.line((x - 7, y), (x + 7, y), **style)
                picture.line((x, y - 7), (x, y + 7), **style)
        sheet.draw(picture, *corner)

    return Block(*STAGE, draw)


def _map(placed):
    """The units of the layer, the chosen one filled."""
    rows, columns = placed.field.units
    cell = BOX / max(rows, columns)
    width, height = columns * cell, rows * cell

    def draw(picture, x, y):
        picture.rect(x, y, width, height, fill="wash", stroke="line")
        line, side = {"stroke": "line", "stroke_width": 1}, max(cell, 5)
        for k in range(1, rows if cell >= 5 else 0):
            picture.line((x, y + k * cell), (x + width, y + k * cell), **line)
        for k in range(1, columns if cell >= 5 else 0):
            picture.line((x + k * cell, y), (x + k * cell, y + height), **line)
        left, top = ((k + 0.5) * cell - side / 2 for k in (placed.column, placed.row))
        picture.rect(x + left, y + top, side, side, fill="output", stroke="output")

    return feel(named("map", Block(width, height, draw)), ("unit",), grid=placed.field.units)


def _close_up(placed):
    """What the unit sees, enlarged; the part outside the photograph is empty."""
    (rows, columns), (r, c) = placed.whole, placed.seen
    scale = BOX / max(rows.size, columns.size, 1)
    width, height = scale * columns.size, scale * rows.size

    def draw(picture, x, y):
        frame = {"fill": "wash", "stroke": "output", "dashed": True, "stroke_width": 1.5}
        picture.rect(x, y, width, height, **frame)
        if r.size and c.size:
            part = placed.grey[slice(*r), slice(*c)]
            place = x + scale * (c.start - columns.start), y + scale * (r.start - rows.start)
            image(part, scale * max(part.shape), role="output").draw(picture, *place)

    return Block(width, height, draw)
