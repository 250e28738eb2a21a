"""The moving averages of :mod:`aucmax._moving_average`, by their former name."""

from .._moving_average import LogMovingAverage as LogMovingAverage
from .._moving_average import MovingAverage as MovingAverage
