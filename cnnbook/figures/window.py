"""One step of a sliding window: what it covers, the products, and the output so far."""

from dataclasses import dataclass

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, fit_cell, format_factor, format_number
from cnnbook.figures.picture import Picture
from cnnbook.ops import conv2d
from cnnbook.shapes import effective_kernel_size, output_size, per_axis

WIDTH = 900
TERMS = 12  # products written out; the rest are counted


@dataclass(frozen=True, eq=False)
class Window:
    """A kernel at one of its positions over a 1-D or 2-D array.

    Parameters
    ----------
    x : ndarray of shape (H, W) or (W,)
    kernel : ndarray of shape (kH, kW) or (kW,)
        Of the same rank as `x`.
    step : int
        Number of the position, row by row, from 0.
    stride, padding, dilation : int or tuple of int
        As in `torch.nn.functional.conv2d`; padding is zeros.
    flip : bool
        Rotate the kernel by 180° first: convolution in place of cross-correlation.

    Raises
    ------
    TypeError, ValueError
        If the ranks differ, no window fits, or there is no such step.

    References
    ----------
    Chapters 2 and 3.
    """

    x: np.ndarray
    kernel: np.ndarray
    step: int = 0
    stride: int | tuple = 1
    padding: int | tuple = 0
    dilation: int | tuple = 1
    flip: bool = False

    def __post_init__(self):
        for name in ("x", "kernel"):
            array = np.asarray(getattr(self, name), dtype=float)
            if array.ndim not in (1, 2):
                raise ValueError(f"{name} has {array.ndim} axes, expected 1 or 2")
            object.__setattr__(self, name, array)
        if self.x.ndim != self.kernel.ndim:
            raise ValueError(f"x has {self.x.ndim} axes, kernel has {self.kernel.ndim}")
        if not 0 <= self.step < self.steps:
            raise ValueError(f"step is {self.step}, expected 0 to {self.steps - 1}")

    def _pairs(self, name):
        """A setting for rows and columns; a 1-D array is one row."""
        values = per_axis(name, getattr(self, name), self.x.ndim)
        return values if self.x.ndim == 2 else (int(name != "padding"), *values)

    @property
    def output_shape(self):
        """Rows and columns of the output; one row for a 1-D array."""
        image, kernel = np.atleast_2d(self.x), np.atleast_2d(self.kernel)
        settings = [self._pairs(name) for name in ("stride", "padding", "dilation")]
        return output_size(image.shape, kernel.shape, *settings)

    @property
    def steps(self):
        """Number of positions."""
        return int(np.prod(self.output_shape))

    @property
    def position(self):
        """Row and column of the output that this step yields."""
        return divmod(self.step, self.output_shape[1])

    @property
    def corner(self):
        """Row and column of the padded input where the window starts."""
        return tuple(p * s for p, s in zip(self.position, self._pairs("stride"), strict=True))

    @property
    def padded(self):
        """The input with its zeros, as a matrix."""
        rows, columns = self._pairs("padding")
        return np.pad(np.atleast_2d(self.x), ((rows, rows), (columns, columns)))

    @property
    def applied(self):
        """The kernel as it is laid on the input, as a matrix."""
        kernel = np.atleast_2d(self.kernel)
        return kernel[::-1, ::-1] if self.flip else kernel

    @property
    def covered(self):
        """The inputs under the window."""
        (row, column), (down, across) = self.corner, self._pairs("dilation")
        rows = row + down * np.arange(self.applied.shape[0])
        columns = column + across * np.arange(self.applied.shape[1])
        return self.padded[np.ix_(rows, columns)]

    @property
    def products(self):
        """Inputs under the window times kernel, element by element."""
        return self.covered * self.applied

    @property
    def output(self):
        """All outputs, as a matrix."""
        settings = {name: self._pairs(name) for name in ("stride", "padding", "dilation")}
        kernel = np.ascontiguousarray(self.applied)[None, None]
        return conv2d(np.atleast_2d(self.x)[None, None], kernel, **settings)[0, 0]

    @property
    def formula(self):
        """The sum of this step with its numbers put in."""
        row, column = self.position
        place = f"{row},{column}" if self.x.ndim == 2 else f"{column}"
        pairs = zip(self.covered.flat, self.applied.flat, strict=True)
        terms = [f"{format_factor(a)}·{format_factor(b)}" for a, b in pairs if b != 0] or ["0"]
        more = f" + … ({len(terms)} terms)" if len(terms) > TERMS else ""
        value = format_number(self.products.sum(), 4)
        return f"y[{place}] = {' + '.join(terms[:TERMS])}{more} = {value}"

    @property
    def size_formula(self):
        """The output size of the last axis with its numbers put in."""
        sizes = self.padded.shape[1] - 2 * self._pairs("padding")[1]
        extent = effective_kernel_size(self.applied.shape[1], self._pairs("dilation")[1])
        padding, stride = self._pairs("padding")[1], self._pairs("stride")[1]
        inside = f"{sizes} + 2·{padding} − {extent}"
        over = f"({inside}) / {stride}" if stride > 1 else inside
        return f"{f'⌊{over}⌋' if stride > 1 else over} + 1 = {self.output_shape[1]}"

    @property
    def description(self):
        """The step in words and numbers."""
        row, column = self.position
        where = f"row {row}, column {column}" if self.x.ndim == 2 else f"position {column}"
        return f"Step {self.step + 1} of {self.steps}: {where} of the output. {self.formula}."


def draw_window(window):
    """Draw a window over its input, the products and the output so far.

    Parameters
    ----------
    window : Window

    Returns
    -------
    Picture
    """
    return _draw_row(window) if window.x.ndim == 1 else _draw_image(window)


def _frame_covered(picture, grid, window):
    """Frame the window; with gaps between its entries, frame each entry too."""
    rows, columns = window.applied.shape
    down, across = window._pairs("dilation")
    row, column = window.corner
    extent = effective_kernel_size((rows, columns), (down, across))
    if extent != (rows, columns):
        for i in range(rows):
            for j in range(columns):
                grid.frame(picture, row + i * down, column + j * across, stroke_width=2)
    grid.frame(picture, row, column, *extent, dashed=extent != (rows, columns))


def _draw_image(window):
    padded, applied, output = window.padded, window.applied, window.output
    across = padded.shape[1] + applied.shape[1] * (2 if window.flip else 1) + output.shape[1]
    down = max(padded.shape[0], 2 * applied.shape[0] + 2)
    cell = min(fit_cell(across, WIDTH - 180), fit_cell(down, 560))
    top = 84
    middle = max(padded.shape[1] * cell, 170) + 60
    ghost = applied.shape[1] * cell + 44 if window.flip else 0
    right = middle + ghost + max(applied.shape[1] * cell, 150) + 60
    products_y = top + applied.shape[0] * cell + 64
    bottom = max(top + padded.shape[0] * cell, products_y + applied.shape[0] * cell,
                 top + output.shape[0] * cell + 90)  # fmt: skip
    picture = Picture(
        max(WIDTH, right + max(output.shape[1] * cell, 200)), bottom + 52, window.description
    )

    row, column = window.position
    picture.text(
        0, 18, f"Step {window.step + 1} of {window.steps}", size=14, fill="muted", bold=True
    )
    picture.text(right, 18, f"row {row}, column {column} of the output", fill="muted")
    rows, columns = window._pairs("padding")
    caption = f"dashed: padding {rows} × {columns} of zeros" if rows or columns else "no padding"
    title = f"input {window.x.shape[0]} × {window.x.shape[1]}"
    draw_heading(picture, 0, top, title, caption, role="input")
    outside = np.ones(padded.shape, bool)
    outside[rows : padded.shape[0] - rows, columns : padded.shape[1] - columns] = False
    grid = draw_cells(picture, padded, 0, top, cell=cell, muted=outside)
    _frame_covered(picture, grid, window)

    _draw_kernel(picture, window, middle, ghost, top, cell)
    draw_heading(
        picture, middle + ghost, products_y, "window × kernel", "element by element", role="muted"
    )
    largest = np.abs(padded).max() * np.abs(applied).max()
    draw_cells(
        picture,
        window.products,
        middle + ghost,
        products_y,
        cell=cell,
        role="signed",
        largest=largest,
    )

    done = np.arange(output.size).reshape(output.shape) <= window.step
    draw_heading(
        picture,
        right,
        top,
        f"output {output.shape[0]} × {output.shape[1]}",
        window.size_formula,
        role="output",
    )
    grid = draw_cells(picture, output, right, top, cell=cell, role="output", shown=done)
    grid.frame(picture, row, column, role="output")
    picture.text(right, grid.bottom + 34, "sum of the products", size=13, fill="muted", bold=True)
    picture.text(
        right,
        grid.bottom + 66,
        f"= {format_number(output[row, column], 4)}",
        size=27,
        fill="output",
        bold=True,
        mono=True,
    )
    picture.text(0, bottom + 34, window.formula, size=13, mono=True)
    return picture


def _draw_kernel(picture, window, x, ghost, y, cell):
    """The kernel that is laid on the input; before it, if it was rotated, the given one."""
    rows, columns = window.applied.shape
    name = f"kernel {rows} × {columns}"
    if window.flip:
        draw_heading(picture, x, y, name, "as given", role="kernel")
        given = draw_cells(picture, np.atleast_2d(window.kernel), x, y, cell=cell, role="signed")
        picture.arrow((given.right + 10, given.centre((rows - 1) / 2, 0)[1]),
                      (given.right + 34, given.centre((rows - 1) / 2, 0)[1]))  # fmt: skip
        draw_heading(picture, x + ghost, y, "rotated", "by 180°", role="kernel")
    else:
        draw_heading(picture, x, y, name, "not flipped", role="kernel")
    grid = draw_cells(picture, window.applied, x + ghost, y, cell=cell, role="signed")
    grid.frame(picture, 0, 0, rows, columns, stroke_width=2)


def _draw_row(window):
    padded, applied, output = window.padded, window.applied, window.output
    left, cell = 190, fit_cell(padded.shape[1], WIDTH - 190)
    pitch = cell + 34
    tops = [48 + pitch * k for k in range(4)]
    picture = Picture(WIDTH, tops[3] + cell + 62, window.description)
    pad, (_, start), column = window._pairs("padding")[1], window.corner, window.position[1]
    picture.text(
        0, 18, f"Step {window.step + 1} of {window.steps}", size=14, fill="muted", bold=True
    )
    picture.text(left, 18, f"position {column} of the output", fill="muted")
    captions = [
        (f"input {window.x.size}", f"dashed: padding {pad}" if pad else "no padding", "input"),
        (f"kernel {applied.size}", "flipped" if window.flip else "not flipped", "kernel"),
        ("window × kernel", "element by element", "muted"),
        (f"output {output.size}", window.size_formula, "output"),
    ]
    for top, (title, caption, role) in zip(tops, captions, strict=True):
        draw_heading(picture, 0, top + cell / 2 + 20, title, caption, role=role)
    outside = np.ones(padded.shape, bool)
    outside[:, pad : padded.shape[1] - pad] = False
    grid = draw_cells(picture, padded, left, tops[0], cell=cell, muted=outside)
    _frame_covered(picture, grid, window)
    step = window._pairs("dilation")[1]
    largest = np.abs(padded).max() * np.abs(applied).max()
    for k in range(applied.size):  # the kernel slides along under the input
        x = left + (start + k * step) * cell
        scale = np.abs(applied).max()
        draw_cells(
            picture, applied[:, k : k + 1], x, tops[1], cell=cell, role="signed", largest=scale
        )
        draw_cells(
            picture,
            window.products[:, k : k + 1],
            x,
            tops[2],
            cell=cell,
            role="signed",
            largest=largest,
        )
    done = np.arange(output.size)[None] <= window.step
    grid = draw_cells(picture, output, left, tops[3], cell=cell, role="output", shown=done)
    grid.frame(picture, 0, column, role="output")
    picture.text(0, tops[3] + cell + 46, window.formula, size=13, mono=True)
    return picture
