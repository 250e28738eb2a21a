"""Files that are either the old one or the new one, never half of it."""

import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MAX_TEXT = 2**18
"""Bytes of a file of options; the largest recipe of ours has 2,000."""


def write_bytes(path: str | Path, content: bytes) -> Path:
    """Write ``content`` beside ``path`` and move it there in one step.

    Args:
        path: file to write or replace; its folder must exist.
        content: the whole new content.

    Returns:
        The path written.

    Raises:
        FileNotFoundError: if the folder does not exist.
        OSError: if the content cannot be written; a file that was at ``path`` is left as it was.
    """
    path = Path(path)
    target = path.resolve()
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {target.parent}")
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno,
            f"cannot write {path} ({len(content)} bytes): {reason}; what was there is unchanged",
        ) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    return path


def read_text(path: Path) -> str:
    """Read a text file that a person may have written, such as a recipe.

    Raises:
        ValueError: if it is larger than ``MAX_TEXT`` bytes, or not UTF-8.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_TEXT + 1)
    if len(content) > MAX_TEXT:
        raise ValueError(f"{path} is larger than {MAX_TEXT:,} bytes, which is too much for options")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file in UTF-8 ({error.reason})") from error


def refuse_overwriting(
    option: str, outputs: Iterable[str | Path], inputs: Iterable[str | Path]
) -> None:
    """Refuse an output that is one of the files that are read.

    Two paths are the same file if they resolve to one path, or to one inode: symbolic links, hard
    links and other spellings are seen through.

    Args:
        option: that names the output, such as "--output".
        outputs: files that would be written.
        inputs: files that are read.

    Raises:
        ValueError: names the option, both paths, and the cure.
    """
    there: dict[tuple[int, int], str | Path] = {}
    for output in outputs:
        with contextlib.suppress(OSError, ValueError):  # what does not exist overwrites nothing
            facts = Path(output).stat()
            there[facts.st_dev, facts.st_ino] = output
    for path in inputs if there else ():
        with contextlib.suppress(OSError, ValueError):
            facts = os.stat(path)  # noqa: PTH116 - a Path for each of 200,000 images is slow
            if output := there.get((facts.st_dev, facts.st_ino)):
                break
    else:
        return
    raise ValueError(f"{option}: {output} would overwrite {path}, which is read; give another path")


def is_same_file(a: str | Path, b: str | Path) -> bool:
    """Return whether two paths lead to the same file, which need not exist."""
    try:
        return Path(a).samefile(b)
    except (OSError, ValueError):  # one of them does not exist
        return os.path.realpath(a) == os.path.realpath(b)


def remove_drafts(folder: Path) -> None:
    """Delete what a process that was killed in the midst of writing left below ``folder``.

    Args:
        folder: of which no other process writes files at the same time.
    """
    for path in list(folder.rglob(".*")):
        if re.fullmatch(r"\..+\.[0-9a-f]{8}", path.name) and path.is_file():
            path.unlink()


def write_text(path: str | Path, content: str) -> Path:
    """As :func:`write_bytes`, for text in UTF-8 with its line ends as they are."""
    return write_bytes(path, content.encode())


def write_json(path: str | Path, content: dict[str, Any]) -> Path:
    """As :func:`write_text`, for what JSON can hold; NaN is refused, since JSON has none."""
    return write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")
