"""Losses with one call, ``loss(logits, target, index=None)``, and all of their own state."""

from .auc_square import AUCSquareLoss as AUCSquareLoss
from .aucm import AUCMLoss as AUCMLoss
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
from .pairwise import PairwiseAUCLoss as PairwiseAUCLoss
from .partial import PartialAUCLoss as PartialAUCLoss
from .two_way import TwoWayPartialAUCLoss as TwoWayPartialAUCLoss
