"""One step of a convolution with channels: a kernel for each input map, one sum for each output."""

import math
from itertools import accumulate

import numpy as np

from cnnbook.figures.cells import draw_cells, draw_heading, format_number, indexed
from cnnbook.figures.channel_sum import Channels
from cnnbook.figures.picture import Picture
from cnnbook.shapes import per_axis

__all__ = ["Channels", "draw_channels"]

WIDTH = 900
_TOP, _LABEL = 66, 28  # height of the headings, and of a map's own label


def draw_channels(channels):
    """Draw the windows, the kernel set of one output channel, its partial sums and the outputs.

    Parameters
    ----------
    channels : Channels

    Returns
    -------
    Picture
    """
    sizes = [(c, 520) for c in range(30, 21, -1)] + [(c, 700) for c in range(30, 16, -1)]
    cell = next((c for c, height in sizes if _fits(channels, c, height)), 16)
    lefts, width = _columns(channels, cell)
    bottom = _TOP + _bands_height(channels, cell)
    picture = Picture(max(WIDTH, width), bottom + 136, channels.description)
    channel, row, column = channels.position
    picture.text(
        0, 14, f"Step {channels.step + 1} of {channels.steps}", size=14, fill="muted", bold=True
    )
    picture.text(lefts[5], 14, f"channel {channel}, row {row}, column {column}", fill="muted")
    _draw_inputs(picture, channels, lefts[0], cell)
    _draw_products(picture, channels, lefts[1:3], cell)
    _draw_sum(picture, channels, lefts[3:5], cell)
    _draw_outputs(picture, channels, lefts[5], cell)
    picture.text(0, bottom + 12, channels.formula, size=13, mono=True)
    picture.text(0, bottom + 34, channels.activation_formula, size=13, mono=True)
    _draw_all_kernels(picture, channels, bottom + 64)
    return picture


def _columns(channels, cell):
    """Left edges of the six columns, and where the last one ends."""
    (_, _, inside), (_, _, _, kernel), (_, _, outside) = (
        channels.padded.shape,
        channels.weight.shape,
        channels.sums.shape,
    )
    least = (130, 132, 120, 72, 136, 170)
    cells = (inside, kernel, kernel, 0, 0, outside)
    gaps = (26, 22, 10, 14, 14, 0)
    widths = [max(m, c * cell) + g for m, c, g in zip(least, cells, gaps, strict=True)]
    edges = list(accumulate(widths, initial=0))
    return edges[:-1], edges[-1]


def _pitch(channels, cell):
    """From the top of one input map to the top of the next."""
    return max(channels.padded.shape[1], channels.weight.shape[2]) * cell + _LABEL


def _bands_height(channels, cell):
    inputs = len(channels.x) * _pitch(channels, cell)
    outputs = len(channels.sums) * (channels.sums.shape[1] * cell + _LABEL)
    return max(inputs, outputs)


def _fits(channels, cell, height):
    return _columns(channels, cell)[1] <= 944 and _bands_height(channels, cell) <= height


def _middle(channels, index, cell):
    """Height of the middle of an input map."""
    return _TOP + index * _pitch(channels, cell) + (_pitch(channels, cell) - _LABEL) / 2 + 16


def _draw_map(picture, values, x, y, *, largest, **options):
    """Cells whose numbers share one precision: a tiny one does not shrink them all."""
    exponent = math.floor(math.log10(largest)) if largest else 0
    decimals = 2 - exponent if exponent >= 0 else 1 - exponent
    rounded = np.round(values, max(decimals, 0))
    return draw_cells(picture, rounded, x, y, largest=largest, digits=4, **options)


def _draw_inputs(picture, channels, x, cell):
    padded, inputs = channels.padded, channels.inputs
    rows, columns = per_axis("padding", channels.padding, 2)
    caption = f"dashed: padding {rows} × {columns}" if rows or columns else "no padding"
    title = "input " + " × ".join(map(str, channels.x.shape))
    draw_heading(picture, x, _TOP - 6, title, caption, role="input")
    outside = np.ones(padded.shape[1:], bool)
    outside[rows : padded.shape[1] - rows, columns : padded.shape[2] - columns] = False
    for index, values in enumerate(padded):
        top = _TOP + index * _pitch(channels, cell) + 16
        seen = index in inputs
        note = "" if seen else " (other group)"
        picture.text(x, top - 5, f"x[{index}]{note}", size=12, fill="muted", mono=True)
        grid = _draw_map(
            picture, values, x, top, cell=cell, muted=outside, largest=np.abs(padded).max()
        )
        if seen:
            grid.frame(picture, *channels.corner, *channels.weight.shape[2:])


def _draw_products(picture, channels, lefts, cell):
    """The kernel of each input channel, and what window times kernel gives."""
    out, (rows, columns) = channels.position[0], channels.weight.shape[2:]
    seen = len(channels.inputs)
    caption = f"{seen} kernel{'s' if seen > 1 else ''} of {rows} × {columns}"
    draw_heading(picture, lefts[0], _TOP - 6, f"kernel set {out}", caption, role="kernel")
    draw_heading(picture, lefts[1], _TOP - 6, "products", "window × kernel", role="muted")
    largest = np.abs(channels.padded).max() * np.abs(channels.weight).max()
    for number, (index, kernel, products) in enumerate(
        zip(channels.inputs, channels.weight[out], channels.products, strict=True)
    ):
        top = _middle(channels, index, cell) - rows * cell / 2
        picture.text(lefts[0], top - 5, f"w[{out},{number}]", size=12, fill="muted", mono=True)
        scale = np.abs(channels.weight).max()
        grid = _draw_map(picture, kernel, lefts[0], top, cell=cell, role="signed", largest=scale)
        grid.frame(picture, 0, 0, rows, columns, stroke_width=2)
        _draw_map(picture, products, lefts[1], top, cell=cell, role="signed", largest=largest)


def _draw_sum(picture, channels, lefts, cell):
    """The partial sums, gathered by a bracket into one number."""
    draw_heading(picture, lefts[0], _TOP - 6, "sum", "over window and channels", role="muted")
    middles = [_middle(channels, index, cell) for index in channels.inputs]
    bracket = lefts[1]
    for index, value, middle in zip(channels.inputs, channels.partial_sums, middles, strict=True):
        picture.text(lefts[0], middle - 12, indexed("s", index), size=12, fill="muted", mono=True)
        picture.text(lefts[0], middle + 8, format_number(value), size=17, bold=True, mono=True)
        picture.line((bracket - 14, middle), (bracket, middle))
    picture.line((bracket, middles[0]), (bracket, middles[-1]))
    centre = (middles[0] + middles[-1]) / 2
    picture.arrow((bracket, centre), (bracket + 20, centre))
    place, x = channels.position, bracket + 28
    if channels.bias is not None:
        bias = f"{indexed('b', place[0])} = {format_number(channels.bias[place[0]])}"
        picture.text(x, centre - 40, "plus bias", size=12, fill="muted")
        picture.text(x, centre - 22, bias, size=13, mono=True)
    picture.text(
        x, centre + 9, f"= {format_number(channels.sums[place])}",
        size=24, bold=True, mono=True, fill="output",
    )  # fmt: skip
    if channels.activation == "relu":
        value = format_number(channels.output[place])
        picture.text(x, centre + 34, f"ReLU: {value}", size=13, mono=True, fill="output")


def _draw_outputs(picture, channels, x, cell):
    output, (channel, row, column) = channels.output, channels.position
    title = "output " + " × ".join(map(str, output.shape))
    caption = "after ReLU" if channels.activation == "relu" else "one map per kernel set"
    draw_heading(picture, x, _TOP - 6, title, caption, role="output")
    name = "a" if channels.activation == "relu" else "y"
    for index, (values, done) in enumerate(zip(output, channels.done, strict=True)):
        top = _TOP + index * (output.shape[1] * cell + _LABEL) + 16
        picture.text(x, top - 5, f"{name}[{index}]", size=12, fill="muted", mono=True)
        grid = _draw_map(
            picture, values, x, top, cell=cell, role="output", shown=done,
            largest=np.abs(output).max(),
        )  # fmt: skip
        if index == channel:
            grid.frame(picture, row, column, role="output")


def _draw_all_kernels(picture, channels, y):
    """Every kernel of the layer, small, the current set framed, and the count beside."""
    outs, seen, rows, columns = channels.weight.shape
    cell = next(
        c for c in range(8, 0, -1) if outs * (seen * (columns * c + 6) + 16) <= 440 or c < 3
    )
    largest, x = np.abs(channels.weight).max(), 0
    for index, kernels in enumerate(channels.weight):
        width, height = seen * (columns * cell + 6) + 2, rows * cell + 8
        if index == channels.position[0]:
            picture.rect(x, y, width, height, stroke="kernel", stroke_width=2, radius=3)
        picture.text(x + 2, y + height + 16, f"set {index}", size=12, fill="muted")
        for number, kernel in enumerate(kernels):
            left = x + 4 + number * (columns * cell + 6)
            draw_cells(picture, kernel, left, y + 4, cell=cell, role="signed", largest=largest)
        x += max(width, 36) + 14
    sets = f"{outs} set{'s' if outs > 1 else ''} of {seen}"
    kernels = f"{sets}: {outs * seen} two-dimensional kernel{'s' if outs * seen > 1 else ''}"
    x = max(x + 10, 200)
    picture.text(x, y + 14, kernels, size=14, fill="kernel", bold=True)
    picture.text(x, y + 36, channels.count_formula, size=13, mono=True)
    picture.text(x, y + 56, channels.work_formula, size=13, mono=True, fill="muted")
