"""Molecules: SMILES as graphs, fingerprints and scaffolds. Needs ``aucmax[molecules]``."""

from .categories import ATOM_SIZES as ATOM_SIZES
from .categories import BOND_SIZES as BOND_SIZES
from .features import featurise as featurise
from .graphs import Graph as Graph
from .graphs import Graphs as Graphs
from .making import Featurised as Featurised
from .making import featurised as featurised
