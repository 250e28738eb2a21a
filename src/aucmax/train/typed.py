"""Check options before the parser sees them: it imports whatever a value names."""

from collections.abc import Iterator, Mapping
from typing import Any

from .._files import MAX_TEXT
from .option_errors import CLASSES, OptionError
from .trust import UntrustedError, is_import_path, resolve
from .words import flattened
from .yaml_files import check_options, parse_yaml

_STRUCTURE = {"class_path", "init_args", "dict_kwargs", "help"}
"""Parts of a key that mean something to the parser and are written otherwise here."""


_TEXTS = {"name", "output", "ensemble"}
"""Options without a dot that are text, and may look like an import path."""


def unfolded(flags: Mapping[str, str]) -> dict[str, str]:
    """Return typed options, with a table such as ``--loss '{class_path: ...}'`` as several.

    Raises:
        OptionError: if such a table is none.
    """
    found: dict[str, str] = {}
    for key, value in flags.items():
        head, *rest = key.split(".")
        if head in CLASSES:
            rest = [part for part in rest if part != "init_args"]
            rest = rest[:-1] if rest[-1:] == ["class_path"] else rest
        key = ".".join([head, *rest])
        if head in CLASSES and value.lstrip().startswith("{"):
            try:
                table = check_options(parse_yaml(value, f"--{key}"), f"--{key}")
            except ValueError as error:
                raise OptionError([str(error)]) from error
            found |= flattened({key: table})
        else:
            found[key] = value
    return found


def check_typed(options: Mapping[str, str], *, trusted: bool) -> None:
    """Refuse names that a recipe may not use, and values without bounds.

    Args:
        options: of the recipe and the command line.
        trusted: whether any module may be imported.

    Raises:
        OptionError: with everything that is wrong; nothing has been imported.
    """
    problems = [problem for item in options.items() for problem in _problems(*item, trusted)]
    if problems:
        raise OptionError(problems)


def _problems(key: str, value: str, trusted: bool) -> Iterator[str]:
    head, *rest = key.split(".")
    if wrong := _STRUCTURE & {*rest}:
        yield f"--{key}: there is no such option ({wrong.pop()} is not read here)"
        return
    try:
        content = _content(key, value)
    except ValueError as error:
        yield str(error)
        return
    if isinstance(content, Mapping) and not (trusted and head in CLASSES):
        yield f"--{key}: expected a value, got a table"
        return
    if head in CLASSES and (key == head or head != "data"):
        yield from _untrusted(key, content, trusted)
    elif key == head and head not in _TEXTS and is_import_path(value):
        yield f"--{key}: expected its options, --{key}.NAME, or a value; got {value!r}"
    elif head == "trainer":
        for name in _import_paths(content):
            yield f"--{key}: expected a name that Lightning knows, such as ddp, got {name!r}"


def _untrusted(key: str, content: Any, trusted: bool) -> Iterator[str]:
    for name in _import_paths(content):
        try:
            resolve(name.strip(), trusted=trusted)
        except UntrustedError as error:
            yield f"--{key}: {error}"
        except ValueError:
            continue  # the parser says what may stand there


def _content(key: str, value: str) -> Any:
    """What the parser will read from a value: YAML, of bounded size."""
    if len(value) > MAX_TEXT:
        raise ValueError(f"--{key}: a value of {len(value):,} characters is too long")
    if value.lstrip()[:1] not in {*"[{&*!"}:
        return value
    try:
        return parse_yaml(value, f"--{key}")
    except ValueError as error:
        if "is not YAML" in str(error):  # then it is text
            return value
        raise


def _import_paths(content: Any) -> Iterator[str]:
    if isinstance(content, str) and is_import_path(content):
        yield content
    elif isinstance(content, list | tuple | Mapping):
        for item in content.values() if isinstance(content, Mapping) else content:
            yield from _import_paths(item)


def is_trusted(flags: Mapping[str, str]) -> bool:
    """Return whether ``--trust_imports`` was given.

    Raises:
        OptionError: if its value is neither true nor false.
    """
    value = flags.get("trust_imports", "false").lower()
    if value not in {"true", "false"}:
        raise OptionError([f"--trust_imports: expected true or false, got {value!r}"])
    return value == "true"
