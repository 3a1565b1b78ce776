"""Questions of chapter 3, padding and stride."""

from cnnbook import ops, shapes
from cnnbook.exercises import chapter_03
from cnnbook.exercises.worksheets.question import ask


def size_of_the_output(draw):
    """The size of the output."""
    i, k, s = draw.randint(9, 32), draw.randint(2, 5), draw.randint(1, 3)
    p, d = draw.randint(0, 2), draw.choice((1, 1, 2))
    return ask(
        "Along one axis there are {i} pixels and {p} zeros on each side. The kernel has {k} "
        "entries, stride {s}, dilation {d}. How many outputs are there?",
        {"outputs": shapes.output_size(i, k, s, p, d)},
        "⌊({i} + 2·{p} − {d}·({k} − 1) − 1) / {s}⌋ + 1",
        "3.1", (i, k, s, p, d), i=i, k=k, s=s, p=p, d=d,
    )  # fmt: skip


def zeros_of_same(draw):
    """The zeros of SAME."""
    i, k, s = draw.randint(7, 20), draw.randint(2, 6), draw.randint(1, 4)
    before, after = shapes.same_padding(i, k, s)
    return ask(
        "SAME padding: {i} pixels, kernel {k}, stride {s}. How many zeros stand before the input, "
        "and how many after it?",
        {"before": before, "after": after},
        "⌈{i}/{s}⌉ outputs reach over {s}·(o − 1) + {k} pixels; what is missing is shared, an odd "
        "zero comes after.",
        "3.2", (i, k, s), i=i, k=k, s=s,
    )  # fmt: skip


def your_own_convolution(draw):
    """Padding and stride by hand."""
    x, w = draw.grid(3, 3), draw.nonzero(2, 2)
    stride = draw.choice(((2, 1), (1, 2)))
    left, right, top, bottom = padding = draw.choice(
        ((1, 0, 0, 1), (0, 1, 1, 0), (1, 0, 1, 0), (0, 1, 0, 1))
    )
    rows, columns = stride
    return ask(
        "Slide the kernel w over x without flipping it. Stride: {rows} along the rows, {columns} "
        "along the columns (first number: down, second: to the right). Zeros: {left} left, "
        "{right} right, {top} above, {bottom} below.",
        {"output": chapter_03.convolve2d(x, w, stride, padding)},
        "Draw the zeros first; then forget the padding.",
        "3.3", (x, w, stride, padding),
        x=x, w=w, rows=rows, columns=columns, left=left, right=right, top=top, bottom=bottom,
    )  # fmt: skip


def equal_sides(draw):
    """The same on both sides."""
    i, k, s = draw.randint(6, 12), draw.randint(2, 5), draw.choice((1, 1, 2, 3))
    return ask(
        "{i} pixels, kernel {k}, stride {s}. Can ⌈{i}/{s}⌉ outputs be had with equally many zeros "
        "on both sides?",
        {"yes or no": chapter_03.even_padding(i, k, s)},
        "s totals in a row give this size, here {s}: of two or more one is even; with stride 1 the "
        "only one is {k} − 1.",
        "3.4", (i, k, s), i=i, k=k, s=s,
    )  # fmt: skip


def seen(draw):
    """How often a pixel is seen."""
    i, k, s = draw.randint(6, 9), draw.randint(2, 4), draw.randint(1, 3)
    line = shapes.participation_counts(i, k, s)
    return ask(
        "VALID, {i} pixels, kernel {k}, stride {s}: in how many windows does each pixel take part? "
        "And in an image of {i} × {i} with these settings on both axes: how many windows see the "
        "pixel in row 0, column 2, and how many pixels does no window see?",
        {
            "one axis": line,
            "windows that see the pixel (0, 2)": line[0] * line[2],
            "pixels never seen": i**2 - (i - line.count(0)) ** 2,
        },
        "The counts of row and column are multiplied.",
        i=i, k=k, s=s,
    )  # fmt: skip


def around(draw):
    """What stands around the image."""
    x = draw.distinct(1, 4, low=1, high=9)
    modes = ("reflect", "replicate", "circular")
    padded = {mode: ops.pad(x, (2, 2), mode=mode)[0] for mode in modes}
    return ask(
        "Put two pixels on each side of this row, in three ways.",
        padded,
        "Mirrored at the edge pixel; the edge pixel repeated; as if the row went on at its other "
        "end.",
        row=x,
    )  # fmt: skip


def shrinking(draw):
    """Layers without padding."""
    k, n = draw.choice((3, 5)), draw.randint(16, 60)
    widths = [n]
    while widths[-1] >= k:
        widths.append(shapes.output_size(widths[-1], k))
    return ask(
        "An image is {n} pixels wide. Each layer has kernels of {k} × {k}, stride 1, no padding. "
        "After how many layers does no window fit any more?",
        {"layers": len(widths) - 1},
        "Each layer takes {k} − 1 pixels: {first}, {second}, …, {last}.",
        n=n, k=k, first=widths[0], second=widths[1], last=widths[-1],
    )  # fmt: skip


TITLE = "Padding and stride"
QUESTIONS = (
    size_of_the_output, zeros_of_same, your_own_convolution, equal_sides, seen, around, shrinking,
)  # fmt: skip
