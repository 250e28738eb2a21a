"""What metrics return when a number alone would not be honest."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval.

    >>> print(Interval(0.912, 0.874, 0.941, level=0.95))
    0.912 [0.874, 0.941]
    """

    estimate: float
    """The metric on the data at hand; nan where it is undefined."""
    low: float
    """Lower confidence limit."""
    high: float
    """Upper confidence limit."""
    level: float
    """Confidence level in (0, 1)."""

    def __str__(self) -> str:
        return f"{self.estimate:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class PairedTest:
    """Comparison of two models on the same rows.

    >>> print(PairedTest(Interval(0.02, -0.01, 0.05, level=0.95), z=1.31, p_value=0.19))
    0.020 [-0.010, 0.050], p = 0.19
    """

    difference: Interval
    """Metric of model a minus that of model b."""
    z: float
    """Difference over its standard error."""
    p_value: float
    """Two-sided, of the hypothesis that the difference is 0."""

    def __str__(self) -> str:
        return f"{self.difference}, p = {self.p_value:.2g}"
