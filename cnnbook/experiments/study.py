"""What a study is, and how its runs are made and kept: one JSON file, weights as safetensors."""

import contextlib
import functools
import json
import math
import os
import pickle
import platform
import re
import shutil
import statistics
import threading
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch

from cnnbook.files import (
    check_writable,
    find_result,
    own_folder,
    read_result,
    replacing,
)
from cnnbook.models import find_weights, save_weights


class Outcome(NamedTuple):
    """What one run gave: a number, or a list of them (a curve), for each name; and the network."""

    measured: dict
    model: torch.nn.Module | None = None


class Variant(NamedTuple):
    """One of the things that a study compares, and its rows in the README.

    The README has a row for each of `measures`.
    """

    run: callable  # called with (data, seed), returns an `Outcome`
    settings: dict  # what one must know to repeat it, beside the study's own, in JSON's types
    says: str = ""  # what the README says of it, settings in braces: "{epochs} epochs"
    measures: tuple = ()


@dataclass(frozen=True)
class Study:
    """A question, the variants to compare, and the data to compare them on."""

    name: str  # that of the result file
    question: str
    load: callable  # called with the folder of data sets; its result goes to every run
    variants: dict
    settings: dict  # what all variants share, in JSON's types
    seeds: int = 5  # runs of each variant, with the seeds 0, 1, …
    kept: tuple = ()  # variants whose weights are saved, those of seed 0


NO_NUMBERS = ("nan", "inf", "-inf")  # what a file holds for a number that JSON does not know


def run_study(
    study, *, data=None, seeds=None, only=(), home=None, fresh=False, scheduler=None, say=print
):
    """Run what is missing of a study, and write its results after every run; return the file's.

    Several processes may work on one study: each run is made by one of them. A run's time is what
    the processors worked, in seconds: the clock's time depends on what else the machine does.

    `data` is the folder of data sets, see `cnnbook.datasets.data_root`; `only` names variants.
    Results go to ``home/results``, weights to ``home/weights``; without `home` to `own_folder`, and
    what ships is gone on with. The runs in the file are kept; it is refused if their settings are
    others. `fresh` makes all runs that are asked for again: they are gathered in ``home/fresh`` and
    replace the old ones when all are there; stopped before, the next call with `fresh` goes on with
    them. `scheduler` is the address of a Dask cluster, whose workers make the runs, and must find
    the data there; `say` gets a line of text after each run.
    """
    seeds = study.seeds if seeds is None else seeds
    check_request(study, seeds, only)
    names = [name for name in study.variants if not only or name in only]
    # all variants of a seed before the next: comparable at any time
    asked = [(name, seed) for seed in range(seeds) for name in names]
    if scheduler is None:
        load = functools.cache(lambda: study.load(data))
        compute = functools.partial(_compute_here, load=load)
    else:
        compute = functools.partial(_compute_there, data=data, scheduler=scheduler)
    shelf = _Shelf(study, home)
    if fresh:
        _renew(shelf, names, lambda aside: _make(aside, asked, compute, say), say)
    else:
        _make(shelf, asked, compute, say)
    return shelf.read()


def check_request(study, seeds=None, only=()):
    """Refuse what cannot be run, before anything is."""
    if seeds is not None and seeds < 1:
        raise ValueError(f"seeds is {seeds}, must be at least 1")
    unknown = set(only or ()) - set(study.variants)
    if unknown:
        raise ValueError(f"only names {sorted(unknown)}; {study.name} has {list(study.variants)}")
    for name, part in [(study.name, study), *study.variants.items()]:
        try:
            same = json.loads(json.dumps(part.settings, allow_nan=False)) == part.settings
        except (TypeError, ValueError):
            same = False
        if not same:
            wrong = f"the settings of {name} are {part.settings}"
            raise ValueError(f"{wrong}, must be in JSON's types")


def complete(history):
    """Stop a study whose training was stopped: half a training is no result."""
    if history.interrupted:
        raise KeyboardInterrupt
    return history


def _make(shelf, asked, compute, say):
    """Make the runs that are not there; those that another process makes are waited for."""
    if shelf.missing(asked):
        shelf.check_room()
    told = False
    while missing := shelf.missing(asked):
        with contextlib.closing(compute(shelf, missing)) as runs:
            made = [_keep(shelf, name, run, model, say) for name, run, model in runs]
        if not made and not told:
            say("{} {} seed {}: another process makes it, waiting".format(shelf.name, *missing[0]))
        told = told or not made
        time.sleep(0 if made else 0.2)


def _keep(shelf, name, run, model, say):
    """Write a run even if Ctrl-C comes just then, or say its numbers if that cannot be."""
    try:
        shelf.put(name, run, model)
    except KeyboardInterrupt:
        shelf.put(name, run, model)
        raise
    except Exception:
        say(f"{shelf.name} {name}: this run could not be written: {json.dumps(run)}")
        raise
    shown = {key: value for key, value in run.items() if not isinstance(value, list)}
    say(f"{shelf.name} {name} seed {shown.pop('seed')}: {shown}")


def _compute_here(shelf, missing, load):
    """Make those runs that no other process is making; yield each while it is locked."""
    for name, seed in missing:
        with shelf.lock(name, seed) as mine:
            if mine and shelf.missing([(name, seed)]):
                yield name, *_compute(shelf.study, name, seed, load())


def _compute_there(shelf, missing, data, scheduler):
    """Send runs to the workers of a Dask cluster; yield them as they come, a failed one last."""
    try:
        import cloudpickle
        from distributed import Client, as_completed
    except ImportError as error:
        raise ValueError(f"a scheduler needs: pip install 'cnnbook[cluster]' ({error})") from None
    with contextlib.ExitStack() as stack:
        locked = [each for each in missing if stack.enter_context(shelf.lock(*each))]
        if not (mine := shelf.missing(locked)):
            return
        client, study = stack.enter_context(Client(scheduler)), cloudpickle.dumps(shelf.study)
        there = data and os.path.abspath(data), torch.get_num_threads()
        sent = {client.submit(_work, study, *each, *there, pure=False): each[0] for each in mine}
        failed = []
        for future in as_completed(sent):
            if future.status == "finished":
                yield sent[future], *future.result()
            else:
                failed.append(future)
        for future in failed:
            future.result()


_ALONE = threading.Lock()  # a worker's threads share PyTorch's random numbers


def _work(study, name, seed, data, threads):
    with _ALONE:
        torch.set_num_threads(threads)
        study, loaded = _unpack(study, data)
        return _compute(study, name, seed, loaded)


@functools.lru_cache(maxsize=1)
def _unpack(study, data):
    study = pickle.loads(study)
    return study, study.load(data)


def _compute(study, name, seed, data):
    """Make one run; return what goes to the file, and the network if its weights do."""
    began = time.process_time()
    outcome = study.variants[name].run(data, seed)
    run = {"seed": seed} | {key: _plain(value) for key, value in outcome.measured.items()}
    seconds, threads = round(time.process_time() - began, 1), torch.get_num_threads()
    run |= {"cpu_seconds": seconds, "threads": threads}
    return run, outcome.model if seed == 0 and name in study.kept else None


def _plain(value):
    """Put what was measured into JSON's types; numbers that JSON lacks become "nan" or "inf"."""
    value = value.tolist() if hasattr(value, "tolist") else value  # of NumPy and PyTorch
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _renew(shelf, names, make, say):
    """Make runs aside, and put them in the place of the old ones when all are there."""
    folder = shelf.home / "fresh" / shelf.name
    aside = _Shelf(shelf.study, folder, advice=f"remove {folder} to begin anew")
    partly = set(names) != set(shelf.study.variants)
    if partly:
        shelf.read()  # the others stay, so they must be good
    shelf.check_room()
    with shelf.lock("fresh", wait=True):
        if aside.path.exists() and _was_moved_in(aside, shelf):
            shutil.rmtree(folder)
        if aside.path.exists():
            say(f"{shelf.name}: going on with the runs in {folder}; remove it to begin anew")
        make(aside)
        made = aside.read()["variants"]
        new = {name: made.pop(name) for name in names}
        with shelf.lock(wait=True):
            for name in filter(new.get, shelf.study.kept):
                source = find_weights(f"{shelf.name}_{name}", home=folder)
                with replacing(shelf.home / "weights" / source.name) as temporary:
                    shutil.copyfile(source, temporary)
            shelf.write((shelf.read()["variants"] if partly else {}) | new)
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
        return aside.read()["variants"].items() <= shelf.read()["variants"].items()
    except ValueError:
        return False


class _Shelf:
    """The file of a study and its weights, which several processes may share."""

    def __init__(self, study, home=None, advice="use --fresh to replace it"):
        self.study, self.name, self.given, self.advice = study, study.name, home, advice
        self.home = own_folder() if home is None else Path(home)
        self.path = self.home / "results" / f"{study.name}.json"

    @contextlib.contextmanager
    def lock(self, *what, wait=False):
        """Keep other processes from the file, or from one run; yield whether that is ours."""
        from filelock import FileLock, Timeout

        words = re.sub(r"[^\w.-]", "_", "-".join(map(str, (self.name, *what))))
        lock = self.path.with_name(f".{words}.lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        # one object per path: a lock that Ctrl-C kept from its release does not shut out ourselves
        held = FileLock(lock, is_singleton=True)
        try:
            with contextlib.suppress(Timeout):
                held.acquire(timeout=-1 if wait else 0, poll_interval=0.02)
            yield held.is_locked
        finally:
            if held.is_locked and not wait:  # of one run: who comes next looks whether it is there
                with contextlib.suppress(OSError):
                    lock.unlink()
            held.release(force=True)

    def check_room(self):
        """See that the results can be written before they are computed."""
        there = self.path.stat().st_size if self.path.exists() else 0
        check_writable(self.path.parent, 1_000_000 + 2 * there)
        if self.study.kept:
            check_writable(self.home / "weights")

    def read(self):
        """Read what is there; refuse it if it is damaged or was made in another way."""
        path = find_result(self.name, self.given)
        if path is None:
            return self._result({})
        old = read_result(path)
        asked = {name: variant.settings for name, variant in self.study.variants.items()}
        found = {name: kept["settings"] for name, kept in old["variants"].items()}
        if old["settings"] != self.study.settings or not found.items() <= asked.items():
            raise ValueError(f"{path} holds runs with other settings; {self.advice}")
        return self._result(old["variants"]) | {"versions": old.get("versions")}

    def missing(self, asked):
        """List those runs that are not there, or whose weights are not."""
        variants = self.read()["variants"].items()
        there = {(name, run["seed"]) for name, kept in variants for run in kept["runs"]}
        for name in self.study.kept:
            if find_weights(f"{self.name}_{name}", home=self.given) is None:
                there.discard((name, 0))
        return [each for each in asked if each not in there]

    def put(self, name, run, model):
        """Add a run to what is there now, after its weights; one that is there stays."""
        seed = run["seed"]
        with self.lock(wait=True):
            if not self.missing([(name, seed)]):
                return
            if seed == 0 and name in self.study.kept:
                origin = {"study": self.name, "variant": name, "seed": seed}
                save_weights(model, f"{self.name}_{name}", home=self.home, **origin)
            variants = self.read()["variants"]
            runs = {each["seed"]: each for each in variants.get(name, {"runs": []})["runs"]}
            runs = [each for _, each in sorted((runs | {seed: run}).items())]
            settings = self.study.variants[name].settings
            self.write(variants | {name: {"settings": settings, "runs": runs, **summarise(runs)}})

    def write(self, variants):
        """Replace the file, the variants in the study's order."""
        variants = {name: variants[name] for name in self.study.variants if name in variants}
        text = json.dumps(self._result(variants), indent=1, ensure_ascii=False, allow_nan=False)
        with replacing(self.path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")

    def _result(self, variants):
        versions = {"cnnbook": version("cnnbook"), "torch": torch.__version__}
        versions |= {"python": platform.python_version(), "cores": os.cpu_count()}
        question, settings = self.study.question, self.study.settings
        result = {"study": self.name, "question": question, "settings": settings}
        return result | {"versions": versions, "variants": variants}


def summarise(runs):
    """Return the mean and the standard deviation (n − 1) of each number of the runs, and their n.

    Seeds, threads and curves do not count; the spread of a single run is 0. Six significant digits
    are kept: the rest is noise, and would make needless differences.
    """
    mean, std = {}, {}
    for name in dict.fromkeys(name for run in runs for name in run):
        values = [run.get(name) for run in runs]
        values = [float(v) for v in values if isinstance(v, int | float) or v in NO_NUMBERS]
        if values and name not in ("seed", "threads"):
            finite = all(map(math.isfinite, values))
            mean[name] = float(f"{statistics.fmean(values):.6g}") if finite else None
            spread = statistics.stdev(values) if finite and len(values) > 1 else 0.0
            std[name] = float(f"{spread:.6g}") if finite else None
    return {"n": len(runs), "mean": mean, "std": std}


class Difference(NamedTuple):
    """How much greater a measure is with one variant than with another, on the same seeds."""

    mean: float
    half: float  # half the width of the 95 % t-interval about it
    ratio: float  # of the two means
    n: int


def paired_difference(result, first, second, measure):
    """Subtract what `second` measured from what `first` did, seed by seed, in a study's file.

    Both saw the same images of a seed: their difference spreads less than either of them.
    """
    from scipy.stats import t

    runs = [{run["seed"]: run for run in result["variants"][n]["runs"]} for n in (first, second)]
    both = sorted(set(runs[0]) & set(runs[1]))
    if len(both) < 2:
        raise ValueError(f"{first} and {second} have {len(both)} seeds in common, need 2")
    ours, theirs = ([float(one[seed][measure]) for seed in both] for one in runs)
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    half = t.ppf(0.975, len(both) - 1) * statistics.stdev(differences) / math.sqrt(len(both))
    below = statistics.fmean(theirs)
    ratio = statistics.fmean(ours) / below if below else math.nan
    return Difference(statistics.fmean(differences), float(half), ratio, len(both))
