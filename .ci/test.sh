#!/usr/bin/env bash
# Install into .venv (made here if it is missing) and run all tests.
#   --minimum  the lowest declared versions, in .venv-minimum, and a telling few of the tests
#   --newest   the newest Python that the dependencies install on, in .venv-newest, and the same few
# Tests named behind either option are run in place of the few.
set -euo pipefail
cd "$(dirname "$0")/.."
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" # the tests' tensors are too small for two threads
export PYTHONHASHSEED=0 # both test processes must list the tests in the same order

run_tests() { # VENV [PYTEST ARGUMENT...]
  local python="$1/bin/python"
  shift
  "$python" -m pytest -q -n "${TEST_PROCESSES:-2}" --dist loadfile "$@"
}

few=(tests/test_layers.py tests/train/test_arguments.py tests/test_cli_errors.py
  tests/losses/test_common.py tests/train/test_fit.py)
tools=('hypothesis>=6.100' 'pytest>=8.3' 'pytest-xdist>=3.6' scipy)

case "${1:-}" in
  --minimum)
    shift
    test -x .venv-minimum/bin/python || python3.11 -m venv .venv-minimum
    .venv-minimum/bin/python -m pip install -q uv # pip takes minutes for these, uv half a minute
    .venv-minimum/bin/uv pip install -q --python .venv-minimum/bin/python -c .ci/minimum.txt \
      -e '.[train,medical,molecules]' "${tools[@]}"
    # torch 2.6 itself warns when it compiles
    run_tests .venv-minimum -W ignore::DeprecationWarning "${@:-${few[@]}}"
    ;;
  --newest)
    shift
    newest=python3.13
    if command -v pyenv >/dev/null; then # its python3.13 runs only where a version is chosen
      PYENV_VERSION="$(pyenv latest "${newest#python}" 2>/dev/null || true)"
      export PYENV_VERSION
    fi
    if ! "$newest" -c '' 2>/dev/null; then
      echo "$newest was not found, so nothing is tested with it" >&2
      exit 0
    fi
    test -x .venv-newest/bin/python || "$newest" -m venv .venv-newest
    .venv-newest/bin/python -m pip install -q uv
    .venv-newest/bin/uv pip install -q --python .venv-newest/bin/python \
      -e '.[train,medical,molecules]' "${tools[@]}"
    # torch warns when it compiles on the first release of 3.13
    run_tests .venv-newest -W 'ignore:Guards may run slower:RuntimeWarning' "${@:-${few[@]}}"
    ;;
  *)
    test -x .venv/bin/python || python3.11 -m venv .venv
    .venv/bin/python -m pip install -q -e '.[dev]'
    run_tests .venv "$@"
    ;;
esac
