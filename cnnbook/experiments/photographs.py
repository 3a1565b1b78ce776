"""Studies of small photographs: which of AlexNet's ideas help on CIFAR-10, and by how much."""

import functools
import itertools
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
    """Load CIFAR-10 with values from −2 to 2, from the folder ``cifar10_jpg`` if it is there."""
    folder = data_root(root) / "cifar10_jpg"
    parts = (image_folder(folder / part) for part in ("train", "test"))
    data = ImageSet(*parts) if folder.is_dir() else cifar10(root)
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
GOAL, MOST, SPEED = 0.25, 15, "epochs_to_25_percent_error"


def _epochs_to_goal(history):
    """Interpolate when the training error, counted while learning, fell to the goal."""
    errors = [1 - accuracy for accuracy in history.accuracy]
    for epoch, (before, error) in enumerate(itertools.pairwise([0.9, *errors])):
        if error <= GOAL:
            return epoch + (before - GOAL) / (before - error)
    return None


def _race(activation, lr, says=""):
    def run(data, seed):
        network = _network(seed, width=0.5, activation=activation, dropout=0)
        optimizer = functools.partial(torch.optim.SGD, momentum=0.9)
        options = {"epochs": MOST, "lr": lr, "optimizer": optimizer, "seed": seed, **QUICK}
        options["until"] = lambda history: history.accuracy[-1] >= 1 - GOAL
        history = complete(fit(network, data.train, **options))
        return Outcome({SPEED: _epochs_to_goal(history), "train_accuracy": history.accuracy})

    settings = {"activation": activation.__name__, "lr": lr}
    return Variant(run, settings, says, (SPEED,) if says else ())


ACTIVATION = Study(
    name="activation",
    question="How many epochs do ReLU and tanh need to 25 % training error on CIFAR-10?",
    load=load_cifar10,
    variants={
        "relu 0.003": _race(nn.ReLU, 0.003),
        "tanh 0.003": _race(nn.Tanh, 0.003),
        "relu 0.01": _race(nn.ReLU, 0.01, "half as wide, ReLU at its best rate of three"),
        "tanh 0.01": _race(nn.Tanh, 0.01, "the same with tanh"),
        "relu 0.03": _race(nn.ReLU, 0.03),
        "tanh 0.03": _race(nn.Tanh, 0.03),
    },
    settings=QUICK
    | {"network": "SmallAlexNet, width 0.5, no dropout", "most_epochs": MOST}
    | {"optimizer": "SGD, momentum 0.9", "data": SOURCE},
    seeds=3,
)

# ---------------------------------------------------------------- one idea more, one idea less

SHORT = {"epochs": 8, "lr": 3e-3, "batch_size": 128}
LONG = SHORT | {"epochs": 30}
ACCURACY = "validation_accuracy"


def _variant(says, options, augment, recipe, ablation=False):
    """Make the variant that is judged on test images, for the ablation on held-out ones."""

    def run(data, seed):
        train, rest = hold_out(data.train, VALIDATION) if ablation else (data.train, data.test)
        network = _network(seed, **options)
        history = complete(fit(network, train, seed=seed, augment=augment, **recipe))
        curves = {"train_loss": history.loss, "train_accuracy": history.accuracy}
        judged = {ACCURACY: evaluate(network, rest).accuracy} if ablation else _test(network, rest)
        return Outcome(judged | curves, network)

    settings = recipe | options | {"augment": asdict(augment) if augment else None}
    measures = (ACCURACY,) if ablation else ("test_accuracy", "ten_crop_accuracy")
    return Variant(run, settings, says, measures)


def _test(network, data):
    """Judge a network on test images, averaging over ten crops too: section 4.1 of AlexNet."""
    from torchvision.transforms.functional import ten_crop

    wide = F.pad(data.images, (GENTLE.shift,) * 4, mode="replicate")
    crops = (Images(c, data.labels, data.classes) for c in ten_crop(wide, data.images.shape[2:]))
    chances = sum(evaluate(network, crop).scores.softmax(1) for crop in crops)
    averaged = float((chances.argmax(1) == data.labels).double().mean())
    return {"test_accuracy": evaluate(network, data).accuracy, "ten_crop_accuracy": averaged}


PLAIN = {"width": 0.5, "dropout": 0.0, "lrn": False, "overlapping": False}
BOTH = {"overlapping": True}  # and augmentation
GENTLE = Augment(shift=2, flip=True)
SMALL_BATCHES = SHORT | {"batch_size": 64}
TWO, FINER = "overlapping and augmentation, {epochs} epochs", "the same with smaller shifts"


def _with(says, augment=None, recipe=SHORT, **ideas):
    return _variant(says, PLAIN | ideas, augment, recipe, ablation=True)


ABLATION = Study(
    name="ablation",
    question="What do dropout, LRN, overlapping pooling and augmentation each bring on CIFAR-10?",
    load=load_cifar10,
    variants={
        "none": _with("half as wide, no idea of AlexNet's, {epochs} epochs"),
        "dropout": _with("with dropout", dropout=0.25),
        "lrn": _with("with local response normalisation", lrn=True),
        "overlapping": _with("with overlapping pooling", overlapping=True),
        "augmentation": _with("with shifts and mirror images", CHANGES),
        "overlapping and augmentation": _with("with these two", CHANGES, overlapping=True),
        "all": _with("with all four", CHANGES, dropout=0.25, lrn=True, overlapping=True),
        # ideas against learning by heart: does it matter how long one learns?
        "none, 30 epochs": _with("the first row, trained for longer", None, LONG),
        "augmentation, 30 epochs": _with("augmentation, trained for longer", CHANGES, LONG),
        "both, batches of 64": _with(TWO, CHANGES, SMALL_BATCHES, **BOTH),
        "both, batches of 64, shifts of 2": _with(FINER, GENTLE, SMALL_BATCHES, **BOTH),
    },
    settings={"network": "SmallAlexNet", "validation": VALIDATION}
    | {"optimizer": "AdamW, one cycle", "data": SOURCE},
    seeds=3,
)

# ---------------------------------------------------------------- the best of them, full width

# by the ablation: augmentation where training is long, by small shifts and in small batches;
# overlapping since it costs nothing, no LRN and no dropout
FULL = SMALL_BATCHES | {"epochs": 20}
BEST = PLAIN | BOTH | {"width": 1.0}
SAYS = "506,090 parameters, the ablation's best setting, {epochs} epochs"

CIFAR10 = Study(
    name="cifar10",
    question="How well does the small AlexNet name the things on CIFAR-10's test photographs?",
    load=load_cifar10,
    variants={"small_alexnet": _variant(SAYS, BEST, GENTLE, FULL)},
    settings={"network": "SmallAlexNet", "optimizer": "AdamW, one cycle", "data": SOURCE},
    seeds=3,
    kept=("small_alexnet",),
)
