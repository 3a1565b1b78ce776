"""A code, what each of its numbers carries, and what changes as one or two of them move."""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from cnnbook.figures.numbers import format_number, indexed
from cnnbook.figures.scene import (
    bars,
    column,
    feel,
    image,
    named,
    over,
    page,
    panel,
    placed,
    plot,
    row,
    sized,
    space,
    spread,
    text,
    tiles,
)
from cnnbook.figures.state import State, state

VALUES = (-3, -1.5, 0, 1.5, 3)  # what a traversal sets a latent to
ROWS = 6  # of the grid at most
ACTIVE = 0.1  # nats: a latent with less is said to carry nothing
EACH = -1  # in place of a second latent: each row of the grid moves another one
MEAN = "the mean, all latents 0"
STEP = 0.05  # the values of a code to start from are rounded to it

WIDTH, TILE = 952, 72  # of the picture, of an image of the grid in it
LARGE, ORIGIN = 232, 128  # sides of the decoded image and of the one that the code is of
MOST, ROW = 20, 21.6  # latents in the list, height of each
TRACK, REACH = 92, 4  # length of the scale of a value, which ends at ±4


@state
class Traversal(State):
    """A code and which of its latents are moved, from −3 to 3."""

    hint = "Click an image of the grid: the code goes there."

    decode: Callable  # codes (N, latents) into images (N, C, H, W) of values from 0 to 1
    kl: np.ndarray  # (latents,): nats that each latent carries, on average over some images
    starts: dict  # name: (latents,), codes to start from
    origins: dict  # name: (C, H, W), the images that some of them are of
    latents: tuple  # those that are moved, 1 to 6, each in a row of its own
    across: int  # the latent that changes from column to column where `down` is one, too
    down: int = EACH  # the latent that changes from row to row; `EACH` moves one in each row
    start: str = MEAN  # where the code is from
    values: tuple = ()  # what `latents` are now; another `start` sets them
    placed: str = ""  # the start that they were set by

    def __post_init__(self):
        self._one_of("start", self.starts)
        count, latents = len(self.starts[self.start]), self.latents
        if not 1 <= len(latents) <= ROWS:
            raise ValueError(f"there are {len(latents)} latents, the sliders are 1 to {ROWS}")
        if len(set(latents)) < len(latents):
            raise ValueError(f"latents is {list(latents)}: only {len(set(latents))} differ")
        for latent in set(latents) - set(range(count)):
            raise ValueError(f"latents holds {latent}, must be from 0 to {count - 1}")
        self._one_of("across", latents)
        self._one_of("down", (EACH, *latents))
        if self.across == self.down:
            raise ValueError(f"across and down are both latent {self.down}: choose two")
        if self.placed != self.start:
            code = self.starts[self.start][list(latents)]
            rounded = tuple(round(STEP * round(float(value) / STEP), 2) for value in code)
            object.__setattr__(self, "values", rounded)
            object.__setattr__(self, "placed", self.start)

    @property
    def bounds(self):
        """The range of the values: −3 to 3, or more if a code to start from needs it."""
        codes = np.stack(list(self.starts.values()))[:, list(self.latents)]
        reach = max(3, int(np.ceil(np.abs(codes).max())))
        return {"values": (-reach, reach)}

    @cached_property
    def code(self):
        """The code now: that of the start, with the values in it."""
        code = self.starts[self.start].copy()
        code[list(self.latents)] = self.values
        return code

    @cached_property
    def grid(self):
        """The codes of the grid, (rows, columns, latents)."""
        rows = self.latents if self.down == EACH else VALUES
        grid = np.tile(self.code, (len(rows), len(VALUES), 1))
        for number, of in enumerate(rows):
            grid[number, :, of if self.down == EACH else self.across] = VALUES
            if self.down != EACH:
                grid[number, :, self.down] = of
        return grid

    @cached_property
    def decoded(self):
        """The image of the code now, and those of the grid (rows, columns, C, H, W)."""
        latents = self.grid.shape[-1]
        images = self.decode(np.concatenate([self.code[None], self.grid.reshape(-1, latents)]))
        return images[0], images[1:].reshape(*self.grid.shape[:2], *images.shape[1:])

    @property
    def nearest(self):
        """Row and column of the image nearest to the code now; in the row of `across`, if any."""
        row, column = (
            int(np.abs(np.subtract(VALUES, self.code[latent])).argmin())
            for latent in (self.down, self.across)
        )
        return self.latents.index(self.across) if self.down == EACH else row, column

    def touched(self, name, row, column):
        """An image of the grid is gone to: the latents take its values."""
        code = dict(zip(self.latents, self.values, strict=True))
        if self.down == EACH:
            code[self.latents[row]] = VALUES[column]
            return {"values": tuple(code.values()), "across": self.latents[row]}
        code |= {self.across: VALUES[column], self.down: VALUES[row]}
        return {"values": tuple(code.values())}

    @property
    def claim(self):
        """How many latents carry something, and what the chosen one does."""
        active = f"{(self.kl > ACTIVE).sum()} of {len(self.code)} latents"
        carried = f"{self._value(self.across)} carries {self.kl[self.across]:.2f}"
        return f"{active} carry more than {ACTIVE} nats; {carried}"

    def _value(self, latent):
        return f"{indexed('z', latent)} = {format_number(round(float(self.code[latent]), 2))}"

    @property
    def movement(self):
        """What the grid shows, in words."""
        if self.down == EACH:
            return "each row moves one latent"
        return f"across {indexed('z', self.across)}, down {indexed('z', self.down)}"

    @property
    def description(self):
        """The claim, the start, and all values that can be moved."""
        values = ", ".join(f"{self._value(k)} ({self.kl[k]:.2f} nats)" for k in self.latents)
        began = f"The code began as {self.start}; now {values}"
        return f"{self.claim}. {began}. Grid from −3 to 3: {self.movement}."

    def picture(self):
        """Draw the decoded image, what each latent carries and is, and the grid."""
        return page(
            text(self.claim, size=15, bold=True),
            spread(_images(self), _latents(self), _grid(self), width=WIDTH),
            description=self.description,
            width=WIDTH,
            gap=18,
            palette=True,
        )


def _images(traversal):
    """The image of the code now; below it the one that it began as."""
    now, _ = traversal.decoded
    size = f"{now.shape[1]} × {now.shape[2]} pixels from {len(traversal.code)} numbers"
    shown = named("decoded", image(now, LARGE, role="output"))
    origin = traversal.origins.get(traversal.start)
    begun = space(0) if origin is None else named("origin", image(origin, ORIGIN, role="input"))
    return column(
        panel("decoded from the code now", size, sized(shown, LARGE, LARGE), "output"),
        text(f"it began as {traversal.start}", size=12, role="muted", width=LARGE),
        sized(begun, height=ORIGIN),
        gap=16,
    )


def _latents(traversal):
    """The latents that carry most: the nats of each, and its value on a scale."""
    order = np.argsort(-traversal.kl, kind="stable").tolist()
    count, listed, most = len(order), order[:MOST], max(float(traversal.kl.max()), 1e-9)
    moved = dict.fromkeys(traversal.latents, "input")
    moved |= {traversal.across: "kernel", traversal.down: "kernel"}
    roles = [moved.get(latent, "muted") for latent in listed]
    chosen = [n for n, latent in enumerate(listed) if latent in moved]
    nats = bars(
        [indexed("z", latent) for latent in listed], traversal.kl[listed], length=78, height=ROW,
        most=most, roles=roles, chosen=chosen, write=lambda share: f"{share:.2f}",
    )  # fmt: skip

    def values(picture, place):
        picture.line(place(0, len(listed)), place(0, 0), stroke="line")
        for number, (latent, role) in enumerate(zip(listed, roles, strict=True)):
            height = len(listed) - number - 0.5
            ends = place(-REACH, height), place(REACH, height)
            picture.line(*ends, stroke="line", stroke_width=1)
            at, y = place(traversal.code[latent], height)
            picture.line(place(0, height), (at, y), stroke=role, stroke_width=2)
            picture.rect(at - 4, y - 4, 8, 8, fill=role, radius=4, at=(latent,))

    axes = {"x": (-REACH, REACH), "y": (0, len(listed)), "x_ticks": (-REACH, 0, REACH)}
    scale = named("value", plot(values, width=TRACK, height=ROW * len(listed), **axes))
    rest = f"{count - MOST} more: {traversal.kl[order[MOST:]].sum():.2f} nats"
    rest = text(rest, size=11, role="muted") if count > MOST else None
    both = row(column(space(0), named("nats", nats), rest), scale, gap=10)
    caption = "nats that each carries, and its value now"
    return panel(f"{count} latents by information", caption, both, "input")


def _grid(traversal):
    """The images of the grid between their values; the nearest one framed."""
    _, images = traversal.decoded
    each, (i, j) = traversal.down == EACH, traversal.nearest
    exact = np.allclose(traversal.grid[i, j], traversal.code)  # sliders are not exact

    def marks(picture, x, y):
        for number, latent in enumerate(traversal.latents if each else ()):
            share = (np.clip(traversal.code[latent], VALUES[0], VALUES[-1]) - VALUES[0]) / 1.5
            at = x + (share + 0.5) * TILE - 4, y + (number + 1) * TILE - 10
            picture.rect(*at, 8, 8, fill="kernel", stroke="paper", radius=4)
        with picture.part("frame"):
            style = {"stroke": "kernel", "stroke_width": 3, "dashed": not exact, "at": (i, j)}
            picture.rect(x + j * TILE, y + i * TILE, TILE, TILE, **style)

    def number(value, **room):
        return placed(text(format_number(value), size=11, role="muted"), **room)

    def name(latent):
        role = "kernel" if latent == traversal.across else "ink"
        return placed(text(indexed("z", latent), role=role, bold=True), height=TILE)

    top = row(*(number(value, width=TILE) for value in VALUES), gap=0)
    values = (number(value, height=TILE) for value in VALUES)
    names = map(name, traversal.latents) if each else values
    names = column(space(26, top.height), *names, gap=0, align=1)
    shown = feel(over(tiles(images, TILE), marks), ("image",), grid=images.shape[:2])
    drawn = sized(named("grid", shown), height=ROWS * TILE)
    both = row(names, column(top, drawn, gap=0), gap=8)
    caption = "framed: nearest to the code now" + "; dots: where each latent is" * each
    return panel(traversal.movement, caption, both, "kernel")
