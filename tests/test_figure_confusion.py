"""The confusion matrix: counted by hand and by scikit-learn, and its picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_state, texts
from sklearn.metrics import confusion_matrix

from cnnbook.figures.confusion import Confusion

ABC = tuple("abc")


def test_confusion_by_hand():
    confusion = Confusion(np.array([0, 0, 1, 1, 1, 2]), np.array([0, 1, 1, 0, 0, 2]), ABC)
    assert confusion.counts.tolist() == [[1, 1, 0], [2, 1, 0], [0, 0, 1]]
    assert confusion.errors.tolist() == [[0, 1, 0], [2, 0, 0], [0, 0, 0]]
    assert confusion.claim == "3 of 6 wrong; most often b taken for a, 2 times"
    assert confusion.description == f"{confusion.claim}. b as a: 2, a as b: 1."
    picture = confusion.picture()
    assert {"1 of 2", "1 of 3", "1 of 1"} <= set(texts(picture))
    mistakes = {mark.at for mark in picture.find("counts") if getattr(mark, "fill", "") == "kernel"}
    assert mistakes == {(0, 1), (1, 0)}


def test_confusion_without_errors_and_with_a_tie():
    right = np.arange(3)
    assert Confusion(right, right, ABC).description == "None of 3 wrong."
    tie = Confusion(right, right[::-1], ABC)
    assert tie.claim == "2 of 3 wrong; for example a taken for c, once"


@settings(max_examples=10, deadline=None)
@given(st.integers(2, 12), st.sampled_from([1, 30, 60000]), st.integers(0, 9))
def test_every_picture(classes, images, seed):
    labels, named = np.random.default_rng(seed).integers(0, classes, (2, images))
    confusion = Confusion(labels, named, [f"{'T-shirt ' * (seed % 2)}{k}" for k in range(classes)])
    expected = confusion_matrix(labels, named, labels=range(classes))
    np.testing.assert_array_equal(confusion.counts, expected)
    check_state(confusion)


@pytest.mark.parametrize(
    ("labels", "named", "message"),
    [
        ([0, 1], [0], "2 labels, but 1 are named"),
        ([], [], "there are no images"),
        ([0, 3], [0, 0], "numbers go from 0 to 3, for 3 classes"),
        ([0, 0], [0, -1], "numbers go from -1 to 0, for 3 classes"),
        ([[0]], [[0]], r"labels has shape \(1, 1\), expected \(1,\)"),
        ([0.5], [0.5], "labels is float64, must be integers"),
    ],
)
def test_confusions_that_cannot_be_are_refused(labels, named, message):
    with pytest.raises(ValueError, match=message):
        Confusion(np.array(labels), np.array(named), ABC)
