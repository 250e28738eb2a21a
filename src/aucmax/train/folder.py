"""The run folder: made once, never overwritten, continued only with the same options."""

import csv
import difflib
import io
from pathlib import Path

import numpy as np

from .._files import write_text
from ..data import ImageSet
from .config import FitConfig

CONFIG = "config.yaml"


def open_folder(config: FitConfig, resolved: str) -> Path:
    """Make the run folder, or with ``config.resume`` open the one that is there.

    Args:
        config: its ``output``, ``name`` and ``resume``.
        resolved: all options as YAML, kept as config.yaml; a resumed run must have the same.

    Raises:
        FileExistsError: if the folder is there and is not to be resumed.
        ValueError: if it is to be resumed, but was made with other options.
        OSError: if it cannot be written.
    """
    folder = Path(config.output) / config.name
    kept = folder / CONFIG
    if not config.resume or not kept.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileExistsError(
                f"the run folder {folder} exists: choose another --name, continue it with "
                "--resume, or delete it"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_text(kept, resolved)
        except OSError as error:
            raise OSError(
                f"the run folder {folder} cannot be written ({error.strerror or error}): choose "
                "another --output"
            ) from error
        return folder
    changed = [
        line
        for line in difflib.ndiff(kept.read_text().splitlines(), resolved.splitlines())
        if line[0] in "+-"
    ]
    if changed:
        raise ValueError(
            f"--resume: {kept} was made with other options; give the same ones, or another --name. "
            "What differs (- then, + now): " + "; ".join(line.strip() for line in changed[:8])
        )
    return folder


def write_split(path: Path, images: ImageSet) -> None:
    """Record which part each row is in: id, part and, where there are some, group."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    none = np.full(len(images), "")
    parts = none if images.split is None else images.split
    groups = none if images.groups is None else images.groups
    writer.writerow(["id", "part", "group"])
    writer.writerows(zip(images.ids, parts, groups, strict=True))
    write_text(path, text.getvalue())
