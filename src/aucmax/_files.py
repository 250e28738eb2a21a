"""Files that are either the old one or the new one, never half of it."""

import contextlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import Any


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
