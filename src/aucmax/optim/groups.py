"""Which parameters an optimizer descends, and which it ascends."""

from typing import Any

from torch import nn

from ._options import refuse_unknown

# Options of some optimizer in torch.optim or here. Optimizers take unknown keys of a group without
# a word, so a misspelt one must be caught before.
# fmt: off
_OPTIONS = frozenset({
    "alpha", "amsgrad", "betas", "capturable", "centered", "clip", "dampening",
    "decoupled_weight_decay", "differentiable", "epoch_decay", "eps", "etas", "foreach", "fused",
    "initial_accumulator_value", "lambd", "lr", "lr_decay", "momentum", "momentum_decay", "name",
    "nesterov", "rho", "step_sizes", "t0", "weight_decay",
})
# fmt: on


def param_groups(*modules: nn.Module, **ascent_options: Any) -> list[dict[str, Any]]:
    """Groups for any optimizer that knows ``maximize``: weights, minima and maxima of the losses.

    A loss names the parameters to ascend in its class attribute ``maximized``; losses are found
    wherever they sit inside ``modules``. Three groups result, empty ones left out::

        the weights of the models                   the optimizer's own options
        what the losses descend (a, b)              weight_decay=0
        what the losses ascend (alpha)              maximize=True, weight_decay=0, epoch_decay=0

    A parameter that is shared comes once; one with ``requires_grad=False`` does not come at all.

    Args:
        modules: models and losses, in any order, nested or apart.
        ascent_options: options of the ascent group alone, such as ``lr``; they lie idle if no loss
            ascends anything, so that losses remain interchangeable.

    Returns:
        Parameter groups, each with its ``params`` and the options in which it differs.

    Raises:
        TypeError: if an argument is not a module.
        ValueError: if no optimizer has an option of that name, or ``maximized`` does not name
            parameters.

    >>> import torch
    >>> class Saddle(torch.nn.Module):
    ...     maximized = ("alpha",)
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.a, self.alpha = (torch.nn.Parameter(torch.zeros(())) for _ in range(2))
    >>> groups = param_groups(torch.nn.Linear(3, 1), Saddle(), lr=0.5)
    >>> [(len(group.pop("params")), group) for group in groups]
    [(2, {}), (1, {'weight_decay': 0.0}),
     (1, {'maximize': True, 'weight_decay': 0.0, 'epoch_decay': 0.0, 'lr': 0.5})]
    >>> optimizer = torch.optim.SGD(param_groups(torch.nn.Linear(3, 1), Saddle()), lr=0.1)
    """
    refuse_unknown("the ascent group", ascent_options, _OPTIONS)
    for module in modules:
        if not isinstance(module, nn.Module):
            kind = type(module).__name__
            raise TypeError(f"param_groups takes modules (model, loss_fn), got one {kind}")
    down, up = _declared(modules)
    params = {p: None for m in modules for p in m.parameters() if p.requires_grad}  # ordered set
    no_decay = {"weight_decay": 0.0}
    groups: list[dict[str, Any]] = [
        {"params": [p for p in params if p not in down | up]},
        {"params": [p for p in params if p in down - up], **no_decay},
        {
            "params": [p for p in params if p in up],
            "maximize": True,
            **no_decay,
            "epoch_decay": 0.0,
            **ascent_options,
        },
    ]
    return [group for group in groups if group["params"]]


def _declared(modules: tuple[nn.Module, ...]) -> tuple[set[nn.Parameter], set[nn.Parameter]]:
    """The losses' own parameters, and those that they declare ``maximized``."""
    own: set[nn.Parameter] = set()
    up: set[nn.Parameter] = set()
    for loss in (m for module in modules for m in module.modules() if hasattr(m, "maximized")):
        own.update(loss.parameters(recurse=False))
        names: Any = loss.maximized
        for name in (names,) if isinstance(names, str) else names:
            parameter = getattr(loss, name, None)
            if isinstance(names, str) or not isinstance(parameter, nn.Parameter):
                rule = "must be a tuple of names of its parameters, such as ('alpha',)"
                raise ValueError(f"{type(loss).__name__}.maximized {rule}, got {names!r}")
            up.add(parameter)
    return own, up
