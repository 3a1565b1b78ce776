"""What the book states was measured: result files, weights and the README's table agree."""

import json
import re
from pathlib import Path

import pytest
import torch

from cnnbook.datasets import Images, centre_digits, digits, portraits, scattered_digits
from cnnbook.experiments import portraits as portrait_study
from cnnbook.experiments import worlds
from cnnbook.experiments.__main__ import STUDIES
from cnnbook.experiments.generation import information, nats
from cnnbook.experiments.sharing import reference_architectures
from cnnbook.experiments.study import summarise
from cnnbook.experiments.table import result_table
from cnnbook.models import HOME, MLP, LeNet, LeNet5, SmallAlexNet, pretrained
from cnnbook.training import evaluate
from cnnbook.training.searching import shared_accuracy

FILES = sorted((HOME / "results").glob("*.json"))
README = Path(__file__).parent.parent / "README.md"
READERS = ("mlp", "lenet", "lenet_augmented", "lenet5")
RESULTS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}
KEPT = [(name, variant) for name in RESULTS for variant in STUDIES[name].kept]


def first_run(name, variant):
    return RESULTS[name]["variants"][variant]["runs"][0]


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_file_is_that_of_its_study(name):
    result, study = RESULTS[name], STUDIES[name]
    assert (result["settings"], result["question"]) == (study.settings, study.question)
    assert set(result["variants"]) <= set(study.variants)
    for variant, kept in result["variants"].items():
        assert kept["settings"] == study.variants[variant].settings
        assert [run["seed"] for run in kept["runs"]] == list(range(kept["n"]))
        assert kept.items() >= summarise(kept["runs"]).items()
    assert any(variant.measures for variant in study.variants.values())  # the README states it


@pytest.mark.parametrize(("name", "variant"), [each for each in KEPT if each[1] in READERS])
def test_the_weights_are_those_of_the_first_run(name, variant):
    """The digits that ship are the test: their accuracy is in the file."""
    run = first_run(name, variant)
    seen, expected = digits(as_mnist=True).test, run["test_accuracy"]
    if name == "mnist":
        parts = digits().train, digits().test
        images, labels = (torch.cat([getattr(p, n) for p in parts]) for n in ("images", "labels"))
        images = centre_digits(images)
        images = images * 1.275 - 0.1 if variant == "lenet5" else images  # the paper's range
        seen, expected = Images(images, labels, seen.classes), run["foreign_accuracy"]
    # a score may fall on the other side of a tie on another processor
    accuracy = evaluate(pretrained(f"{name}_{variant}"), seen).accuracy
    assert abs(accuracy - expected) <= 2 / len(seen)


@pytest.mark.parametrize("variant", ["conv", "dense"])
def test_the_weights_of_the_vae_are_those_of_the_first_run(variant):
    measured = nats(pretrained(f"vae_{variant}"), digits(as_mnist=True).test.images)
    assert measured == pytest.approx(first_run("vae", variant)["embedded_nelbo"], rel=1e-3)


def test_the_weights_of_the_portraits_are_those_of_the_first_run():
    expected = first_run("portraits", "aligned")
    images = portraits(portrait_study.TEST, seed=portrait_study.TEST_SEED).images
    measured = information(pretrained("portraits_aligned"), images)
    assert measured == pytest.approx({name: expected[name] for name in measured}, rel=1e-3)


def test_the_detectors_of_world_a_are_those_of_the_first_run():
    test = worlds.balanced_images("A", worlds.TEST_SEED)
    for variant in worlds.DEBIASING_WORLDS.kept:
        run = first_run("debiasing_worlds", variant)
        measured = worlds.judge(pretrained(f"debiasing_worlds_{variant}"), test, 0.0)
        for name in worlds.face_groups(test)[1]:
            assert abs(measured[f"recall {name}"] - run[f"recall {name}"]) <= 2 / worlds.GROUP
        assert abs(measured["auc"] - run["auc"]) < 0.002


def test_the_arms_of_a_world_saw_the_same_seeds():
    for world in worlds.WORLDS:
        kept = RESULTS["debiasing_worlds"]["variants"]
        assert len({kept[name]["n"] for name in kept if name[0] == world}) <= 1


@pytest.mark.parametrize("variant", ["random", "plain"])
def test_the_shared_weights_are_those_of_the_first_run(variant):
    network, (_, validation, _) = pretrained(f"enas_{variant}"), scattered_digits()
    expected = first_run("enas", variant)["reference"]
    for architecture, share in zip(reference_architectures()[:5], expected, strict=False):
        assert abs(shared_accuracy(network, architecture, validation) - share) <= 0.002


def test_the_search_is_judged_by_ten_seeds_at_equal_cost():
    """`random` ranks more candidates for what the rewards cost; `scratch` takes as long."""
    variants = RESULTS["enas"]["variants"]
    assert {kept["n"] for kept in variants.values()} == {10}
    settings, seconds = RESULTS["enas"]["settings"], {}
    for name in ("warm_up", "random", "scratch"):
        seconds[name] = sum(sum(run["seconds"]) for run in variants[name]["runs"])
    rewards = 200 * settings["samples"] * settings["reward_images"] // 1000
    assert variants["random"]["settings"]["candidates"] == rewards + 30
    assert 0.7 < seconds["random"] / seconds["warm_up"] < 1.1
    assert 0.9 < seconds["scratch"] / seconds["warm_up"] < 1.1


def test_the_readme_states_what_was_measured():
    """`python -m cnnbook.experiments table --write README.md` makes it so."""
    assert result_table(STUDIES.values()) in README.read_text(encoding="utf-8")


def test_the_readme_counts_parameters_right():
    networks = {"mlp": MLP(), "lenet": LeNet(), "small_alexnet": SmallAlexNet()}
    for study, name in (("mnist", "mlp"), ("mnist", "lenet"), ("cifar10", "small_alexnet")):
        count = sum(parameter.numel() for parameter in networks[name].parameters())
        assert f"{count:,} parameters" in STUDIES[study].variants[name].says
    trained = sum(p.numel() for p in LeNet5().parameters() if p.requires_grad)
    assert f"{trained:,} parameters" in STUDIES["mnist"].variants["lenet5"].says


def test_the_readme_gives_no_accuracy_outside_of_the_table():
    text = README.read_text(encoding="utf-8")
    free = [line for line in text.splitlines() if not line.startswith("| `")]
    assert [line for line in free if re.search(r"\d\d\.\d+ ?%", line)] == []
