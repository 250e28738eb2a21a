"""What :func:`~aucmax.report.evaluate_readers` found, as text."""

from collections.abc import Mapping
from typing import Any

from ._values import bounds, number, percent
from .tables import Rows, text_table

_WORDS = {True: "yes", False: "no", None: "n/a"}


def label_rows(found: Mapping[str, Any]) -> tuple[list[str], Rows]:
    """Header and rows: per label the model's AUC and how many readers are below its curve."""
    header = ["label", "n", "positive", "AUC", f"{percent(found['level'])} interval"]
    rows = []
    for name, label in found["labels"].items():
        counts = [name, str(label["n"]), str(label["positives"])]
        judged = sum(one["below"] is not None for one in label["readers"].values())
        below = "n/a" if "note" in label else f"{label['readers_below']} of {judged}"
        rows.append([*counts, *_area(label["auroc"]), below])
    if len(rows) > 1:
        macro = found["macro"]
        below = f"{macro['readers_below']:.4g}"
        rows.append([f"mean of {len(macro['labels'])}", "", "", *_area(macro["auroc"]), below])
    return [*header, "readers below"], rows


def reader_rows(found: Mapping[str, Any]) -> tuple[list[str], Rows]:
    """Header and rows: per label and reader the two rates, and the model's at the same FPR."""
    header = ["label", "reader", "sensitivity", "specificity", "model's sensitivity", "below"]
    rows = []
    for name, label in found["labels"].items():
        for reader, one in label["readers"].items():
            rates = [_rate(one["sensitivity"]), _rate(one["specificity"])]
            model = one["model_sensitivity"]
            model = "n/a" if model is None else f"{model:.3f}"
            rows.append([name, reader, *rates, model, _WORDS[one["below"]]])
    return header, rows


def readers_table(found: Mapping[str, Any]) -> str:
    """Text of what :func:`~aucmax.report.evaluate_readers` found.

    Args:
        found: the dictionary that it returned, or the same read from JSON.

    Returns:
        A table of the labels with the number of readers below the curve, a table of the readers'
        rates beside the model's sensitivity at the same false-positive rate, and notes.
    """
    parts = [text_table(*label_rows(found)), text_table(*reader_rows(found))]
    notes = [f"{k}: {label['note']}." for k, label in found["labels"].items() if "note" in label]
    return "\n\n".join(parts + (["\n".join(notes)] if notes else []))


def _area(value: dict[str, Any] | None) -> list[str]:
    return ["n/a", "n/a"] if value is None else [number(value["estimate"]), bounds(value)]


def _rate(value: Mapping[str, Any] | None) -> str:
    if value is None:
        return "n/a"
    return f"{value['estimate']:.3f} ({value['low']:.3f} to {value['high']:.3f})"
