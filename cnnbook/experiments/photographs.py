"""Studies of small photographs: which of AlexNet's ideas help on CIFAR-10, and by how much."""

import functools
from dataclasses import asdict

import torch
from torch import nn

from cnnbook.datasets import ImageSet, cifar10, data_root, hold_out, image_folder
from cnnbook.experiments.study import Outcome, Study, Variant
from cnnbook.models import SmallAlexNet
from cnnbook.training import Augment, evaluate, fit

CHANGES = Augment(shift=4, flip=True)
VALIDATION = 5000


def load_cifar10(root):
    """Load CIFAR-10 with values from −2 to 2.

    Parameters
    ----------
    root : path, optional
        See `cnnbook.datasets.data_root`. JPEG copies in its folder ``cifar10_jpg`` go first.

    Returns
    -------
    ImageSet
        Mean near 0, standard deviation near 1.
    """
    folder = data_root(root) / "cifar10_jpg"
    if folder.is_dir():
        data = ImageSet(image_folder(folder / "train"), image_folder(folder / "test"))
    else:
        data = cifar10(root)
    for part in (data.train, data.test):
        part.images.sub_(0.5).mul_(4)
    return data


SOURCE = "CIFAR-10; JPEG copies (slightly lossy) where the folder cifar10_jpg is there"


def _network(seed, **options):
    torch.manual_seed(seed)
    # the order of the numbers in memory changes the speed on a CPU, not the result
    return SmallAlexNet(**options).to(memory_format=torch.channels_last)


# ---------------------------------------------------------------- ReLU against tanh

QUICK = {"batch_size": 128, "schedule": "constant"}
GOAL, MOST = 0.25, 15


def _epochs_to_goal(history):
    """Interpolate when the training error, counted while learning, fell to the goal."""
    errors = [1 - accuracy for accuracy in history.accuracy]
    for epoch, error in enumerate(errors):
        if error <= GOAL:
            before = errors[epoch - 1] if epoch else 0.9
            return epoch + (before - GOAL) / (before - error)
    return None


def _race(activation, lr):
    def run(data, seed):
        network = _network(seed, width=0.5, activation=activation, dropout=0)
        optimizer = functools.partial(torch.optim.SGD, momentum=0.9)
        history = fit(
            network, data.train, epochs=MOST, lr=lr, optimizer=optimizer, seed=seed, **QUICK,
            until=lambda h: h.accuracy[-1] >= 1 - GOAL,
        )  # fmt: skip
        epochs = _epochs_to_goal(history)
        return Outcome({"epochs_to_25_percent_error": epochs, "train_accuracy": history.accuracy})

    return Variant(run, {"activation": activation.__name__, "lr": lr})


RATES = (0.003, 0.01, 0.03)

ACTIVATION = Study(
    name="activation",
    question="How many epochs do ReLU and tanh need to 25 % training error on CIFAR-10?",
    load=load_cifar10,
    variants={
        f"{name} {rate}": _race(activation, rate)
        for rate in RATES
        for name, activation in (("relu", nn.ReLU), ("tanh", nn.Tanh))
    },
    settings=QUICK
    | {"network": "SmallAlexNet, width 0.5, no dropout", "most_epochs": MOST}
    | {"optimizer": "SGD, momentum 0.9", "data": SOURCE},
    seeds=3,
)

# ---------------------------------------------------------------- one idea more, one idea less

SHORT = {"epochs": 8, "lr": 3e-3, "batch_size": 128}
LONG = SHORT | {"epochs": 30}


def _judged(options, *, augment, recipe, on_test):
    def run(data, seed):
        train, validation = hold_out(data.train, VALIDATION)
        train = data.train if on_test else train
        network = _network(seed, **options)
        history = fit(network, train, seed=seed, augment=augment, **recipe)
        measured = {"train_loss": history.loss, "train_accuracy": history.accuracy}
        if on_test:
            return Outcome(
                {"test_accuracy": evaluate(network, data.test).accuracy} | measured, network
            )
        return Outcome({"validation_accuracy": evaluate(network, validation).accuracy} | measured)

    changes = asdict(augment) if augment else None
    return Variant(run, recipe | options | {"augment": changes})


PLAIN = {"width": 0.5, "dropout": 0.0, "lrn": False, "overlapping": False}
IDEAS = {
    "none": ({}, None),
    "dropout": ({"dropout": 0.25}, None),
    "lrn": ({"lrn": True}, None),
    "overlapping": ({"overlapping": True}, None),
    "augmentation": ({}, CHANGES),
    "overlapping and augmentation": ({"overlapping": True}, CHANGES),
    "all": ({"dropout": 0.25, "lrn": True, "overlapping": True}, CHANGES),
}

ABLATION = Study(
    name="ablation",
    question="What do dropout, LRN, overlapping pooling and augmentation each bring on CIFAR-10?",
    load=load_cifar10,
    variants={
        name: _judged(PLAIN | options, augment=augment, recipe=SHORT, on_test=False)
        for name, (options, augment) in IDEAS.items()
    }
    | {  # ideas against learning by heart: does it matter how long one learns?
        f"{name}, {LONG['epochs']} epochs": _judged(
            PLAIN, augment=IDEAS[name][1], recipe=LONG, on_test=False
        )
        for name in ("none", "augmentation")
    },
    settings={"network": "SmallAlexNet", "validation": VALIDATION}
    | {"optimizer": "AdamW, one cycle", "data": SOURCE},
    seeds=3,
)

# ---------------------------------------------------------------- the best of them, full width

# by the ablation: augmentation wins where training is long, overlapping adds a little, LRN costs
# time and adds nothing, and dropout keeps so small a network from learning
BEST = "overlapping and augmentation"
_options, _changes = IDEAS[BEST]

CIFAR10 = Study(
    name="cifar10",
    question="How well does the small AlexNet name the things on CIFAR-10's test photographs?",
    load=load_cifar10,
    variants={
        "small_alexnet": _judged(
            PLAIN | {"width": 1.0} | _options, augment=_changes, recipe=LONG, on_test=True
        )
    },
    settings={"network": "SmallAlexNet", "optimizer": "AdamW, one cycle", "data": SOURCE},
    seeds=3,
    kept=("small_alexnet",),
)
