"""Where tensors live.

There is one rule. Random numbers are drawn on the CPU, so that a seed means the same on every
machine, and sent to where the work is: the device of the network's weights. What comes back to the
CPU is asked for: `sample` gives clips there unless it is told another device.
"""

from __future__ import annotations

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
