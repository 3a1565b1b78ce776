"""Pictures fit the page: in a wide room and in a narrow one, on paper as they were."""

import math
import re

import ipywidgets
import numpy as np
import pytest
from picture_checks import check_picture

from cnnbook import widgets
from cnnbook.figures.scene import LEGIBLE, ROOM, cells, page, row, space, text
from cnnbook.figures.window import Window
from cnnbook.widgets.explorer import explore, numbers, whole

ROOMS = 952, 540  # wide enough for every picture, and too narrow for most
GIVEN = {"learning_curve": {"trained": 3, "until": 12}}
# these need arguments, or are no picture of one state
OTHERS = {"glass_lenet", "own_script", "sliding_explorer"}
NAMES = [n for n, f in vars(widgets).items() if hasattr(f, "__wrapped__") and n not in OTHERS]


@pytest.fixture
def room():
    """Set the room; it is that of paper again after the test."""
    yield ROOM.set
    ROOM.set(math.inf)


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_fits_both_rooms_and_is_legible(name, room):
    state = getattr(widgets, name)(**GIVEN.get(name, {})).state
    steps = range(getattr(state, "steps", 0)) if hasattr(state, "at") else ()
    states = [state.at(steps[k]) for k in (0, len(steps) // 2, -1)] if steps else [state]
    for width in ROOMS:
        room(width)
        pictures = [each.picture() for each in states]
        for picture in pictures:
            check_picture(picture)
            assert picture.width <= width
            small = [m.text for m in picture.marks if getattr(m, "size", LEGIBLE) < LEGIBLE]
            assert not small, small
        assert len({picture.size for picture in pictures}) == 1, name


def drawn(block):
    return page(block, description="blocks", width=0)


def test_what_has_no_room_goes_on_in_the_next_line(room):
    words = "a line of text that is much longer than the room that there is for it on this page"
    both = row(space(300, 20), space(300, 20), gap=40)
    assert (both.width, both.height) == (640, 20)
    room(400)
    both = row(space(300, 20), space(300, 20), gap=40)
    assert (both.width, both.height) == (300, 56)
    lines = [mark.text for mark in drawn(text(words)).marks]
    assert len(lines) > 1
    assert " ".join(lines) == words
    fixed = row(space(300, 20), space(300, 20), wraps=False)
    assert fixed.width == 640


def test_a_number_without_room_is_said_by_its_cell(room):
    values = np.array([[0.25, -3.5]])
    paper = drawn(cells(values, cell=20))
    assert [mark.text for mark in paper.marks if hasattr(mark, "text")] == ["0.25", "−3.5"]
    assert "<title>" not in paper.svg()
    room(400)
    screen = drawn(cells(values, cell=20))
    assert not [mark for mark in screen.marks if hasattr(mark, "text")]
    assert set(re.findall("<title>(.*?)</title>", screen.svg())) == {"0.25", "−3.5"}


def test_the_page_says_how_much_room_there_is_and_paper_stays_as_it_was():
    view = widgets.window_stepper()
    still, wide = view._repr_mimebundle_()[0]["image/png"], view.screen.value
    view.screen.room = 540
    assert view.screen.value != wide
    assert 'width="548"' in view.screen.value
    assert view._repr_mimebundle_()[0]["image/png"] == still
    view.screen.room = 952
    assert view.screen.value == wide


def opened():
    state = Window(np.ones((4, 4)), np.ones((2, 2)))
    controls = {"stride": whole(1, 6), "padding": whole(0, 6)}
    return explore(state, more=("kernel",), **controls, kernel=numbers())


def test_settings_that_are_not_the_lesson_wait_behind_a_button():
    view = opened()
    kernel = view.controls["kernel"].layout
    assert (kernel.display, view.more.description) == ("none", "More settings")
    view.more.value = True
    assert (kernel.display, view.more.description) == (None, "Fewer settings")


def test_an_error_stands_at_the_control_that_made_it():
    view = opened()
    before, kernel, stride = view.state, view.controls["kernel"], view.controls["stride"]
    kernel.value = "1 two"
    assert (view.wrong, view.more.value, view.state) == ("kernel", True, before)
    assert "cnnbook-wrong" in kernel._dom_classes
    row = view.settings_row.children
    beside = sorted(row, key=lambda child: int(child.layout.order))
    assert beside[beside.index(kernel) + 1] is view.note
    assert view.note.layout.display is None
    assert "&#x27;two&#x27; is not a number" in view.note.value
    assert "opacity" in view.screen.value
    stride.value = 2  # what cannot be read stays wrong
    assert view.wrong == "kernel"
    kernel.value = "1 1; 1 1; 1 1; 1 1; 1 1"
    assert view.wrong == "kernel"
    view.controls["padding"].value = 1  # now it fits
    assert (view.wrong, view.message, view.noted) == (None, "", False)
    assert view.note.layout.display == "none"
    assert view.settings_row.children is row  # new ones would not have the focus
    assert "cnnbook-wrong" not in kernel._dom_classes
    view.controls["padding"].value = 0  # the last one that was changed
    assert view.wrong == "padding"


def test_the_speed_of_the_steps_is_that_of_the_motion():
    view = opened()
    view.play.speed = 2
    assert view.screen.speed == 2
    assert isinstance(view.play, ipywidgets.Play)
