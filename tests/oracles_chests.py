"""CheXpert and ChestX-ray14 as small trees in their official layouts."""

from pathlib import Path

import numpy as np
from oracles_medical import Pictures, Tree, save
from oracles_train import write_csv

from aucmax.data.chestxray14 import NIH_FINDINGS
from aucmax.data.chexpert import COMPETITION, FINDINGS

POLICIES = {
    "ignore": dict.fromkeys(FINDINGS),
    "zeros": dict.fromkeys(FINDINGS, 0),
    "ones": dict.fromkeys(FINDINGS, 1),
    "paper": {
        **dict.fromkeys(FINDINGS),
        **dict.fromkeys(("Atelectasis", "Edema"), 1),
        **dict.fromkeys(("Cardiomegaly", "Consolidation", "Pleural Effusion"), 0),
    },
}
"""What an uncertain finding is: 1, 0 or None (unknown)."""

CHEXPERT_HEAD = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS]


def chexpert(folder: Path, pictures: Pictures, policy="paper", blank="negative") -> Tree:
    """v1.0-small: 40 patients to train on, 10 to validate; blanks, doubts, laterals."""
    rng = np.random.default_rng(3)
    root = folder / "CheXpert-v1.0-small"
    tree = Tree(["chexpert", "--data.root", str(root)], root, {})
    images = iter(pictures(90, colour=False, seed=1))
    for part, patients, cells in (
        ("train", range(1, 41), ["1.0", "0.0", "-1.0", ""]),
        ("valid", range(64541, 64551), ["1.0", "0.0"]),
    ):
        rows = []
        for patient in patients:
            for view in ("view1_frontal", "view2_lateral")[: 1 + (patient % 4 == 0)]:
                study = f"{part}/patient{patient:05d}/study{1 + patient % 2}"
                values = rng.choice(cells, len(FINDINGS)).tolist()
                save(root / f"{study}/{view}.jpg", next(images))
                rows.append([f"{root.name}/{study}/{view}.jpg", "Male", 50, "x", "AP", *values])
                if "frontal" in view:
                    name = f"{study}/{view}.jpg"
                    tree.truth[name] = chexpert_truth(values, COMPETITION, policy, blank)
                    tree.group[name] = f"patient{patient:05d}"
                    tree.part[name] = {"train": "", "valid": "test"}[part]
        write_csv(root / f"{part}.csv", CHEXPERT_HEAD, rows)
    return tree


def chexpert_unknown(folder: Path, pictures: Pictures) -> Tree:
    """The same with doubts and blanks unknown; a row without any label is left out."""
    tree = chexpert(folder, pictures, "ignore", "unknown")
    tree.words += ["--data.uncertain=ignore", "--data.blank=unknown"]
    for name in [name for name, values in tree.truth.items() if set(values) == {None}]:
        del tree.truth[name], tree.group[name], tree.part[name]
    return tree


def chexpert_truth(
    cells: list[str], labels: tuple[str, ...], policy: str, blank: str
) -> list[int | None]:
    """Each cell by the rules of the policy, one after the other."""
    found = []
    for label in labels:
        cell = cells[FINDINGS.index(label)]
        none = 0 if blank == "negative" else None
        found.append({"1.0": 1, "0.0": 0, "-1.0": POLICIES[policy][label], "": none}[cell])
    return found


def chexpert_single(folder: Path, pictures: Pictures) -> Tree:
    """The same, for Edema."""
    tree = chexpert(folder, pictures)
    tree.words[0] = "chexpert-single"
    edema = COMPETITION.index("Edema")
    tree.truth = {name: [values[edema]] for name, values in tree.truth.items()}
    return tree


def chexpert_test(tree: Tree, pictures: Pictures) -> dict[str, list[int]]:
    """Add 12 test studies of 8 patients, with one or two frontal views; each study's findings."""
    rng = np.random.default_rng(5)
    images = iter(pictures(130, colour=False, seed=1)[90:])
    truth: dict[str, list[int]] = {}
    for number in range(12):  # patients with even numbers have two studies
        patient, second = 64741 + number - (number + 1) // 3, number % 3 == 2
        study = f"test/patient{patient}/study{1 + second}"
        truth[study] = rng.integers(0, 2, len(FINDINGS)).tolist()
        for view in range(1, 2 + number % 2):
            save(tree.root / f"{study}/view{view}_frontal.jpg", next(images))
        save(tree.root / f"{study}/view3_lateral.jpg", next(images))
    rows = [[f"CheXpert-v1.0/{study}", *values] for study, values in truth.items()]
    write_csv(tree.root / "groundtruth.csv", ["Study", *FINDINGS], rows)
    return truth


def chestxray14(folder: Path, pictures: Pictures) -> Tree:
    """ChestX-ray14: 60 images of 30 patients in two of the twelve folders."""
    rng = np.random.default_rng(4)
    root = folder / "NIH"
    tree = Tree(["chestxray14", "--data.root", str(root)], root, {})
    rows, lists = [], {"train_val_list.txt": [], "test_list.txt": []}
    for row, image in enumerate(pictures(60, colour=False, seed=2)):
        patient, visit = 1 + row // 2, row % 2
        name = f"{patient:08d}_{visit:03d}.png"
        found = [f for f in NIH_FINDINGS if rng.random() < 0.35]
        save(root / f"images_{1 + row % 2:03d}/images/{name}", image)
        rows.append([name, "|".join(found) or "No Finding", visit, patient, "058Y", "M", "PA"])
        tested = patient % 3 == 0
        lists["test_list.txt" if tested else "train_val_list.txt"].append(name)
        tree.truth[name] = [int(f in found) for f in NIH_FINDINGS]
        tree.group[name], tree.part[name] = str(patient), "test" if tested else ""
    head = ["Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age"]
    write_csv(root / "Data_Entry_2017.csv", [*head, "Patient Gender", "View Position"], rows)
    for name, images in lists.items():
        (root / name).write_text("\n".join(images) + "\n")
    return tree
