"""Questions of chapter 2, convolution and cross-correlation."""

import numpy as np

from cnnbook import ops
from cnnbook.exercises.worksheets.question import ask


def echo(draw):
    """A convolution by hand."""
    x, w = draw.grid(4, high=3), draw.nonzero(3)
    x[0] = draw.randint(1, 3)
    return ask(
        "Convolve x with w: all six numbers, mode full.",
        {"w ∗ x": ops.convolve(x, w)},
        "Each x[i] starts a copy of w at place i, multiplied by x[i]; the copies add up.",
        x=x, w=w,
    )  # fmt: skip


def two_operations(draw):
    """Flip, or do not flip."""
    x = draw.grid(3, 3)
    w = draw.until(lambda w: (w != w[::-1, ::-1]).any(), lambda: draw.grid(2, 2, low=-2, high=3))
    return ask(
        "Compute both operations where the kernel w fits into the image x (mode valid).",
        {
            "cross-correlation w ⋆ x": ops.correlate(x, w, "valid"),
            "convolution w ∗ x": ops.convolve(x, w, "valid"),
        },
        "The first uses w as it is, the second w rotated by 180°.",
        x=x, w=w,
    )  # fmt: skip


def symmetry(draw):
    """Even or odd."""
    kind, w = draw.choice((1, -1, 0)), draw.grid(3, 3, low=-3, high=3)
    w[0, 0] = draw.randint(1, 3)
    w = w + kind * w[::-1, ::-1]
    if kind == -1:
        w[0, 0] = -(other := draw.randint(1, 3))
        w[2, 2] = other
    elif not kind:
        w[2, 2] = -w[0, 0] + 1  # neither the same nor the negative
    impulse = np.pad([[1.0]], 2)
    star, flipped = (f(impulse, w, "valid") for f in (ops.correlate, ops.convolve))
    names = {"even": star, "odd": -star}
    found = [name for name, expected in names.items() if np.array_equal(flipped, expected)]
    return ask(
        "Is this kernel even (equal to itself, rotated by 180°), odd (its negative), or neither? "
        "The convolution of an image with it is then equal to the cross-correlation, to its "
        "negative, or to neither.",
        {"the kernel is": found[0] if found else "neither"},
        "Compare each entry with the one opposite the centre.",
        w=w,
    )  # fmt: skip


def flat_wall(draw):
    """A flat wall."""
    c, w = draw.randint(2, 9), draw.grid(3, 3, low=-2, high=3)
    return ask(
        "All pixels of an image have the value {c}. What does this kernel make of it, away from "
        "the border?",
        {
            "sum of the weights": w.sum(),
            "each output": ops.correlate(np.full((3, 3), float(c)), w, "valid")[0, 0],
        },
        "{c} times the sum of the weights.",
        c=c, w=w,
    )  # fmt: skip


def ramp(draw):
    """A ramp."""
    r, left = draw.randint(1, 4), draw.randint(1, 2)
    w = np.outer(draw.grid(3, low=1, high=2), [-left, 0, left]) * draw.choice((1, -1))
    image = np.tile(r * np.arange(3.0), (3, 1))
    return ask(
        "Each pixel is brighter by {r} than its left neighbour; rows do not differ. What is the "
        "cross-correlation with this kernel, and what the convolution?",
        {
            "cross-correlation": ops.correlate(image, w, "valid")[0, 0],
            "convolution": ops.convolve(image, w, "valid")[0, 0],
        },
        "The kernel is odd, so the two differ in sign. Left and right column lie 2 pixels apart.",
        r=r, w=w,
    )  # fmt: skip


def as_bytes(draw):
    """Numbers of eight bits."""
    a, b = draw.randint(130, 250), draw.randint(130, 250)
    c = draw.randint(5, 90)
    d = c + draw.randint(3, 60)
    return ask(
        "Pixels are stored as bytes, from 0 to 255 (uint8). What does the computer give?",
        {
            f"{a} + {b}": int((np.uint8([a]) + np.uint8([b]))[0]),
            f"{c} − {d}": int((np.uint8([c]) - np.uint8([d]))[0]),
        },
        "After 255 comes 0: the results are right up to a multiple of 256.",
        a=a, b=b, c=c, d=d,
    )  # fmt: skip


def small_kernels(draw):
    """A mean and a second difference."""
    x = draw.grid(6, high=3)
    x[2] = (-x[0] - x[1]) % 3
    x[3:] = x[:3] + 3 * draw.grid(3, low=0, high=2)
    return ask(
        "Apply two kernels to this signal, mode valid: the mean of three neighbours, and "
        "(1, −2, 1).",
        {
            "mean of three": ops.convolve(x, np.full(3, 1 / 3), "valid"),
            "(1, −2, 1)": ops.convolve(x, np.array([1.0, -2, 1]), "valid"),
        },
        "Both kernels read the same in both directions, so the flip changes nothing.",
        signal=x,
    )  # fmt: skip


TITLE = "Convolution and cross-correlation"
QUESTIONS = (echo, two_operations, symmetry, flat_wall, ramp, as_bytes, small_kernels)
