"""Memory that is freed stays with the process: counted in page faults, in a process of its own."""

import ctypes
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from aucmax import _allocator

STEPS, BLOCKS, SIZE = 20, 64, 1 << 20
SCRIPT = f"""
import resource, sys
from runpy import run_path

keep_freed_memory = run_path(sys.argv[1])["keep_freed_memory"]
if sys.argv[2] == "keep":
    print(keep_freed_memory())

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def step():
    [bytes([k]) * {SIZE} for k in range({BLOCKS})]

step()
step()
before = faults()
for _ in range({STEPS}):
    step()
print(faults() - before)
"""
GLIBC = platform.libc_ver()[0] == "glibc"


def faults(word: str) -> list[str]:
    place = Path(_allocator.__file__ or "")
    words = [sys.executable, "-c", SCRIPT, str(place), word]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env={})
    return done.stdout.split()


@pytest.mark.skipif(not GLIBC, reason="other allocators are left as they are")
def test_freed_blocks_are_used_again_without_a_page_fault():
    taken, kept = faults("keep")
    (given_back,) = faults("leave")
    pages = STEPS * BLOCKS * SIZE // 4096
    assert taken == "True"
    assert int(given_back) > pages / 2
    assert int(kept) < pages / 20


@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError])
def test_where_there_is_no_mallopt_nothing_is_changed(monkeypatch, error):
    def refuse(name):
        raise error("no mallopt")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert _allocator.keep_freed_memory() is False
