"""Whether a learned controller finds better networks than chance with the same shared weights.

The plan (chapter 15), fixed before the first seed: the primary figure is the paired difference of
`warm_up` and `random` in test accuracy, each the mean of two trainings from scratch of the network
that the search picked, with its standard error over ten seeds. Costs are equal by count: `random`
gets the same 800 steps of the shared weights, and for the 80,000 images that reward the controller
80 candidates more, on 1,000 images each. `scratch` trains 11 networks, which takes as long: 36 s
against 3.3 s per network, measured before. Trials had the seeds 0 to 3, so run n has seed 100 + n.
"""

import time

import torch

from cnnbook.datasets import scattered_digits
from cnnbook.experiments.study import Outcome, Study, Variant
from cnnbook.models.enas import (
    OPERATIONS,
    Architecture,
    Controller,
    SharedNetwork,
    uniform_architecture,
)
from cnnbook.training.searching import derive, search, shared_accuracy, train_child

LARGEST = Architecture((OPERATIONS.index("conv5"),) * 4, ((), (0,), (0, 0), (0, 0, 0)))
"""The size rule: of all architectures the one with most weights, without skips."""

SETTINGS = {
    "task": "5,000 digits of MNIST, 14 × 14, at random places of 24 × 24: 1,000 to train on, "
    "1,000 to reward and choose by, 3,000 to test once",
    "primary": "warm_up minus random, paired by seed: mean and standard error of test_accuracy",
    "layers": 4, "channels": 16, "epochs": 40, "lr": 0.05, "batch_size": 50, "child_epochs": 8,
    "retrainings": 2, "controller_lr": 0.005, "entropy_weight": 1e-4, "samples": 4,
    "reward_images": 100, "first_seed": 100,
}  # fmt: skip


class _Clock:
    """CPU seconds since it was made or last read."""

    def __init__(self):
        self.last = time.process_time()

    def __call__(self):
        before, self.last = self.last, time.process_time()
        return round(self.last - before, 2)


def _fresh(seed):
    torch.manual_seed(seed)
    return SharedNetwork(SETTINGS["layers"], SETTINGS["channels"])


def _retrained(architecture, data, seed):
    """Test accuracies of an architecture, trained from scratch as often as `retrainings` says."""
    train, _, test = data
    accuracies = []
    for turn in range(SETTINGS["retrainings"]):
        network = _fresh(10_000 + 100 * seed + turn)
        epochs = SETTINGS["child_epochs"]
        train_child(network, architecture, train, epochs=epochs, seed=100 * seed + turn)
        accuracies.append(shared_accuracy(network, architecture, test))
    return accuracies


def _found(architecture, data, seed, model=None, **more):
    accuracies = _retrained(architecture, data, seed)
    measured = {"test_accuracy": sum(accuracies) / len(accuracies), "retrained": accuracies}
    return Outcome(measured | {"architecture": str(architecture)} | more, model)


def _shared_table(network, data):
    return [shared_accuracy(network, a, data[1]) for a in reference_architectures()]


def _short(numbers):
    """To three decimals, as lists."""
    return (numbers.double() * 1000).round().div(1000).tolist()


def _controlled(warm_up):
    def run(data, seed):
        seed += SETTINGS["first_seed"]
        clock, network, controller = _Clock(), _fresh(seed), Controller(SETTINGS["layers"])
        options = {"epochs": SETTINGS["epochs"], "warm_up": warm_up, "progress": False}
        history = search(network, controller, *data[:2], seed=seed, **options)
        generator, seconds = torch.Generator().manual_seed(seed), [clock()]
        with torch.no_grad():
            candidates = controller.sample(30, generator).architectures
        shared, best = derive(network, candidates, data[1])[0]
        seconds.append(clock())
        fives = torch.tensor([history.reward, history.entropy]).reshape(2, -1, 5).mean(2)
        chances = torch.stack(history.chances[:1] + history.chances[9::10])
        return _found(
            best, data, seed, network, shared_accuracy=shared, seconds=seconds,
            reference=_shared_table(network, data), distinct=len(set(candidates)),
            reward=_short(fives[0]), entropy=_short(fives[1]), chances=_short(chances),
        )  # fmt: skip

    return run


def _random(data, seed):
    seed += SETTINGS["first_seed"]
    clock, network = _Clock(), _fresh(seed)
    options = {"epochs": SETTINGS["epochs"], "progress": False}
    search(network, uniform_architecture, *data[:2], seed=seed, **options)
    generator, seconds = torch.Generator().manual_seed(seed), [clock()]
    candidates = [uniform_architecture(generator) for _ in range(110)]
    shared, best = derive(network, candidates, data[1])[0]
    seconds.append(clock())
    return _found(
        best, data, seed, network, shared_accuracy=shared, seconds=seconds,
        reference=_shared_table(network, data),
    )  # fmt: skip


def _scratch(data, seed):
    seed += SETTINGS["first_seed"]
    clock, generator, tried = _Clock(), torch.Generator().manual_seed(50_000 + seed), []
    for turn in range(11):
        network, one = _fresh(1000 * (seed + 1) + turn), uniform_architecture(generator)
        train_child(network, one, data[0], epochs=SETTINGS["child_epochs"], seed=turn)
        tried.append((shared_accuracy(network, one, data[1]), one))
    best = max(tried, key=lambda pair: pair[0])[1]
    return _found(best, data, seed, seconds=[clock()])


def _size(data, seed):
    return _found(LARGEST, data, SETTINGS["first_seed"] + seed)


def reference_architectures():
    """Fifty architectures, always the same, whose accuracies from scratch are known."""
    generator = torch.Generator().manual_seed(2018)
    return [uniform_architecture(generator) for _ in range(50)]


def _reference(data, seed):
    """Five of them from scratch, twice each: run n has numbers 5n to 5n + 4."""
    five = reference_architectures()[5 * seed : 5 * seed + 5]
    trained = [_retrained(architecture, data, seed) for architecture in five]
    sizes = [sum(p.numel() for p in _fresh(0).active(architecture)) for architecture in five]
    first, second = ([pair[k] for pair in trained] for k in (0, 1))
    mean = sum(first + second) / 10
    measured = {"test_accuracy": mean, "first": first, "second": second, "parameters": sizes}
    return Outcome(measured | {"architectures": [str(architecture) for architecture in five]})


MEASURES = ("test_accuracy",)
SHARING = Study(
    "enas",
    "Is the learned controller better than chance with the same shared weights, at equal cost?",
    lambda _: scattered_digits(),
    {
        "warm_up": Variant(_controlled(20), {"warm_up": 20, "updates": 200, "candidates": 30},
                           "ENAS, the controller waits for {warm_up} of {epochs} epochs", MEASURES),
        "plain": Variant(_controlled(0), {"warm_up": 0, "updates": 200, "candidates": 30},
                         "ENAS, both learn from the start", MEASURES),
        "random": Variant(_random, {"candidates": 110},
                          "random search with shared weights, {candidates} candidates", MEASURES),
        "scratch": Variant(_scratch, {"networks": 11},
                           "best of {networks} random networks, trained from scratch", MEASURES),
        "size": Variant(_size, {"operation": "conv5"},
                        "no search: the network with most weights", MEASURES),
        "reference": Variant(_reference, {"architectures": 5},
                             "random networks, trained from scratch", MEASURES),
    },
    SETTINGS,
    kept=("plain", "random"),
    seeds=10,
)  # fmt: skip
