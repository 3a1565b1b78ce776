"""What a reader sees is what is meant: larger is darker, the winner framed, nothing overlaps."""

import numpy as np
import pytest

from cnnbook.figures.backward import BackwardStep, draw_backward
from cnnbook.figures.backward_graph import Node, draw_graph
from cnnbook.figures.im2col import Im2col, draw_im2col
from cnnbook.figures.pooling import Pooling, draw_pooling


def rectangles(picture, **look):
    """The rectangles of a picture with this look, as (x, y, width, height, tint)."""
    return [
        (m.x, m.y, m.width, m.height, m.tint)
        for m in picture.marks
        if hasattr(m, "radius") and all(getattr(m, key) == value for key, value in look.items())
    ]


def texts(picture):
    return [mark for mark in picture.marks if hasattr(mark, "anchor")]


def tint_under(picture, text):
    """The tint of the first cell under a number, 0 where there is none."""
    (mark, *_) = [mark for mark in texts(picture) if mark.text == text]
    tints = [
        tint
        for x, y, width, height, tint in rectangles(picture)
        if tint and x < mark.x < x + width and y < mark.y < y + height
    ]
    return tints[0] if tints else 0


@pytest.mark.parametrize(
    "values", [[-9, -1, -5, -3], [-9, 4, 0, 2], [1, 4, 0, 2]], ids=["negative", "mixed", "positive"]
)
def test_the_larger_number_is_the_darker_one_in_a_picture_of_maxima(values):
    x = np.array(values, float).reshape(2, 2)
    picture = draw_pooling(Pooling(np.pad(x, 2, constant_values=x.min()), step=0))
    tints = [tint_under(picture, str(v).replace("-", "−")) for v in sorted(values)]
    assert tints == sorted(tints)
    assert len(set(tints)) == len(values)
    assert tints[-1] == pytest.approx(
        (max(values) - min(*values, 0)) / (max(*values, 0) - min(*values, 0))
    )


def test_the_winner_of_a_pooled_block_wears_the_frame_of_an_output():
    x = np.arange(24.0).reshape(2, 3, 4)
    for mode, frames in (("max", 3), ("average", 2)):  # result, output map and the winner
        picture = draw_im2col(Im2col(x, kernel_size=2, mode=mode, step=1))
        assert len(rectangles(picture, stroke="output", fill=None)) == frames


def test_between_weights_and_result_stands_an_equals_sign():
    picture = draw_im2col(Im2col(np.ones((1, 3, 4)), np.ones((1, 1, 2, 2))))
    assert [m.text for m in texts(picture) if m.size == 22] == ["="]


def test_a_gradient_that_was_not_sent_yet_does_not_look_like_a_zero():
    step = BackwardStep(np.arange(5.0)[None], np.ones((1, 3)), np.array([[1.0, 0, 3]]), step=1)
    picture = draw_backward(step)
    assert len(rectangles(picture, dashed=True)) == 1
    assert "dashed: not sent yet" in [m.text for m in texts(picture)]
    last = draw_backward(BackwardStep(step.x, step.kernel, step.grad_out, step=2))
    assert not rectangles(last, dashed=True)


def test_shares_of_an_average_are_written_as_fractions():
    step = BackwardStep(np.ones((3, 4)), 3, np.array([[1.0, -3]]), mode="average", step=1)
    assert [step.write(value) for value in (1 / 9, -2 / 9, 0, 1 / 3)] == ["1/9", "−2/9", "0", "3/9"]
    assert step.write(0.1234) == "0.123"
    assert "−2/9" in [m.text for m in texts(draw_backward(step))]


@pytest.mark.parametrize("slope", [3, -2, -123.0])
def test_a_slope_stands_beside_its_arrow_and_not_on_it(slope):
    up, down = Node("a", 1, 1, 0, 0, {}), Node("b", 1, 1, 0, 1, {})
    picture = draw_graph([up, down, Node("c", 1, 1, 1, 0.5, {"a": slope, "b": slope})])
    lines = [m.points for m in picture.marks if hasattr(m, "points") and m.fill is None]
    for label in (m for m in texts(picture) if m.text.startswith("·")):
        left = {"start": 0, "middle": 0.5, "end": 1}[label.anchor]
        width = 0.62 * label.size * len(label.text)
        for x in np.linspace(label.x - left * width, label.x + (1 - left) * width, 20):
            for (x0, y0), (x1, y1) in lines:
                if x0 <= x <= x1:
                    line = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
                    assert not label.y - 0.7 * label.size <= line <= label.y + 2
