"""Time that ``import aucmax`` adds to ``import torch``, each in a fresh process."""

import statistics
import subprocess
import sys
from typing import Any

REPEATS = 9
PROGRAM = """
import time
start = time.perf_counter()
import torch
between = time.perf_counter()
import aucmax
print(between - start, time.perf_counter() - between)
"""


def rows() -> list[dict[str, Any]]:
    """One row: both imports in one process, many times."""
    pairs: list[tuple[float, float]] = []
    for _ in range(REPEATS):
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
        )
        torch_seconds, ours = (float(word) for word in run.stdout.split())
        pairs.append((torch_seconds, ours))
    a, b = zip(*pairs, strict=True)
    return [
        {
            "name": "import aucmax, after import torch",
            "size": "",
            "ours_ms": 1e3 * statistics.median(b),
            "rival": "import torch",
            "rival_ms": 1e3 * statistics.median(a),
            "ratio": statistics.median(y / x for x, y in pairs),
            "note": "ours / rival; target 100 ms at most",
        }
    ]


if __name__ == "__main__":
    print(rows())
