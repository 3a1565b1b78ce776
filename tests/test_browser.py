"""Every chapter in a real JupyterLab: each widget opened, all controls operated, nothing fails.

Run with ``pytest -m browser -n0 -s``; it needs Chromium. CNNBOOK_SHOTS names a folder for
screenshots of every widget.
"""

import re
from collections import defaultdict
from pathlib import Path
from statistics import median

import nbformat
import pytest
from gestures import opening

from cnnbook.page.slicing import cells_of_pictures

playwright = pytest.importorskip("playwright")
from lab_driver import (  # noqa: E402
    MUST_CHANGE,
    Notebook,
    chromium_page,
    find_chromium,
    save_shot,
    write_notebook,
)

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# made by the test: the digit canvas; what sleeps after a restart; all controls
SHEET, SLEEPS, NAMED = "sheet.ipynb", "sleeps.ipynb", "named.ipynb"
MADE = {
    SHEET: ["draw_digit"],
    SLEEPS: ["window_stepper"],
    NAMED: ["window_stepper", "kernel_workbench", "learning_curve", "draw_digit"],
}
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
]


@pytest.fixture(autouse=True, scope="module")
def made(folder):
    for name, opened in MADE.items():
        write_notebook(folder / name, map(opening, opened))


# where the first picture begins and ends, in heights of the part of the page that one sees, and
# what stands on the bar of the folded cell above it
FIRST = """() => {
  const panel = book.panel().node, pane = panel.querySelector('.jp-WindowedPanel-outer');
  const output = panel.querySelector('.jp-OutputArea-output'), image = output?.querySelector('img');
  if (!image?.complete) return null;
  const [outer, inner] = [pane, output].map(e => e.getBoundingClientRect());
  const place = [inner.top, inner.bottom].map(y => (y - outer.top + pane.scrollTop) / outer.height);
  return [...place, panel.querySelector('.jp-Placeholder-content')?.innerText];
}"""


def behind_pictures(path):
    """Numbers of the cells with pictures, and of all that these rest on."""
    return cells_of_pictures(nbformat.read(path, as_version=4).cells)[1]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_chapter_in_jupyterlab(server, path):
    """As a reader finds it who has run nothing; then its widgets, and all that they need."""
    with chromium_page() as page:
        page.set_viewport_size({"width": 1400, "height": 1000})
        notebook = Notebook(page, *server, path.name)
        if path != NOTEBOOKS[0]:
            notebook.wait(f"({FIRST})() !== null")
            top, bottom, bar = page.evaluate(FIRST)
            print(f"\n{path.stem}: picture and widget from screen {top:.2f} to {bottom:.2f}")
            save_shot(page, f"first_{path.stem}")
            assert top < 0.5
            assert (1 - top) / (bottom - top) > 0.6  # most of it without scrolling
            assert "from cnnbook.widgets" in bar
        # nbval runs every cell
        notebook.run(behind_pictures(path))
        save_shot(page, path.stem)
        notebook.more()
        latencies, idle = defaultdict(list), []
        controls = page.evaluate("book.controls()")
        assert controls  # a stored picture has none
        for control in controls:
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
        notebook.wait("strokes.length")  # it reads while the pen is down
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
            notebook.run(behind_pictures(NOTEBOOKS[0]))
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


KIND = "application|button|checkbox|combobox|slider|spinbutton|textbox"
CONTROL = re.compile(rf"^ *- '?({KIND})\b(?: \"([^\"]*)\")?", re.M)
ICONS = dict.fromkeys(range(0xE000, 0xF900))  # a font's pictures count as letters


def test_every_control_has_a_name(server):
    with chromium_page() as page:
        notebook = Notebook(page, *server, NAMED)
        notebook.run_all()
        notebook.more()
        outputs = page.locator(".jp-OutputArea-output").all()
        tree = "\n".join(output.aria_snapshot() for output in outputs)
        names = [(kind, name.translate(ICONS).strip()) for kind, name in CONTROL.findall(tree)]
        print("", *(f"{kind}: {name}" for kind, name in names), sep="\n")
        expected = "slider Step, slider momentum, button Play, button Next step, textbox input"
        assert set(expected.split(", ")) <= {f"{kind} {name}" for kind, name in names}
        assert [kind for kind, name in names if not name] == []
        null = page.locator(".jp-OutputArea-output [title=null]:visible").all()
        assert [element.evaluate("e => e.outerHTML") for element in null] == []
        assert not notebook.problems


def test_stop_keeps_the_step_and_a_widget_without_its_kernel_says_that_it_sleeps(server):
    with chromium_page() as page:
        notebook = Notebook(page, *server, SLEEPS)
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
        page.evaluate("book.panel().sessionContext.shutdown()")
        notebook.wait(f"{head}.startsWith('\"Asleep: ')")
        assert not notebook.problems


def test_a_guess_is_typed_and_clicked(folder, server):
    sources = [
        "from cnnbook.exercises import predict\npredict('How many layers?', 15, shows='32 30 28')",
        "predict('Which one?', 'mean', ('max', 'mean'))",
    ]
    write_notebook(folder / "guess.ipynb", sources)
    with chromium_page() as page:
        notebook = Notebook(page, *server, "guess.ipynb")
        notebook.run_all()
        field = page.get_by_role("textbox", name="Your guess")
        assert page.get_by_text("32 30 28", exact=True).count() == 0
        for typed, said in (("b", "'b' is not a number"), ("12", "it is 15: 3 too few")):
            field.fill(typed)  # "b" would add a cell, if JupyterLab took the key
            field.press("Enter")
            page.get_by_text(said).wait_for()
        page.get_by_text("32 30 28", exact=True).wait_for()
        page.get_by_role("button", name="max").press("Enter")
        page.get_by_text("You said max; it is mean.").wait_for()
        save_shot(page, "guess")
        page.evaluate("jupyterapp.commands.execute('docmanager:save')")
        page.evaluate("book.panel().sessionContext.shutdown()")
        assert not notebook.problems + page.evaluate("book.errors")
    saved = nbformat.read(folder / "guess.ipynb", as_version=4)
    saved.cells.append(nbformat.v4.new_markdown_cell("from elsewhere"))  # nobody trusts this text
    nbformat.write(saved, folder / "guess.ipynb")
    with chromium_page() as page:
        Notebook(page, *server, "guess.ipynb")
        answer = page.get_by_text("32 30 28", exact=True)
        answer.wait_for(state="attached")
        assert not answer.is_visible()
        page.locator("summary").first.press("Enter")
        answer.wait_for()
