"""aucmax: train classifiers for the area under the ROC curve."""

from . import bags as bags
from . import metrics as metrics
from ._checks import set_value_checks as set_value_checks
from .distributed import AllGather as AllGather
from .losses import APLoss as APLoss
from .losses import AUCMLoss as AUCMLoss
from .losses import AUCSquareLoss as AUCSquareLoss
from .losses import AUMLoss as AUMLoss
from .losses import BCELoss as BCELoss
from .losses import CompositionalAUCLoss as CompositionalAUCLoss
from .losses import CrossEntropyAUCLoss as CrossEntropyAUCLoss
from .losses import FocalLoss as FocalLoss
from .losses import LogitAdjustedLoss as LogitAdjustedLoss
from .losses import MissingClassWarning as MissingClassWarning
from .losses import OneVsOneLoss as OneVsOneLoss
from .losses import OneVsRestLoss as OneVsRestLoss
from .losses import PairwiseAUCLoss as PairwiseAUCLoss
from .losses import PartialAUCLoss as PartialAUCLoss
from .losses import PAUCILoss as PAUCILoss
from .losses import PNormPushLoss as PNormPushLoss
from .losses import SmoothPartialAUCLoss as SmoothPartialAUCLoss
from .losses import SmoothTwoWayPartialAUCLoss as SmoothTwoWayPartialAUCLoss
from .losses import TwoWayPartialAUCLoss as TwoWayPartialAUCLoss
from .optim import PDSCA as PDSCA
from .optim import PESG as PESG
from .optim import PESGAdam as PESGAdam
from .optim import StageLR as StageLR
from .optim import param_groups as param_groups
from .refit import OutputRefit as OutputRefit
from .refit import RefitResult as RefitResult
from .refit import collect_features as collect_features
from .refit import refit_head as refit_head
from .samplers import BalancedBatches as BalancedBatches
from .samplers import MultiLabelBatches as MultiLabelBatches

__version__ = "0.1.0"
