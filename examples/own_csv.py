"""Own images in a CSV: train with two losses from the command line, then evaluate and compare.

Writes a small folder of images with a table of patients, as a study would have it, and calls the
command `aucmax` on it. Run: python examples/own_csv.py [FOLDER]
"""

import csv
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

from aucmax.cli import main as aucmax

PATIENTS = 300


def write_study() -> None:
    """Images of digits; an eight is a finding, and every patient has three images."""
    Path("images").mkdir()
    digits = load_digits()
    with Path("cases.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "patient", "finding"])
        for row in range(3 * PATIENTS):
            name = f"images/{row:04d}.png"
            Image.fromarray((digits.images[row] * 255 / 16).astype("uint8")).save(name)
            writer.writerow([name, f"patient-{row // 3:03d}", int(digits.target[row] == 8)])


def run(*words: str) -> None:
    print("\n$ aucmax", *words)
    if code := aucmax(list(words)):
        sys.exit(code)


def main() -> None:
    write_study()
    # Small settings, to be done in seconds; without them: DenseNet-121 from ImageNet weights.
    common = [
        *("fit", "csv", "--data.csv", "cases.csv", "--data.label", "finding"),
        *("--data.group", "patient", "--model.name", "resnet20", "--model.pretrained", "false"),
        *("--model.image_size", "null", "--augment.rotate", "0", "--batches.workers", "0"),
    ]
    short = ["--pretrain.epochs", "3", "--schedule.epochs", "1"]
    scratch = ["--pretrain.lr", "0.001", "--optimizer.lr", "0.0001"]  # weights start at random
    run(*common, "--name", "two-stage", *short, *scratch)
    plain = ["--loss", "BCELoss", "--optimizer", "torch.optim.Adam", "--optimizer.lr", "0.001"]
    natural = ["--batches.positives", "null", "--pretrain.epochs", "0", "--schedule.epochs", "4"]
    run(*common, "--name", "cross-entropy", *plain, *natural)

    ours, theirs = "runs/two-stage/predictions.csv", "runs/cross-entropy/predictions.csv"
    run("evaluate", ours, "--max_fpr", "0.2", "--sensitivity", "0.95")
    run("compare", ours, theirs)
    run("report", ours, theirs, "--output", "both.html")


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    with chdir(folder):
        main()
    print(f"\neverything is in {folder}")
