"""The run folder: made once, never overwritten, continued only with the same options and data."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .._files import read_text, remove_drafts, write_text
from ..data import LabelledSet
from .words import flattened
from .yaml_files import check_options, parse_yaml

CONFIG = "config.yaml"
SPLIT = "split.csv"
PLACE = {"name", "output"}
"""Options that may change before a run is resumed: a folder may be moved."""


def check_folder(folder: Path, resume: bool, resolved: str) -> None:
    """See that the run folder is new, or with ``resume`` one that was made with the same options.

    Args:
        folder: the run folder.
        resume: whether an unfinished run may be there.
        resolved: all options as YAML, to be compared with config.yaml.

    Raises:
        FileExistsError: if the folder is there and is not to be resumed.
        ValueError: if it is to be resumed, but was made with other options.
    """
    kept = folder / CONFIG
    if resume and kept.exists():
        then, now = (_options(text, kept) for text in (_read(kept), resolved))
        changed = [
            f"--{key} was {_shown(then.get(key))} and is {_shown(now.get(key))} now"
            for key in (then | now)
            if then.get(key) != now.get(key)
        ]
        if changed:
            raise ValueError(
                f"--resume: {kept} was made with other options: {'; '.join(changed[:5])}"
                f"{f' (and {len(changed) - 5} more)' if changed[5:] else ''}; give the "
                "same ones, or another --name"
            )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"the run folder {folder} exists: choose another --name, continue it with --resume, or "
            "delete it"
        )


def make_folder(
    folder: Path, resolved: str, rows: LabelledSet, contents: Mapping[str, str]
) -> None:
    """Write config.yaml and split.csv, which says in which part each row is; sweep up drafts.

    Args:
        folder: the run folder; it is made if it is not there.
        resolved: all options as YAML.
        rows: all rows, divided into parts.
        contents: digest of each row, by its id.

    Raises:
        ValueError: if there is a split.csv with other rows, parts, images or labels.
        OSError: if the folder cannot be written.
    """
    table, kept = split_table(rows, contents), folder / SPLIT
    if kept.exists() and (before := kept.read_bytes()) != table.encode():
        reason = _first_difference(before.decode("utf-8", "replace"), table)
        raise ValueError(
            f"--resume: the data are not those that the run began with: {kept}: {reason}; bring "
            "the old data back, or give another --name"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_drafts(folder)
        if not (folder / CONFIG).exists():
            write_text(folder / CONFIG, resolved)
        write_text(kept, table)
    except OSError as error:
        raise OSError(
            f"the run folder {folder} cannot be written ({error.strerror or error}): choose "
            "another --output"
        ) from error


def split_table(rows: LabelledSet, contents: Mapping[str, str]) -> str:
    """CSV of all rows: id, part, group (where there are some), and a digest of the content."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    none = np.full(len(rows), "")
    parts = none if rows.split is None else rows.split
    groups = none if rows.groups is None else rows.groups
    writer.writerow(["id", "part", "group", "content"])
    digests = (contents[name] for name in rows.ids)
    writer.writerows(zip(rows.ids, parts, groups, digests, strict=True))
    return text.getvalue()


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except ValueError as error:
        raise _damaged(path, error) from error


def _options(text: str, path: Path) -> dict[str, str]:
    """The options of a config.yaml."""
    try:
        content = flattened(check_options(parse_yaml(text, str(path)) or {}, str(path)))
    except ValueError as error:
        raise _damaged(path, error) from error
    return {key: value for key, value in content.items() if key not in PLACE}


def _shown(value: str | None) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def _damaged(path: Path, error: ValueError) -> ValueError:
    return ValueError(
        f"--resume: the options in {path} are damaged: {error}; delete the run folder and begin "
        "anew, or give another --name"
    )


def _first_difference(kept: str, table: str) -> str:
    """The first row in which two tables of rows differ, in words."""
    then, now = (list(csv.reader(io.StringIO(text))) for text in (kept, table))
    if len(then) != len(now):
        return f"it names {len(then) - 1} rows, the data have {len(now) - 1}"
    columns = ("id", "part", "group", "content")
    for old, new in zip(then, now, strict=True):
        if old != new:
            same = len(old) == len(new) == len(columns) and old[:3] == new[:3]
            if same:
                return f"the image, molecule or label of {new[0]!r} has changed since"
            what = next((c for c, a, b in zip(columns, old, new, strict=False) if a != b), "id")
            return f"the {what} of {new[0]!r} is another one"
    return "it was edited"
