"""Memory that a training step frees is kept for the next one."""

import ctypes

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt, by the numbers in malloc.h."""
LARGEST_BLOCK = 32 << 20
"""Bytes: the largest value for MMAP_THRESHOLD that every version of glibc takes."""
KEPT = 1 << 30
"""Bytes that may lie free at the end of the heap before it is given back."""


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed blocks in the heap; for the rest of this process.

    By default it gets each block of more than 128 KiB from the system and returns it when freed,
    so that every step of a small network on a CPU pays for fresh, zeroed pages again
    (benchmarks/bench_allocator.py measures the difference). The highest use of memory stays as it
    is, up to fragments; what is free is given back later.

    Returns:
        Whether the allocator took it: False where there is no glibc, and nothing is changed then.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl and macOS have no mallopt, Windows no CDLL
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST_BLOCK)) and bool(mallopt(TRIM_THRESHOLD, KEPT))
