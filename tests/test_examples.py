"""Every example runs, prints what it promises, and learns something."""

import re
import runpy
import sys
from pathlib import Path

import pytest

pytest.importorskip("lightning", reason="the examples need the extra `train`")

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
LEAST_AUC = {
    "plain_loop.py": r"test AUC (\d\.\d+) \[",
    "multi_label.py": r"mean +(\d\.\d+) \[",
    "own_csv.py": r"pairwise-auc reaches an AUC of (\d\.\d+)",
    "lightning_module.py": r"'validation_auroc': (\d\.\d+)",
    "own_molecules.py": r"test AUC (\d\.\d+) \[",
    "bags_of_cells.py": r"platelet +smooth max +(\d\.\d+) \[",
    "skorch_classifier.py": r"test AUC (\d\.\d+) \[",
    "accelerate_loop.py": r"test AUC (\d\.\d+) \[",
    "huggingface_trainer.py": r"test AUC (\d\.\d+) \[",
}
NEED_SHARED_DATA = {"bags_of_cells.py"}
# Of Lightning, about its own choices; and of torch, about one of Lightning's calls.
QUIET = [
    "ignore:.*does not have many workers",
    "ignore:.*smaller than the logging interval",
    "ignore:.*treespec, LeafSpec",
    "ignore::FutureWarning",  # of torch, raised by an import of accelerate
]


def test_no_example_is_left_out():
    assert sorted(LEAST_AUC) == sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", LEAST_AUC)
@pytest.mark.filterwarnings(*QUIET)
def test_example(name, tmp_path, monkeypatch, capsys, request):
    if name in NEED_SHARED_DATA:
        monkeypatch.setenv("AUCMAX_DATA", str(request.getfixturevalue("shared_data")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(EXAMPLES))  # as python has it, which runs a script
    monkeypatch.setattr(sys, "argv", [name, str(tmp_path / "study")])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    found = re.search(LEAST_AUC[name], capsys.readouterr().out)
    assert found is not None
    assert float(found[1]) > 0.9


@pytest.mark.parametrize("name", LEAST_AUC)
def test_example_fits_one_screen(name):
    assert len((EXAMPLES / name).read_text().splitlines()) <= 80
