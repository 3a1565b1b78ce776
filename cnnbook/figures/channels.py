"""One step of a convolution with channels: a kernel for each input map, one sum for each output."""

from functools import cached_property

import numpy as np

from cnnbook.figures.numbers import format_factor, format_number, indexed
from cnnbook.figures.scene import (
    ROOM,
    Block,
    Frame,
    cells,
    column,
    lines,
    note,
    over,
    page,
    panel,
    room,
    row,
    sized,
    space,
    spread,
    step_line,
    text,
    times,
)
from cnnbook.figures.state import SlidingWindow, each_room, each_step, state
from cnnbook.ops import conv2d
from cnnbook.shapes import conv_macs, conv_parameters

TERMS = 9  # products written out for each channel; the rest are counted

EXAMPLE = np.array(
    [[[1, 2, 0, 1, 3], [0, 1, 3, 2, 1], [2, 0, 1, 0, 2], [1, 3, 2, 1, 0]],
     [[0, 1, 1, 2, 0], [3, 0, 2, 1, 1], [1, 2, 0, 3, 0], [0, 1, 1, 0, 2]],
     [[2, 0, 1, 0, 1], [1, 1, 0, 2, 3], [0, 3, 1, 1, 0], [2, 0, 0, 1, 1.0]]]
)  # fmt: skip
WEIGHT = np.array(
    [[[[1, 0, -1], [2, 0, -2], [1, 0, -1]],
      [[1, 1, 1], [0, 0, 0], [-1, -1, -1]],
      [[-1, 0, 0], [0, 1, 0], [0, 0, 0]]],
     [[[1, 0, 1], [0, 1, 0], [1, 0, 1]],
      [[-1, 0, 0], [0, 0, 0], [0, 0, 2]],
      [[1, -2, 1], [0, 0, 0], [0, 0, 0.0]]]]
)  # fmt: skip
BIAS = np.array([1, -2.0])


@state
class Channels(SlidingWindow):
    """A bank of kernels at one of its positions over a stack of maps."""

    x: np.ndarray  # (C_in, H, W)
    weight: np.ndarray  # (C_out, C_in // groups, kH, kW)
    bias: np.ndarray | None = None  # (C_out,)
    step: int = 0  # number of the position: row by row, one output map after the other
    stride: int | tuple = 1
    padding: int | tuple = 0
    groups: int = 1  # a part of the outputs sees its part of the inputs
    activation: str = "none"  # or "relu"
    out_channel: int | None = None  # step through this output map only

    def __post_init__(self):
        for name, axes in (("x", 3), ("weight", 4), ("bias", 1)):
            self._array(name, axes)
        _ = self.sums  # refuses what does not agree
        self._one_of("activation", ("none", "relu"))
        if self.out_channel is not None:
            self._within("out_channel", len(self.weight))
        self._within("step", self.steps)

    @cached_property
    def kernel_size(self):
        """Rows and columns of a kernel."""
        return self.weight.shape[2:]

    @cached_property
    def sums(self):
        """All sums with their bias, before the activation, of shape (C_out, H_out, W_out)."""
        settings = {"stride": self.stride, "padding": self.padding, "groups": self.groups}
        return conv2d(self.x, self.weight, self.bias, **settings)

    @cached_property
    def output(self):
        """All outputs, after the activation, of shape (C_out, H_out, W_out)."""
        return np.maximum(self.sums, 0) if self.activation == "relu" else self.sums

    @cached_property
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
    def corner(self):
        """Row and column of the padded maps where the windows start."""
        (_, i, j), (down, across) = self.position, self.pairs["stride"]
        return i * down, j * across

    @property
    def done(self):
        """Which outputs are computed, as an array of bool."""
        return np.arange(self.sums.size).reshape(self.sums.shape) <= self._number

    @property
    def inputs(self):
        """The input channels that the current output channel sees."""
        part = self.position[0] // (len(self.weight) // self.groups)
        return range(part * self.weight.shape[1], (part + 1) * self.weight.shape[1])

    @each_step
    def products(self):
        """Window times kernel, element by element, for each input channel that is seen."""
        return self.covered[list(self.inputs)] * self.weight[self.position[0]]

    @property
    def partial_sums(self):
        """The sum of the products of each input channel that is seen."""
        return self.products.sum(axis=(1, 2))

    def channel_formula(self, index):
        """The partial sum of one input channel with its numbers put in."""
        number = index - self.inputs.start
        kernel = self.weight[self.position[0], number]
        pairs = zip(self.covered[index].flat, kernel.flat, strict=True)
        terms = [f"{format_factor(a)}·{format_factor(b)}" for a, b in pairs if b != 0] or ["0"]
        more = f" + … ({len(terms)} terms)" if len(terms) > TERMS else ""
        value = format_number(self.partial_sums[number], 4)
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
        words = f"y[{where}] = {' + '.join(names)} = {' + '.join(numbers)}"
        return f"{words} = {value}" if len(terms) > 1 else words

    @property
    def activation_formula(self):
        """What the activation makes of the sum; empty without one."""
        if self.activation == "none":
            return ""
        where = ",".join(map(str, self.position))
        before, after = self.sums[self.position], self.output[self.position]
        return f"a[{where}] = max(0, {format_number(before, 4)}) = {format_number(after, 4)}"

    @cached_property
    def count_formula(self):
        """The number of parameters with the sizes put in."""
        (outs, seen, *kernel), groups = self.weight.shape, self.groups
        inputs, number = ("C_in", seen) if groups == 1 else ("C_in/g", f"({len(self.x)}/{groups})")
        letters, numbers = f"C_out·{inputs}·kH·kW", f"{outs}·{number}·{kernel[0]}·{kernel[1]}"
        biased = self.bias is not None
        if biased:
            letters, numbers = f"{letters} + C_out", f"{numbers} + {outs}"
        count = conv_parameters(len(self.x), outs, tuple(kernel), groups=groups, bias=biased)
        return f"{letters} = {numbers} = {count:,} parameters"

    @cached_property
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

    @each_room
    def cell(self):
        """Side of the largest cells that there is room for."""
        small = room(lambda cell: _body(self, cell), range(30, 21, -1), 944, 520)
        taller = room(lambda cell: _body(self, cell), range(30, 15, -1), 944, 700)
        return small if _body(self, small).height <= 520 else taller

    def picture(self):
        """Draw the windows, one kernel set, its partial sums, the outputs and all kernels."""
        channel, row, column = self.position
        words = _formulas(self)
        if ROOM.get() < 944:
            words = sized(words, height=self.highest(_formulas))
        return page(
            step_line(self, f"channel {channel}, row {row}, column {column} of the output"),
            _body(self, self.cell),
            words,
            _kernels(self),
            description=self.description,
            width=944,
        )


def _formulas(it):
    return lines(it.formula, it.activation_formula, mono=True, gap=6, size=12)


def _map(name, block):
    """A grid under its own small name."""
    return column(text(name, size=12, role="muted", mono=True), block, gap=2)


def _body(it, cell):
    """Five columns: inputs, kernels, products, their sums, outputs."""
    (down, across), (rows, columns) = it.pairs["padding"], it.kernel_size
    numbers = np.abs([*it.padded.flat, *it.sums.flat])
    scale = {"cell": cell, "largest": numbers.max() or 1}  # of all numbers but the weights
    weights = {"cell": cell, "role": "kernel", "like": it.weight}
    possible = np.outer(np.unique(it.padded), np.unique(it.weight))
    seen, whole = len(it.inputs), [Frame(0, 0, rows, columns, stroke_width=2)]

    grids = [[], [], [], []]  # a list for each of the first four columns, an entry per input map
    for index, values in enumerate(it.padded):
        number = index - it.inputs.start
        shown = 0 <= number < seen
        frames = it.pointed.get("input", [Frame(*it.corner, rows, columns)]) if shown else []
        x = cells(values, like=it.padded, muted=it.outside, frames=frames, name="input",
                  touch=("input",), **scale)  # fmt: skip
        grids[0].append(_map(f"x[{index}]{'' if shown else ' (other group)'}", x))
        if shown:
            kernel, products = it.weight[it.position[0], number], it.products[number]
            style = {"like": possible, "role": "output", "name": "products", **scale}
            kernel = cells(kernel, frames=whole, name="kernel", **weights)
            partial = text(format_number(it.partial_sums[number]), size=17, bold=True, mono=True)
            grids[1].append(_map(f"w[{it.position[0]},{number}]", kernel))
            grids[2].append(_map("", cells(products, **style)))
            grids[3].append(_map(indexed("s", index), partial))
        else:
            for grid in grids[1:]:
                grid.append(space(0))
    height = max(block.height for blocks in grids for block in blocks)
    strut = space(0, height)
    bands = [[row(strut, block, gap=0, align=0.5) for block in blocks] for blocks in grids]

    frame = Frame(*it.position[1:], role="output")
    name = "a" if it.activation == "relu" else "y"
    outputs = [
        cells(values, like=it.output, role="output", shown=done, name="output",
              frames=it.pointed.get("output", [frame] if index == it.position[0] else ()),
              touch=("output", index), **scale)
        for index, (values, done) in enumerate(zip(it.output, it.done, strict=True))
    ]  # fmt: skip
    outputs = [_map(f"{name}[{index}]", grid) for index, grid in enumerate(outputs)]
    padding = f"dashed: padding {down} × {across}" if down + across else "no padding"
    after = "after ReLU" if it.activation == "relu" else "one map per kernel set"
    heads = [
        (f"input {times(it.x.shape)}", padding, "input"),
        (f"kernel set {it.position[0]}", f"{seen} of {rows} × {columns}", "kernel"),
        ("products", "window × kernel", "muted"),
        ("sum", "over window and channels", "muted"),
        (f"output {times(it.output.shape)}", after, "output"),
    ]
    captions = [
        (lines(title, size=14, role=role, bold=True), note(caption))
        for title, caption, role in heads
    ]
    *stacks, partial = (column(*blocks, gap=10) for blocks in bands)
    narrow, least = ROOM.get() < 900, (130, 110, 100, 290, 150)
    if narrow:  # the total comes below, beside the outputs
        captions[3] = lines("sum", size=14, role="muted", bold=True), note("")
        stacks += [partial, column(*outputs, gap=10)]
        least = 110, 80, 80, 60, 150
    else:
        both = row(sized(partial, 94), _sum(it, height, 10), gap=0)
        stacks += [both, column(*outputs, gap=10)]
    parts = [
        sized(column(*head, stack, gap=4), width)
        for head, stack, width in zip(captions, stacks, least, strict=True)
    ]
    if narrow:
        total = panel("their sum", "over window and channels", _total(it), "muted", width=190)
        return column(spread(*parts[:4], most=40), row(total, parts[4], gap=24), gap=16)
    return spread(*parts, width=944, most=40)


def _sum(it, height, gap):
    """A bracket that gathers the partial sums into one number."""
    middles = [index * (height + gap) + height / 2 + 7 for index in it.inputs]
    centre = (middles[0] + middles[-1]) / 2

    def draw(picture, x, y):
        for middle in middles:
            picture.line((x, y + middle), (x + 12, y + middle))
        picture.line((x + 12, y + middles[0]), (x + 12, y + middles[-1]))
        picture.arrow((x + 12, y + centre), (x + 32, y + centre))

    bracket = Block(36, len(it.x) * (height + gap) - gap, draw)
    before = space(0, max(centre - 16 - 42, 0))
    return row(bracket, sized(column(before, _total(it), gap=2), 160), gap=0)


def _total(it):
    """The sum of the partial sums, with the bias before and the activation after it."""
    place = it.position
    bias = relu = space(0)
    if it.bias is not None:
        words = f"{indexed('b', place[0])} = {format_number(it.bias[place[0]])}"
        bias = column(text("plus bias", size=12, role="muted"), text(words, mono=True), gap=0)
    if it.activation == "relu":
        words = f"ReLU: {format_number(it.output[place])}"
        relu = text(words, mono=True, role="output")
    value = f"= {format_number(it.sums[place])}"
    number = text(value, size=24, bold=True, mono=True, role="output")
    return column(sized(bias, 0, 36), number, relu, gap=2)


def _kernels(it):
    """Every kernel of the layer, small, the current set framed, and the counts beside."""
    outs, seen, _, columns = it.weight.shape
    fits = (c for c in range(8, 2, -1) if outs * (seen * (columns * c + 6) + 16) <= 440)
    cell = next(fits, 2)
    style = {"cell": cell, "role": "kernel", "largest": np.abs(it.weight).max() or 1}

    def one(index, kernels):
        block = row(*(cells(kernel, name="set", **style) for kernel in kernels), gap=6)
        wide, tall = block.width + 8, block.height + 8
        block = row(space(0), column(space(0), block, gap=4), gap=4)
        if index == it.position[0]:
            frame = {"stroke": "kernel", "stroke_width": 2, "radius": 3}
            block = over(sized(block, wide, tall),
                         lambda picture, x, y: picture.rect(x, y, wide, tall, **frame))  # fmt: skip
        return column(sized(block, wide, tall), text(f"set {index}", size=12, role="muted"), gap=2)

    kernels = f"{outs} set{'s' * (outs > 1)} of {seen}: {outs * seen} two-dimensional kernel"
    counts = column(
        text(kernels + "s" * (outs * seen > 1), size=14, role="kernel", bold=True),
        text(it.count_formula, mono=True),
        text(it.work_formula, mono=True, role="muted"),
    )
    return row(*(one(*each) for each in enumerate(it.weight)), counts, gap=14)
