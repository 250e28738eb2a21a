"""Imports point down, files stay short, and `import aucmax` stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import aucmax

SOURCE = Path(aucmax.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
LAYERS = {
    0: {"_checks", "surrogates", "_files"},
    1: {"losses", "optim", "samplers", "metrics", "distributed"},
    2: {"data", "models", "report", "recipes", "integrations", "train"},
    3: {"commands", "cli", "__main__"},
}
LEVEL = {room: level for level, rooms in LAYERS.items() for room in rooms}
# In the same layer, who may look at whom.
BESIDE = {
    "report": set(),
    "data": set(),
    "models": set(),
    "recipes": set(),
    "integrations": set(),
    "train": {"data", "models", "report", "recipes"},
    "commands": set(),
    "cli": {"commands"},
    "__main__": {"cli"},
}
HEAVY = ("lightning", "torchvision", "timm", "pandas", "sklearn", "matplotlib", "torchmetrics")


def room(path):
    """The package or module of ``aucmax`` that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_rooms(path):
    """Rooms that a file imports, wherever in the file."""
    inside = path.relative_to(SOURCE).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = ("aucmax", *inside)[: len(inside) + 2 - node.level] if node.level else ()
            whole = [*base, *(node.module or "").split(".")] if node.module else list(base)
            names = [whole] if len(whole) > 1 else [[*whole, a.name] for a in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        else:
            continue
        yield from (name[1] for name in names if name[0] == "aucmax" and len(name) > 1)


def test_every_file_is_in_a_layer():
    rooms = {room(path) for path in FILES}
    assert rooms - {"__init__"} <= set(LEVEL), rooms - set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_down(path):
    own = room(path)
    if own == "__init__":
        allowed = LAYERS[0] | LAYERS[1]
    else:
        below = {other for other, level in LEVEL.items() if level < LEVEL[own]}
        allowed = below | {own} | BESIDE.get(own, set())
    assert set(imported_rooms(path)) - {"__version__"} <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("module", ["aucmax", "aucmax.metrics"])
def test_import_is_light(module):
    program = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
