"""One step of a pooling window, and what a shift of the input does to the output."""

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, fit_cell, format_number
from cnnbook.figures.change import PAIR_WIDTH, SIDE, draw_change
from cnnbook.figures.picture import Picture
from cnnbook.figures.pooling_window import Pooling

__all__ = ["Pooling", "draw_pooling"]
WIDTH = 900
HEIGHT = 274  # of the upper half, in pixels


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
    wide, (down, across) = pooling.windows[0][1], pooling.output_shape
    cell = min(fit_cell(columns, 340), fit_cell(max(rows, down), HEIGHT))
    top, middle = 66, max(columns * cell, 280) + 40
    right = middle + max(wide * cell, 160) + 40
    bottom = top + max(HEIGHT, down * cell + 84)  # the same for most settings: nothing jumps
    width = max(WIDTH, right + across * cell)
    picture = Picture(width, bottom + 58 + 58 + SIDE + 62, pooling.description)
    picture.text(
        0, 16, f"Step {pooling.step + 1} of {pooling.steps}", size=14, fill="muted", bold=True
    )
    picture.text(
        right, 16, "row {}, column {} of the output".format(*pooling.position), fill="muted"
    )
    _draw_input(picture, pooling, 0, top, cell)
    _draw_covered(picture, pooling, middle, top, cell)
    _draw_output(picture, pooling, right, top, cell)
    size = min(15, WIDTH / len(pooling.formula) / 0.62)
    picture.text(0, bottom + 26, pooling.formula, size=size, mono=True)
    _draw_shift(picture, pooling, bottom + 58)
    return picture


def _draw_grid(picture, pooling, corner, shape, x, y, cell):
    """Draw a part of the laid-out input with its maxima marked; return the grid."""
    part = tuple(slice(first, first + size) for first, size in zip(corner, shape, strict=True))
    cells, roles = pooling.laid_out[part], np.full(shape, "input", "<U6")
    winners = np.add(pooling.winners[: pooling.step + 1], pooling.windows[2]) - corner
    if pooling.mode == "max":
        roles[tuple(winners[-1])] = "output"
    grid = draw_cells(
        picture, cells, x, y, cell=cell, role=roles, **pooling.scale,
        shown=~np.isnan(cells), muted=pooling.zone[part] > 0,
    )  # fmt: skip
    if pooling.mode == "max":
        inside = ((winners >= 0) & (winners < shape)).all(axis=1)
        for place in np.unique(winners[inside], axis=0):
            _dot(picture, grid, *place)
        turns = np.linspace(0, 2 * np.pi, 33)
        ring = (
            np.array(grid.centre(*winners[-1])) + 0.42 * cell * np.c_[np.cos(turns), np.sin(turns)]
        )
        picture.line(*map(tuple, ring), stroke="ink", stroke_width=1.5)
    return grid


def _dot(picture, grid, row, column):
    """Mark a pixel that some window has kept."""
    (x, y), size = grid.centre(row, column), max(4, grid.cell * 0.16)
    y += 0.42 * grid.cell
    picture.rect(x - size / 2, y - size / 2, size, size, fill="ink", radius=size / 2)


def _draw_input(picture, pooling, x, y, cell):
    size = "{} × {}".format(*pooling.x.shape)
    shifted = f", shifted by {pooling.shift}" if pooling.shift else ""
    zeros = pooling.mode == "average" and pooling.count_include_pad
    caption = "padding: −∞, never wins" if pooling.mode == "max" else "padding: not counted"
    caption = "padding: zeros, counted" if zeros else caption
    caption = caption if any(pooling.windows[2]) else "no padding"
    caption += f"; {pooling.unseen} pixels unseen" if pooling.unseen else ""
    draw_heading(picture, x, y, f"input {size}{shifted}", caption, role="input")
    grid = _draw_grid(picture, pooling, (0, 0), pooling.zone.shape, x, y, cell)
    grid.frame(picture, *pooling.corner, *pooling.windows[0])


def _draw_covered(picture, pooling, x, y, cell):
    values, (tall, wide) = pooling.covered, pooling.windows[0]
    caption = f"each counts 1/{(~np.isnan(values)).sum()}"
    if pooling.mode == "max":
        equals = (values == pooling.output[pooling.position]).sum()
        caption = f"{equals} equals: the first wins" if equals > 1 else "ring: the largest"
    draw_heading(picture, x, y, f"window {tall} × {wide}", caption, role="kernel")
    grid = _draw_grid(picture, pooling, pooling.corner, (tall, wide), x, y, cell)
    grid.frame(picture, 0, 0, tall, wide, stroke_width=2)


def _draw_output(picture, pooling, x, y, cell):
    output, place = pooling.output, pooling.position
    title = "output {} × {}".format(*output.shape)
    draw_heading(picture, x, y, title, pooling.size_formula, role="output")
    done = np.arange(output.size).reshape(output.shape) <= pooling.step
    grid = draw_cells(picture, output, x, y, cell=cell, role="output", shown=done, **pooling.scale)
    grid.frame(picture, *place, role="output")
    name = "mean"
    if pooling.mode == "max":
        name = "maximum, found in row {}, column {}".format(*pooling.winners[pooling.step])
    picture.text(x, grid.bottom + 32, name, size=13, fill="muted", bold=True)
    value = f"= {format_number(output[place])}"
    picture.text(x, grid.bottom + 62, value, size=27, fill="output", bold=True, mono=True)


def _draw_shift(picture, pooling, y):
    """Three pairs of arrays, before and after the shift."""
    picture.line((0, y - 12), (WIDTH, y - 12), stroke="line", stroke_width=1)
    picture.text(0, y + 14, f"Shift {pooling.shift_words}: what changes?", size=14, bold=True)
    note = "framed: changed; what leaves on one side enters on the other"
    picture.text(WIDTH, y + 14, note, size=12, fill="muted", anchor="end")
    size = "{} × {}".format(*pooling.windows[0])
    names = [
        ("no pooling", "all pixels", "input"),
        (pooling.kept_words, "stride alone", "input"),
        (f"{pooling.mode} pooling", f"windows of {size}", "output"),
    ]
    for number, (change, (title, caption, role)) in enumerate(
        zip(pooling.changes, names, strict=True)
    ):
        x = number * (WIDTH - PAIR_WIDTH) / 2
        draw_change(picture, change, x, y + 62, title, caption, role=role, **pooling.scale)
