"""Train a network step by step and remember what each step changed."""

import copy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cnnbook.checks import whole
from cnnbook.numpy_net.layers import Conv2d, Sequential
from cnnbook.numpy_net.learning import SGD, Adam, CrossEntropyLoss
from cnnbook.numpy_net.networks import simple_conv_net
from cnnbook.ops import cross_entropy, softmax

OPTIMISERS = {"SGD": SGD, "Adam": Adam}
DIVERGED = 1e4  # a mean loss beyond this comes down no more
SHOWN = 10  # held-out images whose probabilities are remembered
HELD_OUT = 360  # images at most, unless more are asked for: all are judged after each step


@dataclass(frozen=True)
class Settings:
    """How a step is made; `momentum` is β₁ in Adam."""

    optimiser: str = "SGD"
    rate: float = 0.05
    momentum: float = 0.9
    batch_size: int = 32

    def __post_init__(self):
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser is {self.optimiser!r}, expected one of {[*OPTIMISERS]}")
        if not 0 < self.rate < np.inf:
            raise ValueError(f"rate is {self.rate}, must be more than 0 and finite")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum is {self.momentum}, must be at least 0 and less than 1")
        whole("batch_size", self.batch_size)

    def __str__(self):
        images = f"{self.batch_size} image{'s' * (self.batch_size > 1)}"
        name = f"{self.optimiser}, rate {self.rate:g}, momentum {self.momentum:g}"
        return f"{name}, batches of {images}"


class Record(NamedTuple):
    """What is remembered of one step; of step 0, before training, there is no loss."""

    loss: float | None
    settings: Settings | None
    accuracy: float  # of the held-out images
    kernels: np.ndarray  # (C_out, kH, kW), see Trainer.kernels
    probabilities: np.ndarray  # (n, classes) of the images shown


class Trainer:
    """A copy of a network that learns, and the history of its steps.

    The data are images (N, C, H, W) and their classes (N,), counted from 0. The first layer with
    parameters of the network is a `Conv2d`; when none is given, it is `simple_conv_net` with eight
    kernels of 5 × 5, in float64. No step learns from the `held_out` images: one fifth, at most 360,
    when not given; or those of `validation`, a pair like the data. The seed draws the split, the
    batches, and the weights of that network. `history` has a `Record` from before training and one
    after each step.
    """

    def __init__(self, data, network=None, *, held_out=None, validation=None, seed=0):
        images, labels = _read(data)
        if network is None:  # float64: what differs between machines is too small to see
            drawn = {"rng": np.random.default_rng(seed), "dtype": np.float64}
            size, classes = images.shape[1:], labels.max() + 1
            network = simple_conv_net(size, 8, 5, 1, 2, 32, classes, 0.1, **drawn)
        self.network = copy.deepcopy(network)
        self.first = _first_convolution(self.network)
        images = images.astype(self.first.parameters["weight"].dtype)
        _check_classes(self.network, self.first, images, labels)
        self._given = {"data": data, "network": network, "held_out": held_out, "seed": seed}
        self._given["validation"] = validation
        self.rng = np.random.default_rng(seed)
        if validation is None:
            held_out = min(HELD_OUT, -(-len(images) // 5)) if held_out is None else held_out
            held_out = whole("held_out", held_out, 1, len(images) - 1)
            order = self.rng.permutation(len(images))
            self.validation = images[order[:held_out]], labels[order[:held_out]]
            self.training = images[order[held_out:]], labels[order[held_out:]]
        elif held_out is not None:
            raise ValueError(f"held_out is {held_out}, but the validation images are given")
        else:
            kept, classes = _read(validation)
            self.validation, self.training = (kept.astype(images.dtype), classes), (images, labels)
            _check_classes(self.network, self.first, *self.validation)
        self.shown = np.unique(self.validation[1], return_index=True)[1][:SHOWN]  # one a class
        self._queue, self._optimiser, self._loss = np.array([], int), None, CrossEntropyLoss()
        scores = self.network.forward(self.validation[0])
        self.history = [self._record(None, None, scores)]

    def again(self):
        """Return a new trainer at step 0 of the same network, data and seed."""
        return Trainer(**self._given)

    @property
    def steps(self):
        """Number of steps done."""
        return len(self.history) - 1

    @property
    def kernels(self):
        """First layer (C_out, kH, kW), summed over input channels: what a grey image meets."""
        return self.first.parameters["weight"].sum(1)

    def advance(self, steps=1, settings=None):
        """Learn from some more batches, and return itself; a step that diverges is undone."""
        settings = settings or Settings()
        whole("batch_size", settings.batch_size, 1, len(self.training[0]))
        for _ in range(whole("steps", steps, 0)):
            self._step(settings)
        return self

    def _step(self, settings):
        kept = self.network.state()
        try:
            with np.errstate(all="ignore"):  # a loss beyond bounds is told below
                loss = self._learn(settings)
                scores = self.network.forward(self.validation[0])
                after = float(cross_entropy(scores, self.validation[1]))
            if not (loss <= DIVERGED and after <= DIVERGED):  # NaN is less than nothing
                what = f"step {self.steps + 1} brings the loss to {after:.2g}"
                why = f"the learning rate {settings.rate:g} is too large, the step is undone"
                raise FloatingPointError(f"{what}: {why}")
            record = self._record(loss, settings, scores)
        except BaseException:  # also an interrupt: no half step stays
            self.network.load(kept)
            self._optimiser = None
            raise
        self.history.append(record)

    def _learn(self, settings):
        if len(self._queue) < settings.batch_size:  # too few are left of the last random order
            self._queue = self.rng.permutation(len(self.training[0]))
        chosen, self._queue = np.split(self._queue, [settings.batch_size])
        x, labels = (part[chosen] for part in self.training)
        loss = self._loss.forward(self.network.forward(x), labels)
        self.network.backward(self._loss.backward())
        kind = OPTIMISERS[settings.optimiser]
        if type(self._optimiser) is not kind:  # else what it remembers of earlier steps stays
            self._optimiser = kind(self.network, settings.rate)
        self._optimiser.lr = settings.rate
        if kind is SGD:
            self._optimiser.momentum = settings.momentum
        else:
            self._optimiser.betas = settings.momentum, self._optimiser.betas[1]
        self._optimiser.step()
        return float(loss)

    def _record(self, loss, settings, scores):
        accuracy = float((scores.argmax(1) == self.validation[1]).mean())
        return Record(loss, settings, accuracy, self.kernels, softmax(scores[self.shown], 1))


def _read(data):
    try:
        images, labels = (np.asarray(part) for part in data)
    except (TypeError, ValueError):
        raise TypeError("data must be a pair of images and labels") from None
    if images.ndim != 4:
        raise ValueError(f"images has {images.ndim} axes, expected 4: (N, C, H, W)")
    if labels.ndim != 1 or len(labels) != len(images):
        raise ValueError(f"labels has shape {labels.shape}, expected ({len(images)},) as images")
    if len(images) < 2:
        raise ValueError(f"images holds {len(images)}, expected 2 at least: some are held out")
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"labels has dtype {labels.dtype}, expected whole numbers")
    if labels.min() < 0:
        raise ValueError(f"labels holds {labels.min()}, expected classes from 0")
    if not np.isfinite(images).all():
        raise ValueError("images holds NaN or infinity")
    return images, labels


def _first_convolution(network):
    if not isinstance(network, Sequential):
        raise TypeError(f"network is a {type(network).__name__}, expected a Sequential")
    first = next((layer for layer in network.layers if layer.parameters), None)
    if not isinstance(first, Conv2d):
        name = "none" if first is None else type(first).__name__
        raise ValueError(f"first layer with parameters is {name}, expected Conv2d")
    return first


def _check_classes(network, first, images, labels):
    channels = first.parameters["weight"].shape[1] * first.settings["groups"]
    if images.shape[1] != channels:
        raise ValueError(f"images have {images.shape[1]} channels, the network expects {channels}")
    scores = network.forward(images[:1])
    if scores.ndim != 2:
        raise ValueError(f"network turns an image into {scores.shape}, expected (1, classes)")
    if labels.max() >= scores.shape[1]:
        raise ValueError(f"labels reach {labels.max()}, the network has {scores.shape[1]} outputs")
