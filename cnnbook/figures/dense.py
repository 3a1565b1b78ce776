"""A layer as its weight matrix: two constraints, and the free parameters that they leave."""

from dataclasses import replace
from functools import cached_property

import numpy as np

from cnnbook.derivation import (
    dense_parameters,
    locally_connected_parameters,
    offset_parameters,
    shared_parameters,
    toeplitz,
    weight_pattern,
)
from cnnbook.figures.numbers import format_factor, format_number
from cnnbook.figures.scene import (
    LEGIBLE,
    ROOM,
    WIDTH,
    Block,
    Frame,
    cells,
    column,
    fit,
    formula,
    legible,
    named,
    note,
    page,
    panel,
    placed,
    result,
    row,
    sized,
    space,
    text,
    times,
)
from cnnbook.figures.state import SlidingWindow, state

LETTERS = 86  # letters of products written out; the rest are counted
LARGEST = 36  # rows or columns of the matrix that a picture still holds legibly
APART = 3  # pixels between the parts of the matrix that belong to one image row
SIDE = 156  # of the small maps beside the matrix
WORDS = "no one two three four five six seven eight nine".split()


@state
class MatrixLayer(SlidingWindow):
    """A layer from image to image, seen as a weight matrix; one row of it is looked at."""

    x: np.ndarray  # (H, W)
    kernel: np.ndarray  # (kH, kW): the weights that sharing leaves in a window
    locality: bool = False  # each output sees its own window only
    sharing: bool = False  # the same weight for the same offset from window to pixel
    step: int = 0  # row of the matrix: the number of the output, row by row
    stride: int | tuple = 1
    padding: int | tuple = 0

    def __post_init__(self):
        self._array("x", 2)
        self._array("kernel", 2)
        self._within("step", self.steps)
        if max(self.steps, self.x.size) > LARGEST:
            raise ValueError(
                f"the weight matrix would be {self.steps} × {self.x.size}, "
                f"the picture holds at most {LARGEST} × {LARGEST}"
            )

    @property
    def kernel_size(self):
        """Rows and columns of the kernel."""
        return self.kernel.shape

    def _choose(self, dense, local, sharing, both):
        """The entry for the present setting of the two switches."""
        return ((dense, sharing), (local, both))[self.locality][self.sharing]

    @property
    def name(self):
        """What such a layer is called."""
        return self._choose(
            "dense layer",
            "+ locality = locally connected layer",
            "+ sharing, without locality",
            "+ locality + sharing = convolution",
        )

    @property
    def role(self):
        """Colour of the count."""
        return self._choose("muted", "input", "kernel", "output")

    def _pattern(self, local, shared):
        sizes = (self.x.shape, self.kernel.shape, self.stride, self.padding)
        return weight_pattern(*sizes, local=local, shared=shared)

    @cached_property
    def pattern(self):
        """Number of the free parameter in each cell of the matrix, -1 where there is none."""
        return self._pattern(self.locality, self.sharing)

    @cached_property
    def matrix(self):
        """The weights, 0 where there is none: invented, but alike in all four settings.

        In the first output's window the dense layer has the kernel; each constraint erases or
        copies what is there already.
        """
        window = self._pattern(True, True)
        kernel = toeplitz(self.kernel, self.x.shape, self.stride, self.padding)
        weights = _invent(window.shape, self.kernel)
        weights[0] = np.where(window[0] >= 0, kernel[0], weights[0])
        if self.sharing:
            _, first, number = np.unique(self.pattern, return_index=True, return_inverse=True)
            copied = weights.ravel()[first][number].reshape(weights.shape)
            weights = np.where(window >= 0, kernel, copied)
        return np.where(self.pattern >= 0, weights, 0)

    @property
    def weights(self):
        """The row looked at, folded back to the shape of the image."""
        return self.matrix[self.step].reshape(self.x.shape)

    @property
    def seen(self):
        """Which pixels the output looked at is connected to."""
        return (self.pattern[self.step] >= 0).reshape(self.x.shape)

    @cached_property
    def output(self):
        """All outputs: the matrix times the image, folded to the shape of the output."""
        return (self.matrix @ self.x.ravel()).reshape(self.output_shape)

    def touched(self, name, *place):
        """A row, an output or the window over a pixel is gone to; a count sets both switches."""
        if name == "count":
            return {"locality": bool(place[0]), "sharing": bool(place[1])}
        if name == "row":
            return {"step": place[0]}
        down, across = self.pairs["padding"] if name == "input" else (0, 0)
        return super().touched(name, place[0] + down, place[1] + across)

    def hovered(self, name, *place):
        """All but the pixels show what a click does; a pixel shows which outputs see it."""
        if name == "count":
            return replace(self, **self.touched(name, *place))
        return self.at(place[0]) if name == "row" else super().hovered(name, *place)

    def uses(self, pixel):
        """Rows and columns of all outputs that a pixel is connected to."""
        pixel = np.ravel_multi_index(pixel, self.x.shape)
        return np.argwhere((self.pattern[:, pixel] >= 0).reshape(self.output_shape)).tolist()

    @property
    def parameters(self):
        """Number of free weights, biases left out."""
        size, kernel, outputs = self.x.shape, self.kernel.shape, self.output_shape
        return self._choose(
            dense_parameters(size, outputs, bias=False),
            locally_connected_parameters(outputs, kernel, bias=False),
            offset_parameters(size, outputs, stride=self.stride, bias=False),
            shared_parameters(kernel, bias=False),
        )

    @property
    def count(self):
        """The number of free weights and where it comes from."""
        free = self.parameters
        total = "1 weight" if free == 1 else f"{free} weights"
        return self._choose(
            f"{self.steps} · {self.x.size} = {total}",
            f"{self.steps} · {self.kernel.size} = {total}",
            f"{total}, one for each offset",
            f"{total}, the same {dict(enumerate(WORDS)).get(free, free)} everywhere",
        )

    @property
    def reason(self):
        """What the count counts, in one line."""
        window = "each output sees its own {} × {} window".format(*self.kernel.shape)
        return self._choose(
            "each output sees every pixel, with weights of its own",
            f"{window}, with weights of its own",
            "each output sees every pixel; the same offset has the same weight",
            f"{window}, through one kernel",
        )

    @property
    def formula(self):
        """The sum of this output with its numbers put in, biases left out."""
        i, j = self.position
        pairs = zip(self.weights[self.seen], self.x[self.seen], strict=True)
        terms = [f"{format_factor(w)}·{format_factor(x)}" for w, x in pairs] or ["0"]
        count = int(np.sum(np.cumsum([len(term) + 3 for term in terms]) <= LETTERS))
        more = f" + … ({len(terms)} terms)" if count < len(terms) else ""
        value = format_number(self.output[i, j], 4)
        return f"H[{i},{j}] = {' + '.join(terms[:count])}{more} = {value}"

    @property
    def description(self):
        """The layer and the row looked at, in words and numbers."""
        (i, j), switches = self.position, (self.locality, self.sharing)
        on = ["on" if switch else "off" for switch in switches]
        return (
            f"Locality {on[0]}, sharing {on[1]}: {self.count}. Row {self.step} of the {self.steps} "
            f"× {self.x.size} matrix sees {self.seen.sum()} of {self.x.size} pixels and gives "
            f"row {i}, column {j} of the output: {self.formula}."
        )

    def picture(self):
        """Draw the weight matrix, its count of free weights, and one row folded to the image."""
        title = f"weight matrix {times(self.matrix.shape)}"
        caption = "a row for each output, a column for each pixel, image row by image row"
        matrix = fit(lambda cell: _matrix(self, cell, True), range(30, 5, -1), 545, 490)
        head = column(
            text(self.name, size=15, bold=True),
            text(self.count, size=25, role=self.role, bold=True, mono=True),
            text(self.reason, role="muted"),
        )
        right = column(_folded(self), _sums(self), gap=20)
        words = _formula(self)
        if ROOM.get() < WIDTH:
            words = sized(words, height=self.highest(_formula))
        return page(
            row(sized(head, 545), _switches(self), gap=20),
            row(sized(panel(title, caption, matrix), 545), right, gap=20),
            words,
            description=self.description,
        )


def _formula(layer):
    return formula(layer.formula)


def _invent(shape, kernel):
    """Make weights other than 0, as large as the kernel's, always the same."""
    rng = np.random.default_rng(0)
    largest = np.abs(kernel).max() or 1
    whole = largest if largest <= 9 and np.all(kernel == kernel.round()) else 5
    size = rng.integers(1, int(whole) + 1, shape)
    return rng.choice([-1, 1], shape) * size * (largest / whole)


def draw_stages(layer):
    """Draw a layer's weight matrix at all four settings: sharing across, locality down."""
    stages = [
        [replace(layer, locality=locality, sharing=sharing) for sharing in (False, True)]
        for locality in (False, True)
    ]
    arrow = column(note("sharing"), text("→", size=28), gap=0, align=0.5)
    blocks = [[sized(_stage(stage), 425) for stage in pair] for pair in stages]
    lines = [row(left, arrow, right, gap=12, align=0.5) for left, right in blocks]
    down = row(text("↓", size=28), note("locality"), gap=6, align=0.5)
    between = row(sized(down, 425), space(arrow.width), down, gap=12)
    said = [f"{s.name.removeprefix('+ ')}: {s.count}" for pair in stages for s in pair]
    words = f"Four {times(layer.matrix.shape)} weight matrices with the same numbers. "
    return page(lines[0], between, lines[1], description=f"{words}{'; '.join(said)}.")


def _stage(layer):
    """The matrix at one setting, under its count."""
    return column(
        text(layer.name, size=14, bold=True),
        text(layer.count, size=18, role=layer.role, bold=True, mono=True),
        note(layer.reason),
        fit(lambda cell: _matrix(layer, cell), range(24, 5, -1), 425, 250),
        gap=5,
    )


# ---------------------------------------------------------------- the parts of both pictures


def _matrix(layer, cell, looked_at=False):
    """The weights as tinted cells, and cells without one as washed ones.

    With `looked_at` the row of the layer's step is framed, and rows and columns have names.
    """
    rows, columns = (np.arange(n) for n in layer.matrix.shape)
    lefts = columns * cell + APART * (columns // layer.x.shape[1])
    tops = rows * cell + APART * (rows // layer.output_shape[1])
    right, bottom = lefts[-1] + cell, tops[-1] + cell
    largest = np.abs(layer.matrix).max() or 1

    def draw(picture, x, y):
        for (i, j), weight in np.ndenumerate(layer.matrix):
            box, at = (x + lefts[j], y + tops[i], cell - 1, cell - 1), (int(i), int(j))
            with picture.part(touch=("row", at[0])):
                if layer.pattern[i, j] < 0:
                    picture.rect(*box, fill="wash", radius=2)
                    continue
                with picture.part("weight"):
                    role, share = "kernel" if weight >= 0 else "negative", abs(weight) / largest
                    picture.rect(*box, fill=role, tint=share, radius=2, at=at)
                number = format_number(weight, 2)
                size = min(13, 1.4 * cell / len(number))
                if cell >= 20 and legible(size):
                    place = box[0] + cell / 2, box[1] + cell * 0.64
                    picture.text(*place, number, anchor="middle", mono=True, size=size)
        if looked_at:
            top = y + tops[layer.step]
            middle, style = top + cell / 2, {"stroke": "kernel", "stroke_width": 3, "radius": 4}
            with picture.part("frame", move="matrix row"):
                picture.rect(x - 2, top - 2, right + 3, cell + 3, **style)
            ends = (x + right + 8, middle), (x + right + 30, middle)
            picture.arrow(*ends, stroke="kernel", stroke_width=2.5, head=9)

    matrix = named("matrix", Block(right + 32 * looked_at, bottom, draw))
    named_rows = row(_names(layer, cell, tops), matrix, gap=8, wraps=False)
    return column(_image_rows(layer, cell), named_rows, gap=4) if looked_at else matrix


def _image_rows(layer, cell):
    """Names of the image rows, each over its columns."""
    wide = layer.x.shape[1] * cell
    word = "image row " if wide >= 76 else ""
    names = [text(f"{word}{k}", size=11, role="muted") for k in range(layer.x.shape[0])]
    return row(space(30), *(placed(name, wide) for name in names), gap=APART, wraps=False)


def _names(layer, cell, tops):
    """Places of the outputs, each before its row."""

    def draw(picture, x, y):
        for number, top in enumerate(tops):
            here, (i, j) = number == layer.step, divmod(number, layer.output_shape[1])
            style = {"size": min(12, cell * 0.8), "anchor": "end", "mono": True, "bold": here}
            role = "kernel" if here else "muted"
            if not legible(style["size"]):
                if not here:
                    continue
                style["size"] = LEGIBLE
            picture.text(x + 28, y + top + cell / 2 + 4, f"{i},{j}", fill=role, **style)

    return Block(28, 0, draw)


def _switches(layer):
    """The counts at all four settings as a 2 × 2 table, the present one framed."""

    def label(switch, on):
        return note(f"{switch} {'on' if on else 'off'}")

    heads = [placed(label("sharing", on), 118) for on in (False, True)]
    lines = [row(space(82), *heads, gap=6)]
    for locality in (False, True):
        settings = [{"locality": locality, "sharing": sharing} for sharing in (False, True)]
        counts = [_count(layer, setting) for setting in settings]
        lines.append(row(placed(label("locality", locality), 82, 34, across=1), *counts, gap=6))
    return column(*lines, gap=6)


def _count(layer, setting):
    """The number of free weights of a setting in its box."""
    here = setting == {"locality": layer.locality, "sharing": layer.sharing}
    role = layer.role if here else "ink"
    free = replace(layer, **setting).parameters
    number = placed(text(free, size=16, role=role, mono=True, bold=here), 118, 34)

    def draw(picture, x, y):
        style = {"stroke": role, "stroke_width": 3} if here else {}
        words = ", ".join(f"{name} {'on' if on else 'off'}" for name, on in setting.items())
        with picture.part(touch=("count", *map(int, setting.values())), words=words):
            picture.rect(x, y, 118, 34, fill="paper" if here else "wash", radius=4, **style)
            number.draw(picture, x, y)

    return named("present" if here else "other", number._replace(draw=draw))


def _map(layer, name, title, caption, values, role, **options):
    """A small map under its title."""
    cell = min(52, SIDE // max(values.shape))
    touch = () if name == "weights" else (name,)
    grid = cells(values, cell=cell, role=role, name=name, touch=touch, **options)
    return panel(title, caption, grid, role, width=SIDE)


def _scale(layer):
    """All numbers but the weights share a scale of tints."""
    return {"largest": max(np.abs(layer.x).max(), np.abs(layer.output).max()) or 1}


def _folded(layer):
    """The row as an image of weights, beside the image that it is laid on."""
    seen = layer.seen
    missing = layer.kernel.size - seen.sum() if layer.locality else 0
    note = f"{missing} of {layer.kernel.size} meet padding" if missing else "folded to the image"
    rows, columns = (np.flatnonzero(seen.any(axis)) for axis in (1, 0))
    frames = []
    if rows.size:
        size = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        frames = [Frame(rows[0], columns[0], *size)]
    weights = _map(
        layer, "weights", f"matrix row {layer.step}", note, layer.weights, "kernel",
        like=layer.matrix, shown=seen, frames=frames,
    )  # fmt: skip
    title, caption = f"input X {times(layer.x.shape)}", f"seen: {seen.sum()}"
    frames = layer.pointed.get("input", frames)
    image = _map(layer, "input", title, caption, layer.x, "input", frames=frames, **_scale(layer))
    times_sign = column(space(0, 40 + SIDE / 2 - 14), text("·", size=22), gap=0)
    return row(weights, times_sign, image, gap=8)


def _sums(layer):
    """The sums so far, and the newest one large."""
    (i, j), shape = layer.position, layer.output_shape
    sums = _map(
        layer, "output", f"output H {times(shape)}", "the sums so far", layer.output, "output",
        shown=layer.done, frames=layer.pointed.get("output", [Frame(i, j, role="output")]),
        **_scale(layer),
    )  # fmt: skip
    return row(sums, result(f"H[{i},{j}], the sum", layer.output[i, j], width=196), gap=24)
