"""Batch samplers: every batch holds positives and negatives, whatever the imbalance."""

from ._labels import labels_of as labels_of
from .balanced import BalancedBatches as BalancedBatches
from .multilabel import MultiLabelBatches as MultiLabelBatches
