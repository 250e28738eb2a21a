"""The run folder: made once, never overwritten, continued only with the same options and data."""

import csv
import io
from pathlib import Path

import numpy as np
import yaml

from .._files import remove_drafts, write_text
from ..data import LabelledSet
from .words import flattened

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
        then, now = (_options(text) for text in (kept.read_text(), resolved))
        changed = [
            f"--{key} was {then.get(key)} and is {now.get(key)} now"
            for key in (then | now)
            if then.get(key) != now.get(key)
        ]
        if changed:
            raise ValueError(
                f"--resume: {kept} was made with other options: {'; '.join(changed)}; give the "
                "same ones, or another --name"
            )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"the run folder {folder} exists: choose another --name, continue it with --resume, or "
            "delete it"
        )


def make_folder(folder: Path, resolved: str, rows: LabelledSet) -> None:
    """Write config.yaml and split.csv, which says in which part each row is; sweep up drafts.

    Args:
        folder: the run folder; it is made if it is not there.
        resolved: all options as YAML.
        rows: all rows, divided into parts.

    Raises:
        ValueError: if there is a split.csv with other rows or parts.
        OSError: if the folder cannot be written.
    """
    table, kept = split_table(rows), folder / SPLIT
    if kept.exists() and kept.read_bytes() != table.encode():
        raise ValueError(
            f"--resume: the data are not those that the run began with: {kept} names other rows, "
            "parts or groups; give another --name"
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


def split_table(rows: LabelledSet) -> str:
    """CSV of all rows: id, part and, where there are some, group."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    none = np.full(len(rows), "")
    parts = none if rows.split is None else rows.split
    groups = none if rows.groups is None else rows.groups
    writer.writerow(["id", "part", "group"])
    writer.writerows(zip(rows.ids, parts, groups, strict=True))
    return text.getvalue()


def _options(text: str) -> dict[str, str]:
    content = flattened(yaml.safe_load(text) or {})
    return {key: value for key, value in content.items() if key not in PLACE}
