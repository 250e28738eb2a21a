"""Small trees in the layouts of the published medical sets, and what must be read from them."""

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from oracles_train import refused, write_csv
from PIL import Image

from aucmax.data import medmnist

Pictures = Callable[..., np.ndarray]
"""(n, colour, seed) to n different pictures, uint8, (n, H, W) or (n, H, W, 3)."""

SMALL = [
    *("--model.name=resnet20", "--model.pretrained=false", "--model.image_size=16"),
    *("--pretrain.epochs=1", "--schedule.epochs=1", "--batches.workers=0", "--batches.size=8"),
]
"""Options that make any recipe cheap."""


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


def edit(path: Path, old: str, new: str, count: int = 1) -> None:
    """Put other words into the first data row that holds the old ones."""
    head, _, rows = path.read_text().partition("\n")
    assert old in rows
    path.write_text(f"{head}\n{rows.replace(old, new, count)}")


def refused_fit(capsys, words: list[str], *more: object, code: int = 1) -> str:
    """The one line of a cheap ``aucmax fit`` that must fail before it writes anything."""
    text = refused(capsys, code, "fit", *words, *SMALL, "--split.validation=0.3", *more)
    assert text.count("\n") == 1, text
    return text


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
        for _ in range(count):
            patient += 1
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
