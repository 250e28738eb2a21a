"""Whether a loss is given the rows of all processes: AllGather says so, losses ask."""

from collections.abc import Iterator
from contextlib import contextmanager


class _Calls:
    """Calls of AllGather under way."""

    count = 0


@contextmanager
def joint_batch() -> Iterator[None]:
    """Mark the calls inside as calls with the rows of all processes."""
    _Calls.count += 1
    try:
        yield
    finally:
        _Calls.count -= 1


def is_joint() -> bool:
    """Whether the batch at hand holds the rows of all processes."""
    return _Calls.count > 0
