"""Random latents, drawn with the randomness that is passed in."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


def sample_latent(
    network: nn.Module, batch: int, generator: torch.Generator
) -> Float[Tensor, "batch *latent"]:
    """Draw standard normal latents for a generator network, on the device of its weights."""
    shape: tuple[int, ...] = network.latent_shape  # type: ignore[assignment]
    drawn = torch.randn(batch, *shape, generator=generator, device=generator.device)
    return drawn.to(next(network.parameters()).device)
