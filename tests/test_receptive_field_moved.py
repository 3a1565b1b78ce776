"""Axes that are merged, split, moved and repeated by hand: each entry against the gradient."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.receptive_field.tracing import Tracer


def holes(function):
    """Mark a function after which an entry may see nothing."""
    function.holes = True
    return function


class Chain(nn.Module):
    """Functions one after the other."""

    def __init__(self, functions):
        super().__init__()
        self.functions = functions

    def forward(self, x):
        for function in self.functions:
            x = function(x)
        return x


def traced(module, shape):
    """What `trace` knows of each entry of the output."""
    tracer, found = Tracer(module), []
    tracer.module.register_forward_hook(lambda part, inputs, output: found.append(output))
    tracer.run([shape], torch.float64)
    return tracer.field_of(found[0]), tracer.fields["output"]


def supports(module, shape, vectorize=True):
    """First and last row and column with a gradient, for each entry of the output."""
    x = torch.rand(1, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.5
    jacobian = torch.autograd.functional.jacobian(module, x, vectorize=vectorize)
    jacobian, axes = jacobian.abs().numpy(), len(shape) - 1
    size = jacobian.shape[: jacobian.ndim - axes - 2]
    found = jacobian.reshape(*size, *shape) > 1e-12
    spans = []
    for axis in range(axes):
        others = tuple(len(size) + n for n in range(axes + 1) if n != axis + 1)
        reached = found.any(axis=others)
        first = np.where(reached.any(-1), reached.argmax(-1), np.inf)
        last = reached.shape[-1] - 1 - reached[..., ::-1].argmax(-1)
        spans.append(np.stack([first, np.where(reached.any(-1), last, -np.inf)], -1))
    return spans


def compare(module, shape):
    """Every entry sees at least what the gradient says; and just that.

    More only if an entry may have seen nothing on the way, such as a cell of padding: rows and
    columns are followed apart, so that its row counts though its column is none.
    """
    tracked, told = traced(module, shape)
    truth = supports(module, shape)
    for number, seen in enumerate(tracked):
        claimed = np.broadcast_to(seen.pairs[..., :2] * [1, -1], truth[number].shape)
        if not any(hasattr(function, "holes") for function in module.functions):
            np.testing.assert_array_equal(claimed, truth[number], f"axis {number}")
        assert (claimed[..., 0] <= truth[number][..., 0]).all()
        assert (claimed[..., 1] >= truth[number][..., 1]).all()
        if truth[number].ndim == len(shape) + 2:  # as a batch of images
            others = tuple(n for n in range(len(shape) + 1) if n != number + 2)
            first = truth[number][..., 0].min(axis=others)
            last = truth[number][..., 1].max(axis=others)
            if told.axes[number].units == len(first) and number + 2 in seen.dims:
                holds = [a <= c and b >= d for (a, b), c, d
                         in zip(told.axes[number].seen, first, last, strict=True)]  # fmt: skip
                assert all(holds)
    return tracked


def factors(n):
    return [k for k in range(2, n + 1) if n % k == 0]


# Builders: from draw(low, high) and a tensor to a function of it, or None where none fits.
def of_rank(*ranks):
    def only(build):
        make = lambda draw, x: build(draw, x) if x.ndim in ranks else None  # noqa: E731
        make.__name__ = build.__name__
        return make

    return only


def along(build):
    """With a dimension of the tensor that is not the batch."""
    return lambda draw, x: build(draw, x, draw(1, x.ndim)) if x.ndim > 1 else None


def _view(draw, x):
    shape = list(x.shape)
    if len(shape) < 2:
        return None
    if draw(0, 2) and len(shape) > 2:
        d = draw(1, len(shape) - 1)
        shape[d : d + 2] = [shape[d] * shape[d + 1]]
    else:
        d = draw(1, len(shape))
        if not (several := factors(shape[d])):
            return None
        k = several[draw(0, len(several))]
        shape[d : d + 1] = [shape[d] // k, k] if draw(0, 2) else [k, shape[d] // k]
    return lambda x: x.reshape(shape)


def _reshape(draw, x):
    n, shape = x[0].numel(), []
    while n > 1:
        several = factors(n)
        shape.append(several[draw(0, len(several))])
        n //= shape[-1]
    return lambda x: x.reshape(len(x), *shape) if shape else x


def _permute(draw, x):
    order = [0, *(1 + np.random.default_rng(draw(0, 99)).permutation(x.ndim - 1)).tolist()]
    return lambda x: x.permute(order)


def _positive(*shape):
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.1


@of_rank(4)
def _conv2d(draw, x):
    k, s, p, c = draw(1, 4), draw(1, 3), draw(0, 2), x.shape[1]
    g = 1 if draw(0, 3) else c
    w = _positive(c, c // g, k, k)
    if not draw(0, 4):
        return holes(lambda x: F.conv_transpose2d(x, w, stride=s, padding=0, groups=g))
    function = lambda x: F.conv2d(x, w, stride=s, padding=p, groups=g)  # noqa: E731
    return holes(function) if p else function


@of_rank(3)
def _conv1d(draw, x):
    s, p, w = draw(1, 3), draw(0, 2), _positive(2, x.shape[1], draw(1, 4))
    function = lambda x: F.conv1d(x, w, stride=s, padding=p)  # noqa: E731
    return holes(function) if p else function


@of_rank(3, 4)
def _pool(draw, x):
    function, k, s = F.avg_pool2d if x.ndim == 4 else F.avg_pool1d, draw(1, 4), draw(1, 3)
    return lambda x: function(x, k, s)


@of_rank(3, 4)
def _pad(draw, x):
    mode = ["constant", "reflect", "replicate", "circular"][draw(0, 4)]
    padding = [draw(0, 3) for _ in range(2 * (x.ndim - 2))]
    function = lambda x: F.pad(x, padding, mode=mode)  # noqa: E731
    return holes(function) if mode == "constant" else function


@of_rank(4)
def _nearest(draw, x):
    size, mode = [draw(1, 9), draw(1, 9)], ["nearest", "nearest-exact", "bilinear"][draw(0, 3)]
    return lambda x: F.interpolate(x, size=size, mode=mode)


@of_rank(4)
def _shuffle(draw, x):  # refused by torch where the sizes do not fit
    function = [F.pixel_shuffle, F.pixel_unshuffle, F.channel_shuffle][draw(0, 3)]
    return lambda x: function(x, 2)


@of_rank(4)
def _unfold(draw, x):
    k, s, p = draw(1, 3), draw(1, 3), draw(0, 2)
    function = lambda x: F.unfold(x, k, stride=s, padding=p)  # noqa: E731
    return holes(function) if p else function


def _rows(draw, x, d):
    start, step = draw(0, 2), draw(1, 3)
    return lambda x: x[(slice(None),) * d + (slice(start, None, step),)]


def _index(draw, x, d):
    places = [draw(0, x.shape[d]) for _ in range(draw(1, 6))]
    return lambda x: x[(slice(None),) * d + (places,)]


def _matmul(draw, x):
    if x.ndim < 3:
        return None
    w, v = _positive(x.shape[-1], 3), _positive(2, x.shape[-2])
    products = lambda x: x @ w, lambda x: v @ x, lambda x: x @ w[:, 0], lambda x: F.linear(x, w.T)
    return products[draw(0, 4)]


@of_rank(3)
def _attend(draw, x):
    products = lambda x: x @ x.transpose(1, 2), lambda x: (x @ x.transpose(1, 2)) @ x
    return products[draw(0, 2)]


def _weighted_softmax(x, d):
    weights = _positive(*[n if dim == d else 1 for dim, n in enumerate(x.shape)])
    function = lambda x: torch.softmax(x * weights * 1e-3, d) * weights  # noqa: E731
    return function if x.shape[d] > 1 else None  # a single one is 1 whatever it is


OPERATIONS = [
    _view, _view, _view, _reshape, _permute, _permute, _conv2d, _conv2d, _conv1d, _pool, _pad,
    _nearest, _shuffle, _unfold, _matmul, _attend,
    along(lambda draw, x, d: lambda x: x.flip(d)),
    along(lambda draw, x, d: lambda x: x.roll(2, d)),
    along(lambda draw, x, d: lambda x: x.repeat_interleave(2, d)),
    along(lambda draw, x, d: lambda x: x.repeat(*[2 if n == d else 1 for n in range(x.ndim)])),
    along(lambda draw, x, d: lambda x: x.select(d, 0)),
    along(lambda draw, x, d: lambda x: x.mean(d)),
    along(lambda draw, x, d: lambda x: x.sum(d, keepdim=True)),
    along(lambda draw, x, d: lambda x: x + x.mean(d, keepdim=True)),
    along(lambda draw, x, d: _weighted_softmax(x, d)),
    along(lambda draw, x, d: lambda x: x.unsqueeze(d)),
    along(lambda draw, x, d: lambda x: x.squeeze(d)),
    along(lambda draw, x, d: lambda x: torch.cat([x, x.flip(d)], d)),
    along(lambda draw, x, d: holes(lambda x: torch.cat([x, torch.ones_like(x)], d))),
    along(lambda draw, x, d: lambda x: torch.cat([x, x.mean(d, keepdim=True)], d)),
    along(lambda draw, x, d: lambda x: torch.stack([x, x.flip(d)], d)),
    along(lambda draw, x, d: lambda x: torch.stack([x, x.roll(1, d)], x.ndim)),
    along(lambda draw, x, d: lambda x: x + x.flip(d)),
    along(lambda draw, x, d: lambda x: x.unfold(d, 2, 1) if x.shape[d] > 1 else x),
    along(lambda draw, x, d: lambda x: x.unsqueeze(d).expand(*x.shape[:d], 2, *x.shape[d:])),
    along(_rows), along(_index),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_random_chains_entry_by_entry(seed):
    rng, followed, refused = np.random.default_rng(seed), 0, 0
    draw = lambda low, high: int(rng.integers(low, high))  # noqa: E731
    while followed < 100:
        shape = [(4, 6, 4), (2, 8), (3, 4, 6), (1, 5, 7), (4, 2, 2), (2, 12)][draw(0, 6)]
        x, functions, names = torch.ones(1, *shape, dtype=torch.float64), [], []
        for _ in range(draw(1, 7)):
            make = OPERATIONS[draw(0, len(OPERATIONS))]
            function = make(draw, x)
            try:
                y = x if function is None else function(x)
            except (RuntimeError, IndexError, ValueError):
                continue
            if function is not None and 0 < y.numel() <= 400 and y.ndim <= 7:
                x = y
                functions.append(function)
                names.append(make.__name__)
        module = Chain(functions)
        try:
            compare(module, shape)
        except ValueError as error:
            if not str(error).startswith("cannot follow"):
                raise
            refused += 1
        except AssertionError as error:
            raise AssertionError(f"{names} on {shape}") from error
        else:
            followed += 1
    assert refused < followed
