"""Weight matrices as heat maps: one, or the four that two constraints make of it."""

from dataclasses import dataclass, replace

import numpy as np

from cnnbook.figures.cells import fit_cell, format_number
from cnnbook.figures.picture import Picture

SPACE = 3  # pixels between the blocks that belong to one image row


@dataclass(frozen=True)
class RowFrame:
    """Where the row looked at is: its right end and its middle, in pixels."""

    right: float
    middle: float


def draw_weight_matrix(picture, layer, x, y, cell, *, looked_at=False):
    """Draw a layer's weights as tinted cells, and cells without a weight as washed ones.

    Parameters
    ----------
    picture : Picture
        Drawn upon.
    layer : MatrixLayer
    x, y : float
        Top left corner in pixels; labels lie to the left of it and above.
    cell : float
        Side of one cell in pixels; numbers are left out below 20.
    looked_at : bool
        Frame the row of the layer's step, and label rows and columns.

    Returns
    -------
    RowFrame
    """
    width, across = layer.x.shape[1], layer.output_shape[1]
    lefts = x + np.arange(layer.x.size) * cell + SPACE * (np.arange(layer.x.size) // width)
    tops = y + np.arange(layer.steps) * cell + SPACE * (np.arange(layer.steps) // across)
    largest = np.abs(layer.matrix).max() or 1
    for row, column in np.ndindex(layer.matrix.shape):
        weight, left, top = layer.matrix[row, column], lefts[column], tops[row]
        if layer.pattern[row, column] < 0:
            picture.rect(left, top, cell - 1, cell - 1, fill="wash", radius=2)
            continue
        hue, tint = "kernel" if weight > 0 else "input", abs(weight) / largest * 0.999
        picture.rect(left, top, cell - 1, cell - 1, fill=hue, tint=tint, radius=2)
        if cell >= 20:
            text = format_number(weight, 2)
            picture.text(
                left + (cell - 1) / 2, top + cell * 0.64, text, anchor="middle", mono=True,
                size=min(13, 1.5 * cell / len(text)),
            )  # fmt: skip
    if looked_at:
        _label(picture, layer, lefts, tops, cell)
        picture.rect(
            x - 2, tops[layer.step] - 2, lefts[-1] + cell - x + 3, cell + 3,
            stroke="kernel", stroke_width=3, radius=4,
        )  # fmt: skip
    return RowFrame(lefts[-1] + cell, tops[layer.step] + cell / 2)


def _label(picture, layer, lefts, tops, cell):
    """Name the image rows above, the outputs on the left."""
    for k, block in enumerate(lefts.reshape(layer.x.shape)):
        middle = (block[0] + block[-1] + cell) / 2
        word = "image row " if block.size * cell >= 76 else ""
        picture.text(middle, tops[0] - 8, f"{word}{k}", size=11, fill="muted", anchor="middle")
    for row, top in enumerate(tops):
        here, (i, j) = row == layer.step, divmod(row, layer.output_shape[1])
        picture.text(
            lefts[0] - 8, top + cell / 2 + 4, f"{i},{j}", size=min(12, cell * 0.8), anchor="end",
            mono=True, bold=here, fill="kernel" if here else "muted",
        )  # fmt: skip


def draw_stages(layer):
    """Draw a layer's weight matrix at all four settings: sharing across, locality down.

    Parameters
    ----------
    layer : MatrixLayer
        Its own setting and step are not looked at.

    Returns
    -------
    Picture
    """
    rows, columns = layer.matrix.shape
    cell = min(fit_cell(columns, 410, largest=24), fit_cell(rows, 240, largest=24))
    width = max(columns * cell + SPACE * layer.x.shape[0], 400)
    height = rows * cell + SPACE * layer.output_shape[0]
    top, across, down = 76, width + 90, height + 152
    picture = Picture(across + width, down + top + height + 4)
    said = []
    for locality in (False, True):
        for sharing in (False, True):
            stage = replace(layer, locality=locality, sharing=sharing)
            x, y = sharing * across, locality * down
            picture.text(x, y + 14, stage.name, size=14, bold=True)
            picture.text(x, y + 40, stage.count, size=18, fill=stage.role, bold=True, mono=True)
            picture.text(x, y + 60, stage.reason, size=12, fill="muted")
            draw_weight_matrix(picture, stage, x, y + top, cell)
            said.append(f"{stage.name.removeprefix('+ ')}: {stage.count}")
    _draw_arrows(picture, across, down, top, height)
    picture.description = (
        f"Four {rows} × {columns} weight matrices with the same numbers. {'; '.join(said)}."
    )
    return picture


def _draw_arrows(picture, across, down, top, height):
    """Name the switch that leads from one matrix to the next."""
    for y in (top, down + top):
        middle = y + height / 2
        picture.arrow((across - 68, middle), (across - 22, middle), stroke="ink", head=9)
        picture.text(across - 45, middle - 12, "sharing", size=12, fill="muted", anchor="middle")
    for x in (12, across + 12):
        picture.arrow((x, top + height + 14), (x, down - 14), stroke="ink", head=9)
        picture.text(x + 14, (top + height + down) / 2 + 4, "locality", size=12, fill="muted")
