"""The well-known image sets, through torchvision: MNIST, Fashion-MNIST and CIFAR-10."""

import contextlib
import gzip
import math
from pathlib import Path

import torch
from torchvision import datasets as sources

from cnnbook.datasets._fetching import data_root, fetch, md5
from cnnbook.datasets.digits import DIGITS
from cnnbook.datasets.images import Images, ImageSet

# MD5 sums of MNIST's unpacked files; torchvision knows those of the packed ones
MNIST_SUMS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def mnist(root=None):
    """Load MNIST: handwritten digits of about 500 writers.

    Parameters
    ----------
    root : path, optional
        Folder that holds, or gets, `MNIST/raw` (see `data_root`).

    Returns
    -------
    ImageSet
        60,000 images to train on and 10,000 to test, (N, 1, 28, 28), values from 0 to 1.

    Raises
    ------
    DatasetError
        If it is not there, or damaged, and cannot be downloaded.

    References
    ----------
    LeCun, Bottou, Bengio & Haffner (1998), Gradient-Based Learning Applied to Document
    Recognition, Proceedings of the IEEE 86(11).
    """
    return _load_idx(sources.MNIST, data_root(root), DIGITS, MNIST_SUMS)


def fashion_mnist(root=None):
    """Load Fashion-MNIST: photographs of clothing, in the form of MNIST.

    Parameters
    ----------
    root : path, optional
        Folder that holds, or gets, `FashionMNIST/raw` (see `data_root`).

    Returns
    -------
    ImageSet
        60,000 images to train on and 10,000 to test, (N, 1, 28, 28), values from 0 to 1.

    Raises
    ------
    DatasetError
        If it is not there, or damaged, and cannot be downloaded.

    References
    ----------
    Xiao, Rasul & Vollgraf (2017), Fashion-MNIST, arXiv:1708.07747.
    """
    return _load_idx(sources.FashionMNIST, data_root(root), tuple(sources.FashionMNIST.classes))


def cifar10(root=None):
    """Load CIFAR-10: small colour photographs of ten kinds of things.

    Parameters
    ----------
    root : path, optional
        Folder that holds, or gets, `cifar-10-batches-py` (see `data_root`).

    Returns
    -------
    ImageSet
        50,000 images to train on and 10,000 to test, (N, 3, 32, 32), values from 0 to 1.

    Raises
    ------
    DatasetError
        If it is not there, or damaged, and cannot be downloaded.

    References
    ----------
    Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images, chapter 3.
    """
    root = data_root(root)
    source = sources.CIFAR10

    def problem(folder):
        for name, published in source.train_list + source.test_list:
            path = Path(folder) / source.base_folder / name
            if not path.exists():
                return f"{path.name} is missing"
            if md5(path) != published:
                return f"{path.name} is damaged (its MD5 sum is not the published one)"
        return ""

    def download(folder):
        source(folder, download=True)
        (Path(folder) / source.filename).unlink()  # the archive doubles the room

    fetch("CIFAR-10", root, download, problem, megabytes=520)
    parts = [source(root, train=train) for train in (True, False)]
    return ImageSet(
        *(
            Images(
                torch.from_numpy(part.data).permute(0, 3, 1, 2).float().div_(255).contiguous(),
                torch.tensor(part.targets),
                tuple(part.classes),
            )
            for part in parts
        )
    )


def _load_idx(source, root, classes, sums=()):
    sums = dict(sums)
    raw = f"{source.__name__}/raw"

    def problem(folder):
        found = (_idx_problem(Path(folder) / raw, *each, sums) for each in source.resources)
        return next(filter(None, found), "")

    name = source.__name__
    fetch(name, root, lambda folder: source(folder, download=True), problem, megabytes=65)
    parts = [source(root, train=train) for train in (True, False)]
    return ImageSet(
        *(Images(part.data[:, None].float().div_(255), part.targets, classes) for part in parts)
    )


def _idx_problem(folder, packed, published, sums):
    """Say what is wrong with one file: by its own sum, else by the packed file it came from."""
    path = folder / packed.removesuffix(".gz")
    if not path.exists():
        return f"{path.name} is missing"
    if path.name in sums:
        whole = md5(path) == sums[path.name]
    elif (folder / packed).exists():
        whole = (
            md5(folder / packed) == published and _unpacked(folder / packed) == path.read_bytes()
        )
    else:
        whole = path.stat().st_size == _idx_size(path)
    return "" if whole else f"{path.name} is damaged ({path.stat().st_size} bytes)"


def _unpacked(path):
    with contextlib.suppress(OSError, EOFError), gzip.open(path) as file:
        return file.read()


def _idx_size(path):
    """Read from the head of an IDX file how long it must be: 4 bytes, 4 an axis, 1 an entry."""
    head = path.read_bytes()[:16]
    axes = head[3] if len(head) > 3 else 0
    sizes = [int.from_bytes(head[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(axes)]
    return 4 + 4 * axes + math.prod(sizes)
