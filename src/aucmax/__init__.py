"""aucmax: train classifiers for the area under the ROC curve."""

from . import metrics as metrics
from ._checks import set_value_checks as set_value_checks
from .distributed import AllGather as AllGather
from .losses import AUCMLoss as AUCMLoss
from .losses import AUCSquareLoss as AUCSquareLoss
from .losses import BCELoss as BCELoss
from .losses import FocalLoss as FocalLoss
from .losses import LogitAdjustedLoss as LogitAdjustedLoss
from .losses import MissingClassWarning as MissingClassWarning
from .losses import PairwiseAUCLoss as PairwiseAUCLoss
from .optim import PESG as PESG
from .optim import PESGAdam as PESGAdam
from .optim import StageLR as StageLR
from .optim import param_groups as param_groups
from .samplers import BalancedBatches as BalancedBatches
from .samplers import MultiLabelBatches as MultiLabelBatches

__version__ = "0.1.0"
