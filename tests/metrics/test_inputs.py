import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import aucmax.metrics as metrics
from aucmax.metrics import UndefinedMetricWarning, auroc, auroc_interval, auroc_test, macro_auroc
from aucmax.metrics._inputs import to_numpy

PACKAGE = Path(metrics.__file__).parent
GOOD = [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("scores", "target", "error", "message"),
    [
        ([], [], ValueError, "scores is empty, got shape (0,)"),
        (GOOD, [0, 1], ValueError, "both be (n,) or both (n, L), got scores (3,) and target (2,)"),
        ([GOOD], [0, 1, 1], ValueError, "got scores (1, 3) and target (3,)"),
        (np.zeros((3, 2, 2)), np.zeros((3, 2, 2)), ValueError, "got scores (3, 2, 2)"),
        (0.5, 1, ValueError, "got scores () and target ()"),
        ([0.1, np.nan, np.nan], [0, 1, 1], ValueError, "must not hold NaN, got 2 of 3"),
        (GOOD, [-1, 1, 1], ValueError, "0, 1 or NaN (unknown), got -1; labels -1/1 become 0/1"),
        (GOOD, [0, 1, 0.5], ValueError, "got 0.5; of soft labels choose a cut"),
        (GOOD, [0.05, 0.95, 0.95], ValueError, "got 0.05, 0.95; of soft labels choose a cut"),
        (GOOD, [0, 1.5, 0.5], ValueError, "got 0.5, 1.5; choose a cut above which"),
        (GOOD, [-1, 0, 1], ValueError, "if 0 is negative; if -1 is unknown make it NaN"),
        (GOOD, [1, 2, 2], ValueError, "got 2; two codes become 0/1 by (y == 2)"),
        (GOOD, [0, 255, 0], ValueError, "two codes become 0/1 by (y == 255)"),
        (GOOD, [0, 1, 2], ValueError, "class numbers with scores (n, C) are for one_vs_rest_auroc"),
        (GOOD, [0, 1, np.inf], ValueError, "got inf; an unknown label is NaN"),
        (GOOD, [-3, 1, 2], ValueError, "got -3, 2; say which codes are positive"),
        (
            np.zeros((3, 2)),
            [0, 1, 1],
            ValueError,
            "two classes, as a softmax gives, pass scores[:, 1]",
        ),
        (np.zeros((3, 4)), [0, 1, 1], ValueError, "scores[:, k], or use one_vs_rest_auroc"),
        ([2**53, 2**53 + 1, 0], [0, 1, 1], ValueError, "of dtype int64 that are equal in float64"),
        ([2**70, 2**70 + 1, 0], [0, 1, 1], ValueError, "of dtype object that are equal in float64"),
        (
            np.ma.array(GOOD, mask=[1, 0, 0]),
            [0, 1, 1],
            ValueError,
            "must not hold masked values, got 1 of 3",
        ),
        (GOOD, [0, 0, 0], ValueError, "both classes, got negatives only in 3 rows"),
        (GOOD, [True, True, True], ValueError, "both classes, got positives only in 3 rows"),
        (GOOD, [0, 0, np.nan], ValueError, "both classes, got negatives only"),
        (["a", "b", "c"], [0, 1, 1], TypeError, "scores must hold real numbers, got dtype <U1"),
        ([1j, 2, 3], [0, 1, 1], TypeError, "scores must hold real numbers, got dtype complex128"),
        (np.array(["a", 1, 2], object), [0, 1, 1], TypeError, "scores must hold real numbers"),
        (GOOD, ["no", "yes", "yes"], TypeError, "target must hold real numbers, got dtype <U3"),
    ],
)
def test_wrong_inputs_are_refused_with_their_reason(scores, target, error, message):
    with pytest.raises(error) as caught:
        auroc(scores, target)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda s, t: metrics.roc_curve(s, t),
        lambda s, t: metrics.precision_recall_curve(s, t),
        lambda s, t: metrics.partial_auroc(s, t, fpr=(0, 1)),
        lambda s, t: metrics.two_way_partial_auroc(s, t, max_fpr=1, min_tpr=0),
        lambda s, t: metrics.operating_point(s, t, sensitivity=0.5),
        lambda s, t: metrics.roc_band(s, t, grid=[0.5]),
    ],
)
def test_functions_of_one_label_say_so(call):
    with pytest.raises(ValueError, match=r"one label here, got 2; pass scores\[:, k\]"):
        call(np.zeros((4, 2)), np.zeros((4, 2)))


def test_a_label_with_one_class_is_nan_with_a_warning():
    scores, target = np.arange(8.0).reshape(4, 2), np.array([[0, 0], [0, 0], [1, 0], [1, 0]])
    with pytest.warns(UndefinedMetricWarning, match=r"labels \[1\] have one class only"):
        values = auroc(scores, target)
    assert values[0] == 1
    assert np.isnan(values[1])
    with pytest.warns(UndefinedMetricWarning):
        assert macro_auroc(scores, target) == 1
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(auroc_interval(scores, target)[1].estimate)
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(auroc_test(scores, -scores, target)[1].p_value)


def test_the_warning_points_at_the_caller():
    for function in (auroc, macro_auroc, auroc_interval, metrics.macro_auroc_interval):
        with pytest.warns(UndefinedMetricWarning) as caught:
            function(np.zeros((3, 2)), [[0, 1], [1, 1], [1, 1]])
        assert caught[0].filename == __file__


def test_none_is_an_unknown_target():
    assert auroc([1, 2, 3, 4], np.array([0, None, 1, 1], dtype=object)) == 1


def test_tensors_are_read_without_torch():
    tensor = torch.tensor([1.5, 2.5], dtype=torch.bfloat16, requires_grad=True)
    assert to_numpy(tensor).tolist() == [1.5, 2.5]
    assert to_numpy([tensor, tensor]).shape == (2, 2)
    imported = set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(str(node.module).split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"numpy"}


def test_metrics_work_where_torch_cannot_be_imported():
    code = f"""
import sys, types
sys.modules["torch"] = None  # any import of it now fails
package = types.ModuleType("aucmax")
package.__path__ = [{str(PACKAGE.parent)!r}]
sys.modules["aucmax"] = package
from aucmax.metrics import auroc
assert auroc([1, 2], [0, 1]) == 1
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_groups_and_levels_are_checked():
    scores, target = [1, 2, 3, 4], [0, 1, 0, 1]
    with pytest.raises(ValueError, match=r"groups must be \(4,\), one per row, got shape \(3,\)"):
        auroc_interval(scores, target, groups=[1, 2, 3])
    with pytest.raises(ValueError, match="groups must not hold NaN"):
        auroc_interval(scores, target, groups=[1, 2, 3, np.nan])
    for level in (0, 1, 95, np.nan):
        with pytest.raises(ValueError, match=r"level must lie in \(0, 1\), got"):
            auroc_interval(scores, target, level=level)


def test_groups_may_be_strings_numbers_or_mixed_objects():
    rng = np.random.default_rng(0)
    scores, target, codes = rng.normal(size=60), rng.integers(0, 2, 60), rng.integers(0, 20, 60)
    expected = auroc_interval(scores, target, groups=codes)
    names = [f"patient {c}" for c in codes]
    for groups in (names, np.array(names, object), torch.tensor(codes), codes * 1.0):
        assert auroc_interval(scores, target, groups=groups) == expected
    assert auroc_interval(scores, target) != expected


def test_large_integers_that_float64_tells_apart_are_ranked():
    assert auroc([2**60, 2**61], [0, 1]) == 1
    assert auroc(np.array([2**63, 2**64 - 1], dtype=np.uint64), [0, 1]) == 1
    big = np.array([2**53, 2**53 + 1, 2**53 + 2])
    ranks = np.unique(big, return_inverse=True)[1].reshape(np.shape(big))  # the cure of the message
    assert auroc(ranks, [0, 1, 1]) == 1


def test_a_masked_target_is_unknown():
    target = np.ma.array([0, 1, 1, 0], mask=[False, False, False, True])
    assert auroc([1, 2, 3, 4], target) == 1
    assert auroc([1, 2, 3, 4], np.ma.array([0, 1, 1, 1], mask=False)) == 1
    both = [target, target]
    scores = [[1, 2, 3, 4], [1, 2, 3, 4]]
    np.testing.assert_array_equal(auroc(np.transpose(scores), np.ma.stack(both).T), [1, 1])
    classes = np.ma.array([0, 1, 2, 2], mask=[False, False, False, True])
    assert metrics.one_vs_rest_auroc(np.eye(4)[:, :3], classes) == 1
    with pytest.raises(ValueError, match="groups must not hold masked values, got 1 of 4"):
        auroc_interval([1, 2, 3, 4], [0, 1, 0, 1], groups=target)
    with pytest.raises(ValueError, match="k must not hold masked values"):
        metrics.precision_at_k([1, 2, 3, 4], [0, 1, 0, 1], target)


def test_columns_of_a_frame_are_read_with_their_missing_values():
    class Column:  # as pandas' nullable types: an array of objects, but a to_numpy of its own
        def __init__(self, values):
            self.values = values

        def __array__(self, dtype=None, copy=None):
            return np.array([object() if v is None else v for v in self.values], dtype=object)

        def to_numpy(self, dtype, na_value):
            return np.array([na_value if v is None else v for v in self.values], dtype=dtype)

    assert auroc(Column([1, 2, 3, 4]), Column([0, 1, 1, None])) == 1
    with pytest.raises(ValueError, match="scores must not hold NaN, got 1 of 4"):
        auroc(Column([1, None, 3, 4]), [0, 1, 1, 0])
