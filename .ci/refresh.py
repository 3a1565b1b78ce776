"""Execute notebooks top to bottom and save them in one normal form.

    python .ci/refresh.py notebooks/03_padding_and_stride.ipynb
    python .ci/refresh.py                      # every chapter
    python .ci/refresh.py --twice              # each cell twice in a row; writes nothing

A percent-format draft of the same name (notebooks/03_padding_and_stride.py, see CONTRIBUTING.md)
is read first where there is one and newer: cell ids and tags survive. Running it twice changes
no byte.
"""

import argparse
import configparser
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from cnnbook.files import replacing

ROOT = Path(__file__).resolve().parent.parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def read_chapter(path):
    """Read a notebook, with the cells of its percent-format draft if that is newer."""
    draft = path.with_suffix(".py")
    if not draft.exists() or (path.exists() and path.stat().st_mtime > draft.stat().st_mtime):
        return nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:  # jupytext writes its output bit by bit
        merged, update = Path(folder) / path.name, []
        if path.exists():
            shutil.copyfile(path, merged)
            update = ["--update"]
        command = [sys.executable, "-m", "jupytext", "--quiet", *update, "--to", "ipynb"]
        subprocess.run([*command, "-o", merged, draft], check=True)
        return nbformat.read(merged, as_version=4)


def normalise(notebook, name):
    """Drop what differs between two runs or two machines."""
    notebook.metadata = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        tags, folded = cell.metadata.get("tags"), cell.metadata.get("jupyter", {})
        cell.metadata = {"tags": tags} if tags else {}
        if folded.get("source_hidden"):
            cell.metadata["jupyter"] = {"source_hidden": True}
        if len(cell.get("id", "")) != 12:  # a new cell: name it by place and text, not by chance
            cell.id = hashlib.sha256(f"{name} {number} {cell.source}".encode()).hexdigest()[:12]
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data.pop(WIDGET_VIEW, None)


def client_of(notebook, path):
    """Prepare to execute a notebook in the folder of its file."""
    return NotebookClient(
        notebook, timeout=300, kernel_name="python3", record_timing=False, store_widget_state=True,
        coalesce_streams=True,  # one print, one text: how a stream is cut differs between runs
        resources={"metadata": {"path": str(path.parent)}},
    )  # fmt: skip


def refresh(path):
    """Execute one notebook in its folder and write it back, whole or not at all."""
    notebook = read_chapter(path)
    start = time.perf_counter()
    client_of(notebook, path).execute()
    normalise(notebook, path.stem)
    with replacing(path) as temporary:
        nbformat.write(notebook, temporary)
    size = path.stat().st_size / 1e3
    print(f"{path.name}: {time.perf_counter() - start:.1f} s, {size:.0f} kB")


# ---------------------------------------------------------------- every cell twice


def shown(outputs):
    """Return the texts that nbval would compare: no pictures, addresses or widget models."""
    rules = configparser.ConfigParser(interpolation=None)
    rules.read(ROOT / ".ci" / "nbval_sanitize.cfg")
    texts = []
    for output in outputs:
        kinds = output.get("data", {"stream": output.get("text", "")})
        kinds = {k: v for k, v in kinds.items() if k not in (WIDGET_VIEW, "image/png")}
        text = json.dumps(kinds, ensure_ascii=False, sort_keys=True).replace("\\n", "\n")
        for rule in rules.values():
            if "regex" in rule:
                text = re.sub(rule["regex"], rule["replace"], text)
        texts.append(text)
    return texts


def twice(path):
    """Execute each code cell twice in a row, as readers do, and say what that changes.

    Parameters
    ----------
    path : Path
        A notebook with outputs; it is only read.

    Returns
    -------
    list of str
        One line per cell that fails, or shows something else than the file does. A line in
        brackets is a remark: a cell tagged `nbval-ignore-output` may show another time, but not go
        on training what the first run trained.
    """
    notebook, found = nbformat.read(path, as_version=4), []
    client = client_of(notebook, path)
    with client.setup_kernel():
        for place, cell in enumerate(notebook.cells):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            ignored, expected = "nbval-ignore-output" in cell.metadata.get("tags", []), None
            if not ignored:
                expected = shown(cell.outputs)
            for turn in ("first", "second"):
                here = f"{path.stem}, cell {place}"
                try:
                    client.execute_cell(cell, place)
                except CellExecutionError as error:
                    lines = re.sub(r"\x1b\[[\d;]*m", "", str(error)).strip().splitlines()
                    found.append(f"{here}, {turn} run fails: {lines[-1]}")
                    break
                now = shown(cell.outputs)
                if expected not in (None, now):
                    change = f"{turn} run shows {difference(expected, now)}"
                    remark = f"({here}, which nbval ignores, {change})"
                    found.append(remark if ignored else f"{here}, {change}")
                    break
                expected = now
    return found


def difference(before, after):
    """Show the surroundings of the first difference of two lists of texts."""
    before, after = "\n".join(before), "\n".join(after)
    pairs = enumerate(zip(before, after, strict=False))
    start = next((i for i, (a, b) in pairs if a != b), min(len(before), len(after)))
    start = max(start - 20, 0)
    return f"{after[start : start + 80]!r}, before it was {before[start : start + 80]!r}"


def main(arguments=None):
    """Read the command line; exit with 1 if a cell cannot be run twice."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("chapters", nargs="*", help="notebooks; without any, every chapter")
    parser.add_argument(
        "--twice", action="store_true", help="execute each cell twice and list what changes"
    )
    chosen = parser.parse_args(arguments)
    paths = [Path(name).resolve().with_suffix(".ipynb") for name in chosen.chapters]
    failed = 0
    for path in paths or sorted((ROOT / "notebooks").glob("**/[0-9]*.ipynb")):
        if not chosen.twice:
            refresh(path)
            continue
        found = twice(path)
        count = sum(not line.startswith("(") for line in found)
        failed += count
        print(*found, f"{path.name}: {count} cells cannot be run twice", sep="\n", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
