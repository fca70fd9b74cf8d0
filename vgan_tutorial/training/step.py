"""The algorithm: two players that take turns, and the average of one of them."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS, sample_latent
from vgan_tutorial.layers import channels_last, initialise
from vgan_tutorial.losses import ADVERSARIAL_LOSSES, r1_penalty, r2_penalty
from vgan_tutorial.training.config import TrainingConfig


@dataclass
class TrainingState:
    """All that changes during a run: what a checkpoint holds."""

    generator: nn.Module
    discriminator: nn.Module
    averaged: nn.Module  # exponential moving average of the generator: the one to sample from
    generator_optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    randomness: torch.Generator  # order of the data, and latents
    step: int = 0


def start(config: TrainingConfig, accelerator: Accelerator | None = None) -> TrainingState:
    """New players with weights drawn from the configuration's seed."""
    accelerator = accelerator or Accelerator()
    randomness = torch.Generator().manual_seed(config.seed)
    shape = {"frames": config.frames, "size": config.size}
    with torch.random.fork_rng(devices=[]):  # PyTorch's own first weights use the global state
        generator = GENERATORS[config.generator](**shape)
        discriminator = DISCRIMINATORS[config.discriminator](**shape)
    initialise(generator, randomness)
    initialise(discriminator, randomness)
    generator, discriminator = (
        channels_last(network.to(accelerator.device)) for network in (generator, discriminator)
    )

    def adam(network: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=config.betas)

    return TrainingState(
        generator=generator,
        discriminator=discriminator,
        averaged=copy.deepcopy(generator).requires_grad_(False),
        generator_optimiser=adam(generator),
        discriminator_optimiser=adam(discriminator),
        randomness=randomness,
    )


def train_step(
    state: TrainingState, real: Float[Tensor, "batch 3 time height width"], config: TrainingConfig
) -> dict[str, Tensor]:
    """One turn of each player: first the discriminator, then the generator.

    Returns the step's figures as tensors on the device; reading them waits for the device, so the
    loop reads them only when it writes a line of the log.
    """
    loss = ADVERSARIAL_LOSSES[config.loss]
    generator, discriminator = state.generator, state.discriminator
    fake = generator(sample_latent(generator, len(real), state.randomness))

    # The discriminator's turn. `detach` cuts the generator off: it must not learn from this loss.
    discriminator.requires_grad_(True)
    real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
    discriminator_loss = loss.discriminator(real_logits, fake_logits)
    figures = {"discriminator_loss": discriminator_loss.detach()}
    if config.penalty and state.step % config.penalty_every == 0:
        penalty = r1_penalty(discriminator, real) + r2_penalty(discriminator, fake.detach())
        weight = config.penalty_every * config.penalty / 2
        discriminator_loss = discriminator_loss + weight * penalty
    state.discriminator_optimiser.zero_grad()
    discriminator_loss.backward()
    state.discriminator_optimiser.step()

    # The generator's turn, against the discriminator as it is now. Its weights are only passed
    # through, so their own gradients are not computed.
    discriminator.requires_grad_(False)
    with torch.no_grad():
        real_logits = discriminator(real)
    fake_logits = discriminator(fake)
    generator_loss = loss.generator(real_logits, fake_logits)
    state.generator_optimiser.zero_grad()
    generator_loss.backward()
    state.generator_optimiser.step()

    state.step += 1
    update_average(state.averaged, generator, config.ema, state.step)
    figures["generator_loss"] = generator_loss.detach()
    figures["real_logit"] = real_logits.mean()
    figures["fake_logit"] = fake_logits.detach().mean()
    return figures


@torch.no_grad()
def update_average(averaged: nn.Module, network: nn.Module, keep: float, step: int) -> None:
    """Move the averaged weights towards the network's: w_avg <- k w_avg + (1 - k) w.

    Early on `keep` is lowered to step / (step + 9), so that the random start is soon forgotten.
    Buffers (running statistics) are copied.
    """
    keep = min(keep, step / (step + 9))
    for mine, theirs in zip(averaged.parameters(), network.parameters(), strict=True):
        mine.lerp_(theirs, 1 - keep)
    for copied, original in zip(averaged.buffers(), network.buffers(), strict=True):
        copied.copy_(original)


@torch.no_grad()
def sample(
    network: nn.Module, count: int, seed: int = 0, batch: int = 64
) -> Float[Tensor, "batch 3 time height width"]:
    """Clips from a generator in evaluation mode, on the CPU. The same seed gives the same clips."""
    randomness = torch.Generator().manual_seed(seed)
    was_training = network.training
    network.eval()
    latent = sample_latent(network, count, randomness)
    clips = torch.cat([network(part).cpu() for part in latent.split(batch)])
    network.train(was_training)
    return clips
