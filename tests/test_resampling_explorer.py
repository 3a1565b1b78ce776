"""The resampling explorer: the histogram's arithmetic, its controls, its data and its picture."""

import math

import numpy as np
import pytest
import torch
from test_figure_dense import assert_legible, texts

from cnnbook.datasets import biased, concatenate, faces, non_faces
from cnnbook.figures.picture import _Image
from cnnbook.figures.resampling import BATCH, Resampling
from cnnbook.figures.resampling_drawing import draw_resampling
from cnnbook.models import DebiasingVAE
from cnnbook.training import latent_means, resampling_probabilities
from cnnbook.training.resampling import densities
from cnnbook.widgets import resampling_explorer
from cnnbook.widgets.resampling_explorer import DRAWS

NAMES = ("common", "rare", "absent")


def by_hand(**settings):
    """Five faces in three bins of width 1: three, one, one."""
    means = np.array([0, 0.4, 0.8, 1.5, 3.0])
    p = np.array([1, 1, 1, 3, 3]) / 9
    options = {"alpha": 0.0, "latent": 3, "bins": 3} | settings
    return Resampling(means, p, np.array([0, 0, 0, 0, 1]), NAMES, **options)


def codes(count=60, latents=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, latents)) * [1, 3, 0.5, 2][:latents]


def explorer(count=60, **settings):
    rng = np.random.default_rng(1)
    images = rng.random((count, 1, 6, 5)).astype(np.float32)
    options = {"means": codes(count), "groups": np.arange(count) % 10 // 8} | settings
    return resampling_explorer(images=images, **options)


def test_a_histogram_worked_by_hand():
    it = by_hand()
    np.testing.assert_allclose(it.density, [0.6, 0.2, 0.2])
    np.testing.assert_allclose(it.drawn_density, [1 / 3] * 3)  # α = 0: every bin the same
    np.testing.assert_allclose(it.gains, 5 * it.probabilities)
    common, rare, absent = it.shares
    np.testing.assert_allclose((common.before, common.after, common.gain), (0.8, 2 / 3, 5 / 6))
    np.testing.assert_allclose((rare.count, rare.before, rare.gain), (1, 0.2, 5 / 3))
    assert (absent.count, absent.change) == (0, "none")
    assert math.isnan(absent.gain)
    assert it.rare == (rare,)
    assert rare.change == "20.0 % → 33.3 %"
    assert sum(share.drawn for share in it.shares) == BATCH
    assert it.claim == (
        "α = 0: the rare groups (1 of 5 faces) are drawn 1.67 times as often as they are there"
    )


def test_the_formula_is_that_of_the_first_face():
    it = by_hand(alpha=0.2)
    mean, density = it.means[it.chosen[0]], it.density[it.places[it.chosen[0]]]
    value = f"{1 / (density + 0.2):.3g}"
    assert it.formula == f"1/(Q(z₃ = {mean:g}) + α) = 1/({density:.3f} + 0.2) = {value}"
    assert it.formula in it.description
    assert "common 80.0 % → 66.7 %" in it.description
    assert by_hand(alpha=math.inf).formula.endswith("α → ∞: every face weighs the same")


def test_densities_are_those_of_the_training():
    means = codes()
    for latent in range(4):
        p = np.full(60, 1 / 60)
        it = Resampling(means[:, latent], p, np.zeros(60, int), ("all",), 0.1, latent, 7)
        expected = densities(torch.from_numpy(means), bins=7)[:, latent]
        np.testing.assert_allclose(it.density[it.places], expected)
    constant = Resampling(np.full(4, 2.5), np.full(4, 0.25), np.zeros(4, int), ("all",), 0, 0, 5)
    np.testing.assert_allclose(constant.density, [1, 0, 0, 0, 0])


def test_faces_are_drawn_by_their_probabilities():
    p = np.array([0, 0.25, 0.75, 0, 0])
    draws = [
        Resampling(np.arange(5.0), p, np.zeros(5, int), ("all",), 0, step=step).chosen
        for step in range(300)
    ]
    counts = np.bincount(np.concatenate(draws), minlength=5) / (300 * BATCH)
    np.testing.assert_allclose(counts, p, atol=0.03)
    assert counts[[0, 3, 4]].sum() == 0
    assert not np.array_equal(draws[0], draws[1])
    again = Resampling(np.arange(5.0), p, np.zeros(5, int), ("all",), 0, step=1).chosen
    np.testing.assert_array_equal(again, draws[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"alpha": -1}, "alpha is -1, must not be negative"),
        ({"bins": 0}, "bins is 0, must be at least 1"),
        ({"probabilities": np.full(5, 0.3)}, r"probabilities add up to 1\.5, must be 1"),
        ({"probabilities": np.array([2, -1, 0, 0, 0.0])}, "none negative"),
        ({"probabilities": np.full(4, 0.25)}, r"probabilities has shape \(4,\), expected \(5,\)"),
        ({"groups": np.zeros(4, int)}, r"groups has shape \(4,\), expected \(5,\)"),
        ({"groups": np.full(5, 3)}, "groups holds 3, must be from -1 to 2"),
        ({"groups": np.full(5, -2)}, "groups holds -2, must be from -1 to 2"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    given = {**vars(by_hand()), **settings}
    with pytest.raises(ValueError, match=message):
        Resampling(**{name: given[name] for name in Resampling.__dataclass_fields__})


def test_one_face_is_too_few():
    with pytest.raises(ValueError, match="there are 1 faces, need at least 2"):
        Resampling(np.zeros(1), np.ones(1), np.zeros(1, int), ("all",), 0)


# ---------------------------------------------------------------- the widget


def test_it_shows_what_training_would_draw():
    view = explorer(alpha=0.03)
    it = view.state.resampling
    expected = resampling_probabilities(torch.from_numpy(codes()), alpha=0.03)
    np.testing.assert_allclose(it.probabilities, expected)
    assert it.latent == 1  # the one whose means are spread most
    np.testing.assert_allclose(it.means, codes()[:, 1])
    drawn = [mark for mark in view.state.picture().marks if isinstance(mark, _Image)]
    face = view.state.images[it.chosen[0], 0]
    rows, columns = (
        size // count for size, count in zip(drawn[0].pixels.shape, (1, 8), strict=False)
    )
    scale = rows // 6
    shown = drawn[0].pixels[::scale, :columns:scale, 0]
    np.testing.assert_array_equal(shown, np.round(255 * face))


@pytest.mark.parametrize(
    ("name", "value"),
    [("alpha", 0.0), ("alpha", math.inf), ("latent", "z₃"), ("combine", "product")],
)
def test_every_control_changes_the_picture(name, value):
    view = explorer()
    before = view.screen.value
    view.controls[name].value = value
    assert view.state.resampling.alpha == (value if name == "alpha" else 0.01)
    assert view.screen.value != before
    assert view.message == ""


def test_infinite_smoothing_changes_nothing():
    view = explorer(alpha=math.inf)
    np.testing.assert_allclose(view.state.resampling.gains, 1)
    assert all(abs(share.gain - 1) < 1e-9 for share in view.state.resampling.shares)


def test_steps_are_draws():
    view = explorer()
    first = view.state.resampling
    view.go_to(3)
    it = view.state.resampling
    assert "draw 4: 16 faces" in texts(view.state.picture())
    assert not np.array_equal(it.chosen, first.chosen)
    np.testing.assert_array_equal(it.probabilities, first.probabilities)
    view.go_to(99)
    assert view.state.step == view.state.steps - 1 == DRAWS - 1
    view.go_to(-5)
    np.testing.assert_array_equal(view.state.resampling.chosen, first.chosen)


@pytest.mark.parametrize("settings", [{}, {"alpha": 0}, {"alpha": math.inf}, {"alpha": 3}])
@pytest.mark.parametrize("combine", ["max", "product"])
def test_nothing_is_cut_off(settings, combine):
    view = explorer(combine=combine, names=("medium frontal", "medium profile"), **settings)
    picture = view.state.picture()
    assert_legible(picture)
    assert picture.size == explorer(step=7).state.picture().size
    axes = picture.axes()
    name = next(text for text in axes.texts if text.get_text() == "medium profile")
    longest = name.get_window_extent(axes.figure.canvas.get_renderer()).width
    bar = next(mark.x for mark in picture.marks if getattr(mark, "height", 0) == 8)
    assert name.get_position()[0] + longest < bar


def test_the_picture_stands_for_the_widget():
    view = explorer()
    data = view._repr_mimebundle_()
    assert "image/png" in data
    assert repr(view) == view.state.resampling.description
    assert "One epoch shows a face" in repr(view)


def test_rendered_faces_bring_their_groups():
    data = concatenate(faces(30, joint=biased(0.3, 0.3), seed=1), non_faces(10, seed=1))
    torch.manual_seed(0)
    model = DebiasingVAE(latents=3, width=2, decoder_width=2).train()
    view = resampling_explorer(model, data)
    assert model.training
    assert view.state.means.shape == (30, 3)
    np.testing.assert_allclose(view.state.means, latent_means(model, data.images[:30]), atol=1e-6)
    assert view.state.names[0] == "light frontal"
    assert len(view.state.names) == 6
    assert_legible(view.state.picture())


def test_images_alone_are_one_group():
    view = explorer(groups=None)
    assert view.state.names == ("all faces",)
    assert view.state.resampling.claim == "α = 0.01: no group is rarer than the others"
    assert explorer().state.names == ("group 0", "group 1")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"means": codes(50)}, r"means has shape \(50, 4\), expected \(60, latents\)"),
        ({"means": codes()[:, 0]}, r"means has shape \(60,\), expected \(60, latents\)"),
        ({"groups": [0, 1]}, r"groups has shape \(2,\), there are 60 faces"),
        ({"latent": 4}, "latent is 'z₄', must be one of z₀, z₁, z₂, z₃"),
        ({"step": 20}, "step is 20, must be from 0 to 19"),
        ({"combine": "sum"}, "combine is 'sum', must be one of max, product"),
        ({"alpha": -1}, r"alpha is -1\.0, must not be negative"),
    ],
)
def test_the_widget_refuses(settings, message):
    with pytest.raises(ValueError, match=message):
        explorer(**settings)


def test_missing_axes_are_said():
    with pytest.raises(ValueError, match=r"images has 3 axes, expected 4: \(N, C, H, W\)"):
        resampling_explorer(images=np.zeros((4, 6, 5)), means=codes(4))


def test_the_palette_makes_a_smaller_png():
    noise = np.random.default_rng(0).random((BATCH, 3, 64, 64))
    picture = draw_resampling(by_hand(), noise)
    small = len(picture.png())
    picture.palette = False
    assert small < 0.6 * len(picture.png())


def test_large_gains_are_written_out():
    it = Resampling(np.arange(880.0), np.eye(880)[5], np.zeros(880, int), ("all",), 0)
    shown = texts(draw_resampling(it, np.zeros((BATCH, 3, 4, 4))))
    assert shown.count("×880") == BATCH


def test_many_groups_fit():
    it = by_hand()
    names = tuple(f"group {n}" for n in range(9))
    it = Resampling(it.means, it.probabilities, np.arange(5), names, 0.1, bins=3)
    assert_legible(draw_resampling(it, np.zeros((BATCH, 3, 4, 4))))
