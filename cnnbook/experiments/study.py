"""What a study is, and how its runs are kept: one JSON file, weights as safetensors."""

import contextlib
import functools
import json
import math
import os
import platform
import re
import shutil
import statistics
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch

from cnnbook.files import HOME, check_writable, finish, own_folder, replacing
from cnnbook.models import find_weights, save_weights


class Outcome(NamedTuple):
    """What one run gave."""

    measured: dict
    """Name to number, or to a list of numbers (a curve)."""
    model: torch.nn.Module | None = None


class Variant(NamedTuple):
    """One of the things that a study compares."""

    run: callable
    """Called with (data, seed); returns an `Outcome`."""
    settings: dict
    """What one must know to repeat it, beside the study's settings, in JSON's types."""


@dataclass(frozen=True)
class Study:
    """A question, the variants to compare, and the data to compare them on.

    Parameters
    ----------
    name : str
        Of the result file.
    question : str
        One sentence.
    load : callable
        Called with the folder of data sets; its result goes to every run.
    variants : dict of str to Variant
    settings : dict
        What all variants share, in JSON's types.
    seeds : int
        How many runs of each variant, with the seeds 0, 1, …
    kept : tuple of str
        Variants whose weights are saved, those of seed 0.
    """

    name: str
    question: str
    load: callable
    variants: dict
    settings: dict
    seeds: int = 5
    kept: tuple = ()


def run_study(study, *, data=None, seeds=None, only=None, home=None, fresh=False, say=print):
    """Run what is missing of a study, and write its results after every run.

    Parameters
    ----------
    study : Study
    data : path, optional
        Folder of data sets, see `cnnbook.datasets.data_root`.
    seeds : int, optional
        Runs of each variant, if not the study's own number.
    only : sequence of str, optional
        These variants alone.
    home : path, optional
        Results go to ``home/results``, weights to ``home/weights``. Without it, to `data/` of the
        repository; or to a folder of the user's where the package was installed without one, and
        what ships is gone on with.
    fresh : bool
        Make all runs that are asked for again. They are gathered in ``home/fresh`` and replace the
        old ones when all are there; stopped before, the next call with `fresh` goes on with them.
        Without it the runs in the file are kept, if the settings are the same.
    say : callable
        Gets a line of text after each run.

    Returns
    -------
    dict
        What the file holds.

    Raises
    ------
    ValueError
        If the file is damaged, or holds runs with other settings and `fresh` is false, `seeds` is
        below 1, `only` names no variant, or the results cannot be written.

    Notes
    -----
    A run's time is what the processors worked, in seconds: the clock's time depends on what else
    the machine does.

    Several processes may work on one study: each run is made by one of them. Weights are written
    before the run that they belong to. A run whose weights are missing is made again.
    """
    seeds = study.seeds if seeds is None else seeds
    only = list(only or ())
    check_request(study, seeds, only)
    names = [name for name in study.variants if not only or name in only]
    shelf = _Shelf(study, own_folder() if home is None else Path(home), ships=home is None)
    work = functools.partial(_run_missing, names=names, seeds=seeds, data=data, say=say)
    if fresh:
        _renew(shelf, names, work, say)
    else:
        work(shelf)
    return shelf.read()


def check_request(study, seeds=None, only=None):
    """Refuse what cannot be run, before anything is.

    Parameters
    ----------
    study : Study
    seeds, only : optional
        See `run_study`.

    Raises
    ------
    ValueError
        If `seeds` is below 1, `only` names no variant, or settings would not come back from the
        file as they are.
    """
    if seeds is not None and seeds < 1:
        raise ValueError(f"seeds is {seeds}, must be at least 1")
    unknown = set(only or ()) - set(study.variants)
    if unknown:
        raise ValueError(f"only names {sorted(unknown)}; {study.name} has {list(study.variants)}")
    settings = {study.name: study.settings}
    for name, each in (settings | {n: v.settings for n, v in study.variants.items()}).items():
        try:
            same = json.loads(json.dumps(each, allow_nan=False)) == each
        except (TypeError, ValueError):
            same = False
        if not same:
            raise ValueError(f"the settings of {name} are {each}, must be in JSON's types")


def complete(history):
    """Stop a study whose training was stopped: half a training is no result.

    Parameters
    ----------
    history : History
        What `cnnbook.training.fit` returned, which keeps what was learned when it is interrupted.

    Returns
    -------
    History
        The same.

    Raises
    ------
    KeyboardInterrupt
        If it was interrupted.
    """
    if history.interrupted:
        raise KeyboardInterrupt
    return history


def _run_missing(shelf, *, names, seeds, data, say):
    """Make the runs that are not there; those that another process makes are waited for."""
    # all variants of a seed before the next: comparable at any time
    asked = [(name, seed) for seed in range(seeds) for name in names]
    if all(shelf.has(*each) for each in asked):
        return
    shelf.check_room()
    load = functools.cache(lambda: shelf.study.load(data))
    busy = [each for each in asked if not _run_once(shelf, *each, load, say)]
    for name, seed in busy:
        if not shelf.has(name, seed):
            say(f"{shelf.study.name} {name} seed {seed}: another process makes it, waiting")
            _run_once(shelf, name, seed, load, say, wait=True)


def _run_once(shelf, name, seed, load, say, wait=False):
    """Make a run if it is not there; return False if another process is making it."""
    with shelf.lock(name, seed, wait=wait) as mine:
        if shelf.has(name, seed):
            return True
        if not mine:
            return False
        study, loaded = shelf.study, load()
        began = time.process_time()
        outcome = study.variants[name].run(loaded, seed)
        effort = {"cpu_seconds": round(time.process_time() - began, 1)}
        effort["threads"] = torch.get_num_threads()
        run = _plain({"seed": seed, **outcome.measured, **effort})
        try:
            finish(lambda: shelf.put(name, run, outcome.model))
        except Exception:
            say(f"{study.name} {name}: this run could not be written: {json.dumps(run)}")
            raise
        shown = {k: v for k, v in outcome.measured.items() if not isinstance(v, list)}
        say(f"{study.name} {name} seed {seed}: {shown}, {effort}")
        return True


def _renew(shelf, names, work, say):
    """Make runs aside, and put them in the place of the old ones when all are there."""
    study, folder = shelf.study, shelf.home / "fresh" / shelf.study.name
    aside = _Shelf(study, folder, advice=f"remove {folder} to begin anew")
    partly = set(names) != set(study.variants)
    if partly:
        shelf.read()  # the others stay, so they must be good
    shelf.check_room()
    with shelf.lock("fresh", wait=True):
        if aside.path.exists() and _was_moved_in(aside, shelf):
            shutil.rmtree(folder)
        if aside.path.exists():
            say(f"{study.name}: going on with the runs in {folder}; remove it to begin anew")
        work(aside)
        made = aside.read()["variants"]
        new = {name: made.pop(name) for name in names}
        with shelf.lock(wait=True):
            for name in filter(new.get, study.kept):
                source = find_weights(shelf.weights(name), home=aside.home)
                target = shelf.home / "weights" / source.name
                with replacing(target) as temporary:
                    shutil.copyfile(source, temporary)
            old = shelf.read()["variants"] if partly else {}
            shelf.write(old | new)
        if made:  # of variants that were not asked for this time
            aside.write(made)
        else:
            aside.path.unlink()  # first: what is left of the folder then holds no runs
            shutil.rmtree(folder)
            with contextlib.suppress(OSError):
                folder.parent.rmdir()


def _was_moved_in(aside, shelf):
    """Whether a call with `fresh` was stopped after its last step but one."""
    try:
        gathered, there = aside.read()["variants"], shelf.read()["variants"]
    except ValueError:
        return False
    return all(there.get(name) == kept for name, kept in gathered.items())


class _Shelf:
    """The file of a study and its weights, which several processes may share."""

    def __init__(self, study, home, *, ships=False, advice="use --fresh to replace it"):
        self.study, self.home, self.ships, self.advice = study, home, ships, advice
        self.path = home / "results" / f"{study.name}.json"

    @contextlib.contextmanager
    def lock(self, *what, wait):
        """Keep other processes from the file, or from one run; yield whether that is ours."""
        from filelock import FileLock, Timeout

        name_of_run = len(what) == 2
        words = re.sub(r"[^\w.-]", "_", "-".join(map(str, (self.study.name, *what))))
        lock = self.path.with_name(f".{words}.lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        # one object per path: a lock that Ctrl-C kept from its release does not shut out ourselves
        held = FileLock(lock, is_singleton=True)
        try:
            with contextlib.suppress(Timeout):
                held.acquire(timeout=-1 if wait else 0, poll_interval=0.2 if what else 0.02)
            yield held.is_locked
        finally:
            if held.is_locked and name_of_run:  # who waits for it looks whether the run is there
                with contextlib.suppress(OSError):
                    lock.unlink()
            held.release(force=True)

    def check_room(self):
        """See that the results can be written before they are computed."""
        there = self.path.stat().st_size if self.path.exists() else 0
        check_writable(self.path.parent, 1_000_000 + 2 * there)
        if self.study.kept:
            check_writable(self.home / "weights")

    def weights(self, name):
        """Name the weights of a variant."""
        return f"{self.study.name}_{name}"

    def read(self):
        """Read what is there; refuse it if it is damaged or was made in another way."""
        study = self.study
        result = {"study": study.name, "question": study.question, "settings": study.settings}
        result |= {"versions": _versions(), "variants": {}}
        path = self.path
        if self.ships and not path.exists():
            path = HOME / "results" / path.name
        if not path.exists():
            return result
        old = _read(path)
        asked = {name: variant.settings for name, variant in study.variants.items()}
        found = {name: kept["settings"] for name, kept in old["variants"].items()}
        if old["settings"] != study.settings or any(found[n] != asked.get(n) for n in found):
            raise ValueError(f"{path} holds runs with other settings; {self.advice}")
        return result | {"versions": old.get("versions"), "variants": old["variants"]}

    def has(self, name, seed):
        """Whether a run is there, and its weights if they are kept."""
        runs = self.read()["variants"].get(name, {"runs": []})["runs"]
        return any(run["seed"] == seed for run in runs) and not self._lacks_weights(name, seed)

    def _lacks_weights(self, name, seed):
        home = None if self.ships else self.home
        kept = name in self.study.kept and seed == 0
        return kept and find_weights(self.weights(name), home=home) is None

    def put(self, name, run, model):
        """Add a run to what is there now, after its weights; one that is there stays."""
        with self.lock(wait=True):
            if self.has(name, run["seed"]):
                return
            if name in self.study.kept and run["seed"] == 0:
                save_weights(model, self.weights(name), home=self.home)
            variants = self.read()["variants"]
            by_seed = {each["seed"]: each for each in variants.get(name, {"runs": []})["runs"]}
            by_seed[run["seed"]] = run
            runs = [by_seed[seed] for seed in sorted(by_seed)]
            settings = self.study.variants[name].settings
            self.write(variants | {name: {"settings": settings, "runs": runs, **summarise(runs)}})

    def write(self, variants):
        """Replace the file, the variants in the study's order."""
        study = self.study
        result = {"study": study.name, "question": study.question, "settings": study.settings}
        result |= {"versions": _versions()}
        result["variants"] = {name: variants[name] for name in study.variants if name in variants}
        text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        with replacing(self.path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _plain(value):
    """Put what was measured into JSON's types; numbers that JSON lacks become "nan" or "inf"."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy and PyTorch
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, int | str) else str(value)


def summarise(runs):
    """Return mean, standard deviation (n − 1) and number of each measured value.

    Parameters
    ----------
    runs : list of dict
        Those entries count that are plain numbers, but not the seed.

    Returns
    -------
    dict
        {"mean": {name: …}, "std": {name: …}, "n": …}; the spread of a single run is 0.
    """
    names = dict.fromkeys(name for run in runs for name in run if name not in ("seed", "threads"))
    columns = {name: [_number(run.get(name)) for run in runs] for name in names}
    columns = {name: [v for v in values if v is not None] for name, values in columns.items()}
    columns = {name: values for name, values in columns.items() if values}
    return {
        "n": len(runs),
        "mean": {name: _rounded(statistics.fmean(values)) for name, values in columns.items()},
        "std": {name: _rounded(_spread(values)) for name, values in columns.items()},
    }


def _spread(values):
    if not all(map(math.isfinite, values)):
        return math.nan
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _number(value):
    """Read a plain number back, "nan" and "inf" too; None for all else."""
    if isinstance(value, str):
        return float(value) if value in ("nan", "inf", "-inf") else None
    return float(value) if isinstance(value, int | float) else None


def _rounded(value):
    """Keep six significant digits: the rest is noise, and would make needless differences."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _versions():
    names = {"cnnbook": version("cnnbook"), "torch": torch.__version__}
    return names | {"python": platform.python_version(), "cores": os.cpu_count()}


def _read(path):
    """Read a file of results; refuse what no study wrote."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
        for kept in result["variants"].values():
            seeds = [run["seed"] for run in kept["runs"]]
            if len(set(seeds)) < len(seeds) or not isinstance(kept["settings"], dict):
                raise ValueError(f"its runs have the seeds {seeds}")
        if not isinstance(result["settings"], dict):
            raise ValueError("its settings are no dict")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ValueError(
            f"{path} is damaged ({reason}): put a whole copy in its place, or use --fresh"
        ) from None
    return result


def _no_number(text):
    raise ValueError(f"{text} is no number in JSON")


def load_result(name, *, home=None):
    """Read the results of a study.

    Parameters
    ----------
    name : str
        Of the study.
    home : path, optional
        Without it, what was measured here is read, else what ships.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If there are none, or the file is damaged; the message says how to make them.
    """
    paths = _result_paths(name, home)
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        places = " or ".join(str(path.parent) for path in paths)
        raise ValueError(
            f"there are no results of {name!r} in {places}: "
            f"python -m cnnbook.experiments {name} makes them"
        )
    return _read(path)


def has_result(name, *, home=None):
    """Whether there are results of a study.

    Parameters
    ----------
    name : str
    home : path, optional
        See `load_result`.

    Returns
    -------
    bool
    """
    return any(path.exists() for path in _result_paths(name, home))


def _result_paths(name, home):
    """List where the results of a study may be; what was made here comes before what ships."""
    folders = [own_folder(), HOME] if home is None else [Path(home)]
    return [folder / "results" / f"{name}.json" for folder in dict.fromkeys(folders)]
