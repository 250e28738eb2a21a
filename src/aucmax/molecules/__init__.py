"""Molecules: SMILES as graphs, fingerprints and scaffolds. Needs ``aucmax[molecules]``."""

from .categories import ATOM_SIZES as ATOM_SIZES
from .categories import BOND_SIZES as BOND_SIZES
from .duplicates import canonical as canonical
from .duplicates import duplicates as duplicates
from .features import featurise as featurise
from .fingerprints import fingerprints as fingerprints
from .graphs import Graph as Graph
from .graphs import Graphs as Graphs
from .making import Featurised as Featurised
from .making import featurised as featurised
from .scaffolds import scaffold as scaffold
from .scaffolds import scaffold_split as scaffold_split
from .scaffolds import scaffolds as scaffolds
