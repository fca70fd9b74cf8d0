"""The algorithm: two players that take turns, and the average of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from vgan_tutorial.discriminators import clip_singular_values
from vgan_tutorial.generators import sample_latent
from vgan_tutorial.losses import ADVERSARIAL_LOSSES, PAIRED_LOSSES, r1_penalty, r2_penalty
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.critic import Critic, autocast
from vgan_tutorial.training.players import TrainingState
from vgan_tutorial.training.processes import average_gradients, own_share, process_count

Figures = dict[str, Tensor]


@dataclass
class Part:
    """Clips that are worked on together: a batch, or a part of one if memory is short."""

    real: Float[Tensor, "batch 3 time height width"]
    labels: Int[Tensor, " batch"] | None
    latent: Float[Tensor, "batch *latent"]
    fake: Float[Tensor, "batch 3 time height width"] | None = None
    real_logits: Float[Tensor, " batch"] | None = None  # of the discriminator's turn


def train_step(
    state: TrainingState,
    real: Float[Tensor, "batch 3 time height width"],
    config: TrainingConfig,
    labels: Int[Tensor, " batch"] | None = None,
) -> Figures:
    """One step: first the discriminator's turn, or several of them, and then the generator's.

    Args:
        state: changed in place.
        real: `config.batch` clips for each of the discriminator's turns; with several processes,
            this one's share of them.
        config: decides everything else.
        labels: the clips' classes, if the players are told them.

    Returns:
        The step's figures as tensors on the device. Reading them waits for the device, so the
        loop reads them only when it writes a line of the log.
    """
    set_learning_rates(state, config)
    critic = Critic(state, config, real.device)
    for clips, names in _cut(real, labels if config.classes else None, config.discriminator_steps):
        parts = draw_parts(state, clips, names, config)
        figures = discriminator_turn(state, critic, parts, config)
    figures |= generator_turn(state, critic, parts, config)
    state.step += 1
    update_average(state.averaged, state.generator, config.ema, state.step)
    return figures


def discriminator_turn(
    state: TrainingState, critic: Critic, parts: list[Part], config: TrainingConfig
) -> Figures:
    """Real clips are to score higher, fakes lower. Only the discriminator moves."""
    loss = ADVERSARIAL_LOSSES[config.loss]
    state.discriminator.requires_grad_(True)
    state.discriminator_optimiser.zero_grad()
    losses = []
    for part in parts:
        fake = generate(state, part, config)
        if len(parts) == 1:
            part.fake = fake  # the generator's turn can use it again
        fake = fake.detach()  # cuts the generator off: it must not learn from this loss
        real_logits = critic(part.real, part.labels)
        part.real_logits = real_logits.detach()
        total = loss.discriminator(real_logits, critic(fake, part.labels))
        losses.append(total.detach())
        if config.penalty and state.step % config.penalty_every == 0:
            slope = critic.exact(part.labels)
            weight = config.penalty_every * config.penalty / 2
            total = total + weight * (r1_penalty(slope, part.real) + r2_penalty(slope, fake))
        (total / len(parts)).backward()
    average_gradients(state.discriminator)
    state.discriminator_optimiser.step()
    if config.singular_values_every:
        clip_singular_values(state.discriminator, state.step, config.singular_values_every)
    return {"discriminator_loss": _mean(losses)}


def generator_turn(
    state: TrainingState, critic: Critic, parts: list[Part], config: TrainingConfig
) -> Figures:
    """Fakes are to score higher, against the discriminator as it is now. Only the generator moves.

    The gradient passes through the discriminator's weights, so their own gradients are not needed
    and not computed. Nor are the real clips scored again, unless the loss compares them with the
    fakes: the figure `real_logit` is then from before the discriminator moved.
    """
    loss = ADVERSARIAL_LOSSES[config.loss]
    state.discriminator.requires_grad_(False)
    state.generator_optimiser.zero_grad()
    losses, real_logits, fake_logits = [], [], []
    for part in parts:
        fake = generate(state, part, config) if part.fake is None else part.fake
        if config.loss in PAIRED_LOSSES or part.real_logits is None:
            with torch.no_grad():
                part.real_logits = critic(part.real, part.labels)
        real_logits.append(part.real_logits)
        fake_logits.append(critic(fake, part.labels))
        losses.append(loss.generator(real_logits[-1], fake_logits[-1]))
        (losses[-1] / len(parts)).backward()
    average_gradients(state.generator)
    state.generator_optimiser.step()
    return {
        "generator_loss": _mean(losses).detach(),
        "real_logit": torch.cat(real_logits).mean(),
        "fake_logit": torch.cat(fake_logits).detach().mean(),
    }


def generate(state: TrainingState, part: Part, config: TrainingConfig) -> Tensor:
    """Fakes from the part's latents, in float32 whatever the network computes with."""
    given = () if part.labels is None else (part.labels,)
    with autocast(config, part.latent.device):
        return state.generator(part.latent, *given).float()


def draw_parts(
    state: TrainingState, real: Tensor, labels: Tensor | None, config: TrainingConfig
) -> list[Part]:
    """The clips with a latent for each, in `config.accumulate` parts.

    All processes draw the latents of all, and each takes its own.
    """
    every = sample_latent(state.generator, len(real) * process_count(), state.randomness)
    rows = zip(
        _cut(real, labels, config.accumulate),
        own_share(every).chunk(config.accumulate),
        strict=True,
    )
    return [Part(clips, names, latent) for (clips, names), latent in rows]


def _cut(real: Tensor, labels: Tensor | None, parts: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    names = [None] * parts if labels is None else labels.chunk(parts)
    return zip(real.chunk(parts), names, strict=True)


def _mean(values: list[Tensor]) -> Tensor:
    return values[0] if len(values) == 1 else torch.stack(values).mean()


def set_learning_rates(state: TrainingState, config: TrainingConfig) -> None:
    """Both players' rates for this step: warmed up, then held, then halved again and again."""
    other = config.discriminator_learning_rate
    rates = (config.learning_rate, config.learning_rate if other is None else other)
    optimisers = (state.generator_optimiser, state.discriminator_optimiser)
    for optimiser, rate in zip(optimisers, rates, strict=True):
        for group in optimiser.param_groups:
            group["lr"] = rate * rate_factor(state.step, config)


def rate_factor(step: int, config: TrainingConfig) -> float:
    """What the learning rates are multiplied by at a step.

    min(1, (t + 1) / w) after w steps of warm-up, times 2^(-(t - d) / h) once t passes d, with d
    steps before the fall and a half-life of h. It does not depend on the run's length, so a run
    may be lengthened.
    """
    rise = min(1.0, (step + 1) / config.warm_up) if config.warm_up else 1.0
    late = max(0, step - config.decay_after)
    return rise * (0.5 ** (late / config.half_life) if config.half_life else 1.0)


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
