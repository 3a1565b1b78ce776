"""Say what is solved, try the checkers, or print a worksheet: ``python -m cnnbook.exercises``."""

import argparse

from cnnbook.exercises import exercises, forget, progress
from cnnbook.exercises.exercise import judge
from cnnbook.exercises.worksheets import CHAPTERS, write_worksheets


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
    commands = parser.add_subparsers(dest="what", title="commands", metavar="COMMAND")
    commands.add_parser("progress", help="say what is solved (the default)")
    commands.add_parser("report", help="try all checkers on right and wrong answers")
    commands.add_parser("forget", help="forget what is solved")
    sheets = commands.add_parser("worksheet", help="write worksheets to print, and their answers")
    sheets.add_argument("chapter", type=_chapters, help='such as 3, or "all"')
    sheets.add_argument("--seed", type=int, default=0, help="the numbers of the first sheet")
    sheets.add_argument("--count", type=int, default=1, help="students, each with the next seed")
    sheets.add_argument("--output", default=".", metavar="FOLDER", help="where the pages go")
    sheets.add_argument("--force", action="store_true", help="replace pages that are there")
    chosen = parser.parse_args()
    if chosen.what == "report":
        raise SystemExit(not report())
    if chosen.what == "worksheet":
        seeds = range(chosen.seed, chosen.seed + chosen.count)
        try:
            pages = write_worksheets(chosen.chapter, seeds, chosen.output, chosen.force)
        except (ValueError, OSError) as error:
            sheets.error(str(error))
        print(*pages, sep="\n")
        return
    if chosen.what == "forget":
        forget()
    done = progress()
    for number, exercise in exercises().items():
        print(f"{number} {exercise.title}: {done.get(number, 'not tried')}")


def _chapters(text):
    if text == "all":
        return CHAPTERS
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'{text!r} is no chapter: give a number, or "all"')
    return [int(text)]


if __name__ == "__main__":
    main()
