"""What an exercise is, and how an answer to it is judged."""

import copy
import inspect
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cnnbook.exercises.agreement import first_difference
from cnnbook.exercises.running import SECONDS, Failure, plain, run

TOLERANCE = 1e-6  # of the largest value; float32 is good enough for an answer


def call(answer, *case):
    """Use an answer that is a function."""
    return answer(*case)


@dataclass(frozen=True)
class Exercise:
    """A task whose answer can be judged.

    Parameters
    ----------
    number : str
        Chapter and exercise, such as "3.2".
    title : str
    right : tuple
        Right answers, found in different ways; the first one is compared with.
    wrong : dict
        Mistakes that people make: what to say of it, and an answer that makes it.
    why : str
        Why a right answer is right.
    hints : tuple of str
        From a nudge to nearly all.
    cases : tuple of tuple
        Arguments that a function is called with, small ones first; empty if the answer is a value.
    use : callable
        ``use(answer, *case)`` gives the result of a case: how a class is tried.
    """

    number: str
    title: str
    right: tuple
    wrong: dict
    why: str
    hints: tuple
    cases: tuple = ()
    use: object = call

    def results(self, answer):
        """What one of the book's own answers gives in each case."""
        given = []
        for case in copy.deepcopy(self.cases):
            try:
                given.append(plain(self.use(answer, *case)))
            except Exception as error:
                given.append(Failure(type(error).__name__, ""))
        return given if self.cases else [plain(answer)]

    def shown(self, case):
        """Write a case as a call."""
        names = inspect.signature(self.right[0]).parameters
        given = (f"{name}={show(value)}" for name, value in zip(names, case, strict=True))
        return f"{self.right[0].__name__}({', '.join(given)})"


class Verdict(NamedTuple):
    """What is said of an answer."""

    kind: str  # "right", "wrong" or "open"
    words: str


def judge(exercise, answer, seconds=SECONDS):
    """Judge an answer to an exercise.

    Returns
    -------
    Verdict
        "open" if there is nothing to judge yet. A wrong one says what the first case that fails
        expects and got, and names the mistake, if it is a known one.
    """
    ran = [(plain(answer), "")]
    if exercise.cases and callable(answer):
        ran = run(answer, exercise.cases, exercise.use, seconds)
    got, printed = zip(*ran, strict=True)
    if all(map(_is_open, got)):
        return Verdict("open", "it returns nothing yet" if callable(answer) else "not attempted")
    if exercise.cases and not callable(answer):
        kind = "class" if inspect.isclass(exercise.right[0]) else "function"
        return Verdict("wrong", f"the answer is a {kind}, you gave {show(got[0])}")
    if not exercise.cases and callable(answer):
        return Verdict("wrong", "the answer is a value, you gave a function")
    expected = exercise.results(exercise.right[0])
    failing = [n for n, result in enumerate(got) if not same(result, expected[n])]
    if not failing:
        return Verdict("right", exercise.why)
    first, lines = failing[0], []
    if exercise.cases:
        count = f"{len(failing)} of {len(got)} cases fail, the first is"
        lines = [f"{count} {exercise.shown(exercise.cases[first])}"]
        lines += [f"expected {show(expected[first])}"]
    lines += difference(got[first], expected[first], bool(exercise.cases))
    if printed[first]:
        lines += [f"printed  {printed[first].strip()}"]
    like = {}  # mistakes that fail in the same way, and in how many cases they agree
    for words, wrong in exercise.wrong.items():
        agree = [*map(same, got, exercise.results(wrong))]
        if all(agree[n] for n in failing):
            like[words] = sum(agree)
    if like:
        lines += [f"Perhaps: {max(like, key=like.get)}"]
    return Verdict("wrong", "\n    ".join(lines))


def same(got, expected):
    """Whether two results are the same numbers, in the same shape."""
    if isinstance(got, Failure) or isinstance(expected, Failure):
        return type(got) is type(expected) and got.kind == expected.kind
    if isinstance(got, tuple) or isinstance(expected, tuple):
        both = isinstance(got, tuple) and isinstance(expected, tuple)
        return both and len(got) == len(expected) and all(map(same, got, expected))
    if got is None or got is ... or got.shape != expected.shape:
        return False
    return first_difference(got, expected, TOLERANCE) is None


def difference(got, expected, told):
    """Say in lines what a wrong result is, and where it first differs."""
    if isinstance(got, Failure):
        return [got.reason]
    lines = [f"got      {show(got)}"]
    arrays = all(isinstance(result, np.ndarray) for result in (got, expected))
    if arrays and got.shape != expected.shape:
        lines += [f"its shape is {got.shape}, expected {expected.shape}"]
    elif arrays and told and expected.ndim:
        place = first_difference(got, expected, TOLERANCE)
        values = f"expected {show(expected[place])}, got {show(got[place])}"
        lines += [f"first at {list(place)}: {values}"]
    return lines


def show(value):
    """Write a value in a line: numbers with four digits, large arrays by their shape."""
    if value is None or value is ... or isinstance(value, str):
        return "nothing" if value is None else repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(show, value))})"
    if not isinstance(value, np.ndarray | np.generic | int | float | list):
        return f"a {type(value).__name__}"
    array = np.asarray(value)
    if array.size > 40:
        return f"array of shape {array.shape}"
    if array.ndim:
        return f"[{', '.join(map(show, array))}]"
    return str(array) if array.dtype.kind in "bui" else f"{array:.4g}"


def _is_open(result):
    """Whether there is no result because nobody has written one."""
    unwritten = isinstance(result, Failure) and result.kind == "NotImplementedError"
    return unwritten or result is None or result is ...
