"""Random forests on bits, such as the fingerprints of molecules. Needs scikit-learn to fit."""

from .forest import Forest as Forest
from .forest import ForestOptions as ForestOptions
from .forest import fit_forest as fit_forest
from .forest import out_of_fold_scores as out_of_fold_scores
