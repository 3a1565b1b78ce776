"""Networks in NumPy: step for step beside PyTorch, by hand, and on bad input."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from cnnbook import numpy_net as net
from cnnbook.numpy_net.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from cnnbook.numpy_net.learning import SGD, Adam, CrossEntropyLoss
from cnnbook.numpy_net.training import DIVERGED, OPTIMISERS, Settings, Trainer
from cnnbook.ops import softmax

RULES = {
    "SGD": {"lr": 0.1},
    "SGD with momentum": {"lr": 0.05, "momentum": 0.9},
    "Adam": {"lr": 2e-3},
    "Adam with betas": {"lr": 1e-3, "betas": (0.8, 0.95), "eps": 1e-6},
}


def in_torch(layer):
    """Build the torch module of a layer, without its parameters."""
    if isinstance(layer, net.Sequential):
        return nn.Sequential(*map(in_torch, layer.layers))
    twin = getattr(nn, type(layer).__name__)
    weight, bias = (layer.parameters.get(name) for name in ("weight", "bias"))
    if isinstance(layer, net.Conv2d):
        channels = weight.shape[1] * layer.settings["groups"], weight.shape[0], weight.shape[2:]
        return twin(*channels, **layer.settings, bias=bias is not None)
    if isinstance(layer, net.Linear):
        return twin(*weight.shape[::-1], bias=bias is not None)
    return twin(**layer.settings)


def beside(network):
    """Build the same network in torch, with the same numbers in float64."""
    twin = in_torch(network).double()
    twin.load_state_dict({name: torch.tensor(a) for name, a in network.state().items()})
    return twin


def varied(rng):
    """Build a network with every layer and with settings that LeNet leaves alone."""
    options = {"rng": rng, "dtype": np.float64}
    return net.Sequential(
        net.Conv2d(2, 6, (3, 2), stride=(2, 1), padding=1, bias=False, **options),
        net.Tanh(),
        net.MaxPool2d(3, 2, padding=1, ceil_mode=True),
        net.Conv2d(6, 4, 2, dilation=2, padding=2, groups=2, **options),
        net.Tanh(),
        net.AvgPool2d(3, 1, padding=1, count_include_pad=False),
        net.Flatten(),
        net.Sequential(net.Linear(4 * 6 * 9, 9, bias=False, **options), net.ReLU()),
        net.Linear(9, 10, **options),
    )


def simple(rng):
    settings = {"filter_num": 4, "filter_size": 3, "stride": 2, "pad": 1, "hidden_size": 12}
    return net.simple_conv_net((2, 12, 11), **settings, weight_init_std=0.2, rng=rng, dtype="f8")


def with_relu(rng):
    return net.lenet(3, 10, 0, net.ReLU, net.MaxPool2d, rng=rng, dtype="f8")


NETWORKS = {
    "LeNet tanh": ((1, 28, 28), lambda rng: net.lenet(rng=rng, dtype="f8")),
    "LeNet ReLU": ((3, 32, 32), with_relu),
    "simple": ((2, 12, 11), simple),
    "varied": ((2, 12, 11), varied),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("optimiser", RULES)
def test_fifty_steps_are_those_of_torch(name, optimiser):
    rng, (shape, build) = np.random.default_rng(0), NETWORKS[name]
    network, kind = build(rng), optimiser.split()[0]
    twin, loss, start = beside(network), net.CrossEntropyLoss(), network.state()
    ours = getattr(net, kind)(network, **RULES[optimiser])
    theirs = getattr(torch.optim, kind)(twin.parameters(), **RULES[optimiser])
    close = {"rtol": 0, "atol": 1e-8, "strict": True}
    for _ in range(50):
        x, target = rng.standard_normal((4, *shape)), rng.integers(0, 10, 4)
        value = loss.forward(network.forward(x), target)
        network.backward(loss.backward())
        ours.step()
        theirs.zero_grad()
        expected = nn.functional.cross_entropy(twin(torch.tensor(x)), torch.tensor(target))
        expected.backward()
        theirs.step()
        np.testing.assert_allclose(value, expected.detach().numpy(), **close)
        for key, parameter in twin.state_dict().items():
            np.testing.assert_allclose(network.parameters[key], parameter.numpy(), **close)
    moved = [np.abs(network.parameters[key] - start[key]).max() for key in start]
    assert min(moved) > 1e-3  # every parameter has learnt, and `state` is a copy


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (lambda rng: net.Conv2d(40, 50, (3, 2), groups=2, rng=rng), 20 * 6),
        (lambda rng: net.Linear(300, 200, rng=rng), 300),
    ],
)
def test_parameters_are_drawn_as_in_torch(layer, fan_in):
    """The bounds of torch's default, the same from the same seed, and float32 as there."""
    parameters, again = (layer(np.random.default_rng(0)).parameters for _ in range(2))
    twin, bound = in_torch(layer(None)), fan_in**-0.5
    for name, array in parameters.items():
        np.testing.assert_array_equal(array, again[name], strict=True)
        for drawn in (array, twin.get_parameter(name).detach().numpy()):
            assert (drawn.shape, drawn.dtype) == (array.shape, np.float32)
            assert np.abs(drawn).max() <= bound * (1 + 1e-6)
    weight = parameters["weight"]
    assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.05)  # of a uniform distribution
    assert not np.array_equal(layer(None).parameters["weight"], weight)
    network = net.simple_conv_net(weight_init_std=0.03, rng=np.random.default_rng(0))
    assert sum(array.size for array in network.parameters.values()) == 433_890
    for name, array in network.parameters.items():
        assert array.std() == pytest.approx(0.03 if "weight" in name else 0, rel=0.1)


def test_a_state_is_loaded_in_place_and_whole_or_not_at_all():
    layer, other = net.Linear(3, 2), net.Linear(3, 2)
    weight = layer.parameters["weight"]
    layer.load(other.state())
    assert layer.parameters["weight"] is weight  # an optimiser may hold on to it
    np.testing.assert_array_equal(weight, other.parameters["weight"], strict=True)
    for state, message in (
        ({"weight": weight}, r"state has \['weight'\], the network has \['bias', 'w"),
        ({"weight": 0 * weight, "bias": [0] * 3}, r"bias has shape \(3,\), expected \(2,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            layer.load(state)
        np.testing.assert_array_equal(weight, other.parameters["weight"])
    with pytest.raises(ValueError, match="in_channels 3 is not divisible by groups 2"):
        net.Conv2d(3, 4, 3, groups=2)
    with pytest.raises(ValueError, match=r"kernel_size 9 .* more than the 8"):
        net.simple_conv_net((1, 8, 8), filter_size=9)


def small_data(count=60, channels=1, size=(5, 4), classes=3):
    labels = np.arange(count) % classes
    images = np.random.default_rng(0).standard_normal((count, channels, *size)) / 4
    return images + labels[:, None, None, None], labels


def losses(trainer):
    return [record.loss for record in trainer.history[1:]]


def small_network(channels=1, classes=3):
    options = {"rng": np.random.default_rng(7), "dtype": np.float64}
    first, last = Conv2d(channels, 2, (2, 3), **options), Linear(16, classes, **options)
    return Sequential(first, ReLU(), Flatten(), last)


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
        losses.append(loss.forward(network.forward(images[batch]), labels[batch]))
        network.backward(loss.backward())
        optimiser.step()
        scores = network.forward(images[held])
        accuracies.append((scores.argmax(1) == labels[held]).mean())
    return losses, accuracies, softmax(scores, 1)


@pytest.mark.parametrize("optimiser", list(OPTIMISERS))
def test_training_is_the_loop_written_by_hand(optimiser):
    settings = Settings(optimiser, 0.03, 0.8, 7)  # 48 are learned from: an order leaves a rest
    given, before = small_network(), small_network().state()
    trainer = Trainer(small_data(), given, held_out=12, seed=3).advance(20, settings)
    network = small_network()
    expected, accuracies, answers = by_hand(network, small_data(), settings, 20, 12, 3)
    np.testing.assert_allclose(losses(trainer), expected, rtol=1e-12)
    np.testing.assert_array_equal([r.accuracy for r in trainer.history[1:]], accuracies)
    for name, array in network.parameters.items():
        np.testing.assert_array_equal(trainer.network.parameters[name], array)
        np.testing.assert_array_equal(given.parameters[name], before[name])  # it stays
    last = trainer.history[-1]
    np.testing.assert_array_equal(last.kernels, network.parameters["0.weight"][:, 0])
    np.testing.assert_array_equal(last.probabilities, answers[trainer.shown])


def test_one_seed_gives_one_history_however_it_is_cut():
    whole = Trainer(small_data(), small_network()).advance(9)
    parts = Trainer(small_data(), small_network())
    for steps in (1, 0, 5, 3):
        parts.advance(steps)
    again = parts.again()
    assert again.steps == 0
    for other in (parts, again.advance(9)):
        for ours, theirs in zip(other.history, whole.history, strict=True):
            assert ours.loss == theirs.loss
            np.testing.assert_array_equal(ours.kernels, theirs.kernels)
            np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)
    assert (whole.history[0].kernels != whole.history[1].kernels).any()  # no view of the last
    assert losses(Trainer(small_data(), small_network(), seed=1).advance(9)) != losses(whole)


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
    trainer, step = Trainer(small_data(), small_network()).advance(3), SGD.step
    before = trainer.network.state()

    def interrupted(self):
        step(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(SGD, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.advance(1)
    assert trainer.steps == 3
    for name, array in before.items():
        np.testing.assert_array_equal(trainer.network.parameters[name], array)


def test_networks_of_several_channels_and_those_that_are_built():
    rng = np.random.default_rng(0)
    first, last = Conv2d(4, 6, 3, groups=2, padding=1, rng=rng), Linear(24, 3, rng=rng)
    network = Sequential(first, MaxPool2d(2), Flatten(), last)
    trainer = Trainer(small_data(channels=4), network).advance(2)
    assert trainer.validation[0].dtype == np.float32
    weight = trainer.network.parameters["0.weight"]
    np.testing.assert_allclose(trainer.kernels, weight[:, 0] + weight[:, 1], rtol=1e-6)
    trainer = Trainer(small_data(channels=2, size=(6, 9), classes=4))
    assert trainer.first.parameters["weight"].shape == (8, 2, 5, 5)
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
