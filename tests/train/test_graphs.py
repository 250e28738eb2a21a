"""From molecules to batches of graphs: in any loader, with either sampler, for every loss."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from oracles_loss_table import LOSSES
from oracles_nav import nav_csv
from oracles_train import made_images
from torch import nn

from aucmax.data import ArrayImages, ImageSet, Molecules
from aucmax.models.graphs import GraphBlend
from aucmax.molecules._packages import graph_classes
from aucmax.samplers import BalancedBatches, MultiLabelBatches
from aucmax.train import kinds
from aucmax.train.config import Augment, Batches, Network
from aucmax.train.graphs import GraphInputs
from aucmax.train.loaders import PartLoaders

SMALL = Network("deepergcn", layers=2, width=8)
CYCLE = np.array(["train", "train", "train", "validation", "test"])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Molecules in three parts, among them atoms without bonds."""
    path = nav_csv(tmp_path_factory.mktemp("graphs") / "nav.csv", 90, [("[Na+]", 0), ("O", 1)] * 5)
    rows = Molecules(path, label="active", workers=0).load()
    return rows.divided(np.resize(CYCLE, len(rows)))


@pytest.fixture(scope="module")
def two(data):
    """The same with a second label, unknown in every fifth row."""
    second = (np.arange(len(data)) % 3 == 0).astype(np.float32)
    second[::5] = np.nan
    target = np.column_stack([data.target[:, 0], second])
    return data._with(target=target, labels=("active", "second"))


def made(data, workers=0, positives=0.25):
    batches = Batches(16, positives=positives, workers=workers)
    return PartLoaders(data, GraphInputs(), batches, Augment(), seed=4)


def config_of(model=SMALL, augment=None, **source):
    return SimpleNamespace(
        model=model, augment=augment or Augment(), data=SimpleNamespace(**source)
    )


def test_a_batch_is_what_pytorch_geometric_makes_of_its_molecules(data):
    examples = GraphInputs().examples(data)
    rows = [7, 0, 90, 91, 7]
    graphs, target, index = examples.__getitems__(rows)
    _, batch = graph_classes()
    expected = batch.from_data_list([data.graphs[row] for row in rows])
    for name in ("x", "edge_index", "edge_attr", "batch", "ptr"):
        assert torch.equal(graphs[name], expected[name]), name
    assert graphs.num_graphs == 5
    assert index.tolist() == rows
    assert torch.equal(target, torch.from_numpy(data.target[rows]))
    one, label, row = examples[7]
    assert (one.num_graphs, label.tolist(), row) == (1, data.target[7].tolist(), 7)
    assert not hasattr(graphs, "forest")


def test_scores_of_a_forest_come_with_their_graphs(data):
    scores = np.linspace(0, 1, len(data))[:, None].astype(np.float32)
    graphs, *_ = GraphInputs().examples(data.with_forest(scores)).__getitems__([5, 2])
    assert np.array_equal(graphs.forest.numpy(), scores[[5, 2]])


@pytest.mark.parametrize("forest", [False, True])
@pytest.mark.parametrize("positives", [0.25, None])
def test_reading_processes_change_nothing(data, positives, forest):
    if forest:
        data = data.with_forest(np.linspace(0, 1, len(data))[:, None])
    for name in ("train_dataloader", "val_dataloader", "test_dataloader"):
        here, there = (list(getattr(made(data, n, positives), name)()) for n in (0, 2))
        assert len(here) == len(there) > 0
        for (a, *rest), (b, *others) in zip(here, there, strict=True):
            assert a.to_dict().keys() == b.to_dict().keys()
            assert all(torch.equal(a[key], b[key]) for key in a.to_dict())
            assert all(torch.equal(x, y) for x, y in zip(rest, others, strict=True))


def test_batches_of_a_part_have_that_parts_molecules_and_its_rows(data):
    loaders = made(data)
    part = data.part("train")
    for graphs, target, index in loaders.train_dataloader():
        rows = index.tolist()
        assert target.sum() == 4
        assert graphs.ptr.diff().tolist() == part.graphs.num_atoms[rows].tolist()
        assert torch.equal(target, torch.from_numpy(part.target[rows]))
    ((graphs, _, index),) = list(loaders.test_dataloader())
    assert index.tolist() == list(range(len(data.part("test"))))
    assert graphs.num_graphs == len(index)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_takes_a_step_on_several_labels(two, name):
    """Labels with unknown values, in batches of :class:`MultiLabelBatches`."""
    network = GraphInputs().network(SMALL, 2)
    objective = LOSSES[name](2)
    batches = MultiLabelBatches(two.target, 24, seed=1)
    before = [weight.detach().clone() for weight in network.parameters()]
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    graphs, target, index = GraphInputs().examples(two).__getitems__(list(next(iter(batches))))
    value = objective(network(graphs), target, index)
    value.backward()
    optimizer.step()
    assert value.isfinite()
    moved = [not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True)]
    assert any(moved)
    assert all(weight.isfinite().all() for weight in network.parameters())


def test_a_balanced_batch_gives_the_gradient_of_its_molecules_one_by_one(data):
    """In evaluation mode, where no batch norm joins the molecules."""
    network = GraphInputs().network(SMALL, 1).eval()
    examples = GraphInputs().examples(data)
    rows = list(next(iter(BalancedBatches(data.target, 12, positives=0.25, seed=2))))
    graphs, target, _ = examples.__getitems__(rows)
    together = network(graphs)
    nn.functional.binary_cross_entropy_with_logits(together, target).backward()
    gradient = [weight.grad.clone() for weight in network.parameters()]
    network.zero_grad()
    for row, logits in zip(rows, together.detach(), strict=True):
        graph, label, _ = examples[row]
        logit = network(graph)
        torch.testing.assert_close(logit[0].detach(), logits, rtol=0, atol=1e-5)
        (nn.functional.binary_cross_entropy_with_logits(logit[0], label) / len(rows)).backward()
    for weight, expected in zip(network.parameters(), gradient, strict=True):
        torch.testing.assert_close(weight.grad, expected, rtol=1e-4, atol=1e-6)


def test_options_survive_a_checkpoint():
    inputs = GraphInputs.fitted(config_of(smiles="SMILES"))
    assert inputs == GraphInputs("SMILES") == kinds.restored(inputs.as_dict())
    assert GraphInputs.fitted(config_of()) == GraphInputs("smiles")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": Network(pretrained=True)}, "--model.pretrained: for images only"),
        (
            {"model": Network(image_size=32), "augment": Augment(rotate=3)},
            "--model.image_size, --augment: for images only; leave it out for molecules",
        ),
    ],
)
def test_options_of_images_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        GraphInputs.fitted(config_of(**options))


def test_what_is_no_molecule_is_refused():
    pixels, target = made_images(6)
    images = ImageSet(ArrayImages(pixels), target, ("y",), tuple("abcdef"))
    with pytest.raises(TypeError, match="molecules are wanted, got images"):
        GraphInputs().examples(images)
    with pytest.raises(ValueError, match="a blend needs a network for graphs, got Linear"):
        GraphInputs().blended(nn.Linear(2, 1))
    with pytest.raises(ValueError, match=r"name must be one of .*did you mean 'gine-virtual'"):
        GraphInputs().network(Network("gine"), 1)


def test_sizes_are_those_of_the_options():
    network = GraphInputs().network(Network("gine-virtual", layers=3, width=12, dropout=0.0), 2)
    assert network.num_features == 12
    assert len(network.convolutions) == 3
    assert network.dropout.p == 0
    assert isinstance(GraphInputs().blended(network), GraphBlend)
    assert sum(p.numel() for p in GraphInputs().network(Network("deepergcn"), 1).parameters()) == (
        1_019_407
    )


def test_a_batch_is_told_in_words(data):
    graphs = data.graphs.batch([90, 91])
    assert GraphInputs().told(graphs) == "2 molecules with 2 atoms"
