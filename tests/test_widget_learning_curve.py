"""The learning curve: the trainer's arithmetic, what the buttons do, and what the picture says."""

import asyncio
import itertools
import re
import time

import numpy as np
import pytest

from cnnbook.figures.learning_curve import LearningCurve, draw_learning_curve, percent
from cnnbook.numpy_net import (
    SGD,
    Adam,
    Conv2d,
    CrossEntropyLoss,
    Dropout,
    Flatten,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
)
from cnnbook.ops import softmax
from cnnbook.widgets import learning_curve, learning_view
from cnnbook.widgets import network_trainer as trainers
from cnnbook.widgets.learning_curve import LearningState
from cnnbook.widgets.network_trainer import DIVERGED, Settings, Trainer


def small_data(count=60, channels=1, size=(5, 4), classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = rng.standard_normal((count, channels, *size)) / 4
    return images + labels[:, None, None, None], labels


def small_network(channels=1, size=(5, 4), classes=3, dropout=0.0, dtype=np.float64):
    rng = np.random.default_rng(7)
    options = {"rng": rng, "dtype": dtype}
    maps = 2 * (size[0] - 1) * (size[1] - 2)
    return Sequential(
        Conv2d(channels, 2, (2, 3), **options),
        ReLU(),
        Flatten(),
        Dropout(dropout, rng=rng),
        Linear(maps, classes, **options),
    )


def small_view(**options):
    options = {"trained": 0, "until": 30, "batch_size": 8, **options}
    return learning_curve(small_network(), small_data(), **options)


# ---------------------------------------------------------------- the trainer


def by_hand(network, data, settings, steps, held_out, seed):
    """Train as the trainer should, in one loop with nothing remembered but what is returned."""
    images, labels = data
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    held, learned = order[:held_out], order[held_out:]
    if settings.optimiser == "Adam":
        optimiser = Adam(network, lr=settings.rate, betas=(settings.momentum, 0.999))
    else:
        optimiser = SGD(network, settings.rate, settings.momentum)
    loss, losses, accuracies, queue = CrossEntropyLoss(), [], [], []
    for _ in range(steps):
        if len(queue) < settings.batch_size:
            queue = list(rng.permutation(len(learned)))
        batch = learned[[queue.pop(0) for _ in range(settings.batch_size)]]
        losses.append(loss.forward(network.train().forward(images[batch]), labels[batch]))
        network.backward(loss.backward())
        optimiser.step()
        scores = network.eval().forward(images[held])
        accuracies.append((scores.argmax(1) == labels[held]).mean())
    return losses, accuracies, softmax(scores, 1)


@pytest.mark.parametrize("optimiser", list(trainers.OPTIMISERS))
def test_training_is_the_loop_written_by_hand(optimiser):
    settings = Settings(optimiser, 0.03, 0.8, 7)  # 48 are learned from: an order leaves a rest
    trainer = Trainer(small_network(dropout=0.25), small_data(), held_out=12, seed=3)
    trainer.advance(20, settings)
    network = small_network(dropout=0.25)
    losses, accuracies, answers = by_hand(network, small_data(), settings, 20, 12, 3)
    curve = trainer.curve()
    np.testing.assert_allclose(curve.losses, losses, rtol=1e-12, strict=False)
    np.testing.assert_array_equal(curve.accuracies[1:], accuracies)
    for name, array in network.parameters.items():
        np.testing.assert_array_equal(trainer.network.parameters[name], array)
    np.testing.assert_array_equal(curve.kernels, network.parameters["0.weight"][:, 0])
    np.testing.assert_array_equal(curve.probabilities, answers[trainer.shown])


def test_no_image_is_learned_from_and_judged():
    images, labels = small_data()
    trainer = Trainer(small_network(), (images, labels), held_out=20)
    rows = np.concatenate([trainer.training[0], trainer.validation[0]])
    assert (len(trainer.training[0]), len(trainer.validation[0])) == (40, 20)
    assert len(np.unique(rows.reshape(60, -1), axis=0)) == 60
    assert Trainer(small_network(), small_data()).validation[0].shape == (12, 1, 5, 4)


def test_every_image_is_learned_from_once_before_one_comes_again():
    trainer = Trainer(small_network(), small_data(), held_out=12)
    orders = [np.concatenate([trainer._draw(12) for _ in range(4)]) for _ in range(2)]
    assert [sorted(order) for order in orders] == [list(range(48))] * 2
    assert (orders[0] != orders[1]).any()


def test_one_seed_gives_one_history_however_it_is_cut():
    whole = Trainer(small_network(dropout=0.5), small_data()).advance(9)
    parts = Trainer(small_network(dropout=0.5), small_data())
    for steps in (1, 0, 5, 3):
        parts.advance(steps)
    again = parts.again()
    assert again.steps == 0
    for other in (parts, again.advance(9)):
        np.testing.assert_array_equal(other.curve().losses, whole.curve().losses)
        np.testing.assert_array_equal(other.kernels, whole.kernels)
    other = Trainer(small_network(dropout=0.5), small_data(), seed=1).advance(9)
    assert (other.curve().losses != whole.curve().losses).any()


def test_the_given_network_stays_as_it_is():
    network = small_network()
    before = network.state()
    trainer = Trainer(network, small_data()).advance(3)
    for name, array in before.items():
        np.testing.assert_array_equal(network.parameters[name], array)
        assert (trainer.network.parameters[name] != array).any()


def test_a_picture_of_an_earlier_step_shows_that_step():
    trainer = Trainer(small_network(), small_data())
    kernels = [trainer.advance(min(k, 1)).kernels.copy() for k in range(5)]
    for step in range(5):
        curve = trainer.curve(step)
        np.testing.assert_array_equal(curve.kernels, kernels[step])
        np.testing.assert_array_equal(curve.start, kernels[0])
        short = Trainer(small_network(), small_data()).advance(step)
        np.testing.assert_array_equal(curve.probabilities, short.curve().probabilities)
        assert len(curve.losses) == 4
    with pytest.raises(ValueError, match="step is 5, expected 0 to 4"):
        trainer.curve(5)


def test_settings_may_change_between_steps():
    trainer = Trainer(small_network(), small_data())
    trainer.advance(2, Settings("SGD", 0.1, 0.9, 8))
    velocity = trainer._optimiser.velocity["0.weight"].copy()
    assert np.abs(velocity).max() > 0
    trainer.advance(1, Settings("SGD", 0.2, 0.0, 8))  # keeps the optimiser and what it remembers
    assert (trainer._optimiser.lr, trainer._optimiser.momentum) == (0.2, 0.0)
    trainer.advance(1, Settings("Adam", 0.01, 0.9, 4))
    assert isinstance(trainer._optimiser, Adam)
    assert trainer._optimiser.steps == 1
    assert trainer.curve().changes == [2, 3]
    assert trainer.curve(4).heading[1] == "Adam, rate 0.01, momentum 0.9, batches of 4 images"


@pytest.mark.filterwarnings("error")
def test_a_loss_beyond_bounds_is_told_and_the_step_undone():
    trainer = Trainer(small_network(), small_data()).advance(4, Settings(batch_size=8))
    before = trainer.network.state()
    with pytest.raises(
        FloatingPointError, match=r"step 5 brings the loss to .*: the learning rate"
    ):
        trainer.advance(10, Settings("SGD", 1e200, batch_size=8))
    assert trainer.steps == 4
    for name, array in before.items():
        np.testing.assert_array_equal(trainer.network.parameters[name], array)
    trainer.advance(10, Settings("SGD", 0.01, batch_size=8))
    assert trainer.steps == 14
    assert np.isfinite(trainer.curve().losses).all()


def test_a_loss_that_is_large_but_finite_is_told_too():
    trainer = Trainer(small_network(), small_data())
    with pytest.raises(FloatingPointError, match=r"rate 1e\+06 is too large"):
        trainer.advance(5, Settings("SGD", 1e6, batch_size=8))
    assert max(trainer.curve().losses, default=0) <= DIVERGED


def test_an_interrupt_leaves_no_half_step(monkeypatch):
    trainer = Trainer(small_network(), small_data()).advance(3)
    before = trainer.network.state()
    step = SGD.step

    def interrupted(self):
        step(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(SGD, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.advance(1)
    assert trainer.steps == 3
    for name, array in before.items():
        np.testing.assert_array_equal(trainer.network.parameters[name], array)


def test_own_images_of_three_channels_and_grouped_kernels():
    rng = np.random.default_rng(0)
    network = Sequential(
        Conv2d(4, 6, 3, groups=2, padding=1, rng=rng),
        MaxPool2d(2),
        Flatten(),
        Linear(24, 3, rng=rng),
    )
    trainer = Trainer(network, small_data(channels=4)).advance(2)
    assert trainer.validation[0].dtype == np.float32
    weight = trainer.network.parameters["0.weight"]
    assert weight.shape == (6, 2, 3, 3)
    np.testing.assert_allclose(trainer.kernels, weight[:, 0] + weight[:, 1], rtol=1e-6)
    colour = Trainer(small_network(3), small_data(channels=3))
    assert "<image" in draw_learning_curve(colour.curve()).svg()


def test_without_a_network_one_is_built_for_the_data():
    trainer = Trainer(data=small_data(channels=2, size=(6, 9), classes=4))
    assert trainer.first.parameters["weight"].shape == (8, 2, 5, 5)
    assert trainer.classes == 4
    assert trainer.curve().probabilities.shape == (4, 4)


DATA = small_data()


@pytest.mark.parametrize(
    ("network", "data", "error", "message"),
    [
        ("net", DATA, TypeError, "network is a str, expected a Sequential"),
        (Sequential(Flatten()), DATA, ValueError, "with parameters is none, expected Conv2d"),
        (Sequential(Flatten(), Linear(20, 3)), DATA, ValueError, "is Linear, expected Conv2d"),
        (small_network(2), DATA, ValueError, "images have 1 channels, the network expects 2"),
        (small_network(classes=2), DATA, ValueError, "labels reach 2, the network has 2 outputs"),
        (Sequential(Conv2d(1, 2, 2)), DATA, ValueError, r"into \(1, 2, 4, 3\), expected \(1, cl"),
        (None, 3, TypeError, "data must be a pair of images and labels"),
        (None, DATA[0], TypeError, "data must be a pair"),
        (None, (DATA[0][:, 0], DATA[1]), ValueError, "images has 3 axes, expected 4"),
        (None, (DATA[0], DATA[1][:-1]), ValueError, r"labels has shape \(59,\), expected \(60,\)"),
        (None, (DATA[0][:1], DATA[1][:1]), ValueError, "images holds 1, expected 2"),
        (None, (DATA[0], DATA[1] + 0.5), TypeError, "labels has dtype float64, expected whole"),
        (None, (DATA[0], DATA[1] - 1), ValueError, "labels holds -1, expected classes from 0"),
        (None, (DATA[0] * np.nan, DATA[1]), ValueError, "images holds NaN or infinity"),
    ],
)
def test_what_does_not_fit_is_named(network, data, error, message):
    with pytest.raises(error, match=message):
        learning_curve(network, data)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"optimiser": "RMSprop"}, ValueError, "optimiser is 'RMSprop', expected one of"),
        ({"rate": 0}, ValueError, "rate is 0, must be more than 0"),
        ({"rate": float("nan")}, ValueError, "rate is nan"),
        ({"momentum": 1}, ValueError, "momentum is 1, must be at least 0 and less than 1"),
        ({"batch_size": 0}, ValueError, "batch_size is 0, expected at least 1"),
        ({"batch_size": 49}, ValueError, "batch_size is 49, expected 1 to 48"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be an int, got 2.5"),
        ({"until": 5001}, ValueError, "until is 5001, expected 1 to 5000"),
        ({"trained": 31}, ValueError, "trained is 31, expected 0 to 30"),
        ({"held_out": 60}, ValueError, "held_out is 60, expected 1 to 59"),
        ({"held_out": True}, TypeError, "held_out must be an int, got True"),
    ],
)
def test_settings_out_of_range_are_named(options, error, message):
    with pytest.raises(error, match=message):
        small_view(**options)


def test_a_state_checks_its_batch_and_its_step():
    trainer = Trainer(small_network(), small_data())
    with pytest.raises(ValueError, match="step is 1, expected 0 to 0"):
        LearningState(trainer, step=1)
    with pytest.raises(ValueError, match="batch_size is 50, expected 1 to 48"):
        LearningState(trainer, batch_size=50)
    with pytest.raises(ValueError, match="steps is -1, expected at least 0"):
        trainer.advance(-1)


# ---------------------------------------------------------------- the picture


def curve(**changes):
    rng = np.random.default_rng(0)
    fields = {
        "losses": np.linspace(2, 0.5, 12),
        "accuracies": np.linspace(0.25, 0.9, 13),
        "settings": ("SGD",) * 12,
        "start": rng.standard_normal((3, 2, 4)),
        "kernels": rng.standard_normal((3, 2, 4)),
        "images": rng.random((2, 1, 4, 6)),
        "labels": np.array([1, 3]),
        "probabilities": np.array([[0.1, 0.7, 0.1, 0.1], [0.6, 0.2, 0.1, 0.1]]),
        "held_out": 50,
        "step": 12,
        "until": 20,
    }
    return LearningCurve(**{**fields, **changes})


def test_smoothed_loss_is_the_mean_of_the_last_ten():
    values = np.random.default_rng(0).random(25)
    smoothed = curve(losses=values, accuracies=np.zeros(26), settings=("a",) * 25).smoothed
    expected = [values[max(0, k - 9) : k + 1].mean() for k in range(25)]
    np.testing.assert_allclose(smoothed, expected, rtol=1e-12)


def test_numbers_of_the_picture_by_hand():
    two = np.array([[[3.0, 4.0]]])
    shown = curve(start=two, kernels=np.add(two, [0.0, 2.5]))
    assert (shown.moved, shown.scale, shown.right) == (0.5, 7.0, 1)
    assert shown.guess == (pytest.approx(1.3863, abs=1e-4), 0.25)
    assert curve(start=two * 0, kernels=two * 0).scale == 1
    assert curve(start=two * 0, kernels=two * 0).moved == 0
    assert curve(start=two, kernels=two, largest=70.0).scale == pytest.approx(70)
    assert curve(settings=("a",) * 5 + ("b",) * 7).changes == [5]
    assert (shown.end, curve(until=3).end) == (20, 12)
    assert (percent(1 / 3), percent(1.0)) == ("33.3 %", "100 %")


def test_description_says_the_numbers():
    text = repr(
        draw_learning_curve(curve(start=np.ones((1, 1, 2)), kernels=np.full((1, 1, 2), -2.0)))
    )
    assert text == (
        "Step 12 of 20, SGD: loss of the batch 0.5 (mean of the last 10: 1.11), 90 % of 50 "
        "validation images named right. Weights of the first kernels from −2 to −2, changed by "
        "3 × their size before training. Of 2 images shown, 1 are named right."
    )
    assert repr(draw_learning_curve(curve(step=0))).startswith(
        "Step 0 of 20, before training: 25 % of 50 validation images named right."
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracies": np.ones(12)}, "12 accuracies for 12 losses, expected 13"),
        ({"settings": ("SGD",)}, "1 settings for 12 losses"),
        ({"step": 13}, "step is 13, expected 0 to 12"),
        ({"start": np.ones((3, 2, 3))}, r"start has shape \(3, 2, 3\), kernels \(3, 2, 4\)"),
        ({"labels": np.ones(3, int)}, "2 images, 3 labels and 2 probabilities"),
        ({"losses": np.full(12, np.inf)}, "losses holds NaN or infinity"),
        ({"kernels": np.full((3, 2, 4), np.nan)}, "kernels holds NaN or infinity"),
    ],
)
def test_a_picture_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        curve(**changes)


def words(picture):
    return set(re.findall(r">([^<>]+)</text>", picture.svg()))


def test_svg_says_what_the_picture_shows():
    shown = words(draw_learning_curve(curve(step=3)))
    assert {"Step 3 of 20", "after step 3", "1.86", "41.2 %",
            "3 kernels of 2 × 4, one scale for all",
            "guessing: ln 4 = 1.39", "guessing: 25 %", "right", "is 3", "70 %", "60 %",
            "of 50 images that no step learns from"} <= shown  # fmt: skip
    assert {"before training", "now: nothing learned yet"} <= words(
        draw_learning_curve(curve(step=0))
    )
    many = curve(start=np.ones((30, 5, 5)), kernels=np.ones((30, 5, 5)))
    assert "8 of 30 kernels of 5 × 5, one scale for all" in words(draw_learning_curve(many))


def test_tints_are_blue_for_negative_and_orange_for_positive_weights_on_one_scale():
    kernels = np.array([[[-2.0, 1.0, 0.0]]])
    svg = draw_learning_curve(curve(start=kernels, kernels=kernels / 2)).svg()
    tiles = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="16" height="16"[^>]*?--cnn-(\w+)\)'
                       r"[^>]*?\*([\d.]+)\)", svg)  # fmt: skip
    rows = [sorted(tiles[k : k + 2]) for k in (0, 2, 4)]
    assert [[tile[2] for tile in row] for row in rows[:2]] == [["input", "kernel"]] * 2
    strengths = [[float(tile[3]) * 0.7 for tile in row] for row in rows]
    assert strengths == [pytest.approx(s, abs=1e-3) for s in ([1, 0.5], [0.5, 0.25], [0.5, 0.25])]
    assert [tile[2] for tile in rows[2]] == ["kernel", "input"]  # what was lost


TRAINED = Trainer(small_network(), small_data()).advance(12, Settings(batch_size=8))
PICTURES = [
    *(curve(step=step) for step in (0, 1, 2, 7, 12)),
    curve(until=12),
    curve(losses=np.linspace(2, 300, 12), accuracies=np.zeros(13), until=12),
    curve(settings=("SGD, rate 0.0001, momentum 0.99, batches of 1437 images",) * 11 + ("b",)),
    curve(start=-1e-4 * np.ones((9, 11, 11)), kernels=1.234e-4 * np.ones((9, 11, 11))),
    curve(losses=np.full(12, 0.0412345), until=12, accuracies=np.full(13, 0.0123)),
    curve(losses=np.ones(5000), accuracies=np.ones(5001), settings=("a",) * 5000, step=4500),
    curve(images=np.zeros((2, 3, 60, 30)), labels=np.array([57, 100]),
          probabilities=np.eye(120)[[99, 100]]),
    curve(images=np.zeros((10, 1, 8, 8)), labels=np.arange(10),
          probabilities=np.eye(10)[::-1]),
    *(TRAINED.curve(step, until) for step, until in ((0, 30), (6, 30), (12, 12))),
]  # fmt: skip


@pytest.mark.parametrize("shown", PICTURES)
def test_no_text_is_cut_or_overlaps_another(shown):
    picture = draw_learning_curve(shown)
    axes = picture.axes()
    renderer = axes.figure.canvas.get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in axes.texts]
    page = axes.figure.bbox
    labels = re.compile(r"guessing.*")  # a value may lie on the line that is labelled
    for text, box in boxes:
        assert page.x0 <= box.x0 < box.x1 <= page.x1, text
        assert page.y0 <= box.y0 < box.y1 <= page.y1, text
    for (one, box), (other, next_box) in itertools.combinations(boxes, 2):
        if not (labels.match(one) or labels.match(other)):
            assert not box.padded(-0.5).overlaps(next_box.padded(-0.5)), (one, other)


def test_size_depends_on_no_step():
    assert len({draw_learning_curve(shown).size for shown in PICTURES}) == 1


def test_a_loss_beyond_the_axis_stays_on_its_edge():
    picture = draw_learning_curve(curve(losses=np.linspace(0, 300, 12)))
    heights = [y for mark in picture.marks for _, y in getattr(mark, "points", ())]
    assert min(heights) == 70


def test_a_long_curve_is_thinned_but_keeps_its_end():
    losses = np.append(np.ones(4999), 0.0)
    shown = curve(losses=losses, accuracies=np.ones(5001), settings=("a",) * 5000, step=5000)
    picture = draw_learning_curve(shown)
    lines = [mark.points for mark in picture.marks if hasattr(mark, "points")]
    raw = max(lines, key=len)
    assert len(raw) <= 402
    assert raw[-1] == (400, 190)  # step 5000 and loss 0: the lower right corner
    assert len(picture.svg()) < 100_000


# ---------------------------------------------------------------- the view, in plain Python


def test_without_a_loop_train_runs_to_its_end():
    view = small_view()
    view.actions["Train"].click()
    assert (view.state.trainer.steps, view.state.step, view.step.max) == (30, 30, 30)
    assert view.notice == "30 steps are done; the step slider goes back through them."
    assert (view.progress.value, view.bar.value) == ("30 of 30 steps, 100 %", 30)
    assert not view.running
    assert repr(view).startswith("Step 30 of 30, SGD, rate 0.05, momentum 0.9, batches of 8")
    expected = Trainer(small_network(), small_data()).advance(30, Settings(batch_size=8))
    assert repr(view) == repr(draw_learning_curve(expected.curve()))


def test_train_goes_on_after_its_end():
    view = small_view(trained=30)
    assert view.notice.startswith("Train goes on from step 30: SGD, rate 0.05, momentum 0.9")
    view.learn_one_step()
    assert view.progress.value == "31 of 31 steps, 100 %"
    view.train()
    assert (view.state.trainer.steps, view.controls["until"].value) == (60, 60)


def test_one_step_and_reset():
    view = small_view(trained=4)
    at_start = view.state.trainer.curve(0).kernels
    view.actions["One step"].click()
    assert (view.state.trainer.steps, view.state.step, view.state.until) == (5, 5, 30)
    view.actions["Reset"].click()
    assert (view.state.trainer.steps, view.state.step, view.step.max) == (0, 0, 0)
    assert view.progress.value == "0 of 30 steps, 0 %"
    np.testing.assert_array_equal(view.state.trainer.kernels, at_start)
    view.train()
    assert repr(view) == repr(small_view(trained=30))


def test_the_slider_goes_back_through_the_steps():
    view = small_view(trained=10)
    last = view.screen.value
    view.go_to(3)
    assert view.state.step == 3
    assert "after step 3<" in view.screen.value
    view.buttons[0].click()
    assert "now: nothing learned yet" in view.screen.value
    view.go_to(99)
    assert view.screen.value == last


@pytest.mark.parametrize(
    ("name", "value"),
    [("optimiser", "Adam"), ("rate", 0.2), ("momentum", 0.5), ("batch_size", 3), ("until", 50)],
)
def test_every_control_changes_the_next_step_and_says_so(name, value):
    view = small_view(trained=2)
    before, same = view.line.value, small_view(trained=2)
    view.controls[name].value = value
    assert getattr(view.state, name) == value
    assert view.line.value != before
    assert view.state.step == 2
    for other in (view, same):
        other.learn_one_step()
        other.learn_one_step()
    if name != "until":
        assert repr(view) != repr(same)


def test_an_own_rate_is_on_the_slider():
    view = small_view(rate=0.07)
    assert view.controls["rate"].value == 0.07
    assert ("0.07", 0.07) in view.controls["rate"].options


def test_a_rate_that_is_too_large_stops_with_a_message():
    view = small_view(rate=1e6)
    view.train()
    assert re.match(
        r"Stopped: step \d+ brings the loss to .* the step is undone; try a", view.notice
    )
    assert 'role="alert"' in view.line.value
    assert np.isfinite(view.state.trainer.kernels).all()
    assert "<svg" in view.screen.value
    view.controls["rate"].value = 0.01
    view.train()
    assert view.state.trainer.steps == 30
    with pytest.raises(FloatingPointError, match="is too large"):
        small_view(rate=1e6, trained=5)


def test_a_network_that_learned_nothing_is_told():
    images, labels = small_data(classes=2)
    network = small_network(classes=2)
    view = learning_curve(
        network, (0 * images, labels), until=60, rate=1e-4, trained=0, batch_size=8
    )
    view.train()
    assert view.notice.endswith("The loss is that of guessing: try a smaller rate, and Reset.")


def test_an_error_and_an_interrupt_are_told(monkeypatch):
    for error, notice in (
        (RuntimeError("odd"), "Training failed: RuntimeError: odd"),
        (KeyboardInterrupt(), "Interrupted: the 2 steps before are kept."),
    ):
        view = small_view(trained=2)

        def fail(*_, error=error):
            raise error

        monkeypatch.setattr(Trainer, "advance", fail)
        view.train()
        monkeypatch.undo()
        assert (view.notice, view.running, view.state.trainer.steps) == (notice, False, 2)
        view.learn_one_step()
        assert view.state.trainer.steps == 3


# ---------------------------------------------------------------- the view, in an event loop


def slowly(monkeypatch):
    """Let a slice hold one step, so that a training takes a while."""
    monkeypatch.setattr(learning_view, "SLICE", 0.0005)
    monkeypatch.setattr(learning_view, "PAUSE", 0)


async def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0)


def test_in_a_loop_training_lets_others_run_and_ends(monkeypatch):
    slowly(monkeypatch)

    async def run():
        view, turns = small_view(), 0
        view.train()
        assert view.running
        assert [view.actions[n].disabled for n in ("Train", "Stop", "One step")] == [
            True,
            False,
            True,
        ]
        assert view.notice == "Training …"
        while view.running:
            turns += 1
            await asyncio.sleep(0)
        assert [view.actions[n].disabled for n in ("Train", "Stop", "One step")] == [
            False,
            True,
            False,
        ]
        return view, turns

    view, turns = asyncio.run(run())
    assert turns > 5
    assert repr(view) == repr(small_view(trained=30))
    assert view.state.step == 30


def test_stop_keeps_what_was_learned_and_train_goes_on(monkeypatch):
    slowly(monkeypatch)

    async def run():
        view = small_view()
        view.train()
        view.train()  # a double click
        await until(lambda: view.state.trainer.steps >= 3)
        view.actions["Stop"].click()
        steps = view.state.trainer.steps
        assert not view.running
        assert 3 <= steps < 30
        assert view.notice == f"Stopped: {steps} steps are kept."
        for _ in range(20):
            await asyncio.sleep(0)
        assert view.state.trainer.steps == steps
        view.stop()  # once more says nothing new
        view.train()
        await until(lambda: not view.running)
        return view

    assert repr(asyncio.run(run())) == repr(small_view(trained=30))


def test_only_one_training_goes_on_after_stop_and_train(monkeypatch):
    slowly(monkeypatch)

    async def run():
        view = small_view()
        view.train()
        first = view._task
        view.stop()
        view.train()
        await until(lambda: view.state.trainer.steps >= 2)
        assert first.cancelled()
        view.reset()
        assert not view.running
        assert view.state.trainer.steps == 0
        for _ in range(20):
            await asyncio.sleep(0)
        assert (view.state.trainer.steps, view.state.step) == (0, 0)

    asyncio.run(run())


def test_settings_may_change_while_it_runs(monkeypatch):
    slowly(monkeypatch)

    async def run():
        view = small_view()
        view.train()
        await until(lambda: view.state.trainer.steps >= 3)
        view.controls["rate"].value = 0.001
        assert view.running
        assert view.notice == "Training …"
        await until(lambda: not view.running)
        return view

    view = asyncio.run(run())
    rates = [record.settings.rate for record in view.state.trainer.history[1:]]
    assert rates == sorted(rates, reverse=True)
    assert set(rates) == {0.05, 0.001}
    assert view.state.step == 30  # the last step is followed, whatever was set


def test_one_who_looks_back_is_left_there(monkeypatch):
    slowly(monkeypatch)

    async def run():
        view = small_view(trained=5)
        view.train()
        await until(lambda: view.state.trainer.steps >= 8)
        view.go_to(2)
        await until(lambda: view.step.max >= 12)
        assert view.state.step == 2
        view.go_to(view.step.max)
        await until(lambda: not view.running)
        assert view.state.step == view.step.max == 30

    asyncio.run(run())


def test_divergence_in_a_task_is_told(monkeypatch):
    slowly(monkeypatch)

    async def run():
        view = small_view(rate=1e6)
        view.train()
        await until(lambda: not view.running)
        assert "is too large" in view.notice
        assert not view.actions["Train"].disabled

    asyncio.run(run())


# ---------------------------------------------------------------- the digits


def test_the_digits_are_learned_and_the_still_picture_tells_of_it():
    view = learning_curve()
    bundle = view._repr_mimebundle_()
    assert "image/png" in bundle
    assert repr(view) == repr(learning_curve())
    assert repr(view).startswith("Step 40 of 300, SGD, rate 0.05, momentum 0.9, batches of 32")
    assert 0.4 < view.state.trainer.history[40].accuracy < 0.9
    assert view.state.trainer.history[0].accuracy < 0.2
    view.train()
    assert view.state.trainer.history[300].accuracy >= 0.95
    assert (len(view.state.trainer.training[0]), len(view.state.trainer.validation[0])) == (
        1437,
        360,
    )
    assert view.state.trainer.validation[1][view.state.trainer.shown].tolist() == list(range(10))


def test_the_text_does_not_hang_on_rounding():
    plain, moved = Trainer(), Trainer()
    for array in moved.network.parameters.values():
        array *= 1 + 1e-14 * np.random.default_rng(1).standard_normal(array.shape)
    texts = [repr(draw_learning_curve(t.advance(120).curve())) for t in (plain, moved)]
    assert texts[0] == texts[1]
