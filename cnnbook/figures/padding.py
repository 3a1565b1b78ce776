"""One padded axis: every window position, the zeros, and the pixels that no window sees."""

from dataclasses import replace

from cnnbook.figures.cells import Grid, draw_heading, fit_cell
from cnnbook.figures.padded_axis import PaddedAxis, indexed, signed
from cnnbook.figures.picture import Picture

WIDTH = 900
LEFT = 180  # where the axis starts: its captions stand before it


def hatch(picture, x, y, side):
    """Mark a cell as unused with four diagonal strokes."""
    for share in (0.5, 1, 1.5):
        near, far = max(share - 1, 0) * side, min(share, 1) * side
        picture.line((x + near, y + far), (x + far, y + near), stroke="line", stroke_width=1)


def _draw_strip(picture, axis, zero_x, y, cell):
    """The padded input; `zero_x` is the left edge of pixel 0."""
    before, after = axis.padding
    size = min(14, cell * 0.42)
    for pixel in [*range(-max(before, 0), 0), *range(axis.size, axis.size + max(after, 0))]:
        x = zero_x + pixel * cell
        picture.rect(x, y, cell, cell, fill="wash", stroke="line", dashed=True)
        middle = (x + cell / 2, y + cell / 2 + size * 0.36)
        picture.text(*middle, "0", size=size, fill="muted", anchor="middle", mono=True)
    largest = max(axis.counts) or 1
    for pixel, count in enumerate(axis.counts):
        x = zero_x + pixel * cell
        cut = pixel < -before or pixel >= axis.size + after
        picture.rect(x, y, cell, cell, fill="paper", stroke="line", dashed=cut)
        if count:
            tint = 0.65 * count / largest
            picture.rect(x, y, cell, cell, fill="input", tint=tint, stroke="line")
        else:
            hatch(picture, x, y, cell)
        picture.text(
            x + cell / 2, y + cell / 2 + size * 0.36, indexed("x", pixel), size=size,
            fill="ink" if count else "muted", anchor="middle", mono=True,
        )  # fmt: skip


def _draw_window(picture, axis, step, zero_x, y, cell, height, *, strong, named):
    """One window: a bar a kernel entry, dashed and empty where it meets a zero."""
    taps = axis.taps(step)
    if axis.dilation > 1:
        ends = [(zero_x + (p + 0.5) * cell, y + height / 2) for p in (taps[0], taps[-1])]
        picture.line(*ends, stroke="kernel", stroke_width=1)
    for entry, pixel in enumerate(taps):
        x, inside = zero_x + pixel * cell + 1.5, 0 <= pixel < axis.size
        picture.rect(x, y, cell - 3, height, fill="paper")
        picture.rect(
            x, y, cell - 3, height, fill="kernel" if inside else None, radius=2,
            tint=1 if strong else 0.4, stroke="kernel", dashed=not inside,
            stroke_width=1.5 if strong else 0.5 + 0.5 * (not inside),
        )  # fmt: skip
        if named and height >= 14:
            size = min(11, cell * 0.36)
            middle = (x + cell / 2 - 1.5, y + height / 2 + size * 0.36)
            fill = "ink" if inside else "muted"
            text = indexed("w", entry)
            picture.text(*middle, text, size=size, anchor="middle", mono=True, fill=fill)


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
    cell = fit_cell(axis.size + before + after, 630, largest=34)
    zero_x, right = LEFT + before * cell, LEFT + (axis.size + before + after) * cell
    pitch = max(11, min(24, 260 // axis.steps))
    strip, windows = 76, 76 + cell + 12
    counts = windows + axis.steps * pitch + 10
    ruler = counts + cell + 84
    picture = Picture(WIDTH, ruler + 62, axis.description)
    picture.text(0, 18, title or f"{axis.steps} outputs", size=15, bold=True)
    picture.text(WIDTH, 18, f"step {axis.step + 1} of {axis.steps}: {axis.covered_text}",
                 fill="muted", anchor="end")  # fmt: skip

    _caption(picture, strip + cell / 2, f"input {axis.size}", axis.padding_text, "input")
    _draw_strip(picture, axis, zero_x, strip, cell)
    _frame_window(picture, axis, Grid(zero_x, strip, cell, 1, axis.size))
    dilated = f" → spans {axis.extent}" if axis.dilation > 1 else ""
    kernel = f"kernel {axis.kernel_size}, stride {axis.stride}"
    _caption(picture, windows + pitch * min(axis.steps, 3) / 2, kernel,
             f"dilation {axis.dilation}{dilated}", "kernel")  # fmt: skip
    draw_heading(picture, right + 48, strip + cell, f"output {axis.steps}", role="output")
    for step in range(axis.steps):
        y, strong = windows + step * pitch, step == axis.step
        end = zero_x + (axis.taps(step)[-1] + 1) * cell
        line = {"stroke": "kernel" if strong else "line", "stroke_width": 1.5 if strong else 1}
        middle = y + (pitch - 4) / 2
        picture.line((end + 2, middle), (right + 44, middle), **line)
        _draw_window(picture, axis, step, zero_x, y, cell, pitch - 4, strong=strong, named=True)
        _draw_output(picture, right + 48, y, pitch - 4, step, strong)
    _draw_counts(picture, axis, zero_x, counts, cell)
    _draw_ruler(picture, axis, ruler)
    return picture


def _caption(picture, middle, title, text, role):
    """A heading beside a row whose middle is given."""
    draw_heading(picture, 0, middle + 17, title, text, role=role)


def _frame_window(picture, axis, grid):
    """Frame what the window covers; with gaps in the kernel, each entry too."""
    taps, gaps = axis.taps(axis.step), axis.dilation > 1
    for pixel in taps if gaps else ():
        grid.frame(picture, 0, pixel, stroke_width=2)
    grid.frame(picture, 0, taps[0], 1, axis.extent, dashed=gaps)


def _draw_output(picture, x, y, height, step, strong):
    picture.rect(
        x, y, 44, height, fill="output", tint=1 if strong else 0.35, radius=2,
        stroke="output", stroke_width=2.5 if strong else 0.5,
    )  # fmt: skip
    size = min(12, height * 0.8)
    picture.text(x + 22, y + height / 2 + size * 0.36, indexed("y", step), size=size,
                 anchor="middle", mono=True)  # fmt: skip


def _draw_counts(picture, axis, zero_x, y, cell):
    _caption(picture, y + cell / 2, "times seen", f"unseen: {axis.unseen_text}", "ink")
    size = min(14, cell * 0.5)
    for pixel, count in enumerate(axis.counts):
        middle = (zero_x + (pixel + 0.5) * cell, y + cell / 2 + size * 0.36)
        picture.text(*middle, count, size=size, anchor="middle", mono=True, bold=count == 0,
                     fill="ink" if count else "kernel")  # fmt: skip


def _draw_ruler(picture, axis, y):
    """The total padding as a scale: which P gives how many outputs."""
    same = f"SAME asks for ⌈{axis.size} / {axis.stride}⌉ = {axis.same_steps}"
    picture.text(0, y - 44, f"o = {axis.size_formula}", mono=True)
    picture.text(0, y - 22, axis.range_formula, mono=True)
    picture.text(WIDTH, y - 44, same, anchor="end",
                 fill="output" if axis.steps == axis.same_steps else "muted", bold=True)  # fmt: skip
    _caption(picture, y + 11, "total padding P", "", "ink")
    _caption(picture, y + 36, "outputs o", "", "output")
    first = max(axis.admissible.start - 4, axis.extent - axis.size)
    values = range(first, axis.admissible.stop + 4)
    width = fit_cell(len(values), WIDTH - LEFT, largest=40)
    for column, total in enumerate(values):
        x = LEFT + column * width
        inside, chosen = total in axis.admissible, total == axis.total
        outputs = replace(axis, padding=(0, total), step=0).steps
        picture.text(x + width / 2, y + 16, signed(total), anchor="middle", mono=True,
                     bold=chosen, fill="ink" if inside else "muted")  # fmt: skip
        picture.rect(x + 1, y + 24, width - 2, 24, fill="output" if inside else "wash",
                     tint=0.5 if inside else None)  # fmt: skip
        picture.text(x + width / 2, y + 41, outputs, anchor="middle", mono=True,
                     fill="ink" if inside else "muted")  # fmt: skip
        if chosen:
            picture.rect(x, y, width, 49, stroke="kernel", stroke_width=2.5, radius=3)
