"""The algorithm, top to bottom: the discriminator's step, the generator's, the running average.

Around it: `config` decides a run, `state` holds what changes, `microbatches` clips and latents,
`disturb` stands before the discriminator, `schedule` sets learning rates, `processes` share the
work, `loop` calls `train_step`, or `graphs` that replay it on a GPU, `recording` and `saving` write
the run's folder.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from vgan_tutorial import losses
from vgan_tutorial.discriminators import clip_singular_values
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
        real: `config.batch` clips for each step of the discriminator, or this process's share.
        config: Everything else.
        labels: Classes of the clips, if the networks are told them.

    Returns:
        Figures on the device: to read them waits for it, so the loop reads only those it logs. The
        losses; the mean logits; the lengths of the gradients; and the discriminator's accuracy,
        the share of pairs of a real clip and a fake in which it gives the real one more.
    """
    labels = labels if config.classes else None
    set_learning_rates(state.optimisers, state.step, config)
    critic = Disturbed(state, config, real.device)
    batches = [
        draw_microbatches(state, clips, classes, config)
        for clips, classes in chunks(real, labels, config.discriminator_steps)
    ]
    figures = players_step(state, critic, batches, config)
    state.step += 1
    update_average(state.averaged, state.generator, config.ema, state.step)
    return figures


def players_step(
    state: TrainingState, critic: Disturbed, batches: list[list[Microbatch]], config: TrainingConfig
) -> Figures:
    """The discriminator's step with each batch, and the generator's with the last one."""
    for batch in batches:
        figures = discriminator_step(state, critic, batch, config)
    figures |= generator_step(state, critic, batches[-1], config)
    state.scaler.update()
    return figures


def discriminator_step(
    state: TrainingState, critic: Disturbed, batch: list[Microbatch], config: TrainingConfig
) -> Figures:
    """Real clips are to score higher, fakes lower. Only the discriminator moves."""
    game = losses.ADVERSARIAL_LOSSES[config.loss]
    state.discriminator.requires_grad_(True)
    state.discriminator_optimiser.zero_grad()
    totals, right = [], []
    for part in batch:
        fake = generate(state, part, config)
        part.fake = fake if len(batch) == 1 else None  # the generator's step can use it again
        fake = fake.detach()  # cuts the generator off: it must not learn from this loss
        real, fakes = critic(part.real, part.labels), critic(fake, part.labels)
        part.real_scores = real.detach()
        right.append(losses.total_score(part.real_scores) > losses.total_score(fakes.detach()))
        total = losses.discriminator_loss(game, real, fakes, part.labels)
        totals.append(total.detach())
        if config.penalty and state.step % config.penalty_every == 0:
            score, weight = critic.exact(part.labels), config.penalty_every * config.penalty / 2
            slopes = losses.r1_penalty(score, part.real) + losses.r2_penalty(score, fake)
            total = total + weight * slopes
        state.scaler.scale(total / len(batch)).backward()
    average_gradients(state.discriminator)
    state.scaler.unscale_(state.discriminator_optimiser)
    length = gradient_length(state.discriminator)
    state.scaler.step(state.discriminator_optimiser)
    if config.singular_values_every:
        clip_singular_values(state.discriminator, state.step, config.singular_values_every)
    return {
        "discriminator_loss": torch.stack(totals).mean(),
        "accuracy": torch.cat(right).float().mean(),
        "discriminator_gradient": length,
    }


def generator_step(
    state: TrainingState, critic: Disturbed, batch: list[Microbatch], config: TrainingConfig
) -> Figures:
    """Fakes are to score higher, against the discriminator as it is now. Only the generator moves.

    The gradient passes through the discriminator's weights; their own gradients are not computed.
    Nor are real clips scored again, unless the loss compares them with the fakes: the figure
    `real_logit` is then from before the discriminator moved.
    """
    game = losses.ADVERSARIAL_LOSSES[config.loss]
    state.discriminator.requires_grad_(False)
    state.generator_optimiser.zero_grad()
    totals, real_logits, fake_logits = [], [], []
    for part in batch:
        fake = generate(state, part, config) if part.fake is None else part.fake
        with torch.no_grad():
            compared = config.loss in losses.PAIRED_LOSSES
            real = critic(part.real, part.labels) if compared else part.real_scores
        fakes = critic(fake, part.labels)
        totals.append(losses.generator_loss(game, real, fakes, part.labels))
        state.scaler.scale(totals[-1] / len(batch)).backward()
        real_logits.append(losses.total_score(real))
        fake_logits.append(losses.total_score(fakes))
    average_gradients(state.generator)
    state.scaler.unscale_(state.generator_optimiser)
    length = gradient_length(state.generator)
    state.scaler.step(state.generator_optimiser)
    return {
        "generator_loss": torch.stack(totals).mean().detach(),
        "generator_gradient": length,
        "real_logit": torch.cat(real_logits).mean(),
        "fake_logit": torch.cat(fake_logits).mean().detach(),
    }


def gradient_length(network: nn.Module) -> Tensor:
    """The length of all gradients as one vector: a figure to look at, see chapter 8."""
    gradients = (each.grad for each in network.parameters())
    return get_total_norm([each for each in gradients if each is not None])


def update_average(averaged: nn.Module, network: nn.Module, keep: float, step: int) -> None:
    """Move the averaged weights towards the network's: w_avg <- k w_avg + (1 - k) w.

    Early on `keep` is lowered to step / (step + 9): the start is forgotten. Buffers are copied.
    """
    move_average(averaged, network, average_share(keep, step))


def average_share(keep: float, step: int) -> float:
    """1 - k, with the k of `update_average`."""
    return 1 - min(keep, step / (step + 9))


@torch.no_grad()
def move_average(averaged: nn.Module, network: nn.Module, share: float | Tensor) -> None:
    """Move the averaged weights by a share of the way to the network's."""
    for mine, theirs in zip(averaged.parameters(), network.parameters(), strict=True):
        mine.lerp_(theirs, share)
    for copied, original in zip(averaged.buffers(), network.buffers(), strict=True):
        copied.copy_(original)
