"""A code, what each of its numbers carries, and what changes as one or two of them move."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import draw_heading, format_number, indexed
from cnnbook.figures.picture import Picture
from cnnbook.figures.pixels import draw_image, draw_tiles

WIDTH, TOP = 952, 92
LARGE, ORIGIN = 232, 128  # sides of the decoded image and of the one that the code is of
LIST, ROW, MOST = 264, 21.6, 20  # left edge and row height of the list, and rows at most
BAR, TRACK, REACH = 84, 92, 4  # lengths of a bar and of the scale, which ends at ±4
TILES, TILE = 588, 72  # left edge of the grid, side of an image in it
VALUES = (-3, -1.5, 0, 1.5, 3)  # what a traversal sets a latent to
ROWS = 6  # of the grid at most
ACTIVE = 0.1  # nats: a latent with less is said to carry nothing


@dataclass(frozen=True, eq=False)
class Traversal:
    """A code and which of its latents are moved, from −3 to 3.

    Parameters
    ----------
    code : ndarray of shape (latents,)
        What is decoded now.
    kl : ndarray of shape (latents,)
        Nats that each latent carries, on average over some images.
    shown : tuple of int
        Latents that are moved, each in a row of its own.
    across : int
        The latent that changes from column to column where `down` is one, too.
    down : int, optional
        The latent that changes from row to row; without it, each row moves another latent.
    start : str
        Where the code is from, in words.

    Raises
    ------
    ValueError
        If lengths disagree, or there is no such latent.
    """

    code: np.ndarray
    kl: np.ndarray
    shown: tuple
    across: int
    down: int | None = None
    start: str = "the mean, all latents 0"

    def __post_init__(self):
        count = len(self.code)
        if self.kl.shape != (count,):
            raise ValueError(f"kl has shape {self.kl.shape}, the code has {count} latents")
        named = {"across": self.across, "down": self.down}
        chosen = [(name, value) for name, value in named.items() if value is not None]
        for name, value in [("shown", latent) for latent in self.shown] + chosen:
            if not 0 <= value < count:
                raise ValueError(f"{name} is {value}, must be from 0 to {count - 1}")
        if not 1 <= len(self.shown) <= ROWS:
            raise ValueError(f"shown holds {len(self.shown)} latents, must be 1 to {ROWS}")
        if self.across == self.down:
            raise ValueError(f"across and down are both latent {self.down}: choose two")

    @cached_property
    def order(self):
        """All latents, from the one that carries most to the one that carries least."""
        return np.argsort(-self.kl, kind="stable")

    @property
    def active(self):
        """Number of latents that carry more than 0.1 nats."""
        return int((self.kl > ACTIVE).sum())

    @cached_property
    def codes(self):
        """The codes of the grid, (rows, columns, latents)."""
        rows = len(self.shown) if self.down is None else len(VALUES)
        codes = np.tile(self.code, (rows, len(VALUES), 1))
        if self.down is None:
            for row, latent in enumerate(self.shown):
                codes[row, :, latent] = VALUES
        else:
            codes[:, :, self.across] = VALUES
            codes[:, :, self.down] = np.reshape(VALUES, (-1, 1))
        return codes

    @property
    def nearest(self):
        """Row and column of the image in the grid that is nearest to the code now.

        Where each row moves another latent, it is the one in the row of `across`, or in the first
        row if that has none.
        """

        def column(latent):
            return int(np.abs(np.subtract(VALUES, self.code[latent])).argmin())

        if self.down is None:
            row = self.shown.index(self.across) if self.across in self.shown else 0
            return row, column(self.shown[row])
        return column(self.down), column(self.across)

    @property
    def claim(self):
        """How many latents carry something, and what the chosen one does."""
        value, nats = format_number(round(float(self.code[self.across]), 2)), self.kl[self.across]
        return (
            f"{self.active} of {len(self.code)} latents carry more than {ACTIVE} nats; "
            f"{indexed('z', self.across)} = {value} carries {nats:.2f}"
        )

    @property
    def movement(self):
        """What the grid shows, in words."""
        if self.down is None:
            return "each row moves one latent"
        return f"across {indexed('z', self.across)}, down {indexed('z', self.down)}"

    @property
    def description(self):
        """The claim, the start, and all values that can be moved."""
        values = ", ".join(
            f"{indexed('z', latent)} = {format_number(round(float(self.code[latent]), 2))} "
            f"({self.kl[latent]:.2f} nats)"
            for latent in self.shown
        )
        return (
            f"{self.claim}. The code began as {self.start}; now {values}. "
            f"Grid from −3 to 3: {self.movement}."
        )


def draw_traversal(traversal, image, tiles, origin=None):
    """Draw the decoded image, what each latent carries and is, and the grid of traversals.

    Parameters
    ----------
    traversal : Traversal
    image : ndarray of shape (C, H, W), values from 0 to 1
        Decoded from `traversal.code`.
    tiles : ndarray of shape (rows, columns, C, H, W)
        Decoded from `traversal.codes`.
    origin : ndarray of shape (C, H, W), optional
        The image that the code began as.

    Returns
    -------
    Picture
    """
    picture = Picture(WIDTH, TOP + ROWS * TILE + 22, traversal.description, palette=True)
    picture.text(0, 18, traversal.claim, size=15, bold=True)
    size = f"{image.shape[1]} × {image.shape[2]} pixels from {len(traversal.code)} numbers"
    draw_heading(picture, 0, TOP - 16, "decoded from the code now", size, role="output")
    draw_image(picture, image, 0, TOP, LARGE, role="output")
    top = TOP + ROWS * TILE - ORIGIN
    picture.text(0, top - 10, f"it began as {traversal.start}", size=12, fill="muted")
    if origin is not None:
        draw_image(picture, origin, 0, top, ORIGIN, role="input")
    _draw_list(picture, traversal)
    _draw_grid(picture, traversal, tiles)
    return picture


def _draw_list(picture, traversal):
    """Draw a row for each latent: its name, the nats it carries, and its value on a scale."""
    count, middle = len(traversal.code), LIST + 234
    caption = "nats that each carries, and its value now"
    draw_heading(picture, LIST, TOP - 16, f"{count} latents by information", caption, role="input")
    most, listed = max(float(traversal.kl.max()), 1e-9), traversal.order[:MOST]
    bottom = TOP + ROW * len(listed)
    picture.line((middle, TOP), (middle, bottom), stroke="line", stroke_width=1)
    for value in (-REACH, 0, REACH):
        place = middle + value / REACH * TRACK / 2, bottom + 14
        picture.text(*place, format_number(value), size=11, fill="muted", anchor="middle")
    for number, latent in enumerate(listed):
        y, moved = TOP + ROW * (number + 0.5), latent in traversal.shown
        chosen = latent in (traversal.across, traversal.down)
        role = "kernel" if chosen else "ink" if moved else "muted"
        name = indexed("z", int(latent))
        picture.text(LIST + 26, y + 5, name, fill=role, anchor="end", bold=moved or chosen)
        length = BAR * float(traversal.kl[latent]) / most
        bar = "input" if moved else "muted"
        picture.rect(LIST + 34, y - 6, max(length, 0.5), 12, fill=bar)
        nats = f"{traversal.kl[latent]:.2f}"
        picture.text(LIST + 40 + length, y + 4, nats, size=11, fill=role, mono=True)
        _draw_value(picture, float(traversal.code[latent]), middle, y, role)
    if count > MOST:
        rest = traversal.kl[traversal.order[MOST:]].sum()
        words = f"{count - MOST} more: {rest:.2f} nats"
        picture.text(LIST, bottom + 14, words, size=11, fill="muted")


def _draw_value(picture, value, middle, y, role):
    """Draw a value as a dot on a scale from −4 to 4."""
    place = middle + min(max(value / REACH, -1), 1) * TRACK / 2
    picture.line(
        (middle - TRACK / 2, y), (middle + TRACK / 2, y), stroke="line", stroke_width=1
    )  # fmt: skip
    picture.line((middle, y), (place, y), stroke=role, stroke_width=2)
    picture.rect(place - 4, y - 4, 8, 8, fill=role, radius=4)


def _draw_grid(picture, traversal, tiles):
    caption = "framed: nearest to the code now"
    caption += "; dots: where each latent is" if traversal.down is None else ""
    draw_heading(picture, TILES, TOP - 16, traversal.movement, caption, role="kernel")
    for column, value in enumerate(VALUES):
        place = TILES + (column + 0.5) * TILE, TOP - 5
        picture.text(*place, format_number(value), size=11, fill="muted", anchor="middle")
    draw_tiles(picture, tiles, TILES, TOP, TILE)
    _draw_row_labels(picture, traversal)
    row, column = traversal.nearest
    exact = np.allclose(traversal.codes[row, column], traversal.code)  # sliders are not exact
    picture.rect(
        TILES + column * TILE, TOP + row * TILE, TILE, TILE,
        stroke="kernel", stroke_width=3, dashed=not exact,
    )  # fmt: skip


def _draw_row_labels(picture, traversal):
    """Name the rows; where each moves another latent, mark the latent's value by a dot."""
    if traversal.down is not None:
        for row, value in enumerate(VALUES):
            place = TILES - 8, TOP + (row + 0.5) * TILE + 4
            picture.text(*place, format_number(value), size=11, fill="muted", anchor="end")
        return
    step = VALUES[1] - VALUES[0]
    for row, latent in enumerate(traversal.shown):
        bottom, chosen = TOP + (row + 1) * TILE, latent == traversal.across
        role = "kernel" if chosen else "ink"
        place = TILES - 8, bottom - TILE / 2 + 5
        picture.text(*place, indexed("z", latent), fill=role, anchor="end", bold=True)
        value = min(max(float(traversal.code[latent]), VALUES[0]), VALUES[-1])
        x = TILES + ((value - VALUES[0]) / step + 0.5) * TILE
        picture.rect(
            x - 4, bottom - 10, 8, 8, fill="kernel", stroke="paper", stroke_width=1, radius=4
        )
