"""Studies of handwritten digits: MNIST, foreign handwriting, and the digits that ship."""

import functools
from dataclasses import asdict

import torch
import torch.nn.functional as F

from cnnbook.datasets import Images, ImageSet, centre_digits, digits, mnist
from cnnbook.experiments.study import Outcome, Study, Variant, complete
from cnnbook.models import MLP, LeNet, LeNet5, SmallAlexNet
from cnnbook.training import Augment, evaluate, fit

CHANGES = Augment(rotation=12, shift=2, scale=0.12, stretch=0.12, shear=0.2)


def _mnist_and_foreign(root):
    """MNIST, and all digits of scikit-learn in its form: other writers, another scanner."""
    parts = digits().train, digits().test
    images, labels = (torch.cat([getattr(p, n) for p in parts]) for n in ("images", "labels"))
    return mnist(root), Images(centre_digits(images), labels, parts[0].classes)


def _learn(model, says, measures, *, augment=None, smoothing=0.1, **options):
    loss = functools.partial(F.cross_entropy, label_smoothing=smoothing)

    def run(data, seed):
        return _judged(model, data, seed, loss=loss, augment=augment, **options)

    changes = asdict(augment) if augment else None
    settings = options | {"loss": f"label smoothing {smoothing}", "augment": changes}
    return Variant(run, settings, says, measures)


def _judged(model, data, seed, **options):
    torch.manual_seed(seed)
    network, (source, foreign) = model(), data
    history = complete(fit(network, source.train, seed=seed, **options))
    measured = {"test_accuracy": evaluate(network, source.test).accuracy}
    if foreign is not None:
        measured["foreign_accuracy"] = evaluate(network, foreign).accuracy
    return Outcome(measured | {"train_loss": history.loss}, network)


# no part of the paper, which steps by second derivatives; chosen on 5,000 training images
YEAR_1998 = {"epochs": 10, "lr": 5e-3, "batch_size": 32}
DECAY = 0.1
SETTINGS_1998 = YEAR_1998 | {"loss": "equation 9 of its paper", "weight_decay": DECAY}
SETTINGS_1998 |= {"ink": "-0.1 to 1.175", "augment": None}


def _learn_1998(data, seed):
    """Train LeNet-5 with its own loss, on white at −0.1 and black at 1.175."""
    data = tuple(_with_paper_range(part) for part in data)
    model = functools.partial(LeNet5, padding=2, background=-0.1)
    optimizer = functools.partial(torch.optim.AdamW, weight_decay=DECAY)
    return _judged(model, data, seed, loss=LeNet5.loss, optimizer=optimizer, **YEAR_1998)


def _with_paper_range(data):
    if isinstance(data, ImageSet):
        return ImageSet(_with_paper_range(data.train), _with_paper_range(data.test))
    return Images(data.images * 1.275 - 0.1, data.labels, data.classes)


MORE, TOLD = "the same with augmentation", "parameters, {epochs} epochs"
CHANGED = {"augment": CHANGES}
BOTH, ONE = ("test_accuracy", "foreign_accuracy"), ("test_accuracy",)
PLAIN = {"epochs": 5, "lr": 0.01, "batch_size": 64}
LONG = {"epochs": 60, "lr": 0.01, "batch_size": 128}

MNIST = Study(
    name="mnist",
    question="How well do an MLP and LeNet read MNIST, and digits of other writers?",
    load=_mnist_and_foreign,
    variants={
        "mlp": _learn(MLP, f"784-300-100-10, 266,610 {TOLD}", BOTH, **PLAIN | {"lr": 3e-3}),
        "mlp_augmented": _learn(MLP, "", (), **LONG | {"lr": 3e-3}, **CHANGED),
        "lenet": _learn(LeNet, f"61,706 {TOLD}", BOTH, **PLAIN),
        "lenet_augmented": _learn(LeNet, f"{MORE}, {{epochs}} epochs", BOTH, **LONG, **CHANGED),
        "lenet5": Variant(_learn_1998, SETTINGS_1998, f"LeNet-5 of 1998, 60,000 {TOLD}", BOTH),
    },
    settings={"optimizer": "AdamW, one cycle", "trained_on": "60,000 images of MNIST"}
    | {"foreign": "1,797 digits of scikit-learn, sized and centred as MNIST is"},
    kept=("mlp", "lenet", "lenet_augmented", "lenet5"),
)

SMALL = "the digits of scikit-learn, {epochs} epochs"
EMBEDDED = {"epochs": 40, "lr": 0.01, "batch_size": 32}

DIGITS = Study(
    name="digits",
    question="How well do networks read the 1,797 digits that need no download?",
    load=lambda root: (digits(as_mnist=True), None),
    variants={
        "mlp": _learn(MLP, f"the same MLP on {SMALL}", ONE, **EMBEDDED | {"lr": 3e-3}),
        "lenet": _learn(LeNet, f"LeNet on {SMALL}", ONE, **EMBEDDED),
        "lenet_augmented": _learn(LeNet, MORE, ONE, **EMBEDDED, **CHANGED),
    },
    settings={"optimizer": "AdamW, one cycle"}
    | {"trained_on": "1,437 digits of scikit-learn, sized and centred as MNIST is; 360 to test"},
    kept=("lenet",),
)

LIVE = functools.partial(SmallAlexNet, 1, width=0.5, dropout=0.2, upscale=4)
NINE = {"epochs": 9, "lr": 4e-3, "batch_size": 64}
NINE |= {"smoothing": 0, "augment": Augment(rotation=8, shift=1)}
TRAINED_LIVE = "trained live in chapter 10, {epochs} epochs"

ALEXNET_DIGITS = Study(
    name="alexnet_digits",
    question="How well does the small AlexNet that chapter 10 trains live read its digits?",
    load=lambda root: (digits(), None),
    variants={"small_alexnet": _learn(LIVE, TRAINED_LIVE, ONE, **NINE)},
    settings={"optimizer": "AdamW, one cycle"}
    | {"network": "SmallAlexNet, width 0.5, dropout 0.2, 8×8 enlarged to 32×32"}
    | {"trained_on": "1,437 digits of scikit-learn, 8×8 pixels; 360 to test"},
    kept=("small_alexnet",),
)
