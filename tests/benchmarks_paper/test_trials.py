"""The trials' own parts: smoothed labels, and statistics of BatchNorm taken anew."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from cells import cells
from inputs import Augmented
from parts import draw
from pretraining import fresh
from trials import BATCH, VARIANTS, Smoothed, readings, with_new_statistics

from aucmax.models import AveragedCopies


def test_smoothed_labels_are_nine_tenths_and_one_tenth():
    logits, target = torch.tensor([0.3, -1.2, 2.0]), torch.tensor([1.0, 0.0, 1.0])
    expected = F.binary_cross_entropy_with_logits(logits, 0.1 + 0.8 * target)
    assert Smoothed()(logits, target) == pytest.approx(float(expected), rel=1e-6)


def test_new_statistics_are_those_of_the_training_rows(tmp_path):
    cell = replace(cells()["digits-05"], steps=16, rounds=2)
    data = draw(cell, 0, tmp_path, torch.device("cpu"))
    model = fresh(cell, 0, data)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    anew = with_new_statistics(model, data, cell.spec, 0)
    first = next(m for m in anew.modules() if isinstance(m, torch.nn.Conv2d))
    norm = next(m for m in anew.modules() if isinstance(m, torch.nn.BatchNorm2d))
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(data.train), generator=generator)[:4000]
    images = Augmented(data.train, cell.spec)
    with torch.no_grad():
        means = [
            first(images.batch(rows, generator)).mean((0, 2, 3)) for rows in order.split(BATCH)
        ]
    assert norm.running_mean is not None
    assert torch.allclose(norm.running_mean, torch.stack(means).mean(0), atol=1e-5)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])  # the model itself is as it was


def test_readings_are_of_the_task():
    model = torch.nn.Identity()
    made = {name: make(model) for name, make in readings(cells()["catdog-10"].spec).items()}
    assert made["plain"] is model
    copies = made["copies"]
    assert isinstance(copies, AveragedCopies)
    assert (copies.flip, copies.shift) == (True, 4 / 32)


def test_variants_differ_in_what_they_say():
    plain = VARIANTS["CE"]
    assert VARIANTS["CE, batches of 8"] == replace(plain, batch=8)
    assert VARIANTS["CE, a quarter positive"] == replace(plain, positives=0.25)
    for name, method in VARIANTS.items():
        assert (method.then is not None) == name.startswith("end ")
