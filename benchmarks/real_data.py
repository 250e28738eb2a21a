"""The recipes against cross-entropy on small real data: ``python benchmarks/real_data.py``.

Digits (scikit-learn's), BUSI (malignant or not) and BCCD (platelet or not), three seeds each, by
the command line alone; the data are sought in $AUCMAX_DATA, or in ../shared/data beside the
project. Every choice was made on validation parts of other splits; the test parts are scored once.
Results: ``benchmarks/results/real_data.csv``.
"""

import csv
import json
import os
import tempfile
from pathlib import Path

from run import provenance

from aucmax.cli import main as aucmax

HERE = Path(__file__).parent
DATA = Path(os.environ.get("AUCMAX_DATA", HERE.parents[1] / "shared" / "data"))
# The one pair of BUSI images that is pixel-identical and has two labels is left out.
TWINS = '["benign (433).png", "malignant (145).png"]'
RUNS = {
    "digits": "fit digits",
    "busi": f"fit npz --data.npz {DATA / 'busi' / 'busi_gray_64.npz'} --data.positive 2 "
    "--data.id files --model.image_size 32",
    "bccd": f"fit npz --data.npz {DATA / 'bccd' / 'bccd_cells_28.npz'} --data.positive 2 "
    "--data.group source_image --schedule.epochs 8",
}


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, command in RUNS.items():
            words = [*command.split(), "--seeds", "3", "--baseline", "--name", name]
            words += ["--data.exclude", TWINS] if name == "busi" else []
            if aucmax([*words, "--output", folder]):
                raise SystemExit(1)
            found = json.loads((Path(folder) / name / "metrics.json").read_text())
            label = next(iter(found["labels"].values()))
            others = {method: one["auroc"] for method, one in found["others"].items()}
            for method, auc in (label["auroc"] | others).items():
                rows.append({"data": name, "what": method, **auc, "p": ""})
            rows.append(
                {"data": name, "what": "difference", **label["difference"], "p": label["p_value"]}
            )
    facts = provenance()
    path = HERE / "results" / "real_data.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], *facts], lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | facts for row in rows)
    print(f"written: {path}")


if __name__ == "__main__":
    main()
