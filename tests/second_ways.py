"""A second way to each answer of the worksheets: loops, counts, PyTorch, the text's formula."""

import itertools
import math
import re
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from scipy import signal
from torch import nn

from cnnbook.exercises import chapter_13, chapter_14


def t(array):
    return torch.tensor(np.asarray(array, float))


def image(array):
    return t(array)[None, None]


def numel(layer):
    return sum(p.numel() for p in layer.parameters())


def weights(layer):
    return layer.weight.numel()


def slopes(loss, *arrays):
    leaves = [t(array).requires_grad_() for array in arrays]
    return [g.numpy() for g in torch.autograd.grad(loss(*leaves), leaves)]


def layers(text):
    """Read "conv 3 /2 p1" as (kernel, stride, padding)."""
    found = re.findall(r"conv (\d+)(?: /(\d+))?(?: p(\d+))?", text)
    return [tuple(int(n or usual) for n, usual in zip(one, (1, 1, 0), strict=True))
            for one in found]  # fmt: skip


def sees(stack, unit):
    """List the inputs below a unit; numbers below 0 lie in the padding."""
    units = {unit}
    for k, s, p in reversed(stack):
        units = {u * s - p + a for u in units for a in range(k)}
    return units


def macs(layer, x):
    """Count a product for each output of a convolution and each weight that it uses."""
    return layer(x).numel() * layer.weight[0].numel()


def two_demands(n, k, o):
    pairs = list(itertools.product(range(o), range(o), range(n), range(n)))
    offsets = [(r - i, c - j) for i, j, r, c in pairs]
    near = [pair for pair in offsets if 0 <= min(pair) and max(pair) < k]
    return len(pairs), len(near), len({*offsets}), len({*near})


def matrix(kernel, x):
    columns = F.conv1d(torch.eye(5).double()[:, None], t(kernel)[None, None])
    return columns[:, 0].T, F.conv1d(image(x)[0], t(kernel)[None, None])[0]


def zeros(n, k):
    made = F.conv2d(torch.eye(n * n).reshape(-1, 1, n, n), torch.ones(1, 1, k, k)).flatten(1)
    return made.shape[1], made.shape[0], int((made == 0).sum())


def border(n, k, **_):
    places = itertools.product(range(n), range(n), range(k), range(k))
    return (sum(i + a < n and j + b < n for i, j, a, b in places),)


def symmetry(w):
    turned = np.rot90(w, 2)
    return ("even" if (turned == w).all() else "odd" if (turned == -w).all() else "neither",)


def ramp(r, w):
    x = np.tile(r * np.arange(3), (3, 1))
    return signal.correlate2d(x, w, "valid")[0, 0], signal.convolve2d(x, w, "valid")[0, 0]


def seen(i, k, s):
    line = [sum(a <= pixel < a + k for a in range(0, i - k + 1, s)) for pixel in range(i)]
    counts = np.outer(line, line)
    return line, counts[0, 2], (counts == 0).sum()


def one_number(b, x, w):
    parts = [(x[c] * w[c]).sum() for c in range(2)]
    return *parts, sum(parts) + b, max(0, sum(parts) + b)


def copies(n, k, s, r, c):
    windows = list(itertools.product(range(0, n - k + 1, s), repeat=2))
    return sum(i <= r < i + k and j <= c < j + k for i, j in windows), len(windows) * k * k


def winograd(d, g):
    m = ((d[0] - d[2]) * g[0], (d[1] + d[2]) * sum(g) / 2,
         (d[2] - d[1]) * (g[0] - g[1] + g[2]) / 2, (d[1] - d[3]) * g[2])  # fmt: skip
    return m, (m[0] + m[1] + m[2], m[1] - m[2] - m[3])


def chain_rule(x, w, b, target):
    def loss(w, x, b):
        return (w * x + b - target) ** 2 / 2

    y = w * x + b - target
    return y**2 / 2, y, *slopes(loss, w, x, b)


def strided(w, g):
    spread = [g[0], 0, g[1], 0, g[2]]
    (back,) = slopes(lambda x: F.conv1d(x, image(w)[0][None], stride=2)[0] @ t(g), np.zeros((1, 7)))
    return spread, back[0]


def recurrence(network):
    stack = layers(network)
    fields = [[sees(stack[:n], u) for u in (0, 1, 20)] for n in (1, 2, 3)]
    return tuple(zip(*((max(far) - min(far) + 1, min(second) - min(first), min(first))
                       for first, second, far in fields), strict=True))  # fmt: skip


def rectangle(n, network, unit):
    inputs = sees(layers(network), unit)
    return (min(inputs), max(inputs)), sum(0 <= i < n for i in inputs)


def counted_paths(kernels, **_):
    line = np.ones(1)
    for k in map(int, re.findall(r"\d+", kernels)):
        line = np.convolve(line, np.ones(k))
    return (line,)


def holes(first, second, **_):
    reached = {a * first + b * second for a in (0, 1, 2) for b in (0, 1, 2)}
    return max(reached) + 1, max(reached) + 1 - len(reached)


def lenet_sides(n, k):
    x, sides = torch.zeros(1, 1, n, n), []
    for layer in (nn.Conv2d(1, 1, k), nn.MaxPool2d(2), nn.Conv2d(1, 1, k), nn.MaxPool2d(2)):
        x = layer(x)
        sides.append(x.shape[3])
    return sides, 16 * x.numel()


def connections(n, k, maps, side):
    places = len(range(n - k + 1)) ** 2
    return numel(nn.Conv2d(1, maps, k)), places * maps * (k * k + 1)


def first_layer(n, k, s, **_):
    starts = range(0, n - k + 1, s)
    return len(starts), n - starts[-1] - k, next(m for m in range(n, n + s) if (m - k) % s == 0)


def alexnet_sides(n):
    x, sides = torch.zeros(1, 1, n), []
    for k, s, p in ((11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), *((3, 1, 1),) * 3, (3, 2, 0)):
        x = F.conv1d(x, torch.ones(1, 1, k), stride=s, padding=p)
        sides.append(x.shape[2])
    return sides, 256 * sides[-1] ** 2


def bottleneck(ins, outs, k, between, side):
    x = torch.zeros(1, ins, side, side)
    wide = nn.Conv2d(ins, outs, k, padding="same", bias=False)
    first, second = nn.Conv2d(ins, between, 1), nn.Conv2d(between, outs, k, padding="same")
    return macs(wide, x), macs(first, x) + macs(second, first(x))


def sliding(rows, columns):
    net = nn.Sequential(nn.Conv2d(1, 1, 5), nn.AvgPool2d(2), nn.Conv2d(1, 1, 5), nn.AvgPool2d(2),
                        nn.Conv2d(1, 10, 5))  # fmt: skip
    scores = net(torch.zeros(1, 1, rows, columns))
    return tuple(scores.shape[2:]), scores.numel()


def pixels(r, c):
    net = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2), nn.AvgPool2d(2), nn.Conv2d(1, 1, 5))
    for parameter in net.parameters():
        nn.init.ones_(parameter)
    x = torch.zeros(1, 1, 28, 28, requires_grad=True)
    (slope,) = torch.autograd.grad(net(x)[0, 0, r, c], x)
    rows, columns = slope[0, 0].nonzero().T.tolist()
    return (min(rows), max(rows)), (min(columns), max(columns)), len(rows)


def saliency(W, b, v, x):
    def score(x):
        return (t(v) * (t(W) @ x + t(b)).relu()).sum()

    (by_x,) = slopes(score, x)
    return score(t(x)), by_x, by_x @ x


def occlusion(x, w):
    full = (w * x).sum()
    drops = np.empty((2, 2))
    for i, j in np.ndindex(2, 2):
        covered = x.copy()
        covered[i : i + 2, j : j + 2] = 0
        drops[i, j] = full - (w * covered).sum()
    return full, drops


def nearest(features):
    first, others = t(features[:1]), t(features[1:])
    cosine = torch.cosine_similarity(first, others).argmax().item()
    return cosine + 1, torch.cdist(first, others).argmin().item() + 1


OTHER = {
    (1, "dense_layer"): lambda n, m: (
        weights(layer := nn.Linear(n * n, m * m)),
        numel(layer),
    ),
    (1, "two_demands"): two_demands,
    (1, "hidden_units"): lambda **g: (
        g["U"] + [[(g["W[0,0]"] * g["X"]).sum(), (g["W[0,1]"] * g["X"]).sum()]],
    ),
    (1, "offset"): lambda rows, n, i, j, k, l: (  # noqa: E741
        (k - i, l - j),
        (k - i + rows - 1, l - j + rows - 1),
    ),
    (1, "matrix"): matrix,
    (1, "zeros"): zeros,
    (1, "border"): border,
    (2, "echo"): lambda x, w: (np.convolve(x, w),),
    (2, "two_operations"): lambda x, w: (
        signal.correlate2d(x, w, "valid"),
        signal.convolve2d(x, w, "valid"),
    ),
    (2, "symmetry"): symmetry,
    (2, "flat_wall"): lambda c, w: (w.sum(), sum(c * v for v in w.flat)),
    (2, "ramp"): ramp,
    (2, "as_bytes"): lambda a, b, c, d: ((a + b) % 256, (c - d) % 256),
    (2, "small_kernels"): lambda signal: (
        [signal[i : i + 3].mean() for i in range(4)],
        [signal[i] - 2 * signal[i + 1] + signal[i + 2] for i in range(4)],
    ),
    (3, "seen"): seen,
    (3, "around"): lambda row: [
        F.pad(t(row)[None], (2, 2), mode=mode)[0, 0]
        for mode in ("reflect", "replicate", "circular")
    ],
    (3, "shrinking"): lambda n, k, **_: (len(range(n, k - 1, 1 - k)),),
    (4, "one_number"): one_number,
    (4, "parameters"): lambda ins, outs, k: (
        ins * outs,
        weights(nn.Conv2d(ins, outs, k)),
        numel(nn.Conv2d(ins, outs, k)),
    ),
    (4, "work"): lambda ins, outs, k, n: (
        (one := macs(nn.Conv2d(ins, outs, k, padding="same"), torch.zeros(1, ins, n, n))),
        2 * one,
    ),
    (4, "reading_a_shape"): lambda outs, ins, k, batch, n: (
        tuple(nn.Conv2d(ins, outs, k)(torch.zeros(batch, ins, n, n)).shape),
        outs * ins * k * k,
    ),
    (4, "layouts"): lambda a, b, c, d: ((d, c, a, b),),
    (4, "groups"): lambda ins, outs, k, g: (
        weights(nn.Conv2d(ins, outs, k)),
        weights(nn.Conv2d(ins, outs, k, groups=g)),
        weights(nn.Conv2d(ins, ins, k, groups=ins)) + weights(nn.Conv2d(ins, outs, 1)),
    ),
    (4, "one_by_one"): lambda x, w: (w @ x,),
    (5, "largest"): lambda x: (F.max_pool2d(image(x), 2)[0, 0],),
    (5, "mean"): lambda x: (F.avg_pool2d(image(x), 2)[0, 0],),
    (5, "overlapping"): lambda x: (F.max_pool2d(image(x), 3, 2)[0, 0],),
    (5, "sizes"): lambda i, k, s, p: [
        F.max_pool1d(torch.zeros(1, 1, i), k, s, p, ceil_mode=up).shape[2] for up in (False, True)
    ],
    (5, "small_shift"): lambda n, step: (n // 2, (n + step) // 2),
    (5, "survival"): lambda k, d: (k * (k - d), k * (k + d), Fraction(k - d, k + d)),
    (5, "weights_saved"): lambda c, n, u, **_: (
        numel(nn.Linear(c * n**2, u)),
        numel(nn.Linear(c * (n // 2) ** 2, u)),
    ),
    (6, "shape_of_the_columns"): lambda c, n, outs, k, s, p, **_: (
        (outs, (shape := F.unfold(torch.zeros(1, c, n, n), k, 1, p, s).shape[1:])[0]),
        tuple(shape),
        (outs, shape[1]),
    ),
    (6, "columns_by_hand"): lambda x, w: (
        (columns := F.unfold(image(x), 2)[0]),
        t(w).reshape(1, 4) @ columns,
    ),
    (6, "copies"): copies,
    (6, "steps_in_memory"): lambda rows, columns, size, **_: (
        (columns * size, size),
        (columns * size, size) * 2,
    ),
    (6, "separable"): lambda w, n: (w[:, 0] / w[0, 0], w[0], n * n, n + n),
    (6, "winograd"): winograd,
    (7, "one_number"): chain_rule,
    (7, "convolution"): lambda x, w, g: slopes(
        lambda w, x: F.conv1d(x[None, None], w[None, None])[0, 0] @ t(g), w, x
    ),
    (7, "with_a_stride"): strided,
    (7, "largest"): lambda x, g: slopes(lambda x: (F.max_pool2d(x[None], 2)[0] * t(g)).sum(), x),
    (7, "mean"): lambda g: slopes(
        lambda x: (F.avg_pool2d(x[None], 2, 1)[0] * t(g)).sum(), np.zeros((3, 3))
    ),
    (7, "softmax"): lambda right, p: slopes(
        lambda z: F.cross_entropy(z, torch.tensor(right)), np.log(p)
    ),
    (7, "bias"): lambda g, b: (g.sum(), b - g.sum() / 10),
    (8, "recurrence"): recurrence,
    (8, "rectangle"): rectangle,
    (8, "counted_paths"): counted_paths,
    (8, "holes"): holes,
    (8, "stack"): lambda n, channels, **_: (
        (k := max(sees([(3, 1, 0)] * n, 0)) + 1),
        n * weights(nn.Conv2d(channels, channels, 3)),
        weights(nn.Conv2d(channels, channels, k)),
    ),
    (8, "design"): lambda first, s, size: ((size - first) // s + 1,),
    (8, "effective"): lambda n, k, d: (
        1 + n * d * (k - 1),
        4 * d * math.sqrt(n * (k * k - 1) / 12),
    ),
    (9, "sizes"): lenet_sides,
    (9, "connections"): connections,
    (9, "connection_table"): lambda table, k: (
        (count := np.count_nonzero(table)),
        count * k * k + 6,
        numel(nn.Conv2d(4, 6, k)),
    ),
    (9, "dense_layers"): lambda maps, side, first, second: (
        [
            numel(nn.Linear(*pair))
            for pair in ((maps * side**2, first), (first, second), (second, 10))
        ],
    ),
    (9, "subsampling"): lambda window, a, b: (
        window.sum() * a + b,
        window.mean(),
        window.max(),
    ),
    (9, "bitmaps"): lambda x, **g: (
        (y := [sum((p - q) ** 2 for p, q in zip(x.flat, w.flat, strict=True)) for w in g.values()]),
        y.index(min(y)),
    ),
    (9, "confusion"): lambda table, k, **_: (
        2 * sum(table[n, n] for n in range(3)),
        sum(table[k, n] for n in range(3) if n != k),
        sum(table[n, k] for n in range(3) if n != k),
    ),
    (10, "first_layer"): first_layer,
    (10, "chain"): alexnet_sides,
    (10, "two_towers"): lambda ins, outs, k: [
        numel(nn.Conv2d(ins, outs, k, groups=g)) for g in (1, 2)
    ],
    (10, "uses"): lambda ins, outs, k, side, units: (
        (weights(nn.Conv2d(ins, outs, k)), weights(nn.Linear(outs * side**2, units))),
        (macs(nn.Conv2d(1, 1, 1), torch.zeros(1, 1, side, side)), 1),
    ),
    (10, "neighbours"): lambda a, c: (
        Fraction(int(a[c]), 1 + sum(int(v) ** 2 for v in a[max(0, c - 1) : c + 2])),
    ),
    (10, "dropout"): lambda x, w, mask: (
        2 * sum(x * w * mask),
        sum(x * w),
        sum(x * w) / 2,
    ),
    (10, "windows"): lambda n, image, size: (
        n // 2,
        [sum(a <= pixel < a + 3 for a in range(0, n - 2, 2)) for pixel in range(n)],
        2 * len(range(image - size + 1)) ** 2,
    ),
    (11, "branches"): lambda ins, one, three, five, modules: (
        [(k - 1) // 2 for k in (1, 3, 5, 3)],
        ins + one + three + five,
        ins + modules * (one + three + five),
    ),
    (11, "bottleneck"): bottleneck,
    (11, "limit"): lambda ins, outs, k: (
        math.ceil(Fraction(k * k * ins * outs, ins + k * k * outs)) - 1,
    ),
    (11, "a_grid_of_scores"): sliding,
    (11, "places"): lambda r, c: ((4 * r, 4 * c), (4 * r + 15.5, 4 * c + 15.5)),
    (11, "dense_as_kernel"): lambda w, b, map: (
        [[map[i : i + 2, j : j + 2].ravel() @ w + b for j in (0, 1)] for i in (0, 1)],
        numel(nn.Linear(4, 1)),
    ),
    (11, "larger"): lambda x, w, s: (
        len(y := F.conv_transpose1d(image(x)[0], image(w)[0][None], stride=s)[0]),
        y,
    ),
    (12, "pixels_of_a_unit"): pixels,
    (12, "best_input"): lambda w, allowed, length: (
        allowed * w / math.hypot(*w),
        allowed * math.hypot(*w),
    ),
    (12, "saliency"): saliency,
    (12, "occlusion"): occlusion,
    (12, "variation"): lambda image: (sum(t(image).diff(dim=dim).abs().sum() for dim in (0, 1)),),
    (12, "nearest"): nearest,
    (12, "precision"): lambda queries, nearest: (
        (hits := sum(list(row).count(q) for q, row in zip(queries, nearest, strict=True))),
        5 * hits,
    ),
    (13, "between_two"): lambda k, t, parts, rest: (
        k,
        k * (Fraction(t, parts) ** 2 + Fraction(rest, parts) ** 2),
    ),
    (13, "picture"): lambda **g: (
        chapter_13.laplace_by_density(*g.values(), 0.5),
        chapter_13.scale_by_search(*g.values()),
    ),
    (14, "recalls"): lambda first, second, common, rare: (
        (100 * first / common, 100 * second / rare),
        100 * first / common - 100 * second / rare,
        round(100 * (first + second) / (common + rare), 1),
    ),
    (14, "both_rare"): lambda g, a, b: (Fraction(1, g) / Fraction(a * b, 10_000),),
    (14, "threshold"): lambda percent, score, label: (
        (line := chapter_14.threshold_by_trying(score, label, percent / 100)),
        sum(s > line for s, face in zip(score, label, strict=True) if face),
    ),
}
