"""Images, and what a network takes them for: the three most probable classes of each."""

from dataclasses import dataclass

import numpy as np

from cnnbook.figures.picture import Picture

SIDE, PITCH, MOST = 84, 116, 8
BAR, FIRST, ROW = 46, 22, 19  # length of a full bar; rows of the three classes below the image


@dataclass(frozen=True, eq=False)
class Readings:
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

    Raises
    ------
    ValueError
        If the numbers of images disagree, or there are none or too many.
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
        if self.probabilities.shape != (count, len(self.classes)):
            raise ValueError(
                f"probabilities have shape {self.probabilities.shape}, "
                f"expected {(count, len(self.classes))}"
            )
        if self.labels is not None and len(self.labels) != count:
            raise ValueError(f"there are {len(self.labels)} labels for {count} images")

    def best(self, number):
        """List the three most probable classes of an image with their probabilities."""
        order = np.argsort(-self.probabilities[number], kind="stable")[:3]
        return [(int(k), float(self.probabilities[number, k])) for k in order]

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


def draw_readings(readings):
    """Draw the images in a row, the three most probable classes of each below it.

    Parameters
    ----------
    readings : Readings

    Returns
    -------
    Picture
    """
    count = len(readings.images)
    top = (34 if readings.title else 4) + (26 if readings.labels is not None else 0)
    width = max(count * PITCH, 480 if readings.title else 0)
    picture = Picture(width, top + SIDE + FIRST + 2.5 * ROW, readings.description)
    if readings.title:
        picture.text(0, 18, readings.title, size=15, bold=True)
    for number, image in enumerate(readings.images):
        x = number * PITCH
        grey = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)
        picture.image(np.repeat(grey[:, :, None], 3, axis=2), x, top, SIDE, SIDE)
        true = None if readings.labels is None else int(readings.labels[number])
        if true is not None:
            picture.text(x, top - 9, f"a {readings.classes[true]}", size=13, fill="muted")
        for place, (named, share) in enumerate(readings.best(number)):
            y = top + SIDE + FIRST + place * ROW
            role = "muted" if place else "input" if true is None else "output"
            role = "kernel" if true is not None and not place and named != true else role
            name = readings.classes[named]
            picture.text(x, y, name, fill=role, bold=not place, mono=True)
            picture.rect(x + 16, y - 9, max(BAR * share, 0.5), 9, fill=role)
            text = f"{100 * share:.0f} %"
            picture.text(x + 20 + BAR * share, y, text, size=11, fill=role, mono=True)
    return picture
