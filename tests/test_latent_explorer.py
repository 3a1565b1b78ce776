"""The latent explorer: codes and their grid, what a start sets, its controls and its picture."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_figure_dense import assert_legible, texts
from torch import nn

from cnnbook.figures.picture import _Image, _Rect
from cnnbook.figures.pixels import as_pixels
from cnnbook.figures.traversal import Traversal, draw_traversal
from cnnbook.models import ConvVAE, DebiasingVAE, DenseAutoencoder, DenseVAE
from cnnbook.widgets import latent_explorer, latent_inputs
from cnnbook.widgets.latent_explorer import EACH, MEAN, STEP

SIZE = (1, 8, 8)
CODE = np.array([0.5, -1.5, 0.0, 3.0])
KL = np.array([0.2, 1.5, 0.0, 0.7])


def a_traversal(**settings):
    return Traversal(CODE, KL, **{"shown": (1, 3), "across": 1, **settings})


def network(latents=4, shape=SIZE, seed=0):
    torch.manual_seed(seed)
    return DenseVAE(latents, hidden=16, shape=shape)


def images(count=15, shape=SIZE):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))


def explorer(**settings):
    return latent_explorer(network(), images(), **settings)


def drawn(traversal, shape=SIZE):
    rows, columns = traversal.codes.shape[:2]
    return draw_traversal(traversal, np.zeros(shape), np.zeros((rows, columns, *shape)))


# ---------------------------------------------------------------- arithmetic


def test_each_row_moves_one_latent():
    codes = a_traversal().codes
    assert codes.shape == (2, 5, 4)
    np.testing.assert_array_equal(codes[0, :, 1], [-3, -1.5, 0, 1.5, 3])
    np.testing.assert_array_equal(codes[1, :, 3], [-3, -1.5, 0, 1.5, 3])
    np.testing.assert_array_equal(codes[0, :, [0, 2, 3]].T, np.tile([0.5, 0, 3], (5, 1)))
    np.testing.assert_array_equal(codes[1, :, :3], np.tile([0.5, -1.5, 0], (5, 1)))


def test_a_grid_moves_two_latents():
    codes = a_traversal(across=3, down=0).codes
    assert codes.shape == (5, 5, 4)
    np.testing.assert_array_equal(codes[1, 4], [-1.5, -1.5, 0, 3])
    np.testing.assert_array_equal(codes[4, 0], [3, -1.5, 0, -3])


def test_the_nearest_image_is_framed():
    assert a_traversal().nearest == (0, 1)
    assert a_traversal(across=3).nearest == (1, 4)
    assert a_traversal(across=3, down=0).nearest == (2, 4)
    assert a_traversal(across=0).nearest == (0, 1)  # without a row of its own: the first one
    (exact,) = frames(drawn(a_traversal()))
    (between,) = frames(drawn(a_traversal(across=3, down=0)))
    assert not exact.dashed
    assert between.dashed
    assert between.x - exact.x == 3 * exact.width
    assert between.y - exact.y == 2 * exact.height


def frames(picture):
    return [m for m in picture.marks if isinstance(m, _Rect) and m.stroke == "kernel"]


def test_latents_are_listed_by_what_they_carry():
    traversal = a_traversal()
    np.testing.assert_array_equal(traversal.order, [1, 3, 0, 2])
    assert traversal.active == 3
    listed = [text for text in texts(drawn(traversal)) if text in ("z₀", "z₁", "z₂", "z₃")]
    assert listed[:4] == ["z₁", "z₃", "z₀", "z₂"]


def test_bars_are_as_long_as_the_divergence():
    picture = drawn(a_traversal())
    bars = [m.width for m in picture.marks if isinstance(m, _Rect) and m.height == 12]
    np.testing.assert_allclose(bars, 84 * np.array([1, 0.7 / 1.5, 0.2 / 1.5, 0.5 / 84]))


def test_the_description_carries_the_numbers():
    assert a_traversal(down=3, start="image 2").description == (
        "3 of 4 latents carry more than 0.1 nats; z₁ = −1.5 carries 1.50. The code began as image "
        "2; now z₁ = −1.5 (1.50 nats), z₃ = 3 (0.70 nats). Grid from −3 to 3: across z₁, down z₃."
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kl": np.zeros(3)}, "kl has shape (3,), the code has 4 latents"),
        ({"across": 4}, "across is 4, must be from 0 to 3"),
        ({"down": -1}, "down is -1, must be from 0 to 3"),
        ({"shown": (0, 9)}, "shown is 9, must be from 0 to 3"),
        ({"shown": ()}, "shown holds 0 latents, must be 1 to 6"),
        ({"down": 1}, "across and down are both latent 1: choose two"),
    ],
)
def test_what_does_not_fit_is_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(a_traversal(), **settings)


def test_pixels_are_colours():
    image = np.array([[[0.0, 1.0]], [[0.5, 2.0]], [[1.0, -1.0]]])
    np.testing.assert_array_equal(as_pixels(image), [[[0, 128, 255], [255, 255, 0]]])
    np.testing.assert_array_equal(as_pixels(image[:1]), [[[0, 0, 0], [255, 255, 255]]])
    with pytest.raises(
        ValueError, match=re.escape("image has shape (2, 1, 2), expected (1, H, W)")
    ):
        as_pixels(image[:2])


# ---------------------------------------------------------------- picture


@pytest.mark.parametrize("settings", [{}, {"across": 3, "down": 1}, {"start": MEAN}])
def test_the_picture_can_be_read(settings):
    picture = drawn(a_traversal(**settings))
    assert_legible(picture)
    assert picture.width <= 960
    assert picture.size == drawn(a_traversal()).size


@pytest.mark.parametrize(("latents", "shape"), [(1, SIZE), (40, (3, 64, 64)), (20, (1, 6, 9))])
def test_few_and_many_latents_fit(latents, shape):
    kl = np.linspace(4, 0.1, latents)
    shown = tuple(range(min(latents, 6)))
    picture = drawn(Traversal(np.full(latents, -9.0), kl, shown, 0), shape)
    assert_legible(picture)
    assert ("20 more: 21.00 nats" in texts(picture)) == (latents == 40)


def test_tiles_lie_where_their_codes_are():
    tiles = np.zeros((5, 5, *SIZE))
    tiles[3, 1] = 1
    picture = draw_traversal(a_traversal(down=0), np.zeros(SIZE), tiles)
    grid = [mark for mark in picture.marks if isinstance(mark, _Image)][-1].pixels[..., 0]
    step = grid.shape[0] // 5
    rows, columns = np.nonzero(grid)
    assert (rows.min(), rows.max()) == (3 * step, 4 * step - 1)
    assert (columns.min(), columns.max()) == (step, 2 * step - 1)


# ---------------------------------------------------------------- widget


def test_the_widget_agrees_with_the_model():
    view, model, x = explorer(start=2), network().eval(), images()
    with torch.no_grad():
        mean, log_variance = model.encode(x)
        each = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance)
    np.testing.assert_allclose(view.state.kl, each.mean(0), rtol=1e-5)
    assert list(view.state.shown) == list(np.argsort(-each.mean(0).numpy()))
    np.testing.assert_allclose(view.state.code, mean[2], atol=STEP / 2 + 1e-6)
    decoded = latent_inputs.decode(model, view.state.code[None])[0]
    large, origin, grid = (m.pixels for m in view.state.picture().marks if isinstance(m, _Image))
    np.testing.assert_array_equal(large[..., :3], as_pixels(decoded))
    np.testing.assert_array_equal(origin[..., :3], as_pixels(x[2].numpy()))
    expected = latent_inputs.decode(model, view.state.traversal.codes)[1, 2]
    step = grid.shape[0] // 4
    shown = grid[step : 2 * step : step // 8, 2 * step : 3 * step : step // 8, :3]
    np.testing.assert_array_equal(shown, as_pixels(expected))


def test_another_start_sets_the_sliders():
    view = explorer()
    before = view.controls["first"].value
    view.controls["start"].value = "random 1"
    code = view.state.codes["random 1"][view.state.shown[0]]
    assert view.controls["first"].value == view.state.first == pytest.approx(code, abs=STEP / 2)
    assert view.state.first != before
    view.controls["first"].value = 2.0
    assert (view.state.first, view.state.start) == (2.0, "random 1")
    assert view.state.code[view.state.shown[0]] == 2
    view.controls["start"].value = MEAN
    assert [view.controls[name].value for name in ("first", "second", "third", "fourth")] == [0] * 4
    np.testing.assert_array_equal(view.state.code, np.zeros(4))
    assert not view.message


@pytest.mark.parametrize(
    ("name", "value"),
    [("start", "image 5"), ("across", 2), ("down", 3), ("first", 1.25), ("fourth", -2.0)],
)
def test_every_control_changes_the_picture(name, value):
    view = explorer(start=None)
    before, picture = view.screen.value, repr(view)
    options = getattr(view.controls[name], "options", None)
    view.controls[name].value = options[value] if isinstance(value, int) else value
    assert view.screen.value != before
    assert repr(view) != picture
    assert not view.message


def test_the_same_latent_twice_leaves_a_message():
    view = explorer()
    state = view.state
    view.controls["down"].value = view.controls["across"].value
    assert view.message == f"across and down are both latent {state.shown[0]}: choose two"
    assert view.state is state
    view.controls["down"].value = EACH
    assert not view.message


def test_the_sliders_reach_as_far_as_the_codes():
    model = network()
    with torch.no_grad():
        model.to_latent.bias[:4] = torch.tensor([5.2, 0.0, 0.0, 0.0])
    view = latent_explorer(model, images(), start=1)
    assert view.state.shown[0] == 0
    assert view.controls["first"].max == -view.controls["first"].min >= 5
    assert view.controls["first"].value == pytest.approx(5.2, abs=0.5)
    assert explorer().controls["first"].max == 3


def test_latents_can_be_chosen():
    view = explorer(latents=[2, 0], across=0, down=2)
    assert list(view.controls) == ["start", "across", "down", "first", "second"]
    assert [view.controls[name].description for name in ("first", "second")] == ["z₂", "z₀"]
    assert (view.state.traversal.across, view.state.traversal.down) == (0, 2)


@pytest.mark.parametrize(
    ("model", "shape"), [(ConvVAE(3, width=4), (1, 28, 28)), (DebiasingVAE(3), (3, 64, 64))]
)
def test_models_of_digits_and_faces_bring_images(model, shape, monkeypatch):
    few = lambda count, **options: Faces(images(2, shape))  # noqa: E731
    monkeypatch.setattr(latent_inputs, "faces", few)
    view = latent_explorer(model)
    assert view.state.origins["image 1"].shape == shape
    assert_legible(view.state.picture())
    assert not model.training


class Faces:
    def __init__(self, images):
        self.images = images


def test_a_page_that_nobody_ran_has_a_picture():
    view = explorer()
    assert "image/png" in view._repr_mimebundle_()
    assert repr(view) == view.state.traversal.description
    assert 'role="img"' in view.screen.value


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
        ({"across": 7}, "across is 7, the sliders are of"),
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
