"""What each chapter costs: print a table in Markdown, and leave the notebooks as they are.

    python .ci/budget.py                                  # executes every chapter
    python .ci/budget.py notebooks/03_padding_and_stride.ipynb
    python .ci/budget.py --still                          # only what can be counted

Seconds and CPU seconds are those of the kernel, with its imports; memory is the most that it held.
The status is 1 if a notebook has more than 1 MB, or a chapter more than 75 cells.
"""

import argparse
import re
import sys
import time
from pathlib import Path

import nbformat
from refresh import ROOT, client_of

LIMITS = {"kB": 1000, "cells": 75}
MOST_SECONDS = 600  # all chapters together
COLUMNS = "seconds", "CPU seconds", "MB", "kB", "cells", "words", "silent", "assertions"
USED = """from resource import RUSAGE_SELF, getrusage
used = getrusage(RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)"""


def counts(path, notebook):
    """Count what stands in a notebook; an assertion is a line of code that begins with one."""
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    prose = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    lines = re.findall(r"^ *[^#\s].*", "\n".join(c.source for c in code), re.M)
    asserted = sum(bool(re.match(r" *(np\.testing\.)?assert", line)) for line in lines)
    return {
        "kB": -(-path.stat().st_size // 1000),
        "cells": len(notebook.cells),
        "words": sum(len(text.split()) for text in prose),
        "silent": f"{sum(not c.outputs for c in code)} of {len(code)}",
        "assertions": f"{asserted} of {len(lines)}",
    }


def measure(path, notebook):
    """Execute a notebook and say how long its kernel took, and how much memory it held (Linux)."""
    notebook.cells.append(nbformat.v4.new_code_cell(USED))
    start = time.perf_counter()
    client_of(notebook, path).execute()
    cpu, memory = map(float, notebook.cells[-1].outputs[0].text.split())
    seconds = time.perf_counter() - start
    return {"seconds": round(seconds), "CPU seconds": round(cpu), "MB": round(memory / 1024)}


def main(arguments=None):
    """Read the command line; return 1 if something that is no matter of time is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("chapters", nargs="*", help="notebooks; without any, every chapter")
    parser.add_argument("--still", action="store_true", help="execute nothing")
    chosen = parser.parse_args(arguments)
    paths = [Path(name).resolve() for name in chosen.chapters]
    rows, over = [], []
    columns = COLUMNS[3:] if chosen.still else COLUMNS
    print("chapter", *columns, sep=" | ")
    print("---", *["---:"] * len(columns), sep=" | ")
    for path in paths or sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        row = counts(path, notebook) | ({} if chosen.still else measure(path, notebook))
        print(path.stem, *(row[column] for column in columns), sep=" | ", flush=True)
        over += [
            f"{path.stem}: {row[name]} {name}, at most {most}"
            for name, most in LIMITS.items()
            if row[name] > most
        ]
        rows.append(row)
    if not chosen.still:
        seconds, cpu = (sum(row[name] for row in rows) for name in COLUMNS[:2])
        two = f"{cpu / 2:.0f} seconds of two cores, at most {MOST_SECONDS}"
        print(f"\n{seconds} seconds one after the other, {cpu} CPU seconds: {two}.")
    print(*over, sep="\n")
    return int(bool(over))


if __name__ == "__main__":
    sys.exit(main())
