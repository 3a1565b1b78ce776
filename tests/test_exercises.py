"""Practice: what the checkers accept, reject and say, and what an answer cannot do to them."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from cnnbook.exercises import agree, check, exercises, forget, hint, progress
from cnnbook.exercises.exercise import Exercise, judge

ALL = exercises()
SIZE = ALL["3.1"]


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNBOOK_PROGRESS", str(tmp_path / "deep" / "progress.txt"))
    return tmp_path / "deep" / "progress.txt"


def complete(exercise, judged=judge):
    """Whether all right answers are accepted, and all mistakes rejected by their names."""
    right = all(judged(exercise, answer).kind == "right" for answer in exercise.right)
    verdicts = [(words, judged(exercise, answer)) for words, answer in exercise.wrong.items()]
    return right and all(v.kind == "wrong" and words in v.words for words, v in verdicts)


@pytest.mark.parametrize("exercise", ALL.values(), ids=ALL)
def test_right_answers_are_accepted_and_mistakes_are_named(exercise):
    assert len(exercise.right) >= 2
    assert len(exercise.wrong) >= 5
    assert 2 <= len(exercise.hints) <= 4
    assert complete(exercise)


@pytest.mark.parametrize("number", ["3.1", "3.2", "3.3", "3.4"])
def test_a_checker_that_skips_strides_is_found_out(number):
    exercise = ALL[number]
    assert {1, 2, 3} <= {int(np.max(case[2])) for case in exercise.cases}
    kept = tuple(case for case in exercise.cases if np.max(case[2]) < 2)
    assert not complete(replace(exercise, cases=kept))


def test_images_of_all_kinds_are_tried():
    cases = ALL["3.3"].cases
    assert any(x.shape[0] != x.shape[1] and w.shape[0] != w.shape[1] for x, w, *_ in cases)
    assert any(stride[0] != stride[1] for *_, stride, _ in cases)
    assert any(not any(padding) for *_, padding in cases)
    assert any(len(set(padding)) == 4 or padding == (0, 2, 1, 2) for *_, padding in cases)
    assert any(x.min() < 0 < x.max() for x, *_ in cases)
    assert {x.dtype.name for x, *_ in cases} == {"float32", "float64"}


@pytest.mark.parametrize("exercise", ALL.values(), ids=ALL)
def test_a_checker_that_always_says_right_is_found_out(exercise):
    assert not complete(exercise, lambda one, answer: judge(one, one.right[0]))


def verdict(answer, seconds=1):
    return judge(SIZE, answer, seconds)


def hangs_and_catches_all(*case):
    while True:
        try:
            time.sleep(0.1)
        except BaseException:
            pass


class EqualsAll:
    def __eq__(self, other):
        return True


def unwritten(*case):
    raise NotImplementedError


ANSWERS = [
    (hangs_and_catches_all, "within 1 seconds, and was stopped"),
    (lambda *case: sum(range(10**13)), "within 1 seconds, and was stopped"),
    (lambda *case: os._exit(0), "it ended Python"),
    (lambda *case: sys.exit(), "it raises SystemExit"),
    (lambda *case: [][0], "(lambda *case: [][0]"),  # its line
    (lambda i: i, "takes 1 positional argument but 5 were given"),
    (lambda *case: EqualsAll(), "a EqualsAll that holds no numbers"),
    (lambda *case: "7", "a str that holds no numbers"),
    (lambda *case: [SIZE.right[0](*case)], "its shape is (1,), expected ()"),
    (lambda *case: print("see", case[0]) or 0, "printed  see 1"),
    (lambda i, *case: float("nan"), "got      nan"),
    (lambda *case: SIZE.right[0](*case) if case[0] < 7 else None, "got      nothing"),
    (7, "the answer is a function, you gave 7"),
]


@pytest.mark.parametrize(("answer", "words"), ANSWERS)
def test_a_wrong_answer_hears_what_is_wrong(answer, words):
    kind, said = verdict(answer)
    assert kind == "wrong"
    assert words in said


@pytest.mark.parametrize("answer", [..., None, lambda *case: None, lambda *case: ..., unwritten])
def test_what_is_not_attempted_is_open(answer):
    assert verdict(answer).kind == "open"


def test_the_first_failing_case_is_shown_with_what_was_expected():
    said = judge(ALL["3.3"], lambda x, w, stride, padding: x).words
    assert "convolve2d(x=[[1.5, -2, -1.5], [-1, -1.5, 1.5]], w=[[3]], stride=(1, 1)" in said
    assert "first at [0, 0]: expected 4.5, got 1.5" in said
    assert "0.75" not in judge(ALL["3.6"], 0.7).words  # a value is not given away


def test_an_answer_changes_copies_only():
    def spoils(x, w, stride, padding):
        result = ALL["3.3"].right[0](x, w, stride, padding)
        x[...] = w[...] = 0
        return result

    assert [judge(ALL["3.3"], answer).kind for answer in (spoils, spoils)] == ["right"] * 2


def test_no_frame_of_the_answer_holds_an_expected_value():
    def looks_around(*case):
        frame, seen = sys._getframe(), []
        while frame := frame.f_back:
            seen += frame.f_locals
        return seen.index("expected")

    assert "ValueError" in verdict(looks_around).words


def test_tensors_on_several_threads_are_an_answer():
    torch.nn.functional.conv2d(torch.ones(4, 32, 32, 32), torch.ones(32, 32, 3, 3))

    def in_torch(x, w, stride, padding):
        x = torch.nn.functional.pad(torch.tensor(x), padding)[None, None]
        return torch.nn.functional.conv2d(x, torch.tensor(w)[None, None], stride=stride)[0, 0]

    assert judge(ALL["3.3"], in_torch).kind == "right"


class Counter:
    def __init__(self, start):
        self.now = start

    def up(self):
        self.now += 1
        return self.now


def test_a_class_can_be_an_answer():
    class Stuck(Counter):
        def up(self):
            return self.now

    exercise = Exercise(
        "0.0", "Count", (Counter,), {"it does not count.": Stuck}, "", (), ((3,),),
        lambda kind, start: [(counter := kind(start)).up(), counter.up()],
    )  # fmt: skip
    assert judge(exercise, Counter).kind == "right"
    assert "Perhaps: it does not count." in judge(exercise, Stuck).words
    assert "the answer is a class" in judge(exercise, [4, 5]).words


# ---------------------------------------------------------------- what the reader calls


def test_check_prints_and_the_progress_is_kept(capsys, own_progress):
    check("3.6", ...)
    assert progress() == {}
    check("3.6", 0.75, keep=False)
    assert progress() == {}
    check("3.6", 0.5)
    assert progress() == {"3.6": "tried"}
    check("3.6", 0.75)
    check("3.6", 0.5)
    assert progress() == {"3.6": "solved"}
    assert own_progress.read_text() == "3.6 tried\n3.6 solved\n"
    said = capsys.readouterr().out
    assert said.startswith('○ 3.6 is open: not attempted. hint("3.6") helps.\n✓ 3.6 is right.')
    assert "Perhaps: that is the share along one axis" in said
    assert "✓ 3.6 is right." in said
    forget()
    assert progress() == {}
    forget()


def test_progress_survives_damage_and_can_be_refused(capsys, own_progress, monkeypatch):
    own_progress.parent.mkdir()
    own_progress.write_bytes(b"\xff\x00 nonsense\n3.1 solved\n3.2 sol")
    assert progress() == {"3.1": "solved"}
    check("3.6", 0.75)
    assert progress() == {"3.1": "solved", "3.6": "solved"}
    monkeypatch.setenv("CNNBOOK_PROGRESS", str(own_progress.parent))  # a folder: no file to write
    check("3.6", 0.75)
    assert "progress is not kept: Is a directory" in capsys.readouterr().out
    monkeypatch.setenv("CNNBOOK_PROGRESS", "off")
    check("3.6", 0.75)
    assert progress() == {}


def test_hints_and_numbers(capsys):
    hint("3.6")
    hint("3.6", 3)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Hint 1 of 3: ")
    assert said[0].endswith('hint("3.6", 2) says more.')
    assert "more" not in said[1]
    with pytest.raises(ValueError, match="which must be from 1 to 3, got 4"):
        hint("3.6", 4)
    for number in ("3.99", 3.1, None):
        with pytest.raises(ValueError, match=f"of chapter 3, 13, 14, 15: .*, got {number!r}"):
            check(number, 1)


FOLDER = Path(__file__).parent.parent / "notebooks"


@pytest.mark.parametrize("number", ALL)
def test_every_exercise_is_asked_and_solved(number):
    (chapter,) = FOLDER.glob(f"{int(number.split('.')[0]):02}_*.ipynb")
    asked, solved = (
        nbformat.read(p, 4).cells for p in (chapter, FOLDER / "solutions" / chapter.name)
    )
    assert any(f"○ {number} is open" in str(cell.get("outputs")) for cell in asked)
    assert any(f"✓ {number} is right" in str(cell.get("outputs")) for cell in solved)
    assert any(f"**{number}" in cell.source for cell in asked)
    assert any(f"## {number} {ALL[number].title}" in cell.source for cell in solved)


def test_the_command_line():
    def printed(*what):
        command = [sys.executable, "-m", "cnnbook.exercises", *what]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "mistakes rejected and named: 9 of 9" in printed("report")
    assert "3.6 Half of the work for nothing?: not tried" in printed()
    check("3.6", 0.75)
    assert "3.6 Half of the work for nothing?: solved" in printed("progress")
    assert "solved" not in printed("forget")


# ---------------------------------------------------------------- agree

HALF = np.array([1.0, 2.5])
AGREEING = [
    ((np.ones((2, 3)), torch.ones(2, 3)), "2 × 3 values agree exactly with PyTorch"),
    ((3, np.float64(3)), "1 value agrees exactly with PyTorch"),
    ((HALF, HALF + 4e-12), "2 values agree with PyTorch, largest difference 4e-12"),
    ((HALF, (HALF + 1e-5).astype("f4")), "2 values agree with PyTorch, largest difference 1e-05"),
    (((1, 2), [1, 2]), "2 values agree exactly with PyTorch"),
    (((HALF, 1), (HALF, 1)), "2 arrays (2, 1) agree exactly with PyTorch"),
    (([np.nan, np.inf], [np.nan, np.inf], "the table"), "2 values agree exactly with the table"),
    ((HALF, torch.tensor(HALF, requires_grad=True)), "2 values agree exactly with PyTorch"),
    ((pow, pow, "pow", [(2, 3), (3, 2)]), "2 settings agree exactly with pow"),
    ((pow, pow, "pow", [{"base": 2, "exp": 3}]), "1 setting agrees exactly with pow"),
]
DIFFERING = [
    ((HALF, HALF + np.array([0, 1e-8])), r"values differ at \[1\]: ours 2.5, theirs 2.5"),
    ((HALF * 1e-13, HALF * 2e-13), r"values differ at \[0\]"),
    (([1, 2], [1, 3]), r"values differ at \[1\]: ours 2, theirs 3"),
    ((HALF, HALF[None]), r"ours has shape \(2,\), theirs \(1, 2\)"),
    (((HALF, HALF), (HALF, HALF + 1)), r"item 1: values differ at \[0\]"),
    (((HALF, HALF), (HALF,)), "ours are 2 arrays, theirs 1"),
    ((HALF, [np.nan, 2.5]), r"values differ at \[0\]: ours 1, theirs nan"),
    ((pow, max, "max", [(2, 2), (2, 3)]), r"with \(2, 2\): values differ: ours 4, theirs 2"),
]


@pytest.mark.parametrize(("given", "line"), AGREEING)
def test_agree_prints_one_line(capsys, given, line):
    assert agree(*given) is None
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize(("given", "words"), DIFFERING)
def test_agree_raises_at_the_first_difference(given, words):
    with pytest.raises(AssertionError, match=words):
        agree(*given)


def test_agree_refuses_what_holds_no_numbers():
    with pytest.raises(TypeError, match="theirs: expected numbers, got str"):
        agree(1, "one")
    with pytest.raises(ValueError, match="at least 1 setting, got 0"):
        agree(pow, pow, settings=[])
