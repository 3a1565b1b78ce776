"""Axes that are merged, split, moved and repeated by hand: each entry against the gradient."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.receptive_field.tracing import Tracer

HOLES = {}  # functions after which an entry may see nothing


def holes(function):
    HOLES[id(function)] = function
    return function


def has_holes(function):
    return id(function) in HOLES


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
        if not any(map(has_holes, module.functions)):
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


def _view(rng, x):
    shape = list(x.shape)
    if len(shape) < 2:
        return None
    if rng.random() < 0.5 and len(shape) > 2:
        d = int(rng.integers(1, len(shape) - 1))
        shape[d : d + 2] = [shape[d] * shape[d + 1]]
    else:
        d = int(rng.integers(1, len(shape)))
        if not factors(shape[d]):
            return None
        k = int(rng.choice(factors(shape[d])))
        shape[d : d + 1] = [shape[d] // k, k] if rng.random() < 0.5 else [k, shape[d] // k]
    return lambda x: x.reshape(shape)


def _reshape(rng, x):
    n, shape = x[0].numel(), []
    while n > 1:
        k = int(rng.choice(factors(n)))
        shape.append(k)
        n //= k
    return lambda x: x.reshape(len(x), *shape) if shape else x


def _permute(rng, x):
    order = [0, *(1 + rng.permutation(x.ndim - 1)).tolist()]
    return lambda x: x.permute(order)


def _dim(rng, x):
    return int(rng.integers(1, x.ndim)) if x.ndim > 1 else None


def _along(build):
    def make(rng, x):
        d = _dim(rng, x)
        return None if d is None else build(rng, x, d)

    return make


def _positive(*shape):
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.1


def _conv2d(rng, x):
    if x.ndim != 4:
        return None
    k, s, p = int(rng.integers(1, 4)), int(rng.integers(1, 3)), int(rng.integers(0, 2))
    c, g = x.shape[1], 1
    if rng.random() < 0.3:
        g = c
    w = _positive(c, c // g, k, k)
    if rng.random() < 0.25:
        return holes(lambda x: F.conv_transpose2d(x, w, stride=s, padding=0, groups=g))
    function = lambda x: F.conv2d(x, w, stride=s, padding=p, groups=g)  # noqa: E731
    return holes(function) if p else function


def _conv1d(rng, x):
    if x.ndim != 3:
        return None
    k, s, p = int(rng.integers(1, 4)), int(rng.integers(1, 3)), int(rng.integers(0, 2))
    w = _positive(2, x.shape[1], k)
    function = lambda x: F.conv1d(x, w, stride=s, padding=p)  # noqa: E731
    return holes(function) if p else function


def _pool(rng, x):
    if x.ndim not in (3, 4):
        return None
    function = F.avg_pool2d if x.ndim == 4 else F.avg_pool1d
    k, s = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    return lambda x: function(x, k, s)


def _pad(rng, x):
    if x.ndim not in (3, 4):
        return None
    mode = str(rng.choice(["constant", "reflect", "replicate", "circular"]))
    padding = rng.integers(0, 3, 2 * (x.ndim - 2)).tolist()
    function = lambda x: F.pad(x, padding, mode=mode)  # noqa: E731
    return holes(function) if mode == "constant" else function


def _nearest(rng, x):
    if x.ndim != 4:
        return None
    size = rng.integers(1, 9, 2).tolist()
    mode = str(rng.choice(["nearest", "nearest-exact", "bilinear"]))
    return lambda x: F.interpolate(x, size=size, mode=mode)


def _shuffle(rng, x):
    if x.ndim != 4:
        return None
    which = rng.integers(3)
    if which == 0 and x.shape[1] % 4 == 0:
        return lambda x: F.pixel_shuffle(x, 2)
    if which == 1 and x.shape[2] % 2 == x.shape[3] % 2 == 0:
        return lambda x: F.pixel_unshuffle(x, 2)
    if which == 2 and x.shape[1] % 2 == 0:
        return lambda x: F.channel_shuffle(x, 2)
    return None


def _unfold(rng, x):
    if x.ndim != 4:
        return None
    k, s, p = int(rng.integers(1, 3)), int(rng.integers(1, 3)), int(rng.integers(0, 2))
    function = lambda x: F.unfold(x, k, stride=s, padding=p)  # noqa: E731
    return holes(function) if p else function


def _rows(rng, x, d):
    start, step = int(rng.integers(0, 2)), int(rng.integers(1, 3))
    if x.shape[d] <= start:
        return None
    return lambda x: x[(slice(None),) * d + (slice(start, None, step),)]


def _index(rng, x, d):
    places = rng.integers(0, x.shape[d], int(rng.integers(1, 6))).tolist()
    return lambda x: x[(slice(None),) * d + (places,)]


def _matmul(rng, x):
    if x.ndim < 3:
        return None
    w = _positive(x.shape[-1], 3)
    v = _positive(2, x.shape[-2])
    which = rng.integers(4)
    if which == 0:
        return lambda x: x @ w
    if which == 1:
        return lambda x: v @ x
    if which == 2:
        return lambda x: x @ w[:, 0]
    return lambda x: F.linear(x, w.T)


def _attend(rng, x):
    if x.ndim != 3:
        return None
    if rng.random() < 0.5:
        return lambda x: x @ x.transpose(1, 2)
    return lambda x: (x @ x.transpose(1, 2)) @ x


def _weighted_softmax(x, d):
    weights = _positive(*[n if dim == d else 1 for dim, n in enumerate(x.shape)])
    function = lambda x: torch.softmax(x * weights * 1e-3, d) * weights  # noqa: E731
    return function if x.shape[d] > 1 else None  # a single one is 1 whatever it is


OPERATIONS = [
    _view, _view, _view, _reshape, _permute, _permute, _conv2d, _conv2d, _conv1d, _pool, _pad,
    _nearest, _shuffle, _unfold, _matmul, _attend,
    _along(lambda rng, x, d: lambda x: x.flip(d)),
    _along(lambda rng, x, d: lambda x: x.roll(2, d)),
    _along(lambda rng, x, d: lambda x: x.repeat_interleave(2, d)),
    _along(lambda rng, x, d: lambda x: x.repeat(*[2 if n == d else 1 for n in range(x.ndim)])),
    _along(lambda rng, x, d: lambda x: x.select(d, 0)),
    _along(lambda rng, x, d: lambda x: x.mean(d)),
    _along(lambda rng, x, d: lambda x: x.sum(d, keepdim=True)),
    _along(lambda rng, x, d: lambda x: x + x.mean(d, keepdim=True)),
    _along(lambda rng, x, d: _weighted_softmax(x, d)),
    _along(lambda rng, x, d: lambda x: x.unsqueeze(d)),
    _along(lambda rng, x, d: lambda x: x.squeeze(d)),
    _along(lambda rng, x, d: lambda x: torch.cat([x, x.flip(d)], d)),
    _along(lambda rng, x, d: holes(lambda x: torch.cat([x, torch.ones_like(x)], d))),
    _along(lambda rng, x, d: lambda x: torch.cat([x, x.mean(d, keepdim=True)], d)),
    _along(lambda rng, x, d: lambda x: torch.stack([x, x.flip(d)], d)),
    _along(lambda rng, x, d: lambda x: torch.stack([x, x.roll(1, d)], x.ndim)),
    _along(lambda rng, x, d: lambda x: x + x.flip(d)),
    _along(lambda rng, x, d: lambda x: x.cumsum(d)),
    _along(lambda rng, x, d: lambda x: x.unfold(d, 2, 1) if x.shape[d] > 1 else x),
    _along(lambda rng, x, d: lambda x: x.unsqueeze(d).expand(*x.shape[:d], 2, *x.shape[d:])),
    _along(_rows), _along(_index),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_random_chains_entry_by_entry(seed):
    rng, followed, refused = np.random.default_rng(seed), 0, 0
    while followed < 100:
        shape = [(4, 6, 4), (2, 8), (3, 4, 6), (1, 5, 7), (4, 2, 2), (2, 12)][rng.integers(6)]
        x, functions, names = torch.ones(1, *shape, dtype=torch.float64), [], []
        for _ in range(int(rng.integers(1, 7))):
            make = OPERATIONS[rng.integers(len(OPERATIONS))]
            function = make(rng, x)
            if function is None:
                continue
            try:
                y = function(x)
            except (RuntimeError, IndexError, ValueError):
                continue
            if not 0 < y.numel() <= 400 or y.ndim > 7:
                continue
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
