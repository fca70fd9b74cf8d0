"""Clips from a generator, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from vgan_tutorial.latents import sample_latent
from vgan_tutorial.types import Clips, Labels


def sample(
    network: nn.Module,
    count: int,
    seed: int = 0,
    batch: int = 64,
    labels: Labels | None = None,
    device: torch.device | str = "cpu",
) -> Clips:
    """Clips from a generator in evaluation mode. The same seed gives the same clips.

    They are made where the generator is, and go to `device` from there.

    Args:
        network: a generator.
        count: how many clips.
        seed: of their latents.
        batch: clips made together.
        labels: the class of each clip, for a generator that has classes. Without them such a
            generator chooses by the latent.
        device: where the clips are wanted.
    """
    return torch.cat(list(sample_batches(network, count, seed, batch, labels, device)))


@torch.no_grad()
def sample_batches(
    network: nn.Module,
    count: int,
    seed: int = 0,
    batch: int = 64,
    labels: Labels | None = None,
    device: torch.device | str = "cpu",
) -> Iterator[Clips]:
    """The same clips as `sample`, a batch at a time: only one is in memory.

    Latents are drawn for 16 batches together. On the CPU, PyTorch draws normal numbers in rows of
    16, so the clips are the same whatever the batch.

    Raises:
        ValueError: if `count` or `batch` is not positive.
    """
    if count < 1 or batch < 1:
        raise ValueError(f"count and batch must be at least 1, got {count} and {batch}")
    randomness = torch.Generator().manual_seed(seed)
    given = None if labels is None else iter(labels.split(batch))
    was_training = network.training
    for begin in range(0, count, 16 * batch):
        latents = sample_latent(network, min(16 * batch, count - begin), randomness)
        for latent in latents.split(batch):
            classes = None if given is None else next(given).to(latent.device)
            network.eval()
            clips = network(latent, classes).to(device)
            network.train(was_training)
            yield clips
