"""Build the book as a site: ``python -m cnnbook.page``."""

import argparse
import os
import sys
import time
from pathlib import Path

try:
    from cnnbook.page.building import NOTEBOOKS, build, table
    from cnnbook.page.printing import print_pdf
except ModuleNotFoundError as error:
    sys.exit(f'{error}: pip install -e ".[page]" brings what the site needs')


def main(arguments=None):
    """Read the command line, build, and say what was built."""
    parser = argparse.ArgumentParser("python -m cnnbook.page", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/page"), metavar="FOLDER")
    parser.add_argument("--notebooks", type=Path, default=NOTEBOOKS, metavar="FOLDER")
    parser.add_argument("--chapters", type=int, nargs="+", metavar="N", help="all when not given")
    jobs = {"type": int, "default": min(os.cpu_count() or 1, 4), "metavar": "N"}
    parser.add_argument("--jobs", **jobs, help="chapters run at the same time")
    parser.add_argument("--pdf", action="store_true", help="print the book, too: needs Chromium")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    try:
        report = build(given.output, given.notebooks, given.chapters, given.jobs)
        print(table(report))
        if given.pdf:
            print(f"\n{print_pdf(given.output)}")
    except (ValueError, RuntimeError) as error:
        sys.exit(f"{parser.prog}: {error}")
    size = sum(p.stat().st_size for p in (given.output / "html").rglob("*") if p.is_file())
    took = time.monotonic() - began
    print(f"\n{given.output / 'html' / 'index.html'}: {size / 1e6:.0f} MB, {took:.0f} s")


if __name__ == "__main__":
    main()
