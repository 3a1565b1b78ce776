"""Where the book's own files are, and how a file is written: in one step, or not at all."""

import contextlib
import os
import secrets
import stat
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).parent
# whether the package lies in its repository, which is where its data are then
CHECKOUT = (PACKAGE.parent / "pyproject.toml").exists() and not (PACKAGE / "data").exists()
HOME = (PACKAGE.parent if CHECKOUT else PACKAGE) / "data"  # the results and weights that ship


def own_folder():
    """Find the folder of what is made or downloaded here: `HOME` in a checkout, else the user's."""
    from platformdirs import user_data_path

    return HOME if CHECKOUT else user_data_path("cnnbook", appauthor=False)


def homes(home=None):
    """List where results and weights may be, if not in `home`: what was made here comes first."""
    return list(dict.fromkeys([own_folder(), HOME])) if home is None else [Path(home)]


@contextlib.contextmanager
def replacing(path):
    """Write a file beside its place, and move it in when it is whole.

    Yields the path of a new, empty file, to be written under this name. Readers find the old file
    or the new one, never half, and two writers never share a file. A link is followed; the
    permissions of the old file are kept; a folder that is not there is made.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:  # not mkstemp: that allows the owner alone to read
            usual = os.fstat(file.fileno()).st_mode
        yield temporary
        mode = path.stat().st_mode if path.exists() else usual
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # or a crash of the machine could keep the name of no content
        temporary.chmod(stat.S_IMODE(mode))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(folder, room=1_000_000):
    """Make sure, before hours of work, that their result can be written: so many bytes."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-", suffix=".tmp") as file:
            file.write(bytes(room))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        reason = f"{room} bytes cannot be written to {folder}: {error.strerror or error}"
        raise ValueError(f"{reason}; nothing was computed yet") from error
