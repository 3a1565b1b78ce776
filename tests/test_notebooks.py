"""Rules that every committed notebook keeps, so that nbval has something to compare."""

from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("**/[0-9]*.ipynb"))
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def code_cells(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]


pytestmark = pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}"
)


def test_every_code_cell_was_executed_in_order(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


def test_no_cell_holds_an_error(path):
    for cell in code_cells(path):
        if "raises-exception" not in cell.metadata.get("tags", []):
            assert all(output.output_type != "error" for output in cell.outputs), cell.source


def test_no_widget_state_is_committed(path):
    assert "widgets" not in nbformat.read(path, as_version=4).metadata
    for cell in code_cells(path):
        assert all(WIDGET_VIEW not in output.get("data", {}) for output in cell.outputs)


def test_widgets_show_a_picture_before_they_run(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            text = output.get("data", {}).get("text/plain", "")
            assert (
                not text.startswith(("VBox(", "HBox(", "<cnnbook", "<Figure"))
                or "image/png" in output.data
            ), cell.source


def test_size(path):
    assert path.stat().st_size <= 1_000_000


def test_no_path_edits_and_no_installs(path):
    for cell in code_cells(path):
        for forbidden in ("sys.path", "%pip", "!pip", "%matplotlib widget"):
            assert forbidden not in cell.source
