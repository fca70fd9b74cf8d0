"""The clips and latents of a step, in as many microbatches as the memory asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from vgan_tutorial.latents import sample_latent
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.disturb import autocast
from vgan_tutorial.training.processes import own_share, process_count
from vgan_tutorial.training.state import TrainingState
from vgan_tutorial.types import Clips, Labels, Scores

NOT_SCORED = Scores(())


@dataclass
class Microbatch:
    """Clips that are worked on together: a batch, or a share of one if memory is short."""

    real: Clips
    labels: Labels | None
    latent: Float[Tensor, "batch *latent"]
    fake: Clips | None = None  # kept from the discriminator's step for the generator's
    real_scores: Scores = NOT_SCORED  # of the discriminator's step


def draw_microbatches(
    state: TrainingState, real: Clips, labels: Labels | None, config: TrainingConfig
) -> list[Microbatch]:
    """The clips with a latent for each, in `config.accumulate` microbatches.

    All processes draw the latents of all, and each takes its own.
    """
    every = sample_latent(state.generator, len(real) * process_count(), state.randomness)
    rows = zip(
        chunks(real, labels, config.accumulate),
        own_share(every).chunk(config.accumulate),
        strict=True,
    )
    return [Microbatch(clips, classes, latent) for (clips, classes), latent in rows]


def chunks(
    real: Clips, labels: Labels | None, count: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Clips and their labels in `count` equal shares."""
    classes = [None] * count if labels is None else labels.chunk(count)
    return zip(real.chunk(count), classes, strict=True)


def generate(state: TrainingState, part: Microbatch, config: TrainingConfig) -> Clips:
    """Fakes from the microbatch's latents, in float32 whatever the network computes with."""
    with autocast(config, part.latent.device):
        return state.generator(part.latent, part.labels).float()
