"""Look for barriers in what chapters show: axe-core over every output, in JupyterLab.

    npm install --prefix axe axe-core
    python .ci/axe.py axe/node_modules/axe-core/axe.min.js notebooks/02*.ipynb

Runs all cells, and prints for each chapter how many pictures have an alternative text, and what axe
finds; exits with 1 if a finding is serious or a picture has no words.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from lab_driver import Notebook, chromium_page, lab_server

# pages of JupyterLab around the outputs are not ours
FIND = """async () => {
  const { passes, violations } = await axe.run({ include: ['.jp-OutputArea-output'] });
  return [passes.length, violations.map(({ id, impact, help, nodes }) => ({ id, impact, help,
    nodes: nodes.map(({ html, any }) => `${html.slice(0, 120)}  ${any.map(c => c.message)}`) }))];
}"""
DARK = "{ theme: 'JupyterLab Dark' }"
WORDS = "images => images.map(image => image.getAttribute('alt') || '')"


def look(page, server, path, axe, dark):
    """Run a chapter and list its serious findings; a picture without words is one."""
    notebook = Notebook(page, *server, path.name)
    notebook.run_all()
    if dark:
        page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {DARK})")
    page.wait_for_timeout(2000)
    page.evaluate(axe)
    passed, found = page.evaluate(FIND)
    words = page.locator(".jp-OutputArea-output img:not(.cnnbook-kept)").evaluate_all(WORDS)
    drawn = page.locator(".jp-OutputArea-output svg[role=img][aria-label]").count()
    print(f"{path.stem}: words at {sum(map(bool, words))} of {len(words)} images")
    print(f"    and at {drawn} drawings; {passed} rules of axe pass, {len(found)} do not")
    serious = [f"{path.stem}: {problem}" for problem in notebook.problems]
    serious += [f"{path.stem}: image without words"] * words.count("")
    for finding in found:
        line = f"{path.stem}: {finding['impact']}: {finding['id']}: {finding['help']}"
        print(line, *(f"    {node}" for node in finding["nodes"][:3]), sep="\n")
        if finding["impact"] in ("serious", "critical"):
            serious.append(line)
    return serious


def main(arguments=None):
    """Read the command line; exit with 1 if there is a serious finding."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("axe", type=Path, help="axe.min.js")
    parser.add_argument("chapters", nargs="+", type=Path)
    parser.add_argument("--dark", action="store_true", help="in JupyterLab's dark theme")
    chosen = parser.parse_args(arguments)
    os.environ["CNNBOOK_PROGRESS"] = "off"
    serious = []
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as state:
        for path in chosen.chapters:
            shutil.copy(path, folder)
        with lab_server(folder, state) as server:
            for path in chosen.chapters:
                with chromium_page() as page:
                    serious += look(page, server, path, chosen.axe.read_text(), chosen.dark)
    return int(bool(serious))


if __name__ == "__main__":
    sys.exit(main())
