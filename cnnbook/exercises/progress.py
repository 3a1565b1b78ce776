"""Which exercises the reader has tried and solved: a line for each, in his own data folder."""

import os
from pathlib import Path

KINDS = ("tried", "solved")


def progress_file():
    """Find the file; None if CNNBOOK_PROGRESS is "off". It may name another file, too."""
    wanted = os.environ.get("CNNBOOK_PROGRESS", "")
    if wanted == "off":
        return None
    if wanted:
        return Path(wanted)
    from platformdirs import user_data_path

    return user_data_path("cnnbook", appauthor=False) / "progress.txt"


def progress():
    """Read what has been done: a dict of exercise to "tried" or "solved".

    A file that is damaged counts as far as it can be read, one that cannot be read not at all.
    """
    path, done = progress_file(), {}
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path else []
    except OSError:
        return done
    for words in map(str.split, lines):
        if len(words) == 2 and words[1] in KINDS and done.get(words[0]) != "solved":
            done[words[0]] = words[1]
    return done


def record(number, kind):
    """Add a line, "3.2 solved", unless it says nothing new; return why that cannot be done.

    One short line is written at once, so that nothing is lost where two notebooks write.
    """
    path, known = progress_file(), progress().get(number)
    if path is None or known in (kind, "solved"):
        return ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab+", buffering=0) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
            broken = file.read(1) not in (b"", b"\n")  # half a line: do not go on in it
            file.write(b"\n" * broken + f"{number} {kind}\n".encode())
    except OSError as error:
        return f"(progress is not kept: {error.strerror or error})"
    return ""


def forget():
    """Delete the file."""
    if path := progress_file():
        path.unlink(missing_ok=True)
