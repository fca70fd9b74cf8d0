"""What every command takes: `--device`, to say where it works."""

import os
from collections.abc import Sequence

import torch
from accelerate import PartialState

from vgan_tutorial.training.processes import processes

DEVICE = "--device"
CHOICES = ("ACCELERATE_USE_CPU", "ACCELERATE_TORCH_DEVICE")  # accelerate reads them


def take_general(arguments: Sequence[str]) -> list[str]:
    """Obey the options that all commands share; the other arguments.

    Raises:
        ValueError: if the device is not one of this machine's.
    """
    rest, words = [], iter(arguments)
    for word in words:
        name, given, value = word.partition("=")
        if name == DEVICE:
            use_device(value if given else next(words, ""))
        else:
            rest.append(word)
    return rest


def use_device(name: str) -> None:
    """Let this process, and those that it starts, work on a device from here on.

    Raises:
        ValueError: if there is no such device, or the run was launched with several processes,
            each of which has its own.
    """
    device = _known(name)
    if device.type != "cpu" and "LOCAL_RANK" in os.environ:
        raise ValueError(
            "each process of a launched run has a device of its own: leave --device out, or give "
            "--device cpu"
        )
    for variable in CHOICES:
        os.environ.pop(variable, None)
    if device.type == "cpu":
        os.environ[CHOICES[0]] = "true"
    else:
        os.environ[CHOICES[1]] = name
        if device.index is not None:  # what names no device shall mean this one
            torch.get_device_module(device).set_device(device)
    PartialState._reset_state()
    processes.cache_clear()


def device_is_chosen() -> bool:
    """Whether somebody has said which device to work on."""
    return any(variable in os.environ for variable in CHOICES)


def _known(name: str) -> torch.device:
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    count = torch.accelerator.device_count() if found else 0
    there = ["cpu"]
    if found:
        there += [found.type, *(f"{found.type}:{number}" for number in range(count))]
    if name not in there:
        raise ValueError(f"device is {name!r}; choose one of {', '.join(there)}")
    return torch.device(name)
