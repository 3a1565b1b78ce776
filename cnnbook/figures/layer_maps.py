"""What a layer of a network yields for one image: feature maps in a row, or a strip of numbers."""

from dataclasses import dataclass

import numpy as np

from cnnbook.figures.cells import format_number
from cnnbook.figures.style import LIGHT

WIDTH = 680
COLUMN = 264  # where a heading's second part begins
HEADING = 22  # its height
GAP = 13  # below a layer
SMALLEST, LARGEST = 14, 84  # longer side of a feature map in pixels
STRIP = 16  # height of a vector's cells in pixels


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """What one layer yields for one image.

    Parameters
    ----------
    title : str
        What the layer is, such as "convolution 5×5, ReLU".
    values : ndarray of shape (C, H, W) or (features,)
        C feature maps, or a vector. Maps of one pixel each are taken for a vector.

    Raises
    ------
    ValueError
        If the values have other axes, or are not finite.
    """

    title: str
    values: np.ndarray

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
        return " × ".join(map(str, self.values.shape))

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
        """The values as images with one scale for the whole layer.

        Returns
        -------
        ndarray of uint8, shape (C, H, W) or (1, features) for grey levels, and four channels more
            Without negative values: grey, from 0 as paper to the maximum as ink. With them: the
            kernel's colour for positive and the input's for negative values, more opaque the
            farther from 0.
        """
        values = self.values if self.values.ndim == 3 else self.values[None, None]
        share = np.abs(values) / (np.abs(values).max() or 1)
        level = np.rint(255 * share).astype(np.uint8)
        if values.min() >= 0:
            return np.repeat(255 - level[..., None], 3, axis=-1)
        hues = [
            [int(LIGHT[role][place : place + 2], 16) for place in (1, 3, 5)]
            for role in ("kernel", "input")
        ]
        colour = np.where(values[..., None] > 0, *np.array(hues, np.uint8))
        return np.concatenate([colour, level[..., None]], axis=-1)


@dataclass(frozen=True)
class _Tiles:
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
        if layer.values.ndim == 1:
            size = layer.values.size
            return cls(1, 1, size, STRIP, WIDTH / max(size, 120), 0)
        maps, rows, columns = layer.values.shape
        longest = max(rows, columns)
        wanted = min(max(4 * longest, 36), LARGEST) / longest
        gap = max(1, round(8 / wanted))
        shown = min(maps, int((WIDTH / SMALLEST * longest + gap) // (columns + gap)))
        fitting = WIDTH / (shown * (columns + gap) - gap)
        scale = min(wanted, fitting)
        return cls(shown, rows, columns, scale, scale, gap)

    @property
    def height(self):
        """Of one map in CSS pixels."""
        return self.rows * self.scale

    def montage(self, pixels):
        """Put the maps side by side into one image: one is drawn faster than many."""
        width = self.shown * (self.columns + self.gap) - self.gap
        sheet = np.full((self.rows, width, pixels.shape[-1]), 255, np.uint8)
        sheet[..., 3:] = 0
        for number in range(self.shown):
            left = number * (self.columns + self.gap)
            sheet[:, left : left + self.columns] = pixels[number]
        return sheet


def layer_height(layer):
    """Say how high `draw_layer_maps` draws, heading and the space below included.

    Parameters
    ----------
    layer : LayerMaps

    Returns
    -------
    float
        In CSS pixels; the layer's values do not matter.
    """
    return HEADING + GAP + _Tiles.of(layer).height


def draw_layer_maps(picture, layer, top, *, empty=False):
    """Draw a heading and a layer's maps in a row, or its vector as a strip of cells.

    Parameters
    ----------
    picture : Picture
        Drawn upon, over a width of 680 pixels.
    layer : LayerMaps
    top : float
        Upper edge in pixels.
    empty : bool
        Leave the cells empty: there was nothing to compute.
    """
    tiles = _Tiles.of(layer)
    caption = layer.caption
    if layer.values.ndim == 3 and tiles.shown < len(layer.values):
        caption += f", the first {tiles.shown} drawn"
    if not empty and layer.values.min() < 0:
        caption += ", blue below 0"
    draw_layer_heading(picture, top, layer.title, caption, "" if empty else layer.span)
    top += HEADING
    if not empty:
        sheet = tiles.montage(layer.pixels)
        box = (0, top, sheet.shape[1] * tiles.across, tiles.height)
        picture.image(sheet, *box, inverts=sheet.shape[2] == 3)
    for number in range(tiles.shown):
        left = number * (tiles.columns + tiles.gap) * tiles.across
        picture.rect(
            left, top, tiles.columns * tiles.across, tiles.height,
            fill="wash" if empty else None, stroke="line",
        )  # fmt: skip


def draw_layer_heading(picture, top, title, caption, span):
    """Write what a layer is, the shape that it yields, and the range of its values.

    Parameters
    ----------
    picture : Picture
        Drawn upon.
    top : float
        Upper edge in pixels.
    title, caption, span : str
        At the left, in the middle, and at the right.
    """
    title = title if len(title) < 34 else title[:32] + "…"
    picture.text(0, top + 14, title, size=13, bold=True)
    picture.text(COLUMN, top + 14, caption, size=12, fill="muted")
    picture.text(WIDTH, top + 14, span, size=12, fill="muted", anchor="end", mono=True)
