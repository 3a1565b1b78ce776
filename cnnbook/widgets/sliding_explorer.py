"""Move the window of a sliding classifier, choose a class and a threshold, see what is found."""

from cnnbook.figures.score_map import ANY, ScoreMap
from cnnbook.widgets.explorer import choice, explore, factory, slider


@factory
def sliding_explorer(image, probabilities, classes, **settings):
    """Open an explorer of a classifier that slid over an image; all arguments as for `ScoreMap`.

    The probabilities are those that a network made by `cnnbook.models.fully_convolutional` and a
    softmax over the classes give.
    """
    state = ScoreMap(image, probabilities, tuple(classes), **settings)
    rows, columns = state.presence.shape
    return explore(
        state,
        shown=choice([ANY, *classes], "class", width="170px"),
        threshold=slider(0, 1, step=0.05, width="230px"),
        row=slider(0, rows - 1, width="230px"),
        column=slider(0, columns - 1, width="230px"),
    )
