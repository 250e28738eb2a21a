#!/usr/bin/env bash
# Install into .venv (made here if it is missing) and run all tests. With --minimum: the lowest
# declared versions in .venv-minimum, and the tests that are named behind it, or a telling few.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # the tests' tensors are too small for two threads
export PYTHONHASHSEED=0 # both test processes must list the tests in the same order
if [[ "${1:-}" == --minimum ]]; then
  shift
  test -x .venv-minimum/bin/python || python3.11 -m venv .venv-minimum
  .venv-minimum/bin/python -m pip install -q uv # pip takes minutes for these, uv half a minute
  .venv-minimum/bin/uv pip install -q --python .venv-minimum/bin/python -c .ci/minimum.txt \
    -e '.[train,medical,molecules]' 'hypothesis>=6.100' 'pytest>=8.3' 'pytest-xdist>=3.6' scipy
  few=(tests/test_layers.py tests/train/test_arguments.py tests/test_cli_errors.py
    tests/losses/test_common.py tests/train/test_fit.py
    --deselect tests/losses/test_common.py::test_compiled_equals_eager) # torch 2.6 itself warns there
  exec .venv-minimum/bin/python -m pytest -q -n "${TEST_PROCESSES:-2}" --dist loadfile "${@:-${few[@]}}"
fi
test -x .venv/bin/python || python3.11 -m venv .venv
.venv/bin/python -m pip install -q -e '.[dev]'
.venv/bin/python -m pytest -q -n "${TEST_PROCESSES:-2}" --dist loadfile
