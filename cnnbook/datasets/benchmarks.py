"""The well-known image sets, through torchvision: MNIST, Fashion-MNIST and CIFAR-10."""

import gzip
import hashlib
import math
import pickle
import tarfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torchvision import datasets as sources

from cnnbook.datasets._fetching import data_root, fetch
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
        Folder that holds, or gets, `MNIST/raw` (see `data_root`). The four files may be packed
        (``.gz``, as they are distributed) or not, may lie in `MNIST` or in the folder itself,
        and may be named ``train-images.idx3-ubyte``; what is there is only read.

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
        Folder that holds, or gets, `FashionMNIST/raw` (see `data_root`), packed or not, as for
        `mnist`.

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
        Folder that holds, or gets, `cifar-10-batches-py` (see `data_root`); the archive
        `cifar-10-python.tar.gz` will do, and is not unpacked.

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
    source, files = sources.CIFAR10, {}
    batches = [dict(source.train_list), dict(source.test_list)]
    sums = batches[0] | batches[1] | {source.meta["filename"]: source.meta["md5"]}

    def problem(folder):
        folder = Path(folder)
        files.clear()
        for name in sums:
            path = folder / source.base_folder / name
            if path.is_file():
                files[name] = path.read_bytes()
        if len(files) < len(sums) and (folder / source.filename).is_file():
            try:
                _read_archive(folder / source.filename, source.base_folder, sums, files)
            except (OSError, EOFError, tarfile.TarError, zlib.error):
                return f"{source.filename} is damaged"
        for name, published in sums.items():
            if name not in files:
                return f"{name} is missing"
            if _md5(files[name]) != published:
                return f"{name} is damaged (its MD5 sum is not the published one)"
        return ""

    def download(folder):
        source(folder, download=True)
        (Path(folder) / source.filename).unlink()  # the archive doubles the room

    fetch("CIFAR-10", root, download, problem, megabytes=520)
    # safe to unpickle: the sums were those of the published files
    classes = tuple(pickle.loads(files[source.meta["filename"]])[source.meta["key"]])
    parts = []
    for names in batches:
        entries = [pickle.loads(files.pop(name), encoding="latin1") for name in names]
        images, labels = (
            torch.from_numpy(np.concatenate([np.asarray(entry[key]) for entry in entries]))
            for key in ("data", "labels")
        )
        images = images.reshape(-1, 3, 32, 32).float().div_(255)
        parts.append(Images(images, labels.long(), classes))
    return ImageSet(*parts)


def _read_archive(path, folder, names, files):
    """Add those files of an archive that are not there yet."""
    with tarfile.open(path) as archive:
        for member in archive:
            parent, _, name = member.name.rpartition("/")
            if parent == folder and name in names and name not in files and member.isfile():
                files[name] = archive.extractfile(member).read()


def _load_idx(source, root, classes, sums=()):
    sums, contents = dict(sums), {}

    def problem(folder):
        contents.clear()
        for packed, published in source.resources:
            name = packed.removesuffix(".gz")
            content, wrong = _read_idx(Path(folder), source.__name__, name, published, sums)
            if wrong:
                return wrong
            contents[name] = content
        return ""

    name = source.__name__
    fetch(name, root, lambda folder: source(folder, download=True), problem, megabytes=65)
    parts = []
    for part in ("train", "t10k"):
        images = _to_tensor(contents.pop(f"{part}-images-idx3-ubyte"))
        labels = _to_tensor(contents.pop(f"{part}-labels-idx1-ubyte"))
        parts.append(Images(images[:, None].float().div_(255), labels.long(), classes))
    return ImageSet(*parts)


def _read_idx(root, source, name, published, sums):
    """Find one file, packed or not; return its bytes, or what is wrong with it."""
    names = (name, name.replace("-idx", ".idx"))
    folders = (root / source / "raw", root / source, root)
    if name not in sums:
        folders = folders[:2]  # the names are MNIST's too: without its sum it cannot be told apart
    found = [f for folder in folders for n in names for f in (folder / n, folder / f"{n}.gz")]
    path = next((file for file in found if file.is_file()), None)
    if path is None:
        return b"", f"{name} is missing"
    try:
        stored = path.read_bytes()
        content = gzip.decompress(stored) if path.suffix == ".gz" else stored
    except (OSError, EOFError, zlib.error) as error:
        return b"", f"{path.name} is damaged ({path.stat().st_size} bytes: {error})"
    packed = path.with_name(f"{path.name}.gz")
    if name in sums:
        whole = _md5(content) == sums[name]
    elif packed.is_file():  # unpacked from a file of which the sum is known
        known = packed.read_bytes()
        whole = _md5(known) != published or gzip.decompress(known) == content
    else:
        whole = True
    whole = whole and len(content) == _idx_size(content)
    return content, "" if whole else f"{path.name} is damaged ({path.stat().st_size} bytes)"


def _md5(content):
    """Return the MD5 sum, as torchvision publishes them; not a protection from malice."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _idx_size(content):
    """Read from the head of an IDX file how long it must be: 4 bytes, 4 an axis, 1 an entry."""
    shape = _idx_shape(content) if content[:3] == b"\0\0\x08" and len(content) > 3 else ()
    return 4 + 4 * len(shape) + math.prod(shape)


def _idx_shape(content):
    heads = range(4, 4 + 4 * content[3], 4)
    return [int.from_bytes(content[head : head + 4], "big") for head in heads]


def _to_tensor(content):
    shape = _idx_shape(content)
    entries = np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape))
    return torch.from_numpy(entries.reshape(shape).copy())
