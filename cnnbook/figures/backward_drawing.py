"""How one step of a backward pass is drawn: every array above its gradient."""

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, fit_cell, format_number
from cnnbook.figures.picture import Picture

WIDTH = 900
TOP = 80
HEIGHT = 640  # of the two rows of arrays, at most
ROOM = 150, 158, 200  # for the headings of narrow arrays
GAP = 30, 90  # between the columns of arrays, at least and at most
BETWEEN = 64  # from the arrays to their gradients
LEGIBLE = 8.5  # pixels of type in which a product is written out


def draw_backward(backward):
    """Draw input, kernel and output, and below them their gradients so far.

    Parameters
    ----------
    backward : cnnbook.figures.backward.BackwardStep

    Returns
    -------
    Picture
    """
    cell, lefts, tall = _layout(backward)
    below = TOP + tall + BETWEEN
    bottom = below + tall
    picture = Picture(WIDTH, bottom + 86, backward.description)
    step = f"Step {backward.step + 1} of {backward.steps}"
    picture.text(0, 18, step, size=14, fill="muted", bold=True)
    place = "row {}, column {} of the output".format(*backward.position)
    picture.text(lefts[2], 18, place, fill="muted")
    _draw_forward(picture, backward, lefts, cell)
    _draw_input_gradient(picture, backward, below, cell)
    if backward.learns:
        _draw_weight_gradient(picture, backward, lefts[1], below, cell)
    else:
        _draw_sent(picture, backward, lefts[1], below, cell)
    _draw_upstream(picture, backward, lefts[2], below, cell)
    start, end = lefts[1] + 118, lefts[2] - 14
    picture.arrow((start, TOP - 29), (end, TOP - 29))
    picture.arrow((end, below - 29), (start, below - 29), stroke="gradient")
    _draw_sums(picture, backward, bottom + 32)
    return picture


def _layout(backward):
    """Side of a cell, left edges of the three columns, height of a row of arrays."""
    rows = max(backward.padded.shape[0], backward.kernel_size[0], backward.output_shape[0])
    counts = backward.padded.shape[1], backward.kernel_size[1], backward.output_shape[1]
    for cell in range(fit_cell(rows, HEIGHT / 2, largest=46), 5, -1):
        widths = [max(count * cell, room) for count, room in zip(counts, ROOM, strict=True)]
        gap = (WIDTH - sum(widths)) / 2
        if gap >= GAP[0]:
            break
    gap = min(gap, GAP[1])
    return cell, [0, widths[0] + gap, widths[0] + widths[1] + 2 * gap], rows * cell


def _draw_forward(picture, backward, lefts, cell):
    """Draw what the forward pass left: input with its window, kernel, output."""
    ring = "dashed: padding" + (" of −∞" if backward.mode == "max" else " of zeros")
    caption = ring if any(backward.pair("padding")) else "no padding"
    title = "input x, {} × {}".format(*backward.x.shape)
    draw_heading(picture, 0, TOP, title, caption, role="input")
    options = {"cell": cell, "largest": np.abs(backward.x).max() or 1}
    grid = draw_cells(
        picture, backward.padded, 0, TOP, role="input", muted=backward.outside, **options
    )
    _frame_window(picture, grid, backward, "kernel")
    if backward.learns:
        draw_heading(picture, lefts[1], TOP, "kernel w", "not flipped", role="kernel")
        kernel = draw_cells(picture, backward.kernel, lefts[1], TOP, cell=cell, role="signed")
    else:
        caption = "framed: the maximum" if backward.mode == "max" else "of x"
        draw_heading(picture, lefts[1], TOP, "window", caption, role="kernel")
        covered = backward.padded[backward.window(backward.step)]
        kernel = draw_cells(picture, covered, lefts[1], TOP, role="input", **options)
    kernel.frame(picture, 0, 0, *backward.kernel_size, stroke_width=2)
    if backward.mode == "max":
        grid.frame(picture, *backward.example, role="ink", stroke_width=1.5)
        winner = np.argwhere(backward.slopes(backward.step))[0]
        kernel.frame(picture, *winner, role="ink", stroke_width=1.5)
    draw_heading(picture, lefts[2], TOP, "output y", "from the forward pass", role="output")
    grid = draw_cells(picture, backward.output, lefts[2], TOP, cell=cell, role="output")
    grid.frame(picture, *backward.position, role="output")


def _frame_window(picture, grid, backward, role):
    """Frame the window; with gaps between its entries, frame each entry."""
    rows, columns = (index.ravel() for index in backward.window(backward.step))
    if backward.pair("dilation") == (1, 1):
        grid.frame(picture, rows[0], columns[0], rows.size, columns.size, role=role)
        return
    for row in rows:
        for column in columns:
            grid.frame(picture, row, column, role=role, stroke_width=2)


def _draw_input_gradient(picture, backward, y, cell):
    """Draw grad_x so far, and what this step adds to it."""
    g = "g[{},{}]".format(*backward.position)
    share = {"convolution": "·w", "average": f"/{np.prod(backward.kernel_size)}", "max": ""}
    caption = f"now + {g}{share[backward.mode]}"
    draw_heading(picture, 0, y, "grad_x so far", caption, role="gradient")
    grid = _draw_sum(picture, backward, backward.history[0], 0, y, cell, backward.outside)
    _frame_window(picture, grid, backward, "gradient")
    if backward.example is not None:
        grid.frame(picture, *backward.example, role="ink", stroke_width=1.5)
    slopes, reached = backward.slopes(backward.step), backward.window(backward.step)
    rows, columns = np.broadcast_arrays(*reached)
    places = [tuple(place) for place in np.argwhere(backward.touches[backward.step][reached])]
    terms = {(rows[place], columns[place]): slopes[place] for place in places}
    _write_terms(picture, backward, grid, terms, np.unique(slopes))


def _draw_weight_gradient(picture, backward, x, y, cell):
    """Draw grad_w so far, and what this step adds to it."""
    caption = "now + g[{},{}]·x".format(*backward.position)
    draw_heading(picture, x, y, "grad_w so far", caption, role="gradient")
    grid = _draw_sum(picture, backward, backward.history[1], x, y, cell)
    grid.frame(picture, 0, 0, *backward.kernel_size, role="gradient", stroke_width=2)
    grid.frame(picture, 0, 0, role="ink", stroke_width=1.5)
    covered = backward.padded[backward.window(backward.step)]
    _write_terms(picture, backward, grid, dict(np.ndenumerate(covered)), np.unique(backward.padded))


def _draw_sent(picture, backward, x, y, cell):
    """Draw what a pooling sends to each cell of its window."""
    g, size = "g[{},{}]".format(*backward.position), np.prod(backward.kernel_size)
    caption = f"{g} to the maximum" if backward.mode == "max" else f"{g}/{size} to each"
    draw_heading(picture, x, y, "sent now", caption, role="gradient")
    sent, largest = backward.added(backward.step)[0], np.abs(backward.grad_out).max() or 1
    grid = draw_cells(
        picture, sent, x, y, cell=cell, role="gradient", largest=largest, write=backward.write
    )
    grid.frame(picture, 0, 0, *backward.kernel_size, role="gradient", stroke_width=2)


def _draw_upstream(picture, backward, x, y, cell):
    """Draw the gradient of the output; what has not been sent yet is dashed."""
    sent = np.arange(backward.steps).reshape(backward.output_shape) <= backward.step
    caption = "all sent" if sent.all() else "dashed: not sent yet"
    draw_heading(picture, x, y, "g = grad_y", caption, role="gradient")
    grid = draw_cells(picture, backward.grad_out, x, y, cell=cell, role="gradient", muted=~sent)
    grid.frame(picture, *backward.position, role="gradient")


def _draw_sum(picture, backward, history, x, y, cell, muted=None):
    """Draw a gradient so far; tint and size of type are the same at all steps."""
    longest = max(len(backward.write(v)) for v in np.unique(history))
    return draw_cells(
        picture, history[backward.step], x, y, cell=cell, role="gradient", muted=muted,
        longest=longest, largest=np.abs(history).max() or 1, write=backward.write,
    )  # fmt: skip


def _write_terms(picture, backward, grid, terms, possible):
    """Write into cells what is added now: two factors if any possible pair fits, else the value."""
    g, upstream = backward.grad_out[backward.position], np.unique(backward.grad_out)
    longest = max(len(backward.short_term(a, b)) for a in upstream for b in possible)
    products = 1.5 * grid.cell / longest < LEGIBLE
    size = min(11, 0.26 * grid.cell, 1.5 * grid.cell / (7 if products else longest))
    for place, slope in terms.items():
        text = backward.short_term(g, slope)
        if products:
            value = format_number(g * slope)
            text = value if value.startswith("−") else f"+{value}"
        x, y = grid.centre(*place)
        y += grid.cell * 0.42
        picture.text(x, y, text, size=size, anchor="middle", mono=True)


def _draw_sums(picture, backward, y):
    """Write the rule, and two sums so far with a frame like that of their cells."""
    picture.text(0, y, backward.rule)
    sums = [backward.input_sum] + ([backward.weight_sum] if backward.learns else [])
    for k, (line, share) in enumerate(sums):
        text, top = f"{line}   ({share})" if share else line, y + 24 + 22 * k
        if share:
            picture.rect(1, top - 11, 13, 13, fill="gradient", tint=0.4, radius=3)
            picture.rect(1, top - 11, 13, 13, stroke="ink", stroke_width=1.5, radius=3)
        size = min(13, (WIDTH - 24) / max(len(text), 1) / 0.68)
        picture.text(22, top, text, size=size, mono=True)
