"""The traversal of codes and its explorer: grids, what a start sets, controls, pictures."""

import re
from dataclasses import replace
from types import SimpleNamespace

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
CODE, KL = np.array([0.5, -1.5, 0.0, 3.0]), np.array([0.2, 1.5, 0.0, 0.7])


def drawn_as(shape=SIZE):
    """Decode a code into an image that is as bright as its first number."""
    return lambda codes: np.clip(codes[:, 0], 0, 1).reshape(-1, 1, 1, 1) * np.ones(shape)


def a_traversal(**settings):
    starts = {MEAN: np.zeros(4), "image 2": CODE}
    options = {"latents": (1, 3), "across": 1, "start": "image 2"} | settings
    return Traversal(drawn_as(), KL, starts, {"image 2": np.ones(SIZE)}, **options)


def images_of(picture, part):
    return [mark.pixels[..., :3] for mark in picture.find(part) if hasattr(mark, "pixels")]


def network():
    torch.manual_seed(0)
    return DenseVAE(4, hidden=16, shape=SIZE)


def images(count=15, shape=SIZE):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))


def explorer(**settings):
    return latent_explorer(network(), images(), **settings)


@settings(max_examples=20, deadline=None)
@given(st.data(), st.sampled_from([1, 4, 20, 40]), st.sampled_from([0, 0.3, 5]))
def test_every_picture(data, count, carried):
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    latents = tuple(rng.permutation(count)[: data.draw(st.integers(1, 6))].tolist())
    shape = data.draw(st.sampled_from([SIZE, (3, 64, 64), (1, 6, 9)]))
    code = np.full(count, data.draw(st.sampled_from([0, -0.2, -1.98])))
    start, down = (
        data.draw(st.sampled_from(s)) for s in ([MEAN, "image 11"], [EACH, *latents[1:]])
    )
    starts, kl = {MEAN: 0 * code, "image 11": code}, rng.gamma(1, carried, count)
    options = {"latents": latents, "across": latents[0], "down": down, "start": start}
    traversal = Traversal(drawn_as(shape), kl, starts, {"image 11": np.ones(shape)}, **options)
    (picture,) = check_state(traversal)
    moved = replace(traversal, values=(-7.25,) * len(latents), down=EACH)
    assert check_state(moved)[0].size == picture.size
    assert any(f"{count - 20} more" in words for words in texts(picture)) == (count > 20)


def test_a_row_of_the_grid_moves_one_latent_or_two():
    values = [-3, -1.5, 0, 1.5, 3]
    each = np.tile(CODE, (2, 5, 1))
    each[0, :, 1] = each[1, :, 3] = values
    np.testing.assert_array_equal(a_traversal().grid, each)
    both = [[[0.5, down, 0, across] for across in values] for down in values]
    np.testing.assert_array_equal(a_traversal(across=3, down=1).grid, both)


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
    assert [mark.at for mark in picture.find("value") if mark.at] == [(1,), (3,), (0,), (2,)]


def test_the_description_carries_the_numbers():
    assert repr(a_traversal(down=3)) == (
        "3 of 4 latents carry more than 0.1 nats; z₁ = −1.5 carries 1.50. The code began as image "
        "2; now z₁ = −1.5 (1.50 nats), z₃ = 3 (0.70 nats). Grid from −3 to 3: across z₁, down z₃."
    )


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
    (large,), (origin,), (grid,) = (images_of(picture, p) for p in ("decoded", "origin", "grid"))
    np.testing.assert_array_equal(large, pixels(decoded))
    np.testing.assert_array_equal(origin, pixels(x[2].numpy()))
    expected = latent_inputs.decode(model, view.state.grid[1, 2][None])[0]
    step = grid.shape[0] // 4
    shown = grid[step : 2 * step : step // 8, 2 * step : 3 * step : step // 8]
    np.testing.assert_array_equal(shown, pixels(expected))


def test_another_start_sets_the_sliders():
    model = network()
    with torch.no_grad():
        model.to_latent.bias[:4] = torch.tensor([5.2, 0.0, 0.0, 0.0])
    view = latent_explorer(model, images(), start=1)
    first, *others = view.controls["values"].children
    assert first.max == -first.min >= 5  # the sliders reach as far as the codes
    assert (first.value, view.state.latents[0]) == (pytest.approx(5.2, abs=0.5), 0)
    view.controls["start"].value = "random 1"
    code = view.state.starts["random 1"][list(view.state.latents)]
    np.testing.assert_allclose(view.controls["values"].value, code, atol=STEP / 2 + 1e-9)
    first.value = 2.0
    assert (view.state.code[0], view.state.start, view.message) == (2, "random 1", "")
    view.controls["start"].value = MEAN
    assert [slider.value for slider in (first, *others)] == [0] * 4
    np.testing.assert_array_equal(view.state.code, np.zeros(4))


def test_the_same_latent_twice_leaves_a_message():
    view = explorer(latents=[2, 0], down=0)
    assert [slider.description for slider in view.controls["values"].children] == ["z₂", "z₀"]
    state, shown = view.state, view.screen.value
    view.controls["down"].value = view.controls["across"].value
    assert view.message == "across and down are both latent 2: choose two"
    assert view.state is state
    view.controls["down"].value = EACH
    assert (view.message, view.state.down) == ("", EACH)
    assert view.screen.value != shown


@pytest.mark.parametrize(
    ("model", "shape"), [(ConvVAE(3, width=4), (1, 28, 28)), (DebiasingVAE(3), (3, 64, 64))]
)
def test_models_of_digits_and_faces_bring_images(model, shape, monkeypatch):
    drawn = SimpleNamespace(images=torch.rand(2, 3, 64, 64))
    monkeypatch.setattr(latent_inputs, "faces", lambda *_, **__: drawn)
    view = latent_explorer(model)
    assert view.state.origins["image 1"].shape == shape
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
        ({"down": 7}, "down is 7, expected one of (-1, "),
        ({"start": 12}, "start is 12, must be from 0 to 11"),
        ({"model": "cats"}, "model is 'cats', must be 'digits' or 'faces'"),
        ({"model": nn.Linear(2, 2)}, "model is a Linear, expected encode and decode of a VAE"),
        ({"model": DenseAutoencoder(3, 4, SIZE)}, "encode returns a Tensor, expected mean and log"),
    ],
)
def test_bad_arguments_are_refused(settings, message):
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        latent_explorer(**{"model": network(), "images": images(), **settings})
