"""The stage alone in a browser, with a model that the test answers for.

Run with ``pytest -m browser -n0``; it needs Chromium.
"""

import base64
from pathlib import Path

import pytest

pytest.importorskip("playwright")
from lab_driver import chromium_page, find_chromium

from cnnbook import widgets

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
]
STAGE = Path(widgets.__file__).with_name("stage.js").read_bytes()
OPEN = """async source => {
  const heard = {};
  const traits = {value: "", steers: true, most: 952, room: 952, motion: true, speed: 1};
  window.sent = [];
  window.idle = []; // what each question calls when the kernel is done with it
  const model = {
    get: name => traits[name], set: (name, value) => { traits[name] = value; }, save_changes() {},
    on: (name, act) => { heard[name] = act; },
    send(message, {iopub}) {
      sent.push(message);
      idle.push(() => iopub.status({content: {execution_state: "idle"}}));
    },
  };
  window.show = value => { traits.value = value; heard["change:value"](); };
  document.body.innerHTML = "<div class=cnnbook-explorer><div id=stage></div></div>";
  const stage = await import(source);
  stage.default.render({model, el: document.getElementById("stage")});
}"""
# whether the stage shows what an empty page would
AS_FRESH = """value => {
  const fresh = document.createElement("div"), stage = document.getElementById("stage");
  fresh.innerHTML = value;
  for (const e of fresh.querySelectorAll("svg, [role=button]")) {
    e.dataset.lmSuppressShortcuts = "true";
    if (e.matches("svg")) e.tabIndex = 0;
  }
  return fresh.childNodes.length === stage.childNodes.length
    && [...fresh.childNodes].every((e, n) => e.isEqualNode(stage.childNodes[n]));
}"""


@pytest.fixture
def page():
    with chromium_page() as page:
        page.evaluate(OPEN, "data:text/javascript;base64," + base64.b64encode(STAGE).decode())
        yield page


def pictures():
    """What a widget shows: steps there and back, a part pointed at, a refused setting."""
    view = widgets.window_stepper()
    for step in (0, 1, 4, 8, 0):
        view.go_to(step)
        yield view.screen.value
    for part in (["output", 1, 1], ["input", 0, 1], None):
        view.hover(part)
        yield view.screen.value
    view.controls["stride"].value = 4
    yield view.screen.value
    view.controls["kernel"].value = "1 2; 3"
    yield view.screen.value
    view.controls["kernel"].value = "1 2; 3 4"
    yield view.screen.value
    yield widgets.resampling_explorer().screen.value


def test_the_page_shows_what_was_sent_whatever_stood_there(page):
    values = [*pictures()]
    assert len(set(values)) > 8
    for value in values:
        page.evaluate("show", value)
        assert page.evaluate(AS_FRESH, value)


def test_a_part_that_stays_is_not_made_anew(page):
    view = widgets.window_stepper()
    page.evaluate("show", view.screen.value)
    cell = "document.querySelector('[data-touch=\\'[\"input\",4,4]\\']')"
    page.evaluate(f"window.kept = {cell}; document.querySelector('svg').focus()")
    view.go_to(1)
    moving = "value => { show(value); return document.getAnimations().length; }"
    assert page.evaluate(moving, view.screen.value)
    assert page.evaluate(f"kept === {cell}")
    assert page.evaluate("document.activeElement.matches('svg')")


def test_one_question_is_asked_at_a_time_and_the_end_of_a_drag_is_told(page):
    view = widgets.window_stepper()
    page.evaluate("show", view.screen.value)
    page.evaluate("window.setTimeout = () => 1")  # else a slow machine takes an answer for lost

    def move(row, column, buttons=0):
        kind = "'onpointerrawupdate' in window ? 'pointerrawupdate' : 'pointermove'"
        page.evaluate(
            f"""([touch, buttons]) => [...document.querySelectorAll('[data-touch]')]
            .find(e => e.dataset.touch === touch)
            .dispatchEvent(new PointerEvent({kind}, {{bubbles: true, buttons}}))""",
            [f'["input",{row},{column}]', buttons],
        )

    for column in range(3):
        move(0, column)
    assert page.evaluate("sent") == [{"hover": ["input", 0, 0]}]
    page.evaluate("idle[0]()")
    assert page.evaluate("sent").pop() == {"hover": ["input", 0, 2]}
    for column in range(3):
        move(1, column, buttons=1)
    page.evaluate("idle[0]()")  # an old answer
    assert len(page.evaluate("sent")) == 2
    page.evaluate(
        "document.getElementById('stage').dispatchEvent(new PointerEvent('pointerleave'))"
    )
    assert page.evaluate("sent")[2:] == [{"touch": ["input", 1, 2]}]
    page.evaluate("idle[2]()")
    assert page.evaluate("sent")[3:] == [{"hover": None}]
