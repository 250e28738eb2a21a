"""Tables of the benchmark: one line per cell and method, and a summary of methods over cells."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from stats import Found, Gap, Name, against, complete, counted, family_of, ranks
from training import READOUTS

Line = dict[str, Any]
REFERENCES = {
    "cross-entropy": "ce",
    "cross-entropy, as the default": "same",
    "LibAUC": "libauc",
}
"""Families whose best by validation is compared with, and the prefix of their columns."""


def lines(cells: list[Found]) -> list[Line]:
    """A line for each cell, method and readout, with the gaps to both references."""
    gaps = {prefix: against(cells, family) for family, prefix in REFERENCES.items()}
    found = []
    for one in cells:
        references = {one.best(family) for family in REFERENCES}
        for name, entry in one.entries.items():
            line: Line = {"cell": one.cell.name, "development": int(one.cell.development)}
            line |= {"method": name[0], "readout": name[1], "lr": entry.lr}
            line |= {"reference": int(name in references)}
            line |= {"validation": entry.validation.mean(), "mean": entry.mean}
            line |= {"sd_seeds": entry.test.std(ddof=1) if len(entry.test) > 1 else 0.0}
            for prefix in REFERENCES.values():
                gap = gaps[prefix].get(name, {}).get(one.cell.name)
                line |= _gap_columns(prefix, gap)
            found.append(line)
    return found


def _gap_columns(prefix: str, gap: Gap | None) -> Line:
    names = ("estimate", "low", "high", "p_value", "verdict")
    return {f"{prefix}_{name}": "" if gap is None else getattr(gap, name) for name in names}


def summary(cells: list[Found]) -> list[Line]:
    """A line for each method and readout that is on all complete cells, the best rank first."""
    cells = complete(cells)
    average: dict[Name, float] = {}
    for readout in READOUTS:
        names, table = ranks(cells, readout)
        average |= {(name, readout): float(table[:, k].mean()) for k, name in enumerate(names)}
    gaps = {prefix: against(cells, family) for family, prefix in REFERENCES.items()}
    found = []
    for name in sorted(average, key=lambda name: average[name]):
        to_ce = list(gaps["ce"].get(name, {}).values())
        line: Line = {"method": name[0], "readout": name[1], "family": family_of(name[0])}
        line |= {"cells": len(cells), "rank": average[name]}
        line |= {"mean_gap": float(np.mean([g.estimate for g in to_ce])) if to_ce else 0.0}
        for prefix, of_method in gaps.items():
            counts = counted(of_method.get(name, {}))
            line |= {f"{prefix}_{verdict}": count for verdict, count in counts.items()}
        found.append(line)
    return found


def page_table(cells: list[Found], method: str) -> list[str]:
    """Lines of docs/evidence.md: a method against the best of each family of references."""
    header = ["cell", "AUC", *(f"{title}, and difference" for title in REFERENCES)]
    rows = [header, ["---"] * len(header)]
    for one in cells:
        name: Name = (method, "best")
        if name not in one.entries:
            continue
        row = [one.cell.name, f"{one.entries[name].mean:.3f}"]
        for family in REFERENCES:
            reference = one.best(family)
            row.append("" if reference is None else _against(one, name, reference))
        rows.append(row)
    return [f"| {' | '.join(row)} |" for row in rows]


def _against(one: Found, ours: Name, reference: Name) -> str:
    gap = one.gap(ours, reference)
    words = f"{gap.estimate:+.3f} ({gap.low:+.3f} to {gap.high:+.3f})"
    words = words if gap.verdict == "tie" else f"**{words}**"
    weights = ", averaged" if reference[1] == "ema" else ""
    return f"{one.entries[reference].mean:.3f} ({reference[0]}{weights}): {words}"


def write(path: Path, table: list[Line]) -> None:
    """As CSV."""
    if not table:
        return
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
        writer.writeheader()
        for line in table:
            writer.writerow({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in line.items()})
