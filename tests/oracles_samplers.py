"""Slow, obvious statements of what samplers promise."""

import itertools
import math
from collections import Counter


def visits_differ_by_one(rows, pool):
    """Whether each row of ``pool`` has come as often as any other, up to one."""
    count = Counter(rows)
    visits = [count[row] for row in pool]
    return max(visits) - min(visits) <= 1 and set(rows) <= set(pool)


def walks(count, take, batches):
    """All sequences of passes whose batches hold no position twice, the last pass cut off."""
    total = math.ceil(count and batches * take / count)
    found = []
    for passes in itertools.product(itertools.permutations(range(count)), repeat=total):
        flat = [position for one in passes for position in one][: batches * take]
        steps = [flat[i : i + take] for i in range(0, len(flat), take)]
        if all(len(set(step)) == take for step in steps):
            found.append(tuple(flat))
    return found


def quota(positives, rows):
    """Negatives and positives among ``rows``: the share, rounded, one of each at least."""
    k = round(positives * rows)
    k = 1 if k < 1 else rows - 1 if k > rows - 1 else k
    return rows - k, k


def class_count(labels, rows, label, value):
    """Rows among ``rows`` whose ``label`` equals ``value``, one by one."""
    return sum(1 for row in rows if labels[row][label] == value)


def chosen_labels(labels, batch, num_labels, take):
    """Labels that a batch could have been made for: enough rows of both classes."""
    return {
        label
        for label in range(num_labels)
        if all(class_count(labels, batch, label, value) >= take[value] for value in (0, 1))
    }


def can_serve(labels, take, world):
    """Whether each class of each label has the rows that a joint batch asks of it."""
    return all(
        class_count(labels, range(len(labels)), label, value) >= world * take[value]
        for label in range(len(labels[0]))
        for value in (0, 1)
    )
