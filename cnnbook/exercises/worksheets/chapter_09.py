"""Questions of chapter 9, LeNet."""

import itertools

import numpy as np

from cnnbook import ops
from cnnbook.exercises.worksheets.question import ask
from cnnbook.shapes import conv_macs, conv_parameters, linear_parameters, output_size


def sizes(draw):
    """Every size in a LeNet."""
    k = draw.choice((3, 5))
    n = 4 * draw.randint(6, 12) + (3 * k - 3) % 4  # both poolings divide
    sides, side = [], n
    for kernel, stride in ((k, 1), (2, 2), (k, 1), (2, 2)):
        side = output_size(side, kernel, stride, rounding="exact")
        sides.append(side)
    return ask(
        "An image of {n} × {n} goes through a LeNet without padding: convolution {k} × {k}, "
        "pooling 2 × 2, convolution {k} × {k}, pooling 2 × 2. Which side have the maps after each? "
        "How many numbers does the first dense layer get from 16 maps?",
        {"sides": tuple(sides), "numbers": 16 * side**2},
        "A convolution takes {k} − 1 from each side length, a pooling halves it.",
        n=n, k=k,
    )  # fmt: skip


def connections(draw):
    """Parameters and connections."""
    n, k, maps = draw.choice((12, 14, 24)), draw.choice((3, 5)), draw.randint(4, 8)
    side = output_size(n, k)
    parameters = conv_parameters(1, maps, k)
    return ask(
        "A layer like C1 makes {maps} maps of one image of {n} × {n}, kernels {k} × {k}, no "
        "padding. Count its trainable parameters, and its connections as the paper of 1998 does: "
        "one from each unit to each pixel in its window, and one to its bias.",
        {
            "parameters": parameters,
            "connections": conv_macs(1, maps, k, (side, side)) + maps * side**2,
        },
        "{maps} · ({k}² + 1), used at {side}² places.",
        n=n, k=k, maps=maps, side=side,
    )  # fmt: skip


def connection_table(draw):
    """A connection table."""
    table, k = np.zeros((4, 6)), draw.choice((3, 5))
    for column in range(6):
        table[draw.sample(range(4), draw.randint(2, 3)), column] = 1
    table[:, draw.randint(0, 5)] = 1
    counts = [conv_parameters(int(sees), 1, k) for sees in table.sum(0)]
    return ask(
        "Four maps go in (rows), six come out (columns); a 1 says that this output map sees this "
        "input map. All kernels are {k} × {k}, each output map has a bias. Count the kernels and "
        "the parameters, and the parameters if all maps saw all maps.",
        {
            "kernels": int(table.sum()),
            "parameters": sum(counts),
            "of the full table": conv_parameters(4, 6, k),
        },
        "A kernel for each 1, of {k}² weights, and 6 biases.",
        table=table, k=k,
    )  # fmt: skip


def dense_layers(draw):
    """Where the parameters are."""
    maps, side = draw.choice((8, 12, 16)), draw.randint(3, 6)
    first, second = draw.choice((40, 60, 100, 120)), draw.choice((20, 30, 50))
    widths = [maps * side**2, first, second, 10]
    counts = [linear_parameters(*pair) for pair in itertools.pairwise(widths)]
    return ask(
        "{maps} maps of {side} × {side} are flattened and go through dense layers of {first}, "
        "{second} and 10 units. How many parameters, biases included, has each of the three?",
        {"parameters": tuple(counts)},
        "units · (inputs + 1), with {maps} · {side}² inputs at first.",
        maps=maps, side=side, first=first, second=second,
    )  # fmt: skip


def subsampling(draw):
    """Subsampling in 1998."""
    x, b = draw.grid(2, 2, low=-1, high=5), draw.randint(-4, 4)
    x[0, 0] += -x.sum() % 4  # the mean is a whole number
    a = draw.choice((0.5, 0.25, 1.5))
    average = ops.avg_pool2d(x[None], 2).item()
    return ask(
        "A unit of S2 adds its four inputs, multiplies the sum by the coefficient {a} and adds the "
        "bias {b}. What comes out before the squashing function? And from average pooling, and "
        "from max pooling, of the same window?",
        {
            "S2": 4 * average * a + b,
            "average pooling": average,
            "max pooling": ops.max_pool2d(x[None], 2).item(),
        },
        "With coefficient ¼ and bias 0 the first would be the second.",
        window=x, a=a, b=b,
    )  # fmt: skip


def bitmaps(draw):
    """Distances to bitmaps."""

    def drawn():
        return np.array([draw.choice((-1.0, 1.0)) for _ in range(6)]).reshape(2, 3)

    def distances(x):
        return tuple(float(((x - w) ** 2).sum()) for w in (first, second))

    first = drawn()
    second = draw.until(lambda w: not np.array_equal(w, first), drawn)
    x = draw.until(lambda x: len({*distances(x)}) == 2, lambda: draw.grid(2, 3, low=-2, high=2))
    penalties = distances(x)
    return ask(
        "The output units hold two fixed bitmaps. x is what the layer below draws. Compute the "
        "penalties y₀ and y₁, the sums of the squared differences. Which class wins?",
        {"y₀ and y₁": penalties, "class": int(np.argmin(penalties))},
        "The smallest penalty wins.",
        x=x, **{"bitmap 0": first, "bitmap 1": second},
    )  # fmt: skip


def confusion(draw):
    """A confusion matrix."""
    table = draw.grid(3, 3, high=4)
    wrong = int(table.sum() - np.trace(table))
    table[0, 0] += draw.randint(4, 9)
    table[1, 1] += draw.randint(4, 9)
    table[2, 2] += 50 - table.sum()
    k = draw.randint(0, 1)
    return ask(
        "50 images of three classes were read; a row is the true class, a column what the network "
        "said. How many percent were read right? How many images of class {k} were read as "
        "another class, and how many of another class were read as {k}?",
        {
            "right, in %": 100 * np.trace(table) / table.sum(),
            f"of class {k}, read as another": table[k].sum() - table[k, k],
            f"of another, read as {k}": table[:, k].sum() - table[k, k],
        },
        "{wrong} of 50 lie beside the diagonal; row {k} and column {k} without the diagonal.",
        table=table, k=k, wrong=wrong,
    )  # fmt: skip


TITLE = "LeNet"
QUESTIONS = (
    sizes, connections, connection_table, dense_layers, subsampling, bitmaps, confusion,
)  # fmt: skip
