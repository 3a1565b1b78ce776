"""The morph: mixes of codes and of pixels, the reader's own pictures, controls and picture."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, texts
from PIL import Image

from cnnbook.figures.morphing import STEPS, Morph
from cnnbook.figures.scene import pixels
from cnnbook.models import DenseVAE
from cnnbook.widgets import latent_inputs, morph
from cnnbook.widgets.latent_inputs import read_own

SIZE = (3, 8, 8)


def a_morph(size=SIZE, names=("first", "second"), codes=None, more=0, step=10):
    """The way from black to white; every code is decoded into a grey that is its first number."""
    names = [*names, *(f"image {n}" for n in range(more))]
    codes = [[1.0, 0.0, -1.0, 0.5], [1.5, 2.0, -1.0, -0.5]] if codes is None else codes
    codes = dict(zip(names, np.array(codes)[[0, 1] + [0] * more], strict=True))
    images = {name: np.full(size, float(n > 0)) for n, name in enumerate(names)}
    small = {name: np.zeros((size[0], 4, 4)) for name in names}
    grey = lambda codes: np.clip(codes[:, 0], 0, 1).reshape(-1, 1, 1, 1) * np.ones(size)  # noqa: E731
    return Morph(grey, images, codes, small, *names[:2], step)


def network():
    torch.manual_seed(0)
    return DenseVAE(4, hidden=16, shape=SIZE)


IMAGES = torch.rand(14, *SIZE, generator=torch.Generator().manual_seed(0))


def opened(first=None, second=None, **settings):
    return morph(first, second, network(), images=IMAGES, **settings)


def images_of(picture, part):
    return [mark.pixels[..., :3] for mark in picture.find(part) if hasattr(mark, "pixels")]


@settings(max_examples=10, deadline=None)
@given(
    st.sampled_from([SIZE, (1, 28, 28), (1, 6, 9)]),
    st.sampled_from([("your first", "your second", 12), ("image 0", "image 11", 0)]),
    st.sampled_from([0, 0.1, 12.3456, -9e5]),
)
def test_every_picture(size, names, scale):
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


def test_the_widget_agrees_with_the_model():
    view, model, x = opened(2, 5, t=0.3), network().eval(), IMAGES
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
    ends = latent_inputs.decode(model, torch.stack([first, second]).numpy())
    (strip,) = images_of(picture, "codes")
    side = strip.shape[1] // 9
    for end, column in ((0, 0), (1, 8)):
        tile = strip[:: side // 8, column * side : (column + 1) * side : side // 8].astype(int)
        np.testing.assert_allclose(tile, pixels(ends[end]).astype(int), atol=1)


def test_the_lists_and_the_slider():
    view = opened(t=0.1)
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
    view = opened(tmp_path / "me.png", np.eye(8))
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": 12}, "first is 12, must be from 0 to 11"),
        ({"t": 1.2}, "t is 1.2, must be from 0 to 1"),
        ({"first": "nobody.png"}, "no photograph 'nobody.png'"),
        ({"second": np.zeros((2, 5, 5))}, "the picture has shape (2, 5, 5), expected (H, W)"),
        ({"second": np.full((5, 5), 3.0)}, "the picture holds 3 to 3, expected 0 to 1"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        morph(**{"model": network(), "images": IMAGES, **arguments})
