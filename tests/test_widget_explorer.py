"""The view that all widgets share, with a state of its own that is easy to reason about."""

import base64
from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np
import pytest

from cnnbook.figures.picture import Picture
from cnnbook.widgets.explorer import Explorer, parse_numbers, write_numbers


@dataclass(frozen=True)
class Ladder:
    """So many rungs, one of them marked."""

    rungs: int = 5
    step: int = 0
    name: str = "ladder"

    def __post_init__(self):
        if self.rungs < 1:
            raise ValueError(f"rungs is {self.rungs}, <must> be at least 1")
        if self.rungs == 13:
            raise TypeError("no 13 rungs")
        if not 0 <= self.step < self.rungs:
            raise ValueError(f"step is {self.step}, expected 0 to {self.rungs - 1}")

    @property
    def steps(self):
        return self.rungs

    def picture(self):
        picture = Picture(40, 30, f"{self.name}: rung {self.step} of {self.rungs}")
        picture.text(0, 20, f"rung {self.step}")
        return picture


@dataclass(frozen=True)
class Stone:
    """A state without steps."""

    weight: float = 1

    def picture(self):
        return Picture(10, 10, f"a stone of {self.weight}")


def ladder(**fields):
    state = Ladder(**fields)
    controls = {"rungs": widgets.IntText(state.rungs), "name": widgets.Text(state.name)}
    return Explorer(state, controls)


def shows(view, text):
    return f'aria-label="{text}"' in view.screen.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2 3", [1, 2, 3]),
        ("1, 2,3", [1, 2, 3]),
        ("1 0 -1; 2 0 -2", [[1, 0, -1], [2, 0, -2]]),
        ("1 2\n3 4\n", [[1, 2], [3, 4]]),
        ("1/4 −2.5 1e-3", [0.25, -2.5, 0.001]),
        ("−1/2", [-0.5]),
        ("5", [5]),
        (" ;1 2; ", [1, 2]),
    ],
)
def test_typed_numbers_are_read(text, expected):
    assert parse_numbers(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "type at least one number"),
        (" ; ", "type at least one number"),
        ("1 two", "'two' is not a number"),
        ("1/0", "'1/0' is not a number"),
        ("1/2/3", "'1/2/3' is not a number"),
        ("1 2; 3 4 5", "rows hold 2 and 3 numbers, expected equal lengths"),
    ],
)
def test_what_is_no_array_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_numbers(text)


@pytest.mark.parametrize("array", [np.array([1, 0.5, -2]), np.array([[1, 2], [3, -4.25]])])
def test_written_numbers_are_read_back(array):
    np.testing.assert_array_equal(parse_numbers(write_numbers(array)), array)


def test_buttons_and_slider_go_through_the_steps():
    view = ladder()
    first, back, forth, last = view.buttons
    forth.click()
    forth.click()
    assert view.state.step == view.step.value == view.play.value == 2
    assert shows(view, "ladder: rung 2 of 5")
    back.click()
    assert view.state.step == 1
    last.click()
    assert view.state.step == 4
    first.click()
    assert view.state.step == 0
    view.step.value = 3  # what the arrow keys do
    assert view.state.step == 3


def test_the_ends_hold():
    view = ladder()
    view.buttons[1].click()
    assert view.state.step == 0
    view.go_to(99)
    assert view.state.step == 4
    view.buttons[2].click()
    assert view.state.step == 4
    view.go_to(-99)
    assert view.state.step == 0


def test_play_moves_slider_and_state():
    view = ladder()
    view.play.value = 3
    assert view.step.value == view.state.step == 3
    view.step.value = 1
    assert view.play.value == 1


def test_every_control_is_reached_by_name():
    for button in ladder().buttons:
        assert button.tooltip.endswith("step")
    assert ladder().step.description == "Step"


def test_a_control_replaces_the_state_and_draws_once(monkeypatch):
    view, draw, drawn = ladder(step=2), Ladder.picture, []
    monkeypatch.setattr(Ladder, "picture", lambda state: drawn.append(state) or draw(state))
    view.controls["name"].value = "stairs"
    assert drawn == [Ladder(5, 2, "stairs")] == [view.state]
    view.controls["rungs"].value = 2  # the step must follow: still one drawing
    assert drawn[1:] == [Ladder(2, 1, "stairs")] == [view.state]


def test_more_steps_widen_slider_and_play():
    view = ladder(step=4)
    view.controls["rungs"].value = 9
    assert (view.step.max, view.play.max, view.state.step) == (8, 8, 4)
    view.go_to(8)
    assert view.state == Ladder(9, 8)


def test_an_impossible_setting_is_held_back():
    view = ladder(step=3)
    before = view.state
    view.controls["rungs"].value = 0
    assert view.state is before
    assert view.message == "rungs is 0, <must> be at least 1"
    assert 'role="alert"' in view.screen.value
    assert "rungs is 0, &lt;must&gt; be at least 1" in view.screen.value
    assert "min-height:30px" in view.screen.value  # what stands below does not move
    view.buttons[2].click()  # the setting is still impossible
    assert view.state is before
    assert view.message
    view.controls["rungs"].value = 13
    assert view.message == "no 13 rungs"
    view.controls["rungs"].value = 5
    assert view.message == ""
    assert 'role="status"' in view.screen.value
    assert view.state == Ladder(5, 4)


def test_other_errors_are_not_swallowed():
    view = ladder()
    view._readers["name"] = {}.__getitem__
    with pytest.raises(KeyError):
        view.controls["name"].value = "unknown"


def test_readers_turn_values_into_fields():
    view = Explorer(Stone(), {"weight": widgets.Text("1")}, {"weight": float})
    view.controls["weight"].value = "2.5"
    assert view.state == Stone(2.5)
    view.controls["weight"].value = "heavy"
    assert "could not convert" in view.message
    assert not hasattr(view, "step")


def test_a_view_without_controls_shows_its_picture():
    view = Explorer(Stone(), {})
    assert view.children == (view.screen,)
    assert shows(view, "a stone of 1")


def test_the_static_picture_stands_where_nothing_runs():
    view = ladder(step=2)
    data = view._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == repr(view) == "ladder: rung 2 of 5"
    view.go_to(4)
    assert repr(view) == "ladder: rung 4 of 5"


def test_the_picture_follows_the_dark_theme():
    assert "data-jp-theme-light='false'" in ladder().screen.value
