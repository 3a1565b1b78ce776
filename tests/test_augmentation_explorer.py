"""The augmentation explorer: its map and samples against PyTorch, its controls, its picture."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_state, texts
from scipy import ndimage

from cnnbook.datasets import Images
from cnnbook.figures.augmentation import Augmentation
from cnnbook.training import Augment
from cnnbook.widgets import augmentation_explorer
from cnnbook.widgets.augmentation_explorer import OWN, SETTINGS, Augmented

HARD = {"rotation": 45, "shift": 6, "scale": 0.5, "stretch": 0.5, "shear": 0.6}


def changed(image, count=4, **settings):
    """The picture's arithmetic for one image, straight from `Augment`."""
    augment, random = Augment(**settings), torch.Generator()
    maps = augment.maps(count, image.shape, random.manual_seed(0))
    batch = torch.from_numpy(image).expand(count, 1, *image.shape)
    samples = augment(batch, random.manual_seed(0))[:, 0]
    return Augmentation(image, maps.numpy(), samples.numpy())


def ones(x):
    """Take every image for a one."""
    return torch.eye(10)[1].expand(len(x), 10)


@pytest.mark.parametrize("shape", [(28, 28), (9, 6), (5, 12)])
def test_the_map_in_pixels_gives_the_samples(shape):
    image = np.random.default_rng(1).random(shape)
    whole = changed(image, **HARD)
    padded = np.pad(image, 1)  # SciPy's border: what lies outside counts as black
    for n in range(4):
        one = Augmentation(image, whole.maps[[n]], whole.samples[[n]])
        source = np.stack([one.source(place) for place in np.ndindex(shape)], 1) + 1
        expected = ndimage.map_coordinates(padded, source, order=1).reshape(shape)
        np.testing.assert_allclose(one.samples[0], expected, atol=2e-5)


def test_a_corner_by_hand():
    angle = np.radians(90)
    turn = np.array([[[np.cos(angle), -np.sin(angle), 0.0], [np.sin(angle), np.cos(angle), 0.5]]])
    image = np.arange(16.0).reshape(4, 4) / 15
    change = Augmentation(image, turn, image[None])
    (dot,) = change.picture().find("original", "dot")
    box = next(m for m in change.picture().find("original") if getattr(m, "stroke", "") == "input")
    place = np.array([dot.y + 4 - box.y, dot.x + 4 - box.x]) / (box.width / 4)
    np.testing.assert_allclose(place, [1, 4], atol=1e-9)  # the corner of sample 0 is read there
    # about the middle (1.5, 1.5): (−1.5, −1.5) turns to (−1.5, 1.5), then one row down
    np.testing.assert_allclose(change.source((0, 0)), [1, 3])
    assert change.formulas == [
        "row = 0·(−1.5) + 1·(−1.5) + 1.5 + 1 = 1",
        "column = (−1)·(−1.5) + 0·(−1.5) + 1.5 + 0 = 3",
    ]
    assert change.description == (
        "Every output pixel looks up a place in the input. Output pixel [0, 0] of sample 0 reads "
        f"{change.formulas[0]} and {change.formulas[1]}."
    )
    turn[0, 0, 0] = 1e-4  # a rounded factor is marked as such
    rounded = Augmentation(image, turn, image[None]).formulas
    assert ["≈" in line for line in rounded] == [False, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((1, 4, 4))}, "image has 3 axes, expected 2"),
        ({"samples": np.zeros((11, 4, 4))}, "there are 11 samples, the picture holds 1 to 10"),
        ({"samples": np.zeros((2, 4, 5))}, "samples have shape (4, 5), the image (4, 4)"),
        ({"maps": np.zeros((3, 2, 3))}, "maps have shape (3, 2, 3), expected (2, 2, 3)"),
        ({"readings": ((1, 0.5),)}, "there are 1 readings for 2 samples"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change, message):
    parts = {"image": np.zeros((4, 4)), "maps": np.zeros((2, 2, 3)), "samples": np.zeros((2, 4, 4))}
    with pytest.raises(ValueError, match=re.escape(message)):
        Augmentation(**parts | change)


@settings(max_examples=15, deadline=None)
@given(st.tuples(st.integers(2, 64), st.integers(2, 64)), st.integers(1, 10), st.data())
def test_every_picture(shape, count, data):
    image = np.random.default_rng(data.draw(st.integers(0, 9))).random(shape)
    hard = {name: data.draw(st.sampled_from([0, most])) for name, most in HARD.items()}
    readings = ((3, 1.0),) * count if data.draw(st.booleans()) else ()
    change = changed(image, count, **hard)
    check_state(Augmentation(image, change.maps, change.samples, readings, 3))


def test_samples_are_those_of_training():
    settings = {"rotation": 20, "shift": 2, "scale": 0.12, "stretch": 0.12, "shear": 0.2}
    state = augmentation_explorer(rotation=20, seed=0).state
    expected = changed(state.image.numpy(), 10, **settings)
    np.testing.assert_array_equal(state.inner.samples, expected.samples)
    np.testing.assert_array_equal(state.inner.maps, expected.maps)


def test_every_control_changes_state_and_picture():
    view = augmentation_explorer(**dict.fromkeys(SETTINGS, 0))
    np.testing.assert_array_equal(view.state.inner.matrix, np.eye(2))
    np.testing.assert_allclose(view.state.inner.samples[3], view.state.image, atol=1e-6)
    pictures = {view.screen.value}
    changes = {name: most for name, (most, *_) in SETTINGS.items()}
    for name, value in {"digit": "8", "which": 2, **changes, "seed": 5}.items():
        view.controls[name].value = value
        assert (getattr(view.state, name), view.message) == (value, "")
        pictures.add(view.screen.value)
    assert len(pictures) == 10


def test_a_class_with_fewer_images_shows_its_last_one():
    five = Images(torch.rand(5, 1, 9, 6), torch.tensor([0, 1, 1, 0, 1]), ("ring", "bar"))
    view = augmentation_explorer(five, digit="bar", which=2)
    view.controls["digit"].value = "ring"
    assert (view.message, view.state.which, view.controls["which"].max) == ("", 1, 1)
    np.testing.assert_array_equal(view.state.image, five.images[3, 0])
    assert view.controls["which"].value == 1


def test_what_a_model_reads_stands_below_the_samples():
    view = augmentation_explorer(model=ones, digit="1")
    share = np.e / (np.e + 9)
    assert view.state.inner.readings == ((1, pytest.approx(share)),) * 10
    assert f"1  {100 * share:.0f} %" in texts(view.state.picture())
    view.controls["digit"].value = "2"
    assert repr(view).startswith("The network reads 0 of 10 samples right. Output pixel [0, 0]")
    assert repr(view).endswith("1 with 23 %.")


def test_an_own_image_comes_first():
    own = np.eye(28)
    view = augmentation_explorer(image=own, model=ones)
    assert view.state.digit == view.state.data.classes[-1] == OWN
    np.testing.assert_array_equal(view.state.inner.image, own)
    assert view.state.inner.claim == "What the network reads in 10 samples"
    wide = augmentation_explorer(image=np.eye(7, 12))
    assert wide.state.data.classes == (OWN,)
    assert wide.state.inner.samples.shape == (10, 7, 12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rotation": -1}, "rotation is -1, must be finite and at least 0"),
        ({"rotation": 46}, "rotation is 46, expected at most 45"),
        ({"seed": 100}, "seed is 100, expected 0 to 99"),
        ({"which": -1}, "which is -1, must be at least 0"),
        ({"which": 400}, "which is 400, class '3' has 37 images"),
        ({"digit": "x"}, "digit is 'x', expected one of ('0', '1'"),
        ({"image": np.zeros(4)}, "image has 1 axes, expected 2"),
        ({"image": np.full((4, 4), 2)}, "image has values from 2.0 to 2.0, expected 0 to 1"),
    ],
)
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        augmentation_explorer(**settings)


def test_data_that_do_not_fit_are_refused():
    grey, colours = (Images(torch.zeros(2, n, 4, 4), torch.tensor([0, 0]), "ab") for n in (1, 3))
    with pytest.raises(ValueError, match="the images have 3 channels, expected 1"):
        Augmented(colours, "a")
    view = augmentation_explorer(grey, digit="a")
    view.controls["digit"].value = "b"  # an empty class: said in place, the state stays
    assert (view.message, view.state.digit) == ("there is no image of class 'b'", "a")
