"""Classical kernels of image processing: their numbers, their sources and what they look like."""

from dataclasses import dataclass

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, format_number
from cnnbook.figures.picture import Picture


@dataclass(frozen=True, eq=False)
class Kernel:
    """A square kernel of odd size: cells, all of them over one divisor.

    Parameters
    ----------
    cells : ndarray of shape (k, k)
        The weights times `divisor`; k is 1, 3, 5 or 7.
    divisor : float
        Not zero.
    name, source : str
        What it is called, and where it comes from.

    Raises
    ------
    ValueError
        If the shape or the divisor is not as above, or a cell is not finite.
    """

    cells: np.ndarray
    divisor: float = 1
    name: str = "your kernel"
    source: str = ""

    def __post_init__(self):
        cells = np.asarray(self.cells, dtype=float)
        object.__setattr__(self, "cells", cells)
        if cells.shape not in ((1, 1), (3, 3), (5, 5), (7, 7)):
            raise ValueError(f"kernel has shape {cells.shape}, expected (k, k) with k 1, 3, 5 or 7")
        if not np.isfinite(cells).all():
            raise ValueError("kernel holds a value that is not finite")
        if not np.isfinite(self.divisor) or self.divisor == 0:
            value = format_number(self.divisor)
            raise ValueError(f"the divisor is {value}, expected a finite number other than 0")

    @property
    def weights(self):
        """The kernel itself: cells over divisor."""
        return self.cells / self.divisor

    @property
    def total(self):
        """Sum of the weights: what a flat patch of brightness 1 becomes."""
        return settle(self.weights.sum(), 1e-9 * np.abs(self.weights).sum())

    @property
    def brightness(self):
        """What the sum does to the brightness of a flat patch, in a sentence."""
        if self.total == 0:
            return "a flat patch becomes 0: the mean is removed"
        if abs(self.total - 1) < 1e-9:
            return "a flat patch keeps its brightness"
        return f"a flat patch becomes {format_number(self.total)} times as bright"

    @property
    def rank(self):
        """Rank of the kernel as a matrix; 1 means that it is a column times a row."""
        return int(np.linalg.matrix_rank(self.cells))

    @property
    def symmetry(self):
        """What a rotation by 180° does to the kernel: a word and a sentence."""
        rotated = self.cells[::-1, ::-1]
        if np.array_equal(rotated, self.cells):
            return "even", "rotated by 180° it is the same: flipping changes nothing"
        if np.array_equal(rotated, -self.cells):
            return "odd", "rotated by 180° it changes its sign, and so does the result"
        return "neither even nor odd", "rotated by 180° it is another kernel"


def _kernel(name, rows, divisor, source):
    cells = np.array([row.split() for row in rows.split(";")], dtype=float)
    return Kernel(cells, divisor, name, source)


GONZALEZ = "Gonzalez & Woods (2018), Digital Image Processing, 4th ed., sections 3.5 and 3.6"
SOBEL = "Sobel & Feldman (1968), A 3 × 3 isotropic gradient operator for image processing"
PREWITT = "Prewitt (1970), Object enhancement and extraction"
BURT = "binomial weights, as in Burt & Adelson (1983), doi:10.1109/TCOM.1983.1095851"
MARR = "after Marr & Hildreth (1980), doi:10.1098/rspb.1980.0020"
NEUTRAL = "the neutral element of convolution"

# Written for cross-correlation: not flipped.
CLASSICAL = (
    _kernel("identity", "0 0 0; 0 1 0; 0 0 0", 1, NEUTRAL),
    _kernel("shift", "0 0 0; 0 0 1; 0 0 0", 1, "the identity, moved off the centre"),
    _kernel("box blur", "1 1 1; 1 1 1; 1 1 1", 9, GONZALEZ),
    _kernel("Gaussian blur", "1 2 1; 2 4 2; 1 2 1", 16, BURT),
    _kernel("sharpen", "0 -1 0; -1 5 -1; 0 -1 0", 1, GONZALEZ),
    _kernel("Sobel, left to right", "-1 0 1; -2 0 2; -1 0 1", 1, SOBEL),
    _kernel("Sobel, top to bottom", "-1 -2 -1; 0 0 0; 1 2 1", 1, SOBEL),
    _kernel("Prewitt, left to right", "-1 0 1; -1 0 1; -1 0 1", 1, PREWITT),
    _kernel("Laplacian", "0 1 0; 1 -4 1; 0 1 0", 1, GONZALEZ),
    _kernel("outline", "-1 -1 -1; -1 8 -1; -1 -1 -1", 1, GONZALEZ),
    _kernel(
        "emboss", "-2 -1 0; -1 1 1; 0 1 2", 1, "in use in image editors; no first source known"
    ),
    _kernel("wide box blur", ";".join(["1 1 1 1 1"] * 5), 25, GONZALEZ),
    _kernel(
        "wide Gaussian blur",
        "1 4 6 4 1; 4 16 24 16 4; 6 24 36 24 6; 4 16 24 16 4; 1 4 6 4 1",
        256,
        BURT,
    ),
    _kernel(
        "motion blur",
        "1 0 0 0 0; 0 1 0 0 0; 0 0 1 0 0; 0 0 0 1 0; 0 0 0 0 1",
        5,
        "a box along a diagonal",
    ),
    _kernel(
        "Laplacian of Gaussian",
        "0 0 1 0 0; 0 1 2 1 0; 1 2 -16 2 1; 0 1 2 1 0; 0 0 1 0 0",
        1,
        MARR,
    ),
)
KERNELS = {kernel.name: kernel for kernel in CLASSICAL}


def name_kernel(cells, divisor=1):
    """Return the classical kernel with these weights, or a nameless one.

    Parameters
    ----------
    cells : ndarray of shape (k, k)
    divisor : float

    Returns
    -------
    Kernel
        With the given cells and divisor.

    Raises
    ------
    ValueError
        As `Kernel`.
    """
    given = Kernel(cells, divisor)
    for known in CLASSICAL:
        same = known.cells.shape == given.cells.shape
        if same and np.allclose(known.weights, given.weights, rtol=1e-9, atol=1e-12):
            return Kernel(given.cells, divisor, known.name, known.source)
    return given


def settle(value, tolerance=1e-9):
    """Call what is left by rounding 0, so that a text is the same on every machine.

    Parameters
    ----------
    value, tolerance : float

    Returns
    -------
    float
    """
    return 0.0 if abs(value) <= tolerance else float(value)


def draw_kernels(kernels, captions=None, *, cell=38, largest=None):
    """Draw kernels side by side.

    Parameters
    ----------
    kernels : dict of str to Kernel or ndarray of shape (kH, kW)
        Titles and kernels; of a `Kernel` the cells are drawn, its divisor stands in the caption.
    captions : sequence of str, optional
        One line under each title; the sums of the weights when not given.
    cell : float
        Side of one cell in pixels.
    largest : float, optional
        Weight with the strongest tint, in all kernels; each has a scale of its own when not given.

    Returns
    -------
    Picture
    """
    arrays = [k.cells if isinstance(k, Kernel) else np.asarray(k) for k in kernels.values()]
    captions = [_sum_caption(k) for k in kernels.values()] if captions is None else captions
    rows = list(zip(kernels, arrays, captions, strict=True))
    widths = [max(w.shape[1] * cell, 9.2 * len(title), 7.2 * len(caption))
              for title, w, caption in rows]  # fmt: skip
    tallest = max(len(w) for w in arrays)
    words = "; ".join(f"{title} ({caption})" for title, _, caption in rows)
    size = sum(widths) + 36 * (len(widths) - 1), 44 + tallest * cell
    picture = Picture(*size, f"Kernels: {words}.")
    x = 0
    for (title, weights, caption), width in zip(rows, widths, strict=True):
        draw_heading(picture, x, 44, title, caption, role="kernel")
        draw_cells(picture, weights, x, 44, cell=cell, role="signed", largest=largest)
        x += width + 36
    return picture


def _sum_caption(kernel):
    weights = kernel.weights if isinstance(kernel, Kernel) else np.asarray(kernel)
    total = f"sum {format_number(settle(weights.sum()))}"
    divisor = getattr(kernel, "divisor", 1)
    return total if divisor == 1 else f"÷ {format_number(divisor)}, {total}"
