"""Questions of chapter 11, Inception and fully convolutional networks."""

import numpy as np

from cnnbook import ops
from cnnbook.exercises.worksheets.question import ask
from cnnbook.receptive_field import Layer, receptive_field
from cnnbook.shapes import (
    conv_macs,
    conv_parameters,
    output_size,
    same_padding,
    transposed_output_size,
)

LENET = (Layer(5), Layer(2, 2), Layer(5), Layer(2, 2), Layer(5))
"""What slides of a LeNet without padding; its dense layers of 1 × 1 change no size."""


def branches(draw):
    """A module without bottlenecks."""
    ins, modules = draw.choice((16, 24, 32, 64)), draw.randint(3, 9)
    one, three, five = (draw.choice((8, 12, 16, 24, 32)) for _ in range(3))
    channels = ins
    for _ in range(modules):
        channels += one + three + five
    return ask(
        "An Inception module without bottlenecks has {one} kernels of 1 × 1, {three} of 3 × 3, "
        "{five} of 5 × 5 and a max pooling of 3 × 3, side by side, stride 1. {ins} channels go in. "
        "Which padding do the four branches need? How many channels come out, and how many after "
        "{modules} such modules?",
        {
            "padding": tuple(same_padding(28, k).before for k in (1, 3, 5, 3)),
            "channels": ins + one + three + five,
            f"after {modules} modules": channels,
        },
        "(k − 1)/2; the pooling hands on all channels, the convolutions add theirs.",
        ins=ins, one=one, three=three, five=five, modules=modules,
    )  # fmt: skip


def bottleneck(draw):
    """What a bottleneck saves."""
    ins, outs, k = draw.choice((20, 40, 60)), draw.choice((10, 20, 30)), draw.choice((3, 5))
    between, side = draw.choice((4, 5, 8)), 10
    size = (side, side)
    narrow = conv_macs(ins, between, 1, size), conv_macs(between, outs, k, size)
    return ask(
        "{ins} channels of {side} × {side} become {outs} channels through kernels of {k} × {k}, "
        "with padding. Count the multiply-adds without a bottleneck, and with a 1 × 1 convolution "
        "to {between} channels before.",
        {"direct": conv_macs(ins, outs, k, size), "with the bottleneck": sum(narrow)},
        "{side}² times {k}² · {ins} · {outs}, or {ins} · {between} + {k}² · {between} · {outs}.",
        ins=ins, outs=outs, k=k, between=between, side=side,
    )  # fmt: skip


def limit(draw):
    """When a bottleneck saves nothing."""
    ins, outs, k = draw.choice((8, 12, 20)), draw.choice((8, 12, 20)), draw.choice((1, 3))

    def cost(c_in, c_out, size):
        return conv_macs(c_in, c_out, size, (1, 1))

    direct = cost(ins, outs, k)
    saves = [b for b in range(1, ins) if cost(ins, b, 1) + cost(b, outs, k) < direct]
    return ask(
        "A layer of {k} × {k} from {ins} to {outs} channels gets a 1 × 1 convolution to B channels "
        "before it. What is the largest B with which that needs fewer multiply-adds?",
        {"B": max(saves)},
        "B · ({ins} + {k}² · {outs}) < {k}² · {ins} · {outs}",
        ins=ins, outs=outs, k=k,
    )  # fmt: skip


def a_grid_of_scores(draw):
    """A classifier that slides."""
    rows, columns = (4 * draw.randint(9, 24) for _ in range(2))
    sides = []
    for side in (rows, columns):
        for layer in LENET:
            side = output_size(side, layer.kernel_size, layer.stride)
        sides.append(side)
    return ask(
        "A LeNet for 32 × 32 (convolution 5, pooling 2, convolution 5, pooling 2, no padding, "
        "dense layers of 120, 84 and 10) is made fully convolutional. Its first dense layer "
        "becomes a convolution of 5 × 5. An image of {rows} × {columns} goes in. How many rows and "
        "columns of scores come out, and how many scores for the ten classes in all?",
        {"rows, columns": tuple(sides), "scores": 10 * sides[0] * sides[1]},
        "(side − 32)/4 + 1",
        rows=rows, columns=columns,
    )  # fmt: skip


def places(draw):
    """Places and pixels."""
    r, c = draw.randint(0, 12), draw.randint(0, 20)
    field = receptive_field(LENET)[-1]
    spans = [field.rectangle(unit) for unit in (r, c)]
    return ask(
        "The same LeNet slides over a large image. The cell in row {r}, column {c} of its scores "
        "answers for a window of 32 × 32. At which pixel is the window's top left corner, and "
        "where is its middle (between pixels: a half)?",
        {
            "corner": tuple(span.start for span in spans),
            "middle": tuple(span.centre for span in spans),
        },
        "A step of one cell is 2 · 2 = 4 pixels; the middle lies 15.5 further.",
        r=r, c=c,
    )  # fmt: skip


def dense_as_kernel(draw):
    """A dense layer slides."""
    x, w, b = draw.grid(3, 3), draw.grid(4, low=-2, high=3), draw.randint(-3, 3)
    y = ops.conv2d(x[None], w.reshape(1, 1, 2, 2), np.array([float(b)]))[0]
    return ask(
        "A dense layer has one output, the bias {b}, and the weights w; it was made for maps of "
        "2 × 2, flattened row by row. Write it as a convolution, and let it slide over this map of "
        "3 × 3. How many parameters has it then?",
        {"scores": y, "parameters": conv_parameters(1, 1, 2)},
        "The kernel is w in two rows of two; no weight is new, none is lost.",
        w=w, b=b, map=x,
    )  # fmt: skip


def larger(draw):
    """A transposed convolution."""
    x, w = draw.grid(3, low=1, high=4), draw.distinct(3, low=1, high=4)
    s = draw.choice((1, 2, 3))
    return ask(
        "A transposed convolution with stride {s} spreads each number of x over three cells, "
        "weighted by w, and adds what meets. How long is the result, and what is it?",
        {
            "length": transposed_output_size(3, 3, s),
            "result": ops.conv_transpose1d(x[None], w[None, None], stride=s)[0],
        },
        "x[i] · w begins at cell {s} · i.",
        x=x, w=w, s=s,
    )  # fmt: skip


TITLE = "Inception and fully convolutional networks"
QUESTIONS = (branches, bottleneck, limit, a_grid_of_scores, places, dense_as_kernel, larger)
