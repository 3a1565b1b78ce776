"""Questions of chapter 10, AlexNet."""

from fractions import Fraction

import numpy as np

from cnnbook import ops
from cnnbook.exercises.worksheets.question import ask
from cnnbook.shapes import (
    conv_parameters,
    linear_parameters,
    output_size,
    participation_counts,
    pool_output_size,
)

CHAIN = ((11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 2, 0))


def first_layer(draw):
    """Where the stride does not divide."""
    n, k, s = draw.randint(60, 230), draw.choice((7, 9, 11)), draw.choice((3, 4))
    rest = (n - k) % s
    divisible = n if not rest else n + s - rest
    return ask(
        "Images of {n} × {n}, kernels of {k} × {k}, stride {s}, no padding. How many outputs are "
        "there along an axis, and how many pixels at the end does no window see? What is the "
        "smallest size, from {n} on, at which none is left over?",
        {
            "outputs": output_size(n, k, s),
            "left over": n - k - s * (output_size(n, k, s) - 1),
            "size": divisible,
        },
        "({n} − {k}) / {s} leaves the remainder {rest}.",
        n=n, k=k, s=s, rest=rest,
    )  # fmt: skip


def chain(draw):
    """Every size in the chain."""
    n = draw.choice((131, 147, 163, 179, 195, 211, 227, 243, 259, 275))
    sizes = [n]
    for k, s, p in CHAIN:
        sizes.append(output_size(sizes[-1], k, s, p))
    return ask(
        "Images of {n} × {n} go through AlexNet: convolution 11, stride 4; pooling 3, stride 2; "
        "convolution 5, padding 2; pooling 3, stride 2; three convolutions 3, padding 1; pooling "
        "3, stride 2. Which side have the maps after each of the eight? How many numbers are left "
        "in 256 maps?",
        {"sides": tuple(sizes[1:]), "numbers": 256 * sizes[-1] ** 2},
        "⌊(i + 2p − k)/s⌋ + 1 each time.",
        n=n,
    )  # fmt: skip


def two_towers(draw):
    """Two towers."""
    ins, outs, k = 2 * draw.randint(3, 10), 2 * draw.randint(4, 12), draw.choice((3, 5))
    return ask(
        "A convolution has {ins} channels in, {outs} out, kernels {k} × {k}, biases. How many "
        "parameters has it as one tower, and how many as two towers (groups=2)?",
        {
            "one tower": conv_parameters(ins, outs, k),
            "two towers": conv_parameters(ins, outs, k, groups=2),
        },
        "{outs} · ({ins} · {k}² + 1); with two groups each output sees {ins}/2 channels.",
        ins=ins, outs=outs, k=k,
    )  # fmt: skip


def uses(draw):
    """Parameters and work."""
    ins, outs, k, side = draw.randint(2, 8), draw.randint(4, 12), 3, draw.choice((6, 10, 13, 20))
    units = draw.choice((10, 20, 50))
    return ask(
        "A convolution ({ins} channels in, {outs} out, {k} × {k}) makes maps of {side} × {side}; a "
        "dense layer of {units} units reads all of them. How many weights, without biases, has "
        "each of the two, and how often is one weight used for an image?",
        {
            "weights: convolution, dense": (
                conv_parameters(ins, outs, k, bias=False),
                linear_parameters(outs * side**2, units, bias=False),
            ),
            "uses: convolution, dense": (side**2, 1),
        },
        "A convolution uses a weight once for each cell of its map.",
        ins=ins, outs=outs, k=k, side=side, units=units,
    )  # fmt: skip


def neighbours(draw):
    """Local response normalisation."""
    a, c = draw.grid(5, high=3), draw.randint(0, 4)
    a[c] = draw.randint(1, 3)
    ours = ops.local_response_norm(a[None, :, None], 3, alpha=3.0, beta=1.0, k=1.0)[0, c, 0]
    return ask(
        "Five channels have the values a at one place. Channel c is divided by 1 plus the sum of "
        "the squares of channels c − 1, c and c + 1, as far as they exist. What becomes of channel "
        "{c} (counted from 0)? Write it as a fraction.",
        {"b": Fraction(ours).limit_denominator(100)},
        "a[{c}] / (1 + sum of squares)",
        a=a, c=c,
    )  # fmt: skip


def dropout(draw):
    """Dropout."""
    x, w = draw.grid(4, low=1, high=4), draw.grid(4, low=-2, high=4)
    mask = np.array(draw.order((1.0, 1.0, 0.0, 0.0)))
    unit = w[None]
    return ask(
        "A unit with the weights w reads x. Each input is left out with probability 0.5; the mask "
        "says which ones stay this time. PyTorch divides those that stay by 0.5. What does the "
        "unit give in training, with this mask, and what at test time? What would it give at test "
        "time in the paper, which does not divide, but multiplies by 0.5 then?",
        {
            "in training": ops.linear(mask * x / 0.5, unit).item(),
            "at test time": ops.linear(x, unit).item(),
            "at test time, paper": ops.linear(0.5 * x, unit).item(),
        },
        "In training only the inputs with mask 1 count, doubled.",
        x=x, w=w, mask=mask,
    )  # fmt: skip


def windows(draw):
    """Overlapping pooling, and crops."""
    n, image, crop = draw.choice((7, 9)), draw.choice((32, 64, 256)), draw.randint(3, 20)
    starts = output_size(image, image - crop)
    return ask(
        "A row of {n} pixels is pooled with windows of 3, stride 2. How many outputs are there, "
        "and how many windows read each pixel? And: from images of {image} × {image}, windows of "
        "{size} × {size} are cut, each as it is and mirrored. How many different images can one "
        "image give?",
        {
            "outputs": pool_output_size(n, 3, 2),
            "windows": participation_counts(n, 3, 2),
            "images": 2 * starts**2,
        },
        "2 · ({image} − {size} + 1)² images.",
        n=n, image=image, size=image - crop,
    )  # fmt: skip


TITLE = "AlexNet"
QUESTIONS = (first_layer, chain, two_towers, uses, neighbours, dropout, windows)
