"""Losses with one call, ``loss(logits, target, index=None)``, and all of their own state."""

from .auc_square import AUCSquareLoss as AUCSquareLoss
from .aucm import AUCMLoss as AUCMLoss
from .aum import AUMLoss as AUMLoss
from .average_precision import APLoss as APLoss
from .base import AUCLoss as AUCLoss
from .base import Loss as Loss
from .combined import CrossEntropyAUCLoss as CrossEntropyAUCLoss
from .compositional import CompositionalAUCLoss as CompositionalAUCLoss
from .cross_entropy import BCELoss as BCELoss
from .cross_entropy import FocalLoss as FocalLoss
from .cross_entropy import LogitAdjustedLoss as LogitAdjustedLoss
from .min_max import MinMaxAUCLoss as MinMaxAUCLoss
from .missing import MissingClassWarning as MissingClassWarning
from .multiclass import OneVsOneLoss as OneVsOneLoss
from .multiclass import OneVsRestLoss as OneVsRestLoss
from .p_norm_push import PNormPushLoss as PNormPushLoss
from .pairwise import PairwiseAUCLoss as PairwiseAUCLoss
from .partial import PartialAUCLoss as PartialAUCLoss
from .pauci import PAUCILoss as PAUCILoss
from .smooth_partial import SmoothPartialAUCLoss as SmoothPartialAUCLoss
from .smooth_two_way import SmoothTwoWayPartialAUCLoss as SmoothTwoWayPartialAUCLoss
from .two_way import TwoWayPartialAUCLoss as TwoWayPartialAUCLoss
