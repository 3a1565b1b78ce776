"""The environment of Binder-like hosts lists what pyproject.toml lists."""

import os
import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
THEIRS = {"matplotlib": "matplotlib-base", "torch": "pytorch-cpu"}  # names that conda-forge has


def requirements():
    """List the dependencies of the package as conda-forge writes them."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for line in tomllib.loads(text)["project"]["dependencies"]:
        name = re.match(r"[\w-]+", line)[0]
        yield THEIRS.get(name, name) + line.removeprefix(name)


def test_every_dependency_is_named():
    listed = yaml.safe_load((ROOT / ".binder" / "environment.yml").read_text(encoding="utf-8"))
    assert listed["channels"] == ["conda-forge"]
    *packages, by_pip = listed["dependencies"]
    assert set(packages + by_pip["pip"]) - {"python=3.12", "pip"} == set(requirements())


def test_no_registry_is_named_and_the_book_is_installed_from_the_repository():
    script = ROOT / ".binder" / "postBuild"
    assert os.access(script, os.X_OK)
    texts = script.read_text(), (ROOT / ".binder" / "environment.yml").read_text()
    assert "pip install --no-deps -e ." in texts[0]
    assert not re.search(r"://|index-url|find-links", "".join(texts))
