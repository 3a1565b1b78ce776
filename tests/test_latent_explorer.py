"""Traversals of codes, morphs between two, and their explorers: arithmetic, controls, pictures."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, check_state, texts
from PIL import Image
from torch import nn

from cnnbook.datasets import mnist_small
from cnnbook.figures.morphing import STEPS, Morph
from cnnbook.figures.scene import pixels
from cnnbook.figures.traversal import EACH, MEAN, STEP, Traversal
from cnnbook.models import ConvVAE, DenseAutoencoder, DenseVAE, PortraitVAE
from cnnbook.widgets import latent_explorer, latent_inputs, morph
from cnnbook.widgets.latent_inputs import read_own

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


IMAGES = torch.rand(14, *SIZE, generator=torch.Generator().manual_seed(0))


def network():
    torch.manual_seed(0)
    return DenseVAE(4, hidden=16, shape=SIZE)


def explorer(**settings):
    return latent_explorer(network(), IMAGES, **settings)


@settings(max_examples=20, deadline=None)
@given(st.data(), st.sampled_from([1, 4, 20, 40]), st.sampled_from([0, 0.3, 5]))
def test_every_picture(data, count, carried):
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    latents = tuple(rng.permutation(count)[: data.draw(st.integers(1, 6))].tolist())
    shape = data.draw(st.sampled_from([SIZE, (3, 64, 64), (1, 6, 9)]))
    code = np.full(count, data.draw(st.sampled_from([0, -0.2, -1.98])))
    starts, kl = {MEAN: 0 * code, "image 11": code}, rng.gamma(1, carried, count)
    choices = [latents[0]], [EACH, *latents[1:]], list(starts)
    chosen = [data.draw(st.sampled_from(each)) for each in choices]
    parts = drawn_as(shape), kl, starts, {"image 11": np.ones(shape)}
    traversal = Traversal(*parts, latents, *chosen)
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


def test_the_nearest_image_is_framed():
    beside = {"latents": (0, 3), "across": 0, "down": 3}  # 0.5 is none of the columns
    cases = ({}, (0, 1), False), ({"across": 3, "down": 1}, (1, 4), False), (beside, (4, 2), True)
    for changed, place, dashed in cases:
        (frame,) = a_traversal(**changed).picture().find("grid", "frame")
        assert (frame.at, frame.dashed) == (place, dashed)


def test_what_the_picture_says():
    picture = a_traversal().picture()
    listed = [mark.text for mark in picture.find("nats") if hasattr(mark, "text")]
    assert listed == ["z₁", "1.50", "z₃", "0.70", "z₀", "0.20", "z₂", "0.00"]
    assert [mark.at for mark in picture.find("value") if mark.at] == [(1,), (3,), (0,), (2,)]
    assert repr(a_traversal(down=3)) == (
        "3 of 4 latents carry more than 0.1 nats; z₁ = −1.5 carries 1.50. The code began as image "
        "2; now z₁ = −1.5 (1.50 nats), z₃ = 3 (0.70 nats). Grid from −3 to 3: across z₁, down z₃."
    )


def test_the_widget_agrees_with_the_model():
    view, model, x = explorer(start=2), network().eval(), IMAGES
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
    view = latent_explorer(model, IMAGES, start=1)
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
    ("model", "shape"),
    [
        (ConvVAE(3, width=4), (1, 28, 28)),
        (PortraitVAE(3, width=4), (3, 48, 48)),
    ],
)
def test_models_of_digits_and_faces_bring_images(model, shape, monkeypatch):
    drawn = SimpleNamespace(images=torch.rand(2, *shape))
    monkeypatch.setattr(latent_inputs, "portraits", lambda *_, **__: drawn)
    view = latent_explorer(model)
    assert view.state.origins["image 1"].shape == shape
    assert model.training  # the reader's own: a cell may train it
    if shape[0] == 1:  # MNIST's: what the shipped network learned
        expected = mnist_small().test.images[1].numpy()
        np.testing.assert_array_equal(view.state.origins["image 1"], expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"images": IMAGES[0]}, "images has 3 axes, expected 4: (N, C, H, W)"),
        ({"images": IMAGES[:0]}, "images holds 0 images, expected 1 at least"),
        ({"images": 2 + IMAGES}, "images holds 2"),
        ({"images": IMAGES[:2, :, 3:]}, "the model does not take images of (2, 1, 5, 8)"),
        ({"images": None}, "the model draws (1, 8, 8), for which there are no images here"),
        ({"latents": [0, 0]}, "latents is [0, 0]: only 1 differ"),
        ({"latents": []}, "there are 0 latents, the sliders are 1 to 6"),
        ({"latents": [4]}, "latents holds 4, must be from 0 to 3"),
        ({"across": 7}, "across is 7, expected one of ("),
        ({"down": 7}, "down is 7, expected one of (-1, "),
        ({"start": 12}, "start is 12, must be from 0 to 11"),
        ({"first": 12}, "first is 12, must be from 0 to 11"),
        ({"t": 1.2}, "t is 1.2, must be from 0 to 1"),
        ({"first": "nobody.png"}, "no photograph 'nobody.png'"),
        ({"second": np.zeros((2, 5, 5))}, "the picture has shape (2, 5, 5), expected (H, W)"),
        ({"second": np.full((5, 5), 3.0)}, "the picture holds 3 to 3, expected 0 to 1"),
        ({"model": "cats"}, "model is 'cats', must be 'digits' or 'portraits'"),
        ({"model": nn.Linear(2, 2)}, "model is a Linear, expected encode and decode of a VAE"),
        ({"model": DenseAutoencoder(3, 4, SIZE)}, "encode returns a Tensor, expected mean and log"),
    ],
)
def test_bad_arguments_are_refused(settings, message):
    factory = morph if settings.keys() & {"first", "second", "t"} else latent_explorer
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        factory(**{"model": network(), "images": IMAGES, **settings})


# ---------------------------------------------------------------- from one code to another


def a_morph(size=SIZE, names=("first", "second"), codes=None, more=0, step=10):
    """The way from black to white."""
    names = [*names, *(f"image {n}" for n in range(more))]
    codes = [[1.0, 0.0, -1.0, 0.5], [1.5, 2.0, -1.0, -0.5]] if codes is None else codes
    codes = dict(zip(names, np.array(codes)[[0, 1] + [0] * more], strict=True))
    images = {name: np.full(size, float(n > 0)) for n, name in enumerate(names)}
    small = {name: np.zeros((size[0], 4, 4)) for name in names}
    return Morph(drawn_as(size), images, codes, small, *names[:2], step)


@settings(max_examples=10, deadline=None)
@given(
    st.sampled_from([SIZE, (3, 28, 28), (1, 6, 9)]),
    st.sampled_from([("your first", "your second", 12), ("image 0", "image 11", 0)]),
    st.sampled_from([0, 0.1, 12.3456, -9e5]),
)
def test_every_picture_of_a_morph(size, names, scale):
    codes = scale * np.array([np.ones(20), -np.ones(20)])
    for step in (0, 13, STEPS):
        picture = a_morph(size, names[:2], codes, names[2], step).picture()
        check_picture(picture)
        assert picture.size == a_morph().picture().size
        assert picture.description.startswith(f"t = {step / STEPS:g} of the way")


def test_a_quarter_of_the_way_by_hand():
    for step, name in ((0, "first"), (STEPS, "second")):
        end = a_morph(step=step)
        np.testing.assert_array_equal(end.blend, end.images[name])
        np.testing.assert_array_equal(end.code, end.codes[name])
    quarter = a_morph()
    np.testing.assert_array_equal(quarter.code, [1.125, 0.5, -1, 0.25])
    np.testing.assert_array_equal(quarter.blend, np.full(SIZE, 0.25))
    assert repr(quarter) == (
        "t = 0.25 of the way, once through the codes and once through the pixels. "
        "z = (1 − t)·μ₁ + t·μ₂; the codes are 2.29 apart. The latents that differ most: "
        "z₁ = 0.75·0 + 0.25·2 = 0.5; z₃ = 0.75·0.5 + 0.25·(−0.5) = 0.25; "
        "z₀ = 0.75·1 + 0.25·1.5 = 1.12."
    )


def test_four_images_and_two_strips_show_what_they_should():
    picture = a_morph(codes=[[0.9, 0, 0, 0], [0.1, 0, 0, 0]]).picture()
    assert [int(image.max()) for image in images_of(picture, "large")] == [0, 179, 64, 255]
    (codes,), (mixes,) = (images_of(picture, part) for part in ("codes", "pixels"))
    step = mixes.shape[1] // 9
    shares = np.arange(9) / 8
    assert mixes[0, ::step, 0].tolist() == [round(255 * t) for t in shares]
    np.testing.assert_allclose(codes[0, ::step, 0], 255 * (0.9 - 0.8 * shares), atol=1)
    assert [frame.at for frame in picture.find("choices", "frame")] == [(0,), (1,)]
    for step, place, dashed in [(0, 0, False), (10, 2, False), (17, 3, True)]:
        picture = a_morph(step=step).picture()
        frames = [frame for part in ("codes", "pixels") for frame in picture.find(part, "frame")]
        assert [(frame.at, frame.dashed) for frame in frames] == 2 * [((place,), dashed)]


def test_the_morph_agrees_with_the_model():
    view, model, x = morph(2, 5, network(), images=IMAGES, t=0.3), network().eval(), IMAGES
    assert (view.state.first, view.state.second, view.state.step) == ("image 2", "image 5", 12)
    with torch.no_grad():
        first, second = model.encode(x[[2, 5]]).mean.double()
        z = 0.7 * first + 0.3 * second
        expected = model.decode(z[None].float())[0].numpy()
    np.testing.assert_allclose(view.state.code, z, atol=1e-6)
    picture = view.state.picture()
    four = [x[2].numpy(), expected, (0.7 * x[2] + 0.3 * x[5]).numpy(), x[5].numpy()]
    for shown, image in zip(images_of(picture, "large"), four, strict=True):
        np.testing.assert_allclose(shown.astype(int), pixels(image).astype(int), atol=1)
    view = morph(model=network(), images=IMAGES, t=0.1)
    assert (view.step.value, view.step.max, view.step.description) == (4, STEPS, "t")
    assert view.play.interval == 120
    for name in ("first", "second"):
        before = view.screen.value
        view.controls[name].value = "image 7"
        assert (getattr(view.state, name), view.state.share) == ("image 7", 0.1)
        assert view.screen.value != before
    view.go_to(99)
    assert "t = 1 of the way" in view.screen.value


def test_own_pictures_are_cut_to_a_square_and_scaled(tmp_path):
    Image.fromarray(np.zeros((30, 20, 3), dtype=np.uint8)).save(tmp_path / "me.png")
    view = morph(tmp_path / "me.png", np.eye(8), network(), images=IMAGES)
    assert (view.state.first, view.state.second) == ("your first", "your second")
    assert "your second" in str(view.controls["first"].options)
    assert view.state.images["your first"].shape == SIZE
    assert texts(view.state.picture()).count("own") == 2
    picture = np.zeros((4, 12, 3))
    picture[:, 4:8] = 1, 0.5, 0  # the square in the middle
    square = read_own(picture, (3, 2, 2)).numpy()
    np.testing.assert_allclose(square, np.broadcast_to([[[1]], [[0.5]], [[0]]], (3, 2, 2)))
    grey = read_own(picture, (1, 4, 4)).numpy()
    np.testing.assert_allclose(grey, np.full((1, 4, 4), 0.299 + 0.587 / 2), rtol=1e-6)
    np.testing.assert_array_equal(read_own(picture[..., 0], (3, 4, 4)), np.ones((3, 4, 4)))
    np.testing.assert_array_equal(read_own(IMAGES[0], SIZE), IMAGES[0])
