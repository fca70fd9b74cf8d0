"""Learning rates: set here, at the start and before every step, and nowhere else."""

from __future__ import annotations

import torch
from torch import Tensor

from vgan_tutorial.training.config import TrainingConfig


def set_learning_rates(
    optimisers: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
    step: int,
    config: TrainingConfig,
) -> None:
    """Both networks' rates for a step: warmed up, then held, then halved again and again.

    Args:
        optimisers: Optimiser of the generator, and of the discriminator.
        step: Number of the step, from 0.
        config: Rates and schedule.
    """
    other = config.discriminator_learning_rate
    rates = (config.learning_rate, config.learning_rate if other is None else other)
    for optimiser, rate in zip(optimisers, rates, strict=True):
        for group in optimiser.param_groups:
            now = rate * rate_factor(step, config)
            if isinstance(group["lr"], Tensor):  # read from its place by a recorded step
                group["lr"].fill_(now)
            else:
                group["lr"] = now


def rate_factor(step: int, config: TrainingConfig) -> float:
    """What the learning rates are multiplied by at a step.

    min(1, (t + 1) / w) after w steps of warm-up, times 2^(-(t - d) / h) once t passes d, with d
    steps before the fall and a half-life of h. It does not depend on the run's length, so a run
    may be lengthened.
    """
    rise = min(1.0, (step + 1) / config.warm_up) if config.warm_up else 1.0
    late = max(0, step - config.decay_after)
    return rise * (0.5 ** (late / config.half_life) if config.half_life else 1.0)
