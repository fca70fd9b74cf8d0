"""Training: a configuration, the step that is the algorithm, and the loop around it.

Read `step.train_step` first. The rest chooses the players, keeps a moving average of the
generator, writes the log, and saves and restores everything, so that a run that stops and goes on
is the same run, bit for bit.
"""

from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.loop import ClipSource, pack_source, shapes_source, train
from vgan_tutorial.training.players import TrainingState, sample, start
from vgan_tutorial.training.saving import (
    load_checkpoint,
    load_generator,
    save_checkpoint,
    save_generator,
)
from vgan_tutorial.training.step import (
    discriminator_turn,
    generator_turn,
    rate_factor,
    train_step,
    update_average,
)

__all__ = [
    "ClipSource",
    "TrainingConfig",
    "TrainingState",
    "discriminator_turn",
    "generator_turn",
    "load_checkpoint",
    "load_generator",
    "pack_source",
    "rate_factor",
    "sample",
    "save_checkpoint",
    "save_generator",
    "shapes_source",
    "start",
    "train",
    "train_step",
    "update_average",
]
