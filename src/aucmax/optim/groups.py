"""Parameter groups: the weights of the models, and the variables of the losses."""

import math
from typing import Any

from torch import nn

from ._options import refuse_misspelled

# Options of some optimizer in torch.optim or here.
# fmt: off
_OPTIONS = frozenset({
    "alpha", "amsgrad", "betas", "capturable", "centered", "clip", "dampening",
    "decoupled_weight_decay", "differentiable", "epoch_decay", "eps", "etas", "foreach", "fused",
    "initial_accumulator_value", "lambd", "lr", "lr_decay", "momentum", "momentum_decay", "name",
    "nesterov", "rho", "step_sizes", "t0", "weight_decay",
})
# fmt: on


def param_groups(*modules: nn.Module, **variable_options: Any) -> list[dict[str, Any]]:
    """Return parameter groups for any optimizer: the weights, and the variables of the losses.

    Some losses have variables of their own, such as a, b and alpha of :class:`aucmax.AUCMLoss`,
    which they name in the class attribute ``loss_variables``. They are scalars that estimate
    statistics, so weight decay, epoch decay and clipping of single coordinates would only bias
    them. All are to be descended: a loss gives those that it maximizes a gradient of the opposite
    sign. Losses are found wherever they sit inside ``modules``. Two groups result; an empty one is
    left out::

        the weights of the models     the optimizer's own options
        the variables of the losses   weight_decay=0, epoch_decay=0, clip=inf, loss_variables=True

    A parameter that is shared comes once; one with ``requires_grad=False`` does not come at all.

    Args:
        modules: models and losses, in any order, nested or apart.
        variable_options: options of the group of variables alone, such as ``lr``; unused if no loss
            has variables, so that losses remain interchangeable.

    Returns:
        Parameter groups, each with its ``params`` and the options in which it differs.

    Raises:
        TypeError: if an argument is not a module.
        ValueError: if no optimizer has an option of that name, or ``loss_variables`` does not name
            parameters.

    >>> import torch
    >>> class Saddle(torch.nn.Module):
    ...     loss_variables = ("a", "alpha")
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.a, self.alpha = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    >>> groups = param_groups(torch.nn.Linear(3, 1), Saddle(), lr=0.5)
    >>> [(len(group.pop("params")), group) for group in groups]
    [(2, {}), (2, {'weight_decay': 0.0, 'epoch_decay': 0.0, 'clip': inf, 'loss_variables': True,
                   'lr': 0.5})]
    >>> optimizer = torch.optim.SGD(param_groups(torch.nn.Linear(3, 1), Saddle()), lr=0.1)
    """
    refuse_misspelled("the group of loss variables", variable_options, _OPTIONS, strict=True)
    for module in modules:
        if not isinstance(module, nn.Module):
            kind = type(module).__name__
            raise TypeError(f"param_groups takes modules (model, loss_fn), got one {kind}")
    variables = _loss_variables(modules)
    params = {p: None for m in modules for p in m.parameters() if p.requires_grad}  # ordered set
    groups: list[dict[str, Any]] = [
        {"params": [p for p in params if p not in variables]},
        {
            "params": [p for p in params if p in variables],
            "weight_decay": 0.0,
            "epoch_decay": 0.0,
            "clip": math.inf,
            "loss_variables": True,
            **variable_options,
        },
    ]
    return [group for group in groups if group["params"]]


def _loss_variables(modules: tuple[nn.Module, ...]) -> set[nn.Parameter]:
    """The parameters that losses name in ``loss_variables``."""
    found: set[nn.Parameter] = set()
    for loss in (m for module in modules for m in module.modules() if hasattr(m, "loss_variables")):
        names: Any = loss.loss_variables
        for name in (names,) if isinstance(names, str) else names:
            parameter = getattr(loss, name, "missing")
            if isinstance(names, str) or not isinstance(parameter, nn.Parameter | None):
                rule = "must be a tuple of names of its parameters, such as ('a', 'b', 'alpha')"
                raise ValueError(f"{type(loss).__name__}.loss_variables {rule}, got {names!r}")
            if parameter is not None:  # registered as None: a variable that this loss lacks
                found.add(parameter)
    return found
