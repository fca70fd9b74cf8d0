"""What a step of every recipe costs: the table of the chapter on full training.

`python -m vgan_tutorial.experiments.step_costs --output book/records/recipes/cpu.json` takes a few
steps of each recipe on this machine's best device. All take the same few clips a step, so that a
laptop can measure them all; the recipes' own batches are larger.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from vgan_tutorial.experiments.records import (
    Record,
    check_counts,
    command_line,
    open_record,
    origin,
    run_command,
    save_record,
)
from vgan_tutorial.recipes import RECIPES, get_recipe
from vgan_tutorial.training import start
from vgan_tutorial.training.estimating import measure_run
from vgan_tutorial.training.processes import processes


def measure(name: str, clips: int, rounds: int) -> dict[str, int | float]:
    """Parameters of both players, seconds of a step, and memory."""
    device = processes().device
    config = replace(get_recipe(name).config_on(device), batch=clips, accumulate=1)
    state, found = start(config, device), measure_run(config, device, rounds)
    networks = (state.generator, state.discriminator)
    return {
        "parameters": sum(each.numel() for net in networks for each in net.parameters()),
        "seconds_per_step": round(found.seconds_per_step, 4),
        "mebibytes": round(found.peak_mebibytes, 1),
    }


def make_record(output: Path, clips: int = 4, rounds: int = 2, threads: int = 1) -> None:
    """Measure every recipe and write the record.

    The record is saved after every recipe, and those that it holds are not measured again.

    Args:
        output: JSON file to write, or to go on with.
        clips: Number of clips in a step.
        rounds: Number of rounds of a cycle of steps, after one that warms up; the quickest counts.
        threads: Number of the CPU's threads.

    Raises:
        ValueError: if the file holds results of other settings.
    """
    check_counts(clips=clips, rounds=rounds, threads=threads)
    torch.set_num_threads(threads)
    settings: Record = {"clips": clips, "rounds": rounds, "threads": threads}
    command = command_line("step_costs", output=output, **settings)
    record = open_record(output, origin(command, **settings))
    rows = record.setdefault("recipes", {})
    for name in RECIPES:
        if name not in rows:
            rows[name] = measure(name, clips, rounds)
            save_record(output, record)
            print(name, rows[name], flush=True)


if __name__ == "__main__":
    run_command(make_record)
