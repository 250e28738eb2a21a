"""No loss holds a matrix of pairs, nor leaves blocks of one behind in the heap."""

import subprocess
import sys
from pathlib import Path

import pytest

ROWS = 16_384
"""Of which the matrix of pairs would take 268 MB."""
LIMIT = 64
"""Megabytes that one step may take at its peak."""

LOSSES = [
    "APLoss(ROWS)",
    "APLoss(surrogate='logistic')",
    "PNormPushLoss(surrogate='sigmoid')",
    "PairwiseAUCLoss('barrier_hinge')",
    "PairwiseAUCLoss(lambda gap, margin: torch.relu(margin - gap) ** 3)",
    "PartialAUCLoss(0.5, surrogate='logistic')",
    "TwoWayPartialAUCLoss(0.5, 0.5)",
    "SmoothPartialAUCLoss(1.0, ROWS)",
    "SmoothPartialAUCLoss(0.01)",
    "SmoothTwoWayPartialAUCLoss(0.5, surrogate='logistic')",
]

PROGRAM = """
import sys
import torch
from aucmax import *
torch.set_num_threads(1)
ROWS = int(sys.argv[1])
target, index = (torch.arange(ROWS) % 2).float(), torch.arange(ROWS)

def kilobytes(name):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))

for text in sys.argv[2:]:
    loss, logits = eval(text), torch.randn(ROWS, requires_grad=True)
    few = torch.arange(200)
    loss(logits[few], target[few], few).backward()  # what is loaded by the first call
    open("/proc/self/clear_refs", "w").write("5")  # forget the highest mark
    before = kilobytes("VmRSS")
    loss(logits, target, index).backward()
    print((kilobytes("VmHWM") - before) // 1024, text)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
def test_a_step_takes_little_memory_at_any_surrogate():
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROWS), *LOSSES],
        capture_output=True,
        text=True,
        check=True,
    )
    peaks = dict(line.split(" ", 1)[::-1] for line in run.stdout.splitlines())
    assert peaks.keys() == set(LOSSES)
    assert {loss: peak for loss, peak in peaks.items() if int(peak) > LIMIT} == {}
