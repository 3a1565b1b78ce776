"""Small digits at random places: a network must look for a digit before it can read it."""

import torch
import torch.nn.functional as F

from cnnbook.datasets.digits import mnist_small
from cnnbook.datasets.images import Images


def scattered_digits(seed=0):
    """Scatter the 5,000 digits of MNIST that ship, halved in size, over 24 × 24 pixels.

    Returns
    -------
    (Images, Images, Images)
        1,000 to train on, 1,000 to choose by, 3,000 to test; mean about 0, variance about 1.
    """
    source = mnist_small()
    images = torch.cat([source.train.images, source.test.images])
    labels = torch.cat([source.train.labels, source.test.labels])
    generator = torch.Generator().manual_seed(seed)
    small, out = F.avg_pool2d(images, 2), torch.zeros(len(images), 1, 24, 24)
    for n, (row, column) in enumerate(torch.randint(0, 11, (len(images), 2), generator=generator)):
        out[n, :, row : row + 14, column : column + 14] = small[n]
    every = Images((out - 0.08) / 0.24, labels, source.train.classes)
    return every[:1000], every[1000:2000], every[2000:]
