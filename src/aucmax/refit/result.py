"""What a re-fit did."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class OutputRefit:
    """One output of the head, before and after."""

    output: int
    """Its number, from 0."""
    positives: int
    """Rows of the fit with target 1."""
    negatives: int
    """Rows of the fit with target 0."""
    l2: float
    """Strength of the pull towards the old direction; infinity if the direction was kept."""
    loss_before: float
    """All-pairs squared hinge of the old weights, at the length where it is least."""
    loss_after: float
    """The same of the new weights; never larger."""
    auroc_before: float
    """On the rows of the fit."""
    auroc_after: float
    """On the rows of the fit, hence flattering."""
    iterations: int
    """Of L-BFGS, for the last fit."""
    gradient: float
    """Largest entry of the gradient at the end, in directions of about unit curvature."""
    converged: bool
    """Whether it is small enough."""
    cross_validation: dict[float, float] = field(default_factory=dict)
    """Mean AUROC over left-out folds for each l2 tried; empty where l2 was given."""


@dataclass(frozen=True)
class RefitResult:
    """What :func:`refit_head` did to each output."""

    outputs: tuple[OutputRefit, ...]
    """One for each output that was fitted."""

    @property
    def converged(self) -> bool:
        """Whether every fit did."""
        return all(one.converged for one in self.outputs)

    def __str__(self) -> str:
        return "\n".join(map(_line, self.outputs))


def _line(one: OutputRefit) -> str:
    left_out = ""
    if one.cross_validation:
        left_out = f", {one.cross_validation[one.l2]:.4f} on left-out folds"
    return (
        f"output {one.output}: l2 {one.l2:g}, loss {one.loss_before:.4f} -> {one.loss_after:.4f}, "
        f"AUROC {one.auroc_before:.4f} -> {one.auroc_after:.4f} on the rows of the fit{left_out}"
    )
