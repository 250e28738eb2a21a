import warnings

import torch

from aucmax.losses import MissingClassWarning, PairwiseAUCLoss
from aucmax.losses.missing import warn_if_no_pair


def test_the_warning_names_the_line_that_called_the_loss():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        PairwiseAUCLoss()(torch.zeros(2), torch.ones(2))
    assert [(w.category, w.filename) for w in caught] == [(MissingClassWarning, __file__)]


def test_one_label_with_a_pair_is_enough_and_evaluation_is_silent():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_if_no_pair(torch.tensor([0.0, 2.0]), True)
        warn_if_no_pair(torch.tensor([0.0, 0.0]), False)
    assert caught == []
