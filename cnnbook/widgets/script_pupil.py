"""A small LeNet that learns drawings of three signs, and what it makes of one more."""

import threading

import numpy as np

from cnnbook.figures.own_script import Recall, ScriptProgress, ScriptReading, ScriptTests
from cnnbook.numpy_net import MaxPool2d, ReLU, lenet
from cnnbook.numpy_net.training import Settings, Trainer
from cnnbook.ops import softmax
from cnnbook.training.fairness import wilson
from cnnbook.widgets.digit_canvas import SIDE
from cnnbook.widgets.script_drawings import (
    PIXELS,
    SIGNS,
    WRITERS,
    arranged,
    copies_of,
    edges_of,
    images_of,
    middle_of,
    seen,
)

COPIES, STEPS = 20, 120  # of each drawing; of one training
SETTINGS = Settings("Adam", rate=0.002, batch_size=32)
PATCH, STRIDE, GREY = 10, 2, 0.5  # pixels of the patch that covers, of its step, and its value
PLACES = 13  # columns at which the drawing is tried
EDGES = {"at the left edge": 0, "in the middle": SIDE / 2, "at the right edge": SIDE}


class Pupil:
    """A LeNet of `numpy_net` that learns the drawings of "you".

    It has ReLU and max pooling, which learn here in a fifth of the steps that tanh and average
    need. `left` and `shifts` are as in `copies_of`.
    """

    def __init__(self, script, left=None, shifts=False, seed=0):
        for name, count in zip(script.names, script.counts(0), strict=True):
            if not count:
                raise ValueError(f"no drawing of {name} by {WRITERS[0]}: at least one is needed")
        self.learned, self.left, self.shifts = script.by(0), left, shifts
        rng = np.random.default_rng(seed)
        network = lenet(num_classes=SIGNS, activation=ReLU, pool=MaxPool2d, rng=rng)
        copies = copies_of(self.learned, COPIES, rng, left=left, shifts=shifts)
        self.images, self.signs = images_of(self.learned, left)
        validation = self.images, self.signs  # `tests` has what counts: new drawings
        self.trainer = Trainer(copies, network, validation=validation, seed=seed)
        self._tried = None  # the drawings that `tests` has made images of
        self._lock = threading.Lock()  # JupyterLab sends what is drawn to a thread of its own

    @property
    def steps(self):
        """Number of steps done."""
        return self.trainer.steps

    def advance(self, steps=1):
        """Learn from some batches more."""
        for _ in range(steps):
            with self._lock:
                self.trainer.advance(1, SETTINGS)

    def _run(self, images, layers=None):
        with self._lock:
            for layer in self.trainer.network.layers[:layers]:
                images = layer.forward(images)
        return images

    def probabilities(self, images):
        """Return (N, 3) for images (N, 1, 28, 28)."""
        return softmax(self._run(images), 1)

    def features(self, images):
        """Return the last hidden layer, (N, 84)."""
        return self._run(images, -1)

    def progress(self):
        """Return how far the learning is."""
        history = self.trainer.history
        losses = np.array([record.loss for record in history[1:]])
        kernels = history[-1].kernels, history[0].kernels
        return ScriptProgress(losses, *kernels, len(self.trainer.training[0]), STEPS)

    def tests(self, script, before=None):
        """Return how many drawings of a script are read right; `before` are tests to compare with.

        The learned ones are tried only where "you again" has none.
        """
        if self._tried is not script.drawings:
            self._tried, self._trials = script.drawings, self._prepare(script)
        rows = before.writers + before.places if before else ()
        shares = {row.name: row.right / row.count for row in rows}

        def recall(name, images, signs):
            predicted = self.probabilities(images).argmax(1)
            interval = wilson(int((predicted == signs).sum()), len(signs))
            return Recall(name, predicted, signs, interval, shares.get(name))

        writers, places = (
            tuple(recall(name, *trial) for name, trial in trials.items()) for trials in self._trials
        )
        left = None if self.shifts else self.left
        return ScriptTests(script.names, writers, places, left, self.steps)

    def _prepare(self, script):
        """Return images and signs by writer, and by place."""
        probe, last = script.by(1) or self.learned, script.by(2)
        own = WRITERS[1] if script.by(1) else f"{WRITERS[0]}, learned"
        writers = {own: images_of(probe, self.left)}
        writers |= {WRITERS[2]: images_of(last)} if last else {}
        return writers, {name: images_of(probe, column=place) for name, place in EDGES.items()}

    def read(self, strokes, names):
        """Return what is read of strokes on the sheet, and why."""
        strokes = arranged(strokes)
        image = seen(strokes)
        if not strokes:
            shares = np.full(SIGNS, 1 / SIGNS)
            return ScriptReading(
                image, names, shares, np.ones((1, 1)), np.ones((PLACES, 1)) * shares
            )
        probabilities = self.probabilities(image[None, None])[0]
        covered = self.probabilities(_covered(image))[:, probabilities.argmax()]
        columns = np.linspace(*edges_of(strokes), PLACES)
        across = np.array([seen(arranged(strokes, column=column)) for column in columns])
        apart = self.features(self.images) - self.features(image[None, None])
        near = np.argsort(np.linalg.norm(apart, axis=1), kind="stable")[:3]
        return ScriptReading(
            image,
            names,
            probabilities,
            covered.reshape(2 * (round(len(covered) ** 0.5),)),
            self.probabilities(across[:, None]),
            int(np.abs(columns - middle_of(strokes)).argmin()),
            tuple((self.images[k, 0], int(self.signs[k])) for k in near),
            self.steps,
            PATCH,
            STRIDE,
        )


def _covered(image):
    """Return an image (28, 28) with a grey patch at each of 10 × 10 places: (100, 1, 28, 28)."""
    starts = range(0, PIXELS - PATCH + 1, STRIDE)
    images = np.repeat(image[None], len(starts) ** 2, 0)
    for copy, (i, j) in zip(images, ((i, j) for i in starts for j in starts), strict=True):
        copy[i : i + PATCH, j : j + PATCH] = GREY
    return images[:, None]
