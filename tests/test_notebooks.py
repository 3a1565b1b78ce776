"""Rules that every committed notebook keeps, and what the start page says of the chapters."""

import re
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
START, *CHAPTERS = sorted(FOLDER.glob("*.ipynb"))
HOURS = {"": 0, "¼": 0.25, "½": 0.5, "¾": 0.75}
LENGTHS = {"two hours": 2, "an hour and a half": 1.5}


def prose(path):
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def table(heading):
    """The rows under a heading of the start page, without the row of titles."""
    text = prose(START).split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    return rows[2:]


def hours_of(path):
    """What a chapter says of itself: "Allow 90 minutes", "Time: about two hours"."""
    head = " ".join(prose(path).split("\n## ")[0].split())
    said = re.search(r"(?:Time:\*\*|It takes\*\*|Allow)(?: about)? (\d+) minutes", head)
    if said:
        return int(said[1]) / 60
    said = re.search(r"(?:Time:\*\*|It takes\*\*|Allow)(?: about)? ([a-z ]+)", head)
    return next(hours for name, hours in LENGTHS.items() if said[1].startswith(name))


def test_every_chapter_is_listed_under_its_title_and_needs_earlier_ones():
    rows = table("Which chapter?")
    titles = [prose(path).splitlines()[0].removeprefix("# ") for path in CHAPTERS]
    listed = [f"[{t}]({p.name})" for t, p in zip(titles, CHAPTERS, strict=True)]
    assert [row[0] for row in rows] == listed
    for number, row in enumerate(rows, 1):
        assert all(int(needed) < number for needed in re.findall(r"\d+", row[2])), row


@pytest.mark.parametrize("number", range(1, len(CHAPTERS) + 1))
def test_the_hours_are_those_that_the_chapter_names(number):
    whole, part = re.fullmatch(r"(\d)([¼½¾]?)", table("Which chapter?")[number - 1][3]).groups()
    assert abs(int(whole) + HOURS[part] - hours_of(CHAPTERS[number - 1])) <= 0.125


@pytest.mark.parametrize("path", [START, *CHAPTERS], ids=lambda path: path.stem)
def test_a_reference_names_a_chapter_that_exists(path):
    text = prose(path).split("\n## Sources")[0]
    assert "the chapter on" not in text.lower()
    for number in re.findall(r"[Cc]hapters? (\d+)", text):
        assert 1 <= int(number) <= len(CHAPTERS)


def test_the_glossary_is_in_order_and_has_three_languages():
    rows = table("Glossary")
    words = [re.sub(r"\W", " ", row[0].lower()) for row in rows]
    assert words == sorted(words)
    assert all(len(row) == 4 and all(cell.strip() for cell in row) for row in rows)
    assert all(re.search(r"[\u4e00-\u9fff]", row[1] + row[2]) for row in rows)
    assert {"encoder", "posterior collapse", "resampling", "recall"} <= {row[0] for row in rows}


FORBIDDEN = "sys.path", "%pip", "!pip", "%matplotlib widget"
UNSEEN = "VBox(", "HBox(", "<cnnbook", "<Figure"


@pytest.mark.parametrize(
    "path",
    sorted(FOLDER.glob("**/[0-9]*.ipynb")),
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_a_notebook_was_executed_and_shows_what_it_holds(path):
    book = nbformat.read(path, as_version=4)
    cells = [cell for cell in book.cells if cell.cell_type == "code" and cell.source.strip()]
    assert path.stat().st_size <= 1_000_000
    assert "widgets" not in book.metadata  # no state is committed
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert not any(word in cell.source for word in FORBIDDEN), cell.source
        for output in cell.outputs:
            data = output.get("data", {})
            text = output.get("text", "") + data.get("text/plain", "")
            tags = cell.metadata.get("tags", [])
            assert output.output_type != "error" or "raises-exception" in tags, cell.source
            assert "application/vnd.jupyter.widget-view+json" not in data, cell.source
            assert "image/png" in data or not text.startswith(UNSEEN), cell.source
            assert not re.search(r" at 0x[0-9a-f]{4,}", text), cell.source  # no address


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_begins_with_a_question_a_widget_and_then_its_imports(path):
    title, widget, *imports = nbformat.read(path, as_version=4).cells[:6]
    assert title.cell_type == "markdown"
    assert len(title.source.split()) <= 120
    assert re.search(r"\*\*.*\?.*", title.source.split("\n\n")[-1], re.S)  # bold: the question
    folded = {"source_hidden": True}
    assert widget.metadata.get("jupyter") == folded
    opened = re.fullmatch(r"from cnnbook\.widgets import (\w+)\n\n\1\(\)", widget.source)
    assert opened, widget.source
    assert "image/png" in widget.outputs[0].data
    assert imports[0].cell_type == "code"
    for cell in imports:
        code = cell.cell_type == "code"
        if code and all(re.match(r"from|import|\s|\)|$", row) for row in cell.source.splitlines()):
            assert cell.metadata.get("jupyter") == folded, cell.source


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_prediction_shows_its_answer_only_to_who_opens_it(path):
    cells = nbformat.read(path, as_version=4).cells
    asked = [cell for cell in cells if re.search(r"^predict\(", cell.source, re.M)]
    assert len(asked) >= 2
    for cell in asked:
        *before, folded = cell.outputs
        assert not [output for output in before if output.output_type != "stream"]
        page = folded.data["text/html"]
        assert re.fullmatch(r"<p><b>[^<]*</b></p><details><summary>.*</details>", page, re.S)


def test_words_that_predictions_replace_are_gone():
    for path in CHAPTERS:
        assert not re.search(r"(?i)before you (run the|look[:,.])", prose(path)), path.stem
