"""Several processes: all of them train, the first one writes and speaks."""

from lightning.fabric.utilities.rank_zero import rank_zero_only


def is_first() -> bool:
    """Whether this process is the only one, or that of rank 0."""
    return getattr(rank_zero_only, "rank", 0) == 0
