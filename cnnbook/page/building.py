"""Build the site: copies of the chapters, JavaScript, MathJax, and Sphinx over them."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tqdm import tqdm

from cnnbook.page.staging import stage
from cnnbook.widgets.glass_lenet import MODULES as GLASS
from cnnbook.widgets.glass_lenet import GlassLeNet, joined
from cnnbook.widgets.kernel_workbench import MODULES as WORKBENCH
from cnnbook.widgets.kernel_workbench import KernelWorkbench
from cnnbook.widgets.player import Player
from cnnbook.widgets.slider import IntSlider
from cnnbook.widgets.stage import Stage

HERE = Path(__file__).parent
NOTEBOOKS = HERE.parents[1] / "notebooks"
PARTS = {
    "Start": "00",
    "Convolution": "01 02 03 04 05 06",
    "Learning, and what is seen": "07 08",
    "Networks": "09 10 11 12",
    "Pictures from codes": "13 14",
    "Search": "15",
}
"""Chapters of each part of the table of contents."""

PAGES = "for_a_class", "teaching"


def build(target, notebooks=NOTEBOOKS, chapters=None, jobs=2):
    """Build the site in a folder, and return what `stage` says of each chapter.

    Parameters
    ----------
    target : Path
        Gets "html", in place of an old one, once all of it is built.
    notebooks : Path
        Where the chapters are.
    chapters : sequence of int, optional
        All when not given; links to others are left as words.
    jobs : int
        Chapters that are run at the same time.

    Raises
    ------
    ValueError
        If there are no such chapters.
    RuntimeError
        If a chapter cannot be run, or Sphinx warns of something.
    """
    target, staged = Path(target), Path(target) / "stage"
    known = sorted(notebooks.glob("[0-9]*.ipynb"))
    paths = [p for p in known if chapters is None or int(p.name[:2]) in chapters]
    if missing := set(chapters or ()) - {int(p.name[:2]) for p in paths}:
        raise ValueError(f"no chapter {min(missing)} in {notebooks}: {len(known)} are there")
    if not paths:
        raise ValueError(f"no chapters in {notebooks}: --notebooks FOLDER says where they are")
    fresh = target / "html.tmp"
    for folder in (staged, fresh):
        shutil.rmtree(folder, ignore_errors=True)
    (staged / "_static").mkdir(parents=True)
    _static(staged / "_static")
    # the threads of several kernels wait for one another: up to ten times as long
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ThreadPoolExecutor(jobs) as pool:
        works = {pool.submit(stage, p, staged / p.name): p.name[:2] for p in paths}
        bar = tqdm(as_completed(works), total=len(works), desc="chapters", unit="chapter")
        report = dict(sorted((works[work], work.result()) for work in bar))
    for path in sorted((notebooks / "solutions").glob("*.ipynb")):
        if any(path.name == one.name for one in paths):
            (staged / "solutions").mkdir(exist_ok=True)
            stage(path, staged / "solutions" / path.name)
    shutil.copyfile(HERE / "conf.py", staged / "conf.py")
    for path in (HERE / "pages").iterdir():  # the first page is written below
        shutil.copyfile(path, staged / path.name)
    (staged / "index.md").write_text(index([p.stem for p in paths]), encoding="utf-8")
    _sphinx("html", staged, fresh, whole=chapters is None)
    shutil.rmtree(target / "html", ignore_errors=True)
    fresh.rename(target / "html")
    return report


def _sphinx(builder, staged, target, whole=True):
    """Run Sphinx; its warnings are errors, but for links to chapters that are left out."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", builder]
    command += ["-d", target.parent / "doctrees"]
    if not whole:
        command += ["-D", "suppress_warnings=myst.xref_missing"]
    ended = subprocess.run([*command, staged, target])
    if ended.returncode:
        raise RuntimeError(f"Sphinx ended with {ended.returncode}; its words stand above")


def index(names):
    """Write the first page and the table of contents."""
    lines = [(HERE / "pages" / "index.md").read_text(encoding="utf-8")]
    for caption, numbers in PARTS.items():
        part = [name for name in names if name[:2] in numbers.split()]
        if part:
            lines += [f"```{{toctree}}\n:caption: {caption}\n:hidden:\n", *part, "```\n"]
    rest = [
        *PAGES,
        *(f"solutions/{n}" for n in names if (NOTEBOOKS / "solutions" / f"{n}.ipynb").exists()),
    ]
    return "\n".join([*lines, "```{toctree}\n:caption: More\n:hidden:\n", *rest, "```\n"])


def _static(folder):
    """Put the scripts and styles of the widgets, and MathJax, beside the pages."""
    for path in (HERE / "static").iterdir():
        shutil.copyfile(path, folder / path.name)
    modules = {
        "stage": joined(("stage",)),
        "player": joined(("player",)),
        "glassLenet": joined(GLASS),
        "kernelWorkbench": joined(WORKBENCH),
    }
    # a classic script: a module cannot be loaded from a file
    wrapped = (
        f"{name}: (() => {{\n{text.replace('export default', 'return')}}})(),\n"
        for name, text in modules.items()
    )
    # the theme's icons may not replace the elements that the widgets hold
    script = "window.FontAwesomeConfig = { autoReplaceSvg: 'nest' };\n"
    script += f"const cnnbookWidgets = {{\n{''.join(wrapped)}}};\n"
    (folder / "widgets.js").write_text(script, encoding="utf-8")
    styled = Stage, Player, IntSlider, GlassLeNet, KernelWorkbench
    css = "\n".join(dict.fromkeys(str(one._css) for one in styled))
    (folder / "widgets.css").write_text(css, encoding="utf-8")
    shutil.copyfile(mathjax(), folder / "mathjax.js")


def mathjax():
    """Find MathJax's single file, TeX to SVG, that a package brings."""
    files = importlib.metadata.files("sphinx-mathjax-offline")
    return next(f.locate() for f in files if f.name == "tex-svg.js")


def table(report):
    """Write what the widgets keep, and what it took, as two tables."""
    lines = ["| chapter | cells run | seconds |", "|---|---|---|"]
    for chapter, one in report.items():
        lines.append(f"| {int(chapter)} | {one['ran']} of {one['cells']} | {one['seconds']} |")
    lines += ["", "| chapter | widget | frames | kB in the page |", "|---|---|---|---|"]
    for chapter, done in report.items():
        for one in done["widgets"]:
            if "still" in one:
                what = f"still: {one['still']}", "–"
            else:
                frames = one["frames"] or "computes by itself"
                what = str(frames), f"{one['bytes'] / 1000:.0f}"
            lines.append(f"| {int(chapter)} | {one['name']} | {' | '.join(what)} |")
    return "\n".join(lines)
