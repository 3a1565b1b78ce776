"""A wheel in an empty environment, far from the repository: chapters run, none writes into it."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import cnnbook
from cnnbook.page.slicing import cells_of_pictures

ROOT = Path(__file__).parent.parent
JUPYTER = [
    "etc/jupyter/jupyter_server_config.d/cnnbook.json",
    "share/jupyter/labextensions/cnnbook/package.json",
    "share/jupyter/labextensions/cnnbook/static/pictures.js",
]
SHIPPED = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("README.md", "results/*.json", "weights/*.safetensors")
    for path in (ROOT / "data").glob(pattern)
)
KEPT_OUT = ("PYTHONPATH", "CNNBOOK_DATA", "VIRTUAL_ENV")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build wheel and sdist of a copy of the repository, without a network."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "cnnbook", source / "cnnbook", ignore=ignore)
    for name in SHIPPED:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    for name in ("MNIST/raw/big", "results/.digits.lock", "weights/.half.tmp"):  # not to be shipped
        (source / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (source / "data" / name).write_text("here alone")
    builds = "build_sdist('out'); build_wheel('out'); build_editable('editable')"
    code = f"from setuptools.build_meta import *; {builds}"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (wheel,), (sdist,) = (source / "out").glob("*.whl"), (source / "out").glob("*.tar.gz")
    return wheel, sdist


def test_every_package_is_named():
    """The list stands in pyproject.toml: setuptools finds no folder that gets another name."""
    found = {path.parent for path in (ROOT / "cnnbook").rglob("__init__.py")}
    names = {path.relative_to(ROOT).as_posix().replace("/", ".") for path in found}
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = listed["tool"]["setuptools"]["packages"]
    assert set(listed) == names | {"cnnbook.data", "cnnbook.data.results", "cnnbook.data.weights"}
    assert listed == sorted(listed)


def test_data_are_in_wheel_and_sdist(built):
    wheel, sdist = built
    with zipfile.ZipFile(wheel) as archive:
        inside = archive.namelist()
    data = sorted(name for name in inside if name.startswith("cnnbook/data/"))
    assert data == [f"cnnbook/{name}" for name in SHIPPED]
    assert {"cnnbook/files.py", "cnnbook/widgets/digit_canvas.js"} <= set(inside)
    with tarfile.open(sdist) as archive:
        inside = [name.partition("/")[2] for name in archive.getnames() if "." in name[-12:]]
    assert sorted(name for name in inside if name.startswith("data/")) == SHIPPED
    assert {"cnnbook/files.py", "cnnbook/widgets/digit_canvas.js", "pyproject.toml"} <= set(inside)
    assert {"cnnbook/jupyter/lab/static/pictures.js", "cnnbook/jupyter/server/cnnbook.json"} < {
        *inside
    }


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """Install the wheel; all other packages are those of the running environment.

    Its folder is named in a .pth file, which does not execute the .pth files in that folder: an
    editable cnnbook there is not seen.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    paths = sysconfig.get_paths(vars={"base": str(home), "platbase": str(home)})
    (site,) = {paths["purelib"], paths["platlib"]}
    running = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (Path(site) / "others.pth").write_text("\n".join(running) + "\n")
    options = ["install", "--quiet", "--no-deps", "--no-index", "--ignore-installed"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    subprocess.run([*pip, *options, str(built[0])], check=True, env=environment(home))
    return python, Path(site)


def environment(home, **more):
    """Name the variables of a user whose own folder is below `home`, far from the repository."""
    kept = {name: value for name, value in os.environ.items() if name not in KEPT_OUT}
    own = {"XDG_DATA_HOME": home / "user", "LOCALAPPDATA": home / "user"}
    own |= {"PYTHONDONTWRITEBYTECODE": "1", "JUPYTER_PATH": home / "jupyter"}
    if sys.platform == "darwin":
        own["HOME"] = home / "user"
    return kept | {name: str(value) for name, value in (own | more).items()}


def test_an_editable_installation_brings_what_jupyter_reads(built):
    (wheel,) = (built[0].parent.parent / "editable").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = archive.namelist()
    data = [name.partition(".data/data/")[2] for name in inside if ".data/data/" in name]
    assert sorted(data) == JUPYTER


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("jupyter_server.extension.serverextension", r"cnnbook\.jupyter enabled"),
        ("jupyterlab.labextensions", rf"cnnbook v{re.escape(cnnbook.__version__)} enabled OK"),
    ],
)
def test_jupyter_finds_what_the_wheel_brings(installed, tmp_path, module, line):
    python, _ = installed
    command, env = [python, "-m", module, "list"], environment(tmp_path)
    run = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    seen = re.sub(r"\x1b\[\d*m", "", run.stdout + run.stderr)
    assert re.search(line, seen), seen


def content(site):
    return {
        path.relative_to(site): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in (site / "cnnbook").rglob("*")
        if "__pycache__" not in path.parts
    }


USES = """
import os, sys
from dataclasses import replace
from pathlib import Path
import cnnbook
from cnnbook.datasets import data_root
from cnnbook.experiments import Outcome, Variant, load_result, run_study
from cnnbook.experiments.__main__ import STUDIES
from cnnbook.models import HOME, LeNet, find_weights, load_weights, save_weights
from cnnbook.widgets import glass_lenet, kernel_workbench

assert glass_lenet().keys and kernel_workbench().keys  # with a script of their own
package, user = Path(sys.argv[1]), Path(sys.argv[2])
root, shipped = data_root(), load_result("digits")["variants"]
assert (Path(cnnbook.__file__).parent, HOME) == (package, package / "data")
assert root.is_relative_to(user), root
run = lambda data, seed: Outcome({"test_accuracy": 0.5}, LeNet())
variants = {n: Variant(run, v.settings) for n, v in STUDIES["digits"].variants.items()}
study = replace(STUDIES["digits"], variants=variants, load=lambda root: None)
least = min(kept["n"] for kept in shipped.values())
made = run_study(study, seeds=least + 1, only=["lenet"], say=str)
assert load_result("digits") == made
added = len(made["variants"]["lenet"]["runs"]) - len(shipped["lenet"]["runs"])
assert added in (0, 1)
load_weights(LeNet(), "digits_lenet")
for name in ("mnist_lenet", "digits_lenet"):
    assert find_weights(name).parent == HOME / "weights"
mine = save_weights(LeNet(), "digits_lenet")
assert find_weights("digits_lenet") == mine == root / "weights" / "digits_lenet.safetensors"
try:
    load_result("nothing")
except ValueError as error:
    assert str(root) in str(error) and str(HOME) in str(error)
"""


def test_what_a_user_makes_goes_to_a_folder_of_the_users(installed, tmp_path):
    python, site = installed
    before = content(site)
    command = [python, "-c", USES, site / "cnnbook", tmp_path / "user"]
    run = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert content(site) == before
    assert list(tmp_path.iterdir()) == [tmp_path / "user"]


def test_the_pictures_of_a_chapter_run_from_a_wheel(installed, tmp_path, monkeypatch):
    python, site = installed
    for name in KEPT_OUT:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    kernel, book = tmp_path / "jupyter" / "kernels" / "wheel", tmp_path / "book"
    kernel.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "wheel", "language": "python"}
    (kernel / "kernel.json").write_text(json.dumps(spec))
    shutil.copytree(ROOT / "notebooks", book, ignore=shutil.ignore_patterns(".*", "*.py"))
    notebook = nbformat.read(book / "03_padding_and_stride.ipynb", as_version=4)
    behind = cells_of_pictures(notebook.cells)[1]
    notebook.cells = [notebook.cells[number] for number in behind]
    probe = "import cnnbook; print(cnnbook.__file__)"
    notebook.cells.append(nbformat.v4.new_code_cell(probe))
    before, place = content(site), {"metadata": {"path": str(book)}}
    # raises if a cell does
    NotebookClient(notebook, timeout=300, kernel_name="wheel", resources=place).execute()
    last = [output for output in notebook.cells[-1].outputs if output.name == "stdout"]
    assert Path(last[0].text.strip()) == site / "cnnbook" / "__init__.py"
    assert content(site) == before
