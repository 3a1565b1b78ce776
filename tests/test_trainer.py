"""The trainer: against a loop written by hand, what it undoes, and what it refuses."""

import re

import numpy as np
import pytest

from cnnbook.numpy_net.layers import Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential
from cnnbook.numpy_net.learning import SGD, Adam, CrossEntropyLoss
from cnnbook.numpy_net.training import DIVERGED, OPTIMISERS, Settings, Trainer
from cnnbook.ops import softmax


def small_data(count=60, channels=1, size=(5, 4), classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = rng.standard_normal((count, channels, *size)) / 4
    return images + labels[:, None, None, None], labels


def losses(trainer):
    return [record.loss for record in trainer.history[1:]]


def small_network(channels=1, size=(5, 4), classes=3, dropout=0.0, dtype=np.float64):
    rng = np.random.default_rng(7)
    options = {"rng": rng, "dtype": dtype}
    maps = 2 * (size[0] - 1) * (size[1] - 2)
    first, last = Conv2d(channels, 2, (2, 3), **options), Linear(maps, classes, **options)
    return Sequential(first, ReLU(), Flatten(), Dropout(dropout, rng=rng), last)


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


@pytest.mark.parametrize("optimiser", list(OPTIMISERS))
def test_training_is_the_loop_written_by_hand(optimiser):
    settings = Settings(optimiser, 0.03, 0.8, 7)  # 48 are learned from: an order leaves a rest
    trainer = Trainer(small_data(), small_network(dropout=0.25), held_out=12, seed=3)
    trainer.advance(20, settings)
    network = small_network(dropout=0.25)
    expected, accuracies, answers = by_hand(network, small_data(), settings, 20, 12, 3)
    np.testing.assert_allclose(losses(trainer), expected, rtol=1e-12)
    np.testing.assert_array_equal([r.accuracy for r in trainer.history[1:]], accuracies)
    for name, array in network.parameters.items():
        np.testing.assert_array_equal(trainer.network.parameters[name], array)
    last = trainer.history[-1]
    np.testing.assert_array_equal(last.kernels, network.parameters["0.weight"][:, 0])
    np.testing.assert_array_equal(last.probabilities, answers[trainer.shown])


def test_each_image_is_learned_from_once_an_order_or_judged():
    trainer = Trainer(small_data(), small_network(), held_out=12)
    rows = np.concatenate([trainer.training[0], trainer.validation[0]])
    assert (len(trainer.training[0]), len(trainer.validation[0])) == (48, 12)
    assert len(np.unique(rows.reshape(60, -1), axis=0)) == 60
    orders = [np.concatenate([trainer._draw(12) for _ in range(4)]) for _ in range(2)]
    assert [sorted(order) for order in orders] == [list(range(48))] * 2
    assert (orders[0] != orders[1]).any()


def test_one_seed_gives_one_history_however_it_is_cut():
    whole = Trainer(small_data(), small_network(dropout=0.5)).advance(9)
    parts = Trainer(small_data(), small_network(dropout=0.5))
    for steps in (1, 0, 5, 3):
        parts.advance(steps)
    again = parts.again()
    assert again.steps == 0
    for other in (parts, again.advance(9)):
        assert losses(other) == losses(whole)
        np.testing.assert_array_equal(other.kernels, whole.kernels)
    other = Trainer(small_data(), small_network(dropout=0.5), seed=1).advance(9)
    assert losses(other) != losses(whole)


def test_the_history_holds_what_each_step_left_and_the_given_network_stays():
    network = small_network()
    before = network.state()
    trainer = Trainer(small_data(), network)
    kernels = [trainer.advance(min(k, 1)).kernels.copy() for k in range(5)]
    for step, record in enumerate(trainer.history):
        np.testing.assert_array_equal(record.kernels, kernels[step])
        short = Trainer(small_data(), small_network()).advance(step).history[-1]
        np.testing.assert_array_equal(record.probabilities, short.probabilities)
    for name, array in before.items():
        np.testing.assert_array_equal(network.parameters[name], array)
        assert (trainer.network.parameters[name] != array).any()


def test_settings_may_change_between_steps():
    trainer = Trainer(small_data(), small_network())
    trainer.advance(2, Settings("SGD", 0.1, 0.9, 8))
    velocity = trainer._optimiser.velocity["0.weight"].copy()
    assert np.abs(velocity).max() > 0
    trainer.advance(1, Settings("SGD", 0.2, 0.0, 8))  # keeps the optimiser and what it remembers
    assert (trainer._optimiser.lr, trainer._optimiser.momentum) == (0.2, 0.0)
    trainer.advance(1, Settings("Adam", 0.01, 0.9, 4))
    assert isinstance(trainer._optimiser, Adam)
    assert trainer._optimiser.steps == 1
    last = trainer.history[-1].settings
    assert str(last) == "Adam, rate 0.01, momentum 0.9, batches of 4 images"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rate", [1e200, 1e6])  # beyond all numbers, and large but finite
def test_a_loss_beyond_bounds_is_told_and_the_step_undone(rate):
    trainer = Trainer(small_data(), small_network()).advance(4, Settings(batch_size=8))
    shown = re.escape(f"{rate:g}")
    told = rf"step \d+ brings the loss to .*: the learning rate {shown} is too large"
    with pytest.raises(FloatingPointError, match=told):
        trainer.advance(10, Settings("SGD", rate, batch_size=8))
    assert max(losses(trainer)) <= DIVERGED
    np.testing.assert_array_equal(trainer.kernels, trainer.history[-1].kernels)
    done = trainer.steps
    trainer.advance(10, Settings("SGD", 0.01, batch_size=8))
    assert trainer.steps == done + 10


def test_an_interrupt_leaves_no_half_step(monkeypatch):
    trainer = Trainer(small_data(), small_network()).advance(3)
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
    first, last = Conv2d(4, 6, 3, groups=2, padding=1, rng=rng), Linear(24, 3, rng=rng)
    network = Sequential(first, MaxPool2d(2), Flatten(), last)
    trainer = Trainer(small_data(channels=4), network).advance(2)
    assert trainer.validation[0].dtype == np.float32
    weight = trainer.network.parameters["0.weight"]
    assert weight.shape == (6, 2, 3, 3)
    np.testing.assert_allclose(trainer.kernels, weight[:, 0] + weight[:, 1], rtol=1e-6)


def test_without_a_network_one_is_built_for_the_data():
    trainer = Trainer(small_data(channels=2, size=(6, 9), classes=4))
    assert trainer.first.parameters["weight"].shape == (8, 2, 5, 5)
    assert trainer.classes == 4
    assert trainer.history[0].probabilities.shape == (4, 4)


DATA = small_data()
FAULTS = [
    (lambda: Trainer(DATA, "net"), TypeError, "network is a str, expected a Sequential"),
    (lambda: Trainer(DATA, Sequential(Flatten())), ValueError, "is none, expected Conv2d"),
    (lambda: Trainer(DATA, Sequential(Linear(20, 3))), ValueError, "is Linear, expected Conv2d"),
    (lambda: Trainer(DATA, small_network(2)), ValueError, "have 1 channels, the network expects 2"),
    (lambda: Trainer(DATA, small_network(classes=2)), ValueError, "labels reach 2, .* 2 outputs"),
    (lambda: Trainer(DATA, Sequential(Conv2d(1, 2, 2))), ValueError, r"\(1, 2, 4, 3\), expected"),
    (lambda: Trainer(3), TypeError, "data must be a pair of images and labels"),
    (lambda: Trainer(DATA[0]), TypeError, "data must be a pair"),
    (lambda: Trainer((DATA[0][:, 0], DATA[1])), ValueError, "images has 3 axes, expected 4"),
    (lambda: Trainer((DATA[0], DATA[1][:-1])), ValueError, r"shape \(59,\), expected \(60,\)"),
    (lambda: Trainer((DATA[0][:1], DATA[1][:1])), ValueError, "images holds 1, expected 2"),
    (lambda: Trainer((DATA[0], DATA[1] + 0.5)), TypeError, "dtype float64, expected whole"),
    (lambda: Trainer((DATA[0], DATA[1] - 1)), ValueError, "labels holds -1, expected classes from"),
    (lambda: Trainer((DATA[0] * np.nan, DATA[1])), ValueError, "images holds NaN or infinity"),
    (lambda: Trainer(DATA, held_out=60), ValueError, "held_out is 60, must be from 1 to 59"),
    (lambda: Trainer(DATA, held_out=True), TypeError, "held_out is True, must be a whole number"),
    (lambda: Trainer(DATA).advance(-1), ValueError, "steps is -1, must be at least 0"),
    (lambda: Trainer(DATA).advance(1, Settings(batch_size=49)), ValueError, "49, must be from 1"),
    (lambda: Settings("RMSprop"), ValueError, "optimiser is 'RMSprop', expected one of"),
    (lambda: Settings(rate=0), ValueError, "rate is 0, must be more than 0"),
    (lambda: Settings(rate=float("nan")), ValueError, "rate is nan"),
    (lambda: Settings(momentum=1), ValueError, "momentum is 1, must be at least 0 and less than 1"),
    (lambda: Settings(batch_size=0), ValueError, "batch_size is 0, must be at least 1"),
    (lambda: Settings(batch_size=2.5), TypeError, "batch_size is 2.5, must be a whole number"),
]


@pytest.mark.parametrize(("call", "error", "message"), FAULTS)
def test_what_does_not_fit_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
