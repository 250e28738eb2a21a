"""From molecules to the input of a graph network."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from .._schema import parse_as
from ..data import LabelledSet, MoleculeSet
from ..models.graphs import GraphBlend, GraphNetwork, create_graph_network
from .config import Augment, FitConfig, Network
from .inputs import Batch, Examples


@dataclass(frozen=True)
class GraphInputs:
    """Graphs as they are, a batch of them joined into one; and a forest's scores if there are any.

    Args:
        smiles: column of the CSV files that the molecules came from.
    """

    smiles: str = "smiles"

    @classmethod
    def fitted(cls, config: FitConfig) -> Self:
        """For the molecules that ``config`` speaks of.

        Raises:
            ValueError: if an option for images is given.
        """
        given = {
            "--model.pretrained": config.model.pretrained,
            "--model.image_size": config.model.image_size,
            "--augment": config.augment != Augment(),
        }
        if wrong := [option for option, value in given.items() if value]:
            raise ValueError(f"{', '.join(wrong)}: for images only; leave it out for molecules")
        return cls(getattr(config.data, "smiles", "smiles"))

    @classmethod
    def restored(cls, values: dict[str, Any]) -> Self:
        """From :meth:`as_dict`.

        Raises:
            ValueError: if the values are not such.
        """
        known = {name: value for name, value in values.items() if name != "kind"}
        return parse_as(cls, known, file="preparation", cure="it is not as it was written")

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return {"kind": "graphs", "smiles": self.smiles}

    def network(self, model: Network, num_labels: int) -> GraphNetwork:
        """A network for graphs, see :func:`aucmax.models.graphs.create_graph_network`.

        Raises:
            ValueError: if there is no such network, or a number is out of range.
            ModuleNotFoundError: if torch_geometric is not installed.
        """
        return create_graph_network(
            model.name,
            num_labels=num_labels,
            layers=model.layers,
            width=model.width,
            dropout=model.dropout,
        )

    def examples(
        self, rows: LabelledSet, augment: Augment | None = None, *, seed: int = 0
    ) -> "GraphExamples":
        """The molecules as examples; nothing about them is random.

        Raises:
            TypeError: if the rows are no molecules.
        """
        if not isinstance(rows, MoleculeSet):
            raise TypeError(f"molecules are wanted, got {rows.noun}s")
        return GraphExamples(rows)

    def blended(self, network: nn.Module) -> nn.Module:
        """The network with a forest at its side, see :class:`aucmax.models.graphs.GraphBlend`.

        Raises:
            ValueError: if it is no network for graphs.
        """
        if not isinstance(network, GraphNetwork):
            raise ValueError(f"a blend needs a network for graphs, got {type(network).__name__}")
        return GraphBlend(network)

    def scoring(self, network: nn.Module) -> nn.Module:
        """The network: a graph has no copies."""
        return network

    def told(self, inputs: Any) -> str:
        """A batch of graphs, in words."""
        return f"{inputs.num_graphs} molecules with {len(inputs.x)} atoms"


class GraphExamples(Examples):
    """Molecules as (graphs, target (B, L), rows (B,)), a whole batch at once.

    Args:
        molecules: the rows to serve.
    """

    def __init__(self, molecules: MoleculeSet) -> None:
        self.molecules = molecules
        self.target = torch.from_numpy(molecules.target)

    def __len__(self) -> int:
        return len(self.molecules)

    def __getitem__(self, index: int) -> tuple[Any, Tensor, int]:
        graph, target, _ = self.__getitems__([index])
        return graph, target[0], index

    def __getitems__(self, rows: list[int]) -> Batch:
        """A batch; PyTorch's loaders ask for it in this way."""
        index = np.asarray(rows, dtype=np.int64)
        graphs: Any = self.molecules.graphs.batch(index)
        if self.molecules.forest is not None:
            graphs.forest = torch.from_numpy(self.molecules.forest[index])
        return graphs, self.target[index], torch.from_numpy(index)

    @staticmethod
    def collate(batch: Batch) -> Batch:
        """A batch as it is: it was made at once."""
        return batch
