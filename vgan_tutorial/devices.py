"""Where tensors live.

There is one rule. Random numbers are drawn on the CPU, so that a seed means the same on every
machine, and sent to where the work is: the device of the network's weights. What comes back to the
CPU is asked for: `sample` gives clips there unless it is told another device.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor


def send(tensor: Tensor, device: torch.device | str) -> Tensor:
    """The tensor on a device, sent without waiting for what the device is doing.

    From ordinary memory a GPU can only fetch while the program waits. From pinned memory, which the
    operating system may not move, it fetches when its turn comes.
    """
    return pinned(tensor, device).to(device, non_blocking=torch.device(device).type == "cuda")


def pinned(tensor: Tensor, device: torch.device | str) -> Tensor:
    """The tensor in memory from which that device can fetch by itself; only a GPU needs a copy."""
    fetched = tensor.device.type == "cpu" and torch.device(device).type == "cuda"
    return tensor.pin_memory() if fetched else tensor


def best_precision(device: torch.device) -> str:
    """The 16-bit format that a device computes in by itself, or "no" if there is none.

    PyTorch imitates bfloat16 where the hardware has none, and is then slower than with float32.
    """
    if device.type != "cuda" or not torch.cuda.is_available():
        return "no" if device.type == "mps" else "bf16"
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16"
    return "fp16" if torch.cuda.get_device_capability(device) >= (7, 0) else "no"


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse a number format that a device only imitates.

    Raises:
        ValueError: naming one that it has.
    """
    best = best_precision(device)
    if device.type == "cuda" and precision == "bf16" != best:
        name = torch.cuda.get_device_name(device)
        raise ValueError(f"{name} has no bfloat16 of its own: choose precision {best}")


@cache
def table(
    values: tuple[float, ...] | tuple[tuple[float, ...], ...], device: torch.device
) -> Tensor:
    """Constants as a tensor, made once for each device, and not to be changed."""
    return torch.tensor(values, device=device)
