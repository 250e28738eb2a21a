"""Check the content of a file of ours against a dataclass when it is read."""

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_NAMES = {
    int: "an integer",
    float: "a finite number",
    bool: "true or false",
    str: "text",
    types.NoneType: "null",
    tuple: "a list",
    dict: "a table",
}
_SHOWN = 60
"""Characters of a wrong value that a message repeats."""


def parse_as(cls: type[T], content: object, *, file: str | Path, cure: str) -> T:
    """Build the frozen dataclass ``cls`` from plain values that a file holds.

    Fields may be int, float, bool, str, None, literals, unions, ``tuple[X, ...]``,
    ``dict[str, X]``, other dataclasses, and ``Any``. Lists become tuples. A field without
    a default must be there, and there must be no other keys. A dataclass may refuse values in its
    ``__post_init__``.

    Args:
        cls: the dataclass.
        content: what a JSON, YAML or checkpoint file holds.
        file: where it stands, for the message.
        cure: what the user can do about a damaged file.

    Raises:
        ValueError: if the content is anything else; names the file, the field, and the cure.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Stage:
    ...     epochs: int
    >>> parse_as(Stage, {"epochs": 3}, file="stage.json", cure="train again")
    Stage(epochs=3)
    >>> parse_as(Stage, {"epochs": "x"}, file="stage.json", cure="train again")
    Traceback (most recent call last):
    ValueError: stage.json is damaged: epochs must be an integer, got 'x'; train again
    """
    try:
        return _dataclass(cls, content, "")
    except _MismatchError as error:
        raise ValueError(f"{file} is damaged: {error}; {cure}") from error
    except RecursionError as error:
        raise ValueError(f"{file} is damaged: it is nested too deeply; {cure}") from error


def read_json_as(cls: type[T], path: Path, *, cure: str) -> T:
    """Read a JSON file as the dataclass ``cls``; see :func:`parse_as`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not JSON, or not as ``cls`` wants it; names the file and the cure.
    """
    return parse_as(cls, read_json(path, cure=cure), file=path, cure=cure)


def read_json(path: Path, *, cure: str) -> object:
    """Read the content of a JSON file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not JSON; names the file and the cure.
    """
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise ValueError(f"{path} is damaged: it is not JSON ({reason}); {cure}") from error


class _MismatchError(Exception):
    """A value that the schema does not allow."""


def _dataclass(cls: type[T], content: object, where: str) -> T:
    if not isinstance(content, Mapping):
        raise _mismatch(where or "its content", "a table of named values", content)
    hints = get_type_hints(cls)
    wanted = {field.name: field for field in fields(cls)}  # pyright: ignore[reportArgumentType]
    if unknown := [key for key in content if key not in wanted]:
        raise _MismatchError(f"{_at(where, _short(unknown[0]))} is not a known entry")
    values: dict[str, Any] = {}
    for name, field in wanted.items():
        if name in content:
            values[name] = _value(hints[name], content[name], _at(where, name))
        elif field.default is MISSING and field.default_factory is MISSING:
            raise _MismatchError(f"{_at(where, name)} is missing")
    try:
        return cls(**values)
    except ValueError as error:
        raise _MismatchError(str(error)) from error


def _value(hint: Any, value: object, where: str) -> Any:
    """``value`` as the type ``hint``, or :class:`_MismatchError`."""
    if hint is Any:
        return value
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint, value, where)
    if get_origin(hint) in (Union, types.UnionType):
        return _union(get_args(hint), value, where)
    return _CHECKS.get(get_origin(hint) or hint, _plain)(hint, value, where)


def _union(hints: tuple[Any, ...], value: object, where: str) -> Any:
    reasons: list[_MismatchError] = []
    for hint in hints:
        try:
            return _value(hint, value, where)
        except _MismatchError as error:
            reasons.append(error)
    if any(is_dataclass(hint) for hint in hints) and isinstance(value, Mapping):
        raise next(e for h, e in zip(hints, reasons, strict=True) if is_dataclass(h))
    raise _mismatch(
        where, " or ".join(_NAMES.get(get_origin(h) or h, str(h)) for h in hints), value
    )


def _literal(hint: Any, value: object, where: str) -> Any:
    for allowed in get_args(hint):
        if value == allowed and type(value) is type(allowed):
            return value
    raise _mismatch(where, " or ".join(map(repr, get_args(hint))), value)


def _tuple(hint: Any, value: object, where: str) -> Any:
    inner = get_args(hint)
    if not isinstance(value, list | tuple):
        raise _mismatch(where, "a list", value)
    if inner[-1] is Ellipsis:
        inner = (inner[0],) * len(value)
    if len(inner) != len(value):
        raise _mismatch(where, f"a list of {len(inner)}", value)
    return tuple(
        _value(hint, item, f"{where}[{i}]")
        for i, (hint, item) in enumerate(zip(inner, value, strict=True))
    )


def _dict(hint: Any, value: object, where: str) -> Any:
    _, inner = get_args(hint)
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise _mismatch(where, "a table with text as keys", value)
    return {key: _value(inner, item, _at(where, key)) for key, item in value.items()}


def _plain(hint: Any, value: object, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 1e300 else value
    finite = not isinstance(value, float) or abs(value) < float("inf")  # NaN fails, too
    if type(value) is not hint or not finite:
        raise _mismatch(where, _NAMES.get(hint, getattr(hint, "__name__", str(hint))), value)
    return value


_CHECKS: dict[Any, Callable[[Any, object, str], Any]] = {
    Literal: _literal,
    tuple: _tuple,
    dict: _dict,
}


def _at(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _mismatch(where: str, wanted: str, value: object) -> _MismatchError:
    return _MismatchError(f"{where} must be {wanted}, got {_short(value)}")


def _short(value: object) -> str:
    if isinstance(value, Mapping | list | tuple):
        return f"a {'table' if isinstance(value, Mapping) else 'list'} of {len(value)}"
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**40 else "a huge integer"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
