"""Losses with one call, ``loss(logits, target, index=None)``, and all of their own state."""

from .auc_square import AUCSquareLoss as AUCSquareLoss
from .aucm import AUCMLoss as AUCMLoss
from .base import AUCLoss as AUCLoss
from .base import Loss as Loss
from .cross_entropy import BCELoss as BCELoss
from .cross_entropy import FocalLoss as FocalLoss
from .cross_entropy import LogitAdjustedLoss as LogitAdjustedLoss
from .min_max import MinMaxAUCLoss as MinMaxAUCLoss
from .pairwise import MissingClassWarning as MissingClassWarning
from .pairwise import PairwiseAUCLoss as PairwiseAUCLoss
