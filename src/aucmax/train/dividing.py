"""Which rows train, validate and test: by label, by chance, or by the scaffold of molecules."""

import numpy as np
from numpy.typing import NDArray

from ..data import LabelledSet, MoleculeSet, chance_split, split
from .config import Split


def parts_of(data: LabelledSet, options: Split) -> NDArray[np.str_]:
    """The part of every row, as the data say or, where they leave it open, by ``options``.

    Raises:
        ValueError: a part without both classes of a label; groups that parts divide; scaffolds
            asked of anything but molecules, or beside parts that the data name themselves.
    """
    shares = {"validation": options.validation, "test": options.test}
    given = data.split
    if options.by == "scaffold" and not isinstance(data, MoleculeSet):
        raise ValueError(f"--split.by scaffold: only molecules have scaffolds, not {data.noun}s")
    if options.by != "label":
        if given is not None:
            raise ValueError(
                f"--split.by is {options.by}, but the data name their parts themselves "
                "(--data.split): add --split.by label, which keeps them, or leave that column out"
            )
        given = _drawn(data, options, shares)
        shares = dict.fromkeys(shares, 0.0)
    return split(
        data.target,
        **shares,
        groups=data.groups,
        given=given,
        labels=data.labels,
        seed=options.seed,
    )


def _drawn(data: LabelledSet, options: Split, shares: dict[str, float]) -> NDArray[np.str_]:
    if isinstance(data, MoleculeSet) and options.by == "scaffold":
        return data.scaffold_split(**shares)
    return chance_split(len(data), **shares, groups=data.groups, seed=options.seed)
