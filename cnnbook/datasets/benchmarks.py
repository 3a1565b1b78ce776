"""The well-known image sets, through torchvision: MNIST and CIFAR-10.

torchvision is imported where it is needed: that takes about as long as PyTorch's own import.
"""

import gzip
import hashlib
import shutil
import zlib

import numpy as np
import torch

from cnnbook.datasets.digits import DIGITS
from cnnbook.datasets.images import Images, ImageSet
from cnnbook.datasets.sources import DatasetError, data_root, fetch

# of the unpacked files: torchvision knows the sums of the packed ones, and asks for them only
# when it downloads
MNIST_SUMS = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def mnist(root=None):
    """Load MNIST: handwritten digits of about 500 writers (LeCun et al. 1998), an `ImageSet`.

    60,000 images to train on and 10,000 to test, (N, 1, 28, 28), values from 0 to 1. `root` is the
    folder that holds, or gets, `MNIST/raw` (see `data_root`). The four files may be packed
    (``.gz``, as they are distributed) or not, may lie in `MNIST` or in the folder itself, and may
    be named ``train-images.idx3-ubyte``; what is there is only read.
    """
    return fetch("MNIST", data_root(root), _read_mnist, _download_mnist, megabytes=65)


def _download_mnist(root):
    from torchvision.datasets import MNIST

    MNIST(root, download=True)


def _read_mnist(root):
    parts = []
    for part in ("train", "t10k"):
        images = _read_idx(root, f"{part}-images-idx3-ubyte")
        labels = _read_idx(root, f"{part}-labels-idx1-ubyte")
        parts.append(Images(images[:, None].float().div_(255), labels.long(), DIGITS))
    return ImageSet(*parts)


def _read_idx(root, name):
    folders = (root / "MNIST" / "raw", root / "MNIST", root)
    names = [n + end for n in (name, name.replace("-idx", ".idx")) for end in ("", ".gz")]
    path = next((f / n for f in folders for n in names if (f / n).is_file()), None)
    if path is None:
        raise DatasetError(f"{name} is missing")
    damaged = f"{path.name} is damaged ({path.stat().st_size} bytes"
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{damaged}: {error})") from None
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != MNIST_SUMS[name]:
        raise DatasetError(f"{damaged}: its MD5 sum is not the published one)")
    axes = content[3]  # a head of 4 bytes, 4 more for the size of each axis, then a byte an entry
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, 4 + 4 * axes, 4)]
    entries = np.frombuffer(content, np.uint8, offset=4 + 4 * axes)
    return torch.from_numpy(entries.reshape(shape).copy())


def cifar10(root=None):
    """Load CIFAR-10: small colour photographs of ten kinds of things (Krizhevsky 2009).

    50,000 images to train on and 10,000 to test, (N, 3, 32, 32), from 0 to 1. `root` holds, or
    gets, `cifar-10-batches-py`; the archive `cifar-10-python.tar.gz` will do, and is unpacked.
    """
    from torchvision.datasets import CIFAR10 as source

    root = data_root(root)

    def download(folder):
        archive = folder / source.filename
        if (root / source.filename).is_file():  # torchvision takes it if it is whole
            shutil.copyfile(root / source.filename, archive)
        source(folder, download=True)
        archive.unlink()  # it doubles the room

    return fetch("CIFAR-10", root, _read_cifar10, download, megabytes=520)


def _read_cifar10(root):
    from torchvision.datasets import CIFAR10 as source
    from torchvision.datasets.utils import check_integrity

    parts = []
    meta = source.meta["filename"], source.meta["md5"]
    for name, published in [*source.train_list, *source.test_list, meta]:
        path = root / source.base_folder / name
        if not path.is_file():
            raise DatasetError(f"{name} is missing")
        if not check_integrity(path, published):
            raise DatasetError(f"{name} is damaged (its MD5 sum is not the published one)")
    for train in (True, False):
        part = source(root, train=train)
        images = torch.from_numpy(part.data.transpose(0, 3, 1, 2).copy()).float().div_(255)
        parts.append(Images(images, torch.tensor(part.targets), tuple(part.classes)))
    return ImageSet(*parts)
