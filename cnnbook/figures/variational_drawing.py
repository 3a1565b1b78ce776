"""The picture of a normal code: densities, the sample, what adds up to the divergence, slips."""

import numpy as np

from cnnbook.figures.cells import draw_heading, format_number, indexed
from cnnbook.figures.picture import Picture
from cnnbook.figures.variational import NOISE, REACH, normal

WIDTH, HEIGHT, PLOT = 944, 508, 516  # of the canvas, and width of the plots
TOP, ZERO, HIGHEST = 80, 250, 1.15  # of the densities: upper edge, axis, density at the top
EPSILON = ZERO + 52  # the line of ε
SHARE_TOP, SHARE_ZERO = 396, 474
SCALES = (0.25, 0.5, 1, 2, 4, 8)  # what the upper edge of the lower plot may stand for
RIGHT = 566  # left edge of the numbers


def _across(z):
    """The x of a place on the z axis; what is beyond stands at the end."""
    return PLOT * (np.clip(z, -REACH, REACH) + REACH) / (2 * REACH)


def _curve(code, values, zero, scale):
    """Return the points of a curve over the z axis, `scale` pixels for one."""
    return tuple(zip(_across(code.axis).tolist(), (zero - scale * values).tolist(), strict=True))


def draw_code(code):
    """Draw a code against the prior, its sample, its divergence, and the slips.

    Parameters
    ----------
    code : Code

    Returns
    -------
    Picture
    """
    picture = Picture(WIDTH, HEIGHT, code.description, palette=True)
    picture.text(0, 18, code.claim, size=15, bold=True)
    _draw_densities(picture, code)
    _draw_samples(picture, code)
    _draw_shares(picture, code)
    _draw_divergence(picture, code)
    _draw_draw(picture, code)
    _draw_slips(picture, code)
    return picture


def _draw_densities(picture, code):
    mean, variance = format_number(round(code.mean, 2)), format_number(code.variance)
    between = f"shaded: the area between, {code.between:.2f} of at most 2"
    caption = f"dashed: the prior p(z) = N(0, 1); {between}"
    draw_heading(picture, 0, TOP - 4, f"q(z|x) = N({mean}, {variance})", caption, role="kernel")
    scale = (ZERO - TOP) / HIGHEST
    q = _curve(code, normal(code.axis, code.mean, code.deviation), ZERO, scale)
    p = _curve(code, normal(code.axis), ZERO, scale)
    picture.polygon(*q, *p[::-1], fill="kernel", tint=0.13)
    picture.line((0, ZERO), (PLOT, ZERO), stroke="line", stroke_width=1)
    picture.line(*p, stroke="input", stroke_width=2, dashed=True)
    picture.line(*q, stroke="kernel", stroke_width=2.5)


def _draw_samples(picture, code):
    """Draw the line of ε below the z axis, and how the present ε becomes z."""
    picture.line((0, EPSILON), (PLOT, EPSILON), stroke="line", stroke_width=1)
    for value in range(1 - REACH, REACH, 2):
        place = float(_across(value)), EPSILON + 22
        picture.text(*place, format_number(value), size=11, fill="muted", anchor="middle")
    for e, z in zip(code.noise[:-1], code.samples[:-1], strict=True):
        e, z = float(_across(e)), float(_across(z))
        picture.line((e, EPSILON), (e, EPSILON - 7), stroke="input", stroke_width=1)
        picture.line((z, ZERO), (z, ZERO + 7), stroke="kernel", stroke_width=1)
    e, z = float(_across(code.noise[-1])), float(_across(code.samples[-1]))
    picture.arrow((e, EPSILON), (z, ZERO + 3), stroke="output", stroke_width=2)
    picture.rect(e - 4, EPSILON - 4, 8, 8, fill="input", radius=4)
    picture.rect(z - 4, ZERO - 4, 8, 8, fill="output", radius=4)
    picture.text(PLOT + 8, EPSILON + 4, "ε", size=14, fill="input", bold=True)
    picture.text(PLOT + 8, ZERO + 4, "z", size=14, fill="output", bold=True)


def _draw_shares(picture, code):
    caption = "its area over the whole axis, blue taken off, is the KL"
    title = "q(z|x) · (log q(z|x) − log p(z))"
    draw_heading(picture, 0, SHARE_TOP - 2, title, caption, role="kernel")
    most = float(code.integrand.max())
    top = next(scale for scale in SCALES if most <= scale)
    scale = (SHARE_ZERO - SHARE_TOP) / top
    for part, role in ((code.integrand.clip(0), "kernel"), (code.integrand.clip(max=0), "input")):
        ends = (0, SHARE_ZERO), (PLOT, SHARE_ZERO)
        curve = _curve(code, part, SHARE_ZERO, scale)
        picture.polygon(ends[0], *curve, ends[1], fill=role, tint=0.45)
    picture.line((0, SHARE_ZERO), (PLOT, SHARE_ZERO), stroke="line", stroke_width=1)
    picture.line((0, SHARE_TOP), (PLOT, SHARE_TOP), stroke="line", stroke_width=1)
    picture.text(PLOT, SHARE_TOP - 4, format_number(top), size=11, fill="muted", anchor="end")
    picture.text(PLOT, SHARE_ZERO - 4, "0", size=11, fill="muted", anchor="end")


def _draw_divergence(picture, code):
    heading = "KL = ½·(σ² + μ² − 1 − log σ²)"
    draw_heading(picture, RIGHT, TOP - 4, "divergence from the prior", heading, role="kernel")
    picture.text(RIGHT, TOP + 18, code.kl_formula, mono=True)
    result = f"{format_number(round(code.kl, 3))} nats"
    picture.text(RIGHT, TOP + 50, result, size=24, fill="kernel", bold=True, mono=True)


def _draw_draw(picture, code):
    top = TOP + 106
    title = f"draw {code.step + 1} of {len(NOISE)}"
    caption = "z = μ + σ·ε: the chance is outside, gradients pass"
    draw_heading(picture, RIGHT, top, title, caption, role="output")
    picture.text(RIGHT, top + 18, f"σ = exp(½ log σ²) = {format_number(code.deviation)}", mono=True)
    noise = f"{indexed('ε', code.step)} = {format_number(code.noise[-1])}"
    picture.text(RIGHT, top + 38, noise, fill="input", mono=True)
    picture.text(RIGHT, top + 58, f"z = {code.sample_formula}", fill="output", mono=True, bold=True)
    slope = format_number(round(0.5 * code.deviation * float(code.noise[-1]), 3))
    words = f"∂z/∂μ = 1, ∂z/∂log σ² = ½·σ·ε = {slope}"
    picture.text(RIGHT, top + 78, words, fill="gradient", mono=True)
    estimate = format_number(round(code.estimate, 2))
    words = f"mean of log q − log p so far, near the KL in the end: {estimate}"
    picture.text(RIGHT, top + 98, words, size=12, fill="muted")


def _draw_slips(picture, code):
    top = SHARE_TOP - 2
    draw_heading(picture, RIGHT, top, "two slips", "what they give at this setting")
    off = format_number(round(code.deviation_slip - code.kl, 3))
    picture.text(RIGHT, top + 18, f"σ where σ² belongs: off by {off} nats", bold=True)
    picture.text(RIGHT, top + 36, code.slip_formula, size=12, fill="muted", mono=True)
    shifted, mean = (format_number(round(v, 3)) for v in (code.shifted_mean, code.mean))
    picture.text(RIGHT, top + 66, f"ε ~ N(μ, 1): z has the mean {shifted}, not {mean}", bold=True)
    words = f"μ + σ·μ = {shifted}"
    picture.text(RIGHT, top + 84, words, size=12, fill="muted", mono=True)
