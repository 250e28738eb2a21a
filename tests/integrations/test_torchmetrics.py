import pickle
import warnings

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from torchmetrics import MetricCollection

from aucmax.integrations.torchmetrics import AUROC, AveragePrecision
from aucmax.metrics import UndefinedMetricWarning, auroc, average_precision, macro_auroc

PAIRS = [(AUROC, auroc), (AveragePrecision, average_precision)]


def batches(labels=None, sizes=(5, 1, 30, 12)):
    generator = torch.Generator().manual_seed(0)
    for size in sizes:
        shape = (size,) if labels is None else (size, labels)
        target = torch.randint(0, 2, shape, generator=generator).float()
        yield (torch.randn(shape, generator=generator) + target).round(decimals=1), target


def joined(labels=None):
    scores, target = zip(*batches(labels), strict=True)
    return torch.cat(scores), torch.cat(target)


def value(function, scores, target):
    return float(np.mean(function(scores, target)))


@pytest.mark.parametrize("labels", [None, 3])
@pytest.mark.parametrize(("kind", "function"), PAIRS)
def test_accumulated_batches_equal_the_whole(kind, function, labels):
    metric = kind(num_labels=labels)
    for scores, target in batches(labels):
        metric.update(scores, target)
    expected = value(function, *joined(labels))
    result = metric.compute()
    assert result.shape == ()
    assert result.item() == pytest.approx(expected, abs=1e-6)
    metric.reset()
    metric.update(*next(iter(batches(labels, sizes=(40,)))))
    expected = value(function, *next(iter(batches(labels, sizes=(40,)))))
    assert metric.compute().item() == pytest.approx(expected, abs=1e-6)


def test_unknown_targets_and_half_precision_and_gradients():
    scores, target = joined(3)
    target[::4, 1] = torch.nan
    metric = AUROC(num_labels=3)
    metric.update(scores.bfloat16().requires_grad_(), target)
    assert metric.compute().item() == pytest.approx(
        macro_auroc(scores.bfloat16(), target), abs=1e-6
    )
    assert not metric.compute().requires_grad


def test_a_column_is_one_label():
    scores, target = joined()
    metric = AUROC()
    metric.update(scores[:20, None], target[:20])
    metric.update(scores[20:], target[20:, None])
    assert metric.compute().item() == pytest.approx(auroc(scores, target), abs=1e-6)


def test_labels_without_both_classes_are_skipped_and_none_is_nan():
    scores, target = joined(3)
    target[:, 1] = 0
    metric = AUROC(num_labels=3)
    metric.update(scores, target)
    with pytest.warns(UndefinedMetricWarning, match=r"labels \[1\]"):
        result = metric.compute().item()
    assert result == pytest.approx(np.mean(auroc(scores[:, [0, 2]], target[:, [0, 2]])), abs=1e-6)
    metric.reset()
    metric.update(scores, torch.zeros_like(target))
    with pytest.warns(UndefinedMetricWarning, match="no label has both classes in what was seen"):
        assert metric.compute().isnan()


@pytest.mark.parametrize("kind", [AUROC, AveragePrecision])
def test_facts_are_declared_and_state_is_not_saved(kind):
    assert kind.higher_is_better is True
    assert kind.is_differentiable is False
    assert kind.full_state_update is False
    assert (kind.plot_lower_bound, kind.plot_upper_bound) == (0.0, 1.0)
    assert kind().state_dict() == {}


@pytest.mark.parametrize("kind", [AUROC, AveragePrecision])
def test_pickling_keeps_what_was_seen(kind):
    metric = kind()
    metric.update(*joined())
    copy = pickle.loads(pickle.dumps(metric))
    assert copy.compute() == metric.compute()
    assert copy.clone().compute() == metric.compute()


def test_in_a_collection_and_by_forward():
    metrics = MetricCollection([AUROC(), AveragePrecision()])
    scores, target = joined()
    metrics.update(scores[:30], target[:30])
    batch = metrics(scores[30:], target[30:])
    assert batch["AUROC"].item() == pytest.approx(auroc(scores[30:], target[30:]), abs=1e-6)
    results = metrics.compute()
    assert results["AUROC"].item() == pytest.approx(auroc(scores, target), abs=1e-6)
    expected = average_precision(scores, target)
    assert results["AveragePrecision"].item() == pytest.approx(expected, abs=1e-6)


def _rank(rank, path, results):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{path}", rank=rank, world_size=2
    )
    metric = AUROC(num_labels=3)
    for k, batch in enumerate(batches(3)):
        if (k == 0) == (rank == 0):  # 5 rows on rank 0, 43 on rank 1
            metric.update(*batch)
    results[rank] = metric.compute().item()
    torch.distributed.destroy_process_group()


def test_two_processes_equal_one(tmp_path):
    with mp.Manager() as manager:
        results = manager.dict()
        mp.spawn(_rank, args=(tmp_path / "store", results), nprocs=2)
        expected = macro_auroc(*joined(3))
        assert dict(results) == pytest.approx({0: expected, 1: expected}, abs=1e-6)


def test_shapes_and_settings_are_checked():
    with pytest.raises(ValueError, match="num_labels must be >= 1, or None for one label, got 0"):
        AUROC(num_labels=0)
    with pytest.raises(ValueError, match="Unexpected keyword arguments"):
        AUROC(num_lables=3)
    with pytest.raises(ValueError, match=r"scores must be \(B,\), got \(4, 2\); see num_labels"):
        AUROC().update(torch.zeros(4, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match=r"target must be \(B, 3\), got \(4,\)"):
        AUROC(num_labels=3).update(torch.zeros(4, 3), torch.zeros(4))
    with pytest.raises(ValueError, match="one length, got 4 scores and 3 targets"):
        AUROC().update(torch.zeros(4), torch.zeros(3))
    metric = AUROC()
    for target in ([0, 1, -1, 1], [-1, 1, -1, 1], [0.05, 0.95, 0.05, 0.95]):
        metric.reset()
        metric.update(torch.zeros(4), torch.tensor(target))
        with pytest.raises(ValueError, match="target must hold 0, 1 or NaN"):
            metric.compute()


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")
@pytest.mark.parametrize("kind", [AUROC, AveragePrecision])
def test_before_any_row_the_value_is_nan(kind):
    for labels in (None, 3):
        with pytest.warns(UndefinedMetricWarning, match="no row was seen so far"):
            assert kind(num_labels=labels).compute().isnan()


def test_values_can_be_plotted():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    metric = AUROC()
    metric.update(*joined())
    _, ax = metric.plot()
    assert ax.get_ylim()[0] <= 0
    assert ax.get_ylim()[1] >= 1
    _, ax = metric.plot([metric.compute(), torch.tensor(0.5)])
    assert len(ax.lines) >= 1


def _idle_rank(rank, path, results):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{path}", rank=rank, world_size=2
    )
    for name, kind, labels, dtype in (
        ("one", AUROC, None, torch.float64),
        ("three", AveragePrecision, 3, torch.bfloat16),
    ):
        metric = kind(num_labels=labels)
        if rank == 1:
            for scores, target in batches(labels):
                metric.update(scores.to(dtype), target.long())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # rank 0 computes before any update
            results[name, rank] = metric.compute().item()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results["none", rank] = AUROC().compute().item()
    torch.distributed.destroy_process_group()


def test_a_rank_without_rows_gets_the_joint_value(tmp_path):
    with mp.Manager() as manager:
        results = manager.dict()
        mp.spawn(_idle_rank, args=(tmp_path / "store", results), nprocs=2)
        found = dict(results)
    scores, target = joined(3)
    expected = value(average_precision, scores.bfloat16(), target)
    for rank in (0, 1):
        assert found["one", rank] == pytest.approx(auroc(*joined()), abs=1e-6)
        assert found["three", rank] == pytest.approx(expected, abs=1e-6)
        assert np.isnan(found["none", rank])
