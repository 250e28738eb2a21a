"""Read YAML that somebody else may have written: bounded, without surprises, and without code."""

import re
from collections.abc import Hashable, Iterator, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any

import yaml

from .._files import MAX_TEXT

MAX_DEPTH = 12
MAX_VALUES = 10_000
"""Of values in a file, each alias counted as often as it is used."""

_KEY = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*")
_MERGE = "tag:yaml.org,2002:merge"


def parse_yaml(text: str, name: str) -> Any:
    """Parse one YAML document, without tags of Python's, repeated keys, or endless nesting.

    Args:
        text: the document.
        name: of the file or option, for messages.

    Raises:
        ValueError: in one line, if it is no such document.
    """
    if len(text) > MAX_TEXT:
        raise ValueError(f"{name} is larger than {MAX_TEXT:,} characters, so it is no recipe")
    loader = yaml.SafeLoader("")
    try:
        _check_depth(text, name)
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_node(node, name)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(f"{name} is not YAML: {' '.join(str(error).split())}") from error
    except (OverflowError, ValueError) as error:
        if str(error).startswith(name):
            raise
        raise ValueError(f"{name}: a value cannot be read: {error}") from error
    finally:
        loader.dispose()


def _check_depth(text: str, name: str) -> None:
    """Refuse deep nesting by the stream of events; composing it would exhaust the stack."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"{name} is nested more than {MAX_DEPTH} levels deep")


def _check_node(root: yaml.Node, name: str) -> None:
    """Refuse cycles, repeated keys, and aliases that unfold to more than a recipe can hold."""
    sizes: dict[int, int] = {}
    depths: dict[int, int] = {}
    open_nodes: set[int] = set()

    def visit(node: yaml.Node) -> None:
        if id(node) in sizes:
            return
        if id(node) in open_nodes:
            raise ValueError(f"{name} holds a node that contains itself")
        open_nodes.add(id(node))
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, name)
        children = list(_children(node))
        for child in children:
            visit(child)
        open_nodes.remove(id(node))
        sizes[id(node)] = 1 + sum(sizes[id(child)] for child in children)
        depths[id(node)] = 1 + max((depths[id(child)] for child in children), default=0)
        if sizes[id(node)] > MAX_VALUES or depths[id(node)] > MAX_DEPTH + 1:
            raise ValueError(f"{name} unfolds to more than {MAX_VALUES:,} values or is too deep")

    visit(root)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    for item in node.value if isinstance(node, yaml.CollectionNode) else ():
        yield from item if isinstance(item, tuple) else (item,)


def _check_keys(node: yaml.MappingNode, name: str) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise ValueError(f"{name}, line {line}: a key must be a name")
        if key.value in seen and key.tag != _MERGE:
            raise ValueError(f"{name}, line {line}: the key {key.value!r} comes twice")
        seen.add(key.value)


def check_options(content: object, name: str) -> dict[str, Any]:
    """Return the content of a recipe after a check of its structure.

    A class is a text, or a table of ``class_path`` and ``init_args``; everything else is a table of
    options, a list, or one value.

    Args:
        content: what :func:`parse_yaml` returned.
        name: of the file, for messages.

    Raises:
        ValueError: in one line, with the place that is wrong.
    """
    if not isinstance(content, Mapping):
        shown = repr(content)
        raise ValueError(
            f"{name} must hold options as `key: value`, got {shown[:60]}{'...' * (len(shown) > 60)}"
        )
    _check_table(content, name, "")
    return dict(content)


def _check_table(table: Mapping[Any, Any], name: str, where: str) -> None:
    for key in table:
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise ValueError(f"{name}: {where}{_shown(key)} is not the name of an option")
    parts = {part for key in table for part in key.split(".")}
    at = where.removesuffix(".") or "the file"
    if "dict_kwargs" in parts:
        raise ValueError(f"{name}: {at}: dict_kwargs is not read: give options under init_args")
    dotted = [
        key for key in table if "." in key and {"class_path", "init_args"} & {*key.split(".")}
    ]
    if dotted:
        raise ValueError(f"{name}: write {dotted[0]} as nested tables")
    if "class_path" in table:
        _check_class(table, name, at)
    elif "init_args" in table:
        raise ValueError(f"{name}: {at} has init_args but no class_path")
    elif "class_path" in (near := {n for k in table for n in get_close_matches(k, ["class_path"])}):
        wrong = next(key for key in table if get_close_matches(key, near))
        raise ValueError(f"{name}: {at} has {wrong!r}; did you mean class_path?")
    for key, value in table.items():
        _check_value(value, name, f"{where}{key}")


def _check_class(table: Mapping[str, Any], name: str, at: str) -> None:
    path, arguments = table["class_path"], table.get("init_args")
    if not isinstance(path, str) or not path.strip():
        raise ValueError(f"{name}: {at}.class_path must be the name of a class, got {_shown(path)}")
    if other := [key for key in table if key not in {"class_path", "init_args"}]:
        near = get_close_matches(other[0], ["init_args", "class_path"])
        hint = f"did you mean {near[0]}?" if near else "options belong under init_args"
        raise ValueError(f"{name}: {at} has {other[0]!r} beside class_path; {hint}")
    if arguments is not None and not isinstance(arguments, Mapping):
        raise ValueError(
            f"{name}: {at}.init_args must be a table of options, got {_shown(arguments)}"
        )


def _check_value(value: Any, name: str, where: str) -> None:
    if isinstance(value, Mapping):
        _check_table(value, name, f"{where}.")
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping):
                raise ValueError(f"{name}: {where} must not hold tables in a list")
            _check_value(item, name, where)
    elif value is not None and not isinstance(value, str | bool | int | float | date):
        raise ValueError(f"{name}: {where} must be a number, text or list, got {_shown(value)}")


def _shown(value: Hashable | object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
