"""Every widget as its reader meets it: a still picture, steps, controls, messages."""

from collections import defaultdict

import ipywidgets
import numpy as np
import pytest

from cnnbook import widgets
from cnnbook.jupyter import MARK, VIEW
from cnnbook.widgets.explorer import Several

# these need strokes or networks, or have a page of their own
OWN_TESTS = {"draw_digit", "glass_lenet", "kernel_workbench", "learning_curve", "own_script"}
FACTORIES = [name for name, value in vars(widgets).items() if hasattr(value, "__wrapped__")]
OPENED = {name: {} for name in FACTORIES if name not in OWN_TESTS} | {
    "pooling_stepper": {"mode": "average", "padding": 1, "shift": 1},
}


@pytest.fixture(params=OPENED, scope="module")
def view(request):
    return getattr(widgets, request.param)(**OPENED[request.param])


def others(control):
    """Values that a reader could set instead."""
    if hasattr(control, "_options_full"):
        return [value for _, value in control._options_full if value != control.value]
    if isinstance(control, ipywidgets.Checkbox):
        return [not control.value]
    if isinstance(control, Several):
        _, *rest = control.value
        return [(value, *rest) for value in others(control.children[0])]
    if isinstance(control, ipywidgets.Text):
        return ["1", "1 2", "1 2 3", "1 2; 3 4", "1 2 0; 0 1 1; 1 0 2", "3 × 224 × 224"]
    if not hasattr(control, "min"):
        return []
    step = getattr(control, "step", 1) or 1
    values = [control.value + step, control.value - step, control.value + 3 * step]
    return [value for value in values if control.min <= value <= control.max]


def test_a_still_picture_and_its_words_stand_where_nothing_runs(view):
    data, metadata = view._repr_mimebundle_()
    assert data["image/png"].startswith("iVBOR")
    assert data["text/plain"] == repr(view) == view.state.picture().description
    assert metadata["image/png"]["alt"] == repr(view)
    assert (MARK in metadata, VIEW in data) == (True, True)  # `keep_pictures` finds it
    assert 'role="status"' in view.screen.value
    assert f'aria-label="{view.state.picture().description[:40]}' in view.screen.value


def test_the_buttons_go_through_the_steps(view):
    if not hasattr(view, "step"):
        return
    first, back, forward, last = view.buttons
    end, seen = view.step.max, []
    first.click()
    for button in (back, forward, back, last, forward, first):
        button.click()
        seen.append((view.state.step, view.step.value, view.screen.value))
    assert [step for step, *_ in seen] == [0, min(1, end), 0, end, end, 0]
    assert all(step == shown for step, shown, _ in seen)
    assert (seen[0][2] != seen[3][2]) == (end > 0)


def test_every_control_changes_the_picture_or_says_why_not(view):
    for name, control in view.controls.items():
        if getattr(control, "disabled", False):
            continue
        first, before, kept = control.value, view.screen.value, view.state
        changed = said = False
        for value in others(control):
            control.value = value
            if view.message:  # refused: what was there stays
                said = True
                assert view.state is kept
                assert 'role="alert"' in (view.note if view.noted else view.screen).value
            else:
                changed |= view.screen.value != before
            control.value = first
            assert view.message == ""
            kept = view.state
            if changed:
                break
        assert changed or said or not others(control), name


def kinds_of_parts(view):
    """The parts of the picture that can be touched, by their kind; of a grid the ends."""
    kinds = defaultdict(list)
    for _, grid, *part in (mark.live[0] for mark in view.state.picture().marks if mark.live[0]):
        kinds[part[0]] += [[*part, 0, 0], [*part, *np.subtract(grid, 1)]] if grid else [part]
    return kinds


def test_what_can_be_touched_changes_the_picture(view):
    """The first and the last part of each kind; the browser test points and clicks."""
    kinds = kinds_of_parts(view)
    assert ("data-touch" in view.screen.value) == bool(kinds)
    for kind in kinds:
        parts = kinds_of_parts(view)[kind]  # those before may have made others of them
        before, seen = view.screen.value, set()
        for part in (parts[0], parts[-1]):
            shown = view.screen.value
            view.screen._handle_custom_msg({"hover": part}, [])
            seen.add(view.screen.value)
            view.screen._handle_custom_msg({"hover": None}, [])
            assert view.screen.value == shown, part
            view.screen._handle_custom_msg({"touch": part}, [])
            assert view.message == ""
            seen.add(view.screen.value)
        assert seen != {before} or len(parts) == 1, parts[0]
