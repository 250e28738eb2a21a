"""CheXpert's real label files in full: counts by every policy."""

import gzip
from collections import Counter

import numpy as np
import pytest

from aucmax.data import max_over_views, study_names
from aucmax.data import split as split_parts
from aucmax.data.chexpert import FINDINGS, PAPER, CheXpert, chexpert_labels

# Cells 1, 0, -1 and blank as released, of all images and of frontal ones:
ALL = {
    "No Finding": (22381, 0, 0, 201033),
    "Enlarged Cardiomediastinum": (10798, 21638, 12403, 178575),
    "Cardiomegaly": (27000, 11116, 8087, 177211),
    "Lung Opacity": (105581, 6599, 5598, 105636),
    "Lung Lesion": (9186, 1270, 1488, 211470),
    "Edema": (52246, 20726, 12984, 137458),
    "Consolidation": (14783, 28097, 27742, 152792),
    "Pneumonia": (6039, 2799, 18770, 195806),
    "Atelectasis": (33376, 1328, 33739, 154971),
    "Pneumothorax": (19448, 56341, 3145, 144480),
    "Pleural Effusion": (86187, 35396, 11628, 90203),
    "Pleural Other": (3523, 316, 2653, 216922),
    "Fracture": (9040, 2512, 642, 211220),
    "Support Devices": (116001, 6137, 1079, 100197),
}
FRONTAL = {
    "Cardiomegaly": (23385, 7869, 6707, 153066),
    "Edema": (49675, 15915, 11818, 113619),
    "Consolidation": (12983, 19608, 24381, 134055),
    "Atelectasis": (29720, 1025, 29863, 130419),
    "Pleural Effusion": (76899, 25299, 9578, 79251),
}


@pytest.fixture(scope="module")
def released(shared_data):
    return shared_data / "chexpert_train" / "chexpert_train.csv.gz"


@pytest.fixture(scope="module")
def cells(released):
    """Every cell of the released table, cut at commas: it holds no quotes."""
    with gzip.open(released, "rt") as file:
        lines = [line.rstrip("\n").split(",") for line in file]
    return dict(zip(lines[0], zip(*lines[1:], strict=True), strict=True))


def test_the_released_cells(cells):
    frontal = [view == "Frontal" for view in cells["Frontal/Lateral"]]
    assert (len(frontal), sum(frontal)) == (223_414, 191_027)
    assert frontal == [path.endswith("_frontal.jpg") for path in cells["Path"]]
    for counts, mask in ((ALL, [True] * len(frontal)), (FRONTAL, frontal)):
        for name, expected in counts.items():
            found = Counter(v for v, one in zip(cells[name], mask, strict=True) if one)
            assert tuple(found[v] for v in ("1.0", "0.0", "-1.0", "")) == expected, name


@pytest.mark.parametrize(
    ("uncertain", "blank"),
    [("ignore", "unknown"), ("zeros", "negative"), ("ones", "unknown"), ("paper", "negative")],
)
def test_counts_of_the_released_labels_by_policy(released, cells, uncertain, blank):
    """(positives, negatives, unknown) of all 14 findings of all images."""
    read = chexpert_labels(released, "all", uncertain=uncertain, blank=blank)
    assert read.labels == FINDINGS == tuple(ALL)
    assert read.target.shape == (223_414, 14)
    assert len(set(read.patients.tolist())) == 64_540
    assert read.names == tuple(path.partition("/")[2] for path in cells["Path"])
    for column, (name, (ones, zeros, doubtful, empty)) in enumerate(ALL.items()):
        policy = {"zeros": 0, "ones": 1, "paper": PAPER.get(name)}.get(uncertain)
        counts = {1: ones, 0: zeros, None: 0}
        counts[policy] += doubtful
        counts[0 if blank == "negative" else None] += empty
        values = read.target[:, column]
        found = [int((values == 1).sum()), int((values == 0).sum()), int(np.isnan(values).sum())]
        assert found == [counts[1], counts[0], counts[None]], name


def test_frontal_images_have_the_published_shares_of_positives(released):
    """By the paper's choices, as its authors' code prints them."""
    order = ("Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion")
    read = chexpert_labels(released, order).frontal()
    assert len(read.names) == 191_027
    assert read.target.sum(axis=0).tolist() == [
        FRONTAL[name][0] + (FRONTAL[name][2] if name in ("Edema", "Atelectasis") else 0)
        for name in order
    ]
    shares = read.target.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(shares, [0.1224, 0.3219, 0.0680, 0.3119, 0.4026], atol=5e-5)
    part = split_parts(read.target, validation=0.1, test=0, groups=read.patients)
    assert abs((part == "validation").mean() - 0.1) < 0.002
    assert not set(read.patients[part == "train"]) & set(read.patients[part == "validation"])


@pytest.fixture
def folder(released, tmp_path, write_image):
    """The first 400 released rows with an image each, and a validation table of 60 more."""
    with gzip.open(released, "rt") as file:
        head, *lines = [next(file) for _ in range(461)]
    for line in lines:
        write_image(line.split(",")[0])
    root = tmp_path / "CheXpert-v1.0-small"
    (root / "train.csv").write_text("".join([head, *lines[:400]]))
    tail = [line for line in lines[400:] if line.split("/")[2] not in "".join(lines[:400])]
    (root / "valid.csv").write_text("".join([head, *tail]))
    return root


def test_the_first_released_rows_with_images(folder, cells):
    data = CheXpert(folder, frontal=False).load()
    rows = {path.partition("/")[2]: row for row, path in enumerate(cells["Path"])}
    for name, values in zip(data.ids, data.target, strict=True):
        for label, value in zip(data.labels, values, strict=True):
            cell = cells[label][rows[name]]
            assert value == (PAPER[label] if cell == "-1.0" else float(cell or 0)), (name, label)
    assert (data.split == "train").sum() == 400
    assert 0 < (data.split == "test").sum() <= 60


def test_the_released_labels_of_the_test_set_in_full(shared_data, folder, write_image):
    source = shared_data / "chexpert_test" / "groundtruth.csv"
    studies = [line.split(",")[0] for line in source.read_text().splitlines()[1:]]
    for study in studies:
        write_image(f"{folder.name}/{study.partition('/')[2]}/view1_frontal.jpg")
    write_image(f"{folder.name}/test/patient64741/study1/view2_frontal.jpg", seed=1)
    data = CheXpert(folder, test=source).load().part("test")
    assert len(data) == 501
    assert len(set(data.groups.tolist())) == 500
    joined = max_over_views(data.target, data.target, studies=study_names(data.ids))
    assert joined.names.tolist() == [study.partition("/")[2] for study in studies]
    assert joined.target.sum(axis=0).tolist() == [153, 151, 29, 78, 104]
    np.testing.assert_array_equal(joined.scores, joined.target)
