"""What a study is, and how its runs are kept: one JSON file, weights as safetensors."""

import json
import math
import os
import platform
import statistics
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch

from cnnbook.models import HOME, save_weights


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


def run_study(study, *, data=None, seeds=None, only=None, home=HOME, fresh=False, say=print):
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
    home : path
        Results go to ``home/results``, weights to ``home/weights``.
    fresh : bool
        Forget the runs in the file. Without it they are kept, if the settings are the same.
    say : callable
        Gets a line of text after each run.

    Returns
    -------
    dict
        What the file holds.

    Raises
    ------
    ValueError
        If the file holds runs with other settings and `fresh` is false, `seeds` is below 1, or
        `only` names no variant.

    Notes
    -----
    A run's time is what the processors worked, in seconds: the clock's time depends on what else
    the machine does.
    """
    seeds = study.seeds if seeds is None else seeds
    if seeds < 1:
        raise ValueError(f"seeds is {seeds}, must be at least 1")
    unknown = set(only or ()) - set(study.variants)
    if unknown:
        raise ValueError(f"only names {sorted(unknown)}; {study.name} has {list(study.variants)}")
    path = Path(home) / "results" / f"{study.name}.json"
    result = {"study": study.name, "question": study.question, "settings": study.settings}
    result |= {"versions": _versions(), "variants": {}}
    if path.exists() and not fresh:
        result["variants"] = _kept_runs(path, study)
    loaded = study.load(data)
    for seed in range(seeds):  # all variants of a seed before the next: comparable at any time
        for name, variant in study.variants.items():
            if only and name not in only:
                continue
            kept = result["variants"].setdefault(name, {"settings": variant.settings, "runs": []})
            if any(run["seed"] == seed for run in kept["runs"]):
                continue
            began = time.process_time()
            outcome = variant.run(loaded, seed)
            effort = {"cpu_seconds": round(time.process_time() - began, 1)}
            effort["threads"] = torch.get_num_threads()
            kept["runs"].append({"seed": seed, **outcome.measured, **effort})
            kept |= summarise(kept["runs"])
            _write(path, result)
            if name in study.kept and seed == 0:
                save_weights(outcome.model, f"{study.name}_{name}", home=home)
            shown = {k: v for k, v in outcome.measured.items() if not isinstance(v, list)}
            say(f"{study.name} {name} seed {seed}: {shown}, {effort}")
    return result


def _kept_runs(path, study):
    """Read the runs of before; refuse them if they were made in another way."""
    old = json.loads(path.read_text(encoding="utf-8"))
    asked = {name: variant.settings for name, variant in study.variants.items()}
    found = {name: kept["settings"] for name, kept in old["variants"].items()}
    if old["settings"] != study.settings or any(found[name] != asked.get(name) for name in found):
        raise ValueError(f"{path.name} holds runs with other settings; use --fresh to replace it")
    return old["variants"]


def summarise(runs):
    """Return mean, standard deviation (n − 1) and number of each measured value.

    Parameters
    ----------
    runs : list of dict
        Those entries count that are plain numbers in every run, but not the seed.

    Returns
    -------
    dict
        {"mean": {name: …}, "std": {name: …}, "n": …}; the spread of a single run is 0.
    """
    names = [
        k for k, v in runs[0].items() if k not in ("seed", "threads") and not isinstance(v, list)
    ]
    columns = {name: [run[name] for run in runs if run[name] is not None] for name in names}
    columns = {name: values for name, values in columns.items() if values}
    return {
        "n": len(runs),
        "mean": {name: _rounded(statistics.fmean(values)) for name, values in columns.items()},
        "std": {
            name: _rounded(statistics.stdev(values) if len(values) > 1 else 0.0)
            for name, values in columns.items()
        },
    }


def _rounded(value):
    """Keep six significant digits: the rest is noise, and would make needless differences."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _versions():
    names = {"cnnbook": version("cnnbook"), "torch": torch.__version__}
    return names | {"python": platform.python_version(), "cores": os.cpu_count()}


def _write(path, result):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def load_result(name, *, home=HOME):
    """Read the results of a study.

    Parameters
    ----------
    name : str
        Of the study.
    home : path

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If there are none; the message says how to make them.
    """
    path = Path(home) / "results" / f"{name}.json"
    if not path.exists():
        raise ValueError(
            f"there are no results of {name!r} in {path.parent}: "
            f"python -m cnnbook.experiments {name} makes them"
        )
    return json.loads(path.read_text(encoding="utf-8"))
