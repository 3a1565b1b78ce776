"""Execute notebooks top to bottom and save them in one normal form.

    python .ci/refresh.py notebooks/03_padding_and_stride.ipynb
    python .ci/refresh.py                      # every chapter

A percent-format draft of the same name (notebooks/03_padding_and_stride.py, see CONTRIBUTING.md)
is read first where there is one and newer: cell ids and tags survive. Running it twice changes
no byte.
"""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def update_from_draft(path):
    """Bring the cells of a newer percent-format draft into the notebook."""
    draft = path.with_suffix(".py")
    if not draft.exists() or (path.exists() and path.stat().st_mtime > draft.stat().st_mtime):
        return
    keep = ["--update"] if path.exists() else []
    command = [
        sys.executable,
        "-m",
        "jupytext",
        "--quiet",
        *keep,
        "--to",
        "ipynb",
        "-o",
        path,
        draft,
    ]
    subprocess.run(command, check=True)


def normalise(notebook, name):
    """Drop what differs between two runs or two machines."""
    notebook.metadata = {"kernelspec": KERNELSPEC, "language_info": {"name": "python"}}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if len(cell.get("id", "")) != 12:  # a new cell: name it by place and text, not by chance
            cell.id = hashlib.sha256(f"{name} {number} {cell.source}".encode()).hexdigest()[:12]
        for output in cell.get("outputs", []):
            if "data" in output:
                output.data.pop(WIDGET_VIEW, None)


def refresh(path):
    """Execute one notebook in its folder and write it back."""
    update_from_draft(path)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", record_timing=False, store_widget_state=True,
        coalesce_streams=True,  # one print, one text: how a stream is cut differs between runs
        resources={"metadata": {"path": str(path.parent)}},
    )  # fmt: skip
    start = time.perf_counter()
    client.execute()
    normalise(notebook, path.stem)
    nbformat.write(notebook, path)
    size = path.stat().st_size / 1e3
    print(f"{path.name}: {time.perf_counter() - start:.1f} s, {size:.0f} kB")


if __name__ == "__main__":
    chosen = [Path(name).resolve().with_suffix(".ipynb") for name in sys.argv[1:]]
    for chapter in chosen or sorted((ROOT / "notebooks").glob("*.ipynb")):
        refresh(chapter)
