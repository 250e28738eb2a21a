"""The options of a split into training, validation and test rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Split:
    """How rows are divided where the data do not say so themselves."""

    validation: float = 0.15
    """Share of rows used to choose the epoch (only if the data name no validation part)."""
    test: float = 0.15
    """Share of rows looked at once, at the end (only if the data name no test part)."""
    seed: int = 0
    """Seed of the division, which is the same for all training seeds."""
    by: Literal["label", "chance", "scaffold"] = "label"
    """label: each part has its share of every combination of labels; chance: rows at random;
    scaffold: molecules with the same scaffold stay together, the largest such sets train."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the options, a sentence for each."""
        if not (0 < self.validation < 1 and 0 < self.test < 1 and self.validation + self.test < 1):
            yield (
                "--split.validation and --split.test must lie in (0, 1) and add up to less than 1, "
                f"got {self.validation} and {self.test}"
            )
