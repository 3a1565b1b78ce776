"""A film of windows over an image: a row of frames for each padding and stride."""

from functools import cached_property

import numpy as np

from cnnbook.figures.scene import Frame, cells, column, lines, page, row, sized, text
from cnnbook.figures.state import State, state
from cnnbook.shapes import output_size

CELL = 13


@state
class Film(State):
    """Windows that slide over a square image, and the outputs that they have filled.

    Parameters
    ----------
    settings : sequence of (int, int)
        Padding and stride of each row.
    size, kernel_size : int
        In pixels.
    """

    settings: tuple = ((0, 1), (1, 1), (2, 1), (0, 2), (1, 2))
    size: int = 5
    kernel_size: int = 3

    @cached_property
    def outputs(self):
        """Outputs along an axis, for each setting; ValueError where no window fits."""
        return [output_size(self.size, self.kernel_size, s, p) for p, s in self.settings]

    @property
    def description(self):
        """The sizes in words and numbers."""
        rows = (
            f"padding {p}, stride {s}: {o} × {o} outputs"
            for (p, s), o in zip(self.settings, self.outputs, strict=True)
        )
        kernel, size = self.kernel_size, self.size
        return f"A {kernel} × {kernel} window over a {size} × {size} image; {'; '.join(rows)}."

    def picture(self):
        """Draw a row of frames for each setting."""
        wide = max(self.size + 2 * padding for padding, _ in self.settings) * CELL
        rows = [self._row(*each, wide) for each in zip(self.settings, self.outputs, strict=True)]
        return page(*rows, gap=22, description=self.description)

    def _row(self, setting, outputs, wide):
        padding, stride = setting
        formula = f"⌊({self.size} + 2·{padding} − {self.kernel_size}) / {stride}⌋ + 1 = {outputs}"
        heading = column(
            text(f"padding {padding}, stride {stride}", size=14, bold=True),
            lines(formula, size=12, role="muted", mono=True),
            text(f"{outputs} × {outputs} outputs", role="output", bold=True),
            gap=4,
        )
        steps = sorted({0, min(1, outputs - 1), outputs % outputs**2, outputs**2 - 1})
        film = [self._frame(padding, stride, outputs, step, wide) for step in steps]
        return row(sized(heading, 190), *film, gap=26)

    def _frame(self, padding, stride, outputs, step, wide):
        whole, (i, j) = self.size + 2 * padding, divmod(step, outputs)
        outside = np.pad(np.zeros((self.size,) * 2, bool), padding, constant_values=True)
        window = Frame(i * stride, j * stride, self.kernel_size, self.kernel_size)
        look = {"cell": CELL, "write": lambda value: ""}
        given = cells(
            np.full((whole, whole), 0.4), largest=1, muted=outside, frames=[window], **look
        )
        done = np.arange(outputs**2).reshape(outputs, outputs) <= step
        filled = cells(
            done * 0.6, role="output", largest=1, frames=[Frame(i, j, role="output")], **look
        )
        name = "last" if step == outputs**2 - 1 else f"window {step}"
        return sized(column(text(name, size=11, role="muted"), given, filled, gap=7), wide)
