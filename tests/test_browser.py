"""Every chapter in a real JupyterLab: all cells run, all controls operated, nothing fails.

Run with ``pytest -m browser -n0 -s``; it needs Chromium. CNNBOOK_SHOTS names a folder for
screenshots of every widget.
"""

import os
import re
import shutil
from collections import defaultdict
from pathlib import Path
from statistics import median

import nbformat
import pytest

from cnnbook import widgets

playwright = pytest.importorskip("playwright")
from lab_driver import MUST_CHANGE, Notebook, chromium_page, find_chromium, lab_server  # noqa: E402

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# made by the test: the digit canvas; the steppers; what is saved and opened again; all controls;
# all whose pictures answer a pointer
NAMES = "sheet", "steps", "again", "named", "touch"
SHEET, STEPS, AGAIN, NAMED, TOUCH = (f"{name}.ipynb" for name in NAMES)
STEPPERS = [
    f"{name}_stepper" for name in ("window", "channel", "pooling", "im2col", "backward")
] + ["padding_explorer", "dense_to_convolution", "receptive_field_explorer"]
KINDS = ["window_stepper", "kernel_workbench", "learning_curve", "draw_digit"]
ARGUMENTS = {"learning_curve": "trained=12, until=12", "padding_explorer": "view='image'"}
OTHERS = "draw_digit", "glass_lenet", "own_script", "sliding_explorer"  # these have their own tests
TOUCHED = [
    name
    for name, opens in vars(widgets).items()
    if hasattr(opens, "__wrapped__") and name not in OTHERS
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    for notebook in NOTEBOOKS:  # copies: nothing that a click does reaches the repository
        shutil.copy(notebook, folder)
    made = {SHEET: ["draw_digit"], STEPS: STEPPERS, AGAIN: STEPPERS[:1], NAMED: KINDS}
    for name, opened in (made | {TOUCH: TOUCHED}).items():
        given = ARGUMENTS if name == TOUCH else {}
        sources = (
            f"from cnnbook.widgets import {one}\n{one}({given.get(one, '')})" for one in opened
        )
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / name)
    return folder


@pytest.fixture(scope="module")
def server(folder, tmp_path_factory):
    state = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNNBOOK_PROGRESS", str(state / "progress.txt"))  # not the reader's own
        with lab_server(folder, state) as address_and_token:
            yield address_and_token


def save_shot(page, name):
    if folder := os.environ.get("CNNBOOK_SHOTS"):
        page.screenshot(path=Path(folder, f"{name}.png"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_chapter_in_jupyterlab(server, path):
    with chromium_page() as page:
        notebook = Notebook(page, *server, path.name)
        notebook.run_all()
        save_shot(page, path.stem)
        page.evaluate("book.open()")
        page.wait_for_timeout(500)
        latencies, idle = defaultdict(list), []
        for control in page.evaluate("book.controls()"):
            changed, latency = notebook.operate(control)
            where = f"{path.stem} cell {control['cell']}"
            if control["kind"] in MUST_CHANGE and not changed:
                idle.append(f"{where}: {control['kind']} {control['label']!r} changes nothing")
            if latency is not None:
                latencies[where].append(latency)
            save_shot(page, f"{path.stem}_{control['cell']}_{control['n']}")
        for where, times in latencies.items():
            print(f"\n{where}: {len(times)} controls, median {median(times):.0f} ms to repaint")
        problems = notebook.problems + idle + page.evaluate("book.errors")
        assert not problems + page.evaluate("book.broken()")


# how long a movement of the pen takes to reach the bars, collected in the page
TIME_STROKES = """() => {
  window.strokes = [];
  let moved = null;
  document.querySelector('.cnnbook-canvas svg')
    .addEventListener('pointermove', () => { moved ??= performance.now(); }, true);
  new MutationObserver(() => {
    if (moved === null) return;
    const start = moved;
    moved = null;
    requestAnimationFrame(() => strokes.push(performance.now() - start));
  }).observe(document.querySelector('.cnnbook-screen'), {childList: true, subtree: true});
}"""
SEVEN = [(0.2, 0.25 + 0.05 * k) for k in range(11)] + [
    (0.2 + 0.65 * k / 16, 0.75 - 0.35 * k / 16) for k in range(1, 17)
]


def says(page, text):
    """Wait until the picture beside the sheet says this."""
    page.locator(f"svg.cnnbook[aria-label^='{text}']").wait_for(timeout=20_000)


def press(sheet, *keys):
    for key in keys:
        sheet.press(key)


def test_a_digit_is_drawn_with_the_pointer_and_with_the_keyboard(server):
    with chromium_page() as page:
        notebook = Notebook(page, *server, SHEET)
        notebook.run_all()
        says(page, "The network reads 6 ")  # the sample
        sheet = page.locator(".cnnbook-canvas svg")
        sheet.scroll_into_view_if_needed()
        box = sheet.bounding_box()
        page.evaluate(TIME_STROKES)
        for number, (row, column) in enumerate(SEVEN):
            page.mouse.move(box["x"] + column * box["width"], box["y"] + row * box["height"])
            if not number:
                page.mouse.down()
            page.wait_for_timeout(30)
        assert page.evaluate("strokes.length") > 3  # it reads while the pen is down
        page.mouse.up()
        says(page, "The network reads 7 ")
        save_shot(page, "sheet_pointer")
        print(f"\nsheet: median {median(page.evaluate('strokes')):.0f} ms from pen to bars")

        page.mouse.move(0, 0)  # the pen is up: nothing more is drawn
        assert page.locator(".cnnbook-canvas polyline").count() == 1
        page.get_by_role("button", name="Undo").click()
        says(page, "Nothing is drawn yet")

        press(sheet, *["ArrowUp"] * 10, "Space", *["ArrowDown"] * 20, "Enter", "ArrowRight")
        says(page, "The network reads 1 ")
        assert page.locator(".cnnbook-canvas polyline").count() == 1
        save_shot(page, "sheet_keyboard")
        press(sheet, "b", "x", "Backspace")  # keys that JupyterLab would take
        says(page, "Nothing is drawn yet")
        assert page.evaluate("book.panel().content.widgets.length") == 1
        press(sheet, "Space", "ArrowLeft", "Space", "Delete", "Escape")
        says(page, "Nothing is drawn yet")
        assert not sheet.evaluate("sheet => sheet.matches(':focus')")
        assert not notebook.problems + page.evaluate("book.errors") + page.evaluate("book.broken()")


def test_an_arrow_key_repaints_every_stepper(server):
    with chromium_page() as page:
        notebook = Notebook(page, *server, STEPS)
        notebook.run_all()
        for cell, name in enumerate(STEPPERS):
            page.evaluate("i => book.focus(i)", cell)
            times = []
            for key in ["ArrowRight", "ArrowLeft"] * 6:
                page.evaluate("i => book.watch(i)", cell)
                page.keyboard.press(key)
                page.wait_for_timeout(200)
                notebook.wait("book.idle() && book.latency() !== null")
                times.append(page.evaluate("book.latency()"))
            print(f"\n{name}: median {median(times):.0f} ms from an arrow key to the picture")
        assert not notebook.problems + page.evaluate("book.errors")


def test_pictures_answer_the_pointer(server):
    """Click the first part of each kind, then drag from it to the last one."""
    with chromium_page() as page:
        notebook = Notebook(page, *server, TOUCH)
        notebook.run_all()
        dead = []
        for cell, name in enumerate(TOUCHED):
            page.evaluate("i => book.scroll(i)", cell)
            times, spot = [], "([i, kind, last]) => book.spot(i, kind, last)"
            for kind in page.evaluate("i => book.kinds(i)", cell):
                shown = [page.evaluate("i => book.shown(i)", cell)]
                for drags in (False, True):
                    page.mouse.move(*page.evaluate(spot, [cell, kind, 0]))
                    page.wait_for_timeout(100)
                    page.evaluate("i => book.watch(i)", cell)
                    page.mouse.down()
                    if drags:
                        page.mouse.move(*page.evaluate(spot, [cell, kind, 1]), steps=3)
                    page.mouse.up()
                    page.wait_for_timeout(150)
                    notebook.wait("book.idle()")
                    shown.append(page.evaluate("i => book.shown(i)", cell))
                    times.append(page.evaluate("book.latency()"))
                if len(set(shown)) == 1:
                    dead.append(f"{name}: {kind}")
            page.mouse.move(2, 2)
            save_shot(page, f"touch_{name}")
            times = [ms for ms in times if ms is not None] or [float("nan")]
            print(f"\n{name}: median {median(times):.0f} ms from a click to the picture")
        assert not notebook.problems + page.evaluate("book.errors") + dead


def test_a_button_in_a_picture_keeps_the_keyboard(server):
    with chromium_page() as page:
        notebook = Notebook(page, *server, TOUCH)
        cell = TOUCHED.index("shared_weights_explorer")
        page.evaluate("i => book.run(i)", cell)
        button = page.get_by_role("button", name="layer 0: avg3")
        button.focus()
        button.press("Enter")
        says(page, "layer 0: avg3")
        assert button.evaluate("e => e === document.activeElement")
        assert not notebook.problems + page.evaluate("book.errors")


EXERCISE = (
    "from cnnbook.exercises import check\n\ndef answer(i, k, s):\n    {}\n\ncheck('3.2', answer)"
)
ANSWERS = [
    ("...", "○ 3.2 is open"),
    ("t = max(k - (i % s or s), 0); return t - t // 2, t // 2", "an odd zero stands after"),
    ("t = max(k - (i % s or s), 0); return t // 2, t - t // 2", "✓ 3.2 is right."),
]


def test_an_exercise_is_answered_and_the_map_of_the_start_page_changes(server):
    solved = []
    for turn in range(2):
        with chromium_page() as page:  # the map, before and after
            notebook = Notebook(page, *server, NOTEBOOKS[0].name)
            notebook.run_all()
            (said,) = page.evaluate("book.texts(book.find('ChapterMap('))")
            solved.append(re.search(r"Padding and stride, needs 2, (.*?);", said)[1])
            page.evaluate("book.scroll(book.find('ChapterMap('))")
            save_shot(page, f"map_{turn}")
        if turn:
            break
        with chromium_page() as page:
            notebook = Notebook(page, *server, "03_padding_and_stride.ipynb")
            cell = page.evaluate("book.find('check(\"3.2\"')")
            for body, words in ANSWERS:
                page.evaluate("([i, s]) => book.write(i, s)", [cell, EXERCISE.format(body)])
                page.evaluate("i => book.run(i)", cell)
                page.locator(".jp-OutputArea-output", has_text=words).wait_for(timeout=60_000)
                save_shot(page, f"exercise_{words[0]}")
            assert not notebook.problems + page.evaluate("book.errors")
    assert solved == ["0 of 7 solved", "1 of 7 solved"]


@pytest.mark.parametrize("trusted", [True, False])
def test_a_saved_notebook_shows_its_picture_without_its_kernel(folder, server, trusted):
    """As its owner sees it, who trusts it, and as anybody else does."""
    with chromium_page() as page:
        notebook = Notebook(page, *server, AGAIN)
        notebook.run_all()
        for step in (2, 3):  # the widget lives on, and is saved again
            page.evaluate("jupyterapp.commands.execute('docmanager:save')")
            page.get_by_title("Next step").click()
            says(page, f"Step {step} of 9")
        page.evaluate("book.panel().sessionContext.shutdown()")
        assert not notebook.problems + page.evaluate("book.errors")
    saved = nbformat.read(folder / AGAIN, as_version=4)
    assert set(saved.cells[0].outputs[0].data) == {"text/plain", "image/png"}
    if not trusted:  # another text than the one that was signed
        saved.cells.append(nbformat.v4.new_markdown_cell("from elsewhere"))
        nbformat.write(saved, folder / AGAIN)
    with chromium_page() as page:
        Notebook(page, *server, AGAIN)
        page.locator("img.cnnbook-inverts[alt^='Step 1 of 9: row 0']").wait_for()
        assert page.evaluate("book.panel().content.widgets[0].model.trusted") == trusted
        assert "not found" not in page.locator(".jp-OutputArea-output").inner_text()
        save_shot(page, f"again_{trusted}")


KIND = "application|button|checkbox|combobox|slider|spinbutton|textbox"
CONTROL = re.compile(rf"^ *- '?({KIND})\b(?: \"([^\"]*)\")?", re.M)
ICONS = dict.fromkeys(range(0xE000, 0xF900))  # a font's pictures count as letters


def test_every_control_has_a_name(server):
    with chromium_page() as page:
        notebook = Notebook(page, *server, NAMED)
        notebook.run_all()
        outputs = page.locator(".jp-OutputArea-output").all()
        tree = "\n".join(output.aria_snapshot() for output in outputs)
        names = [(kind, name.translate(ICONS).strip()) for kind, name in CONTROL.findall(tree)]
        print("", *(f"{kind}: {name}" for kind, name in names), sep="\n")
        expected = "slider Step, slider momentum, button Play, button Next step, textbox input"
        assert set(expected.split(", ")) <= {f"{kind} {name}" for kind, name in names}
        assert [kind for kind, name in names if not name] == []
        assert page.locator(".jp-OutputArea-output [title=null]:visible").count() == 0
        assert not notebook.problems


def test_stop_keeps_the_step_and_a_restarted_widget_says_that_it_sleeps(server):
    with chromium_page() as page:
        notebook = Notebook(page, *server, AGAIN)
        notebook.run_all()
        page.get_by_title("Play", exact=True).click()
        says(page, "Step 3 of 9")
        page.get_by_title("Stop", exact=True).click()
        slider = page.get_by_role("slider", name="Step")
        stopped = slider.input_value()
        page.wait_for_timeout(1500)  # two steps of the clock
        assert slider.input_value() == stopped != "0"
        save_shot(page, "stopped")
        head = "getComputedStyle(document.querySelector('.cnnbook-explorer'), '::before').content"
        assert page.evaluate(head) == "none"
        page.evaluate("book.panel().sessionContext.restartKernel()")
        notebook.wait(f"{head}.startsWith('\"Asleep: ')")
        save_shot(page, "asleep")
        notebook.wait("book.idle()")
        notebook.run_all()
        notebook.wait(f"{head} === 'none'")
        assert not notebook.problems
