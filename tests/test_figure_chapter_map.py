"""The map of chapters and the film of windows: sizes, needs, exercises."""

import re
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_checks import check_state, texts

from cnnbook.exercises import exercises
from cnnbook.figures import CHAPTERS, ChapterMap, Film

FOLDER = Path(__file__).parent.parent / "notebooks"
NUMBERS = tuple(exercises())


def test_the_map_names_the_chapters_as_they_name_themselves():
    paths = sorted(FOLDER.glob("*.ipynb"))[1:]
    titles = [nbformat.read(path, 4).cells[0].source.splitlines()[0] for path in paths]
    assert titles == [f"# {n} · {' '.join(chapter.title)}" for n, chapter in CHAPTERS.items()]


def test_the_map_leads_to_what_the_start_page_says_is_needed():
    def all_needs(number):
        needs = CHAPTERS[number].needs
        return {*needs, *(n for need in needs for n in all_needs(need))}

    page = nbformat.read(min(FOLDER.glob("*.ipynb")), 4)
    for line in "\n".join(cell.source for cell in page.cells).splitlines():
        if row := re.match(r"\| \[(\d+) · .*\| ([\d, to–]+) \| [\d¼½¾]+ \|$", line):
            text = re.sub(
                r"(\d) to (\d)",
                lambda m: ",".join(map(str, range(int(m[1]), int(m[2]) + 1))),
                row[2],
            )
            assert {int(n) for n in re.findall(r"\d+", text)} <= all_needs(int(row[1])), line


def test_chapters_lead_to_one_another():
    """What is named is a link, every link leads somewhere, and each end to both neighbours."""
    paths = sorted(FOLDER.glob("*.ipynb"))
    for number, path in enumerate(paths):
        cells = [
            cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown"
        ]
        links = re.findall(r"\]\(([\w/]+\.ipynb)\)", "\n".join(cells))
        assert all((FOLDER / link).exists() for link in links)
        prose = re.sub(r"\[[^]]*\]\([^)]*\)|`[^`]*`", "", "\n".join(cells))
        assert {int(n) for n in re.findall(r"[Cc]hapter (\d+)\b", prose)} <= {number}, path
        neighbours = {other.name for other in paths[max(number - 1, 0) : number + 2]} - {path.name}
        assert set(re.findall(r"\(([\w]+\.ipynb)\)", cells[-1].splitlines()[-1])) == neighbours


@given(st.dictionaries(st.sampled_from(NUMBERS), st.sampled_from(["tried", "solved"])))
def test_the_map_counts_what_is_solved(done):
    (picture,) = check_state(ChapterMap(NUMBERS, done))
    for chapter in {int(number.split(".")[0]) for number in NUMBERS}:
        own = [number for number in NUMBERS if number.startswith(f"{chapter}.")]
        count = f"{sum(done.get(number) == 'solved' for number in own)} of {len(own)} solved"
        title, needs = " ".join(CHAPTERS[chapter].title), CHAPTERS[chapter].needs
        assert f"{chapter} {title}, needs {' and '.join(map(str, needs))}, {count}" in repr(picture)
        assert count in texts(picture)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=4))
def test_a_film_counts_its_outputs(settings):
    film = Film(tuple(settings))
    (picture,) = check_state(film)
    for (padding, stride), outputs in zip(settings, film.outputs, strict=True):
        assert outputs == len(range(0, 5 + 2 * padding - 2, stride))
        assert f"padding {padding}, stride {stride}: {outputs} × {outputs}" in picture.description


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="kernel_size"):
        Film(((0, 1),), size=2).picture()
