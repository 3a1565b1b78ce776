"""The activation-maximisation stepper: the climb's arithmetic, its controls and its picture."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_state, texts
from torch import nn

from cnnbook.figures.maximisation import Climb
from cnnbook.models import LeNet
from cnnbook.recording import evaluating
from cnnbook.widgets import maximisation_stepper
from cnnbook.widgets.maximisation_stepper import REMEDIES, SCORE, STEPS, climb_images, units_of

SMALL = (12, 10)


def network():
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Dropout(), nn.Flatten(), nn.Linear(240, 4)
    return nn.Sequential(*layers)


def stepper(**settings):
    start = np.random.default_rng(0).random(SMALL) / 4
    return maximisation_stepper(network(), start, **settings)


def a_climb(**settings):
    images = np.zeros((3, 2, 2))
    images[1:, 0, 1] = 0.5, 1
    shares = np.array([[0.5, 0.5], [0.25, 0.75], [0.125, 0.875]])
    options = {"wanted": 1, "step": 2, **settings}
    return Climb(images, np.array([-1.0, 0.5, 2.0]), shares, ("a", "b"), "class b", **options)


def test_steps_follow_the_weight_shrink_and_stay_in_range():
    weight, start = torch.tensor([[1.0, -2.0], [0.5, 2.0]]), torch.full((1, 1, 2, 2), 0.5)
    images = climb_images(lambda x: (x * weight).sum((1, 2, 3)), start, steps=1)
    expected = (start + 0.5 * weight / weight.norm()).clamp(0, 1)
    torch.testing.assert_close(images, torch.cat([start, expected]))
    images = climb_images(lambda x: 5 * x.sum((1, 2, 3)), torch.full((1, 1, 3, 2), 0.1), steps=4)
    lengths = images.diff(dim=0).flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, torch.tensor([0.5, 0.375, 0.25, 0.125]))


def nothing(x):
    return 0 * x.sum((1, 2, 3))


def test_penalties_pull_and_blur_works_every_few_steps_only():
    start = torch.rand(1, 1, 6, 5, generator=torch.Generator().manual_seed(0))
    assert climb_images(nothing, start, decay=1.0)[-1].norm() < 0.1 * start.norm()
    flat = climb_images(nothing, start, variation=1.0)[-1]
    assert flat.std() < 0.2 * start.std()
    torch.testing.assert_close(flat.mean(), start.mean())
    dot, line = F.pad(torch.ones(1, 1, 1, 1), (2,) * 4), torch.tensor([0.25, 0.5, 0.25])
    images = climb_images(nothing, dot, blur=2, steps=2)
    torch.testing.assert_close(images[1], dot[0])
    torch.testing.assert_close(images[2, 0, 1:4, 1:4], torch.outer(line, line))


def test_the_climb_agrees_with_the_network():
    view = stepper(unit=2, step=STEPS)
    climb = view.state.inner
    images = torch.from_numpy(climb.images).float()[:, None]
    with evaluating(view.state.model):
        scores = view.state.model(images)
    np.testing.assert_allclose(climb.values, scores[:, 2], atol=1e-6)
    np.testing.assert_allclose(climb.probabilities, scores.softmax(1), atol=1e-6)
    assert climb.values[climb.step] > climb.values[0] + 0.5
    np.testing.assert_array_equal(climb.images[0], view.state.start)


def test_a_unit_of_a_map_changes_only_what_it_sees():
    climb = stepper(layer="layer 1: convolution, 3 × 10 × 8").state.inner
    changed = np.argwhere(climb.images[-1] != climb.images[0])
    # the middle unit of 10 × 8 is (5, 4): 3 × 3 pixels from there
    assert (changed.min(0) >= (5, 4)).all()
    assert (changed.max(0) <= (7, 6)).all()
    assert len(changed) > 4
    assert climb.unit == "unit 0 of layer 1"


def test_units_are_listed_before_the_activation():
    maps = ["layer 1: convolution, 6 × 28 × 28", "layer 2: convolution, 16 × 10 × 10"]
    names = [*maps, "layer 3: dense, 120", "layer 4: dense, 84", SCORE]
    found = units_of(LeNet(), np.zeros((28, 28)))
    assert [(name, count) for name, (_, count) in found.items()] == list(
        zip(names, [6, 16, 120, 84, 10], strict=True)
    )


def test_every_remedy_changes_the_climb_which_is_computed_once():
    view = stepper(step=20)
    first = view.state.inner.images
    view.go_to(7)
    assert view.state.inner.images is first
    climbs = {first.tobytes()}
    for name in REMEDIES:
        view.controls[name].value = not view.controls[name].value
        climbs.add(view.state.inner.images.tobytes())
    assert len(climbs) == 6
    assert "against noise: norm penalty, blur, jitter, total variation" in view.screen.value
    for name in REMEDIES:
        view.controls[name].value = not view.controls[name].value
    assert view.state.inner.images is first


def test_the_slider_ends_at_the_last_unit_of_the_layer():
    view = stepper(unit=3)
    unit = view.controls["unit"]
    assert unit.max == 3
    view.controls["layer"].value = "layer 1: convolution, 3 × 10 × 8"
    assert (unit.max, unit.value, view.state.unit, view.message) == (2, 2, 2, "")


@st.composite
def climbs(draw):
    """Any climb that can be drawn."""
    rng, steps = np.random.default_rng(draw(st.integers(0, 9))), draw(st.integers(2, 200))
    name, count = draw(st.sampled_from(["", "a long class "])), draw(st.integers(1, 12))
    images = rng.random((steps, draw(st.integers(1, 9)), draw(st.integers(1, 9))))
    values = rng.standard_normal(steps) * draw(st.sampled_from([0, 1e-5, 1, 1e5]))
    shares, classes = rng.dirichlet(np.ones(count), steps), [f"{name}{n}" for n in range(count)]
    remedies = "start from the image, norm penalty, blur, jitter, total variation"
    wanted = draw(st.sampled_from([None, count - 1]))
    return Climb(images, values, shares, classes, "unit 83 of layer 4", wanted, remedies)


@settings(max_examples=15, deadline=None)
@given(climbs())
def test_every_picture(climb):
    check_state(climb)


def test_what_the_picture_says():
    picture = a_climb(step=1).picture()
    assert {a_climb(step=1).claim, "value of class b", "0.5", "0.25", "0.75"} <= set(texts(picture))
    assert [m.fill for m in picture.find("bar")] == ["muted", "output"]
    assert repr(a_climb()) == (
        "Step 2 of 2: class b from −1 to 2, read as b with 88 %. Against noise: none. "
        "Total variation of the image: 2."
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"images": np.zeros((1, 2, 2))}, "there are 1 images, expected 2 at least"),
        ({"values": np.zeros(4)}, "values have shape (4,), expected (3,)"),
        ({"classes": ("a",)}, "probabilities have shape (3, 2), expected (3, 1)"),
        ({"wanted": 2}, "wanted is 2, expected 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(a_climb(), **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "lenet"}, "model is a str, expected a torch.nn.Module"),
        ({"unit": 4}, "unit is 4, must be from 0 to 3"),
        ({"unit": -1}, "unit is -1, must be at least 0"),
        ({"layer": "layer 9"}, "layer is 'layer 9', expected one of ('layer 1: conv"),
        ({"step": STEPS + 1}, f"step is {STEPS + 1}, expected 0 to {STEPS}"),
        ({"start": np.zeros((2, 12, 10))}, "start has 3 axes, expected 2: (H, W)"),
        ({"start": np.full(SMALL, 2.0)}, "start holds 2 to 2, expected 0 to 1"),
        ({"start": np.zeros((7, 7))}, "the model does not run on (1, 1, 7, 7)"),
        ({"model": nn.Conv2d(1, 2, 3)}, "the model returns (1, 2, 10, 8), expected (1, classes)"),
        ({"classes": "abc"}, "probabilities have shape (101, 4), expected (101, 3)"),
    ],
)
def test_bad_arguments_are_refused(settings, message):
    arguments = {"model": network(), "start": np.zeros(SMALL), **settings}
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        maximisation_stepper(**arguments)
