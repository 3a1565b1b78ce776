"""One padded axis: windows, zeros, pixels that no window sees, admissible padding."""

import math
from functools import cached_property

from cnnbook.figures.numbers import format_number, indexed
from cnnbook.figures.scene import (
    LEGIBLE,
    ROOM,
    WIDTH,
    Block,
    column,
    formula,
    labelled,
    legible,
    lines,
    named,
    page,
    row,
    sized,
    spread,
    text,
)
from cnnbook.figures.state import State, state
from cnnbook.shapes import (
    effective_kernel_size,
    output_size,
    participation_counts,
    per_axis,
    same_padding_range,
)

LEFT, OUTPUT = 180, 48  # room for captions before an axis; from its end to the outputs
RULER = 36  # paddings that the ruler holds


def plural(count, noun):
    """Write a count with its noun."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


@state
class PaddedAxis(State):
    """A window that slides along one axis of an input."""

    hint = "Point at a window; click it, or a total P."

    size: int  # in pixels
    kernel_size: int
    stride: int = 1
    padding: tuple = (0, 0)  # zeros before and after; a negative number cuts that many pixels off
    dilation: int = 1
    step: int = 0  # number of the framed window
    title: str = ""  # the claim above the picture

    def __post_init__(self):
        object.__setattr__(self, "padding", per_axis("padding", self.padding, 2))
        for name in ("size", "kernel_size", "stride", "dilation"):
            per_axis(name, getattr(self, name), 1, minimum=1)
        cut = sum(max(-zeros, 0) for zeros in self.padding)
        if cut >= self.size:
            raise ValueError(
                f"padding {self.padding} cuts off {cut} pixels, the axis has {self.size}"
            )
        self._within("step", self.steps)

    @property
    def total(self):
        """P: zeros before and after together."""
        return sum(self.padding)

    @property
    def zeros(self):
        """Zeros before and after; none where pixels are cut off."""
        return tuple(max(zeros, 0) for zeros in self.padding)

    @property
    def length(self):
        """Zeros and pixels together, those cut off included."""
        return self.size + sum(self.zeros)

    @property
    def extent(self):
        """Pixels from the first to the last entry of the kernel."""
        return effective_kernel_size(self.kernel_size, self.dilation)

    def outputs(self, total):
        """Return the number of window positions for a total padding."""
        settings = self.kernel_size, self.stride
        return output_size(self.size + total, *settings, dilation=self.dilation)

    @cached_property
    def steps(self):
        """Number of window positions: the output size."""
        return self.outputs(self.total)

    @property
    def same_steps(self):
        """Number of window positions that SAME asks for: a kernel of one pixel visits as many."""
        return output_size(self.size, 1, self.stride)

    @property
    def admissible(self):
        """Every P that gives as many outputs as this one."""
        same = same_padding_range(self.size, self.kernel_size, self.stride, self.dilation)
        shift = self.stride * (self.steps - self.same_steps)
        return range(same.start + shift, same.stop + shift)

    def taps(self, step):
        """Return the pixels under the kernel; below 0 and from `size` on there are zeros."""
        start = step * self.stride - self.padding[0]
        return range(start, start + self.extent, self.dilation)

    @cached_property
    def counts(self):
        """In how many windows each pixel takes part."""
        before, after = (max(-zeros, 0) for zeros in self.padding)
        kept = self.size - before - after, self.kernel_size, self.stride, self.zeros
        return (0,) * before + participation_counts(*kept, self.dilation) + (0,) * after

    @property
    def unseen(self):
        """Pixels in no window."""
        return [pixel for pixel, count in enumerate(self.counts) if count == 0]

    @property
    def zero_products(self):
        """Products with a zero of the padding, in all windows together."""
        return self.steps * self.kernel_size - sum(self.counts)

    @property
    def most_zeros(self):
        """Products with a zero in the window that has most of them."""
        windows = map(self.taps, range(self.steps))
        return max(sum(not 0 <= pixel < self.size for pixel in taps) for taps in windows)

    @property
    def unseen_text(self):
        """The unseen pixels by name."""
        names = [indexed("x", pixel) for pixel in self.unseen]
        more = f" … {names[-1]} ({len(names)})" if len(names) > 6 else ""
        return ", ".join(names[: 4 if more else 6]) + more if names else "none"

    def touched(self, name, number):
        """A window is gone to; a total of the scale is taken."""
        return {"step" if name == "window" else "total": number}

    def hovered(self, name, number):
        """A window shows what it covers."""
        return self.at(number) if name == "window" else None

    @property
    def size_formula(self):
        """The output size with its numbers put in."""
        total = f"+ {self.total}" if self.total >= 0 else f"− {-self.total}"
        inside = f"{self.size} {total} − {self.extent}"
        over = f"⌊({inside}) / {self.stride}⌋" if self.stride > 1 else inside
        return f"{over} + 1 = {self.steps}"

    @property
    def range_formula(self):
        """The admissible padding with its numbers put in."""
        low, high = self.admissible.start - 1, self.admissible.stop - 1
        one_less = f"{self.stride}·{self.steps - 1} − {self.size} + {self.extent} − 1"
        whole = f"{self.stride}·{self.steps} − {self.size} + {self.extent} − 1"
        low, total, high = map(format_number, (low, self.total, high))
        return f"{one_less} = {low} < P = {total} ≤ {high} = {whole}"

    @property
    def padding_text(self):
        """The zeros, or what is cut off, in words."""
        before, after = self.padding
        if min(before, after) < 0:
            return f"cut off: {max(-before, 0)} before, {max(-after, 0)} after"
        return f"zeros: {before} before, {after} after" if before or after else "no zeros"

    @property
    def covered_text(self):
        """What the framed window covers, in words."""
        inside = [indexed("x", p) for p in self.taps(self.step) if 0 <= p < self.size]
        zeros = self.kernel_size - len(inside)
        if len(inside) > 4:
            inside = [f"{inside[0]} … {inside[-1]}"]
        parts = [", ".join(inside)] * bool(inside) + [plural(zeros, "zero")] * bool(zeros)
        return f"window {self.step} covers {' and '.join(parts)}"

    @property
    def description(self):
        """The axis in words and numbers."""
        dilation = f", dilation {self.dilation}" if self.dilation > 1 else ""
        counts = " ".join(map(str, self.counts))
        return (
            f"Input {self.size}, kernel {self.kernel_size}, stride {self.stride}{dilation}, "
            f"{self.padding_text}: {self.size_formula} outputs; {self.range_formula}. "
            f"Step {self.step + 1} of {self.steps}: {self.covered_text}. "
            f"Times seen: {counts}; unseen: {self.unseen_text}."
        )

    def picture(self):
        """Draw the windows one below the other, the counts and the admissible padding."""
        cell = max(6, min(34, 580 // self.length))
        step = f"step {self.step + 1} of {self.steps}: {self.covered_text}"
        gaps = f"dilation {self.dilation}: it spans {self.extent}" if self.dilation > 1 else ""
        kernel = f"kernel {self.kernel_size}, stride {self.stride}"
        outputs = text(f"output {self.steps}", size=14, role="output", bold=True)
        span = ", k the span" if self.dilation > 1 else ""
        rules = f"⌊(i + P − k) / s⌋ + 1 = o{span}", "s(o − 1) − i + k − 1 < P ≤ s·o − i + k − 1"

        def captioned(title, caption, block, role):
            return labelled(title, caption, block, role, width=LEFT)

        strip = row(_strip(self, cell, framed=True), outputs, gap=OUTPUT, align=1)
        unseen = f"unseen: {self.unseen_text}"
        title = text(self.title or f"{self.steps} outputs", size=15, bold=True)
        return page(
            spread(title, text(step, role="muted"), most=WIDTH),
            captioned(f"input {self.size}", self.padding_text, strip, "input"),
            captioned(kernel, gaps or "dashed: meets a zero", _windows(self, cell), "kernel"),
            captioned("times seen", unseen, _counts(self, cell), "ink"),
            spread(
                formula(f"o = {self.size_formula}", self.range_formula),
                lines(*rules, size=12, role="muted", mono=True, gap=4),
                most=WIDTH,
            ),
            _ruler(self),
            description=self.description,
        )


def hatch(picture, x, y, side, *, strong=False):
    """Mark a cell as unused with diagonal strokes, dark ones if it is cut off."""
    with picture.part("hatch"):
        for share in (0.5, 1, 1.5):
            near, far = max(share - 1, 0) * side, min(share, 1) * side
            stroke = "muted" if strong else "line"
            picture.line((x + near, y + far), (x + far, y + near), stroke=stroke, stroke_width=1)


def _centred(picture, x, y, words, size, **style):
    """Write a text whose middle is at (x, y)."""
    picture.text(x, y + size * 0.36, words, size=size, anchor="middle", mono=True, **style)


def _strip(axis, cell, lead=None, *, framed=False):
    """The padded input; `lead` cells come before pixel 0."""
    lead = axis.zeros[0] if lead is None else lead
    size, largest = min(14, cell * 0.42), max(axis.counts) or 1
    letters = legible(size)  # else a number alone, where it has room
    size = size if letters else LEGIBLE

    def draw(picture, x, y):
        zero_x, (before, after) = x + lead * cell, axis.padding
        middle = y + cell / 2
        for pixel in [*range(-before, 0), *range(axis.size, axis.size + after)]:
            left = zero_x + pixel * cell
            with picture.part("padding"):
                picture.rect(left, y, cell, cell, fill="wash", stroke="line", dashed=True)
            if letters or cell >= 9:
                _centred(picture, left + cell / 2, middle, "0", size, fill="muted")
        for pixel, count in enumerate(axis.counts):
            left, cut = zero_x + pixel * cell, not -before <= pixel < axis.size + after
            place = {"stroke": "line", "at": (pixel,)}
            with picture.part("cell"):
                picture.rect(left, y, cell, cell, fill="paper", dashed=cut, **place)
                if count:
                    tint = 0.65 * count / largest
                    picture.rect(left, y, cell, cell, fill="input", tint=tint, **place)
            if not count:
                hatch(picture, left, y, cell, strong=cut)
            fill = "ink" if count else "muted"
            words = indexed("x", pixel) if letters else str(pixel)
            if letters or cell >= 7 * len(words) + 1:
                _centred(picture, left + cell / 2, middle, words, size, fill=fill)
        taps, gaps = axis.taps(axis.step), axis.dilation > 1
        with picture.part("frame"):
            look = {"stroke": "kernel", "radius": 3}
            for pixel in taps if gaps and framed else ():
                picture.rect(zero_x + pixel * cell, y, cell, cell, stroke_width=2, **look)
            if framed:
                left, wide = zero_x + taps[0] * cell, axis.extent * cell
                picture.rect(left, y, wide, cell, stroke_width=3, dashed=gaps, **look)

    return named("strip", Block((lead + axis.size + axis.zeros[1]) * cell, cell, draw))


def _draw_window(picture, axis, step, zero_x, y, cell, height, *, strong, letters=True):
    """One window: a bar per kernel entry, dashed and empty where it meets a zero."""
    taps = axis.taps(step)
    if axis.dilation > 1:
        ends = [(zero_x + (p + 0.5) * cell, y + height / 2) for p in (taps[0], taps[-1])]
        picture.line(*ends, stroke="kernel", stroke_width=1)
    look = {"tint": 0.999 if strong else 0.4, "stroke_width": 1.5 if strong else 0.75}
    for entry, pixel in enumerate(taps):
        x, inside = zero_x + pixel * cell + 1.5, 0 <= pixel < axis.size
        fill = "kernel" if inside else None
        picture.rect(x, y, cell - 3, height, fill="paper", radius=2)
        with picture.part("product" if inside else "zero"):
            picture.rect(
                x, y, cell - 3, height, fill=fill, radius=2, stroke="kernel", dashed=not inside,
                **look,
            )  # fmt: skip
        if letters and height >= 14:
            middle, size = (x + cell / 2 - 1.5, y + height / 2), min(11, cell * 0.36)
            fill = "ink" if inside else "muted"
            if legible(size):
                _centred(picture, *middle, indexed("w", entry), size, fill=fill)


def _windows(axis, cell):
    """All windows one below the other, each with its output."""
    pitch, width = max(14, min(24, 300 // axis.steps)), axis.length * cell
    pitch = pitch if legible(pitch - 4) else LEGIBLE + 4
    height = pitch - 4

    def draw(picture, x, y):
        zero_x, right = x + axis.zeros[0] * cell, x + width + OUTPUT
        for step in range(axis.steps):
            top, strong = y + step * pitch, step == axis.step
            middle, end = top + height / 2, zero_x + (axis.taps(step)[-1] + 1) * cell
            line = {"stroke": "kernel" if strong else "line", "stroke_width": 1 + 0.5 * strong}
            with picture.part(touch=("window", step)):
                picture.line((end + 2, middle), (right - 4, middle), **line)
                _draw_window(picture, axis, step, zero_x, top, cell, height, strong=strong)
                with picture.part("output"):
                    picture.rect(
                        right, top, 44, height, fill="output", tint=0.999 if strong else 0.35,
                        radius=2, stroke="output", stroke_width=2.5 if strong else 0.5,
                    )  # fmt: skip
                size = min(12, height)
                if legible(size):
                    _centred(picture, right + 22, middle, indexed("y", step), size)

    return Block(width + OUTPUT + 44, axis.steps * pitch, draw)


def _counts(axis, cell):
    """In how many windows each pixel takes part, below the pixels."""

    def draw(picture, x, y):
        for pixel, count in enumerate(axis.counts, axis.zeros[0]):
            style = {"bold": count == 0, "fill": "ink" if count else "kernel"}
            middle, size = x + (pixel + 0.5) * cell, min(14, cell * 0.75)
            if legible(size):
                _centred(picture, middle, y + cell / 2, count, size, **style)
            elif cell >= 9:
                _centred(picture, middle, y + cell / 2, count, LEGIBLE, **style)

    return Block(axis.length * cell, cell, draw)


def _ruler(axis):
    """The total padding as a scale: which P gives how many outputs."""
    free = min(WIDTH - LEFT, ROOM.get())
    most = RULER if ROOM.get() == math.inf else free // 27
    first = max(axis.admissible.start - 4, axis.extent - axis.size, axis.total - most // 2)
    values = range(first, min(axis.admissible.stop + 4, first + most))
    width = min(40, free // len(values))

    def draw(picture, x, y):
        for number, total in enumerate(values):
            left, inside = x + number * width, total in axis.admissible
            style = {"fill": "ink" if inside else "muted"}
            ground = {"fill": "output" if inside else "wash", "tint": 0.5 if inside else 1}
            size, chosen = min(13, width * 0.4), total == axis.total
            size = size if legible(size) else LEGIBLE
            words = format_number(total), axis.outputs(total)
            with picture.part(touch=("total", total), words=f"P = {words[0]}"):
                picture.rect(left + 1, y + 24, width - 2, 24, **ground)
                _centred(picture, left + width / 2, y + 12, words[0], size, bold=chosen, **style)
                _centred(picture, left + width / 2, y + 36, words[1], size, **style)
                if chosen:
                    look = {"stroke": "kernel", "stroke_width": 2.5, "radius": 3}
                    picture.rect(left, y, width, 49, **look)

    same = f"SAME: ⌈{axis.size} / {axis.stride}⌉ = {axis.same_steps}"
    heading = column(
        text("total padding P", size=14, bold=True),
        text("outputs o", size=14, role="output", bold=True),
        text(same, size=12, role="muted"),
        gap=4,
    )
    ruler = named("ruler", Block(width * len(values), 50, draw))
    return row(sized(heading, LEFT), ruler, gap=0)


def draw_paddings(axes, titles):
    """Draw axes below one another, pixel below pixel, each with its title."""
    lead = max(axis.zeros[0] for axis in axes)
    tail = max(axis.size + axis.zeros[1] for axis in axes)
    cell = max(6, min(30, 440 // (lead + tail)))
    words = [f"{title}: {axis.description}" for axis, title in zip(axes, titles, strict=True)]
    rows = [_compared(*each, lead, tail, cell) for each in zip(axes, titles, strict=True)]
    return page(*rows, description=" ".join(words), gap=20)


def _compared(axis, title, lead, tail, cell):
    """One of several axes: a row for each window with its output, and its facts."""
    pitch = max(13, min(18, 130 // axis.steps))

    def draw(picture, x, y):
        zero_x, right = x + lead * cell, x + (lead + tail) * cell
        for step in range(axis.steps):
            top = y + pitch * step
            height = pitch - 3
            _draw_window(
                picture, axis, step, zero_x, top, cell, height, strong=False, letters=False
            )
            name = indexed("y", step)
            _centred(picture, right + 14, top + height / 2, name, min(11, height), fill="output")

    windows = Block((lead + tail) * cell + 28, pitch * axis.steps, draw)
    zeros = "no product with a zero"
    if axis.zero_products:
        products = plural(axis.zero_products, "product")
        zeros = f"{products} with a zero, at most {axis.most_zeros} per window"
    seen = f"{axis.size - len(axis.unseen)} of {axis.size} pixels seen"
    heading = column(
        text(title, size=14, bold=True), text(axis.padding_text, size=12, role="muted"), gap=2
    )
    facts = column(
        text(f"{axis.steps} outputs, {seen}", bold=True),
        lines(f"unseen: {axis.unseen_text}", zeros, size=12, role="muted"),
        gap=3,
    )
    strip = column(_strip(axis, cell, lead), windows, gap=6)
    return row(sized(heading, LEFT), sized(strip, windows.width + 24), facts, gap=0)
