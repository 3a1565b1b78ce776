"""Move the window of a sliding classifier, choose a class and a threshold, see what is found."""

from dataclasses import dataclass

import ipywidgets as widgets

from cnnbook.figures.score_map import ANY, ScoreMap, draw_score_map
from cnnbook.widgets.explorer import LABELS, Explorer, factory


@dataclass(frozen=True, eq=False)
class SlidingState(ScoreMap):
    """A score map that can be drawn; see `ScoreMap` for its fields."""

    def picture(self):
        """Draw the image, the map and the window."""
        return draw_score_map(self)


@factory
def sliding_explorer(
    image,
    probabilities,
    classes,
    *,
    nothing=None,
    window=32,
    stride=4,
    shown=ANY,
    threshold=0.5,
    row=0,
    column=0,
):
    """Open an explorer of a classifier that slid over an image.

    Parameters
    ----------
    image : ndarray of shape (H, W), values from 0 to 1
    probabilities : ndarray of shape (classes, rows, columns)
        One vector for each place of the window, as a network made by
        `cnnbook.models.fully_convolutional` and a softmax over the classes give it.
    classes : sequence of str
        At most 12.
    nothing : str, optional
        The class of windows that hold no object.
    window, stride : int
        Side and step of the window in pixels.
    shown : str
        Where to start, as the following: a class, or "any".
    threshold : float
    row, column : int

    Returns
    -------
    Explorer

    Raises
    ------
    ValueError
        If sizes do not agree, or there is no such class or place.
    """
    state = SlidingState(
        image, probabilities, tuple(classes), nothing, window, stride, shown, threshold, row, column
    )
    _, rows, columns = probabilities.shape
    wide = widgets.Layout(width="230px")
    controls = {
        "shown": widgets.Dropdown(
            options=[ANY, *classes], value=shown, description="class", style=LABELS,
            layout=widgets.Layout(width="170px"),
        ),
        "threshold": widgets.FloatSlider(
            threshold, min=0, max=1, step=0.05, description="threshold", style=LABELS, layout=wide
        ),
        "row": widgets.IntSlider(
            row, 0, rows - 1, description="row", style=LABELS, layout=wide
        ),
        "column": widgets.IntSlider(
            column, 0, columns - 1, description="column", style=LABELS, layout=wide
        ),
    }  # fmt: skip
    return Explorer(state, controls)
