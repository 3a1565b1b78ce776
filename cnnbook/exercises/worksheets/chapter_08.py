"""Questions of chapter 8, receptive fields."""

import math

from cnnbook.exercises.worksheets.question import ask
from cnnbook.receptive_field import Layer, parse_network, paths, receptive_field
from cnnbook.shapes import conv_parameters


def typed(draw, count):
    """Draw some layers; the book writes "conv 3 /2 p1" for kernel 3, stride 2, padding 1."""
    layers = []
    for _ in range(count):
        k, s, p = draw.choice((2, 3, 3, 5)), draw.choice((1, 1, 2)), draw.choice((0, 0, 1))
        layers.append(f"conv {k}" + f" /{s}" * (s > 1) + f" p{p}" * (p > 0))
    return "; ".join(layers)


def recurrence(draw):
    """Size, jump and start."""
    network = typed(draw, 3)
    fields = receptive_field(parse_network(f"input 1; {network}").layers)[1:]
    return ask(
        "{network} (“/2” is a stride, “p1” a padding). What are the size, the jump and the start "
        "of the receptive field after each of the three layers?",
        {
            "size": tuple(field.size for field in fields),
            "jump": tuple(field.jump for field in fields),
            "start": tuple(field.start for field in fields),
        },
        "size + (k − 1) · jump below, jump below · s, start − p · jump below; before the first "
        "layer 1, 1, 0.",
        network=network,
    )  # fmt: skip


def rectangle(draw):
    """What one unit sees."""
    network, unit, n = typed(draw, 2), draw.randint(0, 4), draw.choice((24, 28, 32))
    field = receptive_field(parse_network(f"input {n}; {network}").layers, input_size=n)[-1]
    whole, inside = field.rectangle(unit), field.rectangle(unit, clip=True)
    return ask(
        "{n} inputs; {network} (“/2” is a stride, “p1” a padding). Which inputs does unit {unit} "
        "on top see, from the first to the last? Numbers below 0 lie in the padding. How many of "
        "them exist?",
        {"first and last": (whole.start, whole.stop - 1), "that exist": inside.size},
        "From start + {unit} · jump on, as many as the size of the field.",
        n=n, network=network, unit=unit,
    )  # fmt: skip


def counted_paths(draw):
    """Paths."""
    kernels = draw.until(
        lambda kernels: receptive_field(kernels)[-1].size <= 7,
        lambda: [draw.randint(2, 4) for _ in range(draw.randint(2, 3))],
    )
    size = receptive_field(kernels)[-1].size
    counts = paths(kernels, size, 0)[0]
    return ask(
        "Layers with kernels of size {kernels} (stride 1, no padding, one axis) lie on "
        "top of each other. How many paths lead from the only unit on top to each of the {size} "
        "inputs that it sees?",
        {"paths": tuple(counts[i] for i in range(size))},
        "Each cell passes its number on to all cells that it reads.",
        kernels=" and ".join(map(str, kernels)), size=size,
    )  # fmt: skip


def holes(draw):
    """Holes."""
    k, dilations = 3, [draw.randint(1, 4), draw.randint(1, 4)]
    layers = [Layer(k, dilation=d) for d in dilations]
    size = receptive_field(layers)[-1].size
    seen = len(paths(layers, size, 0)[0])
    return ask(
        "Two layers of kernel {k} with the dilations {first} and {second}, stride 1. How many "
        "inputs lie from the first to the last that a unit on top sees, and how many of them does "
        "no path reach?",
        {"size": size, "without a path": size - seen},
        "1 + 2 · {first} + 2 · {second}; the sums of 0, ±{first} and 0, ±{second} are reached.",
        k=k, first=dilations[0], second=dilations[1],
    )  # fmt: skip


def stack(draw):
    """Three small ones or a large one."""
    n, channels = draw.randint(2, 4), draw.choice((8, 10, 16, 20))
    size = receptive_field([3] * n)[-1].size
    return ask(
        "{n} layers of 3 × 3 lie on top of each other, stride 1, {channels} channels throughout. "
        "Which single kernel sees as much? How many weights have the stack and the single layer, "
        "without biases?",
        {
            "kernel size": size,
            "weights of the stack": n * conv_parameters(channels, channels, 3, bias=False),
            "weights of one layer": conv_parameters(channels, channels, size, bias=False),
        },
        "{n} · 9 · {channels}² against {size}² · {channels}².",
        n=n, channels=channels, size=size,
    )  # fmt: skip


def design(draw):
    """A kernel to be found."""
    first, s, k = draw.choice((3, 5, 7)), draw.randint(2, 4), draw.choice((2, 3, 5))
    last = Layer(k)
    size = receptive_field([Layer(first, s), last])[-1].size
    fits = (k for k in range(1, 20) if receptive_field([Layer(first, s), k])[-1].size == size)
    return ask(
        "The first layer has kernel {first} and stride {s}. Which kernel size must the second one "
        "have, so that its units see {size} inputs along an axis?",
        {"kernel size": next(fits)},
        "{first} + (k − 1) · {s} = {size}",
        first=first, s=s, size=size,
    )  # fmt: skip


def effective(draw):
    """What counts."""
    n, k = draw.choice(((6, 3), (24, 3), (8, 5), (18, 5), (4, 7), (9, 7)))
    d = draw.randint(1, 2)
    layers = [Layer(k, dilation=d)] * n
    size = receptive_field(layers)[-1].size
    counts = paths(layers, size, 0)[0]
    total, middle = sum(counts.values()), (size - 1) / 2
    variance = sum(count * (place - middle) ** 2 for place, count in counts.items()) / total
    return ask(
        "{n} layers of kernel {k}, dilation {d} and stride 1, all weights equal. How large is "
        "the field, and how wide is the part of it that counts, four σ, by the random walk of the "
        "paths?",
        {"size": size, "four σ": round(4 * math.sqrt(variance), 9)},
        "σ² = {n} · {d}² · ({k}² − 1)/12",
        n=n, k=k, d=d,
    )  # fmt: skip


TITLE = "Receptive fields"
QUESTIONS = (recurrence, rectangle, counted_paths, holes, stack, design, effective)
