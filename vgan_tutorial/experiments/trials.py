"""Trials: one run of the tile generator, again and again, with one thing changed.

`python -m vgan_tutorial.experiments.trials` writes the records that the chapter reads. Every trial
trains on the same packed clips, for the same time or the same number of steps, and is counted by
the exact judge.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from tqdm.auto import tqdm

from vgan_tutorial.datasets import PackedClips, make_shapes_pack
from vgan_tutorial.experiments.records import (
    Record,
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
from vgan_tutorial.shapes import get_preset
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.loop import train
from vgan_tutorial.training.sampling import sample
from vgan_tutorial.training.sources import pack_source

# What every trial begins with: the pair that learns tiny clips soonest, and so affords many runs.
UNCHANGED: dict[str, Any] = {
    "generator": "content-motion",
    "discriminator": "stacked",
    "penalty": 1.0,
}
# What each trial changes in it.
TRIALS: dict[str, dict[str, Any]] = {
    "unchanged": {},
    # the networks
    "no choices in the latent": {"generator": "content-motion-smooth"},
    "DCGAN's generator": {"generator": "dcgan"},
    "3-D discriminator": {"discriminator": "video"},
    "dual discriminator": {"discriminator": "dual"},
    # the loss
    "non-saturating loss": {"loss": "non-saturating"},
    "hinge loss": {"loss": "hinge"},
    # the penalties
    "no penalty": {"penalty": 0.0},
    "gamma 0.3": {"penalty": 0.3},
    "gamma 3": {"penalty": 3.0},
    "penalty in every step": {"penalty_every": 1},
    # the batch and the optimisers
    "batch of 16": {"batch": 16},
    "batch of 64": {"batch": 64},
    "learning rate 1e-3": {"learning_rate": 1e-3},
    "learning rate 4e-3": {"learning_rate": 4e-3},
    "discriminator at 1e-3": {"discriminator_learning_rate": 1e-3},
    "discriminator at 4e-3": {"discriminator_learning_rate": 4e-3},
    "two discriminator steps": {"discriminator_steps": 2},
    "momentum 0.5": {"betas": (0.5, 0.99)},
    "no average": {"ema": 0.0},
    # augmentation
    "shifted clips": {"augmentation": ("translation",)},
    "all augmentations": {"augmentation": ("colour", "translation", "cutout")},
    # a curriculum: easy first
    "blur that fades": {"blur": 2.0, "blur_steps": 500},
    "noise that fades": {"noise": 0.5, "noise_steps": 500},
    "learning rates that rise": {"warm_up": 200},
    "learning rates that fall": {"decay_after": 1000, "half_life": 200},
    # the price of the dearest changes, spent on steps instead
    "2,700 steps": {"steps": 2700},
}
CLIPS = 1000  # judged after each trial


def make_record(
    output: Path,
    names: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = (),
    seeds: int = 5,
    seconds: float = 110.0,
    steps: int = 100_000,
    preset: str = "tiny",
    threads: int = 1,
    workers: int = 1,
) -> None:
    """Train every trial with every seed and write what the judge counts.

    Every trial's run with seed 0 comes first, then every trial's with seed 1, and so on. The
    record is saved after every run, and runs that it holds already are not made again: an
    interrupted command is given once more.

    Args:
        output: JSON file to write, or to go on with.
        names: Name of a trial, each after its own --names; all of them by default.
        seeds: Number of runs of each trial, with seeds 0, 1, ….
        seconds: Wall-clock time of one run.
        steps: Number of steps of one run, if the time lasts and the trial says nothing else.
        preset: Name of a preset of Moving Shapes.
        threads: Number of the CPU's threads for one run; the tiny preset gains nothing by a second.
        workers: Number of runs side by side; they slow each other down where --seconds ends a run.

    Raises:
        ValueError: if a name is no trial's, or the file holds runs of other settings.
    """
    check_counts(seeds=seeds, seconds=seconds, steps=steps, threads=threads, workers=workers)
    check_names("trial", names, TRIALS)
    budget: Record = {"seconds": seconds, "steps": steps, "preset": preset}
    command = command_line("trials", output=output, **budget, threads=threads)
    record = open_record(output, origin(command, **budget, clips=CLIPS, threads=threads))
    trials = record.setdefault("trials", {})
    names = names or tuple(TRIALS)
    for name in names:
        if name in trials:
            check_same(output, f"the changes of {name!r}", trials[name]["changes"], TRIALS[name])
        trials.setdefault(name, {"changes": TRIALS[name], "runs": []})
    missing = [
        (name, seed)
        for seed in range(seeds)
        for name in names
        if seed not in [run["seed"] for run in trials[name]["runs"]]
    ]
    with tempfile.TemporaryDirectory() as folder:
        pack = make_shapes_pack(folder, preset)
        course = _Course(pack, preset, steps, seconds, threads, CLIPS)
        jobs = [(name, seed, TRIALS[name]) for name, seed in missing]
        done = _each(course, jobs, workers)
        for name, run in tqdm(done, total=len(jobs), desc="trials", unit="run"):
            runs = trials[name]["runs"]
            runs.append(run)
            runs.sort(key=lambda run: run["seed"])
            save_record(output, record)


@dataclass(frozen=True)
class _Course:
    """What all runs share."""

    pack: Path
    preset: str
    steps: int
    seconds: float
    threads: int
    clips: int


_Job = tuple[str, int, dict[str, Any]]  # a trial, a seed, and what the trial changes


def _each(course: _Course, jobs: Sequence[_Job], workers: int) -> Iterator[tuple[str, Record]]:
    """The name and the run of each job, as they end."""
    if workers == 1:
        yield from map(partial(_run, course), jobs)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(partial(_run, course), jobs)


def _run(course: _Course, job: _Job) -> tuple[str, Record]:
    """One run, judged; or the step at which it broke."""
    name, seed, changes = job
    torch.set_num_threads(course.threads)
    preset = get_preset(course.preset)
    source = pack_source(PackedClips(course.pack, preset.frames))
    common: dict[str, Any] = UNCHANGED | {
        "frames": preset.frames,
        "size": preset.size,
        "steps": course.steps,
        "seed": seed,
    }
    config = TrainingConfig(**common | changes)
    began, busy = time.perf_counter(), time.process_time()
    run: Record = {"seed": seed}
    try:
        state, log = train(config, source, seconds=course.seconds, progress=False)
    except FloatingPointError as error:
        return name, run | {"broke": str(error), "seconds": round(time.perf_counter() - began, 3)}
    run |= {"steps": state.step, "seconds": log[-1]["seconds"]}
    run |= {"processor_seconds": round(time.process_time() - busy, 1)}
    return name, run | judged(sample(state.averaged, course.clips, seed=2), preset)


if __name__ == "__main__":
    run_command(make_record)
