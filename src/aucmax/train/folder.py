"""The run folder: made once, never overwritten, continued only with the same options and data."""

import csv
import difflib
import io
from pathlib import Path

import numpy as np

from .._files import write_text
from ..data import ImageSet

CONFIG = "config.yaml"
SPLIT = "split.csv"
PLACE = ("name:", "output:")
"""Lines of config.yaml that may change between runs: a folder may be moved."""


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
        then, now = _options(kept.read_text()), _options(resolved)
        changed = [line.strip() for line in difflib.ndiff(then, now) if line[0] in "+-"]
        if changed:
            raise ValueError(
                f"--resume: {kept} was made with other options; give the same ones, or another "
                f"--name. What differs (- then, + now): {'; '.join(changed[:8])}"
            )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"the run folder {folder} exists: choose another --name, continue it with --resume, or "
            "delete it"
        )


def make_folder(folder: Path, resolved: str, images: ImageSet) -> None:
    """Write config.yaml and split.csv, which says in which part each row is.

    Args:
        folder: the run folder; it is made if it is not there.
        resolved: all options as YAML.
        images: all rows, divided into parts.

    Raises:
        ValueError: if there is a split.csv with other rows or parts.
        OSError: if the folder cannot be written.
    """
    table, kept = split_table(images), folder / SPLIT
    if kept.exists() and kept.read_bytes() != table.encode():
        raise ValueError(
            f"--resume: the data are not those that the run began with: {kept} names other rows, "
            "parts or groups; give another --name"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / CONFIG).exists():
            write_text(folder / CONFIG, resolved)
        write_text(kept, table)
    except OSError as error:
        raise OSError(
            f"the run folder {folder} cannot be written ({error.strerror or error}): choose "
            "another --output"
        ) from error


def split_table(images: ImageSet) -> str:
    """CSV of all rows: id, part and, where there are some, group."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    none = np.full(len(images), "")
    parts = none if images.split is None else images.split
    groups = none if images.groups is None else images.groups
    writer.writerow(["id", "part", "group"])
    writer.writerows(zip(images.ids, parts, groups, strict=True))
    return text.getvalue()


def _options(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(PLACE)]
