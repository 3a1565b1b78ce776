"""Images, and what a network takes them for: the three most probable classes of each."""

import numpy as np

from cnnbook.figures.scene import bars, column, image, named, page, row, sized, text
from cnnbook.figures.state import State, state

SIDE, PITCH, MOST = 84, 116, 8  # side of an image, distance of two, and how many there may be


@state
class Readings(State):
    """Images with the probabilities that a network gives to the classes.

    Parameters
    ----------
    images : ndarray of shape (N, H, W), values from 0 to 1
        1 to 8 of them.
    probabilities : ndarray of shape (N, classes)
    classes : sequence of str
    labels : ndarray of shape (N,), integers, optional
        The true classes, where they are known.
    title : str
        What the images are.
    """

    images: np.ndarray
    probabilities: np.ndarray
    classes: tuple
    labels: np.ndarray | None = None
    title: str = ""

    def __post_init__(self):
        count = len(self.images)
        if not 1 <= count <= MOST:
            raise ValueError(f"there are {count} images, the picture holds 1 to {MOST}")
        given, expected = self.probabilities.shape, (count, len(self.classes))
        if given != expected:
            raise ValueError(f"probabilities have shape {given}, expected {expected}")
        if self.labels is not None and len(self.labels) != count:
            raise ValueError(f"there are {len(self.labels)} labels for {count} images")

    def best(self, number):
        """List the three most probable classes of an image with their probabilities."""
        shares = self.probabilities[number]
        return [(int(k), float(shares[k])) for k in np.argsort(-shares, kind="stable")[:3]]

    @property
    def description(self):
        """What each image is taken for, in words and numbers."""
        parts = []
        for number in range(len(self.images)):
            named, share = self.best(number)[0]
            true = "" if self.labels is None else f"a {self.classes[self.labels[number]]} "
            parts.append(f"{true}named {self.classes[named]} with {100 * share:.0f} %")
        head = f"{self.title}: " if self.title else ""
        return f"{head}{'; '.join(parts)}."

    def picture(self):
        """Draw the images in a row, the three most probable classes of each below it."""
        return page(
            text(self.title, size=15, bold=True) if self.title else None,
            row(*(_reading(self, number) for number in range(len(self.images))), gap=8),
            description=self.description,
            width=0,
            gap=10,
        )


def _reading(readings, number):
    best = readings.best(number)
    true = None if readings.labels is None else int(readings.labels[number])
    role = "input" if true is None else "output" if best[0][0] == true else "kernel"
    names, shares = zip(*((readings.classes[k], share) for k, share in best), strict=True)
    style = {"length": 46, "roles": [role, "muted", "muted"][: len(best)], "chosen": [0]}
    block = column(
        None if true is None else text(f"a {readings.classes[true]}", role="muted"),
        named("image", image(readings.images[number], SIDE)),
        named("shares", bars(names, shares, **style)),
        gap=5,
    )
    return sized(block, PITCH - 8)
