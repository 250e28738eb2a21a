"""Re-fit the last linear layer of a trained network on cached features, for AUROC."""

from .features import collect_features as collect_features
from .head import refit_head as refit_head
from .result import OutputRefit as OutputRefit
from .result import RefitResult as RefitResult
