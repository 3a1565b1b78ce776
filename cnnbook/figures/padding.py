"""One padded axis: every window position, the zeros, and the pixels that no window sees."""

from dataclasses import replace

from cnnbook.figures.cells import Grid, draw_heading, fit_cell, format_number, indexed
from cnnbook.figures.padded_axis import plural
from cnnbook.figures.picture import Picture

WIDTH = 900
LEFT = 180  # where the axis starts: its captions stand before it
OUTPUT = 48  # from the end of the axis to the outputs


def hatch(picture, x, y, side, *, strong=False):
    """Mark a cell as unused with diagonal strokes.

    Parameters
    ----------
    picture : Picture
    x, y : float
        Top left corner in pixels.
    side : float
        Of the cell, in pixels.
    strong : bool
        Dark strokes: the cell is cut off.
    """
    for share in (0.5, 1, 1.5):
        near, far = max(share - 1, 0) * side, min(share, 1) * side
        stroke = "muted" if strong else "line"
        picture.line((x + near, y + far), (x + far, y + near), stroke=stroke, stroke_width=1)


def _centred(picture, x, y, text, size, **style):
    """Write a text whose middle is at (x, y)."""
    picture.text(x, y + size * 0.36, text, size=size, anchor="middle", mono=True, **style)


def _caption(picture, middle, title, text, role):
    """A heading beside a row whose middle is given."""
    draw_heading(picture, 0, middle + 17, title, text, role=role)


def _draw_strip(picture, axis, zero_x, y, cell):
    """The padded input; `zero_x` is the left edge of pixel 0."""
    before, after = axis.padding
    size = min(14, cell * 0.42)
    for pixel in [*range(-before, 0), *range(axis.size, axis.size + after)]:
        x = zero_x + pixel * cell
        picture.rect(x, y, cell, cell, fill="wash", stroke="line", dashed=True)
        _centred(picture, x + cell / 2, y + cell / 2, "0", size, fill="muted")
    largest = max(axis.counts) or 1
    for pixel, count in enumerate(axis.counts):
        x = zero_x + pixel * cell
        cut = pixel < -before or pixel >= axis.size + after
        picture.rect(x, y, cell, cell, fill="paper", stroke="line", dashed=cut)
        if count:
            tint = 0.65 * count / largest
            picture.rect(x, y, cell, cell, fill="input", tint=tint, stroke="line")
        else:
            hatch(picture, x, y, cell, strong=cut)
        name = indexed("x", pixel)
        _centred(picture, x + cell / 2, y + cell / 2, name, size, fill="ink" if count else "muted")


def _draw_window(picture, axis, step, zero_x, y, cell, height, *, strong, named=True):
    """One window: a bar per kernel entry, dashed and empty where it meets a zero."""
    taps = axis.taps(step)
    if axis.dilation > 1:
        ends = [(zero_x + (p + 0.5) * cell, y + height / 2) for p in (taps[0], taps[-1])]
        picture.line(*ends, stroke="kernel", stroke_width=1)
    for entry, pixel in enumerate(taps):
        x, inside = zero_x + pixel * cell + 1.5, 0 <= pixel < axis.size
        picture.rect(x, y, cell - 3, height, fill="paper", radius=2)
        picture.rect(
            x, y, cell - 3, height, fill="kernel" if inside else None, radius=2,
            tint=0.999 if strong else 0.4, stroke="kernel", dashed=not inside,
            stroke_width=1.5 if strong else 0.75,
        )  # fmt: skip
        if named and height >= 14:
            fill, name = "ink" if inside else "muted", indexed("w", entry)
            middle = (x + cell / 2 - 1.5, y + height / 2)
            _centred(picture, *middle, name, min(11, cell * 0.36), fill=fill)


def draw_padding(axis, title=""):
    """Draw an axis with its windows one below the other, the counts and the admissible padding.

    Parameters
    ----------
    axis : PaddedAxis
    title : str
        The claim above the picture.

    Returns
    -------
    Picture
    """
    before, after = (max(zeros, 0) for zeros in axis.padding)
    cell = fit_cell(axis.size + before + after, 600, largest=34)
    zero_x, right = LEFT + before * cell, LEFT + (axis.size + before + after) * cell
    pitch = max(14, min(24, 300 // axis.steps))
    strip, windows = 56, 68 + cell
    counts = windows + axis.steps * pitch + 8
    formulas = counts + cell + 42
    picture = Picture(WIDTH, formulas + 120, axis.description)
    picture.text(0, 18, title or f"{axis.steps} outputs", size=15, bold=True)
    step = f"step {axis.step + 1} of {axis.steps}: {axis.covered_text}"
    picture.text(WIDTH, 18, step, fill="muted", anchor="end")

    _caption(picture, strip + cell / 2, f"input {axis.size}", axis.padding_text, "input")
    _draw_strip(picture, axis, zero_x, strip, cell)
    _frame_window(picture, axis, Grid(zero_x, strip, cell, 1, axis.size))
    spans = f"dilation {axis.dilation}: it spans {axis.extent}" if axis.dilation > 1 else ""
    middle = windows + max(pitch * min(axis.steps, 3) / 2, 18)
    kernel = f"kernel {axis.kernel_size}, stride {axis.stride}"
    _caption(picture, middle, kernel, spans or "dashed: meets a zero", "kernel")
    draw_heading(picture, right + OUTPUT, strip + cell + 14, f"output {axis.steps}", role="output")
    for step in range(axis.steps):
        y, strong = windows + step * pitch, step == axis.step
        end = zero_x + (axis.taps(step)[-1] + 1) * cell
        line = {"stroke": "kernel" if strong else "line", "stroke_width": 1.5 if strong else 1}
        middle = y + (pitch - 4) / 2
        picture.line((end + 2, middle), (right + OUTPUT - 4, middle), **line)
        _draw_window(picture, axis, step, zero_x, y, cell, pitch - 4, strong=strong)
        _draw_output(picture, right + OUTPUT, y, pitch - 4, step, strong)
    _draw_counts(picture, axis, zero_x, counts, cell)
    _draw_formulas(picture, axis, formulas)
    _draw_ruler(picture, axis, formulas + 60)
    return picture


def _frame_window(picture, axis, grid):
    """Frame what the window covers; with gaps in the kernel, each entry too."""
    taps, gaps = axis.taps(axis.step), axis.dilation > 1
    for pixel in taps if gaps else ():
        grid.frame(picture, 0, pixel, stroke_width=2)
    grid.frame(picture, 0, taps[0], 1, axis.extent, dashed=gaps)


def _draw_output(picture, x, y, height, step, strong):
    picture.rect(
        x, y, 44, height, fill="output", tint=0.999 if strong else 0.35, radius=2,
        stroke="output", stroke_width=2.5 if strong else 0.5,
    )  # fmt: skip
    _centred(picture, x + 22, y + height / 2, indexed("y", step), min(12, height))


def _draw_counts(picture, axis, zero_x, y, cell):
    _caption(picture, y + cell / 2, "times seen", f"unseen: {axis.unseen_text}", "ink")
    for pixel, count in enumerate(axis.counts):
        style = {"bold": count == 0, "fill": "ink" if count else "kernel"}
        _centred(picture, zero_x + (pixel + 0.5) * cell, y + cell / 2, count, 14, **style)


def _draw_formulas(picture, axis, y):
    """The two rules with their numbers put in, and as symbols."""
    picture.text(0, y, f"o = {axis.size_formula}", mono=True)
    picture.text(0, y + 22, axis.range_formula, mono=True)
    span = ", k the span" if axis.dilation > 1 else ""
    picture.text(WIDTH, y, f"⌊(i + P − k) / s⌋ + 1 = o{span}", size=12, fill="muted",
                 anchor="end", mono=True)  # fmt: skip
    picture.text(WIDTH, y + 22, "s(o − 1) − i + k − 1 < P ≤ s·o − i + k − 1", size=12,
                 fill="muted", anchor="end", mono=True)  # fmt: skip


def _draw_ruler(picture, axis, y):
    """The total padding as a scale: which P gives how many outputs."""
    _caption(picture, y + 12, "total padding P", "", "ink")
    same = f"SAME: ⌈{axis.size} / {axis.stride}⌉ = {axis.same_steps}"
    _caption(picture, y + 37, "outputs o", same, "output")
    first = max(axis.admissible.start - 4, axis.extent - axis.size)
    values = range(first, axis.admissible.stop + 4)
    width = fit_cell(len(values), WIDTH - LEFT, largest=40)
    for column, total in enumerate(values):
        x = LEFT + column * width
        inside, chosen = total in axis.admissible, total == axis.total
        style = {"fill": "ink" if inside else "muted"}
        outputs = replace(axis, padding=(0, total), step=0).steps
        picture.rect(x + 1, y + 24, width - 2, 24, fill="output" if inside else "wash",
                     tint=0.5 if inside else 1)  # fmt: skip
        _centred(picture, x + width / 2, y + 12, format_number(total), 13, bold=chosen, **style)
        _centred(picture, x + width / 2, y + 36, outputs, 13, **style)
        if chosen:
            picture.rect(x, y, width, 49, stroke="kernel", stroke_width=2.5, radius=3)


def draw_paddings(axes, titles):
    """Draw the same axis under several paddings, pixel below pixel.

    Parameters
    ----------
    axes : sequence of PaddedAxis
    titles : sequence of str
        One per axis.

    Returns
    -------
    Picture
    """
    lead = max(max(axis.padding[0], 0) for axis in axes)
    tail = max(axis.size + max(axis.padding[1], 0) for axis in axes)
    cell = fit_cell(lead + tail, 440, largest=30)
    lanes = [-(-axis.extent // axis.stride) for axis in axes]  # windows that would overlap
    pitch = cell + 18 * max(lanes) + 26
    words = [f"{title}: {axis.description}" for axis, title in zip(axes, titles, strict=True)]
    picture = Picture(WIDTH, 8 + pitch * len(axes) - 20, " ".join(words))
    zero_x, right = LEFT + lead * cell, LEFT + (lead + tail) * cell + 24
    for number, (axis, title) in enumerate(zip(axes, titles, strict=True)):
        y = 8 + number * pitch
        _caption(picture, y + cell / 2, title, axis.padding_text, "ink")
        _draw_strip(picture, axis, zero_x, y, cell)
        for step in range(axis.steps):
            lane = y + cell + 6 + 18 * (step % lanes[number])
            _draw_window(picture, axis, step, zero_x, lane, cell, 13, strong=True, named=False)
            first = zero_x + (axis.taps(step)[0] + 0.5) * cell - 1.5
            _centred(picture, first, lane + 6.5, indexed("y", step), min(10, cell * 0.36))
        seen = axis.size - len(axis.unseen)
        picture.text(
            right, y + 13, f"{axis.steps} outputs, {seen} of {axis.size} pixels seen", bold=True
        )
        zeros = "no product with a zero"
        if axis.zero_products:
            products = plural(axis.zero_products, "product")
            zeros = f"{products} with a zero, at most {axis.most_zeros} per window"
        facts = f"unseen: {axis.unseen_text}", zeros
        for line, fact in enumerate(facts):
            picture.text(right, y + 31 + 17 * line, fact, size=12, fill="muted")
    return picture
