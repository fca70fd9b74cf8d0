"""Record a recipe's run: train it to the end, judge it, keep what the book needs.

`python -m vgan_tutorial.experiments.runs small` makes `book/records/small` again. The run itself,
with its large checkpoint, stays in `runs/small`: an interrupted command is given once more and goes
on.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from jaxtyping import Float
from torch import Tensor, nn

from vgan_tutorial.experiments.records import run_command, save_record, versions
from vgan_tutorial.oracle import judge, summarise
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

RECORD = "record.json"
JUDGED = 1000  # clips
SEED = 5  # of their latents: not the one that the run's own judgements use


def record(
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
        name: Of a recipe for Moving Shapes.
        output: Folder of the record; book/records/NAME by default.
        run: Folder of the run, to train in or to go on with; runs/NAME by default.
        threads: Of the CPU.

    Raises:
        ValueError: for a recipe whose clips the exact judge cannot read.
    """
    recipe = get_recipe(name)
    if recipe.needs_pack:
        raise ValueError(f"the judge reads Moving Shapes, and {name} trains on {recipe.data}")
    torch.set_num_threads(threads)
    output, run = output or Path("book/records") / name, run or Path("runs") / name
    preset, device = get_preset(recipe.data), processes().device
    config = recipe.config_on(device)
    source = shapes_source(preset, device, labelled=config.classes > 0)
    state, log = train(config, source, run, judge=shapes_judge(preset))
    copy_run(run, output)
    content: dict[str, Any] = {
        "recipe": name,
        "command": f"python -m vgan_tutorial.experiments.runs {name} --threads {threads}",
        "commit": commit(),
        "device": describe(device),
        "threads": threads,
        "versions": versions(),
        "data": preset.name,
        "seed": config.seed,
        "steps": state.step,
        "seconds": round(log[-1]["seconds"]),
    }
    save_record(output / RECORD, content | judged(output, preset))


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


def judged(folder: Path, preset: Preset) -> dict[str, Any]:
    """The exact judge's figures on clips of the generator in a folder, and on real ones."""
    generator, config = load_generator(folder)
    real, _ = MovingShapes(preset, SEED).batch(JUDGED)
    told = {"told": obedience(generator, preset)} if config.classes else {}
    return told | {
        "clips": JUDGED,
        "judged_seed": SEED,
        "judged": figures(sample(generator, JUDGED, SEED), preset),
        "real": figures(real, preset),
    }


def obedience(generator: nn.Module, preset: Preset) -> float:
    """Share of clips that are valid and move as the class asks that their generator was told."""
    ordered = sorted(preset.motions)
    labels = torch.arange(JUDGED) % len(ordered)
    asked = torch.tensor([preset.motions.index(name) for name in ordered])[labels]
    verdict = judge(sample(generator, JUDGED, SEED, labels=labels), preset)
    return round(
        (verdict.motion_valid & (verdict.factors.motion == asked)).float().mean().item(), 4
    )


def figures(
    clips: Float[Tensor, "count 3 time height width"], preset: Preset
) -> dict[str, int | float]:
    """All that the judge counts, rounded."""
    return {
        name: round(each, 4)
        for name, each in asdict(summarise(judge(clips, preset), preset)).items()
    }


def commit() -> str | None:
    """The version of the source: git's name of it, and whether files were changed since."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # installed without its repository
    return found.stdout.strip()


def describe(device: torch.device) -> str:
    """A device in words."""
    if device.type == "cpu":
        return f"cpu {platform.machine()}"
    return f"{device.type} {torch.get_device_module(device).get_device_name()}"


if __name__ == "__main__":
    run_command(record)
