"""The two players, and all else that changes during a run."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS, sample_latent
from vgan_tutorial.layers import channels_last, initialise
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.processes import processes


@dataclass
class TrainingState:
    """All that changes during a run: what a checkpoint holds."""

    generator: nn.Module
    discriminator: nn.Module
    averaged: nn.Module  # exponential moving average of the generator: the one to sample from
    generator_optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    randomness: torch.Generator  # order of the data, and latents; the same in every process
    step: int = 0


def start(
    config: TrainingConfig,
    device: torch.device | None = None,
    players: tuple[nn.Module, nn.Module] | None = None,
) -> TrainingState:
    """New players with weights drawn from the configuration's seed.

    Args:
        config: says which players.
        device: where they work; the best that there is by default.
        players: a generator and a discriminator as they were built, in place of those that the
            configuration names; their weights are drawn like theirs.

    Raises:
        ValueError: if the configuration has classes and a player cannot be told them.
    """
    device = device or processes().device
    randomness = torch.Generator().manual_seed(config.seed)
    with torch.random.fork_rng(devices=[]):  # PyTorch's own first weights use the global state
        generator, discriminator = players or (
            build_generator(config),
            _build("discriminator", config.discriminator, DISCRIMINATORS, config),
        )
    initialise(generator, randomness)
    initialise(discriminator, randomness)
    generator, discriminator = (
        channels_last(network.to(device)) for network in (generator, discriminator)
    )
    averaged = copy.deepcopy(generator).requires_grad_(False)
    if config.compile:
        for network in (generator, discriminator):
            network.compile()  # in place: calls are compiled, names and `forward` stay
    other_rate = config.discriminator_learning_rate
    return TrainingState(
        generator=generator,
        discriminator=discriminator,
        averaged=averaged,
        generator_optimiser=_adam(generator, config.learning_rate, config),
        discriminator_optimiser=_adam(
            discriminator, config.learning_rate if other_rate is None else other_rate, config
        ),
        randomness=randomness,
    )


def build_generator(config: TrainingConfig) -> nn.Module:
    """The configuration's generator, with weights that are still to be drawn or loaded."""
    return _build("generator", config.generator, GENERATORS, config)


def _adam(network: nn.Module, rate: float, config: TrainingConfig) -> torch.optim.Optimizer:
    # None leaves the choice to PyTorch, which never takes the fused one by itself.
    fused = config.fused or None
    return torch.optim.Adam(network.parameters(), lr=rate, betas=config.betas, fused=fused)


def _build(
    player: str, name: str, table: Mapping[str, Callable[..., nn.Module]], config: TrainingConfig
) -> nn.Module:
    shape = {"frames": config.frames, "size": config.size}
    if not config.classes:
        return table[name](**shape)
    able = [each for each, builder in table.items() if _class_argument(builder)]
    if name not in able:
        raise ValueError(
            f"the {player} {name!r} cannot be told classes; choose one of {', '.join(able)}, or "
            "train without (classes 0)"
        )
    argument = _class_argument(table[name])
    assert argument is not None
    return table[name](**shape, **{argument: config.classes})


def _class_argument(builder: Callable[..., nn.Module]) -> str | None:
    """What the network calls the number of classes, if its calls take labels as well."""
    network: Any = getattr(builder, "func", builder)  # under `partial`
    if "labels" not in inspect.signature(network.forward).parameters:
        return None
    arguments = inspect.signature(builder).parameters
    return next((name for name in ("classes", "categories") if name in arguments), None)


def sample(
    network: nn.Module,
    count: int,
    seed: int = 0,
    batch: int = 64,
    labels: Int[Tensor, " count"] | None = None,
) -> Float[Tensor, "count 3 time height width"]:
    """Clips from a generator in evaluation mode, on the CPU. The same seed gives the same clips.

    Args:
        network: a generator.
        count: how many clips.
        seed: of their latents.
        batch: clips made together.
        labels: the class of each clip, for a generator that has classes. Without them such a
            generator chooses by the latent.
    """
    return torch.cat(list(sample_batches(network, count, seed, batch, labels)))


@torch.no_grad()
def sample_batches(
    network: nn.Module,
    count: int,
    seed: int = 0,
    batch: int = 64,
    labels: Int[Tensor, " count"] | None = None,
) -> Iterator[Float[Tensor, "batch 3 time height width"]]:
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
            names = () if given is None else (next(given).to(latent.device),)
            network.eval()
            clips = network(latent, *names).cpu()
            network.train(was_training)
            yield clips
