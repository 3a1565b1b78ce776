"""Labels of a graph of derivatives stand beside their arrows."""

import numpy as np
import pytest

from cnnbook.figures.backward_graph import Node, draw_graph


def texts(picture):
    return [mark for mark in picture.marks if hasattr(mark, "anchor")]


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
