"""CelebA: photographs of faces with forty attributes, from the files as they are distributed."""

from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from cnnbook.checks import whole
from cnnbook.datasets._fetching import DatasetError
from cnnbook.datasets._pictures import check_size, read_picture
from cnnbook.datasets.images import FACE_CLASSES, AttributedImages

SPLITS = ("train", "validation", "test")
# as its authors distribute it, flat or in their folders, and as Kaggle does
ATTRIBUTE_FILES = ("list_attr_celeba.txt", "Anno/list_attr_celeba.txt", "list_attr_celeba.csv")
SPLIT_FILES = (
    "list_eval_partition.txt",
    "Eval/list_eval_partition.txt",
    "list_eval_partition.csv",
)
FOLDERS = ("img_align_celeba/img_align_celeba", "img_align_celeba", "Img/img_align_celeba")


def celeba(root, *, size=64, attributes=None, split="train", limit=None, progress=True):
    """Load faces of CelebA that lie on this machine.

    The data set may be used for research only, and has to be fetched by hand: nothing is
    downloaded here.

    Parameters
    ----------
    root : path
        Folder with ``img_align_celeba/000001.jpg`` and so on, ``list_attr_celeba.txt``, and
        ``list_eval_partition.txt``; or these in the folders ``Img``, ``Anno`` and ``Eval``, or the
        two lists with the ending ``.csv``, as Kaggle distributes them.
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
    TypeError, ValueError
        If an attribute or the split is unknown, or `limit` or `size` is no positive number.

    References
    ----------
    Liu, Luo, Wang & Tang (2015), Deep Learning Face Attributes in the Wild, ICCV,
    arXiv:1411.7766.
    """
    root, size = Path(root), check_size(size)
    if split is not None and split not in SPLITS:
        raise ValueError(f"split is {split!r}, must be None or one of {', '.join(SPLITS)}")
    limit = None if limit is None else whole("limit", limit)
    listing = _find(root, *ATTRIBUTE_FILES)
    known, files, table = _read_attributes(listing)
    attributes = known if attributes is None else tuple(attributes)
    for name in attributes:
        if name not in known:
            raise ValueError(f"attributes holds {name!r}, {listing.name} has {', '.join(known)}")
    if split is None:
        rows = range(len(files))
    else:
        rows = _read_split(_find(root, *SPLIT_FILES), files, split)
    rows, folder = list(rows)[:limit], _find(root, *FOLDERS)
    images = torch.empty(len(rows), 3, *size)
    bar = tqdm(rows, desc="reading CelebA", disable=not progress, leave=False)
    for place, row in enumerate(bar):
        path = folder / files[row]
        if not path.exists():
            raise DatasetError(f"CelebA: {path.name} is missing, {listing.name} lists it")
        try:
            images[place] = torch.from_numpy(read_picture(path, size))
        except ValueError as error:
            raise DatasetError(f"CelebA: {path.name} is damaged ({error})") from None
    chosen = torch.from_numpy(table[rows] > 0).long()
    values = {name: chosen[:, known.index(name)] for name in attributes}
    return AttributedImages(images, torch.ones(len(rows), dtype=int), FACE_CLASSES, values)


def _find(root, *places):
    """Return the first of these places that is there."""
    for place in places:
        if (root / place).exists():
            return root / place
    raise DatasetError(f"CelebA: {Path(places[0]).name} is missing in {root}")


def _lines(path):
    return path.read_text(encoding="utf-8-sig", errors="replace").strip().splitlines()


def _read_attributes(path):
    """Return the names of the attributes, the files, and 1 or -1 for each of both."""
    lines = _lines(path)
    if path.suffix == ".csv":
        return _read_table(path, lines, 1, ",")
    if len(lines) < 3 or not lines[0].strip().isdigit():
        raise DatasetError(
            f"CelebA: {path.name} is damaged: it has {len(lines)} lines, and must begin with the "
            "number of images and the names of the attributes"
        )
    if int(lines[0]) != len(lines) - 2:
        raise DatasetError(
            f"CelebA: {path.name} is damaged: it announces {int(lines[0])} images and lists "
            f"{len(lines) - 2}"
        )
    return _read_table(path, lines, 2, None)


def _read_table(path, lines, head, comma):
    """Read a row per image, under the names of the attributes in the last line of the head."""
    # the first column of a table with commas is named too
    names = tuple(lines[head - 1].split(comma)[comma == "," :]) if lines else ()
    if not names or len(lines) <= head:
        raise DatasetError(f"CelebA: {path.name} is damaged: it has {len(lines)} lines")
    files, table = [], np.empty((len(lines) - head, len(names)), np.int8)
    for row, line in enumerate(lines[head:]):
        file, *values = (field.strip() for field in line.split(comma))
        if len(values) != len(names) or not set(values) <= {"1", "-1"}:
            raise DatasetError(
                f"CelebA: {path.name} is damaged: line {row + head + 1} has {len(values)} values "
                f"for {len(names)} attributes, each must be 1 or -1"
            )
        table[row] = np.array(values, np.int8)
        files.append(file)
    return names, files, table


def _read_split(path, files, split):
    """Return the rows of a split."""
    parts, csv = {}, path.suffix == ".csv"
    for number, line in enumerate(_lines(path), 1):
        fields = [field.strip() for field in line.split("," if csv else None)]
        if csv and number == 1 and fields[0] == "image_id":
            continue
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
