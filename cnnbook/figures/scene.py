"""Pictures out of blocks that know their size: laid out, not placed.

A block is drawn with its top left corner anywhere. `row` and `column` put blocks beside and below
one another, `fit` takes the largest cells that there is room for, and `page` makes the picture; so
nothing overlaps and nothing is cut off. Sizes are CSS pixels.

A picture on paper is as wide as it likes. One on a screen has a `ROOM`: what is wider goes on in
the next line, and no text is too small to read.
"""

import math
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from PIL import ImageFont

from cnnbook.figures.numbers import format_number
from cnnbook.figures.picture import Picture

WIDTH = 900
NARROWEST, LEGIBLE = 360, 11  # a smaller window scrolls; a smaller type is left out on a screen
ROOM = ContextVar("room", default=math.inf)
"""How wide the page on a screen is, in pixels; infinity on paper."""


class Block(NamedTuple):
    """Something of a size that `draw(picture, x, y)` draws."""

    width: float
    height: float
    draw: Callable


class Frame(NamedTuple):
    """A frame around some cells of a grid, the top left one at (row, column)."""

    row: int
    column: int
    rows: int = 1
    columns: int = 1
    role: str = "kernel"
    stroke_width: float = 3
    dashed: bool = False


# ---------------------------------------------------------------- text


@cache
def _font(mono, bold):
    face = f"DejaVuSans{'Mono' if mono else ''}{'-Bold' if bold else ''}.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", face), 100)


@cache
def text_width(words, size=13, bold=False, mono=False):
    """Width of a line of text where it runs widest: in the PNG, or in a browser's mono face."""
    return _font(mono, bold).getlength(words) * size * (1 if mono else 0.95) / 100


def text(words, *, size=13, role="ink", bold=False, mono=False, width=0):
    """One line of text, more where there is no room; it takes at least `width`."""
    words, style = str(words), {"size": size, "bold": bold, "mono": mono}
    shown, long = words.lstrip(), text_width(words, **style)
    if 1.06 * long > ROOM.get() and " " in shown:
        cut = wrapped(words, ROOM.get(), **style)
        return lines(*cut, gap=0, role=role, width=width, **style)
    indent = long - text_width(shown, **style)  # SVG drops leading spaces: they become a distance
    return Block(
        max(width, long),
        size * 1.35,
        lambda picture, x, y: picture.text(x + indent, y + size, shown, fill=role, **style),
    )


def wrapped(words, width, **style):
    """Cut a text into lines of this width; each keeps the spaces in front of the first."""
    indent = " " * (len(words) - len(words.lstrip()))
    first, *rest = words.lstrip().split(" ")
    cut = [indent + first]
    for word in rest:
        longer = f"{cut[-1]} {word}"
        if 1.06 * text_width(longer, **style) <= width:  # whole pixels a letter, in some fonts
            cut[-1] = longer
        else:
            cut.append(indent + word)
    return cut


def legible(size):
    """Return whether a type of this size may be written: on a screen it must not be small."""
    return size >= LEGIBLE or ROOM.get() == math.inf


def note(words, width=0):
    """One small muted line: what stands beside the thing itself."""
    return text(words, size=12, role="muted", width=width)


def lines(*texts, gap=2, **style):
    """Lines of text below one another, all in one style."""
    return column(*(text(words, **style) for words in texts), gap=gap)


def formula(*texts):
    """Lines in the monospaced face."""
    return lines(*texts, mono=True)


def times(shape):
    """Write a shape: 3 × 4."""
    return " × ".join(map(str, shape))


# ---------------------------------------------------------------- layout


def space(width, height=0):
    """Nothing, of a size."""
    return Block(width, height, lambda picture, x, y: None)


def sized(block, width=0, height=0):
    """A block that takes at least this much room, where there is as much."""
    width = max(block.width, min(width, ROOM.get()))
    return block._replace(width=width, height=max(block.height, height))


def placed(block, width=0, height=0, *, across=0.5, down=0.5):
    """A block in a room of at least this size, in its middle; 0 is left or top, 1 beyond."""
    room = sized(block, width, height)
    left, top = across * (room.width - block.width), down * (room.height - block.height)
    return room._replace(draw=lambda picture, x, y: block.draw(picture, x + left, y + top))


def named(name, block):
    """A block whose marks have a name; see `Picture.find`."""

    def draw(picture, x, y):
        with picture.part(name):
            block.draw(picture, x, y)

    return block._replace(draw=draw)


def feel(block, touch, words="", grid=None):
    """A block under a clear sheet that answers a pointer, see `Picture.part`."""

    def draw(picture, x, y):
        block.draw(picture, x, y)
        with picture.part("sheet", touch=touch, words=words, grid=grid):
            picture.rect(x, y, block.width, block.height, fill="paper", tint=0)

    return block._replace(draw=draw)


def over(block, draw):
    """A block with marks upon it that keep inside of it, drawn by `draw(picture, x, y)`."""

    def both(picture, x, y):
        block.draw(picture, x, y)
        draw(picture, x, y)

    return block._replace(draw=both)


def column(*blocks, gap=8, align=0.0):
    """Blocks below one another; `align` 0 is left, 0.5 centred, 1 right; None is left out."""
    blocks = [block for block in blocks if block]
    width = max((block.width for block in blocks), default=0)

    def draw(picture, x, y):
        for block in blocks:
            block.draw(picture, x + align * (width - block.width), y)
            y += block.height + gap

    height = sum(block.height for block in blocks) + gap * max(len(blocks) - 1, 0)
    return Block(width, height, draw)


def row(*blocks, gap=40, align=0.0, wraps=True):
    """Blocks beside one another; `align` 0 is top, 0.5 centred, 1 bottom; None is left out.

    What there is no room for goes on in a line below, if it `wraps`.
    """
    blocks = [block for block in blocks if block]
    height = max((block.height for block in blocks), default=0)
    width = sum(block.width for block in blocks) + gap * max(len(blocks) - 1, 0)
    if wraps and width > ROOM.get() and len(blocks) > 1:
        ends = np.cumsum([block.width + gap for block in blocks]) - gap
        first = max(np.count_nonzero(ends <= ROOM.get()), 1)
        some = (
            row(*blocks[:first], gap=gap, align=align),
            row(*blocks[first:], gap=gap, align=align),
        )
        return column(*some, gap=min(max(gap, 8), 16))

    def draw(picture, x, y):
        for block in blocks:
            block.draw(picture, x, y + align * (height - block.height))
            x += block.width + gap

    return Block(width, height, draw)


def spread(*blocks, width=WIDTH, align=0.0, most=90):
    """Blocks beside one another over a whole width, at most `most` apart."""
    blocks = [block for block in blocks if block]
    free = min(width, ROOM.get()) - sum(block.width for block in blocks)
    gap = max(12, min(free / max(len(blocks) - 1, 1), most))
    return row(*blocks, gap=gap, align=align)


def panel(title, caption, block, role="ink", *, width=0):
    """A block under its title, in its colour, and a muted caption; `width` reserves room."""
    heading = text(title, size=14, role=role, bold=True, width=width)
    return column(heading, text(caption, size=12, role="muted"), block, gap=4)


def labelled(title, caption, block, role="ink", *, width=190):
    """A block with its title, in its colour, and a muted caption before it."""
    heading = column(text(title, size=14, role=role, bold=True), note(caption), gap=2)
    return row(sized(heading, width), block, gap=0, align=0.5)


def table(*rows, gap=(24, 16)):
    """Rows of blocks whose columns line up; (block, across, down) puts one not at its top left.

    Where there is no room for all columns, each row goes on in lines of its own.
    """
    rows = [[cell if type(cell) is tuple else (cell, 0, 0) for cell in cells] for cells in rows]
    widths = [max(cell[0].width for cell in cells) for cells in zip(*rows, strict=True)]
    lines, narrow = [], sum(widths) + gap[0] * (len(widths) - 1) > ROOM.get()
    for cells in rows:
        if narrow:
            lines.append(row(*(cell[0] for cell in cells if cell[0].width), gap=gap[0]))
            continue
        height, each = max(cell[0].height for cell in cells), zip(cells, widths, strict=True)
        put = (placed(block, w, height, across=a, down=d) for (block, a, d), w in each)
        lines.append(row(*put, gap=gap[0]))
    return column(*lines, gap=gap[1])


def fit(build, sizes, width=WIDTH, height=math.inf):
    """Build the block with the first, largest size with which it has room; else with the last."""
    return build(room(build, sizes, width, height))


def room(build, sizes, width=WIDTH, height=math.inf):
    """Return the first, largest size with which a block has room; else the last.

    On a screen controls need a part of the height; where parts had to go below one another, the
    page may be twice as high.
    """
    if ROOM.get() < math.inf:
        height *= 0.82 if width <= ROOM.get() else 2
        width = min(width, ROOM.get())
    built = ((size, build(size)) for size in sizes)
    fits = (size for size, b in built if b.width <= width and b.height <= height)
    return next(fits, sizes[-1])


def clip(words, width, size=13, bold=False, *, tail=False):
    """Cut a line of text to a width, at its end or before its `tail`; … is what was cut."""
    shown, length = words, len(words)
    while length and text_width(shown, size, bold) > width:
        length -= 1
        shown = "…" + words[len(words) - length :] if tail else words[:length] + "…"
    return shown


def page(*blocks, description, width=WIDTH, gap=14, palette=False):
    """Draw blocks below one another on a canvas that is at least `width` wide, if it has room."""
    whole = column(*blocks, gap=gap)
    size = max(min(width, ROOM.get()), math.ceil(whole.width)), math.ceil(whole.height)
    picture = Picture(*size, description, palette=palette)
    whole.draw(picture, 0, 0)
    return picture


# ---------------------------------------------------------------- content


def step_line(state, where):
    """Which step this is, and what it yields; as wide at every step."""
    width = text_width(f"Step {state.steps} of {state.steps}", 14, bold=True)
    step = f"Step {state.step + 1} of {state.steps}"
    where = getattr(state, "said", "") or where
    return row(text(step, size=14, role="muted", bold=True, width=width), text(where, role="muted"))


def result(words, value, *, width):
    """The number that a step yields, large, under what it is."""
    value = value if isinstance(value, str) else format_number(value, 4)
    number = text(f"= {value}", size=27, role="output", bold=True, mono=True, width=width)
    return column(text(words, role="muted", bold=True), number, gap=2)


def cells(
    values, *, cell, role="input", like=None, largest=None, smallest=0, shown=None, muted=None,
    frames=(), write=None, longest=1, name="", touch=(), move="", origins=None,
):  # fmt: skip
    """A matrix, or a row, as tinted cells with its numbers in them, where they can be read.

    On a screen a number without room is said while a pointer rests on its cell.

    `role` colours what is above zero, in all cells or in each; what is below is slate. `like` holds
    all values that there may be, at any step: they set decimals, size of type and tint. `largest`
    and `smallest` are the magnitudes with the strongest tint and with none; a `smallest` other than
    0 makes the tint follow the value: of two negative numbers the larger one is the darker. Cells
    that are not `shown` stay empty, `muted` ones are dashed and grey: padding. `write` writes a
    value, and `longest` characters have room, so that several grids can share a size of type.
    `touch`, with row and column behind it, says what a cell is to a pointer; a cell moves by the
    name `move` and its row and column, and `origins`, a dict of (row, column), says where some come
    from: see `Picture.part`. The frames of a grid with a `name` move by themselves.
    """
    values = np.atleast_2d(np.asarray(values, dtype=float))
    like, origins = values if like is None else np.asarray(like), origins or {}
    roles, everywhere = np.broadcast_to(role, values.shape), np.ones(values.shape, bool)
    shown = everywhere if shown is None else np.atleast_2d(shown)
    muted = ~everywhere if muted is None else np.atleast_2d(muted)

    def draw(picture, x, y):
        finite = np.abs(like[np.isfinite(like)])
        most = (finite.max() if finite.size else 0) or 1
        decimals = max((3 if cell >= 34 else 2) - math.floor(math.log10(most)), 0)
        written = cache(write or (lambda value: format_number(round(value, decimals), 4)))
        drawn = [*np.unique(np.round(like, decimals)).tolist(), *values.flat]
        longest_of_all = max(longest, *(len(written(v)) for v in drawn))
        size, least = min(15, cell * 0.42, 1.5 * cell / longest_of_all), 6
        if ROOM.get() < math.inf:
            least = LEGIBLE
            if LEGIBLE * max(0.61 * longest_of_all, 1.2) <= cell - 1:
                size = max(size, least)
        span = ((most if largest is None else largest) - smallest) or 1
        with picture.part(name):
            for at in map(tuple, [*np.argwhere(muted), *np.argwhere(~muted)]):  # dashes lie below
                value, left, top = values[at], x + at[1] * cell, y + at[0] * cell
                where = (*touch, *map(int, at)) if touch else None
                mine = move and f"{move} {at[0]} {at[1]}"
                with picture.part(touch=where, move=mine, origin=origins.get(at, "")):
                    ground = {"fill": "wash" if muted[at] else "paper", "dashed": bool(muted[at])}
                    says = {"title": written(value) if shown[at] and size < least > 6 else ""}
                    with picture.part("padding" if muted[at] else "cell"):
                        picture.rect(left, top, cell, cell, **ground, stroke="line", at=at, **says)
                        strength = max(value - smallest, 0) if smallest else abs(value)
                        if shown[at] and not muted[at] and np.isfinite(value) and strength:
                            hue = "negative" if value < 0 else str(roles[at])
                            tint = {"fill": hue, "tint": min(strength / span, 1), "stroke": "line"}
                            picture.rect(left, top, cell, cell, **tint, at=at, **says)
                    if shown[at] and size >= least:
                        look = {"size": size, "anchor": "middle", "mono": True}
                        base, hue = top + cell / 2 + size * 0.36, "muted" if muted[at] else "ink"
                        picture.text(left + cell / 2, base, written(value), fill=hue, **look)
            with picture.part("frame"):
                for k, (i, j, rows, columns, stroke, stroke_width, dashed) in enumerate(frames):
                    where = x + j * cell, y + i * cell, columns * cell, rows * cell
                    look = {"stroke_width": stroke_width, "dashed": dashed, "radius": 3}
                    with picture.part(move=name and f"{name} frame {k}"):
                        picture.rect(*where, stroke=stroke, **look)

    return Block(values.shape[1] * cell, values.shape[0] * cell, draw)


def arrow(length=24, *, role="muted"):
    """An arrow to the right."""
    return Block(length, 10, lambda p, x, y: p.arrow((x, y + 5), (x + length, y + 5), stroke=role))


def rule(width=WIDTH):
    """A thin line across."""
    width, ends = min(width, ROOM.get()), {"stroke": "line", "stroke_width": 1}
    return Block(width, 1, lambda picture, x, y: picture.line((x, y), (x + width, y), **ends))


def pixels(image):
    """Turn (H, W), (1, H, W) or (3, H, W) of values from 0 to 1 into (H, W, 3) uint8.

    Raises
    ------
    ValueError
        If it has another shape.
    """
    array = np.asarray(image, dtype=float)
    array = array[None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[0] not in (1, 3):
        raise ValueError(f"image has shape {array.shape}, expected (1, H, W) or (3, H, W)")
    levels = np.round(255 * np.clip(array, 0, 1)).astype(np.uint8).transpose(1, 2, 0)
    return np.broadcast_to(levels, (*levels.shape[:2], 3))


def image(values, side, *, role=None, inverts=False):
    """An image of values from 0 to 1, see `pixels`, its longer side `side` long; `role` frames it.

    One that `inverts` is ink on paper, which a dark theme turns round.
    """
    levels = pixels(values)
    scale = side / max(levels.shape[:2])
    height, width = levels.shape[0] * scale, levels.shape[1] * scale

    def draw(picture, x, y):
        with picture.part("image"):
            picture.image(levels, x, y, width, height, inverts=inverts, crisp=True)
            if role:
                picture.rect(x, y, width, height, stroke=role, stroke_width=2)

    return Block(width, height, draw)


def tiles(images, side):
    """Images (rows, columns, C, H, W) of values from 0 to 1 without space, each `side` wide."""
    rows, columns, channels, height, width = images.shape
    joined = images.transpose(2, 0, 3, 1, 4).reshape(channels, rows * height, columns * width)
    levels = pixels(joined)
    if min(height, width) < 64:  # a browser would blur the small pixels of a large image
        enlarge = max(1, round(side / max(height, width)))
        levels = levels.repeat(enlarge, 0).repeat(enlarge, 1)

    def draw(picture, x, y):
        right, bottom = x + columns * side, y + rows * side
        line = {"stroke": "paper", "stroke_width": 2}
        with picture.part("image"):
            picture.image(levels, x, y, columns * side, rows * side, crisp=True)
        for low in (y + k * side for k in range(1, rows)):
            picture.line((x, low), (right, low), **line)
        for left in (x + k * side for k in range(1, columns)):
            picture.line((left, y), (left, bottom), **line)

    return Block(columns * side, rows * side, draw)


def bars(names, shares, *, length=120, height=19, most=1.0, roles="ink", chosen=(), write=None):
    """A horizontal bar for each share, its name before and its number after it.

    A bar of `most` has the full `length`, a line the `height`. `roles` colours all bars or each;
    the `chosen` ones are in bold. `write` writes a share; in percent when not given.
    """
    write = write or (lambda share: f"{100 * share:.0f} %")
    roles = [roles] * len(names) if isinstance(roles, str) else list(roles)
    size, names = min(13, height * 0.7), [str(name) for name in names]
    size = size if legible(size) else LEGIBLE
    before = max((text_width(name, size, bold=True) for name in names), default=0) + 8
    after = text_width(max([write(most), *map(write, shares)], key=len), size, True, True) + 8

    def draw(picture, x, y):
        for k, (name, share, role) in enumerate(zip(names, shares, roles, strict=True)):
            top, wide = y + k * height, max(length * min(share / most, 1), 0.5)
            base, style = y + (k + 0.5) * height + size * 0.36, {"size": size, "fill": role}
            style["bold"] = k in chosen
            picture.text(x + before - 8, base, name, anchor="end", **style)
            with picture.part("bar"):
                box = x + before, top + 0.15 * height, wide, 0.7 * height
                picture.rect(*box, fill=role, radius=1.5, at=(k,))
            picture.text(x + before + wide + 6, base, write(share), mono=True, **style)

    return Block(before + length + after, height * len(names), draw)


def box(width, height, *words, role, tint=None, size=12, radius=0):
    """A filled rectangle with lines in its middle; a tinted one is edged in its colour."""
    written = (text(line, size=size, mono=True) for line in words)
    inside = placed(column(*written, gap=0, align=0.5), width, height)

    def draw(picture, x, y):
        edge = None if tint is None else role
        style = {"fill": role, "tint": tint, "stroke": edge, "radius": radius}
        picture.rect(x, y, width, height, **style)
        inside.draw(picture, x, y)

    return Block(width, height, draw)


# ---------------------------------------------------------------- plots


class Place(NamedTuple):
    """Turns values of a plot into (x, y) on the canvas; what is beyond stands on the edge."""

    left: float
    top: float
    width: float
    height: float
    x: tuple
    y: tuple
    logarithmic: bool = False

    def __call__(self, x, y):
        """Return the place of a value."""
        across = (min(max(x, self.x[0]), self.x[1]) - self.x[0]) / (self.x[1] - self.x[0])
        low, high, value = *self.y, min(max(y, self.y[0]), self.y[1])
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        up = (value - low) / (high - low)
        return self.left + across * self.width, self.top + (1 - up) * self.height


def plot(*layers, width, height, x, y, x_ticks=(), y_ticks=(), x_label="", logarithmic=False,
         feel=()):  # fmt: skip
    """Axes with layers on them: `curve`, `level`, `dot`, or any `layer(picture, place)`.

    The size is that of the axes, outside of which come ticks (values, or a dict of values to
    words) and the label. `x` and `y` are least and most; `y` may be logarithmic, and has a line at
    each of its ticks. `feel` is a touch and a grid over the axes, see `Picture.part`.
    """
    x_ticks, y_ticks = (
        ticks if isinstance(ticks, dict) else {tick: format_number(tick) for tick in ticks}
        for ticks in (x_ticks, y_ticks)
    )
    halves = {tick: text_width(words, 11) / 2 for tick, words in x_ticks.items()}
    before = [half - width * (tick - x[0]) / (x[1] - x[0]) for tick, half in halves.items()]
    left = max([0, *before, *(text_width(words, 11) + 8 for words in y_ticks.values())])
    right, above = max([10, *halves.values()]), 8

    def draw(picture, x0, y0):
        start, end, bottom = x0 + left, x0 + left + width, y0 + above + height
        place = Place(start, y0 + above, width, height, x, y, logarithmic)
        style, thin = {"size": 11, "fill": "muted"}, {"stroke": "line", "stroke_width": 1}
        with picture.part("axis"):
            picture.line((start, bottom), (end, bottom), **thin)
            for value, words in y_ticks.items():
                _, level = place(x[0], value)
                picture.line((start, level), (end, level), **thin)
                picture.text(start - 6, level + 4, words, anchor="end", **style)
            for value, words in x_ticks.items():
                across, _ = place(value, y[0])
                picture.line((across, bottom), (across, bottom + 4), stroke_width=1)
                picture.text(across, bottom + 17, words, anchor="middle", **style)
            if x_label:
                picture.text(end, bottom + (32 if x_ticks else 17), x_label, anchor="end", **style)
        for layer in layers:
            layer(picture, place)
        if feel:
            with picture.part("sheet", touch=feel[0], grid=feel[1]):
                picture.rect(start, y0 + above, width, height, fill="paper", tint=0)

    under = 20 * bool(x_ticks) + 16 * bool(x_label)
    return Block(left + width + right, above + height + under + 4, draw)


def curve(x, y, role, *, width=2, dashed=False):
    """A layer of a plot: a line, thinned to what pixels show."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    chosen = np.unique(np.linspace(0, len(x) - 1, min(len(x), 400)).round().astype(int))

    def layer(picture, place):
        points = list(map(place, x[chosen].tolist(), y[chosen].tolist()))
        if len(points) > 1:
            with picture.part("curve"):
                picture.line(*points, stroke=role, stroke_width=width, dashed=dashed)

    return layer


def area(x, low, high, role, *, tint):
    """A layer of a plot: what lies between two curves, or between a curve and a number."""
    below = x if np.ndim(low) else (x[0], x[-1])
    edges = [[a.tolist() for a in np.broadcast_arrays(*e)] for e in ((below, low), (x, high))]

    def layer(picture, place):
        there, back = (list(map(place, *edge)) for edge in edges)
        with picture.part("area"):
            picture.polygon(*there, *back[::-1], fill=role, tint=tint)

    return layer


def level(y, words="", *, role="muted", dashed=True):
    """A layer of a plot: a line across, with its name above its right end."""

    def layer(picture, place):
        (left, height), (right, _) = place(place.x[0], y), place(place.x[1], y)
        picture.line((left, height), (right, height), stroke=role, stroke_width=1, dashed=dashed)
        picture.text(right, height - 5, words, size=11, fill=role, anchor="end")

    return layer


def dot(x, y, role, words=""):
    """A layer of a plot: a point, and its name beside it, on the side where there is room."""

    def layer(picture, place):
        across, height = place(x, y)
        with picture.part("dot"):
            picture.rect(across - 4, height - 4, 8, 8, fill=role, radius=4)
        look = {"bold": True, "mono": True}
        before = across + 10 + text_width(words, **look) > place.left + place.width
        base = min(max(height - 6, place.top + 13), place.top + place.height - 4)
        look |= {"fill": role, "anchor": "end" if before else "start"}
        picture.text(across - 10 if before else across + 10, base, words, **look)

    return layer
