"""Options that several readers share."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aucmax.data._decoding import Bits
from aucmax.data._messages import listed, names, near


def bits_problem(bits: Bits) -> Iterator[str]:
    """Check the option ``bits`` of readers of image files."""
    if bits not in (None, "auto", *range(9, 17)) or isinstance(bits, bool):
        yield f"bits must be from 9 to 16, or auto (8-bit files need no bits), got {bits!r}"


def existing_file(argument: str, path: str | Path) -> Path:
    """The path of a file that is there.

    Raises:
        FileNotFoundError: it is not, with the files of that name's folder that look like it.
    """
    path = Path(path).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        raise FileNotFoundError(f"{argument}: {str(path)!r} is a folder; name a file in it")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"{argument}: there is no file {str(path)!r}, nor its folder; "
            f"paths start from {str(Path.cwd())!r}"
        )
    hint = near(path.name, sorted(entry.name for entry in path.parent.iterdir()))
    raise FileNotFoundError(f"{argument}: there is no file {str(path)!r}{hint}")


def kept_rows(ids: Sequence[str], exclude: str | Iterable[str]) -> NDArray[np.int64]:
    """The rows whose id is not excluded.

    Raises:
        ValueError: an excluded id that is not there, or nothing left.

    >>> kept_rows(["a", "b", "c"], "b")
    array([0, 2])
    """
    there, drop = set(ids), set(names(exclude))
    if unknown := [name for name in names(exclude) if name not in there]:
        raise ValueError(
            f"exclude: no row has the id {listed(unknown)}{near(unknown[0], there)}; "
            f"ids look like {listed(list(ids)[:2])}"
        )
    kept = np.array([row for row, name in enumerate(ids) if name not in drop], dtype=np.int64)
    if len(ids) and not len(kept):
        raise ValueError(f"exclude leaves none of the {len(ids)} rows")
    return kept
