"""The kernel workbench in a real JupyterLab: drag, type, point, goals, a file, the camera.

Run with ``pytest -m browser -n0 -s``; it needs Chromium.
"""

import json
from base64 import b64encode
from statistics import median

import pytest

from cnnbook.widgets import kernel_workbench

playwright = pytest.importorskip("playwright")
from lab_driver import Notebook, chromium_page, find_chromium, write_notebook  # noqa: E402
from test_widget_kernel_workbench import png  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
]
STEP = 6  # pixels of a drag for one step
TIME_DRAG = """() => {
  window.drags = [];
  let moved = null;
  document.querySelector('.cnnbook-weights').addEventListener('pointermove', (event) => {
    if (event.buttons) moved ??= performance.now();
  }, true);
  new MutationObserver(() => {
    if (moved !== null) drags.push(performance.now() - moved);
    moved = null;
  }).observe(document.querySelector('.cnnbook-bench .output .range'), {childList: true});
}"""
CELLS = (
    "from cnnbook.widgets import kernel_workbench\nbench = kernel_workbench()\nbench",
    "bench.state.kernel.cells.tolist(), bench.state.kernel.divisor, bench.photograph",
)


@pytest.fixture
def page_and_notebook(folder, server):
    write_notebook(folder / "bench.ipynb", CELLS)
    with chromium_page() as page:
        page.set_viewport_size({"width": 1400, "height": 900})
        notebook = Notebook(page, *server, "bench.ipynb")
        notebook.run_all()
        yield page, notebook


def weight(page, row, column):
    return page.get_by_role("slider", name=f"weight in row {row}, column {column}")


def says(page, part, words):
    page.locator(f".cnnbook-bench {part}", has_text=words).first.wait_for(timeout=20_000)


def asked(page, notebook):
    """What Python knows, by running the second cell."""
    page.wait_for_timeout(400)  # until then it tells Python nothing
    notebook.settle()
    notebook.run([1])
    return page.evaluate("book.texts(1)")[0]


def test_a_kernel_is_dragged_and_typed_and_reaches_a_goal(page_and_notebook):
    page, notebook = page_and_notebook
    middle = weight(page, 1, 1)
    box = middle.bounding_box()
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    page.evaluate(TIME_DRAG)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(box["x"] + 9, box["y"] + 9 - STEP * step)
        page.wait_for_timeout(120)
    page.mouse.up()
    assert middle.get_attribute("aria-valuenow") == "5"
    says(page, ".fact", "sum = 5")
    print(f"\nworkbench: median {median(page.evaluate('drags')):.0f} ms from drag to picture")
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    page.mouse.wheel(0, 100)
    says(page, ".fact", "sum = 4")
    page.keyboard.press("Shift+ArrowUp")
    says(page, ".fact", "sum = 4.1")

    page.get_by_label("kernel", exact=True).select_option("identity")
    middle.focus()
    for key in ("1", "/", "x", "b", "4", "Backspace", "2", "Enter"):  # some are JupyterLab's
        page.keyboard.press(key)
    says(page, "[role=status]", "Goal 0 is reached: 1 of 10.")
    assert page.get_by_role("button", name="goal 0, reached").count() == 1
    assert "[0.0, 0.5, 0.0]" in asked(page, notebook)
    page.get_by_label("size").select_option("1")
    page.get_by_label("divide by", exact=True).fill("0")
    page.keyboard.press("Tab")
    says(page, "[role=status]", "other than 0")
    weight(page, 0, 0).focus()
    for key in ("1", "/", "0", "Enter"):
        page.keyboard.press(key)
    says(page, ".editor p", "“1/0” is not a number")
    assert weight(page, 0, 0).get_attribute("aria-valuenow") == "0.5"
    assert page.evaluate("book.panel().content.widgets.length") == 2
    assert not notebook.problems + page.evaluate("book.errors") + page.evaluate("book.broken()")


def test_the_lens_follows_the_pointer_and_the_arrow_keys(page_and_notebook):
    page, notebook = page_and_notebook
    result = page.locator(".cnnbook-bench .output .stage")
    result.hover(position={"x": 100.5, "y": 50.5})
    says(page, ".sums", "row 50, column 100: ")
    assert page.locator(".cnnbook-bench .lens:visible").count() == 2
    page.locator(".cnnbook-bench .input .stage").focus()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("ArrowLeft")
    says(page, ".sums", "row 60, column 99: ")
    says(page, ".spoken", "row 60, column 99: ")
    page.keyboard.press("Escape")
    page.mouse.move(2, 2)
    assert page.locator(".cnnbook-bench .lens:visible").count() == 0
    assert not notebook.problems + page.evaluate("book.errors")


def test_photographs_files_and_the_camera_stay_in_the_page(page_and_notebook):
    page, notebook = page_and_notebook
    page.evaluate(
        """() => {
          const devices = navigator.mediaDevices, ask = devices.getUserMedia.bind(devices);
          devices.getUserMedia = async (what) => (window.stream = await ask(what));
        }"""
    )
    page.get_by_label("photograph", exact=True).select_option("flower")
    says(page, ".input .range", "280 × 420, values 0.023")
    assert "'flower'" in asked(page, notebook)
    files = page.locator(".cnnbook-bench input[type=file]")
    name = "<img src=x onerror=alert(1)>.png"
    files.set_input_files({"name": name, "mimeType": "image/png", "buffer": b"none"})
    says(page, "[role=status]", f"“{name}” is not a picture")
    says(page, ".input .range", "280 × 420, values 0.023")  # the last one stays
    files.set_input_files({"name": name, "mimeType": "image/png", "buffer": png(40, 90, 3)})
    says(page, ".input .range", "280 × 420, values 0.5 to 0.5, mean 0.5")  # 128 of 256
    page.get_by_role("button", name="camera").click()
    says(page, "[role=status]", "The camera is on. Its pictures stay in this page.")
    assert page.evaluate("stream.getTracks()[0].readyState") == "live"
    ranges = page.locator(".cnnbook-bench .input .range")
    ranges.filter(has_not_text="values 0.5 to 0.5").wait_for()
    page.get_by_role("button", name="camera off").click()
    assert page.evaluate("stream.getTracks()[0].readyState") == "ended"
    page.get_by_role("button", name="camera").click()
    says(page, "[role=status]", "The camera is on.")
    assert "'flower'" in asked(page, notebook)  # Python has none of it
    page.evaluate("book.run(0)")  # the widget is replaced
    notebook.wait("stream.getTracks()[0].readyState === 'ended'")
    assert not notebook.problems + page.evaluate("book.errors")


PAGE = """<!doctype html><div id="here"></div><script type="module">
{esm}
const held = {plain};
for (const name of ["pixels", "goal_pixels"])
  held[name] = new DataView(Uint8Array.from(atob(held[name]), (c) => c.charCodeAt(0)).buffer);
window.held = held;
const model = {{ get: (name) => held[name], set: (name, value) => (held[name] = value),
  save_changes() {{}}, on() {{}}, off() {{}} }};
kernelWorkbench.render({{ model, el: here }});
</script>"""


def test_a_page_without_python_has_the_photographs_that_it_was_given():
    bench = kernel_workbench("flower", "identity")
    plain = {name: getattr(bench, name) for name in bench.keys if not name.startswith("_")}
    plain |= {name: b64encode(plain[name]).decode() for name in ("pixels", "goal_pixels")}
    del plain["layout"]
    plain = json.dumps(plain)
    esm = bench._esm.replace("export default kernelWorkbench;", "")
    with chromium_page() as page:
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.set_content(PAGE.format(esm=esm, plain=plain))
        photographs = page.get_by_label("photograph", exact=True)
        assert photographs.locator("option").all_inner_texts() == ["flower", "china"]
        page.get_by_role("button", name="goal 1").click()
        assert photographs.input_value() == "china"
        page.get_by_label("size").select_option("5")
        weight(page, 2, 2).focus()
        for key in ("0", "ArrowLeft", "ArrowLeft", "1", "Enter"):
            page.keyboard.press(key)
        says(page, "[role=status]", "Goal 1 is reached: 1 of 10.")
        page.wait_for_function("held.cells[2]?.[0] === 1")
        assert not problems
