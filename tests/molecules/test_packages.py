"""What is said where RDKit or PyTorch Geometric is missing, and what is imported when."""

import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"


def run(code):
    """Run code in a fresh process, warnings being errors."""
    head = f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n"
    return subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", head + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


@pytest.mark.parametrize(
    ("missing", "code", "message"),
    [
        (
            "rdkit",
            "import aucmax.molecules",
            "ImportError: molecules need RDKit: pip install 'aucmax[molecules]'",
        ),
        (
            "torch_geometric",
            "from aucmax.molecules import Graphs, featurise\n"
            "Graphs.of([featurise('CCO')]).batch([0])",
            "ImportError: graphs of molecules need PyTorch Geometric: "
            "pip install 'aucmax[molecules]'",
        ),
    ],
)
def test_a_missing_package_is_named_with_its_cure(missing, code, message):
    done = run(f"sys.modules[{missing!r}] = None\n{code}")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == message


def test_graphs_are_made_without_pytorch_geometric():
    """Its import takes seconds, in each process that featurises."""
    done = run(
        "from aucmax.molecules import featurised\n"
        "featurised(['CCO'], progress=False)\n"
        "print('torch_geometric' in sys.modules)"
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.slow
def test_pytorch_geometric_is_imported_without_a_warning():
    done = run("from aucmax.molecules._packages import graph_classes\nprint(*graph_classes())")
    assert done.stderr == ""
    assert "torch_geometric.data.data.Data" in done.stdout
