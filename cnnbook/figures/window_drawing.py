"""How one step of a sliding window is drawn, over an image or along a row."""

import math

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, fit_cell, format_number
from cnnbook.figures.picture import Picture
from cnnbook.shapes import effective_kernel_size

WIDTH = 900
LEFT = 190  # room for the titles of rows
TOP = 84
LINE_HEIGHT = 19


def draw_window(window):
    """Draw a window over its input, the products and the output so far.

    Parameters
    ----------
    window : cnnbook.figures.window.Window

    Returns
    -------
    Picture
    """
    return _draw_row(window) if window.x.ndim == 1 else _draw_image(window)


def _draw_step(picture, window, x, where):
    """Write which step this is, and which output it yields."""
    step = f"Step {window.step + 1} of {window.steps}"
    picture.text(0, 18, step, size=14, fill="muted", bold=True)
    picture.text(x, 18, f"{where} of the output", fill="muted")


def _draw_formula(picture, window, y):
    for k, line in enumerate(window.formula_lines):
        # leading spaces would be dropped by SVG: indent by the width of the mono face
        indent = len(line) - len(line.lstrip())
        picture.text(indent * 7.8, y + k * LINE_HEIGHT, line.lstrip(), mono=True)


def _frame_covered(picture, grid, window):
    """Frame the window; with gaps between its entries, frame each entry too."""
    rows, columns = window.applied.shape
    down, across = window.pairs("dilation")
    row, column = window.corner
    extent = effective_kernel_size((rows, columns), (down, across))
    if extent != (rows, columns):
        for i in range(rows):
            for j in range(columns):
                grid.frame(picture, row + i * down, column + j * across, stroke_width=2)
    grid.frame(picture, row, column, *extent, dashed=extent != (rows, columns))


def _outside(window):
    """Mask of the padded input: where the zeros are."""
    rows, columns = window.pairs("padding")
    outside = np.ones(window.padded.shape, bool)
    outside[rows : outside.shape[0] - rows, columns : outside.shape[1] - columns] = False
    return outside


def _round(values, cell, largest=None):
    """Keep as many decimals as the largest value leaves room for in a cell."""
    largest = np.abs(values).max() if largest is None else largest
    decimals = (3 if cell >= 34 else 2) - math.floor(math.log10(largest or 1))
    return np.round(values, max(decimals, 0))


def _draw(picture, values, x, y, cell, role, **options):
    """Draw numbers with few decimals."""
    return draw_cells(
        picture, _round(values, cell), x, y, cell=cell, role=role, digits=4, **options
    )


def _products(window, cell):
    """Products of this step; scale and type that are the same at all steps."""
    largest = np.abs(window.padded).max() * np.abs(window.applied).max()
    possible = np.outer(np.unique(window.padded), np.unique(window.applied))
    numbers = np.unique(_round(possible, cell, largest))
    longest = max(len(format_number(v, 4)) for v in numbers)
    style = {"cell": cell, "role": "signed", "digits": 4, "largest": largest, "longest": longest}
    return _round(window.products, cell, largest), style


def _fit_image(window):
    """Largest cells for input and output, then for kernel and products, that the width holds.

    With them come the left edges of the kernel and of the output, and the kernel's extra width.
    """
    (rows, across), (height, width) = window.padded.shape, window.applied.shape
    caption = max(190, 7 * len(window.size_formula))
    for cell in range(44, 5, -1):
        inner = max(cell, min(38, 150 // width))
        ghost = width * inner + 44 if window.flip else 0
        sizes = [max(across * cell, 170), ghost + max(width * inner, 150),
                 max(window.output_shape[1] * cell, caption)]  # fmt: skip
        tall = max(rows * cell, 2 * height * inner + 64)
        if sum(sizes) + 80 <= WIDTH and tall <= 560:
            break
    gap = min((WIDTH - sum(sizes)) / 2, 90)
    return cell, inner, sizes[0] + gap, ghost, sizes[0] + sizes[1] + 2 * gap


def _draw_image(window):
    cell, inner, middle, ghost, right = _fit_image(window)
    padded, applied, rows = window.padded, window.applied, window.output_shape[0]
    products_y = TOP + applied.shape[0] * inner + 64
    bottom = max(TOP + padded.shape[0] * cell, products_y + applied.shape[0] * inner,
                 TOP + rows * cell + 74)  # fmt: skip
    lines = LINE_HEIGHT * (len(window.formula_lines) - 1)
    picture = Picture(WIDTH, bottom + 44 + lines, window.description)
    row, column = window.position
    _draw_step(picture, window, right, f"row {row}, column {column}")
    down, across = window.pairs("padding")
    caption = f"dashed: padding {down} × {across} of zeros" if down or across else "no padding"
    title = f"input {window.x.shape[0]} × {window.x.shape[1]}"
    draw_heading(picture, 0, TOP, title, caption, role="input")
    grid = _draw(picture, padded, 0, TOP, cell, "input", muted=_outside(window))
    _frame_covered(picture, grid, window)
    _draw_kernel(picture, window, middle, ghost, inner)
    x = middle + ghost
    draw_heading(picture, x, products_y, "window × kernel", "element by element", role="muted")
    products, style = _products(window, inner)
    draw_cells(picture, products, x, products_y, **style)
    _draw_output(picture, window, right, cell)
    _draw_formula(picture, window, bottom + 34)
    return picture


def _draw_output(picture, window, x, cell):
    """Draw the outputs so far, and the one of this step large."""
    output, (row, column) = window.output, window.position
    done = np.arange(output.size).reshape(output.shape) <= window.step
    title = f"output {output.shape[0]} × {output.shape[1]}"
    draw_heading(picture, x, TOP, title, window.size_formula, role="output")
    grid = _draw(picture, output, x, TOP, cell, "output", shown=done)
    grid.frame(picture, row, column, role="output")
    value = f"= {format_number(output[row, column], 4)}"
    picture.text(x, grid.bottom + 34, "sum of the products", fill="muted", bold=True)
    picture.text(x, grid.bottom + 66, value, size=27, fill="output", bold=True, mono=True)


def _draw_kernel(picture, window, x, ghost, cell):
    """The kernel that is laid on the input; before it, if it was rotated, the given one."""
    rows, columns = window.applied.shape
    name = f"kernel {rows} × {columns}"
    if window.flip:
        draw_heading(picture, x, TOP, name, "as given", role="kernel")
        given = _draw(picture, window.kernel, x, TOP, cell, "signed")
        y = given.centre((rows - 1) / 2, 0)[1]
        picture.arrow((given.right + 10, y), (given.right + 34, y))
        draw_heading(picture, x + ghost, TOP, "rotated", "by 180°", role="kernel")
    else:
        draw_heading(picture, x, TOP, name, "not flipped", role="kernel")
    grid = _draw(picture, window.applied, x + ghost, TOP, cell, "signed")
    grid.frame(picture, 0, 0, rows, columns, stroke_width=2)


def _draw_row(window):
    padded, applied, output = window.padded, window.applied, window.output
    cell = fit_cell(padded.shape[1], WIDTH - LEFT, largest=46)
    pad, column = window.pairs("padding")[1], window.position[1]
    rows = [
        (f"input {window.x.size}", f"dashed: padding {pad}" if pad else "no padding", "input"),
        (f"kernel {applied.size}", "as given", "kernel"),
        ("laid down", "flipped" if window.flip else "not flipped", "kernel"),
        ("window × kernel", "element by element", "muted"),
        (f"output {output.size}", window.size_formula, "output"),
    ]
    tops = [36 + (cell + 26) * k for k in range(len(rows))]
    lines = LINE_HEIGHT * (len(window.formula_lines) - 1)
    picture = Picture(WIDTH, tops[-1] + cell + 52 + lines, window.description)
    _draw_step(picture, window, LEFT, f"position {column}")
    for top, (title, caption, role) in zip(tops, rows, strict=True):
        draw_heading(picture, 0, top + cell / 2 + 20, title, caption, role=role)
    grid = _draw(picture, padded, LEFT, tops[0], cell, "input", muted=_outside(window))
    _frame_covered(picture, grid, window)
    _draw(picture, window.kernel, LEFT, tops[1], cell, "signed")
    _draw_sliding(picture, window, tops[-3], tops[-2], cell)
    done = np.arange(output.size)[None] <= window.step
    grid = _draw(picture, output, LEFT, tops[-1], cell, "output", shown=done)
    grid.frame(picture, 0, column, role="output")
    _draw_formula(picture, window, tops[-1] + cell + 40)
    return picture


def _draw_sliding(picture, window, kernel_y, products_y, cell):
    """Draw the kernel and the products under the inputs that they belong to."""
    applied, (products, style) = _round(window.applied, cell), _products(window, cell)
    start, step = window.corner[1], window.pairs("dilation")[1]
    longest = max(len(format_number(v, 4)) for v in applied.flat)
    own = {**style, "largest": np.abs(applied).max(), "longest": longest}
    for k in range(applied.size):
        x, columns = LEFT + (start + k * step) * cell, slice(k, k + 1)
        draw_cells(picture, applied[:, columns], x, kernel_y, **own)
        draw_cells(picture, products[:, columns], x, products_y, **style)
