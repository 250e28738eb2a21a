"""Pair two sets of predictions sample by sample."""

from dataclasses import replace

import numpy as np

from ._samples import UNNAMED, Predictions


def align(a: Predictions, b: Predictions) -> tuple[Predictions, Predictions]:
    """Bring ``b`` into the order of ``a``: rows by id, columns by label name.

    Two binary tasks of which one has no label name are taken for the same task. Groups that only
    one of the two knows hold for both.

    Args:
        a: the set whose order holds.
        b: the same samples and labels in any order.

    Returns:
        ``a`` and ``b`` with equal ids, labels, target and groups.

    Raises:
        ValueError: if ids, labels, targets or groups differ: a paired comparison would be wrong.

    Example:
        >>> import numpy as np
        >>> a = Predictions(("x", "y"), ("target",), np.array([[0.1], [0.8]]))
        >>> b = Predictions(("y", "x"), ("target",), np.array([[0.7], [0.3]]))
        >>> align(a, b)[1].scores.ravel().tolist()
        [0.3, 0.7]
    """
    _check_same_names("ids", a.ids, b.ids)
    place = {name: row for row, name in enumerate(b.ids)}
    b = b.select([place[name] for name in a.ids])
    a, b = _same_labels(a, b)
    _check_same_target(a, b)
    return _same_groups(a, b)


def _check_same_names(what: str, a: tuple[str, ...], b: tuple[str, ...]) -> None:
    only_a, only_b = sorted(set(a) - set(b)), sorted(set(b) - set(a))
    if only_a or only_b:
        raise ValueError(
            f"a comparison needs the same {what} on both sides: {len(only_a)} only in the first "
            f"{_some(only_a)}, {len(only_b)} only in the second {_some(only_b)}"
        )


def _same_labels(a: Predictions, b: Predictions) -> tuple[Predictions, Predictions]:
    if len(a.labels) == len(b.labels) == 1 and UNNAMED in a.labels + b.labels:
        name = b.labels if a.labels == (UNNAMED,) else a.labels
        return replace(a, labels=name), replace(b, labels=name)
    _check_same_names("labels", a.labels, b.labels)
    order = [b.labels.index(name) for name in a.labels]
    target = None if b.target is None else b.target[:, order]
    return a, replace(b, labels=a.labels, scores=b.scores[:, order], target=target)


def _check_same_target(a: Predictions, b: Predictions) -> None:
    if a.target is None or b.target is None:
        if a.target is not b.target:
            side = "first" if a.target is None else "second"
            raise ValueError(f"a comparison needs targets on both sides: the {side} has none")
        return
    differ = ~((a.target == b.target) | (np.isnan(a.target) & np.isnan(b.target)))
    if differ.any():
        row, column = np.argwhere(differ)[0]
        raise ValueError(
            f"a comparison needs the same targets on both sides: {int(differ.sum())} differ, "
            f"the first for id {a.ids[row]!r}, label {a.labels[column]!r} "
            f"({a.target[row, column]:g} and {b.target[row, column]:g})"
        )


def _same_groups(a: Predictions, b: Predictions) -> tuple[Predictions, Predictions]:
    if a.groups is None or b.groups is None:
        groups = b.groups if a.groups is None else a.groups
        return replace(a, groups=groups), replace(b, groups=groups)
    if (differ := a.groups != b.groups).any():
        row = int(np.flatnonzero(differ)[0])
        raise ValueError(
            f"a comparison needs the same groups on both sides: id {a.ids[row]!r} is in "
            f"{str(a.groups[row])!r} and in {str(b.groups[row])!r}"
        )
    return a, b


def _some(names: list[str]) -> str:
    if not names:
        return "()"
    return "(" + ", ".join(map(repr, names[:3])) + (", ...)" if len(names) > 3 else ")")
