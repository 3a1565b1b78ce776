"""What holds for every picture of every state: the one check that all figures share."""

from dataclasses import replace

import numpy as np

from cnnbook.figures.picture import MARGIN
from cnnbook.figures.style import DARK, DARK_TINT, LIGHT, TINT, WORDS

# colours of fills, of words, and the strongest tint
THEMES = {"light": (LIGHT, LIGHT | WORDS, TINT), "dark": (DARK, DARK, DARK_TINT)}


def rgb(colour):
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255


def contrast(one, other):
    """Contrast of two sRGB colours (WCAG 2.1)."""
    linear = (np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in (one, other))
    low, high = sorted(c @ [0.2126, 0.7152, 0.0722] for c in linear)
    return (high + 0.05) / (low + 0.05)


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
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    for word, (x, y) in zip(words, centres, strict=True):
        check_contrast(picture, word, x - MARGIN, figure.bbox.y1 - y - MARGIN)


def check_contrast(picture, word, x, y):
    """Check that a word at (x, y) stands out from the rectangles that are drawn under it."""
    below = picture.marks[: picture.marks.index(word)]
    wide = (mark for mark in below if hasattr(mark, "width"))
    under = [m for m in wide if m.x <= x <= m.x + m.width and m.y <= y <= m.y + m.height]
    if any(hasattr(mark, "pixels") for mark in under):
        return  # who writes on a photograph brings a ground
    for fills, inks, strongest in THEMES.values():
        ground = rgb(fills["paper"])
        for mark in under:
            if mark.fill:
                share = 1 if mark.tint is None else mark.tint * strongest
                ground = share * rgb(fills[mark.fill]) + (1 - share) * ground
        assert contrast(rgb(inks[word.fill]), ground) >= 4.5, word


def texts(picture):
    """All that is written in a picture."""
    return [mark.text for mark in picture.marks if hasattr(mark, "text")]
