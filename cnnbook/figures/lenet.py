"""What is special in LeNet-5 of 1998: the table of its third layer, the bitmaps of its last."""

from functools import cached_property

import numpy as np

from cnnbook.figures.numbers import format_number
from cnnbook.figures.scene import (
    Block,
    cells,
    clip,
    column,
    named,
    note,
    over,
    page,
    panel,
    placed,
    row,
    sized,
    space,
    text,
)
from cnnbook.figures.state import State, state

CELL, BEFORE = 36, 88  # side of a cell of the table, and the room for names before it
BITMAP, BIG = 7, 16  # cells of a bitmap, and of what is compared with it


@state
class ConnectionTable(State):
    """Which input maps each output map of a convolution sees."""

    table: tuple  # the input maps of each output map; a kernel an entry
    in_channels: int
    kernel_size: int
    groups: tuple = ()  # (name, count) of neighbouring columns: none, or all of them

    def __post_init__(self):
        for number, seen in enumerate(self.table):
            if any(not 0 <= into < self.in_channels for into in seen):
                there = f"there are {self.in_channels} inputs"
                raise ValueError(f"output map {number} sees {tuple(seen)}, {there}")
        columns = sum(count for _, count in self.groups)
        if self.groups and columns != len(self.table):
            raise ValueError(f"groups hold {columns} columns, the table has {len(self.table)}")

    @cached_property
    def cells(self):
        """Ones where a kernel is, of shape (input maps, output maps)."""
        cells = np.zeros((self.in_channels, len(self.table)), int)
        for number, seen in enumerate(self.table):
            cells[list(seen), number] = 1
        return cells

    @property
    def kernels(self):
        """Number of kernels."""
        return int(self.cells.sum())

    @property
    def parameters(self):
        """Weights of the kernels, and one bias an output map."""
        return self.kernels * self.kernel_size**2 + len(self.table)

    @property
    def all_parameters(self):
        """Parameters if each output map saw each input map."""
        return self.cells.size * self.kernel_size**2 + len(self.table)

    @property
    def claim(self):
        """What the table saves, as its title."""
        counts = f"{self.parameters:,} parameters in place of {self.all_parameters:,}"
        return f"{self.kernels} of {self.cells.size} kernels: {counts}"

    @property
    def description(self):
        """The table in words and numbers."""
        rows = [f"map {n} sees {', '.join(map(str, seen))}" for n, seen in enumerate(self.table)]
        return f"{self.claim}. {'; '.join(rows)}."

    def picture(self):
        """Draw the table: a row an input map, a column an output map."""
        inputs, outputs = self.cells.shape
        seen = self.cells.sum(axis=0)
        indices = [placed(text(n, role="input", mono=True), 0, CELL) for n in range(inputs)]
        filled = cells(self.cells, cell=CELL, role="kernel", write=lambda value: "")
        grid = named("connections", filled)
        names = text("input", role="input", bold=True), column(*indices, gap=0, align=1)
        uses = (note(f"in {used.sum()} of {outputs}") for used in self.cells)
        after = [placed(words, 0, CELL) for words in uses]
        caption = note(f"parameters: {self.kernel_size**2} a kernel, and the bias of the map")
        nothing, counts = space(0), seen * self.kernel_size**2 + 1
        lines = [
            (nothing, row(*(_group(*group) for group in self.groups), gap=0)),
            (nothing, text("output map", role="output", bold=True)),
            (nothing, _numbers(range(outputs), role="output")),
            (row(*names, gap=22, align=0.5), row(grid, column(*after, gap=0), gap=12)),
            (note("kernels"), _numbers(seen)),
            (note("parameters"), _numbers(counts, size=12, role="muted")),
            (nothing, caption),
        ]
        body = (row(placed(before, BEFORE, across=1), block, gap=12) for before, block in lines)
        title = text(self.claim, size=15, bold=True)
        return page(title, column(*body, gap=6), description=self.description, width=480, gap=16)


def _numbers(values, **style):
    """A number for each column."""
    return row(*(placed(text(v, mono=True, **style), CELL) for v in values), gap=0)


def _group(name, count):
    """The name of neighbouring columns above them."""
    width = CELL * count
    words = placed(text(clip(name, width, 12), size=12, role="kernel"), width, 24, down=0)

    def line(picture, x, y):
        ends = (x + 4, y + 20), (x + width - 4, y + 20)
        picture.line(*ends, stroke="kernel", stroke_width=2)

    return over(words, line)


# ---------------------------------------------------------------- bitmaps


@state
class BitmapReading(State):
    """A small picture compared with one bitmap a class."""

    bitmaps: np.ndarray  # (classes, H, W): +1 is ink, −1 is paper
    shown: np.ndarray  # (H, W)

    def __post_init__(self):
        self._array("bitmaps", 3)
        self._array("shown", 2)
        if (shape := self.bitmaps.shape[1:]) != self.shown.shape:
            raise ValueError(f"bitmaps have shape {shape}, shown has {self.shown.shape}")

    @cached_property
    def penalties(self):
        """Squared distance to each bitmap."""
        return ((self.bitmaps - self.shown) ** 2).sum(axis=(1, 2))

    @property
    def claim(self):
        """Which bitmap is nearest, as the title."""
        first, second = np.argsort(self.penalties, kind="stable")[:2]
        near, far = (format_number(self.penalties[k], 3) for k in (first, second))
        return f"nearest is the {first}, at {near}; next the {second}, at {far}"

    @property
    def description(self):
        """The comparison in words and numbers."""
        rows = [f"{n}: {format_number(p, 3)}" for n, p in enumerate(self.penalties)]
        return f"Squared distances to the bitmaps: {self.claim}. All of them: {', '.join(rows)}."

    def picture(self):
        """Draw the picture beside the bitmaps, with the squared distance to each."""
        units = cells(self.shown, cell=BIG, role="kernel", largest=1.4, longest=9)
        shown = column(named("shown", units), note("orange +, grey −"))
        each = [sized(_bitmap(self, number), 104) for number in range(len(self.bitmaps))]
        half = -(-len(each) // 2)
        both = column(row(*each[:half], gap=8), row(*each[half:], gap=8), gap=18)
        caption = "squared distance below each bitmap: ink is +1, paper −1"
        size = f"{self.shown.size} units as {len(self.shown)} rows"
        panels = panel("what F6 shows", size, shown, "input"), panel(self.claim, caption, both)
        return page(row(*panels, gap=56), description=self.description, width=0)


def _bitmap(reading, number):
    """Ink as cells, on plain paper, so that the digit is what one sees; the nearest is framed."""
    bitmap, nearest = reading.bitmaps[number], number == reading.penalties.argmin()
    rows, columns = bitmap.shape
    width, height = columns * BITMAP, rows * BITMAP

    def draw(picture, x, y):
        picture.rect(x + 4, y + 4, width, height, fill="wash")
        for i, j in np.argwhere(bitmap > 0):
            picture.rect(x + 4 + j * BITMAP, y + 4 + i * BITMAP, BITMAP, BITMAP, fill="kernel")
        if nearest:
            with picture.part("nearest"):
                size = width + 8, height + 8
                picture.rect(x, y, *size, stroke="output", stroke_width=3, radius=3)

    words = f"{number}: {format_number(reading.penalties[number], 3)}"
    words = text(words, role="output" if nearest else "muted", bold=bool(nearest), mono=True)
    return column(Block(width + 8, height + 8, draw), words, gap=4)
