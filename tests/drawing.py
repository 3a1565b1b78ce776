"""Random arguments for every operation: what both sweeps, forward and backward, are drawn from."""

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F


def pick(rng, *values):
    return values[rng.integers(len(values))]


def whole(rng, *values):
    return int(pick(rng, *values))


def an_axis(rng, axes, *values):
    """One int for all axes or one an axis, out of `values`; repeat a value to see it more often."""
    if rng.random() < 0.5:
        return whole(rng, *values)
    return tuple(whole(rng, *values) for _ in range(axes))


def normal(rng, *shape):
    return rng.standard_normal(shape)


def batch(rng, *sizes):
    return pick(rng, (), *((n,) for n in sizes))


def size(rng, axes, low=2, high=8):
    return tuple(int(n) for n in rng.integers(low, high, axes))


def draw_conv(rng, axes):
    groups, inside, outside = (whole(rng, 1, 2, 3) for _ in range(3))
    channels = groups * inside + (rng.random() < 0.05)
    x = normal(rng, *batch(rng, 0, 1, 2), channels, *size(rng, axes))
    weight = normal(rng, groups * outside, inside, *size(rng, axes, 1, 4))
    bias = pick(rng, None, normal(rng, groups * outside))
    padding = pick(rng, an_axis(rng, axes, 0, 1, 1, 2, 2, 3, -1), "same", "valid")
    stride = 1 if rng.random() < 0.4 else an_axis(rng, axes, 1, 2, 2, 3, 3, 0)
    return x, weight, bias, stride, padding, an_axis(rng, axes, 1, 1, 1, 2, 3), groups


def draw_conv_transpose(rng, axes):
    groups, inside, outside = (whole(rng, 1, 2, 3) for _ in range(3))
    channels = groups * inside + (rng.random() < 0.05)
    x = normal(rng, *batch(rng, 1, 2), channels, *size(rng, axes, 1, 5))
    weight = normal(rng, groups * inside, outside, *size(rng, axes, 1, 4))
    bias = pick(rng, None, normal(rng, groups * outside))
    stride, dilation = (an_axis(rng, axes, 1, 2, 3) for _ in range(2))
    padding, extra = an_axis(rng, axes, 0, 0, 1, 2), an_axis(rng, axes, 0, 0, 0, 0, 1, 2)
    return x, weight, bias, stride, padding, extra, groups, dilation


def window(rng):
    """kernel_size, dilation, padding and stride of fold and unfold."""
    return (
        an_axis(rng, 2, 1, 2, 3),
        an_axis(rng, 2, 1, 1, 2),
        an_axis(rng, 2, 0, 0, 1, 2),
        an_axis(rng, 2, 1, 1, 2, 2, 3, 3, 0),
    )


def draw_unfold(rng):
    return normal(rng, *batch(rng, 0, 1, 2), whole(rng, 1, 2, 3), *size(rng, 2)), *window(rng)


def draw_fold(rng):
    shape, options = (whole(rng, 1, 2), whole(rng, 1, 2, 3), *size(rng, 2)), window(rng)
    try:  # the columns that unfold would give
        columns = F.unfold(torch.zeros(shape), *options).shape
    except RuntimeError:
        columns = (1, 4, 4)
    surplus = rng.random() < 0.05
    x = normal(rng, *columns[pick(rng, 0, 1) : -1], columns[-1] + surplus)
    return x, shape[2:], *options


def draw_max_pool(rng, axes):
    return (
        normal(rng, *batch(rng, 1, 2), whole(rng, 1, 3), *size(rng, axes)).round(1),  # ties
        an_axis(rng, axes, 1, 2, 3),
        pick(rng, None, an_axis(rng, axes, 1, 2, 3)),
        an_axis(rng, axes, 0, 0, 1),
        an_axis(rng, axes, 1, 1, 1, 2),
        pick(rng, False, True),
        pick(rng, False, True),
    )


def draw_avg_pool(rng, axes):
    spread = partial(an_axis, rng, axes)
    # avg_pool3d of PyTorch, but no other pooling, wants the kernel to fit without the padding
    x = normal(rng, *batch(rng, 1, 2), whole(rng, 1, 3), *size(rng, axes, low=axes))
    stride, padding = pick(rng, None, spread(1, 2, 3)), spread(0, 0, 1)
    flags = pick(rng, False, True), pick(rng, False, True)
    divisor = () if axes == 1 else (pick(rng, None, 1, 3, -2, 0),)
    return x, spread(1, 2, 3), stride, padding, *flags, *divisor


def draw_adaptive_pool(rng, axes, indices=False):
    out = an_axis(rng, axes, 1, 2, 3, 5, 9)
    if axes > 1 and isinstance(out, tuple):
        out = tuple(pick(rng, None, n, n) for n in out)
    x = normal(rng, *batch(rng, 1, 2), whole(rng, 1, 3), *size(rng, axes, 1)).round(1)
    return x, out, *((pick(rng, False, True),) if indices else ())


def draw_pad(rng):
    x = normal(rng, *size(rng, whole(rng, 2, 3, 4), 1, 6))
    mode = pick(rng, "constant", "constant", "reflect", "replicate", "circular")
    padded = whole(rng, *range(1, x.ndim + 1)) if mode == "constant" else max(1, x.ndim - 2)
    # of an axis that a negative entry has emptied, PyTorch wraps what lies in memory
    cut = 0 if mode == "circular" else -1
    pads = tuple(whole(rng, 0, 1, 2, 3, cut) for _ in range(2 * padded))
    return x, pads, mode, *((pick(rng, None, 1.5),) if mode == "constant" else ())


def draw_local_response_norm(rng):
    x = normal(rng, *size(rng, whole(rng, 2, 3, 4, 5), 1, 6))
    return x, whole(rng, 1, 2, 3, 5, 9), pick(rng, 1e-4, 0.5), pick(rng, 0.75, 0.5), pick(rng, 1, 2)


def draw_linear(rng):
    inside, outside = whole(rng, 1, 2, 3), whole(rng, 1, 2, 4)
    x = normal(rng, *size(rng, whole(rng, 0, 1, 2), 0, 4), inside + (rng.random() < 0.1))
    return x, normal(rng, outside, inside), pick(rng, None, normal(rng, outside))


def draw_pointwise(rng):
    return (np.asarray(3 * normal(rng, *size(rng, whole(rng, 0, 1, 2, 3), 0, 5))),)


def draw_softmax(rng):
    return *draw_pointwise(rng), whole(rng, -3, -2, -1, 0, 1, 2)


def draw_cross_entropy(rng):
    samples, classes = whole(rng, 0, 1, 2, 5), whole(rng, 1, 2, 4)
    target = rng.integers(0, classes + (rng.random() < 0.1), samples + (rng.random() < 0.1))
    return 3 * normal(rng, samples, classes), target


def over_axes(name, draw, **options):
    """The 1-D, 2-D and 3-D operation of a family, as rows of the table."""
    return {
        f"{name}{axes}d": (getattr(F, f"{name}{axes}d"), partial(draw, axes=axes, **options))
        for axes in (1, 2, 3)
    }


OPERATIONS = {  # name: (its PyTorch twin, what draws its arguments)
    **over_axes("conv", draw_conv),
    **over_axes("conv_transpose", draw_conv_transpose),
    "unfold": (F.unfold, draw_unfold),
    "fold": (F.fold, draw_fold),
    **over_axes("max_pool", draw_max_pool),
    **over_axes("avg_pool", draw_avg_pool),
    **over_axes("adaptive_max_pool", draw_adaptive_pool, indices=True),
    **over_axes("adaptive_avg_pool", draw_adaptive_pool),
    "pad": (F.pad, draw_pad),
    "local_response_norm": (F.local_response_norm, draw_local_response_norm),
    "linear": (F.linear, draw_linear),
    "relu": (F.relu, draw_pointwise),
    "sigmoid": (torch.sigmoid, draw_pointwise),
    "tanh": (torch.tanh, draw_pointwise),
    "softmax": (F.softmax, draw_softmax),
    "log_softmax": (F.log_softmax, draw_softmax),
    "cross_entropy": (F.cross_entropy, draw_cross_entropy),
}


def described(name, arguments):
    shown = (f"x{a.shape}" if isinstance(a, np.ndarray) else repr(a) for a in arguments)
    return f"{name}({', '.join(shown)})"
