"""The algorithm, top to bottom: the discriminator's step, the generator's, the running average.

Around it: `config` decides a run, `state` holds what changes, `microbatches` the clips and latents
of a step, `disturb` stands before the discriminator, `schedule` sets learning rates, `processes`
share the work, `loop` calls `train_step`, `recording` and `saving` write the run's folder.
"""

import torch
from torch import Tensor, nn

from vgan_tutorial.discriminators import clip_singular_values
from vgan_tutorial.losses import ADVERSARIAL_LOSSES, PAIRED_LOSSES, r1_penalty, r2_penalty
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.disturb import Disturbed
from vgan_tutorial.training.microbatches import Microbatch, chunks, draw_microbatches, generate
from vgan_tutorial.training.processes import average_gradients
from vgan_tutorial.training.schedule import set_learning_rates
from vgan_tutorial.training.state import TrainingState
from vgan_tutorial.types import Clips, Labels

Figures = dict[str, Tensor]


def train_step(
    state: TrainingState, real: Clips, config: TrainingConfig, labels: Labels | None = None
) -> Figures:
    """One step: the discriminator's, or several of them, and then the generator's.

    Args:
        state: Everything that changes; it is changed in place.
        real: `config.batch` clips for each step of the discriminator; with several processes, this
            one's share of them.
        config: Everything else.
        labels: Classes of the clips, if the networks are told them.

    Returns:
        Figures on the device: reading them waits for it, so the loop does that only for its log.
    """
    labels = labels if config.classes else None
    set_learning_rates(state.optimisers, state.step, config)
    critic = Disturbed(state, config, real.device)
    for clips, classes in chunks(real, labels, config.discriminator_steps):
        batch = draw_microbatches(state, clips, classes, config)
        figures = discriminator_step(state, critic, batch, config)
    figures |= generator_step(state, critic, batch, config)
    state.step += 1
    update_average(state.averaged, state.generator, config.ema, state.step)
    return figures


def discriminator_step(
    state: TrainingState, critic: Disturbed, batch: list[Microbatch], config: TrainingConfig
) -> Figures:
    """Real clips are to score higher, fakes lower. Only the discriminator moves."""
    loss = ADVERSARIAL_LOSSES[config.loss].discriminator
    state.discriminator.requires_grad_(True)
    state.discriminator_optimiser.zero_grad()
    losses = []
    for part in batch:
        fake = generate(state, part, config)
        part.fake = fake if len(batch) == 1 else None  # the generator's step can use it again
        fake = fake.detach()  # cuts the generator off: it must not learn from this loss
        real_logits = critic(part.real, part.labels)
        part.real_logits = real_logits.detach()
        total = loss(real_logits, critic(fake, part.labels))
        losses.append(total.detach())
        if config.penalty and state.step % config.penalty_every == 0:
            score, weight = critic.exact(part.labels), config.penalty_every * config.penalty / 2
            total = total + weight * (r1_penalty(score, part.real) + r2_penalty(score, fake))
        (total / len(batch)).backward()
    average_gradients(state.discriminator)
    state.discriminator_optimiser.step()
    if config.singular_values_every:
        clip_singular_values(state.discriminator, state.step, config.singular_values_every)
    return {"discriminator_loss": torch.stack(losses).mean()}


def generator_step(
    state: TrainingState, critic: Disturbed, batch: list[Microbatch], config: TrainingConfig
) -> Figures:
    """Fakes are to score higher, against the discriminator as it is now. Only the generator moves.

    The gradient passes through the discriminator's weights, so their own gradients are not needed
    and not computed. Nor are the real clips scored again, unless the loss compares them with the
    fakes: the figure `real_logit` is then from before the discriminator moved.
    """
    loss = ADVERSARIAL_LOSSES[config.loss].generator
    state.discriminator.requires_grad_(False)
    state.generator_optimiser.zero_grad()
    losses, real_logits, fake_logits = [], [], []
    for part in batch:
        fake = generate(state, part, config) if part.fake is None else part.fake
        if config.loss in PAIRED_LOSSES or part.real_logits is None:
            with torch.no_grad():
                part.real_logits = critic(part.real, part.labels)
        real_logits.append(part.real_logits)
        fake_logits.append(critic(fake, part.labels))
        losses.append(loss(real_logits[-1], fake_logits[-1]))
        (losses[-1] / len(batch)).backward()
    average_gradients(state.generator)
    state.generator_optimiser.step()
    return {
        "generator_loss": torch.stack(losses).mean().detach(),
        "real_logit": torch.cat(real_logits).mean(),
        "fake_logit": torch.cat(fake_logits).mean().detach(),
    }


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
