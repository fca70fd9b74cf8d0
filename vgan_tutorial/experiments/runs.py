"""Record a recipe's run: train it to the end, judge it, keep what the book needs.

`python -m vgan_tutorial.experiments.runs small` makes `book/records/small` again. The run itself,
with its large checkpoint, stays in `runs/small`: an interrupted command is given once more and goes
on.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from torch import nn

from vgan_tutorial.experiments.records import (
    RECORDS,
    check_counts,
    command_line,
    origin,
    run_command,
    save_record,
)
from vgan_tutorial.oracle import judge, judged
from vgan_tutorial.recipes import get_recipe
from vgan_tutorial.shapes import MovingShapes, Preset, get_preset
from vgan_tutorial.training import (
    load_generator,
    load_stages,
    sample,
    shapes_judge,
    shapes_source,
    train,
)
from vgan_tutorial.training.processes import processes
from vgan_tutorial.training.recording import LOG, SAMPLES
from vgan_tutorial.training.saving import CONFIG, STAGES, WEIGHTS
from vgan_tutorial.training.watching import strips

JUDGED = 1000  # clips
SEED = 5  # of their latents: not the one that the run's own judgements use


def make_record(
    name: Annotated[str, tyro.conf.Positional],
    /,
    output: Path | None = None,
    run: Path | None = None,
    threads: int = 1,
) -> None:
    """Train a recipe and write its record.

    The record's folder gets config.json, log.jsonl, generator.safetensors and stages/ as the run
    has them; samples/, a picture of the same clips at every stage; and record.json: where all
    this comes from, and what the exact judge counts on generated and on real clips.

    Args:
        name: Name of a recipe for Moving Shapes.
        output: Folder of the record; book/records/NAME by default.
        run: Folder of the run, to train in or to go on with; runs/NAME by default.
        threads: Number of the CPU's threads.

    Raises:
        ValueError: for a recipe whose clips the exact judge cannot read.
    """
    check_counts(threads=threads)
    recipe = get_recipe(name)
    if recipe.needs_pack:
        raise ValueError(f"the judge reads Moving Shapes, and {name} trains on {recipe.data}")
    torch.set_num_threads(threads)
    output, run = output or RECORDS / name, run or Path("runs") / name
    preset, device = get_preset(recipe.data), processes().device
    config = recipe.config_on(device)
    source = shapes_source(preset, device, labelled=config.classes > 0)
    state, log = train(config, source, run, judge=shapes_judge(preset))
    copy_run(run, output)
    record = origin(
        command_line("runs", name, threads=threads),
        device,
        recipe=name,
        threads=threads,
        data=preset.name,
        seed=config.seed,
        steps=state.step,
        seconds=round(log[-1]["seconds"]),
    )
    save_record(output / "record.json", record | judge_run(output, preset))


def copy_run(run: Path, output: Path) -> None:
    """What the book needs of a run, and pictures of its stages."""
    output.mkdir(parents=True, exist_ok=True)
    for file in (CONFIG, LOG, WEIGHTS):
        shutil.copyfile(run / file, output / file)
    if not (run / STAGES).exists():
        return
    shutil.copytree(run / STAGES, output / STAGES, dirs_exist_ok=True)
    (output / "samples").mkdir(exist_ok=True)
    for label, generator in load_stages(output):
        name = label.replace(",", "").replace(" ", "-")
        strips(sample(generator, SAMPLES)).save(output / "samples" / f"{name}.png", optimize=True)


def judge_run(folder: Path, preset: Preset) -> dict[str, Any]:
    """The exact judge's figures on clips of the generator in a folder, and on real ones."""
    generator, config = load_generator(folder)
    real, _ = MovingShapes(preset, SEED).batch(JUDGED)
    told = {"told": label_accuracy(generator, preset)} if config.classes else {}
    return told | {
        "clips": JUDGED,
        "judged_seed": SEED,
        "judged": judged(sample(generator, JUDGED, SEED), preset),
        "real": judged(real, preset),
    }


def label_accuracy(generator: nn.Module, preset: Preset) -> float:
    """Share of clips that are valid and move as the label says that their generator was given."""
    ordered = sorted(preset.motions)
    labels = torch.arange(JUDGED) % len(ordered)
    asked = torch.tensor([preset.motions.index(name) for name in ordered])[labels]
    verdict = judge(sample(generator, JUDGED, SEED, labels=labels), preset)
    right = verdict.motion_valid & (verdict.factors.motion == asked)
    return round(right.float().mean().item(), 4)


if __name__ == "__main__":
    run_command(make_record)
