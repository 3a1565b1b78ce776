"""One step of a backward pass: where the gradient of one output goes, and what is summed so far."""

import math
from functools import cached_property

import numpy as np

from cnnbook.figures.numbers import format_factor, format_number
from cnnbook.figures.scene import (
    LEGIBLE,
    ROOM,
    WIDTH,
    Block,
    Frame,
    cells,
    column,
    legible,
    lines,
    named,
    over,
    page,
    panel,
    room,
    row,
    sized,
    space,
    step_line,
    table,
    text,
    times,
    wrapped,
)
from cnnbook.figures.state import SlidingWindow, each_room, each_step, state
from cnnbook.shapes import output_size, per_axis, pool_output_size

MODES = ("convolution", "max", "average")
TERMS = 9  # terms written out; the rest are counted
LINE = 90  # characters of terms that fit beside each other
LARGEST = 9  # rows or columns of the padded input that a picture holds legibly
TOGETHER = 8.5  # pixels of type in which a product is written out
ADDED = 36  # side of a cell that holds two lines of legible type


@state
class BackwardStep(SlidingWindow):
    """A convolution or a pooling on its way back, after the gradients of some outputs are sent."""

    x: np.ndarray  # (H, W), with its padding at most 9 along each axis
    kernel: np.ndarray | int | tuple  # (kH, kW), not flipped; or the size of a pooling window
    grad_out: np.ndarray  # (H_out, W_out)
    mode: str = "convolution"  # or "max" or "average", which counts its padding
    stride: int | tuple = 1
    padding: int | tuple = 0
    dilation: int | tuple = 1  # other than 1 for a convolution only
    step: int = 0  # number of the output whose gradient is sent now, row by row

    def __post_init__(self):
        self._one_of("mode", MODES)
        for name in ("x", "grad_out", *["kernel"] * self.learns):
            self._array(name, 2)
        if not self.learns and self.pair("dilation") != (1, 1):
            raise ValueError(f"dilation is {self.dilation}, expected 1 for pooling")
        if self.grad_out.shape != self.output_shape:
            raise ValueError(
                f"grad_out is {times(self.grad_out.shape)}, the output is "
                f"{times(self.output_shape)}"
            )
        self._within("step", self.steps)
        if max(self.padded.shape) > LARGEST:
            raise ValueError(
                f"the padded input is {times(self.padded.shape)}, "
                f"the picture holds at most {LARGEST} × {LARGEST}"
            )

    @property
    def learns(self):
        """Whether there are weights that get a gradient."""
        return self.mode == "convolution"

    @cached_property
    def window_size(self):
        """Rows and columns of the kernel or of the pooling window."""
        return self.kernel.shape if self.learns else per_axis("kernel", self.kernel, 2, minimum=1)

    @cached_property
    def output_shape(self):
        """Rows and columns of the output."""
        settings = self.window_size, self.pair("stride"), self.pair("padding")
        if self.learns:
            return output_size(self.x.shape, *settings, self.pair("dilation"))
        return pool_output_size(self.x.shape, *settings)

    @property
    def around(self):
        """What stands in the padding."""
        return -np.inf if self.mode == "max" else 0.0

    @cached_property
    def _windows(self):
        return [self.at(step).under for step in range(self.steps)]

    def window(self, step):
        """Return the index of the padded inputs that an output is made of."""
        return self._windows[step]

    def slopes(self, step):
        """Return how much an output grows with each of its inputs, as a matrix of the window."""
        if self.learns:
            return self.kernel
        size = self.window_size
        if self.mode == "average":
            return np.full(size, 1 / np.prod(size))
        covered = self.padded[self.window(step)]
        return (np.arange(covered.size) == covered.argmax()).astype(float).reshape(size)

    @cached_property
    def output(self):
        """All outputs."""
        reduce = {"max": np.max, "average": np.mean}.get(self.mode)
        covered = [self.padded[self.window(step)] for step in range(self.steps)]
        values = [reduce(c) if reduce else (c * self.kernel).sum() for c in covered]
        return np.reshape(values, self.output_shape)

    def added(self, step):
        """Return what a step adds to grad_x in its window, and to grad_w."""
        g = self.grad_out.flat[step]
        return g * self.slopes(step), g * self.padded[self.window(step)] if self.learns else None

    @cached_property
    def history(self):
        """grad_x with its padding, and grad_w, after each step; the latter None if none learns."""
        grad_x = np.zeros((self.steps, *self.padded.shape))
        for step in range(self.steps):
            grad_x[(step, *self.window(step))] += self.added(step)[0]
        if not self.learns:
            return grad_x.cumsum(0), None
        grad_w = [self.added(step)[1] for step in range(self.steps)]
        return grad_x.cumsum(0), np.cumsum(grad_w, 0)

    @property
    def grad_padded(self):
        """grad_x so far, with what falls on the padding."""
        return self.history[0][self.step]

    @property
    def grad_x(self):
        """Gradient with respect to the input, so far."""
        return self.grad_padded[~self.outside].reshape(self.x.shape)

    @property
    def grad_w(self):
        """Gradient with respect to the weights, so far; None for pooling."""
        return self.history[1][self.step] if self.learns else None

    @cached_property
    def touches(self):
        """Steps that send something to each padded input: a mask of (steps, rows, columns)."""
        mask = np.zeros((self.steps, *self.padded.shape), bool)
        for step in range(self.steps):
            mask[(step, *self.window(step))] = self.mode != "max" or self.slopes(step) > 0
        return mask

    @each_step
    def example(self):
        """Row and column, in the padded input, of the input whose sum is written out.

        The one of this step's that has been reached most often; None if all lie in the padding.
        """
        so_far = self.touches[: self.step + 1].sum(0) * self.touches[self.step] * ~self.outside
        return np.unravel_index(so_far.argmax(), so_far.shape) if so_far.any() else None

    def _sum(self, place, terms, total, value, unit):
        """Write a sum so far, and how many of its terms are there."""
        last, result = terms[-TERMS:], format_number(value, 4)
        while len(" + ".join(last)) > LINE:
            last = last[1:]
        shown = " + ".join(last)
        if shown != format_factor(value, 4):  # else one term that is the sum
            dots = "… + " if len(terms) > len(last) else ""
            result = f"{dots}{shown} = {result}"
        return f"{place} = {result}", f"{len(terms)} of {total} {unit}"

    @property
    def input_sum(self):
        """The sum of one input's gradient so far with its numbers, and its share of all terms."""
        if self.example is None:
            return "all of it falls on the padding and is dropped", ""
        row, column = self.example
        steps = np.flatnonzero(self.touches[:, row, column])
        terms = []
        for step in steps[steps <= self.step]:
            g, (rows, columns) = self.grad_out.flat[step], self.window(step)
            at = np.flatnonzero(rows == row)[0], np.flatnonzero(columns == column)[0]
            terms.append(self.term(g, self.slopes(step)[at]))
        down, across = self.pair("padding")
        place, value = f"grad_x[{row - down},{column - across}]", self.grad_padded[row, column]
        return self._sum(place, terms, len(steps), value, "windows")

    @property
    def weight_sum(self):
        """The sum of the first weight's gradient so far with its numbers, and its share."""
        terms = [
            self.term(self.grad_out.flat[step], self.padded[self.window(step)][0, 0])
            for step in range(self.step + 1)
        ]
        return self._sum("grad_w[0,0]", terms, self.steps, self.grad_w[0, 0], "positions")

    def term(self, g, slope):
        """Write what a gradient sends along one connection: ``2·(−1)``, ``2`` or ``2/4``."""
        if self.learns:
            return f"{format_factor(g)}·{format_factor(slope)}"
        if self.mode == "max":
            return format_factor(g)
        return f"{format_factor(g)}/{np.prod(self.window_size)}"

    def write(self, value):
        """Write a gradient so far: of an average as a fraction of its window's size, ``-6/9``."""
        size = int(np.prod(self.window_size))
        parts = value * size
        if self.mode != "average" or not parts or abs(parts - round(parts)) > 1e-9:
            return format_number(value)
        return f"{format_number(parts)}/{size}" if size > 1 else format_number(parts)

    def short_term(self, g, slope):
        """Write a term as `term` does, but with one sign for all: ``−2·1``."""
        sign = "−" if g * slope < 0 else "+"
        return sign + self.term(abs(g), abs(slope))

    @property
    def rule(self):
        """What happens to the gradient of this step, in words and numbers."""
        place = "g[{},{}] = ".format(*self.position)
        g = place + format_number(self.grad_out[self.position])
        covered = self.covered
        if self.learns:
            return (
                f"{g} reaches each input under the window, times its weight, "
                "and each weight, times its input"
            )
        if self.mode == "average":
            return f"{g} is spread over {covered.size} inputs: each gets 1/{covered.size} of it"
        winner = np.argwhere(self.touches[self.step])[0] - self.pair("padding")
        equals = int((covered == covered.max()).sum())
        text = f"{g} goes to the maximum {format_number(covered.max())}"
        text += " in row {}, column {}".format(*winner)
        return f"{text}, the first of {equals} equals" if equals > 1 else text

    @property
    def description(self):
        """The step in words and numbers."""
        text = f"Backward step {self.step + 1} of {self.steps}: {self.rule}. "
        return text + " ".join(
            f"{line} ({share})." if share else f"{line}." for line, share in self.sums
        )

    @property
    def sums(self):
        """The sums so far that are written out, each with its share of all terms."""
        return [self.input_sum, self.weight_sum] if self.learns else [self.input_sum]

    @each_room
    def cell(self):
        """Side of the largest cells that there is room for."""
        return room(lambda cell: _arrays(self, cell), range(46, 5, -1), height=610)

    def picture(self):
        """Draw input, kernel and output, and below them their gradients so far."""
        words = _words(self)
        if ROOM.get() < math.inf:
            words = sized(words, height=self.highest(_words))
        return page(
            step_line(self, "row {}, column {} of the output".format(*self.position)),
            _arrays(self, self.cell),
            words,
            description=self.description,
        )


def _words(step):
    return column(sized(text(step.rule), WIDTH), *map(_written, step.sums), gap=5)


def _arrays(step, cell):
    """Every array above its gradient; where they are not beside one another, without arrows."""
    ahead = Block(70, 10, lambda p, x, y: p.arrow((x, y + 8), (x + 70, y + 8)))
    back = Block(70, 10, lambda p, x, y: p.arrow((x + 70, y + 8), (x, y + 8), stroke="gradient"))
    beside = _weight_gradient if step.learns else _sent
    if ROOM.get() < WIDTH:
        ahead = back = space(0)
    return table(
        [_input(step, cell), _kernel(step, cell), ahead, _output(step, cell)],
        [_input_gradient(step, cell), beside(step, cell), back, _upstream(step, cell)],
        gap=(20, 16),
    )


def _frames(step, role):
    """Frame the window; with gaps between its entries, frame each entry."""
    if step.extent == step.window_size:
        return [Frame(*step.corner, *step.extent, role=role)]
    rows, columns = (index.ravel() for index in step.under)
    return [Frame(r, c, role=role, stroke_width=2) for r in rows for c in columns]


def _input(step, cell):
    ring = "dashed: padding" + (" of −∞" if step.mode == "max" else " of zeros")
    frames = _frames(step, "kernel")
    if step.mode == "max":
        frames.append(Frame(*step.example, role="ink", stroke_width=1.5))
    grid = cells(
        step.padded, cell=cell, like=step.x, muted=step.outside, name="input", touch=("input",),
        frames=step.pointed.get("input", frames),
    )  # fmt: skip
    caption = ring if step.outside.any() else "no padding"
    return panel(f"input x, {times(step.x.shape)}", caption, named("input", grid), "input")


def _kernel(step, cell):
    """The weights, or what a pooling window covers."""
    frames = [Frame(0, 0, *step.window_size, stroke_width=2)]
    if step.learns:
        grid = cells(step.kernel, cell=cell, role="kernel", frames=frames)
        return panel("kernel w", "not flipped", named("kernel", grid), "kernel", width=130)
    if step.mode == "max":
        winner = np.argwhere(step.slopes(step.step))[0]
        frames.append(Frame(*winner, role="ink", stroke_width=1.5))
    caption = "framed: the maximum" if step.mode == "max" else "of x"
    outside = step.outside[step.under]
    grid = cells(step.covered, cell=cell, like=step.x, muted=outside, frames=frames)
    return panel("window", caption, named("kernel", grid), "kernel", width=150)


def _output(step, cell):
    frame = Frame(*step.position, role="output")
    grid = cells(
        step.output, cell=cell, role="output", name="output", touch=("output",),
        frames=step.pointed.get("output", [frame]),
    )  # fmt: skip
    return panel("output y", "from the forward pass", named("output", grid), "output", width=150)


def _input_gradient(step, cell):
    """grad_x so far, and what this step adds to it."""
    share = {"convolution": "·w", "average": f"/{np.prod(step.window_size)}", "max": ""}
    frames = _frames(step, "gradient")
    if step.example is not None:
        frames.append(Frame(*step.example, role="ink", stroke_width=1.5))
    slopes, touched = step.slopes(step.step), step.touches[step.step][step.under]
    rows, columns = np.broadcast_arrays(*step.under)
    places = map(tuple, np.argwhere(touched))
    terms = {(rows[place], columns[place]): slopes[place] for place in places}
    grid = _summed(step, step.history[0], cell, frames, terms, slopes, muted=step.outside)
    caption = "now + g[{},{}]".format(*step.position) + share[step.mode]
    return panel("grad_x so far", caption, named("grad_x", grid), "gradient", width=150)


def _weight_gradient(step, cell):
    """grad_w so far, and what this step adds to it."""
    whole = Frame(0, 0, *step.window_size, role="gradient", stroke_width=2)
    frames = [whole, Frame(0, 0, role="ink", stroke_width=1.5)]
    terms = dict(np.ndenumerate(step.covered))
    grid = _summed(step, step.history[1], cell, frames, terms, step.padded)
    caption = "now + g[{},{}]·x".format(*step.position)
    return panel("grad_w so far", caption, named("grad_w", grid), "gradient", width=130)


def _sent(step, cell):
    """What a pooling sends to each cell of its window."""
    g, frame = "g[{},{}]".format(*step.position), Frame(0, 0, *step.window_size, "gradient", 2)
    every = np.outer(step.grad_out, step.slopes(step.step))
    longest = max(len(step.write(v)) for v in np.unique(every))
    grid = cells(
        step.added(step.step)[0], cell=cell, role="gradient", like=step.grad_out,
        frames=[frame], write=step.write, longest=longest,
    )  # fmt: skip
    caption = f"{g} to the maximum" if step.mode == "max" else f"{g}/{every.shape[1]} to each"
    return panel("sent now", caption, named("sent", grid), "gradient", width=150)


def _upstream(step, cell):
    """The gradient of the output; what has not been sent yet is dashed."""
    frame = Frame(*step.position, role="gradient")
    caption = "all sent" if step.done.all() else "dashed: not sent yet"
    grid = cells(
        step.grad_out, cell=cell, role="gradient", muted=~step.done, frames=[frame],
        touch=("output",), name="upstream", move="gradient",
    )  # fmt: skip
    return panel("g = grad_y", caption, named("grad_y", grid), "gradient", width=150)


def _summed(step, history, cell, frames, terms, possible, muted=None):
    """A gradient so far, and in its cells what is added now.

    Two factors are written if any `possible` pair fits, else their product.
    """
    longest = max(4, *(len(step.write(v)) for v in np.unique(history)))
    grid = cells(
        history[step.step], cell=cell, role="gradient", like=history, muted=muted, frames=frames,
        write=step.write, longest=longest,
    )  # fmt: skip
    g = step.grad_out[step.position]
    pairs = [(a, b) for a in np.unique(step.grad_out) for b in np.unique(possible)]
    widest = max(len(step.short_term(a, b)) for a, b in pairs)
    products = 1.5 * cell / widest < TOGETHER
    if products:
        widest = 1 + max(len(format_number(abs(a * b))) for a, b in pairs)
    size = min(11, 0.26 * cell, 1.5 * cell / widest)
    if ROOM.get() < math.inf and cell >= ADDED and cell >= 0.61 * LEGIBLE * widest:
        size = LEGIBLE

    def write(picture, x, y):
        for (i, j), slope in terms.items():
            words = step.short_term(g, slope)
            if products:
                value = format_number(g * slope)
                words = value if value.startswith("−") else f"+{value}"
            middle = x + (j + 0.5) * cell, y + (i + 0.92) * cell
            came = {"origin": "gradient {} {}".format(*step.position)}
            with picture.part("added", move=f"added {muted is None} {i} {j}", **came):
                if not legible(size):
                    continue
                picture.text(*middle, words, size=size, anchor="middle", mono=True)

    return over(grid, write)


def _written(sum_so_far):
    """A sum so far after a frame like that of its cell."""
    line, share = sum_so_far
    words = f"{line}   ({share})" if share else line

    def mark(picture, x, y):
        look = {"radius": 3, "stroke_width": 1.5}
        picture.rect(x + 1, y + 1, 13, 13, fill="gradient", tint=0.4, radius=3)
        picture.rect(x + 1, y + 1, 13, 13, stroke="ink", **look)

    free = min(WIDTH, ROOM.get()) - 24
    size = min(13, free / max(len(words), 1) / 0.63)
    size = size if legible(size) else LEGIBLE
    cut = [words] if ROOM.get() == math.inf else wrapped(words, free, size=size, mono=True)
    before = over(space(22, 15), mark) if share else space(22, 15)
    return sized(row(before, lines(*cut, size=size, mono=True), gap=0), 0, 18)
