"""CelebA: photographs of faces with forty attributes, from the files as they are distributed."""

from pathlib import Path

import torch
from tqdm.auto import tqdm

from cnnbook.checks import whole
from cnnbook.datasets.images import FACE_CLASSES, AttributedImages
from cnnbook.datasets.pictures import check_size, read_picture
from cnnbook.datasets.sources import DatasetError

SPLITS = ("train", "validation", "test")
# as its authors distribute it, flat or in their folders, and as Kaggle does
ATTRIBUTES, SPLIT = (
    (f"{name}.txt", f"{folder}/{name}.txt", f"{name}.csv")
    for folder, name in (("Anno", "list_attr_celeba"), ("Eval", "list_eval_partition"))
)
FOLDERS = ("img_align_celeba/img_align_celeba", "img_align_celeba", "Img/img_align_celeba")


def celeba(root, *, size=64, split="train", limit=None, progress=True):
    """Load faces of CelebA (Liu et al. 2015, arXiv:1411.7766) that lie on this machine.

    The data set may be used for research only, and has to be fetched by hand by whoever agrees to
    its licence: torchvision's `CelebA` would download it, and asks for files that are not needed.
    The result is `AttributedImages` (N, 3, H, W), all labelled 1; each attribute is 1 or 0.

    `root` is a folder with ``img_align_celeba/000001.jpg`` and so on, ``list_attr_celeba.txt``, and
    ``list_eval_partition.txt``; or these in the folders ``Img``, ``Anno`` and ``Eval``, or the two
    lists with the ending ``.csv``, as Kaggle distributes them. A picture is scaled to cover `size`,
    one number or (H, W), and the middle is cut out. `split` is one of `SPLITS`, or None for all.
    """
    root, size = Path(root), check_size(size)
    if split is not None and split not in SPLITS:
        raise ValueError(f"split is {split!r}, must be None or one of {', '.join(SPLITS)}")
    limit = None if limit is None else whole("limit", limit)
    listing = _find(root, ATTRIBUTES)
    names, table = _read_attributes(listing)
    files = list(table) if split is None else _read_split(_find(root, SPLIT), table, split)
    files, folder = files[:limit], _find(root, FOLDERS)
    images = torch.empty(len(files), 3, *size)
    for place, file in enumerate(tqdm(files, "reading CelebA", disable=not progress, leave=False)):
        if not (folder / file).exists():
            raise DatasetError(f"CelebA: {file} is missing, {listing.name} lists it")
        try:
            images[place] = torch.from_numpy(read_picture(folder / file, size))
        except ValueError as error:
            raise DatasetError(f"CelebA: {file} is damaged ({error})") from None
    values = dict(zip(names, torch.tensor([table[file] for file in files]).T, strict=True))
    return AttributedImages(images, torch.ones(len(files), dtype=int), FACE_CLASSES, values)


def _find(root, places):
    for path in (root / place for place in places):
        if path.exists():
            return path
    raise DatasetError(f"CelebA: {Path(places[0]).name} is missing in {root}")


def _rows(path):
    comma = "," if path.suffix == ".csv" else None
    lines = path.read_text(encoding="utf-8-sig", errors="replace").strip().splitlines()
    return [[field.strip() for field in line.split(comma)] or [""] for line in lines]


def _read_attributes(path):
    """Return the names of the attributes, and a dict of 1 or 0 for each of them, by file."""
    rows, damaged = _rows(path), f"CelebA: {path.name} is damaged: "
    head, first = (1, 1) if path.suffix == ".csv" else (2, 0)  # there the first column is named too
    if len(rows) <= head:
        raise DatasetError(f"{damaged}it has {len(rows)} lines")
    names = rows[head - 1][first:]
    if head == 2 and rows[0] != [str(len(rows) - 2)]:
        raise DatasetError(f"{damaged}it announces {rows[0][0]} images and lists {len(rows) - 2}")
    table = {}
    for number, (file, *values) in enumerate(rows[head:], head + 1):
        if len(values) != len(names) or not set(values) <= {"1", "-1"}:
            found = f"{len(values)} values for {len(names)} attributes, each must be 1 or -1"
            raise DatasetError(f"{damaged}line {number} has {found}")
        table[file] = [int(value == "1") for value in values]
    return names, table


def _read_split(path, files, split):
    parts = {}
    for number, row in enumerate(_rows(path), 1):
        if number == 1 and row[0] == "image_id":
            continue
        if len(row) != 2 or row[1] not in ("0", "1", "2"):
            found = f"line {number} is {row}, expected a file and 0, 1 or 2"
            raise DatasetError(f"CelebA: {path.name} is damaged: {found}")
        parts[row[0]] = SPLITS[int(row[1])]
    without = [file for file in files if file not in parts]
    if without:
        raise DatasetError(f"CelebA: {path.name} does not list {without[0]}")
    chosen = [file for file in files if parts[file] == split]
    if not chosen:
        raise DatasetError(f"CelebA: {path.name} has 0 of {len(files)} images in {split!r}")
    return chosen
