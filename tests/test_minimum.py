"""The lowest versions that are tested are those that pyproject.toml declares."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_constraints_are_the_declared_minimum():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"]]
    for extra in ("train", "medical", "molecules", "tensorboard"):
        declared += extras[extra]
    declared += [text for text in extras["dev"] if text.startswith("scipy")]
    lowest = {re.split(r"[\[><=]", text)[0]: re.search(r">=([^,]+)", text)[1] for text in declared}
    lines = (ROOT / ".ci" / "minimum.txt").read_text().splitlines()
    tested = dict(line.split("==") for line in lines if "==" in line)
    assert tested == lowest


def test_the_parser_is_bounded_below_its_next_major_version():
    text = (ROOT / "pyproject.toml").read_text()
    assert re.search(r'"jsonargparse\[signatures\]>=[0-9.]+,<5"', text)
