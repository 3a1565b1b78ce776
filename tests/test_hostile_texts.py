"""No text that a reader brings becomes markup: names of classes and files, titles, messages."""

import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from cnnbook.figures.confusion import Confusion
from cnnbook.figures.digit_reader import DigitReading
from cnnbook.figures.padding import PaddedAxis
from cnnbook.figures.participation import Participation
from cnnbook.figures.picture import Picture
from cnnbook.figures.readings import Readings
from cnnbook.widgets import kernel_workbench, sliding_explorer, window_stepper

HOSTILE = [
    '"><script>alert(1)</script>', "&<>'\"",
    "'/></text></svg><img src=x onerror=alert(1)>", "]]>&amp;\x00\x1b\ud800",
]  # fmt: skip
DRAWN = {"g", "svg", "style", "text", "rect", "image", "polyline", "polygon"}
SPACE = np.linspace(0, 1, 64).reshape(8, 8)


def readable(text):
    """What is shown of a text: all but the characters that no XML document may hold."""
    return re.sub("[\x00\x1b\ud800]", "\ufffd", str(text))


def parts(svg):
    """Parse strictly; return the alternative text and all lines of text."""
    root = ET.fromstring(svg)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= DRAWN
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on")]
    texts = ["".join(e.itertext()) for e in root.iter() if e.tag.endswith("}text")]
    return root.get("aria-label"), texts


@pytest.mark.parametrize("text", [*HOSTILE, 7, None])
def test_every_text_of_a_picture_is_shown_as_it_is(text):
    picture = Picture(80, 40, text)
    picture.text(5, 20, text)
    assert parts(picture.svg()) == (readable(text), [readable(text)])
    assert repr(picture) == str(text)


@pytest.mark.parametrize("role", [*HOSTILE, 7, "", ["ink"], "input;x"])
def test_a_colour_is_a_role(role):
    picture, triangle = Picture(80, 40), ((0, 0), (1, 1), (0, 1))
    for draw, where, look in [
        (picture.rect, (0, 0, 1, 1), {"fill": role}),
        (picture.rect, (0, 0, 1, 1), {"stroke": role}),
        (picture.text, (0, 0, "a"), {"fill": role}),
        (picture.arrow, triangle[:2], {"stroke": role}),
        (picture.polygon, triangle, {"fill": role}),
        (picture.polygon, triangle, {"fill": "ink", "stroke": role}),
    ]:
        with pytest.raises(ValueError, match=r"(fill|stroke) must be one of input, kernel, .*got"):
            draw(*where, **look)
    with pytest.raises(ValueError, match="anchor must be one of start, middle, end, got"):
        picture.text(0, 0, "a", anchor=role)
    assert picture.marks == []


@pytest.mark.parametrize("name", HOSTILE)
def test_names_of_classes_and_titles(name):
    names, shares = (name, "dog"), np.array([[0.7, 0.3]])
    scores = np.stack([np.full((3, 3), share) for share in (0.4, 0.6)])
    states = [
        Confusion(np.array([0, 1]), np.array([1, 1]), names),
        Readings(SPACE[None], shares, names, np.array([1]), name),
        DigitReading(SPACE, (), np.array([2.0, 1.0]), names, (name, name)),
        PaddedAxis(5, 3, title=name),
        Participation(PaddedAxis(7, 3), PaddedAxis(5, 1), title=name),
        sliding_explorer(np.zeros((40, 40)), scores, names, shown=name).state,
    ]
    for state in states:
        description, texts = parts(state.picture().svg())
        assert readable(name) in "\n".join([description, *texts]), type(state)


@pytest.mark.parametrize("typed", HOSTILE[:3])
def test_what_is_typed_and_no_number_is_only_said(typed):
    view = window_stepper()
    view.controls["kernel"].value = typed
    assert view.message.endswith("is not a number")
    page = ET.fromstring(view.note.value)
    assert {element.tag.rpartition("}")[2] for element in page.iter()} <= DRAWN | {"div", "p", "b"}
    assert "".join(page.itertext()).startswith(f"No such setting: {view.message}")


def test_a_file_that_is_too_large_is_called_so():
    file = io.BytesIO(b"P5 90000 90000 255\n ")
    file.name = "cat.pgm"
    with pytest.raises(ValueError, match=r"'cat\.pgm' has 8100000000 pixels, at most "):
        kernel_workbench(file)
