"""From stored pixels to model range and back: the only two functions that cross.

Clips on disk are uint8 (time, height, width, channel); models want float32
(batch, channel, time, height, width) in [-1, 1]. Nothing else turns one into the other, so there
is one place to look when axes or ranges seem wrong.
"""

from __future__ import annotations

import torch
from jaxtyping import UInt8
from torch import Tensor

from vgan_tutorial.types import Clips


def to_model_range(
    clips: UInt8[Tensor, "batch time height width 3"],
) -> Clips:
    """Map stored clips to model range: x = u / 127.5 - 1 (eq-model-range).

    Args:
        clips: uint8 (batch, time, height, width, 3), values 0..255.

    Returns:
        float32 (batch, 3, time, height, width) in [-1, 1]; black is -1. The numbers stay where
        they were in memory (channel last), which convolutions on a CPU like.

    Raises:
        ValueError: another type or axis order.
    """
    if clips.dtype != torch.uint8 or clips.ndim != 5 or clips.shape[-1] != 3:
        raise ValueError(
            "expected uint8 clips (batch, time, height, width, 3), "
            f"got {clips.dtype} {tuple(clips.shape)}"
        )
    return clips.permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def to_uint8(
    clips: Clips,
) -> UInt8[Tensor, "batch time height width 3"]:
    """Map model output back to stored clips: u = round(127.5 (x + 1)), clamped to 0..255.

    Args:
        clips: float (batch, 3, time, height, width), nominally in [-1, 1].

    Raises:
        ValueError: another type or axis order, or values that are not numbers: cast to uint8,
            those would pass for a black clip.
    """
    if not clips.is_floating_point() or clips.ndim != 5 or clips.shape[1] != 3:
        raise ValueError(
            "expected float clips (batch, 3, time, height, width), "
            f"got {clips.dtype} {tuple(clips.shape)}"
        )
    levels = (clips.detach().float() + 1) * 127.5
    if torch.isnan(levels).any():
        raise ValueError("the clips contain NaN: the model that made them has diverged")
    return levels.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 4, 1).contiguous()
