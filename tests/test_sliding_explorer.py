"""The sliding explorer: the score map's arithmetic, its controls and its picture."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_state

from cnnbook.figures.score_map import ScoreMap
from cnnbook.models import LeNet, fully_convolutional
from cnnbook.widgets import sliding_explorer

CLASSES = ("a", "b", "nothing")


def a_map(presence, **settings):
    presence = np.asarray(presence, dtype=float)
    image = np.random.default_rng(0).random(np.subtract(presence.shape, 1) * 4 + 32)
    shares = np.stack([0.75 * presence, 0.25 * presence, 1 - presence])
    return ScoreMap(image, shares, CLASSES, **{"nothing": "nothing", **settings})


def one_peak():
    presence = np.full((7, 9), 0.1)
    presence[3, 4:6] = 0.7, 0.9  # a shoulder, and the peak
    return presence


def test_a_peak_is_found_once_and_named():
    (found,) = a_map(one_peak()).detections
    assert found == (3, 5, 0, pytest.approx(0.9))
    assert a_map(one_peak(), threshold=0.95).detections == []
    second = one_peak()
    second[3, 2] = 0.8  # three steps away: another one
    assert [d[:2] for d in a_map(second).detections] == [(3, 2), (3, 5)]
    second[3, 2], second[3, 3] = 0.1, 0.8  # two steps away: the weaker of the two
    assert [d[:2] for d in a_map(second).detections] == [(3, 5)]
    equal = np.zeros((6, 6))
    equal[2:4, 2:4] = equal[0, 5] = 1  # the first counts, at the border too
    assert [d[:2] for d in a_map(equal).detections] == [(0, 5), (2, 2)]


def test_without_a_class_for_nothing_the_largest_probability_counts():
    shares = np.stack([np.full((2, 3), 0.2), np.full((2, 3), 0.8)])
    scores = ScoreMap(np.zeros((36, 40)), shares, ("a", "b"))
    np.testing.assert_array_equal(scores.presence, np.full((2, 3), 0.8))
    assert scores.detections[0].label == 1


@pytest.mark.parametrize(
    ("shown", "expected"),
    [("b", 0.25 * one_peak()), ("any", one_peak()), ("nothing", 1 - one_peak())],
)
def test_maps_of_the_classes(shown, expected):
    np.testing.assert_allclose(a_map(one_peak(), shown=shown).values, expected)


def test_the_window_shows_what_the_network_saw():
    torch.manual_seed(0)
    net, image = LeNet(padding=0), torch.rand(48, 60)
    with torch.no_grad():
        shares = fully_convolutional(net, (1, 32, 32))(image[None, None]).softmax(1)[0].numpy()
        scores = ScoreMap(image.numpy(), shares, tuple("0123456789"), row=3, column=6)
        expected = net(torch.from_numpy(scores.crop).float()[None, None]).softmax(1)[0].numpy()
    np.testing.assert_array_equal(scores.crop, image[12:44, 24:56])
    np.testing.assert_allclose(shares[:, 3, 6], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image": np.zeros((2, 56, 64))}, "image has 3 axes, expected 2"),
        ({"stride": 0}, "stride is 0, must be at least 1"),
        ({"image": np.zeros((56, 68))}, "probabilities have shape (3, 7, 9), expected (3, 7, 10)"),
        ({"nothing": "none"}, "nothing is 'none', expected one of (None, 'a', 'b'"),
        ({"shown": "c"}, "shown is 'c', expected one of ('any', 'a'"),
        ({"threshold": 1.5}, "threshold is 1.5, must be from 0 to 1"),
        ({"row": 7}, "row is 7, expected 0 to 6"),
        ({"column": -1}, "column is -1, expected 0 to 8"),
        ({"classes": tuple("abcdefghijklm")}, "there are 13 classes, the picture holds 12"),
    ],
)
def test_what_does_not_fit_is_refused(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        replace(a_map(one_peak()), **settings)


@settings(max_examples=20, deadline=None)
@given(
    st.tuples(st.integers(3, 20), st.integers(3, 30)),
    st.sampled_from(["any", *CLASSES]),
    st.sampled_from([0, 0.5, 1]),
    st.integers(0, 9),
)
def test_every_picture(shape, shown, threshold, seed):
    rng = np.random.default_rng(seed)
    scores = a_map(rng.random(shape) ** 9, shown=shown, threshold=threshold)
    (picture,) = check_state(scores)
    last = replace(scores, row=shape[0] - 1, column=shape[1] - 1, threshold=1, shown="any")
    (other,) = check_state(last)
    assert picture.size == other.size


def test_the_picture_shows_what_was_found_and_where_the_window_is():
    picture = a_map(one_peak(), row=3, column=4).picture()
    assert picture.description == (
        "63 windows, 1 detections above 0.50. Found: a at (3, 5). The window in row 3, column 4 of "
        "the map, rows 12 to 43, columns 16 to 47: a with 52 %. The map shows any: 0.70 there."
    )
    assert [m.text for m in picture.find("detection") if hasattr(m, "text")] == ["a"]
    window = next(m for m in picture.find("window") if "map" not in m.name)
    cell, dashed = picture.find("map", "window")
    assert (dashed.width, dashed.y) == (window.width, window.y)
    assert cell.x + cell.width / 2 == pytest.approx(dashed.x + dashed.width / 2)
    assert cell.y + cell.height / 2 == pytest.approx(dashed.y + dashed.height / 2)


def test_every_control_changes_the_picture():
    scores = a_map(one_peak())
    given = scores.image, scores.probabilities, CLASSES
    view = sliding_explorer(*given, nothing="nothing", row=2, column=3)
    assert [view.controls[name].max for name in ("row", "column")] == [6, 8]
    pictures = {view.screen.value}
    for name, value in {"shown": "b", "threshold": 0.95, "row": 4, "column": 7}.items():
        view.controls[name].value = value
        assert (getattr(view.state, name), view.message) == (value, "")
        pictures.add(view.screen.value)
    assert len(pictures) == 5


def test_without_arguments_lenet_names_windows_that_hold_no_digit():
    scores = sliding_explorer().state
    assert scores.probabilities.sum(0) == pytest.approx(1)
    assert len(scores.detections) > 12  # that many digits are there
    middle = scores.probabilities[:, 8, 11]  # the window around a 6
    assert middle.argmax() == 6
