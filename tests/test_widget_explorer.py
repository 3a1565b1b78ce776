"""The view that all widgets share, with a state of its own that is easy to reason about."""

import base64
import inspect
from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np
import pytest

from cnnbook import widgets as book
from cnnbook.figures.picture import Picture
from cnnbook.widgets.explorer import Explorer, factory, parse_numbers, write_numbers


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

    @property
    def steps(self):
        return self.rungs

    def picture(self):
        picture = Picture(40, 30, f"{self.name}: rung {self.step} of {self.rungs}")
        picture.text(0, 20, f"rung {self.step}")
        return picture


def ladder(**fields):
    state = Ladder(**fields)
    controls = {"rungs": widgets.IntText(state.rungs), "name": widgets.Text(state.name)}
    return Explorer(state, controls)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1, 2,3", [1, 2, 3]),
        ("1 0 -1; 2 0 -2", [[1, 0, -1], [2, 0, -2]]),
        ("1 2\n3 4\n", [[1, 2], [3, 4]]),
        ("1/4 −2.5 1e-3", [0.25, -2.5, 0.001]),
        (" ;1 2; ", [1, 2]),
    ],
)
def test_typed_numbers_are_read_and_written(text, expected):
    assert parse_numbers(text) == parse_numbers(write_numbers(np.array(expected))) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" ; ", "type at least one number"),
        ("1 two", "'two' is not a number"),
        ("1/0", "'1/0' is not a number"),
        ("1 2; 3 4 5", "rows hold 2 and 3 numbers, expected equal lengths"),
    ],
)
def test_what_is_no_array_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_numbers(text)


def test_buttons_and_slider_go_through_the_steps():
    view = ladder()
    first, back, forth, last = view.buttons
    for button, step in [(back, 0), (forth, 1), (forth, 2), (back, 1), (last, 4), (forth, 4)]:
        button.click()
        assert view.state.step == view.step.value == view.play.value == step
        assert f'aria-label="ladder: rung {step} of 5"' in view.screen.value
    first.click()
    assert view.state.step == 0
    view.step.value = 3  # what the arrow keys do
    assert view.state.step == view.play.value == 3
    view.play.value = 1
    assert view.step.value == view.state.step == 1
    view.controls["rungs"].value = 9  # more steps widen slider and play
    assert (view.step.max, view.play.max, view.state.step) == (8, 8, 1)
    view.go_to(99)
    assert view.state == Ladder(9, 8)
    view.go_to(-99)
    assert view.state == Ladder(9, 0)
    assert {button.tooltip.split()[1] for button in view.buttons} == {"step"}


def test_a_control_replaces_the_state_and_draws_once(monkeypatch):
    view, draw, drawn = ladder(step=2), Ladder.picture, []
    monkeypatch.setattr(Ladder, "picture", lambda state: drawn.append(state) or draw(state))
    view.controls["name"].value = "stairs"
    assert drawn == [Ladder(5, 2, "stairs")] == [view.state]
    view.controls["rungs"].value = 2  # the step must follow: still one drawing
    assert drawn[1:] == [Ladder(2, 1, "stairs")] == [view.state]


def test_an_impossible_setting_is_held_back():
    view = ladder(step=3)
    before = view.state
    view.controls["rungs"].value = 0
    assert view.state is before
    assert view.message == "rungs is 0, <must> be at least 1"
    assert 'role="alert"' in view.note.value
    assert "rungs is 0, &lt;must&gt; be at least 1" in view.note.value
    assert view.state.picture().svg(css=False) in view.screen.value  # pale, in its place
    view.buttons[2].click()  # the setting is still impossible
    assert view.state is before
    assert view.message
    view.controls["rungs"].value = 13
    assert view.message == "no 13 rungs"
    view.controls["rungs"].value = 5
    assert view.message == ""
    assert 'role="status"' in view.screen.value
    assert view.state == Ladder(5, 4)


def test_readers_turn_values_into_fields():
    view = Explorer(Ladder(), {"rungs": widgets.Text("5")}, {"rungs": int})
    view.controls["rungs"].value = "7"
    assert view.state == Ladder(7)
    view.controls["rungs"].value = "many"
    assert "invalid literal" in view.message


def test_the_static_picture_stands_where_nothing_runs():
    view = ladder(step=2)
    data, _ = view._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert data["text/plain"] == repr(view) == "ladder: rung 2 of 5"
    view.go_to(4)
    assert repr(view) == "ladder: rung 4 of 5"


# ---------------------------------------------------------------- factories

IMPOSSIBLE = [
    ("backward_stepper", {"kernel_size": "x"}),
    ("backward_stepper", {"step": 2.5}),
    ("dense_to_convolution", {"locality": 7}),
    ("augmentation_explorer", {"data": "x"}),
    ("draw_digit", {"centred": None}),
    ("pooling_stepper", {"step": "x"}),
    ("kernel_workbench", {"image": 7}),
]


def test_every_factory_is_guarded():
    given = {name for name, value in vars(book).items() if inspect.isfunction(value)}
    assert given
    assert all(getattr(book, name).__wrapped__.__name__ == name for name in given)


@pytest.mark.parametrize(("name", "given"), IMPOSSIBLE)
def test_what_no_widget_takes(name, given):
    with pytest.raises((ValueError, TypeError)):
        getattr(book, name)(**given)


@pytest.mark.parametrize("error", [KeyError, IndexError, AttributeError, OverflowError])
def test_a_refusal_says_what_was_given(error):
    @factory
    def widget(size, *, step=0):
        raise error("why")

    with pytest.raises(TypeError, match=r"widget cannot take size=3, step='x': .*why"):
        widget(3, step="x")
