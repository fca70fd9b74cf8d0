"""The two players, and all else that changes during a run."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from jaxtyping import Float, Int
from torch import Tensor, nn

from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS, sample_latent
from vgan_tutorial.layers import channels_last, initialise
from vgan_tutorial.training.config import TrainingConfig


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


def start(config: TrainingConfig, accelerator: Accelerator | None = None) -> TrainingState:
    """New players with weights drawn from the configuration's seed.

    Raises:
        ValueError: if the configuration has classes and a player cannot be told them.
    """
    accelerator = accelerator or Accelerator()
    randomness = torch.Generator().manual_seed(config.seed)
    with torch.random.fork_rng(devices=[]):  # PyTorch's own first weights use the global state
        generator = build_generator(config)
        discriminator = _build("discriminator", config.discriminator, DISCRIMINATORS, config)
    initialise(generator, randomness)
    initialise(discriminator, randomness)
    generator, discriminator = (
        channels_last(network.to(accelerator.device)) for network in (generator, discriminator)
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
    return torch.optim.Adam(network.parameters(), lr=rate, betas=config.betas)


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
    network = getattr(builder, "func", builder)  # under `partial`
    if "labels" not in inspect.signature(network.forward).parameters:
        return None
    arguments = inspect.signature(builder).parameters
    return next((name for name in ("classes", "categories") if name in arguments), None)


@torch.no_grad()
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
    randomness = torch.Generator().manual_seed(seed)
    was_training = network.training
    network.eval()
    latent = sample_latent(network, count, randomness)
    if labels is None:
        clips = [network(part).cpu() for part in latent.split(batch)]
    else:
        parts = zip(latent.split(batch), labels.to(latent.device).split(batch), strict=True)
        clips = [network(part, names).cpu() for part, names in parts]
    network.train(was_training)
    return torch.cat(clips)
