"""The reader's own pictures: one folder a class."""

import csv
import os
from pathlib import Path

import torch
from tqdm.auto import tqdm

from cnnbook.datasets.images import AttributedImages, Images
from cnnbook.datasets.pictures import check_size, read_picture

# what computers put into folders, beside names that begin with a point; in small letters
SYSTEM = {"__macosx", "@eadir", "$recycle.bin", "thumbs.db", "desktop.ini"}
# pictures that Pillow cannot read: better an error than a class that lacks them
UNREAD = {".heic", ".heif", ".dng", ".svg"}


def image_folder(path, *, size=None, grey=False, groups=None, progress=True):
    """Load pictures that are sorted into one folder a class.

    They are `Images` (N, 3, H, W), or (N, 1, H, W) with `grey`, values from 0 to 1, sorted by class
    and file name; with `groups`, `AttributedImages`. torchvision's `ImageFolder` takes hidden
    folders for classes, leaves out suffixes that it does not know, turns no phone's photograph
    upright and lays nothing transparent on white.

    `path` is a folder with a folder for each class in it; the class is named like its folder. Every
    file that Pillow reads is a picture, see `photograph`; others are named in a printed line, but
    for hidden ones and those that computers add (``Thumbs.db``). A picture is scaled to cover
    `size`, one number or (H, W), and the middle is cut out; without it, all must have the size of
    the first.

    `groups` is a CSV file, in `path` or elsewhere: a first line such as ``file,skin,pose``, then
    one a picture such as ``faces/anna.jpg,2,0``, the groups whole numbers, -1 where there is none.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path is a {type(path).__name__}, expected the path of a folder")
    path = Path(path)
    if not path.is_dir():
        raise ValueError(f"there is no folder {str(path)!r}")
    classes, files = _find_pictures(path)
    size = None if size is None else check_size(size)
    attributes = None if groups is None else _read_groups(path, groups, files)
    first = read_picture(files[0][0], size, grey)
    images = torch.empty(len(files), *first.shape, dtype=torch.float32)
    bar = tqdm(files, f"reading {path.name}", disable=not progress, leave=False)
    for place, (file, _) in enumerate(bar):
        picture = read_picture(file, size, grey)
        if picture.shape != first.shape:
            size, other = (f"{rows}×{columns}" for _, rows, columns in (picture.shape, first.shape))
            names = f"{file.name} has {size} pixels, {files[0][0].name} has {other}"
            raise ValueError(f"{names}: give a size")
        images[place] = torch.from_numpy(picture)
    data = images, torch.tensor([label for _, label in files]), classes
    return Images(*data) if groups is None else AttributedImages(*data, attributes)


def _find_pictures(path):
    from PIL import Image

    known = Image.registered_extensions().items()
    suffixes = UNREAD | {suffix for suffix, kind in known if kind in Image.OPEN}
    classes, pictures, others = [], [], []
    for folder in _visible(path):
        if folder.is_dir():
            found = _visible(folder)
            shown = [file for file in found if file.suffix.lower() in suffixes]
            pictures += [(file, len(classes)) for file in shown]
            others += [f"{folder.name}/{f.name}" for f in found if f.suffix.lower() not in suffixes]
            for file in filter(Path.is_dir, found):
                must = "pictures must lie directly in the folder of their class"
                raise ValueError(f"the class {folder.name!r} holds a folder, {file.name!r}: {must}")
            if not shown:
                raise ValueError(f"the folder of the class {folder.name!r} holds no picture")
            classes.append(folder.name)
        elif folder.suffix.lower() in suffixes:
            raise ValueError(f"{folder.name!r} lies beside the folders of the classes, not in one")
    if not classes:
        raise ValueError(f"{str(path)!r} holds no folder with pictures in it, one folder a class")
    if others:
        some = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
        print(f"image_folder: {len(others)} of the files are no pictures: {some}")
    return tuple(classes), pictures


def _visible(folder):
    """List what a person put into a folder, in the order of the names."""
    entries = sorted(folder.iterdir())
    return [e for e in entries if not (e.name.startswith(".") or e.name.lower() in SYSTEM)]


def _read_groups(path, groups, files):
    table = path / groups if (path / groups).exists() else Path(groups)
    if not table.is_file():
        raise ValueError(f"there is no file of groups {str(groups)!r}")
    with table.open(newline="", encoding="utf-8-sig") as opened:
        head, *lines = [line for line in csv.reader(opened) if line] or [[]]
    if len(head) < 2 or head[0] != "file":
        raise ValueError(f"{table.name} begins with {','.join(head)!r}, expected 'file,group,...'")
    listed = {}
    for number, (file, *values) in enumerate(lines, 2):
        where = f"{table.name}, line {number}: "
        if len(values) != len(head) - 1:
            raise ValueError(f"{where}{len(values)} groups, must be {len(head) - 1}")
        if file in listed:
            raise ValueError(f"{where}{file} was listed before")
        try:
            listed[file] = [int(value) for value in values]
        except ValueError:
            wrong = ",".join(values)
            raise ValueError(f"{where}groups are {wrong}, must be whole numbers") from None
    there = [file.relative_to(path).as_posix() for file, _ in files]
    for file in sorted(set(there) - set(listed)):
        raise ValueError(f"{table.name} lists {len(listed)} files, but not {file}")
    for file in sorted(set(listed) - set(there)):
        raise ValueError(f"{table.name} lists {file}, which is not there")
    return dict(zip(head[1:], torch.tensor([listed[file] for file in there]).T, strict=True))
