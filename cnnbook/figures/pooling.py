"""One step of a pooling window, and what a shift of the input does to the output."""

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np

from cnnbook.figures.numbers import format_number
from cnnbook.figures.scene import (
    LEGIBLE,
    ROOM,
    WIDTH,
    Frame,
    arrow,
    cells,
    column,
    legible,
    named,
    over,
    page,
    panel,
    result,
    room,
    row,
    rule,
    sized,
    space,
    spread,
    step_line,
    text,
    times,
)
from cnnbook.figures.state import SlidingWindow, each_room, state
from cnnbook.ops import avg_pool2d, max_pool2d
from cnnbook.shapes import per_axis, pool_output_size

TERMS = 9  # values written out; the rest are counted
LARGEST = 12  # rows or columns that a picture holds legibly
DIRECTIONS = {"right": (0, 1), "down": (1, 0), "diagonal": (1, 1)}
ORDINALS = {1: "every pixel", 2: "every 2nd pixel", 3: "every 3rd pixel"}
PIXEL, PADDING, BEYOND = range(3)
HEIGHT, SIDE = 306, 84  # of the upper half; of a grid in the lower one


class Change(NamedTuple):
    """The numbers for an input and for a changed one, of shape (rows, columns)."""

    before: np.ndarray
    after: np.ndarray

    @property
    def where(self):
        """Which entries differ, beyond rounding."""
        return ~np.isclose(self.before, self.after, rtol=1e-9, atol=1e-12)

    @property
    def count(self):
        """The entries that differ and all there are: "3 of 9"."""
        return f"{self.where.sum()} of {self.where.size}"

    @property
    def relative(self):
        """Euclidean length of the difference, as a share of the length before."""
        length = np.linalg.norm(self.before)
        return np.linalg.norm(self.after - self.before) / length if length else 0.0


@state
class Pooling(SlidingWindow):
    """A pooling window at one of its positions over an array that may be shifted."""

    x: np.ndarray  # (H, W), with its padding at most 12 along each axis
    mode: str = "max"  # or "average"
    kernel_size: int | tuple = 2  # this and the next four as in `torch.nn.functional.avg_pool2d`
    stride: int | tuple | None = None
    padding: int | tuple = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    shift: int = 0  # pixels; what leaves on one side enters on the other
    direction: str = "right"  # or "down" or "diagonal"
    step: int = 0  # number of the position, row by row

    def __post_init__(self):
        self._array("x", 2)
        self._one_of("mode", ("max", "average"))
        self._one_of("direction", DIRECTIONS)
        per_axis("shift", self.shift, 1, minimum=0)
        self._within("step", self.steps)
        if max(self.zone.shape) > LARGEST:
            raise ValueError(
                f"the padded input is {times(self.zone.shape)}, "
                f"the picture holds at most {LARGEST} × {LARGEST}"
            )

    @property
    def idle(self):
        """Fields that say nothing: padding can be counted only in a mean over padding."""
        averages = self.mode == "average" and any(self.pair("padding"))
        return () if averages else ("count_include_pad",)

    @cached_property
    def pairs(self):
        """Settings for rows and columns, by name; the stride is the kernel's size if not given."""
        stride = self.kernel_size if self.stride is None else self.stride
        given = {"kernel_size": self.kernel_size, "stride": stride, "padding": self.padding}
        return {name: per_axis(name, value, 2) for name, value in (given | {"dilation": 1}).items()}

    @property
    def window_size(self):
        """Rows and columns of the window."""
        return self.windows[0]

    @cached_property
    def windows(self):
        """Kernel, stride and padding, each as a pair of rows and columns."""
        return [self.pair(name) for name in ("kernel_size", "stride", "padding")]

    @cached_property
    def output_shape(self):
        """Rows and columns of the output."""
        return pool_output_size(self.x.shape, *self.windows, ceil_mode=self.ceil_mode)

    @cached_property
    def shifted(self):
        """The input after the shift."""
        return np.roll(self.x, [self.shift * d for d in DIRECTIONS[self.direction]], axis=(0, 1))

    @cached_property
    def zone(self):
        """What each cell of `padded` is: a pixel, padding, or beyond both (ceil_mode)."""
        (rows, columns), (top, left) = self.x.shape, self.windows[2]
        axes = zip(self.output_shape, self.x.shape, *self.windows, strict=True)
        reach = [max((n - 1) * s + k, size + 2 * pad) for n, size, k, s, pad in axes]
        zone = np.full(reach, BEYOND)
        zone[: rows + 2 * top, : columns + 2 * left] = PADDING
        zone[top : top + rows, left : left + columns] = PIXEL
        return zone

    @cached_property
    def padded(self):
        """The shifted input with its padding; NaN where nothing counts."""
        uncounted = -np.inf if self.mode == "max" else np.nan
        zero = self.mode == "average" and self.count_include_pad
        padded = np.where(self.zone == PADDING, 0 if zero else uncounted, np.nan)
        padded[self.zone == PIXEL] = self.shifted.ravel()
        return padded

    def pool(self, x):
        """Pool an array of the input's shape with these settings."""
        if self.mode == "max":
            return max_pool2d(x[None], *self.windows, ceil_mode=self.ceil_mode)[0]
        return avg_pool2d(x[None], *self.windows, self.ceil_mode, self.count_include_pad)[0]

    @cached_property
    def output(self):
        """All outputs of the shifted input."""
        return self.pool(self.shifted)

    @cached_property
    def winners(self):
        """Row and column in the shifted input of each window's maximum, the first of equals."""
        options = {"ceil_mode": self.ceil_mode, "return_indices": True}
        indices = max_pool2d(self.shifted[None], *self.windows, **options)[1]
        return [divmod(int(index), self.x.shape[1]) for index in indices.flat]

    @cached_property
    def changes(self):
        """What the shift changes in the pixels, in those a stride keeps, in the pooled output."""
        down, across = self.windows[1]
        return (
            Change(self.x, self.shifted),
            Change(self.x[::down, ::across], self.shifted[::down, ::across]),
            Change(self.pool(self.x), self.output),
        )

    @cached_property
    def unseen(self):
        """Number of pixels that lie in no window."""
        seen = np.zeros(self.zone.shape, bool)
        for step in range(self.steps):
            (row, column), (tall, wide) = self.at(step).corner, self.window_size
            seen[row : row + tall, column : column + wide] = True
        return int((~seen[self.zone == PIXEL]).sum())

    @property
    def formula(self):
        """The value of this step with its numbers put in."""
        values = self.covered[~np.isnan(self.covered)]
        terms = [format_number(value) for value in values[:TERMS]]
        terms += [f"… ({values.size} values)"] if values.size > TERMS else []
        place = "y[{},{}]".format(*self.position)
        value = format_number(self.output[self.position])
        if self.mode == "max":
            return f"{place} = max({', '.join(terms)}) = {value}"
        return f"{place} = ({' + '.join(terms).replace('+ −', '− ')}) / {values.size} = {value}"

    @cached_property
    def size_formula(self):
        """The output size of the last axis with its numbers put in."""
        kernel, stride, padding = [pair[1] for pair in self.windows]
        left, right = "⌈⌉" if self.ceil_mode else "⌊⌋"
        way = self.x.shape[1] + 2 * padding - kernel
        count = (-(-way // stride) if self.ceil_mode else way // stride) + 1
        dropped = " − 1" if count > self.output_shape[1] else ""  # it would start in the padding
        inside = f"({self.x.shape[1]} + 2·{padding} − {kernel}) / {stride}"
        return f"{left}{inside}{right} + 1{dropped} = {self.output_shape[1]}"

    @property
    def description(self):
        """The step and the shift in words and numbers."""
        where = "row {}, column {}".format(*self.position)
        words = f"Step {self.step + 1} of {self.steps}: {where} of the output. {self.formula}."
        if self.mode == "max":
            words += " The maximum stands in row {}, column {}.".format(*self.winners[self.step])
        if not self.shift:
            return words
        pixels, sampled, pooled = [change.count for change in self.changes]
        return (
            f"{words} Shift {self.shift_words}: {pixels} pixels change, {sampled} when the stride "
            f"keeps {self.kept_words}, {pooled} outputs of {self.mode} pooling."
        )

    @property
    def shift_words(self):
        """How far and which way the input is shifted."""
        way = {"right": "to the right", "down": "down", "diagonal": "down and to the right"}
        return f"{self.shift} {way[self.direction]}" if self.shift else "0"

    @property
    def kept_words(self):
        """Which pixels the stride keeps."""
        down, across = self.windows[1]
        if down != across:
            return f"one pixel in {down} × {across}"
        return ORDINALS.get(down, f"every {down}th pixel")

    @cached_property
    def scale(self):
        """The values without a tint and with the strongest one: the larger, the darker."""
        smallest, largest = min(self.x.min(), 0), max(self.x.max(), 0)
        return {"smallest": smallest, "largest": largest if largest > smallest else 1}

    @each_room
    def cell(self):
        """Side of the largest cells that there is room for."""
        return room(lambda cell: _upper(self, cell), range(38, 5, -1), height=HEIGHT)

    def picture(self):
        """Draw the window, the output so far, and before and after the shift."""
        words, paper = _formula(self), ROOM.get() == math.inf
        if not paper:
            words = sized(words, height=self.highest(_formula))
        return page(
            step_line(self, "row {}, column {} of the output".format(*self.position)),
            sized(_upper(self, self.cell), 0, HEIGHT if paper else 0.82 * HEIGHT),
            words,
            rule(),
            _shift(self),
            description=self.description,
        )


def _formula(pooling):
    values = max(len(format_number(v)) for v in [*pooling.x.flat, *pooling.output.flat])
    longest = min(TERMS, np.prod(pooling.windows[0])) * (values + 3) + 32
    size = min(15, WIDTH / longest / 0.602)
    size = size if legible(size) else LEGIBLE
    return sized(text(pooling.formula, size=size, mono=True), 0, 20)


def _upper(pooling, cell):
    """The input, what the window covers, the output so far and its value."""
    (tall, wide), maximum = pooling.windows[0], pooling.mode == "max"
    moved = f", shifted by {pooling.shift}" if pooling.shift else ""
    caption = f"each counts 1/{(~np.isnan(pooling.covered)).sum()}"
    words = "mean"
    if maximum:
        equals = (pooling.covered == pooling.output[pooling.position]).sum()
        caption = f"{equals} equals: the first wins" if equals > 1 else "ring: the largest"
        words = "maximum, found in row {}, column {}".format(*pooling.winners[pooling.step])
    frame = Frame(*pooling.corner, tall, wide)
    output = cells(
        pooling.output, cell=cell, role="output", like=_values(pooling), shown=pooling.done,
        frames=pooling.pointed.get("output", [Frame(*pooling.position, role="output")]),
        name="output", touch=("output",), **pooling.scale,
    )  # fmt: skip
    title = f"output {times(pooling.output_shape)}"
    return spread(
        panel(
            f"input {times(pooling.x.shape)}{moved}", _padding_words(pooling),
            _grid(pooling, (0, 0), pooling.zone.shape, cell, frame, "input"), "input", width=240,
        ),
        panel(
            f"window {tall} × {wide}", caption,
            _grid(pooling, pooling.corner, (tall, wide), cell,
                  Frame(0, 0, tall, wide, stroke_width=2), "window"), "kernel", width=160,
        ),
        column(
            panel(title, pooling.size_formula, named("output", output), "output"),
            result(words, format_number(pooling.output[pooling.position]), width=235),
            gap=14,
        ),
    )  # fmt: skip


def _values(pooling):
    """All numbers of the picture, in one precision and size of type."""
    laid = pooling.padded[~np.isnan(pooling.padded)]
    return np.concatenate([pooling.x.ravel(), laid, pooling.output.ravel()])


def _padding_words(pooling):
    zeros = pooling.mode == "average" and pooling.count_include_pad
    words = "padding: −∞, never wins" if pooling.mode == "max" else "padding: not counted"
    words = "padding: zeros, counted" if zeros else words
    words = words if any(pooling.windows[2]) else "no padding"
    return words + (f"; {pooling.unseen} pixels unseen" if pooling.unseen else "")


def _grid(pooling, corner, shape, cell, frame, name):
    """Draw a part of the padded input with its maxima marked."""
    part = tuple(slice(first, first + size) for first, size in zip(corner, shape, strict=True))
    values, roles = pooling.padded[part], np.full(shape, "input", "<U6")
    winners = np.add(pooling.winners[: pooling.step + 1], pooling.windows[2]) - corner
    if pooling.mode == "max":
        roles[tuple(winners[-1])] = "output"
    shown = ~np.isnan(values)
    grid = cells(
        np.where(shown, values, 0), cell=cell, role=roles, like=_values(pooling), shown=shown,
        muted=pooling.zone[part] > 0, touch=(name,) if name == "input" else (),
        frames=pooling.pointed.get(name, [frame]) if name == "input" else [frame], **pooling.scale,
    )  # fmt: skip

    def mark(picture, x, y):
        """A dot for each pixel that some window has kept, a ring for the one of this step."""
        inside = ((winners >= 0) & (winners < shape)).all(axis=1)
        size = max(4, cell * 0.16)
        for i, j in np.unique(winners[inside], axis=0):
            left, top = x + (j + 0.5) * cell - size / 2, y + (i + 0.92) * cell - size / 2
            with picture.part("kept"):
                picture.rect(left, top, size, size, fill="ink", radius=size / 2, at=(i, j))
        turns = np.linspace(0, 2 * np.pi, 33)
        middle = np.add((x, y), (winners[-1][::-1] + 0.5) * cell)
        ring = middle + 0.42 * cell * np.c_[np.cos(turns), np.sin(turns)]
        with picture.part("ring"):
            picture.line(*map(tuple, ring), stroke="ink")

    return named(name, over(grid, mark) if pooling.mode == "max" else grid)


def _shift(pooling):
    """Three pairs of arrays, before and after the shift."""
    title = text(f"Shift {pooling.shift_words}: what changes?", size=14, bold=True)
    note = "framed: changed; what leaves on one side enters on the other"
    names = [
        ("no pooling", "all pixels", "input"),
        (pooling.kept_words, "stride alone", "input"),
        (f"{pooling.mode} pooling", f"windows of {times(pooling.windows[0])}", "output"),
    ]
    pairs = [
        _change(pooling, change, *words)
        for change, words in zip(pooling.changes, names, strict=True)
    ]
    heading = spread(title, text(note, size=12, role="muted"), most=WIDTH)
    return column(heading, spread(*pairs, most=WIDTH), gap=16)


def _change(pooling, change, title, caption, role):
    """Both arrays side by side, what differs framed, and its count below."""
    cell = max(6, min(38, SIDE // max(change.before.shape)))
    changed = [Frame(*at, role="ink", stroke_width=1.5) for at in np.argwhere(change.where)]
    before, after = (
        sized(cells(values, cell=cell, role=role, like=_values(pooling), frames=frames,
                    **pooling.scale), SIDE, SIDE)
        for values, frames in ((change.before, ()), (change.after, changed))
    )  # fmt: skip
    pair = row(before, arrow(), after, gap=6, align=0.5)

    def share(picture, x, y):
        picture.rect(x, y, pair.width, 6, fill="wash", radius=3)
        if change.where.any():
            picture.rect(x, y, pair.width * change.where.mean(), 6, fill="ink", radius=3)

    counted = column(
        over(space(pair.width, 6), share),
        text(f"{change.count} changed", size=15, bold=True, width=pair.width),
        text(f"relative change {100 * change.relative:.0f} %", size=12, role="muted"),
        gap=4,
    )
    return panel(title, caption, column(named("change", pair), counted, gap=14), role)
