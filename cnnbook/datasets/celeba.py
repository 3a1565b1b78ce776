"""CelebA: photographs of faces with forty attributes, from the files as they are distributed."""

from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from cnnbook.datasets._fetching import DatasetError
from cnnbook.datasets._pictures import check_size, read_picture
from cnnbook.datasets.images import FACE_CLASSES, AttributedImages

SPLITS = ("train", "validation", "test")
ATTRIBUTE_FILE, SPLIT_FILE, FOLDER = (
    "list_attr_celeba.txt",
    "list_eval_partition.txt",
    "img_align_celeba",
)


def celeba(root, *, size=64, attributes=None, split="train", limit=None, progress=True):
    """Load faces of CelebA that lie on this machine.

    The data set may be used for research only, and has to be fetched by hand: nothing is
    downloaded here.

    Parameters
    ----------
    root : path
        Folder with ``img_align_celeba/000001.jpg`` and so on, ``list_attr_celeba.txt``, and
        ``list_eval_partition.txt``.
    size : int or tuple of two ints
        (H, W) of the images: a picture is scaled to cover it, and the middle is cut out.
    attributes : tuple of str, optional
        Which of the file's attributes to keep, such as ``("Male", "Pale_Skin")``; all of them, if
        it is not given.
    split : {"train", "validation", "test", None}
        Which part of the fixed split; None for all of them.
    limit : int, optional
        Load no more than the first so many images.
    progress : bool
        Show a progress bar.

    Returns
    -------
    AttributedImages
        (N, 3, H, W), values from 0 to 1, all labelled 1, a face; each attribute is 1 or 0, and -1
        nowhere.

    Raises
    ------
    DatasetError
        If a file is missing or damaged.
    ValueError
        If an attribute or the split is unknown, or `limit` or `size` is not positive.

    References
    ----------
    Liu, Luo, Wang & Tang (2015), Deep Learning Face Attributes in the Wild, ICCV,
    arXiv:1411.7766.
    """
    root, size = Path(root), check_size(size)
    if split is not None and split not in SPLITS:
        raise ValueError(f"split is {split!r}, must be None or one of {', '.join(SPLITS)}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit is {limit}, must be at least 1")
    known, files, table = _read_attributes(root / ATTRIBUTE_FILE)
    attributes = known if attributes is None else tuple(attributes)
    for name in attributes:
        if name not in known:
            raise ValueError(f"attributes holds {name!r}, {ATTRIBUTE_FILE} has {', '.join(known)}")
    rows = range(len(files)) if split is None else _read_split(root / SPLIT_FILE, files, split)
    rows = list(rows)[:limit]
    images = torch.empty(len(rows), 3, *size)
    bar = tqdm(rows, desc="reading CelebA", disable=not progress, leave=False)
    for place, row in enumerate(bar):
        path = root / FOLDER / files[row]
        if not path.exists():
            raise DatasetError(f"CelebA: {path.name} is missing, {ATTRIBUTE_FILE} lists it")
        try:
            images[place] = torch.from_numpy(read_picture(path, size))
        except ValueError as error:
            raise DatasetError(f"CelebA: {path.name} is damaged ({error})") from None
    chosen = torch.from_numpy(table[rows] > 0).long()
    values = {name: chosen[:, known.index(name)] for name in attributes}
    return AttributedImages(images, torch.ones(len(rows), dtype=int), FACE_CLASSES, values)


def _lines(path):
    if not path.exists():
        raise DatasetError(f"CelebA: {path.name} is missing in {path.parent}")
    return path.read_text(encoding="utf-8", errors="replace").strip().splitlines()


def _read_attributes(path):
    """Return the names of the attributes, the files, and 1 or -1 for each of both."""
    lines = _lines(path)
    if len(lines) < 3 or not lines[0].strip().isdigit():
        raise DatasetError(
            f"CelebA: {path.name} is damaged: it has {len(lines)} lines, and must begin with the "
            "number of images and the names of the attributes"
        )
    count, names = int(lines[0]), tuple(lines[1].split())
    if count != len(lines) - 2:
        raise DatasetError(
            f"CelebA: {path.name} is damaged: it announces {count} images and lists "
            f"{len(lines) - 2}"
        )
    files, table = [], np.empty((count, len(names)), np.int8)
    for number, line in enumerate(lines[2:], 3):
        file, *values = line.split()
        if len(values) != len(names) or not set(values) <= {"1", "-1"}:
            raise DatasetError(
                f"CelebA: {path.name} is damaged: line {number} has {len(values)} values for "
                f"{len(names)} attributes, each must be 1 or -1"
            )
        table[number - 3] = np.array(values, np.int8)
        files.append(file)
    return names, files, table


def _read_split(path, files, split):
    """Return the rows of a split."""
    parts = {}
    for number, line in enumerate(_lines(path), 1):
        fields = line.split()
        if len(fields) != 2 or fields[1] not in ("0", "1", "2"):
            raise DatasetError(
                f"CelebA: {path.name} is damaged: line {number} is {line!r}, "
                "expected a file and 0, 1 or 2"
            )
        parts[fields[0]] = int(fields[1])
    without = [file for file in files if file not in parts]
    if without:
        raise DatasetError(f"CelebA: {path.name} does not list {without[0]}")
    rows = [row for row, file in enumerate(files) if parts[file] == SPLITS.index(split)]
    if not rows:
        raise DatasetError(f"CelebA: {path.name} has 0 of {len(files)} images in {split!r}")
    return rows
