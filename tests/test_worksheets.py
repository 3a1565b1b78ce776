"""Worksheets: each answer is found a second way, and what a checker asks is put to the checker."""

import dataclasses
import importlib
import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from second_ways import OTHER

from cnnbook.exercises import exercises
from cnnbook.exercises.exercise import judge, same
from cnnbook.exercises.running import plain
from cnnbook.exercises.worksheets import CHAPTERS, Draw, worksheet, write_worksheets
from cnnbook.exercises.worksheets.page import answers_page, shown, worksheet_page

ROOT = Path(__file__).parent.parent
FUNCTIONS = {
    (chapter, make.__name__): make
    for chapter in CHAPTERS
    for make in importlib.import_module(
        f"cnnbook.exercises.worksheets.chapter_{chapter:02}"
    ).QUESTIONS
}


def question(key, seed):
    return FUNCTIONS[key](Draw(f"{key[0]}/{key[1]}/{seed}"))


def value(answer):
    """An answer as the arrays and numbers that a checker compares."""
    return answer if isinstance(answer, str) else np.asarray(answer, float)


@pytest.mark.parametrize("key", OTHER, ids=str)
def test_answers_are_found_a_second_way(key):
    for seed in range(25):
        asked = question(key, seed)
        found = list(OTHER[key](**asked.given))
        for (name, answer), second in zip(asked.answers.items(), found, strict=True):
            if isinstance(answer, str):
                assert answer == second, (seed, name)
                continue
            # the shape too: the sheet shows as many cells as there are answers
            second = value(second)
            assert value(answer).shape == second.shape, (seed, name)
            np.testing.assert_allclose(value(answer), second, atol=1e-8, err_msg=f"{seed} {name}")


def test_each_question_is_checked():
    checked = {key for key in FUNCTIONS if question(key, 0).checker}
    assert set(FUNCTIONS) == checked | set(OTHER)
    assert {key[0] for key in checked} == {int(number.split(".")[0]) for number in exercises()}


CHECKED = [key for key in FUNCTIONS if question(key, 0).checker]


def asked_of_checker(key, seed):
    """Return the exercise with the sheet's numbers for its only case, and the sheet's answer."""
    asked = question(key, seed)
    exercise = dataclasses.replace(exercises()[asked.checker], cases=(asked.case,))
    expected = exercise.results(exercise.right[0])[0]
    answers = [*asked.answers.values()]
    count = len(expected) if isinstance(exercise.right[0](*asked.case), tuple) else 1
    return exercise, answers[0] if count == 1 else tuple(answers[:count])


@pytest.mark.parametrize("key", CHECKED, ids=str)
def test_checkers_accept_the_answers(key):
    for seed in range(3):
        exercise, answer = asked_of_checker(key, seed)
        assert judge(exercise, lambda *_, a=answer: a).kind == "right", seed
        wrong = not answer if isinstance(answer, bool) else plain(answer) + 0.25
        wrong = tuple(wrong) if isinstance(answer, tuple) else wrong
        assert judge(exercise, lambda *_, a=wrong: a).kind == "wrong", seed
    for seed in range(100):  # without the process of its own
        exercise, answer = asked_of_checker(key, seed)
        for right in exercise.right:
            assert same(plain(answer), exercise.results(right)[0]), seed


def test_sheets_of_many_seeds():
    for chapter in CHAPTERS:
        for seed in range(200):
            sheet = worksheet(chapter, seed)
            assert 5 <= len(sheet.questions) <= 7
            for title, asked in sheet.questions.items():
                for name, answer in asked.answers.items():
                    where = chapter, seed, title, name
                    assert len(name) <= 60, where
                    if isinstance(answer, str | Fraction):
                        assert len(shown(answer)) <= 12, where
                        continue
                    table = np.atleast_2d(value(answer))
                    assert np.isfinite(table).all(), where
                    assert table.ndim == 2, where
                    assert max(table.shape) <= 9, where
                    assert max(len(shown(v)) for v in table.flat) <= 9, where


def text_of(page):
    """Read a page as XML, which fails where a tag is not closed, and return what it shows."""
    return " ".join(ET.fromstring(page.partition("\n")[2]).find("body").itertext())


def test_pages_are_well_formed_and_all_different():
    for chapter in CHAPTERS:
        sheets = [worksheet(chapter, seed) for seed in range(30)]
        pages = [text_of(worksheet_page([sheet])) for sheet in sheets]
        stripped = {page.replace(f"seed {n}", "", 1) for n, page in enumerate(pages)}
        assert len(stripped) == 30
        for page in (*pages, text_of(answers_page(sheets))):
            assert not re.search(r"[{}]|\bnan\b|\binf\b|array\(|\bfloat64\(|None", page), page
            assert "-" not in re.sub(r"\w-\w", "", page), "a hyphen for a minus"
        for n, page in enumerate(pages):
            assert f"seed {n}" in page
            assert "Name:" in page


def test_the_worksheet_does_not_tell_the_answers():
    sheet = worksheet(3, 17)
    page, key = worksheet_page([sheet]), answers_page([sheet])
    for title, asked in sheet.questions.items():
        assert title in page
        assert title in key
        assert 'class="line"' in page or "blank" in page
        for name, answer in asked.answers.items():
            if not isinstance(answer, np.ndarray | tuple):
                shown_there = f"<span>{name}</span><b>{shown(answer)}</b>"
                assert shown_there in key
                assert shown_there not in page
    assert page.count("<b>") == 0


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (-0.0, "0"), (-3, "−3"), (1234567, "1,234,567"), (0.1875, "0.188"), (2.50, "2.5"),
     (-0.0001, "0"), (-0.18000000000000002, "−0.18"), (True, "yes"), (np.False_, "no"),
     (Fraction(-2, 6), "−1/3"), (100, "100"), (8.5, "8.5")],
)  # fmt: skip
def test_numbers_are_written_shortly(number, text):
    assert shown(number) == text


def test_titles_are_those_of_the_chapters():
    for chapter in CHAPTERS:
        (path,) = (ROOT / "notebooks").glob(f"{chapter:02}_*.ipynb")
        first = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        title = worksheet(chapter, 0).title
        assert first.splitlines()[0] == f"# {chapter} · {title}"
    assert CHAPTERS == tuple(range(1, 16))


def run(*words):
    command = [sys.executable, "-m", "cnnbook.exercises", "worksheet", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def test_the_command_writes_pages(tmp_path):
    ran = run(3, "--seed", 17, "--output", tmp_path / "new")
    assert ran.returncode == 0, ran.stderr
    names = ["worksheet_03_seed_17.html", "answers_03_seed_17.html"]
    assert [Path(line).name for line in ran.stdout.splitlines()] == names
    page = (tmp_path / "new" / names[0]).read_text(encoding="utf-8")
    assert page == worksheet_page([worksheet(3, 17)])
    assert "http" not in page  # nothing is fetched


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([0], "chapter 0 has nothing to compute: worksheets are there for 1 to 15"),
        ([16], "chapter 16 does not exist"),
        (["three"], "'three' is no chapter"),
        ([3, "--seed", "-1"], "seed is -1, must be at least 0"),
        ([3, "--seed", "x"], "invalid int value: 'x'"),
        ([3, "--count", -1], "there are no seeds: count must be at least 1"),
    ],
)
def test_the_command_says_what_is_wrong(words, message, tmp_path):
    ran = run(*words, "--output", tmp_path)
    assert ran.returncode == 2
    assert message in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_replaced_unasked(tmp_path):
    first, second = write_worksheets([3], range(17, 18), tmp_path)
    assert write_worksheets([3], range(17, 18), tmp_path) == [first, second]  # the same content
    second.write_text("notes of a teacher")
    with pytest.raises(ValueError, match=r"answers_03_seed_17.html: there already, and different"):
        write_worksheets([2, 3], range(17, 18), tmp_path)
    assert second.read_text() == "notes of a teacher"
    assert len(list(tmp_path.iterdir())) == 2  # nor was chapter 2 written
    write_worksheets([3], range(17, 18), tmp_path, force=True)
    assert "Answers" in second.read_text(encoding="utf-8")


def test_a_class_gets_one_page_to_print_and_one_of_answers(tmp_path):
    sheets, key = write_worksheets([3], range(17, 20), tmp_path)
    assert sheets.name == "worksheet_03_seeds_17_to_19.html"
    assert key.name == "answers_03_seeds_17_to_19.html"
    for seed in (17, 18, 19):
        assert sheets.read_text(encoding="utf-8").count(f"seed {seed}") == 1
        assert key.read_text(encoding="utf-8").count(f"seed {seed}") == 1
