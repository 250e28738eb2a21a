"""Small trees in the layouts of the published medical sets, and what must be read from them."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from oracles_train import write_csv
from PIL import Image

from aucmax.data import medmnist
from aucmax.data.chestxray14 import NIH_FINDINGS
from aucmax.data.chexpert import COMPETITION, FINDINGS

Pictures = Callable[..., np.ndarray]
"""(n, colour, seed) to n different pictures, uint8, (n, H, W) or (n, H, W, 3)."""

SMALL = [
    *("--model.name=resnet20", "--model.pretrained=false", "--model.image_size=16"),
    *("--pretrain.epochs=1", "--schedule.epochs=1", "--batches.workers=0", "--batches.size=8"),
]
"""Options that make any recipe cheap."""

POLICIES = {
    "ignore": dict.fromkeys(FINDINGS),
    "zeros": dict.fromkeys(FINDINGS, 0),
    "ones": dict.fromkeys(FINDINGS, 1),
    "paper": {
        **dict.fromkeys(FINDINGS),
        **{"Atelectasis": 1, "Edema": 1},
        **{"Cardiomegaly": 0, "Consolidation": 0, "Pleural Effusion": 0},
    },
}
"""What an uncertain finding is: 1, 0 or None (unknown)."""

CHEXPERT_HEAD = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *FINDINGS]


@dataclass
class Tree:
    """A data set on disk, and what its recipe must make of it.

    Args:
        words: the recipe and where the data are.
        truth: the targets of each image by id: 1, 0 or None (unknown).
        group: the patient, lesion or slide of each image, if there are any.
        part: the official part of each image, "" where that is left to chance.
    """

    words: list[str]
    root: Path
    truth: dict[str, list[int | None]]
    group: dict[str, str] = field(default_factory=dict)
    part: dict[str, str] = field(default_factory=dict)


def made_pictures(n: int, colour: bool, seed: int) -> np.ndarray:
    """Blurred noise, where there are no real pictures."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 6, 6, 3) if colour else (n, 6, 6), dtype=np.uint8)
    return np.stack([np.array(Image.fromarray(x).resize((40, 40))) for x in coarse])


def real_pictures(folder: Path) -> Pictures:
    """Ultrasound for grey pictures, blood cells for coloured ones; none comes twice."""

    def give(n: int, colour: bool, seed: int) -> np.ndarray:
        name = "bccd/bccd_cells_28.npz" if colour else "busi/busi_gray_64.npz"
        images = np.load(folder / name)["images"]
        usable = np.unique(images.reshape(len(images), -1), axis=0, return_index=True)[1]
        return images[np.random.default_rng(seed).choice(np.sort(usable), n, replace=False)]

    return give


def save(path: Path, picture: np.ndarray, shape: tuple[int, int] = (30, 24)) -> None:
    """A picture in a file, in the height and width that the set has (but smaller)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).resize(shape[::-1]).save(path)


def split_csv(path: Path) -> dict[str, dict[str, str]]:
    """The part and group of each id of a run."""
    with path.open(newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


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
    """Add 12 test studies with one or two frontal views; the findings of each study."""
    rng = np.random.default_rng(5)
    images = iter(pictures(130, colour=False, seed=1)[90:])
    truth: dict[str, list[int]] = {}
    for patient in range(64741, 64753):
        study = f"test/patient{patient}/study1"
        truth[study] = rng.integers(0, 2, len(FINDINGS)).tolist()
        for view in range(1, 2 + patient % 2):
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


def melanoma(folder: Path, pictures: Pictures) -> Tree:
    """ISIC 2020: 72 images of 24 patients, one in six a melanoma."""
    root = folder / "ISIC_2020"
    tree = Tree(["melanoma", "--data.root", str(root)], root, {})
    rows = []
    for row, image in enumerate(pictures(72, colour=True, seed=3)):
        name, patient, target = f"ISIC_{row:07d}", f"IP_{row // 3:07d}", int(row % 6 == 0)
        save(root / f"train/{name}.jpg", image)
        kind = "malignant" if target else "benign"
        diagnosis = "melanoma" if target else "nevus"
        rows.append([name, patient, f"IL_{row}", "male", 45, "torso", diagnosis, kind, target])
        tree.truth[name], tree.group[name], tree.part[name] = [target], patient, ""
    head = ["image_name", "patient_id", "lesion_id", "sex", "age_approx"]
    head += ["anatom_site_general_challenge", "diagnosis", "benign_malignant", "target"]
    write_csv(root / "ISIC_2020_Training_GroundTruth_v2.csv", head, rows)
    return tree


def ham10000(folder: Path, pictures: Pictures) -> Tree:
    """HAM10000 by the recipe for melanoma: 60 images of 30 lesions in two folders."""
    root = folder / "HAM10000"
    tree = Tree(["melanoma", "--data", "HAM10000", "--data.root", str(root)], root, {})
    rows = []
    for row, image in enumerate(pictures(60, colour=True, seed=4)):
        name, lesion = f"ISIC_{24306 + row:07d}", f"HAM_{row // 2:07d}"
        diagnosis = ("nv", "mel", "nv", "bkl", "mel")[row // 2 % 5]
        save(root / f"HAM10000_images_part_{1 + row % 2}/{name}.jpg", image)
        rows.append([lesion, name, diagnosis, "histo", 80.0, "male", "scalp"])
        tree.truth[name], tree.group[name] = [int(diagnosis == "mel")], lesion
        tree.part[name] = ""
    head = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
    write_csv(root / "HAM10000_metadata.csv", head, rows)
    return tree


def mammography(folder: Path, pictures: Pictures) -> Tree:
    """CBIS-DDSM as PNG: 48 mammograms of masses and calcifications, some with two lesions."""
    root = folder / "CBIS-DDSM"
    tree = Tree(["mammography", "--data.root", str(root)], root, {})
    images, patient = iter(pictures(48, colour=False, seed=5)), 0
    head = ["patient_id", "left or right breast", "image view", "abnormality id", "pathology"]
    head += ["image file path", "cropped image file path", "ROI mask file path"]
    for kind, part, count in (("mass", "train", 9), ("mass", "test", 4), ("calc", "train", 8),
                              ("calc", "test", 3)):  # fmt: skip
        rows = []
        for patient in range(patient + 1, patient + 1 + count):
            for view in ("CC", "MLO"):
                who, case = (
                    f"P_{patient:05d}",
                    f"{kind.title()}-{'Training' if part == 'train' else 'Test'}",
                )
                case = f"{case}_{who}_LEFT_{view}"
                lesions = ["MALIGNANT" if patient % 2 else "BENIGN"]
                lesions += ["BENIGN_WITHOUT_CALLBACK"] * (patient % 3 == 0)
                for number, pathology in enumerate(lesions, 1):
                    crop = f"{case}_{number}/1.3/1.4"
                    paths = [f"{case}/1.1/1.2/000000.dcm", f"{crop}/000000.dcm", f"{crop}/1.dcm"]
                    rows.append([who, "LEFT", view, number, pathology, *paths])
                save(root / f"png/{case}/1-1.png", next(images))
                tree.truth[case], tree.group[case] = [patient % 2], who
                tree.part[case] = "" if part == "train" else "test"
        write_csv(root / f"{kind}_case_description_{part}_set.csv", head, rows)
    return tree


def patchcamelyon(folder: Path, pictures: Pictures) -> Tree:
    """PatchCamelyon's six HDF5 files and the tables of slides."""
    root = folder / "pcam"
    root.mkdir(parents=True)
    tree = Tree(["patchcamelyon", "--data.root", str(root)], root, {})
    images = iter(pictures(56, colour=True, seed=6))
    for official, part, count in (("train", "train", 32), ("valid", "validation", 12),
                                  ("test", "test", 12)):  # fmt: skip
        start = root / f"camelyonpatch_level_2_split_{official}_"
        patches = [Image.fromarray(next(images)).resize((96, 96)) for _ in range(count)]
        with h5py.File(f"{start}x.h5", "w") as file:
            stack = np.stack([np.asarray(patch) for patch in patches])
            file.create_dataset("x", data=stack, chunks=(4, 96, 96, 3), compression="gzip")
        target = np.arange(count) % 3 == 0
        with h5py.File(f"{start}y.h5", "w") as file:
            file.create_dataset("y", data=target.astype(np.uint8).reshape(-1, 1, 1, 1))
        slides = [f"camelyon16_{official}_{row // 4:03d}" for row in range(count)]
        write_csv(Path(f"{start}meta.csv"), ["", "wsi"], list(enumerate(slides)))
        for row in range(count):
            name = f"{part}-{row:02d}"
            tree.truth[name], tree.group[name] = [int(target[row])], slides[row]
            tree.part[name] = part
    return tree


def medmnist_set(name: str, classes: int, colour: bool) -> Callable[[Path, Pictures], Tree]:
    """A set of MedMNIST as it is downloaded: three parts, labels (n, 1), or (n, L) if many."""
    many = name in medmnist.MULTI_LABEL

    def make(folder: Path, pictures: Pictures) -> Tree:
        rng = np.random.default_rng(7)
        path = folder / f"{name}.npz"
        tree = Tree(["medmnist", "--data.npz", str(path)], folder, {})
        images, arrays = pictures(88, colour=colour, seed=7), {}
        for start, official, part, count in ((0, "train", "train", 48),
                                             (48, "val", "validation", 20),
                                             (68, "test", "test", 20)):  # fmt: skip
            small = [Image.fromarray(x).resize((28, 28)) for x in images[start : start + count]]
            numbers = np.arange(count) % classes
            table = rng.integers(0, 2, (count, classes)) if many else numbers[:, None]
            arrays[f"{official}_images"] = np.stack([np.asarray(x) for x in small])
            arrays[f"{official}_labels"] = table.astype(np.uint8)
            for row in range(count):
                one = [1] if classes == 2 else range(classes)
                truth = table[row].tolist() if many else [int(numbers[row] == c) for c in one]
                tree.truth[f"{official}-{row:02d}"] = truth
                tree.part[f"{official}-{row:02d}"] = part
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(path, **arrays)
        return tree

    return make
