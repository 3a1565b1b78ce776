"""The traversal of codes and its explorer: grids, what a start sets, controls, pictures."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_state, texts
from torch import nn

from cnnbook.figures.scene import pixels
from cnnbook.figures.traversal import EACH, MEAN, STEP, Traversal
from cnnbook.models import ConvVAE, DebiasingVAE, DenseAutoencoder, DenseVAE
from cnnbook.widgets import latent_explorer, latent_inputs

SIZE = (1, 8, 8)
CODE = np.array([0.5, -1.5, 0.0, 3.0])
KL = np.array([0.2, 1.5, 0.0, 0.7])


def drawn_as(shape=SIZE):
    """Decode a code into an image that is as bright as its first number."""
    return lambda codes: np.clip(codes[:, 0], 0, 1).reshape(-1, 1, 1, 1) * np.ones(shape)


def a_traversal(**settings):
    starts = {MEAN: np.zeros(4), "image 2": CODE}
    options = {"latents": (1, 3), "across": 1, "start": "image 2"} | settings
    return Traversal(drawn_as(), KL, starts, {"image 2": np.ones(SIZE)}, **options)


def images_of(picture, part):
    return [mark.pixels[..., :3] for mark in picture.find(part) if hasattr(mark, "pixels")]


def network(latents=4, shape=SIZE, seed=0):
    torch.manual_seed(seed)
    return DenseVAE(latents, hidden=16, shape=shape)


def images(count=15, shape=SIZE):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))


def explorer(**settings):
    return latent_explorer(network(), images(), **settings)


@st.composite
def traversals(draw):
    count = draw(st.sampled_from([1, 4, 20, 40]))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    latents = tuple(rng.permutation(count)[: draw(st.integers(1, 6))].tolist())
    down = draw(st.sampled_from([EACH, *latents[1:]]))
    shape = draw(st.sampled_from([SIZE, (3, 64, 64), (1, 6, 9)]))
    starts = {
        MEAN: np.zeros(count),
        "image 11": draw(st.sampled_from([0, 1, 9.9])) * -KL[[0] * count],
    }
    origins = {"image 11": np.ones(shape)}
    start = draw(st.sampled_from(list(starts)))
    kl = rng.gamma(1, draw(st.sampled_from([0, 0.3, 5])), count)
    return Traversal(
        drawn_as(shape), kl, starts, origins, latents, latents[0], down=down, start=start
    )


@settings(max_examples=20, deadline=None)
@given(traversals())
def test_every_picture(traversal):
    (picture,) = check_state(traversal)
    moved = replace(traversal, values=(-7.25,) * len(traversal.latents), down=EACH)
    assert check_state(moved)[0].size == picture.size
    count = len(traversal.kl)
    assert any(f"{count - 20} more" in words for words in texts(picture)) == (count > 20)


# ---------------------------------------------------------------- arithmetic


def test_each_row_moves_one_latent():
    grid = a_traversal().grid
    assert grid.shape == (2, 5, 4)
    np.testing.assert_array_equal(grid[0, :, 1], [-3, -1.5, 0, 1.5, 3])
    np.testing.assert_array_equal(grid[1, :, 3], [-3, -1.5, 0, 1.5, 3])
    np.testing.assert_array_equal(grid[0, :, [0, 2, 3]].T, np.tile([0.5, 0, 3], (5, 1)))
    np.testing.assert_array_equal(grid[1, :, :3], np.tile([0.5, -1.5, 0], (5, 1)))


def test_a_grid_moves_two_latents():
    grid = a_traversal(across=3, down=1).grid
    assert grid.shape == (5, 5, 4)
    np.testing.assert_array_equal(grid[1, 4], [0.5, -1.5, 0, 3])
    np.testing.assert_array_equal(grid[4, 0], [0.5, 3, 0, -3])


@pytest.mark.parametrize(
    ("settings", "place", "dashed"),
    [
        ({}, (0, 1), False),
        ({"across": 3}, (1, 4), False),
        ({"across": 3, "down": 1}, (1, 4), False),
        ({"latents": (0, 3), "across": 0, "down": 3}, (4, 2), True),  # 0.5 is none of the columns
    ],
)
def test_the_nearest_image_is_framed(settings, place, dashed):
    traversal = a_traversal(**settings)
    (frame,) = traversal.picture().find("grid", "frame")
    assert (frame.at, frame.dashed) == (traversal.nearest, dashed) == (place, dashed)


def test_latents_are_listed_by_what_they_carry():
    picture = a_traversal().picture()
    listed = [mark.text for mark in picture.find("nats") if hasattr(mark, "text")]
    assert listed == ["z₁", "1.50", "z₃", "0.70", "z₀", "0.20", "z₂", "0.00"]
    widths = np.array([bar.width for bar in picture.find("nats", "bar")])
    np.testing.assert_allclose(widths[:3] / widths[0], KL[[1, 3, 0]] / 1.5)
    dots = [mark.at for mark in picture.find("value") if mark.at]
    assert dots == [(1,), (3,), (0,), (2,)]


def test_the_description_carries_the_numbers():
    assert repr(a_traversal(down=3)) == (
        "3 of 4 latents carry more than 0.1 nats; z₁ = −1.5 carries 1.50. The code began as image "
        "2; now z₁ = −1.5 (1.50 nats), z₃ = 3 (0.70 nats). Grid from −3 to 3: across z₁, down z₃."
    )


def test_images_lie_where_their_codes_are():
    picture = a_traversal(latents=(0, 3), across=0, down=3).picture()
    (grid,) = (
        mark.pixels[..., 0] for mark in picture.find("grid", "image") if hasattr(mark, "pixels")
    )
    step = grid.shape[0] // 5
    np.testing.assert_array_equal(grid[::step, ::step], np.tile([0, 0, 0, 255, 255], (5, 1)))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"across": 4}, "across is 4, expected one of (1, 3)"),
        ({"down": 2}, "down is 2, expected one of (-1, 1, 3)"),
        ({"down": 1}, "across and down are both latent 1: choose two"),
        ({"start": "here"}, "start is 'here', expected one of ('the mean, all latents 0', 'image"),
        ({"kl": np.zeros(3)}, "kl has shape (3,), the code has 4 latents"),
    ],
)
def test_what_does_not_fit_is_refused(changed, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(a_traversal(), **changed)


# ---------------------------------------------------------------- widget


def test_the_widget_agrees_with_the_model():
    view, model, x = explorer(start=2), network().eval(), images()
    with torch.no_grad():
        mean, log_variance = model.encode(x)
        each = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance)
    np.testing.assert_allclose(view.state.kl, each.mean(0), rtol=1e-5)
    assert list(view.state.latents) == list(np.argsort(-each.mean(0).numpy()))
    np.testing.assert_allclose(view.state.code, mean[2], atol=STEP / 2 + 1e-6)
    picture = view.state.picture()
    decoded = latent_inputs.decode(model, view.state.code[None])[0]
    parts = ("decoded", "origin", "grid")
    (large,), (origin,), (grid,) = (images_of(picture, part) for part in parts)
    np.testing.assert_array_equal(large, pixels(decoded))
    np.testing.assert_array_equal(origin, pixels(x[2].numpy()))
    expected = latent_inputs.decode(model, view.state.grid[1, 2][None])[0]
    step = grid.shape[0] // 4
    shown = grid[step : 2 * step : step // 8, 2 * step : 3 * step : step // 8]
    np.testing.assert_array_equal(shown, pixels(expected))


def test_another_start_sets_the_sliders():
    view = explorer()
    before, values = view.state.values, view.controls["values"]
    view.controls["start"].value = "random 1"
    code = view.state.starts["random 1"][list(view.state.latents)]
    assert values.value == view.state.values != before
    np.testing.assert_allclose(values.value, code, atol=STEP / 2 + 1e-9)
    values.children[0].value = 2.0
    assert (view.state.values[0], view.state.start) == (2.0, "random 1")
    assert view.state.code[view.state.latents[0]] == 2
    view.controls["start"].value = MEAN
    assert [slider.value for slider in values.children] == [0] * 4
    np.testing.assert_array_equal(view.state.code, np.zeros(4))
    assert not view.message


def test_every_control_changes_the_picture():
    view = explorer(start=None)
    for name, value in [("start", "image 5"), ("across", 2), ("down", 1)]:
        before, words = view.screen.value, repr(view)
        options = view.controls[name].options
        view.controls[name].value = options[value][1] if isinstance(value, int) else value
        assert (view.screen.value != before, repr(view) != words) == (True, True)
        assert not view.message


def test_the_same_latent_twice_leaves_a_message():
    view = explorer(latents=[2, 0], down=0)
    assert [slider.description for slider in view.controls["values"].children] == ["z₂", "z₀"]
    state = view.state
    assert (state.across, state.down) == (2, 0)
    view.controls["down"].value = view.controls["across"].value
    assert view.message == f"across and down are both latent {state.latents[0]}: choose two"
    assert view.state is state
    view.controls["down"].value = EACH
    assert not view.message


def test_the_sliders_reach_as_far_as_the_codes():
    model = network()
    with torch.no_grad():
        model.to_latent.bias[:4] = torch.tensor([5.2, 0.0, 0.0, 0.0])
    view = latent_explorer(model, images(), start=1)
    assert view.state.latents[0] == 0
    first = view.controls["values"].children[0]
    assert first.max == -first.min >= 5
    assert first.value == pytest.approx(5.2, abs=0.5)
    assert explorer().controls["values"].children[0].max == 3


@pytest.mark.parametrize(
    ("model", "shape"), [(ConvVAE(3, width=4), (1, 28, 28)), (DebiasingVAE(3), (3, 64, 64))]
)
def test_models_of_digits_and_faces_bring_images(model, shape, monkeypatch):
    class Faces:
        images = torch.rand(2, 3, 64, 64)

    monkeypatch.setattr(latent_inputs, "faces", lambda *_, **__: Faces)
    view = latent_explorer(model)
    assert view.state.origins["image 1"].shape == shape
    check_state(view.state)
    assert not model.training


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"images": images()[0]}, "images has 3 axes, expected 4: (N, C, H, W)"),
        ({"images": images()[:0]}, "images holds 0 images, expected 1 at least"),
        ({"images": 2 + images()}, "images holds 2"),
        ({"images": images(2, (1, 5, 5))}, "the model does not take images of (2, 1, 5, 5)"),
        ({"images": None}, "the model draws (1, 8, 8), for which there are no images here"),
        ({"latents": [0, 0]}, "latents is [0, 0]: only 1 differ"),
        ({"latents": []}, "there are 0 latents, the sliders are 1 to 6"),
        ({"latents": [4]}, "latents holds 4, must be from 0 to 3"),
        ({"across": 7}, "across is 7, expected one of ("),
        ({"start": 12}, "start is 12, must be from 0 to 11"),
        ({"model": "cats"}, "model is 'cats', must be 'digits' or 'faces'"),
    ],
)
def test_bad_arguments_are_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        latent_explorer(**{"model": network(), "images": images(), **settings})


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Linear(2, 2), "model is a Linear, expected encode and decode of a VAE"),
        (DenseAutoencoder(3, 4, SIZE), "encode returns a Tensor, expected mean and log_variance"),
    ],
)
def test_a_model_is_a_variational_autoencoder(model, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        latent_explorer(model, images())
