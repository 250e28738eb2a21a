"""Predictions from files that keep scores and truth apart, as CheXpert's test set does."""

from collections.abc import Sequence
from pathlib import Path

from ._named_table import NamedTable, order_of
from ._prediction_rows import parse_score, parse_target
from ._samples import Predictions


def predictions_from_tables(
    scores_csv: str | Path, truth_csv: str | Path, labels: Sequence[str] | None = None
) -> Predictions:
    r"""Join a table of scores with a table of the truth, by the names of rows and columns.

    Both are CSV files with one column of ids, called ``id`` or ``Study``, and one column per label,
    in any order. The truth may hold more labels than asked for.

    Args:
        scores_csv: scores on any scale, higher = more positive.
        truth_csv: 1, 0 or blank = unknown.
        labels: which labels, in which order; None takes all columns of ``scores_csv``.

    Returns:
        Predictions in the row order of ``scores_csv``.

    Raises:
        FileNotFoundError: if one of the files does not exist.
        ValueError: if the ids of the two differ, a label has no column, or a cell is not what its
            column holds; the message names the file and the line.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     scores, truth = Path(folder, "scores.csv"), Path(folder, "truth.csv")
        ...     _ = scores.write_text("Study,Edema\np1/study1,1.2\np2/study1,0.4")
        ...     _ = truth.write_text("Study,No Finding,Edema\np2/study1,1,0\np1/study1,0,1")
        ...     p = predictions_from_tables(scores, truth)
        >>> p.labels, p.target.ravel().tolist()
        (('Edema',), [1.0, 0.0])
    """
    scores = NamedTable.read(scores_csv, "file of scores")
    truth = NamedTable.read(truth_csv, "file of the truth")
    wanted = scores.choose(labels)
    order = order_of(scores.ids, truth.ids, (str(scores.path), str(truth.path)))
    target = truth.values(truth.choose(wanted), parse_target)
    return Predictions(scores.ids, wanted, scores.values(wanted, parse_score), target[order])
