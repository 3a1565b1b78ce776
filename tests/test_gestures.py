"""No widget is forgotten: in the table of what a hand can do, and in the chapters."""

import builtins
import re
from pathlib import Path

import nbformat
import pytest
from gestures import OWN, TOUCHED

from cnnbook import widgets

pytest.importorskip("playwright")
from lab_driver import names, needed

NAMES = {*TOUCHED, *OWN}
NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def test_every_widget_has_a_row():
    public = {name for name, opens in vars(widgets).items() if hasattr(opens, "__wrapped__")}
    assert public == NAMES
    assert not TOUCHED.keys() & OWN.keys()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_cells_that_open_a_widget_and_what_they_need_are_found(path):
    cells = nbformat.read(path, as_version=4).cells
    chosen = needed(cells, NAMES)
    parts = [names(compile(cells[number].source, "cell", "exec")) for number in chosen]
    makes, needs, _ = (set().union(*part) for part in zip(*parts, strict=True))
    assert needs <= {*dir(builtins)} | makes
    opens = re.compile(rf"(?<!def )\b({'|'.join(NAMES)})\(")
    for number, cell in enumerate(cells):
        shown = any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        if cell.cell_type == "code" and opens.search(cell.source) and shown:
            assert number in chosen
