"""What is wrong with the options of ``aucmax fit``, in sentences that name option and cure."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Any

import torch
from jsonargparse import ArgumentError

from .. import data, losses, optim

CLASSES: dict[str, tuple[type[Any], list[ModuleType]]] = {
    "data": (data.Source, [data]),
    "loss": (losses.Loss, [losses]),
    "optimizer": (torch.optim.Optimizer, [optim, torch.optim]),
}
"""Options whose value names a class, with its base and the modules that offer such classes."""

KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "NoneType": "null",
    "tuple": "a list",
    "list": "a list",
    "collections.abc.Sequence": "a list",
    "dict": "a table",
}


class OptionError(ValueError):
    """All that is wrong with the options, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def blame(
    error: ArgumentError, head: str, group: Mapping[str, str], known: Iterable[str]
) -> tuple[str, str]:
    """The option that an error of the parser is about, and what to tell the user.

    Args:
        error: what the parser raised.
        head: option that the group belongs to: a class such as "loss", or the only option.
        group: the options that were parsed together, with their values.
        known: names of all options.

    Returns:
        The option (``head`` if the whole group is at fault), and a sentence.
    """
    text = str(error)
    if match := re.search(r"Option '([^']+)' is not accepted", text):
        key = f"{head}.{match[1]}"
        return key, f"--{key}: {group.get(head, head)} has no option {match[1]!r}"
    if match := re.search(r"arguments are required: (.+)", text):
        missing = ", ".join(f"--{head}.{name.strip()}" for name in match[1].split(","))
        return head, f"--{head} {group.get(head, '')} needs {missing}"
    inner = re.findall(r'Parser key "([^"]+)"', text)
    key = inner[-1] if inner else head
    key = key if key in group else f"{head}.{key}" if f"{head}.{key}" in group else head
    if match := re.search(r"[Uu]nrecognized arguments: --([^\s=]+)", text):
        tail = match[1].partition(".")[2]
        near = get_close_matches(match[1], [*known, *(f"{name}.{tail}" for name in CLASSES)])
        hint = f"; did you mean --{near[0]}?" if near else "; see aucmax fit --help"
        return head, f"--{match[1]}: there is no such option{hint}"
    if key in CLASSES:
        names = ", ".join(sorted(class_names(key)))
        if key not in group:
            return (
                head,
                f"--{key} is missing, to which --{', --'.join(group)} belongs: one of {names}",
            )
        return head, f"--{key}: there is no {group[key]!r}; choose one of {names}"
    if own := [name for name in known if name.startswith(f"{key}.")]:
        return key, f"--{key} has options of its own: give them as --{', --'.join(own)}"
    if key != head:  # what stands behind the innermost key, less the choice of another class
        text = text.rpartition("Parser key")[2].split("\n    - ")[0]
    got = "no value" if group[key] == "true" else repr(group[key])
    return key, f"--{key}: expected {_wanted(text)}, got {got}"


def class_names(key: str) -> set[str]:
    """Names that an option takes: those that the package offers, and torch's optimizers."""
    base, modules = CLASSES[key]
    found: set[str] = set()
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, base) and value is not base:
                found |= set() if getattr(value, "__abstractmethods__", None) else {name}
    return found


def _wanted(text: str) -> str:
    """What the parser would have taken, in words."""
    literals = re.findall(r"Literal\[([^]]+)\]", text)
    plain = re.findall(r"Expected an? <class '([^']+)'>", text)
    kinds: list[str] = [*dict.fromkeys(x for part in literals for x in part.split(", ")), *plain]
    if not kinds and ("Type collections.abc.Callable" in text or "dot import path" in text):
        return "the import path of a function or class, such as torch.nn.Identity"
    return " or ".join(dict.fromkeys(KINDS.get(kind, kind) for kind in kinds)) or "another value"
