"""The rules of the repository that a machine can check: imports, documentation, names, files."""

import ast
import graphlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch.nn.functional as F

import cnnbook
from cnnbook import ops

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cnnbook"

# each part of the package, and what it may import; the order is that of the book's table
PARTS = {
    "checks": {"(numpy)"},
    "files": {"(platformdirs)"},
    "luminance": set(),
    "misfits": {"(torch)"},
    "recording": {"checks", "misfits", "numpy", "(torch)"},
    "shapes": {"checks"},
    "receptive_field": {"checks", "recording", "shapes", "numpy", "(torch)"},
    "ops": {"checks", "shapes", "numpy"},
    "derivation": {"checks", "shapes", "numpy"},
    "numpy_net": {"checks", "ops", "shapes", "numpy", "tqdm"},
    "datasets": {"files", "luminance", "checks", "numpy", "torch", "torchvision", "tqdm"}
    | {"(sklearn)", "(PIL)"},
    "models": {
        *("checks", "files", "recording", "shapes", "receptive_field", "torch"),
        *("(safetensors)", "(torchvision)", "(datasets)"),
    },
    "training": {"checks", "recording", "torch", "tqdm", "(scipy)", "(sklearn)"},
    "experiments": {"checks", "files", "recording", "models", "datasets", "training", "torch"}
    | {"(torchvision)", "(scipy)", "(filelock)", "(cloudpickle)", "(distributed)"},
    "figures": {"luminance", "checks", "numpy", "matplotlib", "PIL", "shapes", "ops"}
    | {"derivation", "receptive_field"},
    "widgets": set(
        """ipywidgets traitlets anywidget numpy torch PIL (sklearn) tqdm files luminance checks
        shapes recording receptive_field ops derivation numpy_net datasets models training
        figures""".split()
    ),
    "exercises": {"files", "numpy", "ops", "shapes", "derivation", "receptive_field", "ipywidgets"}
    | {"(platformdirs)"},
    "page": {"PIL", "figures", "widgets", "exercises", "numpy", "nbformat", "nbclient", "tqdm"}
    | {"(playwright)"},
    "jupyter": {"tornado", "setuptools"},
    "selfcheck": None,  # asks what is installed: anything, but inside functions only
}
"""Brackets: inside functions only, so that importing the module does not load the library."""

FIRST = {"checks", "files", "jupyter", "luminance", "misfits", "selfcheck"}
"""Not in the drawing of the house: the last imports all, `jupyter` is for a server alone, the
others come before all."""

TOP_LEVEL = set(
    """pyproject.toml README.md LICENSE CHANGELOG.md CONTRIBUTING.md CITATION.cff requirements.txt
    noxfile.py notebooks cnnbook tests data .ci""".split()
)


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# what lies beside the pages of the site is read by other programs, and is no module
PAGES = PACKAGE / "page" / "pages"
FILES = {
    module_name(path): path for path in sorted(set(PACKAGE.rglob("*.py")) - {*PAGES.glob("*")})
}


def imports(path):
    """List the absolute names of what a file imports, and whether inside of a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.Lambda)]
    inner = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from ((name, id(node) in inner) for name in names)


def part(module):
    """Name the part of the package that a module belongs to, or the library."""
    names = module.split(".")
    return names[1] if names[0] == "cnnbook" and len(names) > 1 else names[0]


def forbidden(name, path):
    """List the imports of a module that its part may not have."""
    own = part(name)
    allowed = PARTS.get(own)
    if name == "cnnbook" or (allowed is None and own in PARTS):
        allowed = set()
    elif allowed is None:
        return [f"{name} belongs to no part of the table"]
    wrong = []
    for imported, inside in imports(path):
        target = part(imported)
        free = target in sys.stdlib_module_names or target == own
        bracketed = inside and (f"({target})" in allowed or PARTS.get(own) is None)
        if not free and target not in allowed and not bracketed:
            wrong.append(f"{name} imports {imported}")
    return wrong


def test_imports_point_up_the_table():
    assert [wrong for name, path in FILES.items() for wrong in forbidden(name, path)] == []


def test_the_table_itself_points_up():
    order = list(PARTS)
    for own, allowed in PARTS.items():
        for target in (allowed or set()) & set(order):
            assert order.index(target) < order.index(own), f"{own} may import {target}"


def test_modules_do_not_import_in_a_circle():
    graph = {}
    for name, path in FILES.items():
        # `from package import module` runs the module, `from module import name` runs that one
        targets = {n if n in FILES else n.rpartition(".")[0] for n, _ in imports(path)}
        graph[name] = targets & set(FILES) - {name}
    graphlib.TopologicalSorter(graph).prepare()


def test_the_examples_of_the_contributing_page_run():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = {}
    code = "from functools import *\nimport numpy as np\nimport torch\n"
    code += "from cnnbook.figures.numbers import *\nfrom cnnbook.figures.scene import *\n"
    code += "from cnnbook.figures.state import *\nfrom cnnbook.widgets.explorer import *\n"
    code += "from cnnbook.experiments.study import *\nfrom cnnbook.models import *\n"
    code += "from cnnbook.training import *\nfrom cnnbook.datasets import mnist_small\n"
    code += "from cnnbook.exercises.chapter_03 import *\nfrom cnnbook.ops.pooling import *\n"
    code += "from cnnbook.ops.pooling import _max, _tile\n"
    code += "from cnnbook.exercises.worksheets.question import Draw, ask\n"
    code += "from cnnbook.shapes import pool_output_size\n"
    exec(code, names)
    for example in examples:
        exec(example, names)
    view = names["mean_explorer"]()
    assert repr(view) == "The mean of 3 numbers is 3."
    view.controls["x"].value = "1 2 x"
    assert view.message == "'x' is not a number"
    assert names["LENET"].settings == {"epochs": 5}
    asked = names["halved"](names["Draw"](0))
    assert asked.answers == {"outputs": asked.given["n"] // 2}


def test_the_drawing_of_the_house_shows_the_imports():
    drawing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("```mermaid\n")[2]
    drawn = re.findall(r"^ +(\w+) --> (\w+)$", drawing.partition("```")[0], re.MULTILINE)
    own = {name: set() for name in PARTS}
    for module, path in FILES.items():
        if part(module) in own:
            own[part(module)] |= {part(imported) for imported, _ in imports(path)} & set(PARTS)
    own = {name: targets - {name, *FIRST} for name, targets in own.items()}
    reach, needed = {}, set()
    for name, targets in own.items():  # each part after those that it imports
        indirect = set().union(*(reach[other] for other in targets))
        reach[name] = targets | indirect
        needed |= {(name, other) for other in targets - indirect if name not in FIRST}
    assert set(drawn) == needed


@pytest.mark.parametrize(
    ("parts", "heavy"),
    [
        ("ops, cnnbook.shapes", "torch matplotlib"),
        (
            "widgets, cnnbook.exercises",
            "torchvision sklearn scipy skimage torch.utils.flop_counter",
        ),
    ],
)
def test_what_takes_long_to_load_is_loaded_where_it_is_used(parts, heavy):
    """Every chapter begins with these imports: seconds of a reader, memory of a class."""
    code = f"import sys, cnnbook.{parts}; print(*set({heavy.split()}) & {{*sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (loaded.stdout, loaded.returncode) == ("\n", 0), loaded.stderr


TORCH_NAMES = [
    name
    for name in ops.__all__
    if not name.endswith("_backward")
    and name not in ("convolve", "correlate", "conv2d_loops")  # as in NumPy, and by definition
]


def test_every_backward_has_its_forward():
    assert {name.removesuffix("_backward") for name in ops.__all__} <= set(ops.__all__)


def torch_parameters(name):
    """Read the parameters of a torch function from its signature or its documentation."""
    function = getattr(F, f"{name}_with_indices", getattr(F, name))  # the real one is beside it
    try:
        return list(inspect.signature(function).parameters)
    except ValueError:
        inside = re.search(r"\((.*?)\) ->", function.__doc__.strip().splitlines()[0])[1]
        return [entry.split("=")[0].strip() for entry in inside.split(",") if entry.strip() != "*"]


@pytest.mark.parametrize("name", TORCH_NAMES)
def test_operations_are_named_like_those_of_torch(name):
    signature = inspect.signature(getattr(ops, name)).parameters
    theirs = [n for n in torch_parameters(name) if n not in ("size_average", "reduce")]  # obsolete
    assert list(signature)[1:] == theirs[1 : len(signature)]
    left_out = {"inplace", "dtype", "_stacklevel"}  # NumPy has other means for these
    assert set(theirs[len(signature) :]) <= left_out
    if name.startswith(("max", "pad", "local")):  # torch tells the defaults of these
        function = getattr(F, f"{name}_with_indices", getattr(F, name))
        theirs = inspect.signature(function).parameters
        for key, ours in list(signature.items())[1:]:
            assert ours.default in (inspect.Parameter.empty, theirs[key].default)


def test_the_top_level_holds_only_what_it_must():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no git checkout")
    extra = {Path(line).parts[0] for line in listed.stdout.splitlines()} - TOP_LEVEL
    assert {name for name in extra if not name.startswith(".")} == set()


def test_requirements_are_pinned_and_the_version_is_that_of_the_change_log():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert pinned
    assert [line for line in pinned if not re.fullmatch(r"[\w.-]+==[\w.+!-]+", line)] == []
    assert cnnbook.__version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
