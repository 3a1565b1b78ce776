"""The picture of a network that learns: its numbers by hand, and all of its states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_checks import check_picture, check_state, texts

from cnnbook.figures import LearningCurve
from cnnbook.figures.learning_curve import percent
from cnnbook.numpy_net.training import Record, Settings, Trainer

LONG = Settings("SGD", 0.0001, 0.99, 1437)


def learned(losses, kernels, classes=4, shown=2, image=(1, 4, 6), made=(), **fields):
    """A history whose kernels go through the given ones and stay at the last."""
    rng, history = np.random.default_rng(len(losses)), []
    for step in range(len(losses) + 1):
        loss = losses[step - 1] if step else None
        settings = made[min(step, len(made)) - 1] if made and step else "SGD"
        shares = rng.dirichlet(np.ones(classes), shown)
        accuracy = step / len(losses) if losses else 0.25
        now = np.asarray(kernels[min(step, len(kernels) - 1)], float)
        history.append(Record(loss, settings, accuracy, now, shares))
    images, labels = rng.random((shown, *image)), rng.integers(0, classes, shown)
    return LearningCurve(tuple(history), images, labels, 50, **fields)


@st.composite
def curves(draw):
    """Any history, of large and tiny weights and losses beyond the axis."""
    steps = draw(st.sampled_from([0, 1, 12, 300]))
    losses = np.linspace(draw(st.sampled_from([0.04, 2.3, 300.0])), 0.5, steps).tolist()
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    shape = [draw(st.integers(1, n)) for n in (12, 6, 6)]
    kernels = rng.standard_normal((3, *shape)) * draw(st.sampled_from([0, 1e-4, 1, 50]))
    classes, shown = draw(st.sampled_from([2, 10, 120])), draw(st.integers(1, 10))
    image = draw(st.sampled_from([(1, 8, 8), (2, 30, 7), (3, 7, 60)]))
    made, until = draw(st.sampled_from([(), (Settings(), LONG)])), draw(st.sampled_from([0, 20]))
    return learned(losses, kernels, classes, shown, image, made, until=until)


@settings(max_examples=12, deadline=None)
@given(curves())
def test_every_picture(curve):
    check_state(curve)


def test_smoothed_loss_is_the_mean_of_the_last_ten():
    values = np.random.default_rng(0).random(25)
    expected = [values[max(0, k - 9) : k + 1].mean() for k in range(25)]
    np.testing.assert_allclose(learned(values.tolist(), [[[[1]]]]).smoothed, expected)


def test_numbers_of_the_picture_by_hand():
    two = np.array([[[3.0, 4.0]]])
    curve = learned([1.0] * 12, [two, np.add(two, [0, 2.5])], step=12, until=20)
    assert (curve.moved, curve.scale, curve.end) == (0.5, 7, 20)
    assert curve.guess == (pytest.approx(1.3863, abs=1e-4), 0.25)
    flat = learned([1.0], [two * 0])
    assert (flat.scale, flat.moved, flat.end) == (1, 0, 1)
    assert learned([1.0], [two, 17.5 * two]).scale == pytest.approx(70)
    assert learned([1.0] * 12, [two], made=("a",) * 5 + ("b",)).changes == [5]
    assert (percent(1 / 3), percent(1.0)) == ("33.3 %", "100 %")


def test_the_picture_in_words():
    one, shares = np.ones((1, 1, 2)), np.array([[0.1, 0.7, 0.2], [0.6, 0.2, 0.2]])
    now = Record(0.5, Settings(), 0.9, -2 * one, shares)
    history = (Record(None, None, 0.25, one, shares), now)
    curve = LearningCurve(history, np.zeros((2, 1, 3, 3)), np.array([1, 2]), 50, 1, 20)
    assert repr(curve) == (
        "Step 1 of 20, SGD, rate 0.05, momentum 0.9, batches of 32 images: loss of the batch 0.5 "
        "(mean of the last 10: 0.5), 90 % of 50 validation images named right. Weights of the "
        "first kernels from −2 to −2, changed by 3 × their size before training. "
        "Of 2 images shown, 1 are named right."
    )
    assert {"Step 1 of 20", "after step 1", "90 %", "1 kernels of 1 × 2, one scale for all",
            "guessing: ln 3 = 1.1", "guessing: 33.3 %", "right", "is 2", "70 %", "60 %",
            "of 50 images that no step learns from"} <= set(texts(curve.picture()))  # fmt: skip
    before = curve.at(0)
    assert repr(before).startswith("Step 0 of 20, before training: 25 % of 50 validation images")
    assert {"before training", "now: nothing learned yet"} <= set(texts(before.picture()))


def test_tints_tell_the_sign_on_one_scale():
    start = np.array([[[-2.0, 1.0, 0.0]]])
    picture = learned([1.0], [start, start / 2], step=1).picture()
    tints = [(m.fill, m.tint * 0.7) for m in picture.find("kernels", "weight")]
    before, now = [("negative", 1), ("kernel", 0.5)], [("negative", 0.5), ("kernel", 0.25)]
    lost = [("kernel", 0.5), ("negative", 0.25)]
    assert tints == [(role, pytest.approx(share)) for role, share in before + now + lost]


def test_a_long_curve_is_thinned_but_keeps_its_end():
    picture = learned([1.0] * 4999 + [0.0], np.ones((1, 1, 1, 1)), step=5000).picture()
    raw = max((mark.points for mark in picture.find("loss", "curve")), key=len)
    (dot,) = picture.find("loss", "dot")
    assert len(raw) <= 402
    assert raw[-1] == (dot.x + 4, max(y for _, y in raw))  # the right edge
    assert len(picture.svg()) < 100_000
    check_picture(picture)


def test_a_trainer_is_read():
    images = np.random.default_rng(0).random((30, 3, 9, 9))
    trainer = Trainer((images, np.arange(30) % 3), held_out=9).advance(4, Settings(batch_size=8))
    curve = LearningCurve.of(trainer)
    assert (curve.step, curve.held_out, len(curve.labels)) == (4, 9, 3)
    np.testing.assert_array_equal(curve.losses, [r.loss for r in trainer.history[1:]])
    np.testing.assert_array_equal(curve.at(2).now.kernels, trainer.history[2].kernels)
    check_state(curve)
    with pytest.raises(ValueError, match="step is 5, expected 0 to 4"):
        LearningCurve.of(trainer, 5)
