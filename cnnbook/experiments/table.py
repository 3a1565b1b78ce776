"""The README's table of results: each variant of a study says which rows are its own."""

import itertools
from pathlib import Path

from cnnbook.files import find_result, load_result, replacing

HEAD = "| study | network | measured | mean ± spread | runs | CPU seconds a run | what it is |\n"
HEAD += "|---|---|---|---|---|---|---|\n"


def result_table(studies, home=None):
    """Write the table of what was measured in Markdown; a variant that has not run is left out.

    Shares are in per cent with two digits, all else has one; a single run has no spread.
    """
    lines = [HEAD]
    for study in studies:
        found = find_result(study.name, home)
        there = load_result(study.name, home=home)["variants"] if found else {}
        for name, kept in ((name, there[name]) for name in study.variants if name in there):
            variant, seconds = study.variants[name], round(kept["mean"]["cpu_seconds"])
            says = variant.says.format(**study.settings | variant.settings)
            for measure in variant.measures:
                row = f"| `{study.name}` | `{name}` | `{measure}` | {_value(kept, measure)} "
                lines.append(f"{row}| {kept['n']} | {seconds} | {says} |\n")
    return "".join(lines)


def _value(kept, measure):
    share = measure.endswith(("accuracy", "gap", "auc"))
    numbers = [kept["mean"][measure], kept["std"][measure]][: kept["n"]]
    shown = [f"{100 * n:.2f}" if share else f"{n:.1f}" for n in numbers]
    return " ± ".join(shown) + (" %" if share else "")


def write_table(path, table):
    """Put the table in the place of the one that a file holds, and leave all else as it is."""
    text = Path(path).read_text(encoding="utf-8")
    before, head, after = text.partition(HEAD)
    if not head:
        raise ValueError(f"{path} holds no table that begins with {HEAD.splitlines()[0]!r}")
    rest = itertools.dropwhile(lambda line: line.startswith("|"), after.splitlines(keepends=True))
    with replacing(path) as temporary:
        temporary.write_text(before + table + "".join(rest), encoding="utf-8")
