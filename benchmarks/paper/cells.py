"""Cells of the benchmark: a task made of a data set, and the share of positives left in it.

The paper's construction: all negatives are kept and positives are cut until they are the wanted
share of the rows of training and validation; the test part keeps all that it has. What is drawn
(which positives stay, which rows validate) is another for each seed and the same for each method;
the test part is the same for all. Needs torch and numpy only.
"""

from dataclasses import dataclass, replace

from arrays import arrays as arrays

ABLATED = "catdog-10"
"""The cell whose variants are the ablations."""
EASY_POSITIVES = 555
"""As many as catdog-10 has, so that only the easy negatives (ships) are new."""
FULL_ROUNDS, FULL_BATCH, FULL_STEPS = 20, 128, 20_000
"""Of the full cells: about 100 epochs of CIFAR-10 in the paper's split."""


@dataclass(frozen=True)
class Task:
    """Which classes of which data set are negative and positive.

    Rows of the classes ``easy`` are negatives too, but not in the test part: easy data must not
    cost anything there. ``test`` is the share of the rows set aside where the data have no test
    part of their own. With ``inside`` the test part is not used at all: the task is divided within
    the pool, so that what is developed on it has seen no test row of the other tasks.
    """

    data: str
    negative: tuple[int, ...]
    positive: tuple[int, ...]
    easy: tuple[int, ...] = ()
    test: float = 0.4
    inside: bool = False
    most_negatives: int = 0
    most_tests: int = 0
    mirror: bool = True
    shift: int = 4
    network: str = "conv"


LOW, HIGH = tuple(range(5)), tuple(range(5, 10))
TASKS: dict[str, Task] = {
    "catdog": Task("cifar10", (3,), (5,)),
    "catdogeasy": Task("cifar10", (3,), (5,), easy=(8,)),
    "c10": Task("cifar10", LOW, HIGH, most_negatives=5000, most_tests=5000),
    "digits": Task("digits", LOW, HIGH, mirror=False, shift=1, network="small"),
    "busi": Task("busi", (0, 1), (2,)),
    "platelets": Task("bccd", (0, 1), (2,)),
    "hiv": Task("hiv", (0,), (1,), network="mlp"),
    "autotruck": Task("cifar10", (1,), (9,), test=0.2, inside=True),
    "deerhorse": Task("cifar10", (4,), (7,), test=0.2, inside=True),
    "parity": Task(
        "digits", LOW2 := (0, 2, 4, 6, 8), (1, 3, 5, 7, 9),
        inside=True, mirror=False, shift=1, network="small",
    ),
    "mnist": Task("mnist", LOW2, (1, 3, 5, 7, 9), mirror=False, shift=2),
}  # fmt: skip
STEPS = {"conv": 400, "small": 400, "mlp": 1500, "resnet20": 1200, "densenet121": 1200}
"""Batches that every method may pass through the network, forward and backward, in all."""


@dataclass(frozen=True)
class Cell:
    """What is trained on: the unit over which methods are compared.

    ``share`` of positives in training and validation; 0 leaves the natural one. ``positives``, if
    not 0, is their number instead. ``noise`` is the share of training labels that are turned.
    ``like`` names a cell whose learning rates hold here, too.
    """

    name: str
    task: str
    share: float = 0.0
    development: bool = False
    positives: int = 0
    noise: float = 0.0
    batch: int = 64
    steps: int = 0
    rounds: int = 8
    network: str = ""
    full: bool = False
    like: str = ""

    @property
    def network_name(self) -> str:
        """The task's network, unless another was asked for."""
        return self.network or TASKS[self.task].network

    @property
    def total_steps(self) -> int:
        """Batches in all, a multiple of the rounds; smaller batches are as many more."""
        steps = self.steps or STEPS[self.network_name] * 64 // self.batch
        return max(1, steps // (2 * self.rounds)) * 2 * self.rounds

    @property
    def spec(self) -> Task:
        """The task, without its limits if the cell is a full one."""
        task = TASKS[self.task]
        return replace(task, most_negatives=0, most_tests=0) if self.full else task


def _cells(development: bool, **shares: tuple[int, ...]) -> list[Cell]:
    return [
        Cell(f"{task}-{share:02d}" if share else f"{task}-all", task, share / 100, development)
        for task, percentages in shares.items()
        for share in percentages
    ]


DEVELOPMENT = _cells(True, autotruck=(2, 10), deerhorse=(1, 5), parity=(5, 10), mnist=(2,))
REPORTED = _cells(
    False, catdog=(2, 10), c10=(1, 10), digits=(5, 10), busi=(10, 0), platelets=(1, 0), hiv=(0,)
) + _cells(False, digits=(30,), hiv=(1,))
_ORDER = (0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9)
REPORTED = [REPORTED[k] for k in _ORDER] + REPORTED[len(_ORDER) :]
"""So ordered that the first few are of as many kinds."""


def ablations() -> list[Cell]:
    """Noisy labels, small batches and few positives: variants of one cell; and easy negatives."""
    (plain,) = (replace(c, like=c.name) for c in REPORTED if c.name == ABLATED)
    noisy = [replace(plain, name=f"{ABLATED}-noise{n}", noise=n / 100) for n in (20, 5, 30)]
    few = [replace(plain, name=f"catdog-few{n}", share=0.0, positives=n) for n in (10, 20, 50)]
    easy = Cell("catdog-easy", "catdogeasy", positives=EASY_POSITIVES, like=ABLATED)
    batch = replace(plain, name=f"{ABLATED}-batch8", batch=8)
    return [noisy[0], few[0], easy, batch, *noisy[1:], *few[1:]]


def cells() -> dict[str, Cell]:
    """All cells by name, those of the development first."""
    return {cell.name: cell for cell in [*DEVELOPMENT, *REPORTED, *ablations()]}


def adapted(cell: Cell, network: str, full: bool, steps: int, quick: bool) -> Cell:
    """The cell for another network or budget; its name tells, for its results are others."""
    if quick:
        return replace(cell, steps=16, rounds=2)
    if full:
        cell = replace(cell, name=f"{cell.name}-full", full=True, steps=FULL_STEPS)
        cell = replace(cell, batch=FULL_BATCH, rounds=FULL_ROUNDS)
    if network and cell.network_name != "mlp":
        cell = replace(cell, name=f"{cell.name}-{network}", network=network)
    return replace(cell, steps=steps, name=f"{cell.name}-{steps}") if steps else cell
