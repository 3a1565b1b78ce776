"""The teacher's page names every chapter and every widget, and its minutes follow from the text.

``python tests/test_teaching.py`` prints the rows of its table.
"""

import ast
import json
import re
from pathlib import Path

import pytest

from cnnbook.exercises import exercises
from cnnbook.exercises.worksheets import CHAPTERS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "cnnbook" / "page" / "pages" / "teaching.md"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
WIDGETS = set(re.findall(r"import (\w+)", (ROOT / "cnnbook/widgets/__init__.py").read_text()))
READ, WIDGET, GUESS = 200, 6, 1  # words per minute; minutes for each


def cells_of(notebook, kind):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def title(notebook):
    return cells_of(notebook, "markdown")[0].splitlines()[0].removeprefix("# ")


def called(notebook):
    """List the functions that a chapter calls, in its order."""
    names = []
    for source in cells_of(notebook, "code"):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call):
                names.append(getattr(node.func, "id", getattr(node.func, "attr", "")))
    return names


def minutes(notebook):
    text = "\n\n".join(cells_of(notebook, "markdown")).partition("\n## Sources")[0]
    marks = r"\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]*>|`[^`]*`"  # formulas, links, code
    words = len(re.findall(r"[A-Za-z][\w’'-]*", re.sub(marks, " ", text, flags=re.DOTALL)))
    names = called(notebook)
    places = sum(name in WIDGETS for name in names)
    return words / READ + WIDGET * places + GUESS * names.count("predict"), places


def heading(notebook):
    """The chapter's title as on the page: the start page has no number of its own."""
    words, number = title(notebook), int(notebook.name[:2])
    return f"[{words if number else f'0 · {words}'}]({notebook.name})"


def row(notebook):
    """Write the row of a chapter."""
    spent, places = minutes(notebook)
    number = int(notebook.name[:2])
    checked = [n for n in exercises() if n.split(".")[0] == str(number)]
    span = f"{checked[0]} to {checked[-1]}" if checked else "–"
    return f"| {heading(notebook)} | {5 * round(spent / 5)} | {places} | {span} |"


def sections():
    parts = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def test_each_chapter_has_a_row_and_a_section():
    rows = re.findall(r"^\| \[.*\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    for written, notebook in zip(rows, NOTEBOOKS, strict=True):
        expected = row(notebook)
        # a chapter may grow by some sentences before its minutes are counted again
        there, counted = (int(line.split(" | ")[1]) for line in (written, expected))
        assert abs(there - counted) <= 5, expected
        assert re.sub(r"\| \d+ \|", "", written, count=1) == re.sub(
            r"\| \d+ \|", "", expected, count=1
        )
    assert list(sections()) == [heading(notebook) for notebook in NOTEBOOKS]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_section_names_its_widgets_and_its_worksheet(notebook):
    text, number = sections()[heading(notebook)], int(notebook.name[:2])
    named = set(re.findall(r"`(\w+)`", text)) & WIDGETS
    assert named == set(called(notebook)) & WIDGETS
    assert ("**Ask**" in text) == bool(named)
    command = f"`python -m cnnbook.exercises worksheet {number} --seed 17`"
    assert (command in text) == (number in CHAPTERS)
    for label in ("**Goals.**", "**Set.**", "**Goes wrong.**"):
        assert text.count(label) == 1
    words = re.findall(r"[A-Za-z][\w’'-]*", text.replace(command, ""))
    assert len(words) <= 120, len(words)
    for exercise in re.findall(rf"\b{number}\.\d+\b", text):
        assert exercise in exercises()


if __name__ == "__main__":
    print(*map(row, NOTEBOOKS), sep="\n")
