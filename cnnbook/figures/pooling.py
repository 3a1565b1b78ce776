"""One step of a pooling window, and what a shift of the input does to the output."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, fit_cell, format_number
from cnnbook.figures.change import PAIR_WIDTH, SIDE, Change, draw_change
from cnnbook.figures.picture import Picture
from cnnbook.ops import avg_pool2d, max_pool2d
from cnnbook.shapes import per_axis, pool_output_size

WIDTH = 900
TERMS = 16  # values written out; the rest are counted
MODES = ("max", "average")
DIRECTIONS = {"right": (0, 1), "down": (1, 0), "diagonal": (1, 1)}
ORDINALS = {1: "every pixel", 2: "every 2nd pixel", 3: "every 3rd pixel"}
PIXEL, PADDING, BEYOND = range(3)


@dataclass(frozen=True, eq=False)
class Pooling:
    """A pooling window at one of its positions over an array that may be shifted.

    Parameters
    ----------
    x : ndarray of shape (H, W)
    mode : {"max", "average"}
    kernel_size, stride, padding, ceil_mode, count_include_pad
        As in `torch.nn.functional.avg_pool2d`; the stride is `kernel_size` when not given.
    shift : int
        Pixels by which the input is moved; what leaves on one side enters on the other.
    direction : {"right", "down", "diagonal"}
    step : int
        Number of the position, row by row, from 0.

    Raises
    ------
    TypeError, ValueError
        If a setting is out of range, no window fits, or there is no such step.

    References
    ----------
    Chapter 5.
    """

    x: np.ndarray
    mode: str = "max"
    kernel_size: int | tuple = 2
    stride: int | tuple | None = None
    padding: int | tuple = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    shift: int = 0
    direction: str = "right"
    step: int = 0

    def __post_init__(self):
        x = np.asarray(self.x, dtype=float)
        if x.ndim != 2:
            raise ValueError(f"x has {x.ndim} axes, expected 2")
        if not np.isfinite(x).all():
            raise ValueError("x holds NaN or infinity")
        object.__setattr__(self, "x", x)
        for name, known in (("mode", MODES), ("direction", tuple(DIRECTIONS))):
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected one of {known}")
        per_axis("shift", self.shift, 1, minimum=0)
        if not 0 <= self.step < self.steps:
            raise ValueError(f"step is {self.step}, expected 0 to {self.steps - 1}")

    @property
    def windows(self):
        """Kernel, stride and padding, each as a pair of rows and columns."""
        stride = self.kernel_size if self.stride is None else self.stride
        settings = {"kernel_size": self.kernel_size, "stride": stride, "padding": self.padding}
        return [per_axis(name, value, 2) for name, value in settings.items()]

    @cached_property
    def output_shape(self):
        """Rows and columns of the output."""
        return pool_output_size(self.x.shape, *self.windows, ceil_mode=self.ceil_mode)

    @property
    def steps(self):
        """Number of positions."""
        return int(np.prod(self.output_shape))

    @property
    def position(self):
        """Row and column of the output that this step yields."""
        return divmod(self.step, self.output_shape[1])

    @property
    def shifted(self):
        """The input after the shift."""
        return np.roll(self.x, [self.shift * d for d in DIRECTIONS[self.direction]], axis=(0, 1))

    @cached_property
    def zone(self):
        """What each laid-out cell is: a pixel, padding, or beyond both (ceil_mode)."""
        (rows, columns), (top, left) = self.x.shape, self.windows[2]
        reach = [
            max((count - 1) * stride + kernel, size + 2 * pad)
            for count, size, kernel, stride, pad in zip(
                self.output_shape, self.x.shape, *self.windows, strict=True
            )
        ]
        zone = np.full(reach, BEYOND)
        zone[: rows + 2 * top, : columns + 2 * left] = PADDING
        zone[top : top + rows, left : left + columns] = PIXEL
        return zone

    @property
    def laid_out(self):
        """The shifted input with its padding; NaN where nothing counts."""
        uncounted = -np.inf if self.mode == "max" else np.nan
        zero = self.mode == "average" and self.count_include_pad
        cells = np.where(self.zone == PADDING, 0 if zero else uncounted, np.nan)
        cells[self.zone == PIXEL] = self.shifted.ravel()
        return cells

    @property
    def corner(self):
        """Row and column of the laid-out input where the window starts."""
        return tuple(t * s for t, s in zip(self.position, self.windows[1], strict=True))

    @property
    def covered(self):
        """The laid-out cells under the window."""
        (row, column), (rows, columns) = self.corner, self.windows[0]
        return self.laid_out[row : row + rows, column : column + columns]

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
        x, options = self.shifted[None], {"ceil_mode": self.ceil_mode, "return_indices": True}
        indices = max_pool2d(x, *self.windows, **options)[1]
        return [divmod(int(index), self.x.shape[1]) for index in indices.flat]

    @property
    def changes(self):
        """What the shift changes in the pixels, in those a stride keeps, in the pooled output."""
        down, across = self.windows[1]
        return (
            Change(self.x, self.shifted),
            Change(self.x[::down, ::across], self.shifted[::down, ::across]),
            Change(self.pool(self.x), self.output),
        )

    @property
    def formula(self):
        """The value of this step with its numbers put in."""
        values = self.covered[~np.isnan(self.covered)]
        terms = [format_number(value) for value in values[:TERMS]]
        terms += [f"… ({values.size} values)"] if values.size > TERMS else []
        place = "y[{},{}]".format(*self.position)
        result = format_number(self.output[self.position])
        if self.mode == "max":
            return f"{place} = max({', '.join(terms)}) = {result}"
        return f"{place} = ({' + '.join(terms).replace('+ −', '− ')}) / {values.size} = {result}"

    @property
    def size_formula(self):
        """The output size of the last axis with its numbers put in."""
        kernel, stride, padding = [pair[1] for pair in self.windows]
        left, right = "⌈⌉" if self.ceil_mode else "⌊⌋"
        inside = f"({self.x.shape[1]} + 2·{padding} − {kernel}) / {stride}"
        way = self.x.shape[1] + 2 * padding - kernel
        count = (-(-way // stride) if self.ceil_mode else way // stride) + 1
        dropped = " − 1" if count > self.output_shape[1] else ""  # it would start in the padding
        return f"{left}{inside}{right} + 1{dropped} = {self.output_shape[1]}"

    @property
    def description(self):
        """The step and the shift in words and numbers."""
        row, column = self.position
        text = f"Step {self.step + 1} of {self.steps}: row {row}, column {column} of the output. "
        text += f"{self.formula}."
        if self.mode == "max":
            text += " The maximum stands in row {}, column {}.".format(*self.winners[self.step])
        pixels, sampled, pooled = [change.count for change in self.changes]
        return (
            f"{text} Shift {shift_words(self)}: {pixels} pixels change, {sampled} when the stride "
            f"keeps {kept_words(self)}, {pooled} outputs of {self.mode} pooling."
        )


def shift_words(pooling):
    """Say how far and which way the input is shifted."""
    way = {"right": "to the right", "down": "down", "diagonal": "down and to the right"}
    return f"{pooling.shift} {way[pooling.direction]}" if pooling.shift else "0"


def kept_words(pooling):
    """Say which pixels the stride keeps."""
    down, across = pooling.windows[1]
    if down != across:
        return f"one pixel in {down} × {across}"
    return ORDINALS.get(down, f"every {down}th pixel")


def draw_pooling(pooling):
    """Draw the window, the output so far, and before and after the shift.

    Parameters
    ----------
    pooling : Pooling

    Returns
    -------
    Picture
    """
    rows, columns = pooling.zone.shape
    (tall, wide), (down, across) = pooling.windows[0], pooling.output_shape
    cell = min(fit_cell(columns, 340, 34), fit_cell(max(rows, down), 300, 34))
    top, middle = 66, max(columns * cell, 250) + 40
    right = middle + max(wide * cell, 160) + 40
    bottom = top + max(rows * cell, tall * cell + 30, down * cell + 84)
    width = max(WIDTH, right + across * cell)
    picture = Picture(width, bottom + 74 + 58 + SIDE + 46, pooling.description)
    picture.text(
        0, 16, f"Step {pooling.step + 1} of {pooling.steps}", size=14, fill="muted", bold=True
    )
    picture.text(
        right, 16, "row {}, column {} of the output".format(*pooling.position), fill="muted"
    )
    _draw_input(picture, pooling, 0, top, cell)
    _draw_covered(picture, pooling, middle, top, cell)
    _draw_output(picture, pooling, right, top, cell)
    picture.text(0, bottom + 34, pooling.formula, size=15, mono=True)
    _draw_shift(picture, pooling, bottom + 74)
    return picture


def _draw_grid(picture, pooling, cells, zone, x, y, cell):
    """Cells of the laid-out input; padding is dashed and shows what it counts as."""
    largest = np.abs(pooling.x).max() or 1
    return draw_cells(
        picture, cells, x, y, cell=cell, largest=largest, shown=~np.isnan(cells), muted=zone > 0
    )


def _mark_winner(picture, grid, row, column, *, current):
    """A dot in the cell's corner; around the current maximum also a ring."""
    x, y = grid.centre(row, column)
    reach = grid.cell * 0.43
    if current:
        picture.rect(
            x - reach, y - reach, 2 * reach, 2 * reach,
            stroke="output", stroke_width=2.5, radius=reach,
        )  # fmt: skip
    dot = max(2, grid.cell * 0.09)
    picture.rect(x - dot, y + reach - dot, 2 * dot, 2 * dot, fill="output", radius=dot)


def _draw_input(picture, pooling, x, y, cell):
    size = "{} × {}".format(*pooling.x.shape)
    shifted = f", shifted by {pooling.shift}" if pooling.shift else ""
    seen = np.zeros(pooling.zone.shape, bool)
    (tall, wide), (down, across), (above, before) = pooling.windows
    for index in np.ndindex(pooling.output_shape):
        row, column = index[0] * down, index[1] * across
        seen[row : row + tall, column : column + wide] = True
    unseen = (~seen[pooling.zone == PIXEL]).sum()
    excluded = "−∞, it never wins" if pooling.mode == "max" else "not counted"
    zeros = pooling.mode == "average" and pooling.count_include_pad
    caption = f"dashed: padding, {'zeros that count' if zeros else excluded}"
    caption = caption if above or before else "no padding"
    caption += f"; {unseen} pixels in no window" if unseen else ""
    draw_heading(picture, x, y, f"input {size}{shifted}", caption, role="input")
    grid = _draw_grid(picture, pooling, pooling.laid_out, pooling.zone, x, y, cell)
    if pooling.mode == "max":
        for row, column in set(pooling.winners[: pooling.step]):
            _mark_winner(picture, grid, row + above, column + before, current=False)
        row, column = pooling.winners[pooling.step]
        _mark_winner(picture, grid, row + above, column + before, current=True)
    grid.frame(picture, *pooling.corner, tall, wide)


def _draw_covered(picture, pooling, x, y, cell):
    (row, column), (tall, wide) = pooling.corner, pooling.windows[0]
    zone = pooling.zone[row : row + tall, column : column + wide]
    values = pooling.covered
    counted = (~np.isnan(values)).sum()
    caption = f"each counts 1/{counted}"
    if pooling.mode == "max":
        equals = (values == pooling.output[pooling.position]).sum()
        caption = f"{equals} equals: the first wins" if equals > 1 else "ring and dot: the largest"
    draw_heading(picture, x, y, f"window {tall} × {wide}", caption, role="kernel")
    grid = _draw_grid(picture, pooling, values, zone, x, y, cell)
    if pooling.mode == "max":
        above, before = pooling.windows[2]
        i, j = pooling.winners[pooling.step]
        _mark_winner(picture, grid, i + above - row, j + before - column, current=True)
    grid.frame(picture, 0, 0, tall, wide, stroke_width=2)


def _draw_output(picture, pooling, x, y, cell):
    output, place = pooling.output, pooling.position
    title = "output {} × {}".format(*output.shape)
    draw_heading(picture, x, y, title, pooling.size_formula, role="output")
    done = np.arange(output.size).reshape(output.shape) <= pooling.step
    largest = np.abs(pooling.x).max() or 1
    grid = draw_cells(picture, output, x, y, cell=cell, role="output", largest=largest, shown=done)
    grid.frame(picture, *place, role="output")
    name = "maximum" if pooling.mode == "max" else "mean"
    picture.text(x, grid.bottom + 32, name, size=13, fill="muted", bold=True)
    value = f"= {format_number(output[place])}"
    picture.text(x, grid.bottom + 62, value, size=27, fill="output", bold=True, mono=True)
    if pooling.mode == "max":
        source = "from row {}, column {}".format(*pooling.winners[pooling.step])
        picture.text(x + 110, grid.bottom + 62, source, size=12, fill="muted")


def _draw_shift(picture, pooling, y):
    """Three pairs of arrays, before and after the shift."""
    picture.line((0, y - 12), (WIDTH, y - 12), stroke="line", stroke_width=1)
    picture.text(0, y + 14, f"Shift {shift_words(pooling)}: what changes?", size=14, bold=True)
    note = "framed: changed; what leaves on one side enters on the other"
    picture.text(WIDTH, y + 14, note, size=12, fill="muted", anchor="end")
    size = "{} × {}".format(*pooling.windows[0])
    names = [
        ("no pooling", "all pixels", "input"),
        (kept_words(pooling), "stride alone", "input"),
        (f"{pooling.mode} pooling", f"windows of {size}", "output"),
    ]
    largest = np.abs(pooling.x).max() or 1
    for number, (change, (title, caption, role)) in enumerate(
        zip(pooling.changes, names, strict=True)
    ):
        x = number * (WIDTH - PAIR_WIDTH) / 2
        draw_change(picture, change, x, y + 62, title, caption, role=role, largest=largest)
