"""What holds for every picture of every state: the one check that all figures share."""

from dataclasses import replace

import numpy as np

from cnnbook.figures.picture import MARGIN


def check_state(state, steps=3):
    """Check the pictures of a state at a few of its steps; return them.

    Nothing is cut off or overlaps, the text alternative names the step, and neither the size nor
    the height of any line changes from step to step.
    """
    if not hasattr(state, "steps"):
        pictures = [state.picture()]
    else:
        chosen = np.unique(np.linspace(0, state.steps - 1, steps).round().astype(int))
        at = [state.at(int(step)) for step in chosen]
        pictures = [each.picture() for each in at]
        for step, picture in zip(chosen, pictures, strict=True):
            assert str(step) in picture.description or str(step + 1) in picture.description
    for picture in pictures:
        check_picture(picture)
    assert len({picture.size for picture in pictures}) == 1, [p.size for p in pictures]
    return pictures


def check_picture(picture):
    """Check that nothing is cut off, no texts overlap, and that there is a text alternative."""
    assert picture.description.strip()
    assert picture.width <= 960 - 2 * MARGIN
    for mark in picture.marks:
        if hasattr(mark, "width"):
            assert min(mark.x, mark.y) >= -MARGIN, mark
            assert mark.x + mark.width <= picture.width + MARGIN, mark
            assert mark.y + mark.height <= picture.height + MARGIN, mark
        for x, y in getattr(mark, "points", ()):
            assert -MARGIN <= x <= picture.width + MARGIN, mark
            assert -MARGIN <= y <= picture.height + MARGIN, mark
    words = [mark for mark in picture.marks if getattr(mark, "text", "").strip()]
    figure = replace(picture, marks=words).axes().figure  # its fonts run wider than a browser's
    renderer, texts = figure.canvas.get_renderer(), figure.axes[0].texts
    boxes = np.array([text.get_window_extent(renderer).extents for text in texts])
    if not len(boxes):
        return
    for text, (left, low, right, high) in zip(texts, boxes, strict=True):
        assert min(left, low) >= 0, text
        assert right <= figure.bbox.x1, text
        assert high <= figure.bbox.y1, text
    apart = (boxes[:, None, :2] >= boxes[None, :, 2:] - 1).any(axis=2)
    meet = [(i, j) for i, j in np.argwhere(~(apart | apart.T)) if i < j]
    assert not meet, [texts[k] for k in meet[0]]


def texts(picture):
    """All that is written in a picture."""
    return [mark.text for mark in picture.marks if hasattr(mark, "text")]
