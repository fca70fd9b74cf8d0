"""Training: a configuration, the step that is the algorithm, and the loop around it.

Read `step.train_step` first. The rest:

* `config`: everything that decides a run;
* `players`: the two networks, their optimisers, and sampling;
* `critic`: how the discriminator sees a clip;
* `loop`, `sources`, `stopping`: the loop, where its clips come from, and when it ends;
* `recording`, `saving`, `watching`: what is written of a run, and how it goes on, bit for bit;
* `processes`: several processes that train one pair;
* `trials`: the live run of the training chapter, again and again;
* `clinic`: ways in which training fails, each switched on and cured;
* `comparison`: generators and discriminators paired under one budget, and judged;
* `critics`: what each critic can see, how steep it gets and what its features know.
"""

from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.loop import train
from vgan_tutorial.training.players import (
    TrainingState,
    build_generator,
    sample,
    sample_batches,
    start,
)
from vgan_tutorial.training.processes import ProcessLostError
from vgan_tutorial.training.recording import read_log
from vgan_tutorial.training.saving import (
    load_checkpoint,
    load_generator,
    load_stages,
    read_config,
    save_checkpoint,
    save_generator,
)
from vgan_tutorial.training.sources import ClipSource, pack_source, shapes_source
from vgan_tutorial.training.step import (
    discriminator_turn,
    generator_turn,
    rate_factor,
    train_step,
    update_average,
)
from vgan_tutorial.training.watching import Judge, shapes_judge

__all__ = [
    "ClipSource",
    "Judge",
    "ProcessLostError",
    "TrainingConfig",
    "TrainingState",
    "build_generator",
    "discriminator_turn",
    "generator_turn",
    "load_checkpoint",
    "load_generator",
    "load_stages",
    "pack_source",
    "rate_factor",
    "read_config",
    "read_log",
    "sample",
    "sample_batches",
    "save_checkpoint",
    "save_generator",
    "shapes_judge",
    "shapes_source",
    "start",
    "train",
    "train_step",
    "update_average",
]
