"""PyTorch Geometric, imported when the first network is made."""

import warnings
from importlib import import_module
from types import ModuleType


def geometric() -> ModuleType:
    """The module ``torch_geometric.nn``.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    with warnings.catch_warnings():
        # At its import it calls torch.jit.script, of which a user can do nothing.
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return import_module("torch_geometric.nn")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "graph networks need torch_geometric, which is not installed: "
                "pip install 'aucmax[molecules]'",
                name=error.name,
            ) from error
