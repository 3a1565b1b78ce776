"""Worksheets to print: the same questions for everybody, with other numbers for each seed.

A question is one function in ``chapter_NN.py``: it draws its numbers, and the package computes the
answers. ``python -m cnnbook.exercises worksheet 3 --seed 17`` writes a sheet and its answers.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import NamedTuple

from cnnbook.exercises.worksheets.page import answers_page, worksheet_page
from cnnbook.exercises.worksheets.question import Draw
from cnnbook.files import replacing

CHAPTERS = tuple(
    sorted(
        int(module.name.removeprefix("chapter_"))
        for module in pkgutil.iter_modules(__path__)
        if module.name.startswith("chapter_")
    )
)
"""The chapters that have something to compute."""


class Sheet(NamedTuple):
    """The questions of one chapter with the numbers of one seed."""

    chapter: int
    title: str
    seed: int
    questions: dict  # by its title, each `Question`


def worksheet(chapter, seed):
    """Draw the numbers of a worksheet.

    Parameters
    ----------
    chapter : int
        From 1 to 15.
    seed : int
        At least 0; the same seed gives the same sheet.

    Raises
    ------
    ValueError
        If there is no such worksheet.
    """
    if chapter not in CHAPTERS:
        what = "has nothing to compute" if chapter == 0 else "does not exist"
        raise ValueError(
            f"chapter {chapter} {what}: worksheets are there for {CHAPTERS[0]} to {CHAPTERS[-1]}"
        )
    if seed < 0:
        raise ValueError(f"seed is {seed}, must be at least 0")
    module = importlib.import_module(f"{__name__}.chapter_{chapter:02}")
    questions = {
        make.__doc__.rstrip("."): make(Draw(f"{chapter}/{make.__name__}/{seed}"))
        for make in module.QUESTIONS
    }
    return Sheet(chapter, module.TITLE, seed, questions)


def write_worksheets(chapters, seeds, folder=".", force=False):
    """Write for each chapter the worksheets of all seeds as one page, and their answers as another.

    Parameters
    ----------
    chapters : iterable of int
    seeds : range
        One for each student.
    folder : str or Path
        Made if it is not there.
    force : bool
        Whether files that are there with another content are replaced.

    Returns
    -------
    list of Path
        The files; where a file was there with the same content, it stays.

    Raises
    ------
    ValueError
        If there is no such worksheet, or a file would be replaced; then nothing is written.
    """
    if not seeds:
        raise ValueError("there are no seeds: count must be at least 1")
    name = f"seed_{seeds[0]}" if len(seeds) == 1 else f"seeds_{seeds[0]}_to_{seeds[-1]}"
    pages = {}
    for chapter in chapters:
        sheets = [worksheet(chapter, seed) for seed in seeds]
        for kind, page in (("worksheet", worksheet_page), ("answers", answers_page)):
            pages[Path(folder, f"{kind}_{chapter:02}_{name}.html")] = page(sheets)
    changed = {
        path: page
        for path, page in pages.items()
        if not path.exists() or path.read_text(encoding="utf-8", errors="replace") != page
    }
    there = [path.name for path in changed if path.exists()]
    if there and not force:
        raise ValueError(f"{', '.join(there)}: there already, and different; --force replaces it")
    for path, page in changed.items():
        with replacing(path) as temporary:
            temporary.write_text(page, encoding="utf-8", newline="\n")
    return list(pages)
