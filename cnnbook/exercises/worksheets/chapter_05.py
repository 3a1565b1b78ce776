"""Questions of chapter 5, pooling."""

from fractions import Fraction

import numpy as np

from cnnbook import ops
from cnnbook.exercises.worksheets.question import ask
from cnnbook.shapes import linear_parameters, pool_output_size


def largest(draw):
    """Max pooling that tiles."""
    x = draw.grid(4, 4, low=-3, high=9)
    return ask(
        "Max pooling, 2 × 2, stride 2.",
        {"output": ops.max_pool2d(x[None], 2)[0]},
        "The largest number of each 2 × 2 block.",
        x=x,
    )  # fmt: skip


def mean(draw):
    """Average pooling that tiles."""
    x = draw.grid(4, 4, high=9)
    for r, c in ((0, 0), (0, 2), (2, 0), (2, 2)):
        x[r, c] += -x[r : r + 2, c : c + 2].sum() % 4
    return ask(
        "Average pooling, 2 × 2, stride 2.",
        {"output": ops.avg_pool2d(x[None], 2)[0]},
        "The sum of each 2 × 2 block, divided by 4.",
        x=x,
    )  # fmt: skip


def overlapping(draw):
    """Windows that overlap."""
    x = draw.grid(5, 5, high=9)
    return ask(
        "Max pooling, 3 × 3, stride 2.",
        {"output": ops.max_pool2d(x[None], 3, 2)[0]},
        "The windows begin in rows and columns 0 and 2; the middle row and column is read twice.",
        x=x,
    )  # fmt: skip


def sizes(draw):
    """Rounded down, rounded up."""
    i, k, s = draw.randint(7, 40), draw.randint(2, 3), draw.randint(2, 3)
    p = draw.randint(0, 1)
    return ask(
        "{i} pixels, window {k}, stride {s}, padding {p} on each side. How many outputs has a "
        "pooling layer, and how many with ceil_mode=True (a window that would start in the right "
        "padding is dropped)?",
        {
            "rounded down": pool_output_size(i, k, s, p),
            "ceil_mode": pool_output_size(i, k, s, p, ceil_mode=True),
        },
        "({i} + 2·{p} − {k}) / {s}, rounded, + 1",
        i=i, k=k, s=s, p=p,
    )  # fmt: skip


def small_shift(draw):
    """A small shift."""
    n, step = draw.randint(2, 8), draw.randint(1, 3)
    rows = np.zeros((2, 12))
    rows[0, n] = rows[1, n + step] = 9
    before, after = (int(row.argmax()) for row in ops.max_pool1d(rows, 2))
    return ask(
        "A row of 12 pixels is 0, but pixel {n} is 9 (counted from 0). Max pooling, 2, stride 2. "
        "At which place of the output is the 9? And if the 9 moves to the right by {step}?",
        {"place": before, "place after the shift": after},
        "Inside a window a pixel may move; across its border the output moves by a whole window.",
        n=n, step=step,
    )  # fmt: skip


def survival(draw):
    """How often a maximum survives."""
    k = draw.randint(2, 6)
    d = draw.randint(1, k - 1)
    old, new = ({(r, c) for r in range(k) for c in range(first, first + k)} for first in (0, d))
    return ask(
        "All pixels are different and drawn at random. A window of {k} × {k} moves to the right by "
        "{d}. How many pixels do the old and the new window share, how many do they cover "
        "together, and with which probability do both have the same maximum?",
        {
            "shared": len(old & new),
            "together": len(old | new),
            "probability": Fraction(len(old & new), len(old | new)),
        },
        "The largest of all pixels must lie in the shared part: (k − d)/(k + d).",
        k=k, d=d,
    )  # fmt: skip


def weights_saved(draw):
    """What pooling saves."""
    c, n, u = draw.choice((4, 8, 16)), 2 * draw.randint(3, 8), draw.choice((10, 20, 50, 100))
    half = pool_output_size(n, 2)
    return ask(
        "{c} maps of {n} × {n} go into a dense layer of {u} units. How many parameters has the "
        "dense layer, biases included, without pooling, and how many after a pooling of 2 × 2?",
        {
            "without pooling": linear_parameters(c * n * n, u),
            "after pooling": linear_parameters(c * half * half, u),
        },
        "{u} · ({c} · {n}² + 1), and with {half} in place of {n}.",
        c=c, n=n, u=u, half=half,
    )  # fmt: skip


TITLE = "Pooling"
QUESTIONS = (largest, mean, overlapping, sizes, small_shift, survival, weights_saved)
