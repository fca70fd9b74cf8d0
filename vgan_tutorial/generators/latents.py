"""Random latents, drawn with the randomness that is passed in."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


def sample_latent(
    network: nn.Module, batch: int, generator: torch.Generator
) -> Float[Tensor, "batch *latent"]:
    """Draw standard normal latents for a generator network, on the device of its weights."""
    shape: tuple[int, ...] = network.latent_shape  # type: ignore[assignment]
    drawn = torch.randn(batch, *shape, generator=generator, device=generator.device)
    return drawn.to(next(network.parameters()).device)


def class_vector(
    latent: Float[Tensor, "batch latent"], labels: Int[Tensor, " labels"] | None, classes: int
) -> Float[Tensor, "batch classes"]:
    """One entry 1 for each clip's class, the others 0.

    The class is given by `labels`, or chosen by the first number of each latent: its cumulative
    probability, uniform from 0 to 1, is cut into equal parts. So standard normal latents draw all
    classes equally often.

    Args:
        latent: of which only the first numbers are read.
        labels: from 0 to `classes` - 1.
        classes: how many there are.

    Raises:
        ValueError: if there is not one label for every latent.
    """
    if labels is None:
        share = torch.special.ndtr(latent[:, 0])
        labels = (share * classes).long().clamp(max=classes - 1)
    if len(labels) != len(latent):
        raise ValueError(f"there are {len(labels)} labels for {len(latent)} latents")
    return nn.functional.one_hot(labels.long(), classes).to(latent)
