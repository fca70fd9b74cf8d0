"""What a critic is shown of a clip: some of its frames."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


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
