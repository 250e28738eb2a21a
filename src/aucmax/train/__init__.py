"""Training by Lightning: options, data and model modules, stages, and the whole ``fit``."""

from .classifier import Classifier as Classifier
from .config import FitConfig as FitConfig
from .fit import fit as fit
from .loaders import PartLoaders as PartLoaders
