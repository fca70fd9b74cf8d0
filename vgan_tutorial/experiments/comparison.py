"""The published pairs as published, and under the book's recipe, until they get no better.

`python -m vgan_tutorial.experiments.comparison` writes the record. The `contestants` train on the
same clips, each for as much as 40 minutes of one processor. Meanwhile the exact judge counts: the
record holds curves. Every run is looked at through the average of its generator with the default
`ema`, which takes no part in the training; of the papers only DVD-GAN's has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time
from typing import Annotated, Any

import torch
import tyro
from torch import Tensor
from tqdm.auto import tqdm

from vgan_tutorial.experiments.contestants import CONTESTANTS, begin, describe
from vgan_tutorial.experiments.pairings import SHOWN
from vgan_tutorial.experiments.records import (
    CPU,
    RECORDS,
    Record,
    add_tensors,
    check_counts,
    check_names,
    check_same,
    command_line,
    open_record,
    origin,
    run_command,
    save_record,
)
from vgan_tutorial.oracle import judged
from vgan_tutorial.pixels import to_uint8
from vgan_tutorial.shapes import Preset, get_preset
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.sampling import sample
from vgan_tutorial.training.saving import CHECKPOINT, read_checkpoint, restore, save_checkpoint
from vgan_tutorial.training.sources import shapes_source, take
from vgan_tutorial.training.state import TrainingState
from vgan_tutorial.training.step import train_step
from vgan_tutorial.training.watching import first_bad

# A run ------------------------------------------------------------------------------------------

CLIPS = 200  # judged each time
RUN = "run.json"  # the curve so far, beside the checkpoint
FIGURES = ("validity", "motion_validity", "cells_found", "histogram_distance", "shape_consistency")
GAIN = 0.02  # a rise of motion validity that counts

Curve = list[dict[str, int | float]]


@dataclass(frozen=True)
class Budget:
    """How long a run may take, in seconds of one processor: drawing and judging not counted."""

    seconds: float
    least: float
    patience: float
    every: float

    def end(self, curve: Curve) -> str | None:
        """Why a run ends after the last point of its curve, or None if it goes on."""
        spent = curve[-1]["seconds"] if curve else 0.0
        if spent >= self.least and is_flat(curve, self.patience):
            return "flat"
        return "out of time" if spent >= self.seconds else None


def is_flat(curve: Curve, patience: float) -> bool:
    """Whether the best motion validity has risen by no more than `GAIN` for so many seconds."""
    since = curve[-1]["seconds"] - patience
    early = [point["motion_validity"] for point in curve if point["seconds"] <= since]
    best = max(point["motion_validity"] for point in curve)
    return bool(early) and best - max(early) <= GAIN + 1e-9  # figures have four digits


def _run(
    name: str, seed: int, preset: Preset, budget: Budget, folder: Path
) -> tuple[Record, Tensor]:
    """One run to its end, from its beginning or from its checkpoint; and clips of the end."""
    state, config = begin(name, preset, seed)
    begun = {"name": name, "seed": seed, "preset": preset.name, "clips": CLIPS}
    run = open_record(folder / RUN, {**begun, "every": budget.every, "training": asdict(config)})
    curve: Curve = run.setdefault("curve", [])
    go_back(folder / CHECKPOINT, state, curve)
    source = shapes_source(preset, CPU, labelled=bool(config.classes))
    real = source(config.batch * config.discriminator_steps, state.randomness)
    while (ended := budget.end(curve)) is None:
        spent = curve[-1]["seconds"] if curve else 0.0
        try:
            spent = _train(state, config, real, spent, until=budget.every * (len(curve) + 1))
        except FloatingPointError as error:
            ended = str(error)
            break
        found = judged(sample(state.averaged, CLIPS, seed=2), preset, *FIGURES)
        curve.append({"seconds": round(spent, 2), "step": state.step, **found})
        save_record(folder / RUN, run)
        save_checkpoint(folder / CHECKPOINT, state, config)
    clips = to_uint8(sample(state.averaged, SHOWN, seed=2).nan_to_num())
    return {"seed": seed, "ended": ended, "steps": state.step, "curve": curve}, clips


def go_back(checkpoint: Path, state: TrainingState, curve: Curve) -> None:
    """Restore a run that was cut: its state, and its curve up to there.

    The curve is written first. So it may be ahead of the checkpoint by a point, and never behind.
    """
    if curve and checkpoint.exists():
        restore(checkpoint, state, *read_checkpoint(checkpoint))
    while curve and curve[-1]["step"] > state.step:
        curve.pop()


def _train(
    state: TrainingState,
    config: TrainingConfig,
    real: Iterator[Any],
    spent: float,
    until: float,
) -> float:
    """Train until so many seconds are spent, and say how many it became.

    Raises:
        FloatingPointError: when a loss is not finite.
    """
    while spent < until:
        clips, labels = take(real, config, CPU)
        began = process_time()
        figures = train_step(state, clips, config, labels)
        spent += process_time() - began
        if bad := first_bad([figures]):
            raise FloatingPointError(f"{bad[1]} is not finite at step {state.step}")
    return spent


# The record -------------------------------------------------------------------------------------


def make_record(
    output: Path = RECORDS / "comparison.json",
    folder: Path = Path("runs") / "comparison",
    names: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = (),
    seeds: int = 2,
    seconds: float = 2400.0,
    least: float = 1200.0,
    patience: float = 900.0,
    every: float = 60.0,
    preset: str = "tiny",
) -> None:
    """Train every contestant with every seed, and write how good its clips were along the way.

    The record is saved after every run. A run keeps its curve and its checkpoint in a folder, so
    an interrupted command is given once more and goes on within the run.

    Args:
        output: JSON file to write, or to go on with; clips of the first seed are kept beside it.
        folder: Folder of the runs, which are needed only to go on.
        names: Name of a contestant, each after its own --names; all of them by default.
        seeds: Number of runs of each contestant, with seeds 0, 1, ….
        seconds: Processor time that a run may train; drawing and judging are not counted.
        least: Processor time before which no run is called flat.
        patience: Processor time without a better motion validity after which a run is flat.
        every: Processor time between judgements, and between checkpoints.
        preset: Name of a preset of Moving Shapes.

    Raises:
        ValueError: if a name is no contestant's, or the file or a run has other settings.
    """
    check_counts(seeds=seeds, seconds=seconds, least=least, patience=patience, every=every)
    check_names("contestant", names, CONTESTANTS)
    torch.set_num_threads(1)
    shape, budget = get_preset(preset), Budget(seconds, least, patience, every)
    shared: Record = {**asdict(budget), "preset": preset}
    command = command_line("comparison", output=output, folder=folder, seeds=seeds, **shared)
    record = open_record(output, origin(command, CPU, **shared, clips=CLIPS, gain=GAIN, threads=1))
    contestants = record.setdefault("contestants", {})
    for name in names or CONTESTANTS:
        told = describe(name, shape)
        for what in told if name in contestants else ():
            check_same(output, f"the {what} of {name!r}", contestants[name][what], told[what])
        contestants.setdefault(name, {**told, "runs": []})
    runs = [(name, seed) for seed in range(seeds) for name in names or CONTESTANTS]
    for name, seed in tqdm(runs, desc="comparison", unit="run"):
        kept = contestants[name]["runs"]
        if seed in [run["seed"] for run in kept]:
            continue
        words = [*name.replace(",", "").split(), str(seed)]
        run, clips = _run(name, seed, shape, budget, folder / "-".join(words))
        kept.append(run)
        if seed == 0:
            add_tensors(output, {name: clips})
        save_record(output, record)


if __name__ == "__main__":
    run_command(make_record)
