"""The two networks, and all else that changes during a run."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from torch import nn

from vgan_tutorial.devices import check_precision
from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.layers import channels_last, initialise
from vgan_tutorial.training.batch_norm import join_batch_norms
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.processes import processes
from vgan_tutorial.training.schedule import set_learning_rates
from vgan_tutorial.types import Classes, Network


@dataclass
class TrainingState:
    """All that changes during a run: what a checkpoint holds."""

    generator: nn.Module
    discriminator: nn.Module
    averaged: nn.Module  # exponential moving average of the generator: the one to sample from
    generator_optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    randomness: torch.Generator  # order of the data, and latents; the same in every process
    scaler: torch.amp.GradScaler  # keeps small gradients above 0 in fp16; else it does nothing
    step: int = 0

    @property
    def optimisers(self) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
        """The generator's and the discriminator's."""
        return self.generator_optimiser, self.discriminator_optimiser


def start(
    config: TrainingConfig,
    device: torch.device | None = None,
    players: tuple[nn.Module, nn.Module] | None = None,
) -> TrainingState:
    """A new run: two networks with weights drawn from the configuration's seed, and optimisers.

    Args:
        config: The configuration; it names the networks, unless `players` are given.
        device: Device of the networks; the best that there is by default.
        players: A generator and a discriminator of your own. Their weights are drawn anew, as
            those of named ones are.

    Raises:
        ValueError: if the configuration has classes and a network cannot be told them, or if the
            device cannot compute in the configuration's precision.
    """
    device = device or processes().device
    check_precision(config.precision, device)
    randomness = torch.Generator().manual_seed(config.seed)
    with torch.random.fork_rng(devices=[]):  # PyTorch's own first weights use the global state
        built = players or (build_generator(config), build_discriminator(config))
    generator, discriminator = (
        channels_last(join_batch_norms(initialise(network, randomness)).to(device))
        for network in built
    )
    averaged = copy.deepcopy(generator).requires_grad_(False)
    if config.compile:
        for network in (generator, discriminator):
            network.compile()  # in place: calls are compiled, names and `forward` stay
    state = TrainingState(
        generator=generator,
        discriminator=discriminator,
        averaged=averaged,
        generator_optimiser=_adam(generator, config),
        discriminator_optimiser=_adam(discriminator, config),
        randomness=randomness,
        scaler=torch.amp.GradScaler(device.type, enabled=config.precision == "fp16"),
    )
    set_learning_rates(state.optimisers, state.step, config)
    return state


def build_generator(config: TrainingConfig) -> nn.Module:
    """The configuration's generator, with weights that are still to be drawn or loaded."""
    return _build("generator", config.generator, config.generator_options, GENERATORS, config)


def build_discriminator(config: TrainingConfig) -> nn.Module:
    """The configuration's discriminator, with weights that are still to be drawn or loaded."""
    return _build(
        "discriminator", config.discriminator, config.discriminator_options, DISCRIMINATORS, config
    )


def _can_be_told(network: Network, classes: Classes) -> bool:
    """Whether a network can be built for such classes: its annotation says what it takes."""
    takes = signature(network).parameters.get("classes")
    if takes is None:
        return False
    return isinstance(classes, int) or takes.annotation == "Classes"


def _build(
    player: str,
    name: str,
    options: Mapping[str, int],
    table: Mapping[str, Network],
    config: TrainingConfig,
) -> nn.Module:
    told: dict[str, Any] = {"frames": config.frames, "size": config.size}
    if config.classes:
        able = [each for each in table if _can_be_told(table[each], config.classes)]
        if name not in able:
            what = "classes" if isinstance(config.classes, int) else "classes of several factors"
            raise ValueError(
                f"the {player} {name!r} cannot be told {what}; choose one of {', '.join(able)}, "
                "or train without (classes 0)"
            )
        told["classes"] = config.classes
    known = {
        option: parameter.default
        for option, parameter in signature(table[name]).parameters.items()
        if option not in {*told, "classes"}
    }
    for option in options:
        if option not in known:
            raise ValueError(
                f"the {player} {name!r} has no option {option!r}; it has {', '.join(known)}"
            )
    chosen = {
        option: bool(value) if isinstance(known[option], bool) else value
        for option, value in options.items()
    }
    return table[name](**told, **chosen)


def _adam(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Adam, whose learning rate `schedule` sets."""
    # None leaves the choice to PyTorch, which never takes the fused one by itself.
    return torch.optim.Adam(network.parameters(), betas=config.betas, fused=config.fused or None)
