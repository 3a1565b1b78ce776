"""Say what is solved, or try the checkers: ``python -m cnnbook.exercises [report | forget]``."""

import argparse

from cnnbook.exercises import exercises, forget, progress
from cnnbook.exercises.exercise import judge


def report():
    """Print for each exercise what its checker says of right answers and of mistakes.

    Returns
    -------
    bool
        Whether at least two right answers and no mistake is accepted, at least five mistakes are
        tried, and each is named.
    """
    complete = True
    for number, exercise in exercises().items():
        accepted = [judge(exercise, answer).kind == "right" for answer in exercise.right]
        verdicts = {words: judge(exercise, answer) for words, answer in exercise.wrong.items()}
        named = [v.kind == "wrong" and words in v.words for words, v in verdicts.items()]
        complete &= all(accepted) and len(accepted) >= 2 and all(named) and len(named) >= 5
        print(f"{number} {exercise.title}: {len(exercise.cases) or 1} cases")
        print(f"  right answers accepted: {sum(accepted)} of {len(accepted)}")
        print(f"  mistakes rejected and named: {sum(named)} of {len(named)}")
        for (words, verdict), good in zip(verdicts.items(), named, strict=True):
            print(f"    {verdict.kind if good else 'NOT NAMED (' + verdict.kind + ')'}: {words}")
    return complete


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m cnnbook.exercises", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["progress", "report", "forget"])
    what = parser.parse_args().what
    if what == "report":
        raise SystemExit(not report())
    if what == "forget":
        forget()
    done = progress()
    for number, exercise in exercises().items():
        print(f"{number} {exercise.title}: {done.get(number, 'not tried')}")


if __name__ == "__main__":
    main()
