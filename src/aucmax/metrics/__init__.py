"""Metrics of rankings: pure functions of (scores, target) on numpy arrays, in float64.

Scores may have any real scale; targets are 0, 1 or NaN for unknown. Lists, arrays and tensors on
any device are accepted. Numbers come with their uncertainty: intervals, paired tests, bands.
"""

from ._inputs import UndefinedMetricWarning as UndefinedMetricWarning
from .bands import Band as Band
from .bands import precision_recall_band as precision_recall_band
from .bands import roc_band as roc_band
from .bootstrap import bootstrap_interval as bootstrap_interval
from .bootstrap import bootstrap_test as bootstrap_test
from .intervals import auroc_interval as auroc_interval
from .intervals import auroc_test as auroc_test
from .multiclass import class_pair_auroc as class_pair_auroc
from .multiclass import one_vs_one_auroc as one_vs_one_auroc
from .multiclass import one_vs_rest_auroc as one_vs_rest_auroc
from .multilabel import macro_auroc as macro_auroc
from .multilabel import macro_auroc_interval as macro_auroc_interval
from .multilabel import macro_auroc_test as macro_auroc_test
from .operating import OperatingPoint as OperatingPoint
from .operating import operating_point as operating_point
from .partial import PartialAUC as PartialAUC
from .partial import partial_auroc as partial_auroc
from .partial import two_way_partial_auroc as two_way_partial_auroc
from .precision_recall import PRCurve as PRCurve
from .precision_recall import average_precision as average_precision
from .precision_recall import precision_recall_curve as precision_recall_curve
from .readers import ReaderComparison as ReaderComparison
from .readers import readers_below_curve as readers_below_curve
from .results import Interval as Interval
from .results import PairedTest as PairedTest
from .roc import ROCCurve as ROCCurve
from .roc import auroc as auroc
from .roc import roc_curve as roc_curve
from .score_interval import wilson_interval as wilson_interval
from .seeds import auroc_interval_over_seeds as auroc_interval_over_seeds
from .seeds import auroc_test_over_seeds as auroc_test_over_seeds
from .top import precision_at_k as precision_at_k
from .top import recall_at_k as recall_at_k
