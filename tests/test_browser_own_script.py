"""A script of one's own in a real JupyterLab: drawn, kept, learned, fooled.

Run with ``pytest -m browser -n0 -s``; it needs Chromium.
"""

from statistics import median

import pytest
from gestures import opening

playwright = pytest.importorskip("playwright")
from lab_driver import Notebook, chromium_page, find_chromium, save_shot, write_notebook  # noqa: E402
from test_browser import TIME_STROKES  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
]
NAMELESS = """() => [...document.querySelectorAll('.cnnbook-script :is(button, input, select)')]
    .filter(e => !(e.getAttribute('aria-label') || e.title || e.textContent.trim()
        || e.closest('label')?.textContent.trim() || e.labels?.[0]?.textContent.trim()))
    .map(e => e.outerHTML)"""


def says(page, words):
    """Wait until one of the pictures says this."""
    picture = page.locator(f".cnnbook-script svg[aria-label*='{words}']")
    picture.first.wait_for(timeout=60_000)


def tells(page, words, role="status"):
    """Wait until the line says this."""
    line = page.locator(f".cnnbook-script [role={role}]", has_text=words)
    line.first.wait_for(timeout=120_000)


def test_a_sign_is_drawn_kept_learned_and_the_network_fooled(folder, server):
    write_notebook(folder / "own.ipynb", [opening("own_script")])
    with chromium_page() as page:
        notebook = Notebook(page, *server, "own.ipynb")
        notebook.run_all()
        tells(page, "Press Learn")
        assert page.evaluate(NAMELESS) == []

        takes, cards = page.locator(".take"), page.locator(".card")
        takes.nth(6).focus()
        page.keyboard.press("Delete")  # it is the cell's command, too
        tells(page, "One drawing of hook is gone")
        notebook.settle()
        assert takes.count() == 17
        assert page.evaluate("book.panel().content.widgets.length") == 1
        page.evaluate("document.activeElement.matches('.take') || book.errors.push('no focus')")
        sheet = page.locator(".cnnbook-canvas svg")
        page.get_by_title("empty the sheet").click()
        says(page, "Nothing is drawn")
        cards.nth(1).locator("input[type=radio]").click()
        box = sheet.bounding_box()
        page.evaluate(TIME_STROKES)
        for number in range(24):
            row, column = 0.25 + 0.02 * number, 0.6 - 0.01 * max(0, number - 14) ** 1.2
            page.mouse.move(box["x"] + column * box["width"], box["y"] + row * box["height"])
            if not number:
                page.mouse.down()
            page.wait_for_timeout(30)
        page.mouse.up()
        page.get_by_role("button", name="Keep as hook").click()
        tells(page, "6 of 6 drawings of hook by you")
        print(f"\nsheet: median {median(page.evaluate('strokes')):.0f} ms from pen to bars")
        notebook.settle()
        assert takes.count() == 18
        for count in (17, 18):  # this one is no good hook
            page.get_by_title("take back the last change").click()
            takes.nth(count - 1).wait_for()
            takes.nth(count).wait_for(state="detached")

        page.get_by_label("at the left edge:").select_option("tent")
        page.get_by_title("learn the drawings").click()
        tells(page, "It learned left")
        save_shot(page, "script_left")
        takes.nth(13).click()  # a zig
        ruler = page.get_by_label("move it across")
        ruler.focus()
        page.keyboard.press("Home")
        says(page, "The sheet is read as tent")
        save_shot(page, "script_fooled")
        page.get_by_label("shift the copies").click()
        page.get_by_title("learn the drawings").click()
        tells(page, "it learned the shape")
        says(page, "The sheet is read as tent 0 %")
        save_shot(page, "script_shape")

        name = page.get_by_label("name of sign 0")
        name.fill("fish")
        name.press("Enter")
        says(page, "The sheet is read as fish")
        name.fill("zig")
        name.press("Enter")
        tells(page, "are the same", "alert")
        notebook.settle()
        assert page.get_by_label("name of sign 0").input_value() == "fish"
        assert not notebook.problems + page.evaluate("book.errors") + page.evaluate("book.broken()")
