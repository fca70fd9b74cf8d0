"""Learning rates: set here, before every step, and nowhere else."""

from __future__ import annotations

from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.state import TrainingState


def set_learning_rates(state: TrainingState, config: TrainingConfig) -> None:
    """Both networks' rates for this step: warmed up, then held, then halved again and again."""
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
