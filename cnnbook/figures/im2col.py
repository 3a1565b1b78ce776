"""Windows copied to the columns of a matrix, what is done with them, and the output."""

from functools import cached_property

import numpy as np

from cnnbook.figures.numbers import format_factor, format_number
from cnnbook.figures.scene import (
    ROOM,
    WIDTH,
    Block,
    Frame,
    arrow,
    cells,
    column,
    formula,
    legible,
    lines,
    named,
    page,
    panel,
    result,
    room,
    row,
    sized,
    space,
    spread,
    step_line,
    table,
    text,
    text_width,
    times,
)
from cnnbook.figures.state import SlidingWindow, each_room, state
from cnnbook.ops import unfold
from cnnbook.shapes import integer, output_size, per_axis, pool_output_size

MODES = ("convolution", "max", "average")
LINE = 112  # characters of a formula that fit beside each other
TALLEST, WIDEST, TOGETHER, MAPS = 18, 20, 34, 3  # what a picture holds legibly
LABELS = 50  # for the index of each row of the columns


@state
class Im2col(SlidingWindow):
    """A convolution or a pooling as one operation on the matrix of windows, at one column.

    Source of the method: Chellapilla, Puri & Simard (2006), section 3. Each array has at most 3
    channels; padding counts as in `torch.nn.functional`: −∞ for a maximum, 0 for a mean.
    """

    x: np.ndarray  # (C_in, H, W) or (H, W)
    weight: np.ndarray | None = (
        None  # (C_out, C_in, kH, kW) or (kH, kW); a pooling may take its window from it
    )
    kernel_size: int | tuple | None = None  # the first rows and columns of a larger weight
    channels: int | None = None  # take the first input channels only
    mode: str = "convolution"  # or "max" or "average"
    stride: int | tuple = 1
    padding: int | tuple = 0
    row: int = 0  # of the product: an output channel; one beyond the last is taken for the last
    step: int = 0  # column that is worked out: a window, counted row by row

    def __post_init__(self):
        self._one_of("mode", MODES)
        self._array("x", 2, 3)
        self._array("weight", 2, 4)
        for name, rank in (("x", 3), ("weight", 4)):
            array = getattr(self, name)
            if array is not None and array.ndim == 2:  # one channel
                object.__setattr__(self, name, array.reshape(*(1,) * (rank - 2), *array.shape))
        if self.weight is not None:
            self._check_weight()
        elif self.mode == "convolution":
            raise ValueError("weight is None, a convolution needs one")
        elif self.kernel_size is None:
            raise ValueError("kernel_size is None, a pooling needs one")
        if self.channels is not None and not 1 <= integer("channels", self.channels) <= len(self.x):
            raise ValueError(f"channels is {self.channels}, expected 1 to {len(self.x)}")
        object.__setattr__(self, "row", min(self.row, self.rows - 1))
        self._within("row", self.rows)
        self._within("step", self.steps)
        self._check_size()

    def _check_weight(self):
        if self.weight.shape[1] != len(self.x):
            raise ValueError(f"x has {len(self.x)} channels, weight expects {self.weight.shape[1]}")
        most = self.weight.shape[2:]
        if any(k > m for k, m in zip(self.window_size, most, strict=True)):
            raise ValueError(f"kernel_size is {self.kernel_size}, weight has {times(most)}")

    def _check_size(self):
        tall, wide = self.columns.shape
        for count, words, most in (
            (tall, "numbers in a window", TALLEST),
            (wide, "windows", WIDEST),
            (len(self.maps), "input channels", MAPS),
            (self.rows, "output channels", MAPS),
        ):
            if count > most:
                raise ValueError(f"{count} {words}, the picture holds at most {most}")
        if tall + wide > TOGETHER:
            raise ValueError(
                f"the columns make a matrix of {tall} × {wide}, the picture holds at most "
                f"{TOGETHER} rows and columns together"
            )

    @property
    def maps(self):
        """The input channels that take part."""
        return self.x[: self.channels]

    @property
    def window_size(self):
        """Rows and columns of the window."""
        if self.kernel_size is None:
            return self.weight.shape[2:]
        return per_axis("kernel_size", self.kernel_size, 2, minimum=1)

    @property
    def around(self):
        """What stands in the padding."""
        return -np.inf if self.mode == "max" else 0.0

    @cached_property
    def output_shape(self):
        """Rows and columns of each output map."""
        size = output_size if self.mode == "convolution" else pool_output_size
        return size(self.maps.shape[1:], self.window_size, self.stride, self.padding)

    @property
    def rows(self):
        """Rows of the product: output channels."""
        return len(self.weight) if self.mode == "convolution" else len(self.maps)

    @property
    def bounds(self):
        """First and last output channel."""
        return {"row": (0, self.rows - 1)}

    @cached_property
    def columns(self):
        """The windows as columns, of shape (C_in * kH * kW, windows)."""
        return unfold(self.padded, self.window_size, stride=self.stride)

    @cached_property
    def columns_outside(self):
        """Which entries of `columns` are padding."""
        outside = np.broadcast_to(self.outside, self.padded.shape).astype(int)
        return unfold(outside, self.window_size, stride=self.stride) == 1

    @cached_property
    def weight_matrix(self):
        """The weight as a matrix, one row per output channel; None for a pooling."""
        if self.mode != "convolution":
            return None
        (tall, wide), count = self.window_size, len(self.maps)
        return self.weight[:, :count, :tall, :wide].reshape(len(self.weight), -1)

    @cached_property
    def product(self):
        """All outputs as a matrix, of shape (output channels, windows)."""
        if self.mode == "convolution":
            return self.weight_matrix @ self.columns
        blocks = self.columns.reshape(len(self.maps), -1, self.steps)
        return blocks.max(axis=1) if self.mode == "max" else blocks.mean(axis=1)

    @property
    def output(self):
        """All outputs as maps, of shape (output channels, H_out, W_out)."""
        return self.product.reshape(-1, *self.output_shape)

    @property
    def block(self):
        """Rows of the column that the result reads: all, or those of one channel."""
        if self.mode == "convolution":
            return range(len(self.columns))
        size = len(self.columns) // len(self.maps)
        return range(self.row * size, (self.row + 1) * size)

    @property
    def winner(self):
        """Row of the column that holds the maximum, the first of equals."""
        return self.block.start + int(self.columns[self.block, self.step].argmax())

    def touched(self, name, channel, *place):
        """A place of an output map is gone to, and its map."""
        return super().touched(name, *place) | ({"row": channel} if name == "output" else {})

    @property
    def value(self):
        """The output that this step works out, as text."""
        return format_number(self.product[self.row, self.step], 4)

    def _terms(self):
        """How the formula starts, what is put together, how it ends, what stands between."""
        values = self.columns[self.block, self.step]
        start, end = f"Y[{self.row},{self.step}] = ", f" = {self.value}"
        if self.mode == "max":
            return f"{start}max(", [format_number(v) for v in values], f"){end}", ", "
        if self.mode == "average":
            return f"{start}(", [format_factor(v) for v in values], f") / {values.size}{end}", " + "
        pairs = zip(self.weight_matrix[self.row], values, strict=True)
        return start, [f"{format_factor(w)}·{format_factor(v)}" for w, v in pairs], end, " + "

    @property
    def formula(self):
        """The output of this step with its numbers put in."""
        start, terms, end, between = self._terms()
        return start + between.join(terms) + end

    @property
    def formula_lines(self):
        """The formula in lines that fit into the picture, as many at every step."""
        start, terms, end, between = self._terms()
        longest = max(len(format_factor(v)) for v in self.padded.flat)
        if self.mode == "convolution":
            longest += 1 + max(len(format_factor(v)) for v in self.weight.flat)
        room = LINE - len("Y[10,10] = max(") - len(") / 10 = −1.234e−05")
        each = max(1, room // (longest + len(between)))
        groups = [between.join(terms[k : k + each]) for k in range(0, len(terms), each)]
        whole = start + f"{between.rstrip()}\n{' ' * len(start)}".join(groups) + end
        return whole.split("\n")

    @property
    def place_formula(self):
        """Where the column's result lies in the output map, with the numbers put in."""
        (i, j), width = self.position, self.output_shape[1]
        return f"column {self.step} = {i}·{width} + {j}, so y[{self.row},{i},{j}] = {self.value}"

    @property
    def count_words(self):
        """The size of the matrix beside that of the input."""
        size = f"{times(self.columns.shape)} = {self.columns.size}"
        return f"{size} numbers; the input has {self.maps.size}"

    @property
    def description(self):
        """The step in words and numbers."""
        (i, j), names = self.position, {"max": "max pooling", "average": "average pooling"}
        return (
            f"Step {self.step + 1} of {self.steps}, {names.get(self.mode, self.mode)}: the window "
            f"at row {i}, column {j} becomes column {self.step}. {self.formula}. "
            f"{self.place_formula[0].upper()}{self.place_formula[1:]}. "
            f"Columns: {self.count_words}."
        )

    @each_room
    def cell(self):
        """Side of the largest cells that there is room for."""
        return room(lambda cell: _body(self, cell), range(36, 9, -1), height=590)

    def picture(self):
        """Draw the input, its windows as columns, what is done with them, and the output.

        The product stands under the columns and beside the weights, so that the row and the
        column that are multiplied meet in their result.
        """
        where, words = "the window at row {}, column {}".format(*self.position), _words(self)
        if ROOM.get() < WIDTH:
            words = sized(words, height=self.highest(_words))
        return page(
            step_line(self, f"{where} becomes column {self.step}"),
            _body(self, self.cell),
            words,
            description=self.description,
        )


def _words(lowered):
    place = text(lowered.place_formula, mono=True, role="muted")
    return column(formula(*lowered.formula_lines), place, gap=2)


def _body(lowered, cell):
    """Input above factors, columns above product, and the output beside both."""
    windows, factors = _columns(lowered, cell), _factors(lowered, cell)
    maps = _maps(lowered, lowered.padded, "input", cell)
    lead = max(maps.height - windows.height, 0) + 60
    way = arrow(max(40, factors.width - maps.width - 14), role="kernel")
    words = text("copy", size=12, role="muted")
    copy = column(space(0, lead), column(words, way, gap=2, align=0.5), gap=0)
    inputs = row(maps, copy, gap=14)
    factors = factors, int(lowered.mode == "convolution"), 0
    return spread(
        table([inputs, (windows, 0, 1)], [factors, _product(lowered, cell)], gap=(6, 16)),
        _maps(lowered, lowered.output, "output", cell),
    )


def _maps(lowered, maps, name, cell):
    """The input's maps with the window on each, or the output's with the result below."""
    given, several = name == "input", len(maps) > 1
    empty = "−∞" if lowered.mode == "max" else "0"
    padding = f"dashed: padding, {empty}" if lowered.outside.any() else "no padding"
    panels = []
    for channel, values in enumerate(maps):
        now = channel == lowered.row or (given and lowered.mode == "convolution")
        title = f"{name} {channel}" if several else name
        if given:
            title += f": {times(lowered.maps.shape[1:])}"
            frame = Frame(*lowered.corner, *lowered.window_size, stroke_width=3 if now else 1.5)
            frames = lowered.pointed.get("input", [frame])
            look = {"muted": lowered.outside, "frames": frames, "like": lowered.maps}
        else:
            frames = [Frame(*lowered.position, role="output")] * now
            frames = lowered.pointed.get("output", frames)
            look = {"shown": lowered.done, "frames": frames, "like": lowered.product}
        caption = padding if given else f"row {channel} as {times(lowered.output_shape)}"
        look["move"] = f"{name} {channel}"
        grid = cells(values, cell=cell, role=name, touch=(name, channel), name=name, **look)
        panels.append(panel(title, caption, grid, name, width=150))
    if not given:
        ways = {"max": "largest of the block", "average": "mean of the block"}
        words = ways.get(lowered.mode, "row · column")
        panels.append(result(words, lowered.value, width=160))
    return column(*panels, gap=14)


def _columns(lowered, cell):
    """The columns so far, with the index of each row and of each window."""
    (tall, wide), window = lowered.columns.shape, lowered.window_size
    shown = np.broadcast_to(np.arange(wide) <= lowered.step, (tall, wide))
    roles, block = np.full((tall, wide), "input", "<U6"), lowered.block
    frames = [Frame(block.start, lowered.step, len(block))]
    if len(block) < tall:
        frames.insert(0, Frame(0, lowered.step, tall, stroke_width=1.5))
    if lowered.mode == "max":
        roles[lowered.winner, lowered.step] = "output"
        frames.append(Frame(lowered.winner, lowered.step, role="output"))

    origins = {}  # the column of this step comes from the window
    for k, (channel, *place) in enumerate(np.ndindex(len(lowered.maps), *window)):
        at = np.add(lowered.corner, place)
        origins[k, lowered.step] = f"input {channel} {at[0]} {at[1]}"
    grid = cells(
        lowered.columns, cell=cell, role=roles, like=lowered.maps, shown=shown,
        muted=lowered.columns_outside & shown, frames=frames, move="column",
        origins=origins,
    )  # fmt: skip

    def draw(picture, x, y):
        x, y, size = x + LABELS, y + 14, min(11, cell * 0.5)
        grid.draw(picture, x, y)
        style = {"size": 11, "fill": "muted", "anchor": "end", "mono": True}
        picture.text(x - 8, y - 5, "c,a,b", **style)
        for index, place in enumerate(np.ndindex(len(lowered.maps), *window)):
            base = y + (index + 0.5) * cell + size * 0.36
            if legible(size):
                picture.text(x - 8, base, ",".join(map(str, place)), **{**style, "size": size})
        for edge in range(1, len(lowered.maps)):  # where one channel ends and the next begins
            at = y + edge * np.prod(window) * cell
            picture.line((x - 44, at), (x + grid.width, at), stroke="muted", stroke_width=1)
        name, middle = "{},{}".format(*lowered.position), x + (lowered.step + 0.5) * cell
        now = {"size": 11, "fill": "kernel", "anchor": "middle", "mono": True}
        picture.text(middle, y - 5, name, **now)

    body = named("columns", Block(LABELS + grid.width, 14 + grid.height, draw))
    longest = f"{TALLEST} × {WIDEST} = 999 numbers; the input has 99"
    words = text(lowered.count_words, size=12, role="muted", width=text_width(longest, 12))
    title = text("windows as columns", size=14, role="kernel", bold=True)
    heading = column(title, words, gap=4)
    return column(row(space(LABELS), heading, gap=0), body, gap=4)


def _factors(lowered, cell):
    """Left of the product: the weights as a matrix, or what a pooling does with each block."""
    if lowered.mode != "convolution":
        name = "largest" if lowered.mode == "max" else "mean"
        each = f"the {name} of each {len(lowered.block)} rows"
        words = lines(each, "one channel at a time", role="muted")
        return panel("no weights", "nothing to multiply, nothing to learn", words)
    rows, columns = lowered.weight_matrix.shape
    frame = Frame(lowered.row, 0, 1, columns)
    grid = cells(lowered.weight_matrix, cell=cell, role="kernel", frames=[frame])
    words = f"weights {rows} × {columns}", "a row is an output channel"
    return panel(*words, named("weights", grid), "kernel")


def _product(lowered, cell):
    """The results so far, one column per window; an equals sign after the weights."""
    rows, wide = lowered.product.shape
    convolution = lowered.mode == "convolution"
    caption = "weights · columns" if convolution else f"{lowered.mode} by channel"
    shown = np.broadcast_to(np.arange(wide) <= lowered.step, (rows, wide))
    frame = Frame(lowered.row, lowered.step, role="output")
    grid = cells(lowered.product, cell=cell, role="output", shown=shown, frames=[frame])
    block = panel(f"result {rows} × {wide}", caption, named("product", grid), "output")
    equals = text("=" * convolution, size=22, role="muted", bold=True)
    lead = column(space(LABELS, block.height - grid.height / 2 - 15), row(space(16), equals, gap=0))
    return row(sized(lead, LABELS), block, gap=0)
