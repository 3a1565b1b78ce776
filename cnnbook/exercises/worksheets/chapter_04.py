"""Questions of chapter 4, channels."""

import numpy as np

from cnnbook import ops
from cnnbook.exercises.worksheets.question import ask
from cnnbook.shapes import conv_macs, conv_parameters, output_size


def one_number(draw):
    """One output number."""
    x, w = draw.grid(2, 2, 2), draw.grid(1, 2, 2, 2, low=-2, high=3)
    b = draw.randint(-9, -3)
    sums = [ops.conv2d(x[c : c + 1], w[:, c : c + 1]).item() for c in range(2)]
    z = ops.conv2d(x, w, np.array([float(b)]))
    return ask(
        "Two input channels, one output channel, the bias is {b}. Compute the only output, and "
        "what ReLU makes of it.",
        {
            "partial sum of channel 0": sums[0],
            "partial sum of channel 1": sums[1],
            "output": z.item(),
            "after ReLU": ops.relu(z).item(),
        },
        "Add both partial sums and the bias.",
        b=b, x=x, w=w[0],
    )  # fmt: skip


def parameters(draw):
    """Kernels, weights, parameters."""
    ins, outs, k = draw.randint(2, 8), draw.randint(3, 12), draw.choice((1, 3, 5))
    weights, all_of_them = (conv_parameters(ins, outs, k, bias=bias) for bias in (False, True))
    return ask(
        "A convolution layer has {ins} input channels, {outs} output channels and kernels of "
        "{k} × {k}. Count.",
        {
            "two-dimensional kernels": conv_parameters(ins, outs, 1, bias=False),
            "weights": weights,
            "parameters, biases included": all_of_them,
        },
        "{ins} · {outs} kernels of {k}² weights; one bias for each of {outs} output channels.",
        ins=ins, outs=outs, k=k,
    )  # fmt: skip


def work(draw):
    """How much work it makes."""
    ins, outs, k = draw.randint(1, 4), draw.randint(2, 6), draw.choice((3, 5))
    n = draw.choice((8, 10, 12, 20))
    macs = conv_macs(ins, outs, k, (n, n))
    return ask(
        "{ins} channels of {n} × {n} become {outs} channels of {n} × {n}, kernels {k} × {k}, with "
        "padding. Count multiply-adds (products with padded zeros count, biases do not), and "
        "floating-point operations (FLOPs).",
        {"multiply-adds": macs, "FLOPs": 2 * macs},
        "{k}² · {ins} · {outs} · {n}²; two operations for each multiply-add.",
        ins=ins, outs=outs, k=k, n=n,
    )  # fmt: skip


def reading_a_shape(draw):
    """Reading a weight's shape."""
    ins, outs, k = draw.choice((1, 3, 6)), draw.choice((8, 16, 20)), draw.choice((3, 5, 7))
    n, batch = draw.choice((28, 32, 40)), draw.choice((10, 32, 64))
    size = output_size(n, k)
    return ask(
        "In PyTorch the weight of a layer has the shape ({outs}, {ins}, {k}, {k}). A batch of "
        "{batch} images of {n} × {n} goes in; stride 1, no padding. Which shape comes out, and how "
        "many weights did the batch use?",
        {
            "shape": (batch, outs, size, size),
            "weights": conv_parameters(ins, outs, k, bias=False),
        },
        "(N, C_out, H, W); the same weights serve all images.",
        outs=outs, ins=ins, k=k, batch=batch, n=n,
    )  # fmt: skip


def layouts(draw):
    """Two layouts of one weight."""
    shape = (3, 3, 8, 16)
    a, b, c, d = place = tuple(draw.randint(0, n - 1) for n in shape)
    keras = np.zeros(shape)
    keras[place] = 1
    return ask(
        "Keras stores a weight as (row, column, input channel, output channel), here with the "
        "shape (3, 3, 8, 16). Where does PyTorch hold the number that stands at "
        "({a}, {b}, {c}, {d}) there?",
        {"place": tuple(map(int, np.argwhere(keras.transpose(3, 2, 0, 1))[0]))},
        "PyTorch's order is (output channel, input channel, row, column).",
        a=a, b=b, c=c, d=d,
    )  # fmt: skip


def groups(draw):
    """Groups."""
    g, k = draw.choice((2, 4)), draw.choice((3, 5))
    ins = outs = 8 * draw.randint(1, 4)
    depthwise = conv_parameters(ins, ins, k, groups=ins, bias=False)
    return ask(
        "{ins} channels in, {outs} channels out, kernels {k} × {k}, no biases. How many weights "
        "has an ordinary layer, one with {g} groups, and a depthwise separable one (a depthwise "
        "layer of {k} × {k}, then a layer of 1 × 1)?",
        {
            "ordinary": conv_parameters(ins, outs, k, bias=False),
            f"{g} groups": conv_parameters(ins, outs, k, groups=g, bias=False),
            "depthwise separable": depthwise + conv_parameters(ins, outs, 1, bias=False),
        },
        "With groups an output sees {ins}/{g} channels; separable: {ins} · {k}² + {ins} · {outs}.",
        ins=ins, outs=outs, k=k, g=g,
    )  # fmt: skip


def one_by_one(draw):
    """A kernel of 1 × 1."""
    x, w = draw.grid(3, 1, 2, low=0, high=4), draw.grid(2, 3, low=-2, high=2)
    return ask(
        "A 1 × 1 convolution mixes the channels of each pixel. x holds three channels, one row in "
        "the table for each, and two pixels, one column for each. Row d of w holds the weights of "
        "output channel d. Compute both output channels of both pixels.",
        {"output": ops.conv2d(x, w[:, :, None, None])[:, 0]},
        "At each pixel it is the matrix w times the column of three numbers.",
        x=x[:, 0], w=w,
    )  # fmt: skip


TITLE = "Channels"
QUESTIONS = (one_number, parameters, work, reading_a_shape, layouts, groups, one_by_one)
