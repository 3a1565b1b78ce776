"""The rules of the repository that a machine can check: imports, documentation, names, files."""

import ast
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
    "_files": {"(platformdirs)"},
    "misfits": {"(torch)"},
    "recording": {"checks", "misfits", "numpy", "(torch)"},
    "shapes": {"checks"},
    "receptive_field": {"checks", "recording", "shapes", "numpy", "(torch)"},
    "ops": {"checks", "shapes", "numpy"},
    "derivation": {"checks", "shapes", "numpy"},
    "numpy_net": {"checks", "ops", "shapes", "numpy", "tqdm"},
    "datasets": {"_files", "checks", "numpy", "torch", "torchvision", "tqdm"}
    | {"(sklearn)", "(PIL)"},
    "models": {
        *("checks", "_files", "recording", "shapes", "receptive_field", "torch"),
        *("(safetensors)", "(torchvision)", "(datasets)"),
    },
    "training": {"_files", "checks", "recording", "torch", "tqdm", "(scipy)", "(sklearn)"},
    "experiments": {"_files", "recording", "models", "datasets", "training", "torch"}
    | {"(torchvision)", "(filelock)"},
    "figures": {"checks", "numpy", "matplotlib", "PIL", "shapes", "ops"}
    | {"derivation", "receptive_field"},
    "widgets": set(
        """ipywidgets traitlets anywidget numpy torch PIL (sklearn) checks shapes
        recording receptive_field ops derivation numpy_net datasets models training experiments
        figures""".split()
    ),
    "exercises": {"numpy", "ops", "shapes"},
    "selfcheck": None,  # asks what is installed: anything, but inside functions only
}
"""Brackets: inside functions only, so that importing the module does not load the library."""

TOP_LEVEL = set(
    """pyproject.toml README.md LICENSE CHANGELOG.md CONTRIBUTING.md CITATION.cff requirements.txt
    noxfile.py notebooks cnnbook tests data .ci""".split()
)


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


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
        targets = {
            imported if imported in FILES else imported.rpartition(".")[0]
            for imported, _ in imports(path)
        } & set(FILES)
        graph[name] = targets - {name}

    def walk(name, trail):
        assert name not in trail, " -> ".join([*trail, name])
        if name not in done:
            for target in graph[name]:
                walk(target, [*trail, name])
            done.add(name)

    done = set()
    for name in graph:
        walk(name, [])


@pytest.mark.parametrize("source", ["import torch", "from cnnbook.widgets import x"])
def test_a_forbidden_import_is_found(tmp_path, source):
    bad = tmp_path / "bad.py"
    bad.write_text(f"import math\nimport numpy\n{source}\n")
    assert forbidden("cnnbook.ops._bad", bad) == [
        f"cnnbook.ops._bad imports {source.split()[1]}" + (".x" if "from" in source else "")
    ]
    bad.write_text("def f():\n    import sklearn.datasets\n")
    assert forbidden("cnnbook.widgets._bad", bad) == []
    assert forbidden("cnnbook.ops._bad", bad) == ["cnnbook.ops._bad imports sklearn.datasets"]


def test_operations_and_shapes_do_not_load_torch():
    code = "import sys, cnnbook.ops, cnnbook.shapes; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


# ---------------------------------------------------------------- names

TORCH_NAMES = [
    name
    for name in ops.__all__
    if not name.endswith("_backward") and name not in ("convolve", "correlate")  # as in NumPy
]


def test_every_backward_has_its_forward():
    assert {name.removesuffix("_backward") for name in ops.__all__} <= set(ops.__all__)


def torch_parameters(name):
    """Read the parameters of a torch function from its signature or its documentation."""
    function = getattr(F, name)
    dispatched = re.fullmatch(r"(adaptive_)?max_pool\dd", name)  # the real one is beside it
    if dispatched:
        function = getattr(F, f"{name}_with_indices")
    try:
        return list(inspect.signature(function).parameters)
    except ValueError:
        first = function.__doc__.strip().splitlines()[0]
        inside = re.search(r"\((.*?)\) ->", first)[1]
        return [entry.split("=")[0].strip() for entry in inside.split(",") if entry.strip() != "*"]


@pytest.mark.parametrize("name", TORCH_NAMES)
def test_operations_are_named_like_those_of_torch(name):
    assert hasattr(F, name)
    ours = list(inspect.signature(getattr(ops, name)).parameters)
    theirs = torch_parameters(name)
    assert ours[0] == "x"
    assert ours[1:] == theirs[1 : len(ours)]
    left_out = {"inplace", "dtype", "_stacklevel"}  # NumPy has other means for these
    if name == "cross_entropy":  # the book needs the plain mean only
        left_out |= {"weight", "size_average", "ignore_index", "reduce", "reduction"}
        left_out |= {"label_smoothing"}
    assert set(theirs[len(ours) :]) <= left_out


@pytest.mark.parametrize(
    "name", [name for name in TORCH_NAMES if name.startswith(("max", "pad", "local"))]
)
def test_operations_have_the_defaults_of_torch(name):
    function = getattr(F, f"{name}_with_indices", getattr(F, name))
    theirs = inspect.signature(function).parameters
    for key, ours in list(inspect.signature(getattr(ops, name)).parameters.items())[1:]:
        if ours.default is not inspect.Parameter.empty:
            assert ours.default == theirs[key].default


# ---------------------------------------------------------------- files


@pytest.fixture(scope="module")
def tracked():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no git checkout")
    return [Path(line) for line in listed.stdout.splitlines()]


def test_the_top_level_holds_only_what_it_must(tracked):
    extra = {path.parts[0] for path in tracked} - TOP_LEVEL
    assert {name for name in extra if not name.startswith(".")} == set()


def test_notebooks_stay_small(tracked):
    large = [path for path in tracked if path.suffix == ".ipynb" and (ROOT / path).exists()]
    assert [str(path) for path in large if (ROOT / path).stat().st_size > 2**20] == []


def test_requirements_are_pinned():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert pinned
    assert [line for line in pinned if not re.fullmatch(r"[\w.-]+==[\w.+!-]+", line)] == []


def test_version_is_that_of_the_change_log():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert cnnbook.__version__ in changes
