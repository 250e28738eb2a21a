"""The packages that molecules need, imported with a word on how to get them."""

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch_geometric.data import Batch, Data

try:
    from rdkit import Chem as Chem
    from rdkit import rdBase as rdBase
except ImportError as error:
    raise ImportError("molecules need RDKit: pip install 'aucmax[molecules]'") from error


def graph_classes() -> tuple[type["Data"], type["Batch"]]:
    """``Data`` and ``Batch`` of PyTorch Geometric, which takes seconds to import.

    Raises:
        ImportError: if it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # Its import scripts functions, which torch >= 2.14 calls a thing of the past.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            from torch_geometric.data import Batch, Data
    except ImportError as error:
        raise ImportError(
            "graphs of molecules need PyTorch Geometric: pip install 'aucmax[molecules]'"
        ) from error
    return Data, Batch
