"""Train a NumPy network step by step and remember what each step changed."""

import copy
from dataclasses import dataclass

import numpy as np

from cnnbook.figures.cells import format_number
from cnnbook.figures.learning_curve import LearningCurve
from cnnbook.numpy_net import SGD, Adam, CrossEntropyLoss
from cnnbook.ops import cross_entropy, softmax
from cnnbook.widgets.network_inputs import (
    count_classes,
    first_convolution,
    load_images,
    read_data,
    require_count,
    small_network,
)

OPTIMISERS = {"SGD": SGD, "Adam": Adam}
DIVERGED = 1e4  # a mean loss beyond this comes down no more
SHOWN = 10  # held-out images whose probabilities are remembered
HELD_OUT = 360  # images at most, unless more are asked for: all are judged after each step


@dataclass(frozen=True)
class Settings:
    """How a step is made.

    Parameters
    ----------
    optimiser : {"SGD", "Adam"}
    rate : float
        Learning rate, more than 0.
    momentum : float
        From 0, plain gradient descent, to less than 1; in Adam it is β₁.
    batch_size : int
        Images a step learns from.

    Raises
    ------
    TypeError, ValueError
        If a setting is out of range.
    """

    optimiser: str = "SGD"
    rate: float = 0.05
    momentum: float = 0.9
    batch_size: int = 32

    def __post_init__(self):
        if self.optimiser not in OPTIMISERS:
            raise ValueError(
                f"optimiser is {self.optimiser!r}, expected one of {tuple(OPTIMISERS)}"
            )
        if not 0 < self.rate < np.inf:
            raise ValueError(f"rate is {self.rate}, must be more than 0 and finite")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum is {self.momentum}, must be at least 0 and less than 1")
        require_count("batch_size", self.batch_size, 1)

    def __str__(self):
        images = "1 image" if self.batch_size == 1 else f"{self.batch_size} images"
        name = f"{self.optimiser}, rate {self.rate:g}, momentum {self.momentum:g}"
        return f"{name}, batches of {images}"


@dataclass(frozen=True, eq=False)
class Record:
    """What is remembered of one step; of step 0, before training, there is no loss."""

    loss: float | None
    settings: Settings | None
    accuracy: float
    kernels: np.ndarray  # (C_out, kH, kW), see Trainer.kernels
    probabilities: np.ndarray  # (n, classes) of the images shown


class Trainer:
    """A copy of a network that learns, and the history of its steps.

    Parameters
    ----------
    network : Sequential, optional
        Its first layer with parameters is a `Conv2d`. It stays as it is: a copy learns. When not
        given, `simple_conv_net` with eight kernels of 5 × 5, in float64.
    data : (ndarray of shape (N, C, H, W), ndarray of shape (N,)), optional
        Images and their classes, counted from 0. When not given, the 1,797 handwritten digits of
        scikit-learn, 8 × 8, with values from 0 to 1.
    held_out : int, optional
        Images that no step learns from; one fifth, at most 360, when not given.
    seed : int
        Draws the split, the batches, and the weights of the network if none is given.

    Attributes
    ----------
    network : Sequential
        The copy, as the last step left it.
    history : list of Record
        Before training, then after each step.

    Raises
    ------
    TypeError, ValueError
        If network and data do not fit.
    """

    def __init__(self, network=None, data=None, *, held_out=None, seed=0):
        images, labels = read_data(load_images() if data is None else data)
        if network is None:
            network = small_network(images.shape[1:], labels.max() + 1, seed)
        self._given = {"network": network, "data": (images, labels), "seed": seed}
        self.network, self.seed = copy.deepcopy(network), seed
        self.first = first_convolution(self.network)
        images = images.astype(self.first.parameters["weight"].dtype)
        self.classes = count_classes(self.network, self.first, images, labels)
        most = len(images) - 1
        held_out = min(HELD_OUT, -(-len(images) // 5)) if held_out is None else held_out
        require_count("held_out", held_out, 1, most)
        self._given["held_out"] = held_out
        self.rng = np.random.default_rng(seed)
        order = self.rng.permutation(len(images))
        self.validation = images[order[:held_out]], labels[order[:held_out]]
        self.training = images[order[held_out:]], labels[order[held_out:]]
        self._queue = np.array([], int)
        self._optimiser, self._loss = None, CrossEntropyLoss()
        # the first image of each class, and no more than fit in a picture
        self.shown = np.unique(self.validation[1], return_index=True)[1][:SHOWN]
        self.history = [self._record(None, None, self._judge())]

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
        """Learn from some more batches.

        Parameters
        ----------
        steps : int
        settings : Settings, optional

        Returns
        -------
        Trainer
            Itself.

        Raises
        ------
        FloatingPointError
            If the loss grows beyond bounds: the step is undone, the history ends before it.
        TypeError, ValueError
            If a setting is out of range.
        """
        settings = settings or Settings()
        require_count("steps", steps, 0)
        require_count("batch_size", settings.batch_size, 1, len(self.training[0]))
        for _ in range(steps):
            self._step(settings)
        return self

    def _step(self, settings):
        kept = self.network.state()
        try:
            with np.errstate(all="ignore"):  # a loss beyond bounds is told below
                loss = self._learn(settings)
                scores = self._judge()
                after = float(cross_entropy(scores, self.validation[1]))
            # not a single "or": NaN is less than nothing
            if not (loss <= DIVERGED and after <= DIVERGED):
                raise FloatingPointError(
                    f"step {self.steps + 1} brings the loss to {format_number(after, 2)}: "
                    f"the learning rate {settings.rate:g} is too large, the step is undone"
                )
            record = self._record(loss, settings, scores)
        except BaseException:  # also an interrupt: no half step stays
            self.network.load(kept)
            self._optimiser = None
            raise
        self.history.append(record)

    def _learn(self, settings):
        """Change the network by one batch; return the loss of the batch before the change."""
        chosen = self._draw(settings.batch_size)
        x, labels = (part[chosen] for part in self.training)
        loss = self._loss.forward(self.network.train().forward(x), labels)
        self.network.backward(self._loss.backward())
        self._tune(settings).step()
        return float(loss)

    def _draw(self, count):
        """Take the next images of a random order; draw a new order where too few are left."""
        if len(self._queue) < count:
            self._queue = self.rng.permutation(len(self.training[0]))
        chosen, self._queue = self._queue[:count], self._queue[count:]
        return chosen

    def _tune(self, settings):
        """Return the optimiser with these settings; what it remembers of earlier steps stays."""
        kind = OPTIMISERS[settings.optimiser]
        if type(self._optimiser) is not kind:
            self._optimiser = kind(self.network, lr=settings.rate)
        self._optimiser.lr = settings.rate
        if kind is SGD:
            self._optimiser.momentum = settings.momentum
        else:
            self._optimiser.betas = settings.momentum, self._optimiser.betas[1]
        return self._optimiser

    def _judge(self):
        return self.network.eval().forward(self.validation[0])

    def _record(self, loss, settings, scores):
        right = scores.argmax(1) == self.validation[1]
        shown = softmax(scores[self.shown], 1)
        return Record(loss, settings, float(right.mean()), self.kernels, shown)

    def curve(self, step=None, until=0):
        """Return what the picture shows of a step.

        Parameters
        ----------
        step : int, optional
            The last one when not given.
        until : int
            Step at which the axis ends.

        Returns
        -------
        LearningCurve

        Raises
        ------
        ValueError
            If there is no such step.
        """
        step = self.steps if step is None else step
        if not 0 <= step <= self.steps:
            raise ValueError(f"step is {step}, expected 0 to {self.steps}")
        start, now, done = self.history[0], self.history[step], self.history[1:]
        return LearningCurve(
            np.array([record.loss for record in done]),
            np.array([record.accuracy for record in self.history]),
            tuple(str(record.settings) for record in done),
            start.kernels,
            now.kernels,
            self.validation[0][self.shown],
            self.validation[1][self.shown],
            now.probabilities,
            len(self.validation[0]),
            step,
            until,
            max(abs(record.kernels).max() for record in self.history),
        )
