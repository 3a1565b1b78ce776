"""Time the operations against PyTorch and scipy, one thread each, in float32.

    python tests/benchmarks/compare_with_torch.py [part of a layer's name]

Prints two tables, forward, and forward with backward: the median of repeats that alternate between
the libraries, and the geometric mean of the ratios of each family. Nothing is asserted: times
belong to a machine and an hour.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read once, when NumPy is loaded

import statistics
import sys
import time
from typing import NamedTuple

import numpy as np
import scipy.signal
import torch
import torch.nn.functional as F

from cnnbook import ops

SECONDS_A_ROW = 2.0
LEAST_REPEATS, MOST_REPEATS = 7, 101
SCIPY_MACS = 2e8  # scipy sums entry by entry: beyond this many products it is not run


class Row(NamedTuple):
    """One line of the table: an operation, the shapes of its arrays, its settings."""

    family: str
    layer: str
    function: str
    shapes: tuple
    settings: dict


def conv(layer, x, weight, function="conv2d", **settings):
    """A convolution row; the bias follows from the weight."""
    return Row("convolution", layer, function, (x, weight, (weight[0],)), settings)


def transposed(layer, x, weight, **settings):
    """A transposed convolution row."""
    shapes = (x, weight, (weight[1],))
    return Row("transposed convolution", layer, "conv_transpose2d", shapes, settings)


CONVOLUTIONS = [
    conv("LeNet C1", (64, 1, 32, 32), (6, 1, 5, 5)),
    conv("LeNet C3", (64, 6, 14, 14), (16, 6, 5, 5)),
    conv("AlexNet conv1", (8, 3, 224, 224), (64, 3, 11, 11), stride=4, padding=2),
    conv("AlexNet conv2", (8, 64, 27, 27), (192, 64, 5, 5), padding=2),
    conv("AlexNet conv3", (8, 192, 13, 13), (384, 192, 3, 3), padding=1),
    conv("AlexNet conv4", (8, 384, 13, 13), (256, 384, 3, 3), padding=1),
    conv("AlexNet conv5", (8, 256, 13, 13), (256, 256, 3, 3), padding=1),
    conv("VGG 64→64 @112", (4, 64, 112, 112), (64, 64, 3, 3), padding=1),
    conv("VGG 128→128 @56", (4, 128, 56, 56), (128, 128, 3, 3), padding=1),
    conv("1×1 256→64 @28", (8, 256, 28, 28), (64, 256, 1, 1)),
    conv("depthwise 3×3 @56", (8, 64, 56, 56), (64, 1, 3, 3), padding=1, groups=64),
    conv("1-D 64→64 k9", (16, 64, 1000), (64, 64, 9), "conv1d", padding=4),
    conv("3-D 16→32 k3", (2, 16, 16, 32, 32), (32, 16, 3, 3, 3), "conv3d", padding=1),
]

TRANSPOSED = [
    transposed("256→128 k4 s2 @8", (8, 256, 8, 8), (256, 128, 4, 4), stride=2, padding=1),
    transposed("64→32 k2 s2 @56", (4, 64, 56, 56), (64, 32, 2, 2), stride=2),
]

ALEXNET_MAPS = ((8, 64, 55, 55),), ((8, 192, 27, 27),), ((8, 256, 13, 13),)
POOLINGS = [
    Row("pooling", f"{name} @{maps[0][-1]}", function, maps, settings)
    for name, function, settings in [
        ("max 2×2/2", "max_pool2d", {"kernel_size": 2}),
        ("max 3×3/2", "max_pool2d", {"kernel_size": 3, "stride": 2}),
        ("avg 2×2/2", "avg_pool2d", {"kernel_size": 2}),
        ("adaptive avg 6", "adaptive_avg_pool2d", {"output_size": 6}),
    ]
    for maps in ALEXNET_MAPS
]

ROWS = CONVOLUTIONS + TRANSPOSED + POOLINGS


def scipy_call(row, arrays):
    """The same stride-1 layer as sums of `scipy.signal.correlate`; None where that is absurd."""
    if row.family != "convolution" or "groups" in row.settings or "stride" in row.settings:
        return None
    x, weight, bias = arrays
    axes = x.ndim - 2
    pad = row.settings.get("padding", 0)
    macs = x.size * weight.size // weight.shape[1]
    if macs > SCIPY_MACS:
        return None
    x = np.pad(x, [(0, 0)] * 2 + [(pad, pad)] * axes)

    def call():
        out = [[sum_of_correlations(sample, kernel) for kernel in weight] for sample in x]
        return np.array(out) + bias.reshape(-1, *(1,) * axes)

    def sum_of_correlations(sample, kernel):
        # one channel axis in "valid" sums over the channels
        return scipy.signal.correlate(sample, kernel, "valid", method="direct")[0]

    return call


def arrays_of(row):
    """Draw the arrays of a row."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape, dtype=np.float32) for shape in row.shapes]


def forward_calls(row):
    """The row as calls without arguments, by library; their results have been compared."""
    arrays = arrays_of(row)
    tensors = [torch.from_numpy(array) for array in arrays]
    ours = getattr(ops, row.function)
    theirs = getattr(F, row.function)
    calls = {
        "ours": lambda: ours(*arrays, **row.settings),
        "torch": lambda: theirs(*tensors, **row.settings),
        "scipy": scipy_call(row, arrays),
    }
    calls = {name: call for name, call in calls.items() if call is not None}
    for call in calls.values():  # also the warm-up
        np.testing.assert_allclose(call(), calls["torch"]().numpy(), rtol=1e-4, atol=2e-3)
    return calls


def backward_calls(row):
    """The row with the gradients of all of its arrays, as calls, by library; compared."""
    arrays = arrays_of(row)
    tensors = [torch.from_numpy(array).requires_grad_() for array in arrays]
    ours, backward = getattr(ops, row.function), getattr(ops, f"{row.function}_backward")
    theirs = getattr(F, row.function)
    shape = ours(*arrays, **row.settings).shape
    grad_out = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)

    def call_ours():
        ours(*arrays, **row.settings)
        return backward(grad_out, *arrays, **row.settings)

    def call_theirs():
        with torch.enable_grad():
            out = theirs(*tensors, **row.settings)
            return torch.autograd.grad(out, tensors, torch.from_numpy(grad_out))

    for one, other in zip(call_ours(), call_theirs(), strict=True):
        scale = float(other.abs().max())  # sums of up to a million products
        np.testing.assert_allclose(one / scale, other.numpy() / scale, rtol=0, atol=1e-4)
    return {"ours": call_ours, "torch": call_theirs}


def medians(calls):
    """Median milliseconds of each call, in repeats that alternate between them."""
    times = {name: [] for name in calls}
    started = time.perf_counter()
    for repeat in range(MOST_REPEATS):
        if repeat >= LEAST_REPEATS and time.perf_counter() - started > SECONDS_A_ROW:
            break
        for name, call in calls.items():
            before = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - before))
    return {name: statistics.median(values) for name, values in times.items()}


def print_table(title, calls_of, rows):
    """Time the rows, print a line for each and the mean ratio of each family."""
    print(f"\n{title}")
    print(f"{'layer':22} {'ours ms':>9} {'torch ms':>9} {'ours/torch':>11} {'ours/scipy':>11}")
    ratios = {}
    for row in rows:
        ms = medians(calls_of(row))
        ratio = ms["ours"] / ms["torch"]
        ratios.setdefault(row.family, []).append(ratio)
        against_scipy = f"{ms['ours'] / ms['scipy']:11.4f}" if "scipy" in ms else f"{'–':>11}"
        print(
            f"{row.layer:22} {ms['ours']:9.2f} {ms['torch']:9.2f} {ratio:11.2f} {against_scipy}",
            flush=True,
        )
    for family, values in ratios.items():
        print(f"geometric mean, {family}: {statistics.geometric_mean(values):.2f}")


def main(part=""):
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    print(f"NumPy {np.__version__}, PyTorch {torch.__version__}, float32, one thread each")
    rows = [row for row in ROWS if part.lower() in row.layer.lower()]
    print_table("forward", forward_calls, rows)
    print_table("forward and backward", backward_calls, rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
