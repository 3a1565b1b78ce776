"""The morph: mixes of codes and of pixels, the reader's own pictures, controls and picture."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from test_figure_dense import assert_legible, texts

from cnnbook.figures.morphing import STEPS, Morph, draw_morph
from cnnbook.figures.picture import _Image, _Rect
from cnnbook.figures.pixels import as_pixels
from cnnbook.models import DenseVAE
from cnnbook.widgets import latent_inputs, morph
from cnnbook.widgets.latent_inputs import read_own

SIZE = (3, 8, 8)


def a_morph(**settings):
    first, second = np.zeros(SIZE), np.ones(SIZE)
    codes = np.array([1.0, 0.0, -1.0, 0.5]), np.array([1.5, 2.0, -1.0, -0.5])
    return Morph(**{
        "first": first, "second": second, "first_code": codes[0], "second_code": codes[1],
        "step": 10, **settings,
    })  # fmt: skip


def drawn(settings):
    return draw_morph(settings, settings.first, np.zeros((9, *SIZE)))


def network(shape=SIZE, seed=0):
    torch.manual_seed(seed)
    return DenseVAE(4, hidden=16, shape=shape)


def images(count=14, shape=SIZE):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))


def opened(first=None, second=None, **settings):
    return morph(first, second, network(), images=images(), **settings)


# ---------------------------------------------------------------- arithmetic


def test_a_quarter_of_the_way_by_hand():
    quarter = a_morph()
    assert quarter.share == 0.25
    np.testing.assert_array_equal(quarter.code, [1.125, 0.5, -1, 0.25])
    np.testing.assert_array_equal(quarter.blend, np.full(SIZE, 0.25))
    assert quarter.leading == [1, 3, 0]
    assert quarter.formulas == [
        "z₁ = 0.75·0 + 0.25·2 = 0.5",
        "z₃ = 0.75·0.5 + 0.25·(−0.5) = 0.25",
        "z₀ = 0.75·1 + 0.25·1.5 = 1.12",
    ]
    assert quarter.distance == pytest.approx(np.sqrt(0.25 + 4 + 0 + 1))


def test_the_ends_are_the_images():
    for step, image, code in ((0, "first", "first_code"), (STEPS, "second", "second_code")):
        end = a_morph(step=step)
        np.testing.assert_array_equal(end.blend, getattr(end, image))
        np.testing.assert_array_equal(end.code, getattr(end, code))


def test_strips_go_in_nine_steps():
    strip = a_morph()
    assert strip.codes.shape == (9, 4)
    assert strip.blends.shape == (9, *SIZE)
    np.testing.assert_array_equal(strip.codes[[0, 2, 8]], [
        strip.first_code, strip.code, strip.second_code,
    ])  # fmt: skip
    np.testing.assert_array_equal(strip.blends[:, 0, 0, 0], np.arange(9) / 8)


def test_the_description_carries_the_numbers():
    assert a_morph().description == (
        "t = 0.25 of the way, once through the codes and once through the pixels. "
        "z = (1 − t)·μ₁ + t·μ₂; the codes are 2.29 apart. The latents that differ most: "
        "z₁ = 0.75·0 + 0.25·2 = 0.5; z₃ = 0.75·0.5 + 0.25·(−0.5) = 0.25; "
        "z₀ = 0.75·1 + 0.25·1.5 = 1.12."
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"step": 41}, "step is 41, must be from 0 to 40"),
        ({"step": -1}, "step is -1, must be from 0 to 40"),
        ({"first": np.zeros((1, 8, 8))}, "have shapes (1, 8, 8) and (3, 8, 8), expected one"),
        ({"second_code": np.zeros(3)}, "have shapes (4,) and (3,), expected one"),
    ],
)
def test_what_does_not_fit_is_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(a_morph(), **settings)


# ---------------------------------------------------------------- picture


def frames(picture):
    return [m for m in picture.marks if isinstance(m, _Rect) and m.stroke == "kernel"]


@pytest.mark.parametrize(
    ("step", "place", "dashed"), [(0, 0, False), (10, 2, False), (17, 3, True)]
)
def test_the_present_step_is_framed_in_both_strips(step, place, dashed):
    codes, pixels = frames(drawn(a_morph(step=step)))
    assert codes.x == pixels.x == 106 + place * 93
    assert codes.dashed is pixels.dashed is dashed


@pytest.mark.parametrize("step", [0, 13, STEPS])
def test_the_picture_can_be_read(step):
    choices = {f"image {n}": np.zeros((3, 4, 4)) for n in range(12)}
    choices |= {"your first": np.zeros((3, 4, 4)), "your second": np.zeros((3, 4, 4))}
    large = np.full(20, -12.3456)
    for numbers in ({}, {"first_code": large, "second_code": -large}):
        far = a_morph(step=step, **numbers)
        names = ("your first", "image 11")
        picture = draw_morph(far, far.first, np.zeros((9, *SIZE)), names, choices)
        assert_legible(picture)
        assert picture.size == drawn(a_morph()).size
        assert picture.width <= 960
        framed = [m for m in picture.marks if isinstance(m, _Rect) and m.width == 32]
        assert len(framed) == 2


def test_four_images_and_two_strips_show_what_they_should():
    strip = np.linspace(0, 1, 9)[:, None, None, None] * np.ones(SIZE)
    shown = draw_morph(a_morph(), np.full(SIZE, 0.6), strip[::-1])
    pixels = [m.pixels[..., 0] for m in shown.marks if isinstance(m, _Image)]
    assert [int(image.max()) for image in pixels[:4]] == [0, 153, 64, 255]
    step = pixels[4].shape[1] // 9
    np.testing.assert_array_equal(pixels[4][0, ::step][::-1], pixels[5][0, ::step])
    assert pixels[5][0, ::step].tolist() == [round(255 * t / 8) for t in range(9)]


# ---------------------------------------------------------------- widget


def test_the_widget_agrees_with_the_model():
    view, model, x = opened(2, 5, t=0.3), network().eval(), images()
    assert (view.state.first, view.state.second, view.state.step) == ("image 2", "image 5", 12)
    with torch.no_grad():
        first, second = model.encode(x[[2, 5]]).mean.double()
        z = 0.7 * first + 0.3 * second
        expected = model.decode(z[None].float())[0].numpy()
    np.testing.assert_allclose(view.state.morph.code, z, atol=1e-6)
    shown = [m.pixels[..., :3] for m in view.state.picture().marks if isinstance(m, _Image)]
    np.testing.assert_array_equal(shown[0], as_pixels(x[2].numpy()))
    np.testing.assert_allclose(shown[1].astype(int), as_pixels(expected).astype(int), atol=1)
    blend = (0.7 * x[2] + 0.3 * x[5]).numpy()
    np.testing.assert_allclose(shown[2].astype(int), as_pixels(blend).astype(int), atol=1)
    np.testing.assert_array_equal(shown[3], as_pixels(x[5].numpy()))
    ends = latent_inputs.decode(model, torch.stack([first, second]).numpy())
    strip, side = shown[5], shown[5].shape[1] // 9
    for end, column in ((0, 0), (1, 8)):
        tile = strip[:: side // 8, column * side : (column + 1) * side : side // 8]
        np.testing.assert_allclose(
            tile.astype(int), as_pixels(ends[end]).astype(int), atol=1
        )  # fmt: skip


@pytest.mark.parametrize("name", ["first", "second"])
def test_every_list_changes_the_picture(name):
    view = opened()
    before, t = view.screen.value, view.state.morph.share
    view.controls[name].value = "image 7"
    assert getattr(view.state, name) == "image 7"
    assert view.state.morph.share == t == 0.5
    assert view.screen.value != before
    assert not view.message


def test_the_slider_goes_from_the_first_to_the_second():
    view = opened(t=0.1)
    assert (view.step.value, view.step.max, view.step.description) == (4, STEPS, "t")
    assert view.play.interval == 120
    view.go_to(-5)
    assert view.state.morph.share == 0
    view.go_to(99)
    assert view.state.morph.share == 1
    assert "t = 1 of the way" in view.screen.value


def test_the_readers_own_pictures(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (30, 20, 3), dtype=np.uint8)).save(tmp_path / "me.png")
    view = opened(tmp_path / "me.png", rng.random((8, 8)))
    assert (view.state.first, view.state.second) == ("your first", "your second")
    assert view.controls["first"].options[-2:] == ("your first", "your second")
    assert view.state.images["your first"].shape == SIZE
    assert texts(view.state.picture()).count("own") == 2
    assert_legible(view.state.picture())
    view.controls["first"].value = "image 0"
    assert not view.message


def test_own_pictures_are_cut_to_a_square_and_scaled():
    picture = np.zeros((4, 12, 3))
    picture[:, 4:8] = 1, 0.5, 0  # the square in the middle
    square = read_own(picture, (3, 2, 2)).numpy()
    np.testing.assert_allclose(square, np.broadcast_to([[[1]], [[0.5]], [[0]]], (3, 2, 2)))
    grey = read_own(picture, (1, 4, 4)).numpy()
    np.testing.assert_allclose(grey, np.full((1, 4, 4), 0.299 + 0.587 / 2), rtol=1e-6)
    np.testing.assert_array_equal(read_own(picture[..., 0], (3, 4, 4)), np.ones((3, 4, 4)))
    same = np.random.default_rng(0).random((3, 4, 4), dtype=np.float32)
    np.testing.assert_array_equal(read_own(same, (3, 4, 4)), same)


def test_a_page_that_nobody_ran_has_a_picture():
    view = opened()
    assert "image/png" in view._repr_mimebundle_()
    assert repr(view) == view.state.morph.description


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"first": 12}, "first is 12, must be from 0 to 11"),
        ({"second": -1}, "second is -1, must be from 0 to 11"),
        ({"t": 1.2}, "t is 1.2, must be from 0 to 1"),
        ({"first": "nobody.png"}, "no photograph 'nobody.png'"),
        ({"second": np.zeros((2, 5, 5))}, "the picture has shape (2, 5, 5), expected (H, W)"),
        ({"second": np.full((5, 5), 3.0)}, "the picture holds 3 to 3, expected 0 to 1"),
        ({"model": "cats"}, "model is 'cats', must be 'digits' or 'faces'"),
    ],
)
def test_bad_arguments_are_refused(settings, message):
    arguments = {"model": network(), "images": images(), **settings}
    with pytest.raises(ValueError, match=re.escape(message)):
        morph(**arguments)
