"""Predictions as files, what they show as tables and figures, and all of it on one page."""

from .ensemble import ensemble_mean as ensemble_mean
from .ensemble import ensemble_rank as ensemble_rank
from .evaluation import compare as compare
from .evaluation import compare_seeds as compare_seeds
from .evaluation import evaluate as evaluate
from .figures import precision_recall_figure as precision_recall_figure
from .figures import roc_figure as roc_figure
from .figures import save_figure as save_figure
from .figures import training_figure as training_figure
from .foreign import predictions_from_tables as predictions_from_tables
from .page import Report as Report
from .page import html_report as html_report
from .page import write_report as write_report
from .predictions import Predictions as Predictions
from .predictions import align as align
from .predictions import read_predictions as read_predictions
from .predictions import write_predictions as write_predictions
from .readers import Reader as Reader
from .readers import evaluate_readers as evaluate_readers
from .readers import read_readers as read_readers
from .readers_table import readers_table as readers_table
from .summary import summarise as summarise
from .summary import versions as versions
from .tables import comparison_table as comparison_table
from .tables import evaluation_table as evaluation_table
from .tables import method_table as method_table
