"""The command that executes and normalises a chapter."""

import importlib.util
from pathlib import Path

import nbformat
import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "refresh.py"
spec = importlib.util.spec_from_file_location("refresh", SCRIPT)
refresh = importlib.util.module_from_spec(spec)
spec.loader.exec_module(refresh)


@pytest.fixture
def notebook(tmp_path):
    book = nbformat.v4.new_notebook(metadata={"widgets": {"state": 1}, "author": "someone"})
    tagged = nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["raises-exception"], "x": 1})
    shown = nbformat.v4.new_code_cell("import ipywidgets\nipywidgets.IntSlider()")
    book.cells = [nbformat.v4.new_markdown_cell("# Title"), tagged, shown]
    path = tmp_path / "09_small.ipynb"
    nbformat.write(book, path)
    return path


def test_twice_gives_the_same_bytes(notebook):
    refresh.refresh(notebook)
    first = notebook.read_bytes()
    refresh.refresh(notebook)
    assert notebook.read_bytes() == first


def test_what_is_kept_and_what_goes(notebook):
    refresh.refresh(notebook)
    book = nbformat.read(notebook, as_version=4)
    assert set(book.metadata) == {"kernelspec", "language_info"}
    _, tagged, shown = book.cells
    assert tagged.metadata == {"tags": ["raises-exception"]}
    assert [tagged.execution_count, shown.execution_count] == [1, 2]
    assert set(shown.outputs[0].data) == {"text/plain"}
    assert len({cell.id for cell in book.cells}) == 3


def test_a_newer_draft_is_taken(notebook):
    pytest.importorskip("jupytext")
    notebook.with_suffix(".py").write_text("# %%\nprint(6 * 7)\n")
    refresh.refresh(notebook)
    (cell,) = nbformat.read(notebook, as_version=4).cells
    assert cell.outputs[0].text == "42\n"
