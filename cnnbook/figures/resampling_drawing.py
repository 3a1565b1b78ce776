"""The picture of a resampling: histogram, probabilities, the drawn batch, shares of the groups."""

import math

import numpy as np

from cnnbook.figures.cells import draw_heading, format_number, indexed
from cnnbook.figures.picture import Picture
from cnnbook.figures.pixels import draw_tiles
from cnnbook.figures.resampling import BATCH

WIDTH, RIGHT = 944, 556  # of the canvas; left edge of its right half
PLOT, TOP, ZERO = 464, 104, 252  # width of the plots, their upper edge, and their axis
FORMULA = ZERO + 52
LEAST, MOST = 0.01, 1000  # ends of the logarithmic axis of the gains
BATCH_TOP, TILE = FORMULA + 74, 64  # as many pixels as a face has
ROW, BAR = 28, 96  # of the table of groups: height of a row, length of the longest bar
STEPS = (1.15, 1.5, 2, 3, 5, 8, 16)  # heights of the plot, in units of the highest bar


def draw_resampling(resampling, images):
    """Draw what a latent says of many faces, and which of them are drawn for it.

    Parameters
    ----------
    resampling : Resampling
    images : ndarray of shape (16, C, H, W), values from 0 to 1
        The faces `resampling.chosen`.

    Returns
    -------
    Picture
    """
    rows = max(len(resampling.names), 4)
    height = max(BATCH_TOP + 2 * (TILE + 20), BATCH_TOP + rows * ROW + 16)
    picture = Picture(WIDTH, height, resampling.description, palette=True)
    picture.text(0, 18, resampling.claim, size=15, bold=True)
    _draw_histogram(picture, resampling)
    _draw_gains(picture, resampling)
    _draw_batch(picture, resampling, images)
    _draw_shares(picture, resampling)
    return picture


def _draw_histogram(picture, it):
    name = indexed("z", it.latent)
    caption = "bars: the faces; green line: what is drawn; dashed: α, added to each bar"
    draw_heading(picture, 0, TOP - 22, f"latent {name}: histogram Q", caption, role="input")
    highest = float(it.density.max())
    needed = max(highest, float(it.drawn_density.max()))
    top = next((step for step in STEPS if needed <= step * highest), STEPS[-1]) * highest
    scale = (ZERO - TOP) / top
    width = PLOT / it.bins
    for number, density in enumerate(it.density):
        tall = scale * float(density)
        picture.rect(number * width + 1, ZERO - tall, width - 2, tall, fill="input", tint=0.55)
    line = []
    for number, density in enumerate(it.drawn_density):
        high = ZERO - scale * min(float(density), top)
        line += [(number * width, high), ((number + 1) * width, high)]
    if math.isfinite(it.alpha) and it.alpha < top:
        level = ZERO - scale * it.alpha
        picture.line((0, level), (PLOT, level), stroke="kernel", stroke_width=1.5, dashed=True)
        picture.text(PLOT + 6, level + 4, "α", fill="kernel", bold=True)
    picture.line(*line, stroke="output", stroke_width=2.5)
    picture.line((0, ZERO), (PLOT, ZERO), stroke="line", stroke_width=1)
    ends = (("start", 0, it.edges[0]), ("end", PLOT, it.edges[-1]))
    for anchor, x, value in ends:
        words = format_number(round(float(value), 2))
        picture.text(x, ZERO + 17, words, size=11, fill="muted", anchor=anchor)
    words = f"mean of {name}, {len(it.means)} faces in {it.bins} bins"
    picture.text(PLOT / 2, ZERO + 17, words, size=11, fill="muted", anchor="middle")
    picture.text(0, FORMULA, "the first face of the batch below weighs in this latent", size=12)
    picture.text(0, FORMULA + 19, it.formula, mono=True, fill="kernel")


def _height(gain):
    """The y of a gain on the logarithmic axis; what is beyond stands at its end."""
    share = np.log(np.clip(gain, LEAST, MOST) / LEAST) / math.log(MOST / LEAST)
    return ZERO - share * (ZERO - TOP)


def _draw_gains(picture, it):
    """Draw how often each face is drawn, from the rarest to the commonest."""
    caption = "all latents together; the commonest face stands left"
    draw_heading(picture, RIGHT, TOP - 22, "N·p(x): draws an epoch", caption, role="output")
    left = RIGHT + 34
    wide = WIDTH - left
    for value in (0.1, 1, 10, 100):
        level = float(_height(value))
        role = "muted" if value == 1 else "line"
        picture.line((left, level), (WIDTH, level), stroke=role, stroke_width=1)
        words = format_number(value)
        picture.text(left - 6, level + 4, words, size=11, fill="muted", anchor="end")
    gains = np.sort(it.gains)
    shown = np.unique(np.linspace(0, len(gains) - 1, 200).round().astype(int))
    across = left + wide * shown / (len(gains) - 1)
    points = zip(across.tolist(), _height(gains[shown]).tolist(), strict=True)
    picture.line(*points, stroke="output", stroke_width=2.5)
    picture.text(left, ZERO + 17, "commonest", size=11, fill="muted")
    picture.text(WIDTH, ZERO + 17, "rarest", size=11, fill="muted", anchor="end")
    most, least = format_number(float(gains[-1])), format_number(float(gains[0]))
    words = f"from {least} to {most} times; 1 is once, as without resampling"
    picture.text(RIGHT, FORMULA, words, size=12)


def _draw_batch(picture, it, images):
    title = f"draw {it.step + 1}: {BATCH} faces"
    caption = "below each: how many times an epoch shows it"
    draw_heading(picture, 0, BATCH_TOP, title, caption, role="output")
    across = BATCH // 2
    for row in range(2):
        top = BATCH_TOP + row * (TILE + 20)
        part = slice(row * across, (row + 1) * across)
        draw_tiles(picture, images[None, part], 0, top, TILE)
        for number, gain in enumerate(it.gains[it.chosen[part]]):
            place = (number + 0.5) * TILE, top + TILE + 13
            words = f"×{gain:.0f}" if gain >= 100 else f"×{format_number(float(gain), 2)}"
            picture.text(*place, words, size=11, anchor="middle", mono=True)


def _draw_shares(picture, it):
    caption = "upper bar: of the faces; lower bar: of what is drawn"
    draw_heading(picture, RIGHT, BATCH_TOP, "shares of the groups", caption, role="output")
    picture.text(WIDTH, BATCH_TOP - 8, "in this draw", size=11, fill="muted", anchor="end")
    left = RIGHT + 122
    longest = max(0.5, *(max(row.before, row.after) for row in it.shares))
    for number, row in enumerate(it.shares):
        top = BATCH_TOP + 4 + number * ROW
        picture.text(RIGHT, top + 14, row.name, size=13, bold=row in it.rare)
        bars = ((0, row.before, "input"), (9, row.after, "output")) if row.count else ()
        for place, share, role in bars:
            wide = max(BAR * share / longest, 1)
            picture.rect(left, top + 1 + place, wide, 8, fill=role, tint=1)
        edge = left + BAR + 116
        picture.text(edge, top + 14, row.change, size=12, anchor="end", mono=True)
        picture.text(WIDTH, top + 14, row.drawn, size=12, anchor="end", mono=True)
