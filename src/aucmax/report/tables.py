"""Tables as text that lines up, and their rows for other formats."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._samples import UNNAMED, Floats
from ._values import are_numbers, bounds, number, p_value, percent

Rows = list[list[str]]


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to equal width: text to the left, numbers to the right.

    Args:
        header: one title per column.
        rows: cells, as many per row as there are titles.

    Returns:
        Lines without trailing spaces, a rule below the header, no final line end.

    Example:
        >>> print(text_table(["label", "AUC"], [["edema", "0.91"], ["no finding", "n/a"]]))
        label        AUC
        ----------------
        edema       0.91
        no finding   n/a
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"each row needs {len(header)} cells, as the header, got {len(row)}")
    # A line break within a name would break the row.
    header, *rows = [[" ".join(cell.splitlines()) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    right = [j > 0 and are_numbers(row[j] for row in rows) for j in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = zip(cells, widths, right, strict=True)
        return "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in padded).rstrip()

    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([line(header), rule, *map(line, rows)])


def evaluation_rows(evaluation: Mapping[str, Any]) -> tuple[list[str], Rows]:
    """Header and rows of :func:`evaluation_table`: AUC and average precision per label."""
    level = percent(evaluation["level"])
    header = ["label", "n", "positive", "AUC", f"{level} interval", "AP", f"{level} interval"]
    rows = []
    for name, found in evaluation["labels"].items():
        counts = [str(found["n"]), _share(found)]
        rows.append([name, *counts, *_estimate(found["auroc"])])
        rows[-1] += _estimate(found["average_precision"])
    if "macro" in evaluation:
        macro = evaluation["macro"]
        mean = [*_estimate(macro["auroc"]), number(macro["average_precision"]["estimate"]), ""]
        rows.append([f"mean of {len(macro['labels'])}", "", "", *mean])
    return header, rows


def area_rows(evaluation: Mapping[str, Any]) -> tuple[list[str], Rows]:
    """Header and rows of the partial areas, none if none was asked for."""
    header = ["label", "area", "value", f"{percent(evaluation['level'])} interval"]
    rows = []
    for name, found in evaluation["labels"].items():
        if part := found.get("partial_auroc"):
            where = f"AUC, FPR up to {part['max_fpr']:g} (McClish)"
            rows.append([name, where, *_estimate(part)])
        if part := found.get("two_way_partial_auroc"):
            where = f"AUC, FPR up to {part['max_fpr']:g} and TPR from {part['min_tpr']:g}"
            rows.append([name, where, *_estimate(part)])
    return header, rows


def point_rows(evaluation: Mapping[str, Any]) -> tuple[list[str], Rows]:
    """Header and rows of the operating points."""
    header = ["label", "wanted", "threshold", "sensitivity", "specificity", "precision"]
    rows = []
    for name, found in evaluation["labels"].items():
        for point in found.get("operating_points", ()):
            (kind, value), *_ = point["wanted"].items()
            threshold = point["threshold"]
            rows.append(
                [name, f"{kind} {value:g}", "n/a" if threshold is None else f"{threshold:.4g}"]
                + [_short(point[rate]) for rate in header[3:]]
            )
    return header, rows


def evaluation_table(evaluation: Mapping[str, Any]) -> str:
    """Text of what :func:`~aucmax.report.evaluate` found.

    Args:
        evaluation: the dictionary that it returned, or the same read from JSON.

    Returns:
        A table of areas per label, the partial areas if any, the operating points, and notes.
    """
    parts = [text_table(*evaluation_rows(evaluation))]
    for header, rows in (area_rows(evaluation), point_rows(evaluation)):
        if rows:
            parts.append(text_table(header, rows))
    notes = [
        f"{name}: {found['note']}."
        for name, found in evaluation["labels"].items()
        if "note" in found
    ]
    return "\n\n".join(parts + (["\n".join(notes)] if notes else []))


def comparison_rows(comparison: Mapping[str, Any]) -> tuple[list[str], Rows]:
    """Header and rows of :func:`comparison_table`: both AUCs and their difference per label."""
    first, second = comparison["names"]
    several = "macro" in comparison
    interval = f"{percent(comparison['level'])} interval"
    header = ["label", "n", "positive", first, second, "difference", interval, "p"]
    rows = []
    for name, found in comparison["labels"].items():
        row = [name, str(found["n"]), _share(found), *_difference(found, comparison["names"])]
        rows.append(row + ([p_value(found.get("p_value_holm"))] if several else []))
    if several:
        macro = comparison["macro"]
        mean = _difference(macro, comparison["names"])
        rows.append([f"mean of {len(macro['labels'])}", "", "", *mean, ""])
    return header + (["p (Holm)"] if several else []), rows


def comparison_table(comparison: Mapping[str, Any]) -> str:
    """Text of what :func:`~aucmax.report.compare` found.

    Args:
        comparison: the dictionary that it returned, or the same read from JSON.

    Returns:
        A table of both AUCs and their difference, then what it means in a sentence.
    """
    return f"{text_table(*comparison_rows(comparison))}\n\n{verdict(comparison)}"


def verdict(comparison: Mapping[str, Any]) -> str:
    """The one sentence that says how a comparison came out; of the mean if labels are several."""
    if "macro" in comparison:
        return comparison["macro"]["meaning"]
    (only,) = comparison["labels"].values()
    return only["meaning"]


def method_rows(comparison: Mapping[str, Any]) -> tuple[list[str], Rows]:
    """Header and rows of :func:`method_table`."""
    found = comparison.get("macro") or next(iter(comparison["labels"].values()))
    header = ["method", "AUC", f"{percent(comparison['level'])} interval", "p"]
    rows = [[name, *_estimate(found["auroc"][name]), ""] for name in comparison["names"]]
    gap = found["difference"]
    rows.append(
        [
            "difference",
            number(gap["estimate"], signed=True),
            bounds(gap, signed=True),
            p_value(found["p_value"]),
        ]
    )
    return header, rows


def method_table(comparison: Mapping[str, Any]) -> str:
    """Text of a comparison with one row per method and one for the difference.

    Args:
        comparison: what :func:`~aucmax.report.compare` returned; with several labels, the table
            shows their mean.

    Returns:
        A table of three rows.
    """
    return text_table(*method_rows(comparison))


def split_rows(parts: Mapping[str, Floats], labels: Sequence[str]) -> tuple[list[str], Rows]:
    """Header and rows that tell how the data were split.

    Args:
        parts: name of each part and its target, shape (n, L) or (n,), NaN = unknown.
        labels: one name per label.

    Returns:
        A column per part; a row with its size, then for each label how many samples are positive,
        with their share among those that are known.
    """
    columns = [
        np.asarray(target, dtype=np.float64).reshape(len(target), len(labels))
        for target in parts.values()
    ]
    rows = [["samples", *(str(len(target)) for target in columns)]]
    for j, label in enumerate(labels):
        known = [target[~np.isnan(target[:, j]), j] for target in columns]
        counts = [_share({"n": len(k), "positives": int(k.sum())}) for k in known]
        rows.append([f"{label} positive" if label != UNNAMED else "positive", *counts])
    return ["", *parts], rows


def _estimate(value: Mapping[str, Any] | None) -> list[str]:
    return ["n/a", "n/a"] if value is None else [number(value["estimate"]), bounds(dict(value))]


def _short(value: Mapping[str, Any]) -> str:
    if value["estimate"] is None:
        return "n/a"
    ends = [value["low"], value["high"]]
    if None in ends:
        return f"{value['estimate']:.3f}"
    return f"{value['estimate']:.3f} ({ends[0]:.3f} to {ends[1]:.3f})"


def _share(found: Mapping[str, Any]) -> str:
    if not found["n"]:
        return "n/a"
    return f"{found['positives']} ({100 * found['positives'] / found['n']:.1f} %)"


def _difference(found: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    if "difference" not in found:
        return ["n/a"] * 5
    gap = found["difference"]
    own = [number(found["auroc"][name]["estimate"]) for name in names]
    return [
        *own,
        number(gap["estimate"], signed=True),
        bounds(gap, signed=True),
        p_value(found["p_value"]),
    ]
