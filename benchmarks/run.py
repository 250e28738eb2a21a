"""Run all benchmarks, print a table, and record it: ``python benchmarks/run.py``.

Each ``bench_*.py`` has ``rows()``: ours and the rival measured in turn, medians of ratios. The
results go to ``benchmarks/results/speed.csv`` with the commit, the versions and the machine.
"""

import argparse
import csv
import importlib
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

HERE = Path(__file__).parent
BENCHES = (
    "bench_losses",
    "bench_objectives",
    "bench_optim",
    "bench_metrics",
    "bench_samplers",
    "bench_training",
    "bench_loading",
    "bench_import",
)
COLUMNS = ("name", "size", "ours_ms", "rival", "rival_ms", "ratio", "note")


def main() -> None:
    """Measure what is asked for and append it to the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", nargs="*", default=BENCHES, choices=BENCHES, help="some benchmarks"
    )
    parser.add_argument("--output", type=Path, default=HERE / "results" / "speed.csv")
    parser.add_argument("--compiled", action="store_true", help="also compile the optimizers")
    options = parser.parse_args()
    sys.path.insert(0, str(HERE))
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    found: list[dict[str, Any]] = []
    for name in options.only:
        choice = {"compiled": options.compiled} if name == "bench_optim" else {}
        found += importlib.import_module(name).rows(**choice)
    print(table(found))
    facts = provenance()
    options.output.parent.mkdir(exist_ok=True)
    with options.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, *facts], lineterminator="\n")
        writer.writeheader()
        writer.writerows({**{c: row.get(c, "") for c in COLUMNS}, **facts} for row in found)
    print(f"\nwritten: {options.output}")


def provenance() -> dict[str, str]:
    """What a number depends on besides the code."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    changed = subprocess.run(
        ["git", "status", "--porcelain", "src"],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit.stdout.strip() + ("+" if changed.stdout.strip() else ""),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": str(torch.get_num_threads()),
        "machine": f"{processor()}, {os.cpu_count()} cores",
    }


def processor() -> str:
    """Model of the processor."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def table(rows: list[dict[str, Any]]) -> str:
    """Columns that line up."""
    cells = [COLUMNS, *([_cell(row.get(c, "")) for c in COLUMNS] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
