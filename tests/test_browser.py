"""Every chapter in a real JupyterLab: all cells run, all controls operated, nothing fails.

Run with ``pytest -m browser -n0 -s``; it needs Chromium. CNNBOOK_SHOTS names a folder for
screenshots of every widget.
"""

import os
import shutil
from collections import defaultdict
from pathlib import Path
from statistics import median

import pytest

playwright = pytest.importorskip("playwright")
from lab_driver import MUST_CHANGE, Notebook, chromium_page, find_chromium, lab_server  # noqa: E402

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    for notebook in NOTEBOOKS:  # copies: nothing that a click does reaches the repository
        shutil.copy(notebook, folder)
    with lab_server(folder, tmp_path_factory.mktemp("lab")) as address_and_token:
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
