"""Every widget under a hand: pointed at, clicked, dragged, with keys; in JupyterLab and Notebook 7.

Run with ``pytest -m browser -n0 -s``; it needs Chromium. With ``-s`` it goes on in JupyterLab, and
prints how soon each picture answers, up to the end of the frame that shows it; a click on what
pointing at it shows already changes nothing, and does not count. CNNBOOK_SHOTS names a folder for
screenshots.
"""

import importlib.util
from collections import defaultdict
from statistics import median

import nbformat
import pytest
from gestures import OWN, TOUCHED, opening

pytest.importorskip("playwright")
from lab_driver import Notebook, chromium_page, find_chromium, save_shot, write_notebook

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
]
WITHOUT_KERNEL = ["window_stepper", "resampling_explorer", *OWN]
hosts = pytest.mark.parametrize(
    "host",
    [
        "lab",
        pytest.param(
            "notebook",
            marks=pytest.mark.skipif(
                importlib.util.find_spec("notebook") is None, reason="Notebook 7 is not installed"
            ),
        ),
    ],
)


class Cell:
    """The output of one cell, and the hand over it; a gesture says whether the picture changed."""

    def __init__(self, notebook, number):
        self.notebook, self.page, self.number = notebook, notebook.page, number
        self.times = defaultdict(list)  # ms from an event to the end of the picture's frame
        self.output = self.page.locator(f"[data-cell='{number}']")
        self.page.evaluate("i => book.name(i)", number)

    @property
    def shown(self):
        return self.page.evaluate("i => book.shown(i)", self.number)

    def leave(self):
        """Take the pointer away; return what is shown then."""
        self.page.mouse.move(2, 2)
        self.notebook.settle()
        return self.shown

    def measured(self, gesture, act):
        """Do something; keep how long it took, where the picture changed."""
        pointed = ["pointerrawupdate", "pointermove"]
        event = {"key": ["keydown"], "click": ["click"]}.get(gesture, pointed)
        self.page.evaluate("a => book.watch(...a)", [self.number, *event])
        act()
        self.notebook.settle()
        if (latency := self.page.evaluate("book.latency()")) is not None:
            self.times[gesture].append(latency)

    def over(self, kind, share):
        """Where the part of a kind is, from the first to the last one."""
        place = self.page.evaluate("a => book.spot(...a)", [self.number, kind, share])
        return lambda: self.page.mouse.move(*place)

    def hover(self, kind, share):
        before = self.leave()
        self.measured("hover", self.over(kind, share))
        return self.becomes(before)

    def click(self, kind, share):
        before = self.leave()
        self.over(kind, share)()
        self.notebook.settle()
        self.measured("click", lambda: (self.page.mouse.down(), self.page.mouse.up()))
        return self.leave() != before

    def drag(self, kind, share):
        self.leave()
        self.over(kind, share)()
        self.page.mouse.down()
        self.notebook.settle()
        before = self.shown
        self.measured("drag", self.over(kind, 1 - share))
        self.page.mouse.up()
        return self.becomes(before)

    def enter(self, kind, share):
        before = self.leave()
        button = self.output.locator(f"""[role=button][data-touch^='["{kind}"']""")
        button = button.nth(round(share * (button.count() - 1)))
        button.focus()
        self.measured("key", lambda: button.press("Enter"))
        return self.becomes(before) and button.evaluate("e => e === document.activeElement")

    def keys(self, _, share):
        before = self.leave()
        self.output.locator("svg.cnnbook").first.focus()
        press = self.page.keyboard.press
        self.measured("key", lambda: press("ArrowRight" if share else "ArrowLeft"))
        return self.becomes(before)

    def becomes(self, other, seconds=2):
        """Whether the picture is, or soon will be, another."""
        for _ in range(20):
            if self.shown != other:
                return True
            self.page.wait_for_timeout(50 * seconds)
        return False

    def act(self, gesture, where, what):
        """Do a gesture of a widget with JavaScript of its own; return whether `what` changed."""
        target = self.output.locator(where).first
        changing = self.output.locator(what).first
        self.leave()
        target.scroll_into_view_if_needed()
        before = changing.inner_html()
        if gesture in ("hover", "click"):
            getattr(target, gesture)()
        elif gesture == "drag":
            box = target.bounding_box()
            across, down = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            self.page.mouse.move(across, down)
            self.page.mouse.down()
            self.page.mouse.move(across + 4, down - 60, steps=4)
            self.page.mouse.up()
        else:
            target.focus()
            self.page.keyboard.press(gesture)
        for _ in range(100):
            if changing.inner_html() != before:
                return True
            self.page.wait_for_timeout(50)
        return False


@pytest.fixture(scope="module")
def opened(folder):
    names = [*TOUCHED, *OWN]
    write_notebook(folder / "all.ipynb", map(opening, names))
    return names


@hosts
def test_every_widget_answers_a_hand(server, opened, host, pytestconfig):
    timed = host == "lab" and pytestconfig.getoption("capture") == "no"
    with chromium_page() as page:
        notebook = Notebook(page, *server, "all.ipynb", host)
        notebook.run_all()
        dead = []
        for number, name in enumerate(opened):
            cell = Cell(notebook, number)
            parts = page.evaluate("i => book.kinds(i)", number)
            expected = TOUCHED.get(name, {})
            if name in TOUCHED:
                assert {*parts} == expected.keys() - {"whole"}, name
            for kind, gestures in expected.items():
                for gesture in gestures.split():
                    # one of the parts may be what is shown already
                    if not any(getattr(cell, gesture)(kind, share) for share in (1, 0, 0.5)):
                        dead.append(f"{name}: {gesture} {kind}")
            for gesture, (where, what) in OWN.get(name, {}).items():
                if not cell.act(gesture, where, what):
                    dead.append(f"{name}: {gesture} {where}")
            if timed:
                again(cell, expected)
                times = (f"{gesture} {median(ms):.0f} ms" for gesture, ms in cell.times.items())
                print(f"\n{name:26}", *times, end="", flush=True)
            save_shot(page, f"touch_{host}_{name}")
        assert not dead + notebook.problems + page.evaluate("book.errors")
        assert page.evaluate("book.panel().content.widgets.length") == len(opened)


def again(cell, parts):
    """Point, click and press some more, for the median of the times."""
    for kind in {*list(parts)[:1], *parts.keys() & {"whole"}}:
        for gesture in {"hover", "click", "keys"} & {*parts[kind].split()}:
            for turn in range(4):
                getattr(cell, gesture)(kind, turn % 2 if gesture == "keys" else turn / 3)


@hosts
def test_a_saved_notebook_shows_its_pictures_without_its_kernel(folder, server, host):
    """As its owner sees it, who trusts it, and as anybody else does."""
    write_notebook(folder / "kept.ipynb", map(opening, WITHOUT_KERNEL))
    with chromium_page() as page:
        notebook = Notebook(page, *server, "kept.ipynb", host)
        notebook.run_all()
        for step in (2, 3):  # the widgets live on, and are saved again
            page.evaluate("jupyterapp.commands.execute('docmanager:save')")
            page.get_by_title("Next step").first.click()
            page.locator(f"svg.cnnbook[aria-label^='Step {step} of 9']").wait_for(timeout=20_000)
        page.evaluate("book.panel().sessionContext.shutdown()")
        assert not notebook.problems + page.evaluate("book.errors")
    saved = nbformat.read(folder / "kept.ipynb", as_version=4)
    for cell in saved.cells:
        assert set(cell.outputs[0].data) == {"text/plain", "image/png"}, cell.source
    told = [cell.outputs[0].data["text/plain"] for cell in saved.cells]
    for trusted in (True, False):
        if not trusted:  # another text than the one that was signed
            saved.cells.append(nbformat.v4.new_markdown_cell("from elsewhere"))
            nbformat.write(saved, folder / "kept.ipynb")
        with chromium_page() as page:
            notebook = Notebook(page, *server, "kept.ipynb", host)
            pictures = page.locator(".jp-OutputArea-output img:not(.cnnbook-kept)")
            pictures.nth(len(told) - 1).wait_for()
            assert [picture.get_attribute("alt") for picture in pictures.all()] == told
            assert all(picture.evaluate("e => e.naturalWidth") for picture in pictures.all())
            assert page.evaluate("book.panel().content.widgets[0].model.trusted") == trusted
            assert page.get_by_text("not found").count() == 0
            save_shot(page, f"kept_{host}_{trusted}")
