"""Studies: every run is kept, weights load again, and the files say what was done."""

import os
import re
import sys
import threading
import time
from dataclasses import replace
from unittest.mock import Mock

import pytest
import torch
from torch import nn

from cnnbook.datasets import DatasetError, Images, ImageSet
from cnnbook.experiments import generation, handwriting, photographs, sharing
from cnnbook.experiments import run_study as run
from cnnbook.experiments.__main__ import STUDIES, main
from cnnbook.experiments.study import Outcome, Study, Variant, summarise
from cnnbook.experiments.table import HEAD, result_table
from cnnbook.files import load_result
from cnnbook.models import load_weights
from cnnbook.training import searching


def study(calls=None, says="", measures=(), names="ab", once=None, **changes):
    def run_once(data, seed):
        (calls if calls is not None else []).append((seed, data))
        torch.manual_seed(seed)
        return Outcome({"accuracy": 0.5 + 0.1 * seed, "curve": [0.1, 0.2]}, nn.Linear(2, 3))

    variants = {n: Variant(once or run_once, {"name": n}, says, measures) for n in names}
    settings = {"name": "small", "question": "Is it so?", "load": lambda root: f"data in {root}"}
    settings |= {"variants": variants, "settings": {"lr": 0.1}, "seeds": 2, "kept": ("b",)}
    return Study(**settings | changes)


def test_a_study_runs_every_variant_with_every_seed_and_goes_on(tmp_path):
    calls, lines = [], []
    options = {"data": "there", "home": tmp_path, "say": lines.append}
    run(study(calls), seeds=1, **options)
    run(study(calls), only=["b"], **options)
    result = run(study(calls), **options)
    assert calls == [(seed, "data in there") for seed in (0, 0, 1, 1)]
    assert load_result("small", home=tmp_path) == result
    kept = result["variants"]["a"]
    assert [one["seed"] for one in kept["runs"]] == [0, 1]
    assert kept["mean"]["accuracy"] == 0.55
    assert kept["std"]["accuracy"] == pytest.approx(0.0707107)
    assert kept["runs"][0]["curve"] == [0.1, 0.2]
    assert "curve" not in kept["mean"]
    assert set(result["versions"]) == {"cnnbook", "torch", "python", "cores"}
    assert "small b seed 1: {'accuracy': 0.6, 'cpu_seconds': 0.0, 'threads': " in lines[2]
    assert len(lines) == 4


def fails(data, seed):
    raise DatasetError("no data here")


def test_numbers_that_json_lacks_come_back(tmp_path):
    measured = {"loss": float("nan"), "best": torch.tensor(2.0), "curve": [1.0, float("inf")]}
    numbers = study(once=lambda *_: Outcome(measured | {"none": None}), kept=())
    kept = run(numbers, home=tmp_path, say=str)["variants"]["a"]
    found = {name: kept["runs"][0][name] for name in measured}
    assert found == {"loss": "nan", "best": 2.0, "curve": [1.0, "inf"]}
    assert kept["mean"]["loss"] is kept["std"]["loss"] is None
    assert kept["mean"]["best"] == 2
    assert "none" not in kept["mean"]
    assert summarise([{"epochs": 4.0}, {"epochs": None}])["mean"] == {"epochs": 4.0}


NO_JSON = [(1, 2), float("nan"), float("inf"), {1: 2}, torch.ones(2), print]
OTHER = r"small\.json holds runs with other settings; use --fresh"


def test_a_study_refuses_before_it_runs(tmp_path, monkeypatch):
    calls = []
    run(study(), home=tmp_path, say=str)
    one = study(calls)
    changed = one.variants | {"b": one.variants["b"]._replace(settings={"name": "c"})}
    cases = [
        (one, {"seeds": 0}, "seeds is 0, must be at least 1"),
        (one, {"only": ["z"]}, r"only names \['z'\]; small has \['a', 'b'\]"),
        (study(calls, settings={"lr": 0.2}), {}, OTHER),
        (study(calls, variants=changed), {"only": ["a"]}, OTHER),
    ]
    for value in NO_JSON:
        named = {"b": one.variants["b"]._replace(settings={"x": value})}
        for part, name in (({"settings": {"x": value}}, "small"), ({"variants": named}, "b")):
            words = rf"settings of {name} are .*, must be in JSON's types"
            cases.append((study(calls, **part), {}, words))
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = r"a scheduler needs: pip install 'cnnbook\[cluster\]'"
    cases.append((one, {"scheduler": "tcp://127.0.0.1:8786", "seeds": 3}, words))
    for asked, options, message in cases:
        with pytest.raises(ValueError, match=message):
            run(asked, home=tmp_path, **options)
    assert calls == []


def test_weights_of_the_first_seed_load_again(tmp_path):
    run(study(), home=tmp_path, say=str)
    assert [file.name for file in (tmp_path / "weights").iterdir()] == ["small_b.safetensors"]
    model = load_weights(nn.Linear(2, 3).train(), "small_b", home=tmp_path)
    torch.manual_seed(0)
    assert torch.equal(model.weight, nn.Linear(2, 3).weight)
    assert not model.training
    with pytest.raises(ValueError, match="the weights 'small_b' do not fit this model"):
        load_weights(nn.Linear(2, 4), "small_b", home=tmp_path)
    with pytest.raises(ValueError, match=r"no weights 'c' in .*; there are \['small_b'\]; `pyth"):
        load_weights(nn.Linear(2, 3), "c", home=tmp_path)
    with pytest.raises(ValueError, match=r"python -m cnnbook\.experiments other makes them"):
        load_result("other", home=tmp_path)


def test_the_table_of_the_readme(tmp_path):
    with_rows = study(says="{name}, rate {lr}", measures=("accuracy", "cpu_seconds"))
    run(with_rows, home=tmp_path, only=["a"], say=str)
    lines = result_table([with_rows, study()], tmp_path).splitlines()
    assert lines[2:] == [  # b has not been run, the other study has no rows
        "| `small` | `a` | `accuracy` | 55.00 ± 7.07 % | 2 | 0 | a, rate 0.1 |",
        "| `small` | `a` | `cpu_seconds` | 0.0 ± 0.0 | 2 | 0 | a, rate 0.1 |",
    ]
    run(with_rows, home=tmp_path, seeds=1, fresh=True, say=str)
    assert "| 50.00 % | 1 |" in result_table([with_rows], tmp_path)  # a single run has no spread


def test_the_table_is_written_into_its_place(tmp_path, capsys):
    path = tmp_path / "README.md"
    path.write_text(f"# Title\n\n{HEAD}| old |\n| old |\n\n| another |\n\nEnd", encoding="utf-8")
    main(["table"])
    table = capsys.readouterr().out
    for _ in range(2):
        main(["table", "--write", str(path)])
        assert path.read_text(encoding="utf-8") == f"# Title\n\n{table}\n| another |\n\nEnd"
    path.write_text("no table")
    with pytest.raises(SystemExit, match="2"):
        main(["table", "--write", str(path)])
    assert "holds no table that begins with '| study | network" in capsys.readouterr().err
    assert path.read_text() == "no table"


@pytest.fixture(scope="module")
def cluster():
    """The address of two worker processes with two threads each."""
    distributed = pytest.importorskip("distributed", reason="needs the extra cluster")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None
    ) as local:
        yield local.scheduler_address


def random(log, **changes):
    """Make a study whose numbers are random, and wrong where two runs share a generator."""

    def once(data, seed):
        torch.manual_seed(seed)
        time.sleep(0.02)
        with open(log, "a") as file:
            file.write(f"{os.getpid()} {threading.get_ident()}\n")
        model = nn.Linear(2, 3)
        return Outcome({"x": model.weight.sum(), "data": data, "curve": torch.rand(3)}, model)

    return study(names=("a", "b 0, c", "d", "e"), once=once, kept=("b 0, c",), **changes)


def test_spread_runs_make_the_same_files(cluster, tmp_path):
    texts = []
    for name, scheduler in (("here", None), ("there", cluster)):
        options = {"home": tmp_path / name, "data": "/there", "say": str, "scheduler": scheduler}
        run(random(tmp_path / f"log {name}"), **options)
        text = (tmp_path / name / "results" / "small.json").read_text()
        texts.append(re.sub(r'"cpu_seconds": [\d.]+', "", text))
    assert texts[0] == texts[1]
    here, there = (tmp_path / name / "weights" for name in ("here", "there"))
    name = "small_b_0,_c.safetensors"
    assert (here / name).read_bytes() == (there / name).read_bytes()
    workers = {line.split()[0] for line in (tmp_path / "log there").read_text().splitlines()}
    assert len(workers) == 2
    assert str(os.getpid()) not in workers


@pytest.mark.parametrize("spread", [False, True])
def test_a_run_that_fails_loses_nothing(request, tmp_path, spread):
    scheduler = request.getfixturevalue("cluster") if spread else None
    one = random(tmp_path / "log", seeds=1)
    bad = {"bad": Variant(fails, {})}
    one = replace(one, variants=bad | one.variants if spread else one.variants | bad)
    with pytest.raises(DatasetError, match="no data here"):
        run(one, home=tmp_path, scheduler=scheduler, say=str)
    assert list(load_result("small", home=tmp_path)["variants"]) == ["a", "b 0, c", "d", "e"]


HOSTILE = {
    "nothing": "invalid choice: 'nothing'",
    "digits nothing": "invalid choice: 'nothing'",
    "": "the following arguments are required: name",
    "digits --only nobody": "only names ['nobody']; digits has ['mlp', 'lenet', 'lenet_augmented']",
    "digits vae --only mlp": "only names ['mlp']; vae has",
    "digits --only": "argument --only: expected at least one argument",
    "digits --data nowhere": "argument --data: 'nowhere' is no folder",
    "digits --data pyproject.toml": "argument --data: 'pyproject.toml' is no folder",
    "digits --threads 99999999999999999999": "--threads is 99999999999999999999, must be from 1",
    "digits --threads 0": "--threads is 0, must be from 1 to 1024",
    "digits --seeds 0": "seeds is 0, must be at least 1",
    "digits --seeds 1.5": "argument --seeds: invalid int value: '1.5'",
    "digits --write README.md": "argument --write: goes with table",
    "digits --colour red": "unrecognized arguments: --colour red",
}


@pytest.mark.parametrize(("arguments", "message"), HOSTILE.items(), ids=HOSTILE)
def test_the_command_line_refuses_in_one_line(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr("cnnbook.experiments.__main__.run_study", None)
    with pytest.raises(SystemExit) as refused:
        main(arguments.split())
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert line.startswith("python -m cnnbook.experiments: ")
    assert refused.value.code == 2


def test_the_command_line_asks_and_ends_without_a_traceback(capsys, monkeypatch, tmp_path):
    asked = Mock()
    monkeypatch.setattr("cnnbook.experiments.__main__.run_study", asked)
    main(["digits", "mnist", "--seeds", "3", "--data", str(tmp_path), "--only", "lenet"])
    assert [call.args[0].name for call in asked.mock_calls] == ["digits", "mnist"]
    options = {"data": str(tmp_path), "seeds": 3, "only": ["lenet"]}
    assert asked.mock_calls[0].kwargs == options | {"fresh": False, "scheduler": None}
    ends = {ValueError("digits.json is damaged"): 2, DatasetError("no network"): 1}
    for error, code in (ends | {OSError(28, "No space left"): 1, KeyboardInterrupt(): 130}).items():
        asked.side_effect = error
        with pytest.raises(SystemExit) as ended:
            main(["digits"])
        (line,) = capsys.readouterr().err.splitlines()
        assert str(error) in line
        assert ended.value.code == code


ELSEWHERE = ("debiasing_settings", "debiasing_worlds", "portraits")  # in test_worlds.py


@pytest.mark.parametrize("name", [name for name in STUDIES if name not in ELSEWHERE])
def test_every_study_runs_on_a_few_images(name, tmp_path, monkeypatch):
    """One epoch on twenty images: the numbers mean nothing, but all variants must come through."""
    one = STUDIES[name]
    short = lambda fit: lambda *a, **k: fit(*a, **k | {"epochs": 1, "progress": False})  # noqa: E731
    for module in (handwriting, photographs, generation):
        monkeypatch.setattr(module, "fit", short(module.fit))
    monkeypatch.setattr(photographs, "VALIDATION", 5)
    digit, photo = (
        ImageSet(*[Images(torch.rand(20, *size), torch.arange(20) % 10, tuple("0123456789"))] * 2)
        for size in ((1, 28, 28), (3, 32, 32))
    )
    small = {"vae": (digit, digit), "mnist": (digit, digit.test)}
    small |= dict.fromkeys(("activation", "ablation", "cifar10"), photo)
    small["enas"] = [Images(torch.rand(20, 1, 24, 24), digit.test.labels, digit.test.classes)] * 3
    few_updates = lambda *a, **k: searching.search(*a, **k | {"updates": 5})  # noqa: E731
    monkeypatch.setattr(sharing, "search", few_updates)
    for setting, value in (("epochs", 21), ("child_epochs", 1), ("retrainings", 2)):
        monkeypatch.setitem(sharing.SETTINGS, setting, value)
    load = lambda root: small.get(name, (digit, None))  # noqa: E731
    result = run(replace(one, load=load), seeds=1, home=tmp_path, say=str)
    assert list(result["variants"]) == list(one.variants)
    assert all(kept["n"] == 1 for kept in result["variants"].values())
    assert set(one.kept) <= set(one.variants)
