"""How windows that become columns are drawn: the product has its factors above and beside it."""

import math

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, format_number
from cnnbook.figures.picture import Picture

LINE_HEIGHT, WIDTH = 19, 900

TOP = 100
HEADING = 54  # pixels between two grids that stand one above the other
LABELS = 58  # pixels left of the columns, for the index of each row
COPY = 74  # pixels right of the input, for the arrow to the columns
GAP = 56  # pixels before the output maps
LEAST = 230  # pixels that the heading of the columns needs
MAP = 150  # pixels that the words beside an output map need


def draw_im2col(lowered):
    """Draw the input, its windows as columns, what is done with them, and the output.

    The product stands under the columns and beside the weights, so that the row and the column
    that are multiplied meet in their result.

    Parameters
    ----------
    lowered : cnnbook.figures.im2col.Im2col

    Returns
    -------
    Picture
    """
    cell = _fit(lowered)
    tall, wide = lowered.columns.shape
    maps, results = lowered.padded.shape, lowered.output.shape
    slack = min((WIDTH - _total_width(lowered, cell)) / 2, 40)
    middle = _left_width(lowered, cell) + LABELS + slack
    right = middle + max(wide * cell, LEAST) + GAP + slack
    under_input = TOP + maps[0] * (maps[1] * cell + HEADING) - HEADING
    product_y = max(TOP + tall * cell, under_input) + HEADING
    value_y = TOP + results[0] * (results[1] * cell + HEADING) - 10
    bottom = max(product_y + lowered.rows * cell, value_y + 50)
    lines = LINE_HEIGHT * len(lowered.formula_lines)
    picture = Picture(WIDTH, bottom + 40 + lines, lowered.description)
    step = f"Step {lowered.step + 1} of {lowered.steps}"
    picture.text(0, 18, step, size=14, fill="muted", bold=True)
    where = "the window at row {}, column {}".format(*lowered.position)
    picture.text(120, 18, f"{where} becomes column {lowered.step}", fill="muted")
    columns_y = product_y - HEADING - tall * cell  # the columns stand on the product
    _draw_input(picture, lowered, cell, middle, columns_y)
    _draw_columns(picture, lowered, middle, columns_y, cell)
    _draw_factors(picture, lowered, middle, product_y, cell)
    _draw_product(picture, lowered, middle, product_y, cell)
    _draw_output(picture, lowered, right, cell)
    _draw_value(picture, lowered, right, value_y)
    _draw_formula(picture, lowered, bottom + 34)
    return picture


def _left_width(lowered, cell):
    """Width of what stands left of the columns: the input, or the weights under it."""
    weights = len(lowered.columns) * cell if lowered.mode == "convolution" else 0
    return max(lowered.padded.shape[2] * cell + COPY, weights, 200)


def _total_width(lowered, cell):
    wide, across = lowered.columns.shape[1], lowered.output_shape[1]
    left = _left_width(lowered, cell) + LABELS
    return left + max(wide * cell, LEAST) + GAP + max(across * cell, MAP)


def _fit(lowered):
    """Largest cell that the width and a height of about 400 pixels hold."""
    for cell in range(36, 9, -1):
        if _total_width(lowered, cell) <= WIDTH and len(lowered.columns) * cell <= 400:
            break
    return cell


def _cells(picture, values, x, y, cell, role, like=None, **options):
    """Draw numbers in the decimals, the type and the tint of the array that they are from."""
    like = values if like is None else like
    largest = np.abs(like).max() or 1
    # as many decimals as the largest value leaves room for in a cell
    decimals = max((3 if cell >= 34 else 2) - math.floor(math.log10(largest)), 0)
    longest = max(len(format_number(v, 4)) for v in np.round(like, decimals).flat)
    return draw_cells(
        picture, np.round(values, decimals), x, y, cell=cell, role=role, digits=4,
        largest=largest, longest=longest, **options,
    )  # fmt: skip


def _draw_input(picture, lowered, cell, middle, columns_y):
    """Draw the padded maps, the window on each, and an arrow to the columns."""
    y, channels = TOP, len(lowered.x)
    empty = "−∞" if lowered.mode == "max" else "0"
    for channel, values in enumerate(lowered.padded):
        name = f"input {channel}" if channels > 1 else "input"
        title = f"{name}: {lowered.x.shape[1]} × {lowered.x.shape[2]}"
        caption = f"dashed: padding, {empty}" if lowered.outside.any() else "no padding"
        draw_heading(picture, 0, y, title, caption, role="input")
        outside = lowered.outside[channel]
        grid = _cells(picture, values, 0, y, cell, "input", lowered.x, muted=outside)
        idle = lowered.mode != "convolution" and channel != lowered.row
        grid.frame(picture, *lowered.corner, *lowered.kernel, stroke_width=1.5 if idle else 3)
        y = grid.bottom + HEADING
    start, at = lowered.padded.shape[2] * cell + 14, columns_y + 24
    picture.arrow((start, at), (middle - LABELS - 6, at), stroke="kernel")
    picture.text((start + middle - LABELS - 6) / 2, at - 9, "copy", size=12, fill="muted",
                 anchor="middle")  # fmt: skip


def _draw_columns(picture, lowered, x, y, cell):
    """Draw the columns so far, with the index of each row and of each window."""
    (tall, wide), (rows, across) = lowered.columns.shape, lowered.kernel
    draw_heading(picture, x, y - 20, "windows as columns", lowered.count_words, role="kernel")
    shown = np.broadcast_to(np.arange(wide) <= lowered.step, (tall, wide))
    roles = np.full((tall, wide), "input", "<U6")
    if lowered.mode == "max":
        roles[lowered.winner, lowered.step] = "output"
    grid = _cells(
        picture, lowered.columns, x, y, cell, roles, lowered.x, shown=shown,
        muted=lowered.columns_outside & shown,
    )  # fmt: skip
    size = min(11, cell * 0.5)
    picture.text(x - 8, y - 6, "c,a,b", size=11, fill="muted", anchor="end", mono=True)
    for index in range(tall):
        name = ",".join(str(n) for n in np.unravel_index(index, (len(lowered.x), rows, across)))
        at = grid.centre(index, 0)[1] + size * 0.36
        picture.text(x - 8, at, name, size=size, fill="muted", anchor="end", mono=True)
    for edge in range(1, len(lowered.x)):  # where one channel ends and the next begins
        at = y + edge * rows * across * cell
        picture.line((x - 44, at), (grid.right, at), stroke="muted", stroke_width=1)
    name = "{},{}".format(*lowered.position)
    middle = grid.centre(0, lowered.step)[0]
    picture.text(middle, y - 6, name, size=11, fill="kernel", anchor="middle", mono=True)
    if len(lowered.block) < tall:
        grid.frame(picture, 0, lowered.step, tall, stroke_width=1.5)
    grid.frame(picture, lowered.block.start, lowered.step, len(lowered.block))
    if lowered.mode == "max":
        grid.frame(picture, lowered.winner, lowered.step, role="output")


def _draw_factors(picture, lowered, x, y, cell):
    """Left of the product: the weights as a matrix, or what a pooling does with each block."""
    if lowered.mode != "convolution":
        count = len(lowered.block)
        name = "largest" if lowered.mode == "max" else "mean"
        draw_heading(picture, 0, y, "no weights", "nothing to multiply, nothing to learn")
        each = f"the {name} of each {count} rows"
        picture.text(0, y + 18, each, fill="muted")
        picture.text(0, y + 36, "one channel at a time", fill="muted")
        return
    rows, columns = lowered.weight_matrix.shape
    left = x - LABELS - columns * cell
    heading = min(left, x - LABELS - 180), y, f"weights {rows} × {columns}"
    draw_heading(picture, *heading, "a row is an output channel", role="kernel")
    grid = _cells(picture, lowered.weight_matrix, left, y, cell, "signed")
    grid.frame(picture, lowered.row, 0, 1, columns)
    at = grid.centre((rows - 1) / 2, 0)[1] + 7
    picture.text(x - LABELS / 2, at, "=", size=22, fill="muted", anchor="middle", bold=True)


def _draw_product(picture, lowered, x, y, cell):
    """Draw the results so far, one column a window."""
    rows, wide = lowered.product.shape
    caption = "weights · columns" if lowered.mode == "convolution" else f"{lowered.mode} by channel"
    draw_heading(picture, x, y, f"result {rows} × {wide}", caption, role="output")
    shown = np.broadcast_to(np.arange(wide) <= lowered.step, (rows, wide))
    grid = _cells(picture, lowered.product, x, y, cell, "output", shown=shown)
    grid.frame(picture, lowered.row, lowered.step, role="output")


def _draw_output(picture, lowered, x, cell):
    """Draw the results laid out as maps."""
    done = np.arange(lowered.steps).reshape(lowered.output_shape) <= lowered.step
    y, several = TOP, len(lowered.output) > 1
    for channel, values in enumerate(lowered.output):
        size = "{} × {}".format(*lowered.output_shape)
        title = f"output {channel}" if several else "output"
        caption = f"row {channel} as {size}"
        draw_heading(picture, x, y, title, caption, role="output")
        grid = _cells(picture, values, x, y, cell, "output", lowered.output, shown=done)
        if channel == lowered.row:
            grid.frame(picture, *lowered.position, role="output")
        y = grid.bottom + HEADING


def _draw_value(picture, lowered, x, y):
    """Write the result of this step large."""
    ways = {"max": "largest of the block", "average": "mean of the block"}
    picture.text(x, y, ways.get(lowered.mode, "row · column"), fill="muted", bold=True)
    picture.text(x, y + 34, f"= {lowered.value}", size=27, fill="output", bold=True, mono=True)


def _draw_formula(picture, lowered, y):
    for k, line in enumerate(lowered.formula_lines):
        # leading spaces would be dropped by SVG: indent by the width of the mono face
        indent = len(line) - len(line.lstrip())
        picture.text(indent * 7.8, y + k * LINE_HEIGHT, line.lstrip(), mono=True)
    after = y + len(lowered.formula_lines) * LINE_HEIGHT
    picture.text(0, after, lowered.place_formula, mono=True, fill="muted")
