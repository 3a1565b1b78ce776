"""Where the book's own files are, reading results, and writing in one step or not at all."""

import contextlib
import json
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


def read_result(path):
    """Read a file of results; ValueError says what is wrong with it."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        for kept in (result, *result["variants"].values()):
            if not isinstance(kept["settings"], dict):
                raise ValueError("its settings are no dict")
        for kept in result["variants"].values():
            seeds = [run["seed"] for run in kept["runs"]]
            if len(set(seeds)) < len(seeds):
                raise ValueError(f"its runs have the seeds {seeds}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        advice = "put a whole copy in its place, or use --fresh"
        raise ValueError(f"{path} is damaged ({reason}): {advice}") from None
    return result


def _no_number(text):
    raise ValueError(f"{text} is no number in JSON")


def load_result(name, *, home=None):
    """Read the results of a study: what was measured here, else what ships, else from ``home``."""
    if path := find_result(name, home):
        return read_result(path)
    places = " or ".join(str(folder / "results") for folder in homes(home))
    advice = f"python -m cnnbook.experiments {name} makes them"
    raise ValueError(f"there are no results of {name!r} in {places}: {advice}")


def find_result(name, home=None):
    """Return the path of the results of a study, None if there are none."""
    paths = (folder / "results" / f"{name}.json" for folder in homes(home))
    return next((path for path in paths if path.exists()), None)
