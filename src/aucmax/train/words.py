"""Options as words: what was typed, and a recipe as one would have typed it."""

import json
import math
from collections.abc import Mapping
from typing import Any

import yaml

from .option_errors import OptionError


def units(argv: list[str]) -> dict[str, str]:
    """``--key value``, ``--key=value``, ``--key a b`` (a list) or ``--key`` (true)."""
    units: dict[str, str] = {}
    problems: list[str] = []
    position = 0
    while position < len(argv):
        token, position = argv[position], position + 1
        if not token.startswith("--") or not token[2:3].isalpha():
            problems.append(f"{token!r} is not an option; options are --key value")
            continue
        key, equals, value = token[2:].partition("=")
        values = [value] if equals else []
        while not equals and position < len(argv) and not argv[position].startswith("--"):
            values.append(argv[position])
            position += 1
        units[key] = json.dumps(values) if len(values) > 1 else values[0] if values else "true"
    if problems:
        raise OptionError(problems)
    return units


def flattened(content: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A nested recipe as the options that one would have typed.

    Raises:
        OptionError: if an option stands there twice, nested and with dots.
    """
    flat: dict[str, str] = {}
    for key, value in content.items():
        found: dict[str, str] = {}
        if isinstance(value, Mapping):
            if "class_path" in value:
                found[f"{prefix}{key}"] = value["class_path"]
                value = value.get("init_args") or {}
            found |= flattened(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value if isinstance(value, str) else typed(value)
        if twice := sorted(flat.keys() & found.keys()):
            raise OptionError([f"--{twice[0]}: {twice[0]} is given twice in the recipe"])
        flat |= found
    return flat


def typed(value: Any) -> str:
    """A value of a recipe as one would have typed it."""
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf)
    return text.removesuffix("...\n").strip()
