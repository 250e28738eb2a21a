"""What the readers of medical data share."""

from importlib import import_module
from typing import Any


def needed(module: str, purpose: str) -> Any:
    """Import a module that comes with the extra ``medical``.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{purpose} need {module}, which is not installed: pip install 'aucmax[medical]'",
            name=module,
        ) from error
