"""Practice: predictions, exercises that say whether an answer is right, and `agree` to compare."""

import importlib
import pkgutil

from cnnbook.exercises.agreement import agree
from cnnbook.exercises.exercise import judge
from cnnbook.exercises.prediction import predict
from cnnbook.exercises.progress import forget, progress, record

__all__ = ["agree", "check", "exercises", "forget", "hint", "predict", "progress"]


def exercises():
    """All exercises of the book, by number."""
    names = sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name.startswith("chapter_"))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return {one.number: one for module in modules for one in module.EXERCISES}


def _find(number):
    known = exercises()
    if number not in known:
        chapters = sorted({name.split(".")[0] for name in known}, key=int)
        words = ", ".join(known) if isinstance(number, str) else 'a text such as "3.2"'
        raise ValueError(
            f"number must be an exercise of chapter {', '.join(chapters)}: {words}, got {number!r}"
        )
    return known[number]


def check(number, answer, keep=True):
    """Print whether an answer to an exercise is right, and if not, what is wrong.

    Parameters
    ----------
    number : str
        Such as "3.2".
    answer : number, array, function or class
        What the exercise asks for; ``...`` where there is none yet. A function is called in a
        process of its own for at most ten seconds.
    keep : bool
        Whether it counts as tried or solved on the map of the start page.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    exercise = _find(number)
    kind, words = judge(exercise, answer)
    if kind == "right":
        print(f"✓ {number} is right. {words}")
    elif kind == "open":
        print(f'○ {number} is open: {words}. hint("{number}") helps.')
    else:
        print(f'✗ {number} is not right yet. hint("{number}") helps.\n    {words}')
    note = keep and kind != "open" and record(number, "solved" if kind == "right" else "tried")
    if note:
        print(note)


def hint(number, which=1):
    """Print a hint; each exercise has a few, and the last one says nearly all.

    Raises
    ------
    ValueError
        If there is no such exercise or hint.
    """
    hints = _find(number).hints
    if which not in range(1, len(hints) + 1):
        raise ValueError(f"which must be from 1 to {len(hints)}, got {which!r}")
    more = f' hint("{number}", {which + 1}) says more.' if which < len(hints) else ""
    print(f"Hint {which} of {len(hints)}: {hints[which - 1]}{more}")
