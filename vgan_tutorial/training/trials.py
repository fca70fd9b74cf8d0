"""Trials: the live run of the training chapter, again and again, with one thing changed.

`python -m vgan_tutorial.training.trials` writes the records that the chapter reads. Every trial
trains on the same packed clips, for the same time or the same number of steps, and is counted by
the exact judge.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from tqdm.auto import tqdm

from vgan_tutorial.datasets import PackedClips, make_shapes_pack
from vgan_tutorial.oracle import judge, summarise
from vgan_tutorial.records import Record, check_same, open_record, save_record, versions
from vgan_tutorial.shapes import Preset, get_preset
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.loop import ClipSource, pack_source, train
from vgan_tutorial.training.players import sample

# What each trial changes in the configuration of the chapter.
TRIALS: dict[str, dict[str, Any]] = {
    "as in the chapter": {},
    "no choices in the latent": {"generator": "content-motion-smooth"},
    "gamma 0.3": {"penalty": 0.3},
    "gamma 3": {"penalty": 3.0},
    "no penalty": {"penalty": 0.0},
    "non-saturating loss": {"loss": "non-saturating"},
    "hinge loss": {"loss": "hinge"},
    "batch of 16": {"batch": 16},
    "learning rate 1e-3": {"learning_rate": 1e-3},
    "learning rate 4e-3": {"learning_rate": 4e-3},
    "3-D discriminator": {"discriminator": "video"},
    "dual discriminator": {"discriminator": "dual"},
}
COMMAND = "python -m vgan_tutorial.training.trials"
CLIPS = 1000  # judged after each trial


def run_trials(
    output: Path,
    names: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = (),
    seeds: int = 5,
    seconds: float = 110.0,
    steps: int = 100_000,
    preset: str = "tiny",
    threads: int = 1,
) -> None:
    """Train every trial with every seed and write what the judge counts.

    The record is saved after every run, and runs that it holds already are not made again: an
    interrupted command is given once more.

    Args:
        output: JSON file to write, or to go on with.
        names: Of the trials, each after its own --names; all of them by default.
        seeds: Runs of each trial, with seeds 0, 1, ….
        seconds: Wall-clock time of one run.
        steps: Of one run, if the time lasts.
        preset: Of Moving Shapes.
        threads: Of the CPU. The networks of the tiny preset gain nothing from a second one.

    Raises:
        ValueError: if a name is no trial's, or the file holds runs of other settings.
    """
    torch.set_num_threads(threads)
    record = open_record(output, _origin(output, preset, seconds, steps))
    trials = record.setdefault("trials", {})
    wanted = names or tuple(TRIALS)
    for name in wanted:
        if name not in TRIALS:
            raise ValueError(f"no trial is called {name!r}; choose from {', '.join(TRIALS)}")
    shape = get_preset(preset)
    with tempfile.TemporaryDirectory() as folder:
        source = pack_source(PackedClips(make_shapes_pack(folder, preset), shape.frames))
        for name in tqdm(wanted, desc="trials"):
            trial = trials.setdefault(name, {"changes": TRIALS[name], "runs": []})
            check_same(output, f"the changes of {name!r}", trial["changes"], TRIALS[name])
            runs = trial["runs"]
            for seed in range(len(runs), seeds):
                config = TrainingConfig(
                    frames=shape.frames, size=shape.size, steps=steps, seed=seed, **TRIALS[name]
                )
                runs.append(_run(config, seconds, shape, source))
                save_record(output, record)


def _run(
    config: TrainingConfig, seconds: float, preset: Preset, source: ClipSource
) -> dict[str, Any]:
    """One run, judged; or the step at which it broke."""
    began = time.perf_counter()
    try:
        state, log = train(config, source, seconds=seconds, progress=False)
    except FloatingPointError as error:
        broken = round(time.perf_counter() - began, 3)
        return {"seed": config.seed, "broke": str(error), "seconds": broken}
    found = asdict(summarise(judge(sample(state.averaged, CLIPS, seed=2), preset), preset))
    figures = {key: round(value, 4) for key, value in found.items()}
    return {"seed": config.seed, "steps": state.step, "seconds": log[-1]["seconds"], **figures}


def _origin(output: Path, preset: str, seconds: float, steps: int) -> Record:
    """Where the record comes from."""
    return {
        "command": f"{COMMAND} --output {output} --seconds {seconds:g} --steps {steps} "
        f"--preset {preset} --threads {torch.get_num_threads()}",
        "preset": preset,
        "seconds": seconds,
        "steps": steps,
        "clips": CLIPS,
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }


if __name__ == "__main__":
    tyro.cli(run_trials)
