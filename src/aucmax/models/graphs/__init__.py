"""Networks for molecules and other graphs whose nodes and edges have categorical features."""

from .blend import GraphBlend as GraphBlend
from .create import create_graph_network as create_graph_network
from .deepergcn import DeeperGCN as DeeperGCN
from .gine import GINEVirtualNode as GINEVirtualNode
from .inputs import ATOM_SIZES as ATOM_SIZES
from .inputs import BOND_SIZES as BOND_SIZES
from .inputs import GraphBatch as GraphBatch
from .network import GraphNetwork as GraphNetwork
