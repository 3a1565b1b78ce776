"""Beat gradient descent, played in a real JupyterLab with the pointer and with the keyboard.

Run with ``pytest -m browser -n0 -s``; it needs Chromium.
"""

from statistics import median

import pytest
from gestures import opening

playwright = pytest.importorskip("playwright")
from lab_driver import Notebook, chromium_page, find_chromium, write_notebook  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
]
STEP = 6  # pixels of a drag for one tenth
TIME_DRAG = """() => {
  window.drags = [];
  let moved = null;
  document.querySelector('.cnnbook-weights')
    .addEventListener('pointermove', (event) => {
      if (event.buttons) moved ??= performance.now();
    }, true);
  new MutationObserver(() => {
    if (moved === null) return;
    const start = moved;
    moved = null;
    requestAnimationFrame(() => drags.push(performance.now() - start));
  }).observe(document.querySelector('.cnnbook-screen'), {childList: true, subtree: true});
}"""


@pytest.fixture
def page_and_notebook(folder, server):
    write_notebook(folder / "game.ipynb", [opening("beat_gradient_descent")])
    with chromium_page() as page:
        notebook = Notebook(page, *server, "game.ipynb")
        notebook.run_all()
        yield page, notebook


def says(page, text):
    """Wait until the picture says this."""
    page.locator(f"svg.cnnbook[aria-label*='{text}']").wait_for(timeout=20_000)


def weight(page, row, column):
    return page.get_by_role("slider", name=f"weight in row {row}, column {column}")


def drag(page, cell, steps):
    """Drag a weight by tenths; the pointer stays down."""
    box = cell.bounding_box()
    column, row = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(column, row)
    page.mouse.down()
    for step in range(1, abs(steps) + 1):
        page.mouse.move(column, row - STEP * (step if steps > 0 else -step))
        page.wait_for_timeout(60)


def test_a_game_is_played_with_the_pointer_and_with_the_keyboard(page_and_notebook):
    page, notebook = page_and_notebook
    middle, right = weight(page, 1, 1), weight(page, 1, 2)
    middle.wait_for()

    drag(page, middle, 7)
    says(page, "0 0.7 0; 0 0 0. The loss is")  # the picture follows, nothing is counted
    page.mouse.up()
    says(page, "1 move: ")
    page.evaluate(TIME_DRAG)
    drag(page, middle, -5)
    says(page, "0 0.2 0; 0 0 0. 1 move: ")
    print(f"\ndescent: median {median(page.evaluate('drags')):.0f} ms from drag to picture")
    page.keyboard.press("Escape")
    page.mouse.up()
    says(page, "0 0.7 0; 0 0 0. 1 move: ")  # taken back
    drag(page, middle, 1)
    page.mouse.up()
    says(page, "2 moves: 0 % of the start")
    page.get_by_role("button", name="Let it run").click()
    says(page, "Gradient descent needed 4 steps. You needed 2 moves: you beat it.")

    page.get_by_label("level", exact=True).select_option(index=1)
    says(page, "Level 1")
    middle.press("ArrowDown")
    middle.press("ArrowDown")
    says(page, "0 0.8 0; 0 0 0. The loss is")
    middle.press("ArrowRight")  # who leaves a weight lets it go
    assert right.evaluate("cell => cell === document.activeElement")
    says(page, "1 move: ")
    for k in range(9):  # faster than the kernel answers
        right.press("PageUp" if k == 0 else "ArrowUp")
        right.press("Enter")
    says(page, "0 0.8 1.3; 0 0 0. 10 moves: ")
    for key in ("b", "x", "d"):  # keys that JupyterLab would take
        right.press(key)
    assert page.evaluate("book.panel().content.widgets.length") == 1
    page.get_by_role("button", name="Hint").click()
    says(page, "Downhill, steepest first: lower")
    notebook.settle()
    assert page.locator(".cnnbook-weights path[d^=M]").count() == 2

    page.get_by_role("button", name="Let it run").click()
    says(page, "Gradient descent stands at")
    page.get_by_role("button", name="Stop").click()
    notebook.settle()
    stopped = page.locator("svg.cnnbook").get_attribute("aria-label")
    page.wait_for_timeout(500)
    assert page.locator("svg.cnnbook").get_attribute("aria-label") == stopped
    assert not notebook.problems + page.evaluate("book.errors") + page.evaluate("book.broken()")
