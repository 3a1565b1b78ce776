"""Run a reader's answer where it can do no harm: a copy of everything, ten seconds, no more."""

import contextlib
import copy
import io
import multiprocessing
import os
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import NamedTuple

from cnnbook.exercises.agreement import as_array

SECONDS = 10
"""How long an answer may take for all cases together."""

PACKAGE = str(Path(__file__).parents[1]) + os.sep


class Failure(NamedTuple):
    """Why a case has no result."""

    kind: str  # the exception's type, or what else went wrong
    reason: str


def run(answer, cases, use, seconds=SECONDS):
    """Call an answer with each case, in a process of its own.

    A process is stopped whatever it does, and shares nothing: an answer that changes its arguments
    changes copies, and no expected value is there to be found. Where processes cannot be forked
    safely (Windows, macOS) a thread has to do, which is left behind if it hangs.

    Returns
    -------
    list
        For each case that was come to, the result or a `Failure`, and what was printed.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    forks = sys.platform == "linux"
    kind = multiprocessing.get_context("fork").Process if forks else threading.Thread
    worker = kind(target=_work, args=(answer, cases, use, theirs), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork beside Jupyter's threads
        worker.start()
    if forks:
        theirs.close()  # or the end of the process would not be the end of the pipe
    ran, end = [], time.monotonic() + seconds
    try:
        while len(ran) < len(cases):
            if not ours.poll(max(0, end - time.monotonic())):
                late = f"it did not return within {seconds} seconds, and was stopped"
                return [*ran, (Failure("late", late), "")]
            ran.append(ours.recv())
    except EOFError:
        ran.append((Failure("end", "it ended Python"), ""))
    finally:
        if forks:
            worker.kill()
            worker.join()
        ours.close()
    return ran


def _work(answer, cases, use, pipe):
    """Send the result of each case; runs beside the reader's Python."""
    if "torch" in sys.modules and multiprocessing.parent_process():
        sys.modules["torch"].set_num_threads(1)  # its pool of threads does not survive a fork
    for case in cases:
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                result = use(answer, *copy.deepcopy(case))
        except BaseException as error:  # whatever it is, it is the reader's
            result = Failure(type(error).__name__, _blame(error))
        else:
            result = plain(result)
        try:
            pipe.send((result, printed.getvalue()[:2000]))
        except OSError:
            return  # nobody waits any more


def plain(result):
    """Read numbers out of what an answer returned; None and ... stay what they are."""
    if result is None or result is ... or isinstance(result, Failure):
        return result
    try:
        if isinstance(result, tuple | list):
            parts = [plain(part) for part in result]
            alike = len({getattr(part, "shape", None) for part in parts}) <= 1
            return as_array(parts) if alike else tuple(parts)
        return as_array(result)
    except Exception:
        words = f"it returns a {type(result).__name__} that holds no numbers"
        return Failure("no numbers", words)


def _blame(error):
    """Say what was raised, and in which line of the reader's."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith(PACKAGE)]
    theirs = [f for f in theirs if "site-packages" not in f.filename] or theirs
    where = f"\n    in line {theirs[-1].lineno}: {theirs[-1].line}" if theirs else ""
    return f"it raises {type(error).__name__}: {error}{where}"
