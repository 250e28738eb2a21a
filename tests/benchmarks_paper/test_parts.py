"""How cells are made: positives are cut, rows divided, labels turned."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from cells import DEVELOPMENT, REPORTED, TASKS, Cell, ablations, cells
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import HELD, Data, Part, draw


def drawn(cell: Cell, seed: int, cache) -> Data:
    return draw(cell, seed, cache, torch.device("cpu"))


def rows(part: Part) -> list[int]:
    """Which rows of the data set these are: the first two pixels tell."""
    pixels = part.inputs.numpy().astype(int)
    return list(pixels[:, 0, 0, 0] * 256 + pixels[:, 0, 1, 0])


def classes(cache, data: str) -> np.ndarray:
    return np.load(cache / f"{data}.npz")["classes"]


@settings(max_examples=30, deadline=None)
@given(percent=st.integers(1, 45), seed=st.integers(0, 5))
def test_all_negatives_stay_and_positives_are_the_wanted_share(percent, seed, cache):
    cell = Cell("digits-x", "digits", percent / 100)
    data = drawn(cell, seed, cache)
    ours = [*rows(data.train), *rows(data.validation)]
    of_class = classes(cache, "digits")
    pool = set(range(len(of_class))) - set(rows(data.test))
    negatives = {row for row in pool if of_class[row] < 5}
    assert negatives <= set(ours)
    positives = len(ours) - len(negatives)
    share = Fraction(percent, 100)
    assert Fraction(positives, len(ours)) <= share < Fraction(positives + 1, len(ours) + 1)


@pytest.mark.parametrize("cell", ["digits-05", "catdog-10", "platelets-all", "parity-10"])
def test_parts_share_no_row_and_labels_are_those_of_the_classes(cell, cache):
    task, data = TASKS[cells()[cell].task], drawn(cells()[cell], 3, cache)
    parts = [data.train, data.validation, data.test]
    found = [rows(part) for part in parts]
    together = [row for own in found for row in own]
    assert len(together) == len(set(together))
    of_class = classes(cache, task.data)
    for part, own in zip(parts, found, strict=True):
        assert part.target.tolist() == [float(of_class[row] in task.positive) for row in own]
        assert all(of_class[row] in task.positive + task.negative for row in own)


def test_a_fifth_of_either_class_validates(cache):
    data = drawn(cells()["digits-10"], 0, cache)
    for value in (0, 1):
        train, held = (int((part.target == value).sum()) for part in (data.train, data.validation))
        assert held == round(HELD * (train + held))


def test_seeds_draw_other_rows_but_test_the_same(cache):
    one, two, again = (drawn(cells()["digits-05"], seed, cache) for seed in (0, 1, 0))
    assert rows(one.train) == rows(again.train)
    assert rows(one.validation) == rows(again.validation)
    assert set(rows(one.train)) != set(rows(two.train))
    assert rows(one.test) == rows(two.test)


def test_development_never_sees_a_test_row_of_a_reported_cell(cache):
    ours, theirs = (drawn(cells()[name], 0, cache) for name in ("parity-05", "digits-05"))
    seen = {row for part in (ours.train, ours.validation, ours.test) for row in rows(part)}
    assert not seen & set(rows(theirs.test))


def test_development_on_images_with_a_test_part_stays_out_of_it(cache):
    data = drawn(cells()["autotruck-10"], 0, cache)
    assert (
        max(row for part in (data.train, data.validation, data.test) for row in rows(part)) < 3000
    )
    assert min(rows(drawn(cells()["catdog-10"], 0, cache).test)) >= 3000


def test_rows_of_one_group_stay_together(cache):
    data = drawn(cells()["platelets-all"], 1, cache)
    group = np.load(cache / "bccd.npz")["group"]
    found = [
        {group[row] for row in rows(part)} for part in (data.train, data.validation, data.test)
    ]
    assert not found[0] & found[1]
    assert not found[0] & found[2]
    assert not found[1] & found[2]


def test_noise_turns_so_many_labels_of_training_alone(cache):
    plain = cells()["catdog-10"]
    one, noisy = (drawn(cell, 2, cache) for cell in (plain, replace(plain, noise=0.2)))
    assert rows(one.train) == rows(noisy.train)
    turned = int((one.train.target != noisy.train.target).sum())
    assert turned == round(0.2 * len(one.train))
    assert torch.equal(one.validation.target, noisy.validation.target)
    assert torch.equal(one.test.target, noisy.test.target)


def test_easy_negatives_are_in_training_and_not_in_the_test_part(cache):
    easy = replace(cells()["catdog-easy"], positives=50)
    data, of_class = drawn(easy, 0, cache), classes(cache, "cifar10")
    ships = [row for row in rows(data.train) if of_class[row] == 8]
    assert ships
    assert not any(of_class[row] == 8 for row in rows(data.test))
    assert not data.train.target[[rows(data.train).index(row) for row in ships]].any()


def test_a_number_of_positives_is_kept_in_training_and_validation(cache):
    data = drawn(cells()["catdog-few20"], 0, cache)
    assert data.positives == 16  # four fifths
    assert int(data.validation.target.sum()) == 4


def test_more_positives_than_there_are_is_an_error(cache):
    with pytest.raises(ValueError, match="digits-x wants 10000 positives, there are"):
        drawn(Cell("digits-x", "digits", positives=10_000), 0, cache)


def test_names_of_cells_are_unique_and_kinds_are_apart():
    every = [*DEVELOPMENT, *REPORTED, *ablations()]
    assert len(cells()) == len(every)
    assert all(cell.development for cell in DEVELOPMENT)
    assert not any(cell.development for cell in REPORTED)
    assert all(TASKS[cell.task].inside or cell.task == "mnist" for cell in DEVELOPMENT)
