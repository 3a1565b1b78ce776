"""Fetch a data set once: look, verify, download beside the place, verify, move in."""

import errno
import hashlib
import os
import shutil
import tempfile
import time
import warnings
from pathlib import Path

from cnnbook._files import own_folder


class DatasetError(RuntimeError):
    """A data set is not here and could not be fetched; the message says what to do."""


def data_root(root=None):
    """Find the folder of data sets.

    Parameters
    ----------
    root : path, optional
        The folder; else the environment variable `CNNBOOK_DATA`, else `data/` of the repository,
        or a folder of the user's where the package was installed without one.

    Returns
    -------
    Path
    """
    return Path(root or os.environ.get("CNNBOOK_DATA") or own_folder())


def md5(path):
    """Return the MD5 sum of a file, as torchvision publishes them; not a protection from malice."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def fetch(name, root, download, problem, megabytes):
    """Make sure that a data set is whole, downloading it if it is not.

    Parameters
    ----------
    name : str
        For messages.
    root : Path
        Where it belongs.
    download : callable
        Called with a folder: puts the files there, with a progress bar.
    problem : callable
        Called with a folder: says what is missing or damaged in it, "" if nothing is.
    megabytes : int
        Room that it takes.

    Raises
    ------
    DatasetError
        If it is not there and cannot be downloaded, or the downloaded files are damaged. Whatever
        was in `root` before is still there; nothing half-written is.
    """
    found = problem(root)
    if not found:
        return
    if root.exists() and "missing" not in found:
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
            download(folder)
            wrong = problem(Path(folder))
            if wrong:
                raise DatasetError(f"{name}: the download is no good, {wrong}. {advice}")
            for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
                target = root / file.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, target)
    except DatasetError:
        raise
    except (OSError, RuntimeError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise DatasetError(f"{name}: the disk of {root} is full. {advice}") from error
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else repr(error)
        raise DatasetError(
            f"{name}: {found}, and the download failed ({reason}). {advice}"
        ) from error
