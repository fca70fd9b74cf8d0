"""Single steps of a small pair."""

import dataclasses
from typing import Any

import pytest
import torch

from tests.support.seeds import seeded
from vgan_tutorial.training import TrainingConfig, TrainingState, shapes_source, start, train_step
from vgan_tutorial.types import Clips, Labels

# Neither player draws anything of its own, and none is steep: equal clips mean equal gradients.
SMALL = TrainingConfig(batch=4, generator="content-motion", discriminator="stacked", penalty=1.0)


def change(**fields: Any) -> TrainingConfig:
    return dataclasses.replace(SMALL, **fields)


def clips(count: int, seed: int = 3) -> torch.Tensor:
    return next(shapes_source("tiny")(count, seeded(seed)))


def conditional(**fields: Any) -> TrainingConfig:
    return change(generator="residual", discriminator="residual", classes=3, **fields)


def stepped(
    config: TrainingConfig, steps: int = 1
) -> tuple[TrainingState, dict[str, torch.Tensor]]:
    """The state after some steps, and the figures of the last."""
    state = start(config)
    for seed in range(steps):
        real = clips(config.batch * config.discriminator_steps, seed)
        figures = train_step(state, real, config)
    return state, figures


def spied(config: TrainingConfig, step: int, monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What the discriminator is shown in one step."""
    state, shown = start(config), list[torch.Tensor]()
    forward = state.discriminator.forward

    def watched(clips: Clips, labels: Labels | None = None) -> torch.Tensor:
        shown.append(clips.detach())
        return forward(clips, labels)

    monkeypatch.setattr(state.discriminator, "forward", watched)
    state.step = step
    train_step(state, clips(4), config)
    return shown
