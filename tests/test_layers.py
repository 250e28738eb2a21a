"""Imports only point down, the core needs torch and numpy alone, and files stay short."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "aucmax"
LAYERS = [
    {
        "_arrays",
        "_autograd",
        "_call",
        "_checks",
        "_csv",
        "_files",
        "_joint",
        "_moving_average",
        "_schema",
        "_signals",
        "recipes",
        "surrogates",
    },
    {"losses", "bags", "optim", "samplers", "metrics", "distributed"},
    {"refit"},
    {"molecules", "forests"},
    {"data", "models", "report", "integrations", "train"},
    {"commands", "cli", "__main__"},
]
CORE = 3
"""Layers below this one need torch and numpy alone, and are what ``import aucmax`` loads."""

LAYER = {part: number for number, parts in enumerate(LAYERS) for part in parts}
SIDEWAYS = {
    "_checks": {"_autograd"},
    "_moving_average": {"_checks"},
    "recipes": {"_files"},
    "train": {"data", "models", "report"},
    "cli": {"commands"},
    "__main__": {"cli"},
}
"""Parts of the same layer that a part may import; there are no others."""

HEAVY = ["lightning", "torchvision", "timm", "pandas", "sklearn", "matplotlib", "torchmetrics",
         "PIL", "jsonargparse", "yaml", "scipy", "rdkit", "torch_geometric"]  # fmt: skip
SOURCES = sorted(PACKAGE.rglob("*.py"))


def part_of(path):
    """The part that a file belongs to; "" for aucmax/__init__.py."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imports(path):
    """Full names of all modules that a file imports, wherever in it."""
    package = ["aucmax", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def own(path):
    """Parts of aucmax that a file imports."""
    inside = (name.split(".")[1] for name in imports(path) if name.startswith("aucmax."))
    return {name for name in inside if name in LAYER} - {part_of(path)}


def test_every_part_has_a_layer():
    parts = {part_of(path) for path in SOURCES} - {""}
    assert parts == set(LAYER)


def test_the_reader_of_imports_sees_all_forms():
    assert "aucmax.losses.base.Loss" in imports(PACKAGE / "train" / "classifier.py") or (
        "aucmax.losses.Loss" in imports(PACKAGE / "train" / "classifier.py")
    )
    assert own(PACKAGE / "losses" / "aucm.py") <= {"_checks", "surrogates"}
    assert own(PACKAGE / "train" / "training.py") >= {"data", "models", "report"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_down(path):
    part = part_of(path)
    for other in own(path):
        if part == "":
            assert LAYER[other] < CORE, f"aucmax/__init__.py imports {other}"
        else:
            down = LAYER[other] < LAYER[part]
            assert down or other in SIDEWAYS.get(part, set()), f"{part} imports {other}"


@pytest.mark.parametrize("path", [p for p in SOURCES if LAYER.get(part_of(p), 0) < CORE], ids=str)
def test_the_core_imports_torch_and_numpy_alone(path):
    roots = {name.split(".")[0] for name in imports(path)}
    assert roots - set(sys.stdlib_module_names) <= {"aucmax", "torch", "numpy"}


def test_torchmetrics_is_for_the_integration_alone():
    users = {
        part_of(path)
        for path in SOURCES
        if any(n.startswith("torchmetrics") for n in imports(path))
    }
    assert users == {"integrations"}


def loaded_by(statement):
    """Which of the heavy packages a statement loads, in a fresh process."""
    listed = f"json.dumps([name for name in {HEAVY} if name in sys.modules])"
    code = f"{statement}; import json, sys; print({listed})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "statement",
    [
        "import aucmax, aucmax.cli",
        "import aucmax.metrics",
        "from aucmax.cli import main; main(['recipes'])",
    ],
)
def test_light_imports_stay_light(statement):
    code = (
        f"import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    {statement}"
    )
    assert loaded_by(f"exec({code!r})") == []


def test_the_heavy_ones_would_be_seen():
    assert "torchvision" in loaded_by("import aucmax.train")


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "examples"])
def test_no_file_is_longer_than_300_lines(folder):
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / folder).rglob("*.py")}
    assert {str(path): length for path, length in lengths.items() if length > 300} == {}


def test_no_function_is_longer_than_50_lines():
    """Its docstring not counted."""
    long = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                text = ast.get_docstring(node)
                lines = node.end_lineno - node.lineno + 1
                lines -= 0 if text is None else node.body[0].end_lineno - node.body[0].lineno + 1
                if lines > 50:
                    long[f"{path.name}:{node.name}"] = lines
    assert long == {}
