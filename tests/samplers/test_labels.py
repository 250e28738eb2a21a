import numpy as np
import pytest
import torch
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    RandomSampler,
    Subset,
    TensorDataset,
)

from aucmax.samplers import BalancedBatches, MultiLabelBatches, labels_of
from aucmax.samplers._labels import check_binary

NAN = float("nan")


class Images(Dataset):
    """A data set that must not be asked for a sample."""

    def __init__(self, **labels):
        self.__dict__.update(labels)

    def __len__(self):
        return 4

    def __getitem__(self, index):
        raise AssertionError("a sample was loaded")


@pytest.mark.parametrize(
    "data",
    [
        [0, 1, 1, 0],
        (0.0, 1.0, 1.0, 0.0),
        [False, True, True, False],
        [torch.tensor(0), torch.tensor(1), torch.tensor(1), torch.tensor(0)],
        np.array([0, 1, 1, 0], dtype=np.uint8),
        torch.tensor([0, 1, 1, 0]),
        torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.bfloat16, requires_grad=True),
        TensorDataset(torch.zeros(4, 2), torch.tensor([0, 1, 1, 0])),
        Images(targets=[0, 1, 1, 0]),
        Images(labels=np.array([0, 1, 1, 0])),
        Images(targets=[0, 1, 1, 0], labels=["a", "b", "b", "a"]),
        Images(targets=None, labels=torch.tensor([0, 1, 1, 0])),
        Subset(Images(targets=[1, 0, 0, 1, 0]), [2, 0, 3, 1]),
        Subset(Subset(Images(labels=[1, 0, 0, 1, 0]), [4, 3, 2, 1, 0]), [0, 1, 4, 2]),
        Subset(Images(targets=[1, 0, 0, 1, 0]), np.array([2, 0, 3, 1])),
        ConcatDataset([Images(targets=[0, 1]), TensorDataset(torch.tensor([1, 0]))]),
        ConcatDataset([Subset(Images(targets=[1, 0]), [1, 0]), Images(labels=[1, 0])]),
    ],
    ids=lambda data: type(data).__name__,
)
def test_every_source_gives_the_same_labels(data):
    labels = labels_of(data)
    assert labels.dtype == torch.float64
    assert not labels.requires_grad
    assert labels.tolist() == [0, 1, 1, 0]


def test_a_table_of_labels_keeps_its_columns_and_unknowns():
    labels = labels_of(Subset(Images(labels=[[0, 1], [1, NAN], [1, 1]]), [1, 2]))
    assert labels.nan_to_num(9).tolist() == [[1, 9], [1, 1]]


def test_pandas_columns_are_read_as_arrays():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"labels": [1, 0], "targets": [1, NAN]})  # not taken as attributes
    assert labels_of(frame["labels"]).tolist() == [1, 0]
    assert labels_of(frame).nan_to_num(9).tolist() == [[1, 1], [0, 9]]


def test_labels_are_copied():
    array = np.zeros(3)
    labels = labels_of(array)
    array[:] = 1
    assert labels.tolist() == [0, 0, 0]


@pytest.mark.parametrize("data", [Images(), DataLoader(Images()), 3, None, {"targets": [1]}])
def test_what_has_no_labels_is_refused_with_the_cure(data):
    kind = type(data).__name__
    with pytest.raises(TypeError, match=rf"`targets` or `labels`, got {kind}; pass the labels"):
        labels_of(data)


@pytest.mark.parametrize("data", [["cat", "dog"], [[0, 1], [1]], [0, object()]])
def test_labels_that_are_no_numbers_are_refused(data):
    with pytest.raises(ValueError, match="labels must be numbers in rows of one length"):
        labels_of(data)


def test_parts_of_a_concatenation_must_have_the_same_columns():
    data = ConcatDataset([Images(targets=[0, 1]), Images(targets=[[0], [1]])])
    with pytest.raises(ValueError, match=r"same columns, got shapes \[\(2,\), \(2, 1\)\]; bring"):
        labels_of(data)


def test_binary_labels_pass_unchanged():
    labels = torch.tensor([[0.0, 1.0], [NAN, 1.0]])
    assert check_binary(labels) is labels


@pytest.mark.parametrize("labels", [[-1, 1], [0, 1, 2], [0.5, NAN], [0, float("inf")]])
def test_other_values_are_refused_with_the_cure(labels):
    odd = [x for x in labels if x not in (0, 1) and x == x]
    with pytest.raises(ValueError, match="0, 1 or NaN") as caught:
        check_binary(labels_of(labels))
    assert f"got also {[float(x) for x in odd]}; " in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "cure"),
    [
        ([-1, 1], r"map -1 and 1 by \(labels > 0\)"),
        ([0, 1, 2], "for class numbers use MultiLabelBatches"),
        ([0.5, 1], "a soft label has no class"),
        ([0, float("inf")], "pass the labels themselves"),
        (list(range(2000)), "pass the labels themselves"),
    ],
)
def test_the_cure_fits_the_labels(labels, cure):
    with pytest.raises(ValueError, match=cure):
        check_binary(labels_of(labels))


def test_class_numbers_are_served_as_the_cure_says():
    labels = torch.arange(30) % 3
    batch = next(iter(MultiLabelBatches(torch.nn.functional.one_hot(labels), 12)))
    assert labels[batch].unique().tolist() == [0, 1, 2]


def test_several_tensors_of_a_set_are_not_guessed_at():
    x, y, sex = torch.zeros(4, 2), torch.tensor([0, 1, 0, 1]), torch.tensor([1, 1, 0, 0])
    assert labels_of(TensorDataset(x, y)).tolist() == y.tolist()
    for data in (TensorDataset(x, y, sex), Subset(TensorDataset(x, y, torch.arange(4)), [0, 1])):
        with pytest.raises(ValueError, match=r"any of the 3 tensors .* dataset.tensors\[1\]"):
            labels_of(data)


def test_a_sampler_in_place_of_labels_is_refused_with_the_cure():
    for cls in (BalancedBatches, MultiLabelBatches):
        with pytest.raises(TypeError, match="Trainer\\(use_distributed_sampler=False\\)"):
            cls(RandomSampler([1]), batch_size=4, drop_last=True)
        with pytest.raises(ValueError, match="drop_last must be True, got False"):
            cls([0, 1], batch_size=2, drop_last=False)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 2, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="not empty, got") as caught:
        check_binary(torch.zeros(shape))
    assert str(shape) in str(caught.value)
