"""Studies: every run is kept, weights load again, and the files say what was done."""

import json
import os
import re
import sys
import threading
import time
from dataclasses import replace

import pytest
import torch
from torch import nn

from cnnbook.datasets import DatasetError, Images, ImageSet
from cnnbook.experiments import debiasing, generation, handwriting, photographs
from cnnbook.experiments import run_study as run
from cnnbook.experiments.__main__ import STUDIES, main
from cnnbook.experiments.study import Outcome, Study, Variant, load_result, summarise
from cnnbook.experiments.table import HEAD, result_table
from cnnbook.models import load_weights


def study(calls=None, says="", measures=(), **changes):
    calls = [] if calls is None else calls

    def variant(name):
        def once(data, seed):
            calls.append((name, seed, data))
            torch.manual_seed(seed)
            curve = [0.1, 0.2]
            return Outcome({"accuracy": 0.5 + 0.1 * seed, "curve": curve}, nn.Linear(2, 3))

        return Variant(once, {"name": name}, says, measures)

    settings = {"name": "small", "question": "Is it so?", "load": lambda root: f"data in {root}"}
    settings |= {"variants": {"a": variant("a"), "b": variant("b")}, "settings": {"lr": 0.1}}
    return Study(**settings | {"seeds": 2, "kept": ("b",)} | changes)


def test_a_study_runs_every_variant_with_every_seed(tmp_path):
    calls, lines = [], []
    result = run(study(calls), data="there", home=tmp_path, say=lines.append)
    assert calls == [(name, seed, "data in there") for seed in (0, 1) for name in "ab"]
    assert load_result("small", home=tmp_path) == result
    kept = result["variants"]["a"]
    assert [one["seed"] for one in kept["runs"]] == [0, 1]
    assert kept["mean"]["accuracy"] == 0.55
    assert kept["std"]["accuracy"] == pytest.approx(0.0707107)
    assert kept["runs"][0]["curve"] == [0.1, 0.2]
    assert "curve" not in kept["mean"]
    assert set(result["versions"]) == {"cnnbook", "torch", "python", "cores"}
    assert len(lines) == 4
    assert "small b seed 1: {'accuracy': 0.6, 'cpu_seconds': 0.0, 'threads': " in lines[3]


def test_a_study_goes_on_where_it_stopped(tmp_path):
    calls = []
    run(study(calls), home=tmp_path, seeds=1, say=str)
    run(study(calls), home=tmp_path, only=["b"], say=str)
    assert [call[:2] for call in calls] == [("a", 0), ("b", 0), ("b", 1)]
    result = run(study(calls), home=tmp_path, say=str)
    assert calls[3][:2] == ("a", 1)
    assert len(calls) == 4
    assert [len(result["variants"][name]["runs"]) for name in "ab"] == [2, 2]
    run(study(calls), home=tmp_path, fresh=True, say=str)
    assert len(calls) == 8


def test_a_run_that_fails_loses_nothing(tmp_path):
    def fails(data, seed):
        raise RuntimeError("no")

    good = study()
    broken = study(variants=good.variants | {"c": Variant(fails, {})})
    with pytest.raises(RuntimeError, match="no"):
        run(broken, home=tmp_path, say=str)
    assert list(load_result("small", home=tmp_path)["variants"]) == ["a", "b"]


def test_other_settings_are_not_mixed(tmp_path):
    run(study(), home=tmp_path, seeds=1, say=str)
    with pytest.raises(ValueError, match=r"small\.json holds .* other settings; use --fresh"):
        run(study(settings={"lr": 0.2}), home=tmp_path, say=str)
    changed = study().variants | {"b": Variant(None, {"name": "c"})}
    with pytest.raises(ValueError, match="holds runs with other settings"):
        run(study(variants=changed), home=tmp_path, only=["a"], say=str)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds is 0, must be at least 1"),
        ({"seeds": -1}, "seeds is -1, must be at least 1"),
        ({"only": ["z"]}, r"only names \['z'\]; small has \['a', 'b'\]"),
    ],
)
def test_a_study_refuses(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run(study(), home=tmp_path, **options)


@pytest.mark.parametrize(
    "value", [(1, 2), float("nan"), float("inf"), {1: 2}, torch.ones(2), print]
)
def test_settings_that_would_not_come_back_are_refused_first(value, tmp_path):
    calls = []
    with pytest.raises(ValueError, match=r"settings of small are .*, must be in JSON's types"):
        run(study(calls, settings={"x": value}), home=tmp_path)
    variants = study(calls).variants
    variants["b"] = variants["b"]._replace(settings={"x": value})
    with pytest.raises(ValueError, match=r"settings of b are .*, must be in JSON's types"):
        run(study(calls, variants=variants), home=tmp_path)
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
    known = r"no weights 'c' in .*; there are \['small_b'\]; `python -m cnnbook"
    with pytest.raises(ValueError, match=known):
        load_weights(nn.Linear(2, 3), "c", home=tmp_path)
    with pytest.raises(ValueError, match=r"python -m cnnbook\.experiments other makes them"):
        load_result("other", home=tmp_path)


def test_summaries_leave_out_runs_without_a_value():
    runs = [{"seed": 0, "epochs": 4.0, "threads": 1}, {"seed": 1, "epochs": None, "threads": 1}]
    assert summarise(runs) == {"n": 2, "mean": {"epochs": 4.0}, "std": {"epochs": 0.0}}


def test_the_table_of_the_readme(tmp_path):
    with_rows = study(says="{name}, rate {lr}", measures=("accuracy", "cpu_seconds"))
    run(with_rows, home=tmp_path, only=["a"], say=str)
    lines = result_table([with_rows, study()], tmp_path).splitlines()
    assert lines[2] == "| `small` | `a` | `accuracy` | 55.00 ± 7.07 % | 2 | 0 | a, rate 0.1 |"
    assert lines[3] == "| `small` | `a` | `cpu_seconds` | 0.0 ± 0.0 | 2 | 0 | a, rate 0.1 |"
    assert len(lines) == 4  # b has not been run, the other study has no rows
    run(with_rows, home=tmp_path, seeds=1, fresh=True, say=str)
    assert "| 50.00 % | 1 |" in result_table([with_rows], tmp_path)  # a single run has no spread


def test_the_table_is_written_into_its_place(tmp_path, capsys):
    path = tmp_path / "README.md"
    path.write_text(f"# Title\n\n{HEAD}| old |\n| old |\n\n| another |\n\nEnd", encoding="utf-8")
    main(["table", "--write", str(path)])
    main(["table"])
    table = capsys.readouterr().out
    text = path.read_text(encoding="utf-8")
    assert text == f"# Title\n\n{table}\n| another |\n\nEnd"
    main(["table", "--write", str(path)])
    assert path.read_text(encoding="utf-8") == text
    path.write_text("no table")
    with pytest.raises(SystemExit, match="2"):
        main(["table", "--write", str(path)])
    assert "holds no table that begins with '| study | network" in capsys.readouterr().err
    assert path.read_text() == "no table"


def test_the_command_line(monkeypatch, tmp_path):
    asked, folder = [], str(tmp_path)
    monkeypatch.setattr(
        "cnnbook.experiments.__main__.run_study", lambda s, **options: asked.append((s, options))
    )
    main(["digits", "mnist", "--seeds", "3", "--data", folder, "--only", "lenet"])
    assert [s.name for s, _ in asked] == ["digits", "mnist"]
    options = {"data": folder, "seeds": 3, "only": ["lenet"], "fresh": False, "scheduler": None}
    assert asked[0][1] == options


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

    variants = {name: Variant(once, {"name": name}) for name in ("a", "b 0, c", "d", "e")}
    return study(variants=variants, kept=("b 0, c",), **changes)


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


def test_a_spread_run_that_fails_loses_nothing(cluster, tmp_path):
    def fails(data, seed):
        raise DatasetError("no data here")

    one = random(tmp_path / "log", seeds=1)
    one = replace(one, variants={"bad": Variant(fails, {})} | one.variants)
    with pytest.raises(DatasetError, match="no data here"):
        run(one, home=tmp_path, scheduler=cluster, say=str)
    assert list(load_result("small", home=tmp_path)["variants"]) == ["a", "b 0, c", "d", "e"]


def test_a_cluster_needs_a_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"a scheduler needs: pip install 'cnnbook\[cluster\]'"):
        run(study(), home=tmp_path, scheduler="tcp://127.0.0.1:8786", say=str)


HOSTILE = {
    "nothing": "invalid choice: 'nothing'",
    "digits nothing": "invalid choice: 'nothing'",
    "": "the following arguments are required: name",
    "digits --only nobody": "only names ['nobody']; digits has ['mlp', 'lenet', 'lenet_augmented']",
    "digits vae --only mlp": "only names ['mlp']; vae has",
    "digits --only": "argument --only: expected at least one argument",
    "digits --data nowhere": "argument --data: 'nowhere' is no folder",
    "digits --data pyproject.toml": "argument --data: 'pyproject.toml' is no folder",
    "digits --threads 99999999999999999999": "must be at most 1024",
    "digits --write README.md": "argument --write: goes with table",
    "digits --colour red": "unrecognized arguments: --colour red",
} | {
    f"digits {name} {value}": f"argument {name}: '{value}', must be a whole number of at least 1"
    for name in ("--seeds", "--threads")
    for value in ("0", "-1", "x", "1.5", "nan", "²", "1e3")
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


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("digits.json is damaged"), 2),
        (DatasetError("no network"), 1),
        (OSError(28, "No space left"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_the_command_line_ends_without_a_traceback(error, code, capsys, monkeypatch):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr("cnnbook.experiments.__main__.run_study", fails)
    with pytest.raises(SystemExit) as ended:
        main(["digits"])
    (line,) = capsys.readouterr().err.splitlines()
    assert str(error) in line
    assert ended.value.code == code


def tiny(channels, size, classes=10):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(20, channels, size, size, generator=generator)
    part = Images(images, torch.arange(20) % classes, tuple("0123456789"))
    return ImageSet(part, part)


@pytest.mark.parametrize("name", list(STUDIES))
def test_every_study_runs_on_a_few_images(name, tmp_path, monkeypatch):
    """One epoch on twenty images: the numbers mean nothing, but all variants must come through."""
    one = STUDIES[name]
    short = lambda fit: lambda *a, **k: fit(*a, **k | {"epochs": 1, "progress": False})  # noqa: E731
    for module in (handwriting, photographs, generation, debiasing):
        monkeypatch.setattr(module, "fit", short(module.fit))
    monkeypatch.setattr(photographs, "VALIDATION", 5)
    few = generation.faces
    monkeypatch.setattr(generation, "faces", lambda count, **options: few(20, **options))
    monkeypatch.setattr(debiasing, "TRAINING", 40)
    monkeypatch.setattr(debiasing, "GROUP", 3)
    monkeypatch.setattr(debiasing, "_training_faces", debiasing.biased_faces)
    digit = tiny(1, 28)
    small = {"vae": (digit, digit), "mnist": (digit, digit.test)}
    small["debiasing"] = debiasing.balanced_faces(0, count=3) if name == "debiasing" else None
    small |= dict.fromkeys(("activation", "ablation", "cifar10"), tiny(3, 32))
    small = small.get(name, (digit, None))
    result = run(Study(**vars(one) | {"load": lambda root: small}), seeds=1, home=tmp_path, say=str)
    assert list(result["variants"]) == list(one.variants)
    assert json.dumps(one.settings)
    for variant, kept in result["variants"].items():
        assert kept["settings"] == one.variants[variant].settings
        assert kept["n"] == 1
    assert set(one.kept) <= set(one.variants)
