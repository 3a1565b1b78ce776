"""Time the operations against PyTorch, one thread each, in float32.

    python tests/benchmarks/compare_with_torch.py [part of a layer's name]

Prints, for the forward and for the forward with all gradients, the medians of repeats that
alternate between the libraries, their ratio, and the geometric means of the ratios. It takes less
than two minutes. Nothing is asserted: times belong to a machine and an hour. (OpenBLAS reads
OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE: set neither, or both to what the machine is.)
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read once, when NumPy is loaded

import statistics
import sys
import time
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from cnnbook import ops

SECONDS_A_ROW = 1.2
LEAST_REPEATS, MOST_REPEATS = 5, 101


class Row(NamedTuple):
    """One line of the table: an operation, the shapes of its arrays, its settings."""

    family: str
    layer: str
    function: str
    shapes: tuple
    settings: dict


def conv(layer, x, weight, function="conv2d", **settings):
    """A convolution row; the bias follows from the weight."""
    family = "depthwise" if "groups" in settings else "convolution"
    return Row(family, layer, function, (x, weight, (weight[0],)), settings)


def transposed(layer, x, weight, **settings):
    """A transposed convolution row."""
    shapes = (x, weight, (weight[1],))
    return Row("transposed convolution", layer, "conv_transpose2d", shapes, settings)


MAPS = (8, 64, 55, 55), (8, 192, 27, 27), (8, 256, 13, 13)  # AlexNet's
ROWS = [
    conv("LeNet C1", (64, 1, 32, 32), (6, 1, 5, 5)),
    conv("LeNet C3", (64, 6, 14, 14), (16, 6, 5, 5)),
    conv("AlexNet conv1", (8, 3, 224, 224), (64, 3, 11, 11), stride=4, padding=2),
    conv("AlexNet conv2", (8, 64, 27, 27), (192, 64, 5, 5), padding=2),
    conv("AlexNet conv4", (8, 384, 13, 13), (256, 384, 3, 3), padding=1),
    conv("VGG 64→64 @112", (2, 64, 112, 112), (64, 64, 3, 3), padding=1),
    conv("VGG 128→128 @56", (4, 128, 56, 56), (128, 128, 3, 3), padding=1),
    conv("1×1 256→64 @28", (8, 256, 28, 28), (64, 256, 1, 1)),
    conv("dilated 3×3 @28", (8, 64, 28, 28), (64, 64, 3, 3), padding=2, dilation=2),
    conv("7×7/2 @112", (8, 3, 112, 112), (64, 3, 7, 7), stride=2, padding=3),
    conv("1-D 64→64 k9", (16, 64, 1000), (64, 64, 9), "conv1d", padding=4),
    conv("3-D 16→32 k3", (2, 16, 16, 32, 32), (32, 16, 3, 3, 3), "conv3d", padding=1),
    conv("depthwise 3×3 @56", (8, 64, 56, 56), (64, 1, 3, 3), padding=1, groups=64),
    conv("depthwise 5×5 @28", (8, 96, 28, 28), (96, 1, 5, 5), padding=2, groups=96),
    transposed("256→128 k4 s2 @8", (8, 256, 8, 8), (256, 128, 4, 4), stride=2, padding=1),
    transposed("64→32 k2 s2 @56", (4, 64, 56, 56), (64, 32, 2, 2), stride=2),
    *(
        Row("pooling", f"{name} @{maps[-1]}", function, (maps,), settings)
        for name, function, settings in [
            ("max 2×2/2", "max_pool2d", {"kernel_size": 2}),
            ("max 3×3/2", "max_pool2d", {"kernel_size": 3, "stride": 2}),
            ("avg 2×2/2", "avg_pool2d", {"kernel_size": 2}),
            ("adaptive avg 6", "adaptive_avg_pool2d", {"output_size": 6}),
        ]
        for maps in MAPS
    ),
]


def calls_of(row):
    """The row as four calls without arguments, whose results have been compared."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape, dtype=np.float32) for shape in row.shapes]
    tensors = [torch.from_numpy(array) for array in arrays]
    leaves = [torch.from_numpy(array).requires_grad_() for array in arrays]
    ours, theirs = getattr(ops, row.function), getattr(F, row.function)
    backward = getattr(ops, f"{row.function}_backward")
    out = ours(*arrays, **row.settings)
    grad_out = rng.standard_normal(out.shape, dtype=np.float32)

    def both_of_ours():
        ours(*arrays, **row.settings)
        return backward(grad_out, *arrays, **row.settings)

    def both_of_theirs():
        result = theirs(*leaves, **row.settings)
        return torch.autograd.grad(result, leaves, torch.from_numpy(grad_out))

    calls = {
        "ours": lambda: ours(*arrays, **row.settings),
        "theirs": lambda: theirs(*tensors, **row.settings),
        "both of ours": both_of_ours,
        "both of theirs": both_of_theirs,
    }
    np.testing.assert_allclose(out, calls["theirs"]().numpy(), rtol=1e-4, atol=2e-3)
    for one, other in zip(both_of_ours(), both_of_theirs(), strict=True):
        scale = float(other.abs().max())  # sums of up to a million products
        np.testing.assert_allclose(one / scale, other.numpy() / scale, rtol=0, atol=1e-4)
    return calls


def medians(calls):
    """Median milliseconds of each call, in repeats that alternate between them."""
    times = {name: [] for name in calls}
    started = time.perf_counter()
    for repeat in range(MOST_REPEATS):
        if repeat >= LEAST_REPEATS and time.perf_counter() - started > SECONDS_A_ROW:
            break
        for name, call in calls.items():
            before = time.process_time()  # other processes may take their turn, and do not count
            call()
            times[name].append(1e3 * (time.process_time() - before))
    return [statistics.median(values) for values in times.values()]


def main(part=""):
    """Print the table, and under it the geometric mean of the ratios of each family."""
    torch.set_num_threads(1)
    print(f"NumPy {np.__version__}, PyTorch {torch.__version__}, float32, one thread each")
    print(f"{'ms':22} {'forward: ours':>14} {'torch':>8} {'ratio':>6}", end="")
    print(f" {'+ backward: ours':>18} {'torch':>8} {'ratio':>6}")
    ratios = {}
    for row in ROWS:
        if part.lower() not in row.layer.lower():
            continue
        ours, theirs, both_of_ours, both_of_theirs = medians(calls_of(row))
        pair = ours / theirs, both_of_ours / both_of_theirs
        ratios.setdefault(row.family, []).append(pair)
        if row.family != "pooling":
            ratios.setdefault("all but pooling", []).append(pair)
        print(f"{row.layer:22} {ours:14.2f} {theirs:8.2f} {pair[0]:6.2f}", end="")
        print(f" {both_of_ours:18.2f} {both_of_theirs:8.2f} {pair[1]:6.2f}", flush=True)
    for family, pairs in ratios.items():
        forward, both = (statistics.geometric_mean(column) for column in zip(*pairs, strict=True))
        print(f"geometric mean, {family}: {forward:.2f}, with backward {both:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
