"""What is special in LeNet-5 of 1998: the table of its third layer, the bitmaps of its last."""

from dataclasses import dataclass

import numpy as np

from cnnbook.figures.cells import Grid, draw_cells, draw_heading, format_number
from cnnbook.figures.picture import Picture

CELL = 36  # of the table
LEFT, TOP = 96, 108  # corner of the table
BITMAP, BIG = 7, 16  # cells of a bitmap, and of what is compared with it


@dataclass(frozen=True)
class ConnectionTable:
    """Which input maps each output map of a convolution sees.

    Parameters
    ----------
    table : sequence of sequence of int
        The input maps of each output map.
    in_channels : int
    kernel_size : int
        Of each of the kernels, one an entry.
    groups : sequence of (str, int)
        Names of neighbouring columns and how many they are; none, or all columns.

    Raises
    ------
    ValueError
        If an entry is no input map, or the groups have another number of columns.
    """

    table: tuple
    in_channels: int
    kernel_size: int
    groups: tuple = ()

    def __post_init__(self):
        for number, row in enumerate(self.table):
            if any(not 0 <= into < self.in_channels for into in row):
                raise ValueError(
                    f"output map {number} sees {tuple(row)}, there are {self.in_channels} inputs"
                )
        columns = sum(count for _, count in self.groups)
        if self.groups and columns != len(self.table):
            raise ValueError(f"groups hold {columns} columns, the table has {len(self.table)}")

    @property
    def cells(self):
        """Ones where a kernel is, of shape (input maps, output maps)."""
        cells = np.zeros((self.in_channels, len(self.table)), int)
        for number, row in enumerate(self.table):
            cells[list(row), number] = 1
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
        return (
            f"{self.kernels} of {self.cells.size} kernels: {self.parameters:,} parameters "
            f"in place of {self.all_parameters:,}"
        )

    @property
    def description(self):
        """The table in words and numbers."""
        rows = [f"map {n} sees {', '.join(map(str, row))}" for n, row in enumerate(self.table)]
        return f"{self.claim}. {'; '.join(rows)}."


def draw_connection_table(table):
    """Draw a table of connections: a row an input map, a column an output map.

    Parameters
    ----------
    table : ConnectionTable

    Returns
    -------
    Picture
    """
    rows, columns = table.cells.shape
    grid = Grid(LEFT, TOP, CELL, rows, columns)
    picture = Picture(max(grid.right + 110, 480), grid.bottom + 78, table.description)
    picture.text(0, 18, table.claim, size=15, bold=True)
    picture.text(0, TOP + CELL * rows / 2 + 5, "input", size=13, fill="input", bold=True)
    picture.text(LEFT, TOP - 28, "output map", size=13, fill="output", bold=True)
    for (row, column), filled in np.ndenumerate(table.cells):
        x, y = LEFT + column * CELL, TOP + row * CELL
        picture.rect(x, y, CELL, CELL, fill="paper", stroke="line")
        if filled:
            picture.rect(x + 5, y + 5, CELL - 10, CELL - 10, fill="kernel", radius=3)
    for row in range(rows):
        y = grid.centre(row, 0)[1] + 5
        picture.text(LEFT - 12, y, row, fill="input", anchor="end", mono=True)
        words = f"in {table.cells[row].sum()} of {columns}"
        picture.text(grid.right + 12, y, words, size=12, fill="muted")
    for column, seen in enumerate(table.cells.sum(axis=0)):
        x = grid.centre(0, column)[0]
        picture.text(x, TOP - 8, column, fill="output", anchor="middle", mono=True)
        picture.text(x, grid.bottom + 20, seen, anchor="middle", mono=True)
        count = seen * table.kernel_size**2 + 1
        picture.text(x, grid.bottom + 42, count, size=12, fill="muted", anchor="middle", mono=True)
    picture.text(LEFT - 12, grid.bottom + 20, "kernels", size=12, fill="muted", anchor="end")
    picture.text(LEFT - 12, grid.bottom + 42, "parameters", size=12, fill="muted", anchor="end")
    caption = f"parameters: {table.kernel_size**2} a kernel, and the bias of the map"
    picture.text(LEFT, grid.bottom + 66, caption, size=12, fill="muted")
    _draw_groups(picture, table, grid)
    return picture


def _draw_groups(picture, table, grid):
    """Name neighbouring columns above their numbers."""
    column = 0
    for name, count in table.groups:
        left, right = grid.x + column * CELL + 4, grid.x + (column + count) * CELL - 4
        picture.line((left, TOP - 48), (right, TOP - 48), stroke="kernel", stroke_width=2)
        middle = (left + right) / 2
        picture.text(middle, TOP - 56, name, size=12, fill="kernel", anchor="middle")
        column += count


@dataclass(frozen=True, eq=False)
class BitmapReading:
    """A small picture compared with one bitmap a class.

    Parameters
    ----------
    bitmaps : ndarray of shape (classes, H, W)
        +1 is ink, −1 is paper.
    shown : ndarray of shape (H, W)
        What is compared with them.

    Raises
    ------
    ValueError
        If the shapes disagree.
    """

    bitmaps: np.ndarray
    shown: np.ndarray

    def __post_init__(self):
        if self.bitmaps.shape[1:] != self.shown.shape:
            raise ValueError(
                f"bitmaps have shape {self.bitmaps.shape[1:]}, shown has {self.shown.shape}"
            )

    @property
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


def draw_bitmap_reading(reading):
    """Draw a picture of units beside the bitmaps, with the squared distance to each.

    Parameters
    ----------
    reading : BitmapReading

    Returns
    -------
    Picture
    """
    classes, rows, columns = reading.bitmaps.shape
    top, across = 66, -(-classes // 2)
    left, pitch = columns * BIG + 72, columns * BITMAP + 62
    deep = rows * BITMAP + 44
    picture = Picture(
        left + across * pitch, top + max(rows * BIG + 22, 2 * deep), reading.description
    )
    caption = f"{rows * columns} units as {rows} rows"
    draw_heading(picture, 0, top - 10, "what F6 shows", caption, role="input")
    draw_heading(
        picture,
        left,
        top - 10,
        reading.claim,
        "squared distance below each bitmap: ink is +1, paper −1",
    )
    draw_cells(picture, reading.shown, 0, top, cell=BIG, role="signed", largest=1.4, longest=9)
    words = "orange +, blue −"
    picture.text(0, top + rows * BIG + 18, words, size=12, fill="muted")
    nearest = int(reading.penalties.argmin())
    for n, bitmap in enumerate(reading.bitmaps):
        x, y = left + (n % across) * pitch, top + (n // across) * deep
        _draw_bitmap(picture, bitmap, x, y)
        role = "output" if n == nearest else "muted"
        if n == nearest:
            picture.rect(
                x - 4, y - 4, columns * BITMAP + 8, rows * BITMAP + 8,
                stroke="output", stroke_width=3, radius=3,
            )  # fmt: skip
        text = f"{n}: {format_number(reading.penalties[n], 3)}"
        picture.text(x, y + rows * BITMAP + 20, text, fill=role, bold=n == nearest, mono=True)
    return picture


def _draw_bitmap(picture, bitmap, x, y):
    """Draw ink as cells; paper stays plain, so that the digit is what one sees."""
    rows, columns = bitmap.shape
    picture.rect(x, y, columns * BITMAP, rows * BITMAP, fill="wash")
    for row, column in np.argwhere(bitmap > 0):
        picture.rect(x + column * BITMAP, y + row * BITMAP, BITMAP, BITMAP, fill="kernel")
