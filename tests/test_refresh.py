"""The command that executes and normalises a chapter."""

import importlib.util
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbval.plugin import get_sanitize_patterns

SCRIPT = Path(__file__).parent.parent / ".ci" / "refresh.py"
RULES = SCRIPT.with_name("nbval_sanitize.cfg")
spec = importlib.util.spec_from_file_location("refresh", SCRIPT)
refresh = importlib.util.module_from_spec(spec)
spec.loader.exec_module(refresh)


@pytest.fixture
def notebook(tmp_path):
    book = nbformat.v4.new_notebook(metadata={"widgets": {"state": 1}, "author": "someone"})
    tagged = nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["raises-exception"], "x": 1})
    folded = {"source_hidden": True, "outputs_hidden": True}
    source = "import ipywidgets\nipywidgets.IntSlider()"
    shown = nbformat.v4.new_code_cell(source, metadata={"jupyter": folded})
    book.cells = [nbformat.v4.new_markdown_cell("# Title"), tagged, shown]
    path = tmp_path / "09_small.ipynb"
    nbformat.write(book, path)
    return path


def test_what_is_kept_and_what_goes(notebook):
    notebook.chmod(0o640)
    refresh.refresh(notebook)
    book, first = nbformat.read(notebook, as_version=4), notebook.read_bytes()
    assert set(book.metadata) == {"kernelspec", "language_info"}
    _, tagged, shown = book.cells
    assert tagged.metadata == {"tags": ["raises-exception"]}
    assert shown.metadata == {"jupyter": {"source_hidden": True}}
    assert [tagged.execution_count, shown.execution_count] == [1, 2]
    assert set(shown.outputs[0].data) == {"text/plain"}
    assert len({cell.id for cell in book.cells}) == 3
    refresh.refresh(notebook)
    assert notebook.read_bytes() == first
    assert os.name == "nt" or notebook.stat().st_mode & 0o777 == 0o640


def test_a_newer_draft_is_taken_and_a_stop_leaves_the_notebook_as_it_was(notebook, monkeypatch):
    pytest.importorskip("jupytext")
    draft = notebook.with_suffix(".py")
    draft.write_text("# %%\nprint(6 * 7)\n")
    refresh.refresh(notebook)
    (cell,) = nbformat.read(notebook, as_version=4).cells
    assert cell.outputs[0].text == "42\n"
    before, there = notebook.read_bytes(), sorted(notebook.parent.iterdir())

    def killed(book, file):
        file.write_text("half of a not")
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(refresh.nbformat, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            refresh.refresh(notebook)
    draft.write_text("# %%\nraise RuntimeError\n")
    with pytest.raises(refresh.CellExecutionError):
        refresh.refresh(notebook)
    assert notebook.read_bytes() == before
    assert sorted({*notebook.parent.iterdir(), draft}) == sorted({*there, draft})
    assert draft.stat().st_mtime >= notebook.stat().st_mtime  # so it is taken the next time


TWICE = {
    "x = [1]\nprint(x)": "",
    "x.append(2)\nprint(len(x))": "second run shows",
    "print(len(x))": "first run shows",
    "del x": "second run fails: NameError",
    "assert counted == 0\ncounted += 1": "second run fails: AssertionError",
    "import random; print(random.random())": "",
    "object()": "",
    "1 / 0": "",
    "": "",
}


def test_cells_that_cannot_be_run_twice_are_listed(notebook, capsys):
    cells = [nbformat.v4.new_code_cell("counted = 0")]
    cells += [nbformat.v4.new_code_cell(source) for source in TWICE]
    cells[6].metadata.tags = ["nbval-ignore-output"]
    cells[8].metadata.tags = ["raises-exception"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), notebook)
    refresh.refresh(notebook)
    before = notebook.read_bytes()
    capsys.readouterr()
    assert refresh.main(["--twice", str(notebook)]) == 1
    *found, remark, last = capsys.readouterr().out.splitlines()
    expected = [(place, words) for place, words in enumerate(TWICE.values(), 1) if words]
    assert len(found) == len(expected)
    for line, (place, words) in zip(found, expected, strict=True):
        assert f"09_small, cell {place}, {words}" in line
    assert remark.startswith("(09_small, cell 6, which nbval ignores, second run shows")
    assert last == "09_small.ipynb: 4 cells cannot be run twice"
    assert notebook.read_bytes() == before


def test_what_rounding_leaves_is_not_compared():
    """Which is the last bit depends on the processor, and on where an array lies in memory."""
    said = [
        "2 values agree exactly with PyTorch\n1 value agrees with 3, largest difference 2e-16\n"
    ]
    said += ["2 values agree with PyTorch, largest difference 4e-15\n1 value agrees with 3\n"]
    said += ["3 values agree exactly with PyTorch\n1 value agrees with 3\n"]
    one, other, wrong = (
        refresh.shown([{"output_type": "stream", "name": "stdout", "text": text}]) for text in said
    )
    assert one == other != wrong
    patterns = get_sanitize_patterns(RULES.read_text(encoding="utf-8"))
    assert len(patterns) == 4
    for regex, replacement in patterns:
        said = [re.sub(regex, replacement, text) for text in said]
    assert said[0] == said[1] != said[2]
