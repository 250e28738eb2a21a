"""The rival's methods: LibAUC's losses with its own optimizers and sampler. Needs nothing.

Settings of its own example for CIFAR-10 (epoch_decay 3e-3, weight_decay 1e-4, margin 1, momentum
and clipping as they are). Its learning rates are chosen like ours, from the 0.1 of the example up:
its optimizer hardly smooths gradients, so its steps are a tenth of SGD's with momentum 0.9.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rival:
    """A loss of LibAUC, and the share of positives that its sampler puts into each batch."""

    version: str = "v1"
    positives: float = 0.5
    two_stage: bool = False
    compositional: bool = False
    rates: tuple[float, float, float] = (0.1, 0.3, 1.0)
    main: bool = False
    family: str = "LibAUC"


RIVALS: dict[str, Rival] = {
    "LibAUC AUCM v1": Rival(main=True),
    "LibAUC two-stage v1": Rival(two_stage=True, main=True),
    "LibAUC AUCM v2": Rival("v2"),
    "LibAUC two-stage v2": Rival("v2", two_stage=True),
    "LibAUC AUCM v1 20%": Rival(positives=0.2),
    "LibAUC PDSCA": Rival(compositional=True),
}
