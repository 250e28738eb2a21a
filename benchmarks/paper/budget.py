"""How many batches a round has, and how many positives a batch. Needs torch and numpy only."""

from cells import Cell
from parts import Data


def batches_per_round(cell: Cell, *, share: float = 1.0, forwards: int = 1) -> int:
    """So many that all of a run, both stages and all forward passes, is the cell's budget.

    ``share`` is that of the stage in question.
    """
    return max(1, round(share * cell.total_steps / cell.rounds / forwards))


def positives_per_batch(share: float, cell: Cell, data: Data) -> int:
    """The wanted share, at least the natural one, and at most all positives that there are.

    0 stands for batches at the natural rate.
    """
    if not share:
        return 0
    wanted = round(max(share, float(data.train.target.mean())) * cell.batch)
    return max(1, min(wanted, data.positives, cell.batch - 1))
