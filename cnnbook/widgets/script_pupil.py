"""A small LeNet that learns drawings of three signs, and what it makes of one more."""

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
    column_of,
    copies_of,
    images_of,
    seen,
)

COPIES, STEPS = 20, 200  # of each drawing; of one training
SETTINGS = Settings("Adam", rate=0.002, batch_size=32)
PATCH, STRIDE, GREY = 10, 2, 0.5  # pixels of the patch that covers, of its step, and its value
PLACES = 13  # columns at which the drawing is tried
EDGES = {"at the left edge": 0, "in the middle": SIDE / 2, "at the right edge": SIDE}


class Pupil:
    """A LeNet of `numpy_net` that learns the drawings of "you", and how they were given to it.

    With ReLU and max pooling, which learn here in a fifth of the steps of tanh and average.
    """

    def __init__(self, script, left=None, shifts=False, seed=0):
        for name, count in zip(script.names, script.counts(0), strict=True):
            if not count:
                raise ValueError(f"there is no drawing of {name} by {WRITERS[0]} to learn from")
        self.script, self.left, self.shifts = script, left, shifts
        rng = np.random.default_rng(seed)
        network = lenet(num_classes=SIGNS, activation=ReLU, pool=MaxPool2d, rng=rng)
        self.learned = script.by(0)
        self.probe = script.by(1) or self.learned  # what the places are tried with
        copies = copies_of(self.learned, COPIES, rng, left=left, shifts=shifts)
        shown = images_of(self.probe, left)
        self.trainer = Trainer(copies, network, validation=shown, seed=seed)
        self.images, self.signs = images_of(self.learned, left)
        self.places = {n: images_of(self.probe, column=c) for n, c in EDGES.items()}
        self.writers = {
            WRITERS[k] + " (learned)" * (not k): images_of(script.by(k), left)
            for k in range(len(WRITERS))
            if script.by(k) and (k or not script.by(1))
        }

    def given(self):
        """Return what the learning hangs on."""
        return self.script.names, self.script.drawings, self.left, self.shifts

    def probabilities(self, images):
        """Return (N, 3) for images (N, 1, 28, 28)."""
        return softmax(self.trainer.network.forward(images), 1)

    def features(self, images):
        """Return the last hidden layer (N, 84)."""
        for layer in self.trainer.network.layers[:-1]:
            images = layer.forward(images)
        return images

    def progress(self):
        """Return how far the learning is."""
        history = self.trainer.history
        losses = np.array([record.loss for record in history[1:]])
        kernels = history[-1].kernels, history[0].kernels
        until = STEPS * max(1, -(-self.trainer.steps // STEPS))
        return ScriptProgress(losses, *kernels, len(self.trainer.training[0]), until)

    def tests(self, before=None):
        """Return how many new drawings are read right; `before` are the tests to compare with."""
        shares = {
            r.name: r.right / r.count for r in (before.writers + before.places if before else ())
        }

        def recall(name, images, signs):
            predicted = self.probabilities(images).argmax(1)
            interval = wilson(int((predicted == signs).sum()), len(signs))
            return Recall(name, predicted, signs, interval, shares.get(name))

        rows = (
            tuple(recall(name, *tested) for name, tested in group.items())
            for group in (self.writers, self.places)
        )
        left = None if self.shifts else self.left
        return ScriptTests(self.script.names, *rows, left, self.trainer.steps)

    def read(self, strokes):
        """Return what is read of strokes on the sheet, and why."""
        strokes = arranged(strokes)
        image = seen(strokes)
        if not strokes:
            covered = np.zeros((1, 1))
            return ScriptReading(
                image, self.script.names, np.full(SIGNS, 1 / SIGNS), covered, covered
            )
        probabilities = self.probabilities(image[None, None])[0]
        covered = self.probabilities(_covered(image))[:, probabilities.argmax()]
        columns = np.linspace(*(column_of(arranged(strokes, column=c)) for c in (0, SIDE)), PLACES)
        across = [seen(arranged(strokes, column=c)) for c in columns]
        own, learned = self.features(image[None, None]), self.features(self.images)
        near = np.argsort(np.linalg.norm(learned - own, axis=1), kind="stable")[:3]
        return ScriptReading(
            image,
            self.script.names,
            probabilities,
            covered.reshape(2 * (int(len(covered) ** 0.5),)),
            self.probabilities(np.array(across)[:, None]),
            int(np.abs(columns - column_of(strokes)).argmin()),
            tuple((self.images[k, 0], int(self.signs[k])) for k in near),
            self.trainer.steps,
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
