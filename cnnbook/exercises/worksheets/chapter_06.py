"""Questions of chapter 6, fast convolution."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnnbook import ops
from cnnbook.exercises.worksheets.question import ask
from cnnbook.shapes import conv_macs, output_size


def shape_of_the_columns(draw):
    """The matrix of columns."""
    c, k, s, p = draw.randint(1, 6), draw.choice((2, 3, 5)), draw.randint(1, 2), draw.randint(0, 1)
    n, outs = draw.randint(8, 16), draw.choice((4, 8, 10))
    rows, columns = ops.unfold(np.zeros((c, n, n)), k, padding=p, stride=s).shape
    return ask(
        "{c} channels of {n} × {n}, {outs} kernels of {k} × {k}, stride {s}, padding {p}. im2col "
        "turns the convolution into the product of two matrices. Which shapes have they, and the "
        "result?",
        {
            "weights": (outs, rows),
            "columns": (rows, columns),
            "result": (outs, columns),
        },
        "A column has {c} · {k}² numbers; there are o² windows with o = {o}.",
        c=c, n=n, outs=outs, k=k, s=s, p=p, o=output_size(n, k, s, p),
    )  # fmt: skip


def columns_by_hand(draw):
    """Columns by hand."""
    x, w = draw.grid(3, 3, high=5), draw.nonzero(2, 2)
    columns = ops.unfold(x[None], 2)
    return ask(
        "Write the windows of 2 × 2 of this image as columns, stride 1 (each window row by row, "
        "windows row by row). Then multiply the kernel, written as a row, with them.",
        {"columns": columns, "product": w.reshape(1, 4) @ columns},
        "The first column is the window at the top left.",
        x=x, w=w,
    )  # fmt: skip


def copies(draw):
    """How often a pixel is copied."""
    n, k, s = draw.randint(6, 9), draw.randint(2, 3), draw.randint(1, 2)
    r, c = draw.randint(0, 4), draw.randint(0, 4)
    columns = ops.unfold(np.arange(1.0, n * n + 1).reshape(1, n, n), k, stride=s)
    return ask(
        "An image of {n} × {n} is unfolded into windows of {k} × {k}, stride {s}, no padding. In "
        "how many columns does the pixel in row {r}, column {c} stand? How many numbers have all "
        "columns together?",
        {
            "columns with the pixel": int((columns == r * n + c + 1).sum()),
            "numbers in all": columns.size,
        },
        "Count along the rows and along the columns, and multiply.",
        n=n, k=k, s=s, r=r, c=c,
    )  # fmt: skip


def steps_in_memory(draw):
    """Steps in memory."""
    rows, columns = draw.randint(4, 9), draw.randint(4, 12)
    kind, k = draw.choice(("float64", "float32")), draw.randint(2, 3)
    x = np.zeros((rows, columns), kind)
    return ask(
        "An array has {rows} rows and {columns} columns of {kind} ({size} bytes each). How many "
        "bytes is a step along each of its axes? And along the four axes of the view of all its "
        "windows of {k} × {k}?",
        {"array": x.strides, "view": sliding_window_view(x, (k, k)).strides},
        "A column further is {size} bytes, a row further {columns} · {size}.",
        rows=rows, columns=columns, kind=kind, size=x.itemsize, k=k,
    )  # fmt: skip


def separable(draw):
    """A separable kernel."""
    u, v = draw.grid(3, low=1, high=4), draw.grid(3, low=-3, high=4)
    u[0], v[0] = 1, draw.choice((1, 2, -1))
    w, n = np.outer(u, v), draw.choice((5, 7, 9))
    passes = conv_macs(1, 1, (n, 1), 1) + conv_macs(1, 1, (1, n), 1)
    return ask(
        "Write this kernel as a column times a row; the column begins with 1. How many "
        "multiply-adds for each pixel does a kernel of {n} × {n} cost, and how many do two passes "
        "cost if it is separable?",
        {"column": u, "row": v, f"{n} × {n} directly": conv_macs(1, 1, n, 1), "two passes": passes},
        "The row is the kernel's first row; the column says by what each row is a multiple of it.",
        w=w, n=n,
    )  # fmt: skip


def winograd(draw):
    """Four multiplications in place of six."""
    d, g = draw.grid(4, high=5), draw.grid(3, low=-2, high=3)
    g[1] += g.sum() % 2
    transform = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]) @ g
    data = np.array([d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]])
    return ask(
        "Winograd's F(2, 3): m₁ = (d₀ − d₂) g₀, m₂ = (d₁ + d₂)(g₀ + g₁ + g₂)/2, "
        "m₃ = (d₂ − d₁)(g₀ − g₁ + g₂)/2, m₄ = (d₁ − d₃) g₂; y₀ = m₁ + m₂ + m₃, "
        "y₁ = m₂ − m₃ − m₄. Compute, and check y₀ and y₁ directly.",
        {"m₁ to m₄": transform * data, "y₀ and y₁": ops.correlate(d, g, "valid")},
        "Directly: y₀ = d₀g₀ + d₁g₁ + d₂g₂, y₁ = d₁g₀ + d₂g₁ + d₃g₂.",
        d=d, g=g,
    )  # fmt: skip


TITLE = "Fast convolution"
QUESTIONS = (
    shape_of_the_columns, columns_by_hand, copies, steps_in_memory, separable, winograd,
)  # fmt: skip
