"""Move the window of a sliding classifier, choose a class and a threshold, see what is found."""

import numpy as np
import torch

from cnnbook.datasets import digits
from cnnbook.figures.score_map import ANY, ScoreMap
from cnnbook.models import LeNet, fully_convolutional, pretrained
from cnnbook.widgets.explorer import choice, explore, factory, slider


@factory
def sliding_explorer(image=None, probabilities=None, classes=None, **settings):
    """Open an explorer of a classifier that slid over an image; all arguments as for `ScoreMap`.

    The probabilities are those that a network made by `cnnbook.models.fully_convolutional` and a
    softmax over the classes give. Without arguments LeNet slides over twelve handwritten digits.
    """
    if image is None:
        image, probabilities, classes = twelve_digits()
    state = ScoreMap(image, probabilities, tuple(classes), **settings)
    rows, columns = state.presence.shape
    return explore(
        state,
        page={"row": 9, "column": 17},
        shown=choice([ANY, *classes], "class", width="170px"),
        threshold=slider(0, 1, step=0.05, width="230px"),
        row=slider(0, rows - 1, width="230px"),
        column=slider(0, columns - 1, width="230px"),
    )


def twelve_digits():
    """Let LeNet, trained on MNIST, slide over twelve digits of others, each in a field of its own.

    Returns
    -------
    (96, 160) array, (10, 17, 33) array, tuple of str
        The image, the probabilities of the ten classes, and their names.
    """
    data, rng = digits(as_mnist=True).test, np.random.default_rng(3)
    image = torch.zeros(96, 160)
    for place, n in enumerate(rng.choice(len(data), 12, replace=False)):
        row, column = 32 * (place // 4) + rng.integers(5), 40 * (place % 4) + rng.integers(13)
        image[row : row + 28, column : column + 28] = data.images[n, 0]
    slides = LeNet(padding=0)  # the frame of zeros that it learned with is in the image
    slides.load_state_dict(pretrained("mnist_lenet").state_dict())
    with torch.no_grad():
        scores = fully_convolutional(slides.eval(), (1, 32, 32))(image[None, None])[0]
    return image.numpy(), scores.double().softmax(0).numpy(), data.classes
