#!/usr/bin/env bash
# Install into .venv (made here if it is missing) and run all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
test -x .venv/bin/python || python3.11 -m venv .venv
.venv/bin/python -m pip install -q -e '.[dev]'
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # the tests' tensors are too small for two threads
export PYTHONHASHSEED=0 # both test processes must list the tests in the same order
.venv/bin/python -m pytest -q -n "${TEST_PROCESSES:-2}" --dist loadfile
