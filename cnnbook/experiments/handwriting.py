"""Studies of handwritten digits: MNIST, foreign handwriting, and the digits that ship."""

import functools
from dataclasses import asdict

import torch
import torch.nn.functional as F

from cnnbook.datasets import Images, centre_digits, digits, mnist
from cnnbook.experiments.study import Outcome, Study, Variant
from cnnbook.models import MLP, LeNet, LeNet5
from cnnbook.training import Augment, evaluate, fit

SMOOTHED = functools.partial(F.cross_entropy, label_smoothing=0.1)
CHANGES = Augment(rotation=12, shift=2, scale=0.12, stretch=0.12, shear=0.2)


def _mnist_and_foreign(root):
    """MNIST, and all digits of scikit-learn in its form: other writers, another scanner."""
    small = digits()
    images = torch.cat([small.train.images, small.test.images])
    labels = torch.cat([small.train.labels, small.test.labels])
    return mnist(root), Images(centre_digits(images), labels, small.classes)


def _learn(model, *, loss=SMOOTHED, augment=None, **options):
    """Make the variant that trains a model in this way."""

    def run(data, seed):
        source, foreign = data
        torch.manual_seed(seed)
        network = model()
        history = fit(network, source.train, seed=seed, loss=loss, augment=augment, **options)
        judged = {"test_accuracy": evaluate(network, source.test).accuracy}
        if foreign is not None:
            judged["foreign_accuracy"] = evaluate(network, foreign).accuracy
        return Outcome(judged | {"train_loss": history.loss}, network)

    words = "label smoothing 0.1" if loss is SMOOTHED else "equation 9 of its paper"
    settings = options | {"loss": words, "augment": asdict(augment) if augment else None}
    return Variant(run, settings)


PLAIN = {"epochs": 5, "lr": 0.01, "batch_size": 64}
LONG = {"epochs": 60, "lr": 0.01, "batch_size": 128}

MNIST = Study(
    name="mnist",
    question="How well do an MLP and LeNet read MNIST, and digits of other writers?",
    load=_mnist_and_foreign,
    variants={
        "mlp": _learn(MLP, **PLAIN | {"lr": 3e-3}),
        "mlp_augmented": _learn(MLP, **LONG | {"lr": 3e-3}, augment=CHANGES),
        "lenet": _learn(LeNet, **PLAIN),
        "lenet_augmented": _learn(LeNet, **LONG, augment=CHANGES),
        "lenet5": _learn(functools.partial(LeNet5, padding=2), **PLAIN, loss=LeNet5.loss),
    },
    settings={
        "optimizer": "AdamW, one cycle",
        "trained_on": "60,000 images of MNIST",
        "foreign": "1,797 digits of scikit-learn, sized and centred as MNIST is",
    },
    kept=("mlp", "lenet", "lenet_augmented", "lenet5"),
)

EMBEDDED = {"epochs": 40, "lr": 0.01, "batch_size": 32}

DIGITS = Study(
    name="digits",
    question="How well do networks read the 1,797 digits that need no download?",
    load=lambda root: (digits(as_mnist=True), None),
    variants={
        "mlp": _learn(MLP, **EMBEDDED | {"lr": 3e-3}),
        "lenet": _learn(LeNet, **EMBEDDED),
        "lenet_augmented": _learn(LeNet, **EMBEDDED, augment=CHANGES),
    },
    settings={
        "optimizer": "AdamW, one cycle",
        "trained_on": "1,437 digits of scikit-learn, sized and centred as MNIST is; 360 to test",
    },
    kept=("lenet",),
)
