"""What a critic is shown beside the clip: some of its frames, and its class."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def sample_frames(
    clips: Float[Tensor, "batch channels time height width"],
    count: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "batch channels fewer height width"]:
    """Some frames of each clip in their order, each clip's own choice, none twice.

    Args:
        clips: to choose from. Those with no more than `count` frames are shown whole.
        count: frames of each clip.
        generator: draws the frames. Without it the clips are shown whole.

    Raises:
        ValueError: if no frame would be shown.
    """
    if count < 1:
        raise ValueError(f"at least one frame must be shown, not {count}")
    batch, _, time, _, _ = clips.shape
    if generator is None or count >= time:
        return clips
    order = torch.rand(batch, time, generator=generator, device=generator.device).argsort(dim=1)
    chosen = order[:, :count].sort(dim=1).values.to(clips.device)  # batch, count
    each_clip = torch.arange(batch, device=clips.device)[:, None]
    return clips.transpose(1, 2)[each_clip, chosen].transpose(1, 2)


def one_per_clip(
    labels: Int[Tensor, " labels"] | None, clips: int, classes: int
) -> Int[Tensor, "clips classes"]:
    """Each clip's class as a row with one 1 and zeros.

    Raises:
        ValueError: unless there is one label for every clip.
    """
    if labels is None or len(labels) != clips:
        given = "none" if labels is None else len(labels)
        raise ValueError(f"{clips} clips need a label each, and {given} were given")
    return nn.functional.one_hot(labels.long(), classes)
