"""Where data come from: a package that ships them, a folder, or one verified download."""

import errno
import os
import shutil
import tempfile
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

from cnnbook.files import own_folder

IMPORT_NAMES = {"scikit-learn": "sklearn", "scikit-image": "skimage"}  # else as pip's


class DatasetError(RuntimeError):
    """A data set is not here and could not be fetched; the message says what to do."""


def data_root(root=None):
    """Find the folder of data sets: `root`, else `CNNBOOK_DATA`, else the one of `own_folder`."""
    return Path(root or os.environ.get("CNNBOOK_DATA") or own_folder())


def shipped(package, file):
    """Return the path of a file in an installed package, which pip calls by this name.

    The package is not imported: that takes time, and some of them may ask a network for files.
    """
    found = find_spec(IMPORT_NAMES.get(package, package))
    if found is None:
        wrong = f"{Path(file).name} comes with {package}, which is not installed: pip install"
        raise DatasetError(f"{wrong} {package}")
    path = Path(found.submodule_search_locations[0], file)
    if not path.is_file():
        wrong = f"{package} is installed, but holds no {file}: pip install --force-reinstall"
        raise DatasetError(f"{wrong} {package}")
    return path


def fetch(name, root, read, download, megabytes):
    """Read a data set; if it is not whole, download it beside its place, read it, and move it in.

    Called with a folder, `read` returns the data, or raises `DatasetError` with the file that is
    missing or damaged; `download` puts the files there.
    """
    try:
        return read(root)
    except DatasetError as error:
        found = str(error)
    if "missing" not in found:
        warnings.warn(f"{name}: {found}; downloading it again", stacklevel=3)
    advice = (
        f"Call again with a network ({megabytes} MB are needed in {root}), or set CNNBOOK_DATA to "
        "a folder that holds the files. cnnbook.datasets.digits() needs no download."
    )
    try:
        root.mkdir(parents=True, exist_ok=True)
        for left in root.glob(".download-*"):  # by a process that was killed
            if time.time() - left.stat().st_mtime > 86_400:
                shutil.rmtree(left, ignore_errors=True)
        # on the same disk as `root`, so that moving a file in is one step that cannot be half done
        with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as folder:
            download(Path(folder))
            data = read(Path(folder))
            for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
                target = root / file.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, target)
    except (OSError, RuntimeError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise DatasetError(f"{name}: the disk of {root} is full. {advice}") from error
        failed = f"the download failed ({(str(error).strip() or repr(error)).splitlines()[-1]})"
        raise DatasetError(f"{name}: {found}, and {failed}. {advice}") from error
    return data
