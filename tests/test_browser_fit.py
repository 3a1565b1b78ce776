"""How small the text of each widget gets: in a narrow window, and at 200 % zoom.

Run with ``pytest -m browser -n0 -s``; it needs Chromium.
"""

import pytest
from gestures import OWN, TOUCHED, opening

pytest.importorskip("playwright")
from lab_driver import Notebook, chromium_page, find_chromium, save_shot, write_notebook

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
]
NAMES = [*TOUCHED, *OWN]
# the size of the smallest text that is shown, in pixels of the page, and its words; the height
SMALLEST = """i => {
  const output = book.panel().content.widgets[i].node.querySelector('.jp-OutputArea');
  const texts = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
  let least = [99, ''];
  while (texts.nextNode()) {
    const words = texts.currentNode.data.trim(), over = texts.currentNode.parentElement;
    if (!words || over.closest('style, title, option, sub, sup')) continue;
    if (!over.checkVisibility()) continue;
    const size = parseFloat(getComputedStyle(over).fontSize) * (over.getScreenCTM?.()?.a ?? 1);
    if (size < least[0]) least = [size, words];
  }
  return [...least, output.offsetHeight];
}"""


def test_text_is_legible_in_a_narrow_window_and_grows_with_zoom(folder, server):
    write_notebook(folder / "sizes.ipynb", map(opening, NAMES))
    small = []
    with chromium_page() as page:
        notebook = Notebook(page, *server, "sizes.ipynb")
        notebook.run_all()
        for width, height, zoom in [(1400, 1000, 1), (800, 900, 1), (700, 500, 2)]:
            page.set_viewport_size({"width": width, "height": height})
            if zoom == 2:  # half as many pixels of the page; the list of files is closed
                page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
            page.wait_for_timeout(1000)  # pictures are laid out anew
            notebook.settle()
            for number, name in enumerate(NAMES):
                size, words, high = page.evaluate(SMALLEST, number)
                seen = f"{name:26} {width} px, zoom {zoom}: {zoom * size:4.1f} px ({words[:20]})"
                print(f"\n{seen}, {high} px high", end="", flush=True)
                if size < 10.95:
                    small.append(seen)
                save_shot(page, f"fit_{width}_{name}")
        assert not small + notebook.problems + page.evaluate("book.errors")
