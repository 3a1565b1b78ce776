"""Glass LeNet in a real JupyterLab: pointed at, cut, bent, hunted, turned round.

Run with ``pytest -m browser -n0 -s``; it needs Chromium. CNNBOOK_SHOTS names a folder for
screenshots.
"""

import re
from statistics import median

import pytest

pytest.importorskip("playwright")
from lab_driver import Notebook, chromium_page, find_chromium, save_shot, write_notebook

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
]
LEFT = """scores = glass.changed_network()(glass.seen)[0].detach()
print(f"{glass.cut} {list(glass.bent)}", *(f"{score:+.2f}" for score in scores), sep=";")"""
# how long the script works for each of some moves of the pointer over the maps
TIME_MOVES = """() => {
  const canvas = document.querySelector('.cnnbook-glass canvas[data-layer=conv2]');
  const box = canvas.getBoundingClientRect();
  return Array.from({length: 40}, (_, n) => {
    const at = {clientX: box.left + 4 * n + 2, clientY: box.top + 60, bubbles: true};
    const start = performance.now();
    canvas.dispatchEvent(new PointerEvent('pointermove', at));
    canvas.getBoundingClientRect(); // with the layout
    return performance.now() - start;
  });
}"""


class Glass:
    """The widget on its page."""

    def __init__(self, notebook):
        self.notebook, self.root = notebook, notebook.page.locator(".cnnbook-glass")

    def press(self, name):
        self.root.get_by_role("button", name=name, exact=True).click()

    def click(self, layer, across, down):
        self.root.locator(f"canvas[data-layer={layer}]").click(position={"x": across, "y": down})

    @property
    def says(self):
        return self.root.locator(".says").inner_text()

    @property
    def unit(self):
        return self.root.locator(".panel h4").inner_text()

    @property
    def numbers(self):
        """The middle column of the scores."""
        return self.root.locator(".score > .m:nth-of-type(2)").all_inner_texts()[-10:]

    def python(self):
        """What Python makes of the network as it was left: cut, bent, scores."""
        self.notebook.page.wait_for_timeout(500)  # until then it tells Python nothing
        self.notebook.settle()
        self.notebook.run([1])
        return self.notebook.page.evaluate("book.texts(1)")[0].strip().split(";")


def test_glass_lenet_answers_pointer_and_keys(folder, server):
    opened = "from cnnbook.widgets import glass_lenet\n\nglass = glass_lenet()\nglass"
    write_notebook(folder / "glass.ipynb", [opened, LEFT])
    with chromium_page() as page:
        notebook = Notebook(page, *server, "glass.ipynb")
        notebook.run_all()
        glass = Glass(notebook)
        assert glass.says.startswith("It reads 7 ")
        times = page.evaluate(TIME_MOVES)
        print(f"\nGlass LeNet: median {median(times):.1f} ms for a move of the pointer")

        glass.root.locator("canvas[data-layer=conv1]").hover(position={"x": 61, "y": 41})
        assert glass.unit.startswith("conv1, map 1, row 20, column 0")
        assert glass.root.locator(".overlay .sees").count() == 2  # on the input and on the sheet
        save_shot(page, "glass_pointed")

        glass.press("Cut")
        glass.click("pool1", 20, 20)
        assert "conv1 map 0 off: the score of 7 goes from" in glass.says
        glass.root.locator("canvas[data-kernels=conv1]").click(position={"x": 40, "y": 40})
        assert glass.unit.startswith("conv1, map 4, ")  # held: the pointer may go to the kernel
        weight = glass.root.locator("[data-weight]").first
        weight.hover()
        page.mouse.down()
        box = weight.bounding_box()
        page.mouse.move(box["x"] + 9, box["y"] - 60, steps=4)
        page.mouse.up()
        assert "1 weight bent" in glass.says
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("b")  # JupyterLab would insert a cell
        assert "2 weights bent" in glass.says
        page.keyboard.press("Delete")
        assert "1 weight bent" in glass.says
        glass.press("Look")
        glass.root.locator(".score").last.click()  # beside the bars stand scores now, no shares
        save_shot(page, "glass_cut")
        left = glass.python()
        assert left[0] == "['conv1 0'] ['conv1 100']"
        assert left[1:] == [number.replace("−", "-") for number in glass.numbers]

        glass.press("Put all back")
        assert glass.says == "It reads 7 (92 %)."
        glass.press("Hunt")
        for _ in range(20):
            glass.press("Hint")
            where = re.search(r"row (\d+), column (\d+)\.$", glass.says)
            glass.click("input", 6 * int(where[2]) + 3, 6 * int(where[1]) + 3)
            if glass.says.startswith("Reached: it reads 2."):
                break
        assert re.search(r"\d pixels? changed; untouched it reads 7", glass.says)
        save_shot(page, "glass_hunted")

        glass.press("Turn round")
        assert "Backwards: the loss of class 2 is" in glass.says
        glass.root.get_by_label("loss of class").select_option("7")
        assert "Backwards: the loss of class 7 is" in glass.says
        glass.press("Turn round")

        glass.press("empty sheet")
        assert glass.says.startswith("Nothing is drawn yet.")
        glass.press("take a 3")
        assert glass.says.startswith("It reads 3 ")
        net = glass.root.locator(".net")
        net.focus()
        for key in ["PageUp"] * 4 + ["Home", "x"]:  # from the scores; the others do nothing
            page.keyboard.press(key)
        before = list(map(int, re.findall(r"\d+", glass.unit.split(",", 1)[1])))
        page.keyboard.press("Shift+ArrowLeft" if before[0] % 4 else "Shift+ArrowRight")
        page.keyboard.press("ArrowUp" if before[1] else "ArrowDown")
        after = list(map(int, re.findall(r"\d+", glass.unit.split(",", 1)[1])))
        assert glass.unit.startswith("conv2, map ")
        assert [abs(a - b) for a, b in zip(after, before, strict=True)] == [1, 1, 0]
        page.keyboard.press("Escape")
        assert not net.evaluate("net => net.matches(':focus')")
        assert page.evaluate("book.panel().content.widgets.length") == 2
        assert not notebook.problems + page.evaluate("book.errors") + page.evaluate("book.broken()")
