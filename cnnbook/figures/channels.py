"""One step of a convolution with channels: a kernel for each input map, one sum for each output."""

from functools import cached_property

import numpy as np

from cnnbook.figures.cells import format_factor, format_number, indexed
from cnnbook.figures.scene import (
    Block,
    Frame,
    cells,
    column,
    fit,
    formula,
    named,
    over,
    page,
    panel,
    row,
    sized,
    space,
    spread,
    step_line,
    table,
    text,
    times,
)
from cnnbook.figures.state import SlidingWindow, each_step, state
from cnnbook.ops import conv2d
from cnnbook.shapes import conv_macs, conv_parameters

# the example of chapter 4: three maps, two kernel sets
EXAMPLE = np.array(
    [
        [[1, 2, 0, 1, 3], [0, 1, 3, 2, 1], [2, 0, 1, 0, 2], [1, 3, 2, 1, 0]],
        [[0, 1, 1, 2, 0], [3, 0, 2, 1, 1], [1, 2, 0, 3, 0], [0, 1, 1, 0, 2]],
        [[2, 0, 1, 0, 1], [1, 1, 0, 2, 3], [0, 3, 1, 1, 0], [2, 0, 0, 1, 1.0]],
    ]
)
WEIGHT = np.array(
    [
        [
            [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
            [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
            [[-1, 0, 0], [0, 1, 0], [0, 0, 0]],
        ],
        [
            [[1, 0, 1], [0, 1, 0], [1, 0, 1]],
            [[-1, 0, 0], [0, 0, 0], [0, 0, 2]],
            [[1, -2, 1], [0, 0, 0], [0, 0, 0.0]],
        ],
    ]
)
BIAS = np.array([1, -2.0])

TERMS = 9  # products written out for each channel; the rest are counted
ACTIVATIONS = ("none", "relu")
MAPS, ROWS, COLUMNS, KERNEL = 4, 24, 9, 5  # what a picture holds legibly


@state
class Channels(SlidingWindow):
    """A bank of kernels at one of its positions over a stack of maps.

    Parameters
    ----------
    x : ndarray of shape (C_in, H, W)
        At most 4 channels, 9 columns and 24 rows in all maps together, padding included.
    weight : ndarray of shape (C_out, C_in // groups, kH, kW)
        At most 4 output channels, kernels of at most 5 × 5.
    bias : ndarray of shape (C_out,), optional
        Without it there is nothing to add.
    step : int
        Number of the position, from 0: row by row, one output map after the other.
    stride, padding : int or tuple of int
        As in `torch.nn.functional.conv2d`; padding is zeros.
    groups : int
        Parts that the channels are split into; a part of the outputs sees its part of the inputs.
    activation : {"none", "relu"}
        What each sum goes through.
    out_channel : int, optional
        Step through this output map only, not through all of them.

    Raises
    ------
    TypeError, ValueError
        If shapes do not agree, no window fits, it is too large to draw, or there is no such step,
        channel or activation.

    References
    ----------
    Chapter 4.
    """

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray | None = None
    step: int = 0
    stride: int | tuple = 1
    padding: int | tuple = 0
    groups: int = 1
    activation: str = "none"
    out_channel: int | None = None

    def __post_init__(self):
        for name, rank in (("x", 3), ("weight", 4), ("bias", 1)):
            self._array(name, rank)
        self._one_of("activation", ACTIVATIONS)
        shape = self.sums.shape
        if self.out_channel is not None:
            self._within("out_channel", len(self.weight))
        self._within("step", self.steps)
        padded = self.padded.shape
        for words, count, most in (
            ("input channels", padded[0], MAPS),
            ("output channels", shape[0], MAPS),
            ("columns of the padded input", padded[2], COLUMNS),
            ("rows in all padded input maps", padded[0] * padded[1], ROWS),
            ("rows in all output maps", shape[0] * shape[1], ROWS),
            ("kernel rows or columns", max(self.kernel_size), KERNEL),
        ):
            if count > most:
                raise ValueError(f"{count} {words}, the picture holds at most {most}")

    @property
    def kernel_size(self):
        """Rows and columns of a kernel."""
        return self.weight.shape[2:]

    @cached_property
    def sums(self):
        """All sums with their bias, before the activation, of shape (C_out, H_out, W_out)."""
        settings = {"stride": self.stride, "padding": self.padding, "groups": self.groups}
        return conv2d(self.x, self.weight, self.bias, **settings)

    @property
    def output(self):
        """All outputs, after the activation, of shape (C_out, H_out, W_out)."""
        return np.maximum(self.sums, 0) if self.activation == "relu" else self.sums

    @property
    def steps(self):
        """Number of positions, in one output map or in all of them."""
        return self.sums.size if self.out_channel is None else self.sums[0].size

    @property
    def _number(self):
        """Number of this position among those of all output maps."""
        return self.step + (self.out_channel or 0) * self.sums[0].size

    @property
    def position(self):
        """Output channel, row and column that this step yields."""
        return tuple(map(int, np.unravel_index(self._number, self.sums.shape)))

    @property
    def done(self):
        """Which outputs are computed, as an array of bool."""
        return np.arange(self.sums.size).reshape(self.sums.shape) <= self._number

    @property
    def inputs(self):
        """The input channels that the current output channel sees."""
        part = self.position[0] // (len(self.weight) // self.groups)
        return range(part * self.weight.shape[1], (part + 1) * self.weight.shape[1])

    @property
    def corner(self):
        """Row and column of the padded maps where the windows start."""
        return tuple(p * s for p, s in zip(self.position[1:], self.pair("stride"), strict=True))

    @each_step
    def products(self):
        """Window times kernel, element by element, for each input channel that is seen."""
        return self.covered[self.inputs] * self.weight[self.position[0]]

    @property
    def partial_sums(self):
        """The sum of the products of each input channel that is seen."""
        return self.products.sum(axis=(1, 2))

    def channel_formula(self, index):
        """The partial sum of one input channel with its numbers put in."""
        kernel = self.weight[self.position[0], index - self.inputs.start]
        pairs = zip(self.covered[index].flat, kernel.flat, strict=True)
        terms = [f"{format_factor(a)}·{format_factor(b)}" for a, b in pairs if b != 0] or ["0"]
        more = f" + … ({len(terms)} terms)" if len(terms) > TERMS else ""
        value = format_number(self.partial_sums[index - self.inputs.start], 4)
        return f"{indexed('s', index)} = {' + '.join(terms[:TERMS])}{more} = {value}"

    @property
    def formula(self):
        """The sum over the channels with its numbers put in."""
        place = self.position
        names = [indexed("s", index) for index in self.inputs]
        terms = list(self.partial_sums)
        if self.bias is not None:
            names.append(indexed("b", place[0]))
            terms.append(self.bias[place[0]])
        numbers = [format_number(terms[0], 4), *(format_factor(term, 4) for term in terms[1:])]
        where, value = ",".join(map(str, place)), format_number(self.sums[place], 4)
        text = f"y[{where}] = {' + '.join(names)} = {' + '.join(numbers)}"
        return f"{text} = {value}" if len(terms) > 1 else text

    @property
    def activation_formula(self):
        """What the activation makes of the sum; empty without one."""
        if self.activation == "none":
            return ""
        where = ",".join(map(str, self.position))
        before, after = self.sums[self.position], self.output[self.position]
        return f"a[{where}] = max(0, {format_number(before, 4)}) = {format_number(after, 4)}"

    @property
    def count_formula(self):
        """The number of parameters with the sizes put in."""
        (outs, seen, *kernel), groups = self.weight.shape, self.groups
        inputs, number = ("C_in", seen) if groups == 1 else ("C_in/g", f"({len(self.x)}/{groups})")
        letters, numbers = f"C_out·{inputs}·kH·kW", f"{outs}·{number}·{kernel[0]}·{kernel[1]}"
        if self.bias is not None:
            letters, numbers = f"{letters} + C_out", f"{numbers} + {outs}"
        count = conv_parameters(
            len(self.x), outs, tuple(kernel), groups=groups, bias=self.bias is not None
        )
        return f"{letters} = {numbers} = {count:,} parameters"

    @property
    def work_formula(self):
        """The number of multiply-adds, products with padded zeros included."""
        (outs, _, *kernel), size = self.weight.shape, self.sums.shape[1:]
        macs = conv_macs(len(self.x), outs, tuple(kernel), size, groups=self.groups)
        weights = macs // (size[0] * size[1])
        return f"{weights} weights · {size[0]}·{size[1]} positions = {macs:,} multiply-adds"

    @property
    def description(self):
        """The step in words and numbers."""
        channel, row, column = self.position
        parts = "; ".join(self.channel_formula(index) for index in self.inputs)
        formulas = (self.formula, self.activation_formula, self.count_formula)
        return (
            f"Step {self.step + 1} of {self.steps}: output channel {channel}, row {row}, "
            f"column {column}. {parts}. {'. '.join(filter(None, formulas))}."
        )

    def picture(self):
        """Draw windows, the kernel set of one output channel, its partial sums and the outputs."""
        body = fit(lambda cell: _body(self, cell), range(30, 21, -1), 944, 560)
        if body.height > 560 or body.width > 944:
            body = fit(lambda cell: _body(self, cell), range(28, 15, -1), 944, 720)
        return page(
            step_line(self, "channel {}, row {}, column {}".format(*self.position)),
            body,
            formula(self.formula, self.activation_formula),
            _all_kernels(self),
            description=self.description,
        )


def _body(channels, cell):
    """The maps with what becomes of each, their sum, and the outputs."""
    out, (rows, columns) = channels.position[0], channels.kernel_size
    down, across = channels.pair("padding")
    seen, several = len(channels.inputs), "s" * (len(channels.inputs) > 1)
    padding = f"dashed: padding {down} × {across}" if down + across else "no padding"
    nothing = space(0)
    head = [
        panel(f"input {times(channels.x.shape)}", padding, nothing, "input", width=130),
        panel(f"kernel set {out}", f"{seen} kernel{several} of {rows} × {columns}", nothing,
              "kernel", width=132),
        panel("products", "window × kernel", nothing, "muted", width=110),
        panel("sum", "over window and channels", nothing, "muted")._replace(width=78),  # and on
    ]  # fmt: skip
    maps = [[_map(channels, index, cell), *_seen(channels, index, cell)]
            for index in range(len(channels.x))]  # fmt: skip
    maps = [[first, *((block, 0, 0.5) for block in others)] for first, *others in maps]
    gap, height, top = 12, maps[0][0].height, head[0].height
    middles = [top + gap + i * (height + gap) + height / 2 + 8 for i in range(len(maps))]
    now = middles[channels.inputs.start : channels.inputs.stop]
    left = table(head, *maps, gap=(14, gap))
    return spread(
        row(left, _sum(channels, now, top, middles[-1]), gap=0), _outputs(channels, cell), most=60
    )


def _map(channels, index, cell):
    """An input map and the window on it."""
    seen = index in channels.inputs
    note = "" if seen else " (other group)"
    frames = [Frame(*channels.corner, *channels.kernel_size)] * seen
    grid = cells(
        channels.padded[index], cell=cell, like=channels.padded, muted=channels.outside,
        frames=frames,
    )  # fmt: skip
    name = text(f"x[{index}]{note}", size=12, role="muted", mono=True)
    return column(name, named("input", grid), gap=2)


def _seen(channels, index, cell):
    """The kernel of an input channel, window times kernel, and the sum of that."""
    if index not in channels.inputs:
        return [space(0)] * 3
    number, out = index - channels.inputs.start, channels.position[0]
    largest = np.abs(channels.padded).max() * np.abs(channels.weight).max()
    frame = Frame(0, 0, *channels.kernel_size, stroke_width=2)
    look = {"cell": cell, "role": "kernel", "like": channels.weight, "frames": [frame]}
    name = text(f"w[{out},{number}]", size=12, role="muted", mono=True)
    kernel = named("kernel", cells(channels.weight[out, number], **look))
    both = np.array([largest, -largest])
    products = cells(channels.products[number], cell=cell, role="output", like=both)
    total = format_number(channels.partial_sums[number])
    return [
        column(name, kernel, gap=2),
        column(space(0, name.height), named("products", products), gap=2),
        column(
            text(indexed("s", index), size=12, role="muted", mono=True),
            text(total, size=17, bold=True, mono=True, width=72),
            gap=2,
        ),
    ]


def _sum(channels, middles, top, lowest):
    """A bracket that gathers the partial sums at these heights into one number below `top`.

    It takes the room that it needs where the last of them is at `lowest`.
    """
    place, bias = channels.position, channels.bias
    added = []
    if bias is not None:
        term = f"{indexed('b', place[0])} = {format_number(bias[place[0]])}"
        added = [text("plus bias", size=12, role="muted"), text(term, mono=True)]
    total = text(
        f"= {format_number(channels.sums[place])}",
        size=24, role="output", bold=True, mono=True, width=132,
    )  # fmt: skip
    relu = f"ReLU: {format_number(channels.output[place])}" * (channels.activation == "relu")
    above = column(*added, gap=2)
    whole = column(above, total, text(relu, mono=True, role="output"), gap=4)
    before = above.height + 4 + total.height / 2
    centre = max((middles[0] + middles[-1]) / 2, top + 4 + before)
    lead = centre - before

    def bracket(picture, x, y):
        for middle in middles:
            picture.line((x - 10, y + middle), (x + 4, y + middle))
        low = max(middles[-1], centre)
        picture.line((x + 4, y + middles[0]), (x + 4, y + low))
        picture.arrow((x + 4, y + centre), (x + 22, y + centre))

    block = row(space(28), column(space(0, lead), whole, gap=0), gap=0)
    room = max(lowest, top + 4 + before) - before + whole.height
    return over(sized(block, height=room), bracket)


def _outputs(channels, cell):
    """The output maps so far."""
    relu, (channel, *place) = channels.activation == "relu", channels.position
    grids = []
    for index, (values, done) in enumerate(zip(channels.output, channels.done, strict=True)):
        frames = [Frame(*place, role="output")] * (index == channel)
        look = {"role": "output", "like": channels.output, "shown": done, "frames": frames}
        name = text(f"{'a' if relu else 'y'}[{index}]", size=12, role="muted", mono=True)
        grids.append(column(name, named("output", cells(values, cell=cell, **look)), gap=2))
    caption = "after ReLU" if relu else "one map per kernel set"
    title = f"output {times(channels.output.shape)}"
    return panel(title, caption, column(*grids, gap=12), "output", width=160)


def _all_kernels(channels):
    """Every kernel of the layer, small, the current set framed, and the count beside."""
    outs, seen, _, columns = channels.weight.shape
    wide = (c for c in range(8, 0, -1) if outs * (seen * (columns * c + 6) + 16) <= 440 or c < 3)
    cell = next(wide)
    sets = []
    for index, kernels in enumerate(channels.weight):
        grids = [
            cells(kernel, cell=cell, role="kernel", like=channels.weight) for kernel in kernels
        ]
        inner = row(*grids, gap=6)

        def draw(picture, x, y, inner=inner, index=index):
            inner.draw(picture, x + 4, y + 4)
            if index == channels.position[0]:
                size = inner.width + 8, inner.height + 8
                picture.rect(x, y, *size, stroke="kernel", stroke_width=2, radius=3)

        framed = named("set", Block(inner.width + 8, inner.height + 8, draw))
        sets.append(column(framed, text(f"set {index}", size=12, role="muted"), gap=4))
    several = "s" * (outs > 1), "s" * (outs * seen > 1)
    words = f"{outs} set{several[0]} of {seen}: {outs * seen} two-dimensional kernel{several[1]}"
    counts = column(
        text(words, size=14, role="kernel", bold=True),
        text(channels.count_formula, mono=True),
        text(channels.work_formula, mono=True, role="muted"),
        gap=5,
    )
    return row(sized(row(*sets, gap=14), 186), counts, gap=24)
