"""A pooling window at one of its positions: the arithmetic behind the picture."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnbook.figures.cells import format_number
from cnnbook.figures.change import Change
from cnnbook.figures.stepping import OverOutputs
from cnnbook.ops import avg_pool2d, max_pool2d
from cnnbook.shapes import per_axis, pool_output_size

TERMS = 9  # values written out; the rest are counted
MODES = ("max", "average")
DIRECTIONS = {"right": (0, 1), "down": (1, 0), "diagonal": (1, 1)}
ORDINALS = {1: "every pixel", 2: "every 2nd pixel", 3: "every 3rd pixel"}
PIXEL, PADDING, BEYOND = range(3)


@dataclass(frozen=True, eq=False)
class Pooling(OverOutputs):
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
    def scale(self):
        """The values without a tint and with the strongest one: the larger, the darker."""
        smallest, largest = min(self.x.min(), 0), max(self.x.max(), 0)
        return {"smallest": smallest, "largest": largest if largest > smallest else 1}

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
        if not self.shift:
            return text
        pixels, sampled, pooled = [change.count for change in self.changes]
        return (
            f"{text} Shift {self.shift_words}: {pixels} pixels change, {sampled} when the stride "
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
    def unseen(self):
        """Number of pixels that lie in no window."""
        seen = np.zeros(self.zone.shape, bool)
        (tall, wide), (down, across), _ = self.windows
        for row, column in np.ndindex(self.output_shape):
            seen[row * down : row * down + tall, column * across : column * across + wide] = True
        return int((~seen[self.zone == PIXEL]).sum())
