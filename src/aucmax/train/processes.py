"""Processes that torchrun started: all of them train one run together."""

import os
from dataclasses import replace

from .config import FitConfig


def on_all_processes(config: FitConfig) -> FitConfig:
    """Return the options with as many devices as torchrun started processes.

    Without it Lightning takes one device on a CPU, so that every process would train the whole run
    by itself and all of them would write the same files.

    Raises:
        ValueError: if ``--trainer.devices`` or ``--trainer.num_nodes`` contradicts torchrun.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return config
    world, local = (int(os.environ[name]) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if world == 1:
        return config
    if config.is_forest:
        raise ValueError("--model.name forest is grown by one process: start it without torchrun")
    nodes = world // local
    devices, given = config.trainer.get("devices", "auto"), config.trainer.get("num_nodes", 1)
    count = len(devices) if isinstance(devices, list) else devices
    if str(count) not in {"auto", "-1", str(local)}:
        raise ValueError(
            f"--trainer.devices is {devices}, but torchrun started {local} processes: leave it out"
        )
    if given not in {1, nodes}:
        raise ValueError(
            f"--trainer.num_nodes is {given}, but torchrun runs on {nodes} machines: leave it out"
        )
    devices = devices if isinstance(devices, list) else local
    return replace(config, trainer=config.trainer | {"devices": devices, "num_nodes": nodes})
