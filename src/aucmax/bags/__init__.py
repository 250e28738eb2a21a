"""Multi-instance learning: one label for a bag of instances, such as the patches of a slide."""

from .attention import AttentionPooling as AttentionPooling
from .attention import GatedAttention as GatedAttention
from .dataset import Bags as Bags
from .dataset import collate_bags as collate_bags
from .pooling import MaxPooling as MaxPooling
from .pooling import MeanPooling as MeanPooling
from .pooling import SmoothMaxPooling as SmoothMaxPooling
from .scores import bag_scores as bag_scores
from .scores import score_instances as score_instances
