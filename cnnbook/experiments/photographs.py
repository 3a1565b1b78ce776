"""Studies of small photographs: which of AlexNet's ideas help on CIFAR-10, and by how much."""

import functools
from dataclasses import asdict

import torch
import torch.nn.functional as F
from torch import nn

from cnnbook.datasets import Images, ImageSet, cifar10, data_root, hold_out, image_folder
from cnnbook.experiments.study import Outcome, Study, Variant, complete
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
        epochs = _epochs_to_goal(complete(history))
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


def _variant(judge, options, augment, recipe):
    """Make the variant that trains a network in this way, on what `judge` leaves to it."""

    def run(data, seed):
        train, judged = judge(data)
        network = _network(seed, **options)
        history = complete(fit(network, train, seed=seed, augment=augment, **recipe))
        curves = {"train_loss": history.loss, "train_accuracy": history.accuracy}
        return Outcome(judged(network) | curves, network)

    changes = asdict(augment) if augment else None
    return Variant(run, recipe | options | {"augment": changes})


def _on_validation(data):
    train, validation = hold_out(data.train, VALIDATION)
    return train, lambda network: {"validation_accuracy": evaluate(network, validation).accuracy}


def _on_test(data):
    """Learn from all training images; average over ten crops too, as section 4.1 of AlexNet."""
    from torchvision.transforms.functional import ten_crop

    images, labels, classes = data.test.images, data.test.labels, data.test.classes
    reach = GENTLE.shift
    crops = ten_crop(F.pad(images, (reach,) * 4, mode="replicate"), images.shape[2:])

    def judged(network):
        parts = [evaluate(network, Images(crop, labels, classes)) for crop in crops]
        chances = sum(part.scores.softmax(1) for part in parts)
        averaged = (chances.argmax(1) == labels).double().mean()
        plain = evaluate(network, data.test).accuracy
        return {"test_accuracy": plain, "ten_crop_accuracy": float(averaged)}

    return data.train, judged


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
BOTH = PLAIN | {"overlapping": True}
GENTLE = Augment(shift=2, flip=True)
SMALL_BATCHES = SHORT | {"batch_size": 64}

ABLATION = Study(
    name="ablation",
    question="What do dropout, LRN, overlapping pooling and augmentation each bring on CIFAR-10?",
    load=load_cifar10,
    variants={
        name: _variant(_on_validation, PLAIN | options, augment, SHORT)
        for name, (options, augment) in IDEAS.items()
    }
    | {  # ideas against learning by heart: does it matter how long one learns?
        f"{name}, {LONG['epochs']} epochs": _variant(_on_validation, PLAIN, IDEAS[name][1], LONG)
        for name in ("none", "augmentation")
    }
    | {
        "both, batches of 64": _variant(_on_validation, BOTH, CHANGES, SMALL_BATCHES),
        "both, batches of 64, shifts of 2": _variant(_on_validation, BOTH, GENTLE, SMALL_BATCHES),
    },
    settings={"network": "SmallAlexNet", "validation": VALIDATION}
    | {"optimizer": "AdamW, one cycle", "data": SOURCE},
    seeds=3,
)

# ---------------------------------------------------------------- the best of them, full width

# by the ablation: augmentation where training is long, by small shifts and in small batches;
# overlapping since it costs nothing, no LRN and no dropout
FULL = SMALL_BATCHES | {"epochs": 20}
BEST = BOTH | {"width": 1.0}

CIFAR10 = Study(
    name="cifar10",
    question="How well does the small AlexNet name the things on CIFAR-10's test photographs?",
    load=load_cifar10,
    variants={"small_alexnet": _variant(_on_test, BEST, GENTLE, FULL)},
    settings={"network": "SmallAlexNet", "optimizer": "AdamW, one cycle", "data": SOURCE},
    seeds=3,
    kept=("small_alexnet",),
)
