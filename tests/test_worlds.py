"""The debiasing study in two worlds: what its arms draw by, and what it measures."""

import functools
import math

import pytest
import torch

from cnnbook.datasets import ATTRIBUTES, Joint, concatenate, face_groups, faces, non_faces
from cnnbook.experiments import paired_difference, worlds
from cnnbook.experiments import portraits as study
from cnnbook.experiments.__main__ import STUDIES
from cnnbook.models import DebiasingVAE, FaceClassifier, PortraitVAE

DATA = concatenate(
    faces(150, joint=Joint(("pose",), [0.4, 0.3, 0.3]), crop=40, size=32, wall="same"),
    non_faces(50, crop=40, size=32, wall="same"),
)
THERE = DATA.labels == 1


def test_half_of_a_draw_are_faces_by_their_weights():
    even = worlds.evenly(DATA)
    assert float(even[THERE].sum()) == pytest.approx(0.5)
    assert even[THERE].std() == even[~THERE].std() == 0
    weights = torch.arange(150, dtype=torch.float64)
    drawn = worlds.evenly(DATA, weights)
    assert torch.allclose(drawn[THERE], weights / weights.sum() / 2)
    assert torch.equal(drawn[~THERE], even[~THERE])


def test_permuted_probabilities_are_the_same_ones_on_other_faces(monkeypatch):
    means = torch.randn(150, 3, generator=torch.Generator().manual_seed(2))
    monkeypatch.setattr(worlds, "small_vae_means", lambda world, seed: means)
    weights, told = worlds._by_small_vae("A", 5, DATA)
    permuted, _ = worlds._permuted("A", 5, DATA)
    assert torch.equal(weights.sort().values, permuted.sort().values)
    assert (weights != permuted).sum() > 100
    assert torch.equal(permuted, worlds._permuted("A", 5, DATA)[0])
    assert not torch.equal(permuted, worlds._permuted("A", 6, DATA)[0])
    assert set(told) == {"known dark", "known profile"}


def test_true_attributes_are_columns_as_latents_are():
    columns = worlds.true_columns(DATA)
    fixed = 4  # a wall that is the same for all, and its clothes
    assert columns.shape == (150, len(ATTRIBUTES) - fixed)
    assert torch.allclose(columns.mean(0), torch.zeros(1, dtype=torch.float64), atol=1e-12)
    assert torch.allclose(columns.std(0), torch.ones(1, dtype=torch.float64))
    skin = DATA.attributes["skin"][THERE]
    assert torch.corrcoef(torch.stack([columns[:, 0], skin.double()]))[0, 1] > 0.999


def test_shares_of_a_draw_stand_beside_what_they_are_worth():
    groups, names = face_groups(DATA)
    weights = torch.ones(150, dtype=torch.float64)
    dark = (groups == 5).nonzero()[:, 0]
    weights[dark[0]] = 50  # one face makes the share of its group
    measured = worlds.drawn(worlds.evenly(DATA, weights), DATA)
    assert sum(measured[f"drawn {name}"] for name in names) == pytest.approx(1)
    assert measured["drawn faces"] == pytest.approx(1)
    assert measured["drawn dark profile"] == pytest.approx((49 + len(dark)) / 199)
    assert measured["effective dark profile"] < 2 < len(dark)
    assert measured["distinct dark profile"] <= len(dark)
    assert measured["effective light frontal"] == pytest.approx(int((groups == 0).sum()))
    assert measured["effective faces"] == pytest.approx(199**2 / (149 + 2500))


def test_a_detector_is_judged_at_logit_0_and_at_the_matched_threshold(monkeypatch):
    """The scores say how light the skin is: at a lower threshold more are found, darker ones."""
    monkeypatch.setattr(worlds, "GROUP", 5)
    light = -DATA.attributes["skin"].float() + 0.5
    monkeypatch.setattr(worlds, "scores", lambda model, data: light.where(THERE, -3.2))
    measured = worlds.judge(None, DATA, -2.0)
    assert measured["recall light frontal"] < 1 == measured["matched recall light frontal"]
    assert measured["recall dark profile"] == measured["matched recall dark profile"] == 0
    assert measured["worst"] == measured["false_positives"] == 0
    assert measured["matched gap"] == measured["matched precision"] == 1
    assert measured["auc light frontal"] == 1 > measured["auc dark profile"]


def test_both_worlds_have_the_same_arms_and_networks_of_one_size():
    arms = {world: [name[2:] for name in worlds._arms(world)] for world in worlds.WORLDS}
    assert arms["A"] == arms["B"]
    features = set()
    for world in worlds.WORLDS.values():
        standard = FaceClassifier(world.shape, world.width)
        network = DebiasingVAE(6, world.shape, world.width, world.decoder_width)
        features |= {standard.encoder.features, network.encoder.features}
    assert len(features) == 1


def test_no_set_is_looked_at_twice():
    """Images to learn from, to choose settings and thresholds by, and to judge by are others."""
    seeds = [worlds.TEST_SEED, worlds.VALIDATION_SEED, worlds.SETTINGS_VALIDATION]
    for one, first in (
        (worlds.DEBIASING_WORLDS, worlds.FIRST_SEED),
        (worlds.DEBIASING_SETTINGS, worlds.SETTINGS_SEED),
    ):
        seeds += range(first, first + one.seeds)
    assert len(set(seeds)) == len(seeds)
    assert STUDIES["debiasing_worlds"].seeds >= 10


def file(**runs):
    return {
        "variants": {
            name: {"runs": [{"seed": seed, "x": x} for seed, x in enumerate(values)]}
            for name, values in runs.items()
        }
    }


def test_differences_are_paired_by_seed():
    result = file(a=[1.0, 12.0, 103.0], b=[2.0, 12.0, 104.0, 7.0])
    difference = paired_difference(result, "a", "b", "x")
    assert difference.mean == pytest.approx(-2 / 3)
    spread = math.sqrt(1 / 3)  # of −1, 0, −1
    assert difference.half == pytest.approx(4.302653 * spread / math.sqrt(3))
    assert difference.ratio == pytest.approx(116 / 118)
    assert difference.n == 3
    with pytest.raises(ValueError, match="a and c have 1 seeds in common, need 2"):
        paired_difference(file(a=[1.0], c=[2.0, 3.0]), "a", "c", "x")


def test_the_setting_is_chosen_among_draws_that_are_spread():
    def tried(alpha, weight, auc, share):
        means = {"auc": auc, "effective_share": share}
        return {"settings": {"alpha": alpha, "vae_weight": weight}, "mean": means}

    result = {
        "variants": {
            "lonely": tried(0.0, 1e-3, 0.99, 0.1),
            "better": tried(0.01, 1e-3, 0.97, 0.4),
            "worse": tried(0.1, 1e-3, 0.96, 0.8),
        }
    }
    assert worlds.chosen_setting(result) == (0.01, 1e-3)


def test_every_arm_is_trained_drawn_and_judged(monkeypatch):
    """On few images, one epoch: the numbers mean nothing, but each says what it must."""
    for name, value in {
        "TRAINING": 60,
        "GROUP": 8,
        "SHARES": {"dark": 0.4, "profile": 0.4},
        "RECIPE": {"epochs": 1, "lr": 3e-3, "batch_size": 30},
        "SMALL_VAE": {"epochs": 1, "lr": 3e-3, "batch_size": 30},
    }.items():
        monkeypatch.setattr(worlds, name, value)
    for name in ("training_images", "small_vae_means"):  # caches that hold nothing of the study
        fresh = functools.cache(getattr(worlds, name).__wrapped__)
        monkeypatch.setattr(worlds, name, fresh)
    sets = {"A": (worlds.validation_non_faces("A"), worlds.balanced_images("A", 9))}
    kept = {}
    for name, variant in worlds._arms("A").items():
        kept[name] = variant.run(sets, 0).measured
        assert ("drawn faces" in kept[name]) == (name != "A standard")
        knowing = name in ("A DB-VAE", "A DB-VAE inf", "A two stages")
        assert ("known dark" in kept[name]) == knowing
    assert len({run["auc"] for run in kept.values()}) == len(kept)
    for variant in worlds.DEBIASING_SETTINGS.variants.values():
        found = variant.run(worlds.training_images("A", 8), 0).measured
        assert 0 < found["effective_share"] <= 1 >= found["auc"] > 0
    assert kept["A with replacement"]["effective faces"] == pytest.approx(60)
    two = kept["A two stages"]["effective faces"]
    assert two < 59.9
    assert kept["A permuted"]["effective faces"] == pytest.approx(two)
    for name in ("light frontal", "medium profile", "dark profile"):
        assert kept["A by group"][f"drawn {name}"] == pytest.approx(1 / 6)


def test_portraits_are_judged_as_they_are_kept(monkeypatch):
    """The weights of a file are of half precision: what is measured is measured with those."""
    phase = {"epochs": 1, "lr": 1e-3, "kl_weight": 0.1}
    for name, value in {"TRAINING": 40, "TEST": 200, "PHASES": (phase, phase)}.items():
        monkeypatch.setattr(study, name, value)
    monkeypatch.setattr(study, "PortraitVAE", lambda: PortraitVAE(3, width=4))
    outcome = study.PORTRAITS.variants["aligned"].run(None, 0)
    assert len(outcome.measured["train_loss"]) == 2
    assert {p.dtype for p in outcome.model.parameters()} == {torch.float16}
    again = study.information(outcome.model.float(), study.portraits(200, seed=5001).images)
    assert again == {name: outcome.measured[name] for name in again}
    assert -1 < outcome.measured["kept glasses"] < 1
