"""Training: a configuration, the step that is the algorithm, and the loop around it.

Read `step` first, top to bottom: it is the algorithm. The rest:

* `config`: everything that decides a run;
* `state`: the two networks and their optimisers; `sampling`: clips from a generator;
* `microbatches`, `disturb`, `schedule`: a step's clips and latents, how the discriminator sees
  them, and the learning rates;
* `loop`, `sources`, `stopping`: the loop, where its clips come from, and when it ends; `data`:
  the source and the judge that belong to a name;
* `recording`, `saving`, `watching`: what is written of a run, and how it goes on;
* `processes`, `batch_norm`: several processes that train one pair;
* `graphs`: the step recorded once and replayed on a GPU;
* `estimating`: what a run will take.
"""

from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.data import Data, find_data
from vgan_tutorial.training.loop import train
from vgan_tutorial.training.processes import ProcessLostError
from vgan_tutorial.training.recording import read_log
from vgan_tutorial.training.sampling import sample, sample_batches
from vgan_tutorial.training.saving import (
    load_checkpoint,
    load_generator,
    load_stages,
    read_config,
    save_checkpoint,
    save_generator,
)
from vgan_tutorial.training.schedule import rate_factor
from vgan_tutorial.training.sources import (
    ClipSource,
    pack_source,
    shapes_source,
    sprites_source,
)
from vgan_tutorial.training.state import (
    TrainingState,
    build_discriminator,
    build_generator,
    start,
)
from vgan_tutorial.training.step import (
    discriminator_step,
    generator_step,
    train_step,
    update_average,
)
from vgan_tutorial.training.watching import Judge, shapes_judge, sprites_judge

__all__ = [
    "ClipSource",
    "Data",
    "Judge",
    "ProcessLostError",
    "TrainingConfig",
    "TrainingState",
    "build_discriminator",
    "build_generator",
    "discriminator_step",
    "find_data",
    "generator_step",
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
    "sprites_judge",
    "sprites_source",
    "start",
    "train",
    "train_step",
    "update_average",
]
