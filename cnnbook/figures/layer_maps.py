"""What a layer of a network yields for one image: feature maps in a row, or a strip of numbers."""

from typing import NamedTuple

import numpy as np

from cnnbook.figures.numbers import format_number
from cnnbook.figures.scene import (
    ROOM,
    Block,
    column,
    named,
    page,
    row,
    sized,
    space,
    text,
    times,
)
from cnnbook.figures.state import State, state
from cnnbook.figures.style import LIGHT

WIDTH, SECOND, SPAN = 680, 264, 146  # of the picture; of the parts of a heading at the edges
SMALLEST, LARGEST = 14, 84  # longer side of a feature map in pixels
STRIP = 16  # height of a vector's cells in pixels


@state
class LayerMaps(State):
    """What one layer yields for one image."""

    title: str  # such as "convolution 5×5, ReLU"
    values: np.ndarray  # (C, H, W), or (features,); maps of one pixel are taken for a vector

    def __post_init__(self):
        values = np.asarray(self.values, dtype=float)
        if values.ndim == 3 and values.shape[1:] == (1, 1):
            values = values[:, 0, 0]
        if values.ndim not in (1, 3):
            raise ValueError(f"{self.title}: values has {values.ndim} axes, expected 1 or 3")
        if not values.size or not np.isfinite(values).all():
            raise ValueError(f"{self.title}: values are empty, or hold NaN or infinity")
        object.__setattr__(self, "values", values)

    @property
    def size(self):
        """The shape as text: "6 × 28 × 28"."""
        return times(self.values.shape)

    @property
    def caption(self):
        """What the shape means."""
        if self.values.ndim == 1:
            return f"{self.size} numbers"
        maps, rows, columns = self.values.shape
        return f"{maps} map{'s' * (maps > 1)} of {rows} × {columns}"

    @property
    def span(self):
        """Least and greatest value as text."""
        least, most = self.values.min(), self.values.max()
        return f"{format_number(least, 2)} to {format_number(most, 2)}"

    @property
    def pixels(self):
        """The values as images (C, H, W, 1, 3 or 4) uint8 with one scale for the whole layer.

        Without negative values: grey, from 0 as paper to the maximum as ink. With them: orange for
        positive and slate for negative values, more opaque the farther from 0.
        """
        values = self.values if self.values.ndim == 3 else self.values[None, None]
        share = np.abs(values) / (np.abs(values).max() or 1)
        level = np.rint(255 * share).astype(np.uint8)[..., None]
        if values.min() >= 0:
            return np.repeat(255 - level, 3, axis=-1)
        hues = [list(bytes.fromhex(LIGHT[role][1:])) for role in ("kernel", "negative")]
        colour = np.where(values[..., None] > 0, *np.array(hues, np.uint8))
        return np.concatenate([colour, level], axis=-1)

    @property
    def description(self):
        """What the layer is and the shape that it yields."""
        return f"{self.title}: {self.caption}, {self.span}."

    def picture(self):
        """Draw the maps in a row, or the vector as a strip of cells."""
        return draw_layers([self], self.description)


def draw_layers(layers, description):
    """Draw what several layers yield, below one another."""
    return page(*map(layer_block, layers), description=description, width=WIDTH, gap=13)


def layer_block(layer, *, empty=False):
    """A heading over a layer's maps, of a fixed size; no values if nothing was computed."""
    tiles, caption = _Tiles.of(layer), layer.caption
    if layer.values.ndim == 3 and tiles.shown < len(layer.values):
        caption += f", {tiles.shown} drawn"
    if not empty and layer.values.min() < 0:
        caption += ", slate below 0"
    heading = layer_heading(layer.title, caption, "" if empty else layer.span)
    width, height = tiles.width * tiles.across, tiles.rows * tiles.scale

    def draw(picture, x, y):
        if not empty:
            sheet = tiles.montage(layer.pixels)
            picture.image(sheet, x, y, width, height, inverts=sheet.shape[2] == 3)
        for number in range(tiles.shown):
            left = x + number * (tiles.columns + tiles.gap) * tiles.across
            box, fill = (left, y, tiles.columns * tiles.across, height), "wash" if empty else None
            picture.rect(*box, fill=fill, stroke="line", at=(number,))

    return column(heading, named("maps", Block(width, height, draw)), gap=4)


def shortened(words, most):
    """Cut words that are as long as this, or longer."""
    return words if len(words) < most else words[: most - 2] + "…"


def layer_heading(title, caption, span):
    """What a layer is, the shape that it yields, and at the right the range of its values."""
    right = column(text(span, size=12, role="muted", mono=True), space(SPAN), gap=0, align=1)
    left = text(shortened(title, 34), bold=True)
    if ROOM.get() < WIDTH:
        above = row(sized(left, ROOM.get() - SPAN), right, gap=0)
        return column(above, text(caption, size=12, role="muted"), gap=0)
    left = sized(left, SECOND)
    middle = text(caption, size=12, role="muted", width=WIDTH - SECOND - SPAN)
    return row(left, middle, right, gap=0)


class _Tiles(NamedTuple):
    """How the maps of a layer are laid out; a vector is one map of one row."""

    shown: int  # maps
    rows: int  # pixels of a map
    columns: int
    scale: float  # CSS pixels a pixel, downwards
    across: float  # and to the right
    gap: int  # pixels between two maps

    @classmethod
    def of(cls, layer):
        """Fit the maps into the width; their values do not matter."""
        width = min(WIDTH, ROOM.get())
        if layer.values.ndim == 1:
            size = layer.values.size
            return cls(1, 1, size, STRIP, width / max(size, 120), 0)
        maps, rows, columns = layer.values.shape
        longest = max(rows, columns)
        wanted = min(max(4 * longest, 36), LARGEST) / longest
        gap = max(1, round(8 / wanted))
        shown = min(maps, int((width / SMALLEST * longest + gap) // (columns + gap)))
        scale = min(wanted, width / (shown * (columns + gap) - gap))
        return cls(shown, rows, columns, scale, scale, gap)

    @property
    def width(self):
        """Of all maps in pixels."""
        return self.shown * (self.columns + self.gap) - self.gap

    def montage(self, pixels):
        """Put the maps side by side into one image: one is drawn faster than many."""
        sheet = np.full((self.rows, self.width, pixels.shape[-1]), 255, np.uint8)
        sheet[..., 3:] = 0
        for number in range(self.shown):
            left = number * (self.columns + self.gap)
            sheet[:, left : left + self.columns] = pixels[number]
        return sheet
