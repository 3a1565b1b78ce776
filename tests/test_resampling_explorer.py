"""The resampling explorer: the histogram's arithmetic, its controls, its data and its picture."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, check_state, texts

from cnnbook.datasets import biased, concatenate, faces, non_faces
from cnnbook.figures.resampling import BATCH, DRAWS, Resampling
from cnnbook.figures.scene import pixels
from cnnbook.models import DebiasingVAE
from cnnbook.training import latent_means, resampling_probabilities
from cnnbook.training.resampling import densities
from cnnbook.widgets import resampling_explorer

NAMES = ("common", "rare", "absent")


def a_resampling(means, probabilities, groups=None, names=("all",), **settings):
    """Faces with one latent whose probabilities are given, not computed."""
    means = np.reshape(np.asarray(means, float), (len(means), -1))
    images = np.random.default_rng(0).random((len(means), 3, 8, 8))
    groups = np.zeros(len(means), int) if groups is None else np.asarray(groups)
    given = lambda means, **_: np.asarray(probabilities, float)  # noqa: E731
    return Resampling(given, means, images, groups, names, **{"alpha": 0.0} | settings)


def by_hand(**settings):
    """Five faces in three bins of width 1: three, one, one."""
    means, p = [0, 0.4, 0.8, 1.5, 3.0], np.array([1, 1, 1, 3, 3]) / 9
    return a_resampling(means, p, [0, 0, 0, 0, 1], NAMES, bins=3, **settings)


def codes(count=60):
    return np.random.default_rng(0).standard_normal((count, 4)) * [1, 3, 0.5, 2]


def explorer(count=60, **settings):
    images = np.random.default_rng(1).random((count, 1, 6, 5)).astype(np.float32)
    options = {"images": images, "means": codes(count), "groups": np.arange(count) % 10 // 8}
    return resampling_explorer(**options | settings)


@settings(max_examples=12, deadline=None)
@given(
    st.data(), st.sampled_from([2, 60, 880]), st.sampled_from([0, 1e-3, 1, 500]),
    st.sampled_from([0.0, 1e-3, 0.3, 3.0, math.inf]), st.sampled_from([1, 10, 40]),
)  # fmt: skip
def test_every_picture(data, count, scale, alpha, bins):
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    p = rng.gamma(data.draw(st.sampled_from([0.02, 1, 100])), 1, count)
    lengths = data.draw(st.lists(st.integers(3, 14), min_size=1, max_size=9))
    names = tuple(f"medium profile {n}"[:length] for n, length in enumerate(lengths))
    means, groups = scale * rng.standard_normal(count), rng.integers(-1, len(names), count)
    it = a_resampling(means, p / p.sum(), groups, names, alpha=alpha, bins=bins)
    first, *_ = check_state(it, steps=2)
    assert len(names) > 5 or first.size == by_hand().picture().size


def test_a_histogram_worked_by_hand():
    it = by_hand()
    np.testing.assert_allclose(it.density, [0.6, 0.2, 0.2])
    np.testing.assert_allclose(it.drawn_density, [1 / 3] * 3)  # α = 0: every bin the same
    np.testing.assert_allclose(it.gains, 5 * it.probabilities)
    common, rare, absent = it.shares
    np.testing.assert_allclose((common.before, common.after, common.gain), (0.8, 2 / 3, 5 / 6))
    assert (absent.count, absent.change, it.rare) == (0, "none", (rare,))
    assert sum(share.shown for share in it.shares) == BATCH
    assert it.effective == pytest.approx(81 / 21)  # 1 / (3 · (1/9)² + 2 · (3/9)²)
    each = [share.effective for share in it.shares]
    assert each == pytest.approx([36 / 12, 1, 0])
    rare = "the rare groups are drawn 1.67 times as often"
    assert it.claim == f"α = 0: {rare}; an epoch is as varied as 4 of 5 faces"
    assert {"20.0 % → 33.3 %", "×1.67", "none", "3 of 4"} <= set(texts(it.picture()))
    assert "n_eff = 1/Σp² = 4 of 5" in texts(it.picture())
    it = by_hand(alpha=0.2)
    mean, density = it.values[it.chosen], it.density[it.places[it.chosen]]
    value = f"{1 / (density + 0.2):.3g}"
    assert it.formula == f"1/(Q(z₀ = {mean:g}) + α) = 1/({density:.3f} + 0.2) = {value}"
    assert it.formula in it.description
    assert by_hand(alpha=math.inf).formula.endswith("α → ∞: every face weighs the same")


def test_a_sample_of_many_faces_is_written_in_full():
    even = a_resampling(np.zeros(1234), np.full(1234, 1 / 1234))
    assert even.shares[0].worth == "1234 of 1234"
    assert "1234 of 1234" in texts(even.picture())


def test_densities_are_those_of_the_training():
    means, p = codes(), np.full(60, 1 / 60)
    expected = densities(torch.from_numpy(means), bins=7)
    for latent in range(4):
        it = a_resampling(means, p, alpha=0.1, latent=latent, bins=7)
        np.testing.assert_allclose(it.density[it.places], expected[:, latent])
    constant = a_resampling(np.full(4, 2.5), np.full(4, 0.25), bins=5)
    np.testing.assert_allclose(constant.density, [1, 0, 0, 0, 0])


def test_faces_are_drawn_by_their_probabilities():
    p = np.array([0, 0.25, 0.75, 0, 0])
    each = [a_resampling(np.arange(20.0 - k), np.pad(p, (0, 15 - k))) for k in range(15)]
    draws = [it.at(step).drawn for it in each for step in range(DRAWS)]
    shares = np.bincount(np.concatenate(draws), minlength=5) / (300 * BATCH)
    np.testing.assert_allclose(shares, p, atol=0.03)


def test_a_pointer_looks_at_faces_bins_and_groups():
    view = explorer()
    drawn, before = view.state.drawn, view.screen.value
    view.hover(["group", 1])
    assert "group 1: 12 faces" in view.screen.value
    view.hover(None)
    assert view.screen.value == before
    view.touch(["group", 1])
    state = view.state
    assert set(state.members) == set(np.flatnonzero(state.groups == 1))
    assert (np.diff(state.gains[state.members]) <= 0).all()
    assert [share.shown for share in state.shares] == [0, 12]
    inside = [mark.height for mark in state.picture().find("histogram", "group")]
    tallest = {mark.at[0]: mark.height for mark in state.picture().find("histogram", "bar")}
    counts = np.bincount(state.places, minlength=10)
    of_group = np.bincount(state.places[state.groups == 1], minlength=10)
    heights = [tallest[n] * of_group[n] / counts[n] for n in np.flatnonzero(of_group)]
    np.testing.assert_allclose(inside, heights)
    assert state.hovered("face", 2).chosen == state.members[2] != state.chosen
    view.touch(["face", 2])
    assert (view.state.looked_at, view.state.chosen) == (("group", 1), state.members[2])
    assert view.state.group == "group 1"
    view.touch(["bin", 4, 1])
    assert set(view.state.members) == set(np.flatnonzero(state.places == 4))
    assert view.state.face == 0
    view.controls["alpha"].value = 0.0  # it stays
    assert view.state.looked_at == ("bin", 4, 1)
    view.touch(["bin", 4, 1])
    assert view.state.looked_at == ()
    view.controls["alpha"].value = 0.01
    np.testing.assert_array_equal(view.state.members, drawn)
    view.touch(["bin", 0, 1])
    view.controls["latent"].value = 3  # which has other bins
    assert (view.state.looked_at, view.message) == ((), "")
    view.touch(["group", 0])
    view.press("ArrowRight")  # another draw is looked at
    assert "draw 2: 16 faces" in view.screen.value


def test_every_part_has_a_face():
    """What is empty cannot be touched; all else can, and is a button."""
    it = by_hand()
    parts = {mark.live[0][2:]: mark.live[0][0] for mark in it.picture().marks if mark.live[0]}
    assert {part for part in parts if part[0] != "face"} == {
        *(("bin", n, 0) for n in range(3)), ("group", 0), ("group", 1),
    }  # fmt: skip
    assert len(parts) == 5 + BATCH
    assert all(parts.values())
    for part in set(parts) - {("face", n) for n in range(4, BATCH)}:
        check_picture(it.hovered(*part).picture())


def test_it_shows_what_training_would_draw():
    view = explorer(alpha=0.03)
    state = view.state
    expected = resampling_probabilities(torch.from_numpy(codes()), alpha=0.03)
    np.testing.assert_allclose(state.probabilities, expected)
    assert state.latent == 1  # the one whose means are spread most
    np.testing.assert_allclose(state.values, codes()[:, 1])
    shown = next(mark.pixels for mark in state.picture().find("batch") if hasattr(mark, "pixels"))
    rows, columns = shown.shape[0] // 6, shown.shape[1] // 8
    first = shown[::rows, :columns:rows, :3]
    np.testing.assert_array_equal(first, pixels(state.images[state.chosen]))
    view.go_to(3)  # another draw of the same
    assert "draw 4: 16 faces" in texts(view.state.picture())
    assert not np.array_equal(view.state.drawn, state.drawn)
    assert view.state.probabilities is state.probabilities


def test_every_control_changes_the_picture():
    view = explorer()
    pictures = {view.screen.value}
    for name, value in {"alpha": 0.0, "latent": 3, "combine": "product"}.items():
        view.controls[name].value = value
        assert (getattr(view.state, name), view.message) == (value, "")
        pictures.add(view.screen.value)
    assert len(pictures) == 4
    view.controls["alpha"].value = math.inf
    np.testing.assert_allclose(view.state.gains, 1)


def test_faces_bring_their_groups():
    data = concatenate(faces(30, joint=biased(0.3, 0.3), seed=1), non_faces(10, seed=1))
    torch.manual_seed(0)
    model = DebiasingVAE(latents=3, width=2, decoder_width=2).train()
    view = resampling_explorer(model, data)
    assert model.training
    np.testing.assert_allclose(view.state.means, latent_means(model, data.images[:30]), atol=1e-6)
    assert view.state.names[0] == "light frontal"
    assert len(view.state.names) == 6
    alone = explorer(groups=None)
    assert alone.state.names == ("all faces",)
    assert alone.state.claim.startswith("α = 0.01: no group is rarer than the others; ")
    assert explorer().state.names == ("group 0", "group 1")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"means": codes(50)}, r"means has shape \(50, 4\), expected \(60, latents\)"),
        ({"groups": [0, 1]}, r"groups has shape \(2,\), there are 60 faces"),
        ({"groups": [3] * 60, "names": NAMES}, "groups holds 3, must be from -1 to 2"),
        ({"groups": [-2] * 60, "names": NAMES}, "groups holds -2, must be from -1 to 2"),
        ({"latent": 4}, "latent is 4, expected 0 to 3"),
        ({"step": 20}, "step is 20, expected 0 to 19"),
        ({"face": 16}, "face is 16, expected 0 to 15"),
        ({"looked_at": ("bin", 10, 1)}, r"looked_at is \('bin', 10, 1\), there are no such faces"),
        ({"looked_at": ("group", 2)}, r"looked_at is \('group', 2\), there are no such faces"),
        ({"combine": "sum"}, "combine is 'sum', must be one of max, product"),
        ({"alpha": -1}, r"alpha is -1\.0, must not be negative"),
        ({"bins": 0}, "bins is 0, must be from 1 to"),
        ({"images": np.zeros((4, 6, 5))}, r"images has 3 axes, expected 4: \(N, C, H, W\)"),
        ({"count": 1}, "there are 1 faces, need at least 2"),
    ],
)
def test_the_widget_refuses(changed, message):
    with pytest.raises(ValueError, match=message):
        explorer(**changed)


def test_large_gains_and_whole_shares_have_room():
    groups = np.eye(880, dtype=int)[5]
    one = a_resampling(range(880), groups, groups, ("common", "one")).picture()
    alone = a_resampling([0, 1], [0.5, 0.5], bins=1).picture()
    assert {"×880", "×880.00", "100.0 % → 100.0 %"} <= {*texts(one), *texts(alone)}
    assert one.size == alone.size == by_hand().picture().size
