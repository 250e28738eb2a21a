"""Optimizers for min-max losses: parameter groups, proximal steps, stages."""

from .groups import param_groups
from .pdsca import PDSCA
from .pesg import PESG
from .pesg_adam import PESGAdam
from .proximal import ProximalOptimizer
from .stages import StageLR

__all__ = ["PDSCA", "PESG", "PESGAdam", "ProximalOptimizer", "StageLR", "param_groups"]
