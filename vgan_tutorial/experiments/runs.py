"""Record a recipe's run: train it to the end, judge it, keep what the book needs.

`python -m vgan_tutorial.experiments.runs small` makes `book/records/small` again. The run itself,
with its large checkpoint, stays in `runs/small`: an interrupted command is given once more and goes
on.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from torch import nn

from vgan_tutorial.experiments.records import (
    RECORDS,
    Record,
    check_counts,
    command_line,
    origin,
    run_command,
    save_record,
)
from vgan_tutorial.metrics import frame_change
from vgan_tutorial.oracle import judge, judged
from vgan_tutorial.recipes import Recipe, get_recipe
from vgan_tutorial.shapes import Preset
from vgan_tutorial.sprites import PARTS, SpritesJudge, sample_acts, split_characters
from vgan_tutorial.training import (
    Data,
    TrainingConfig,
    find_data,
    load_generator,
    load_stages,
    sample,
    train,
)
from vgan_tutorial.training.data import ShapesData, SpritesData
from vgan_tutorial.training.processes import processes
from vgan_tutorial.training.recording import LOG, SAMPLES
from vgan_tutorial.training.saving import CONFIG, STAGES, WEIGHTS
from vgan_tutorial.training.watching import strips
from vgan_tutorial.types import Clips

JUDGED = 1000  # clips; half as many sprites, whose judge takes its time
SEED = 5  # of their latents: not the one that the run's own judgements use


def make_record(
    name: Annotated[str, tyro.conf.Positional],
    /,
    data: str | None = None,
    output: Path | None = None,
    run: Path | None = None,
    threads: int = 1,
) -> None:
    """Train a recipe and write its record.

    The record's folder gets config.json, log.jsonl, generator.safetensors and stages/ as the run
    has them; samples/, a picture of the same clips at every stage; and record.json: where all
    this comes from, and what is counted on generated and on real clips: by the exact judge, if
    there is one, and how much they change from frame to frame.

    Args:
        name: Name of a recipe.
        data: Folder of its data, if that is not where `vgan fetch` puts it.
        output: Folder of the record; book/records/NAME by default.
        run: Folder of the run, to train in or to go on with; runs/NAME by default.
        threads: Number of the CPU's threads.
    """
    check_counts(threads=threads)
    torch.set_num_threads(threads)
    output, run = output or RECORDS / name, run or Path("runs") / name
    command = command_line("runs", name, threads=threads)
    record_run(get_recipe(name), run, output, command, data=data, threads=threads)


def record_run(
    recipe: Recipe,
    run: Path,
    output: Path,
    command: str,
    *,
    data: str | None = None,
    seconds: float | None = None,
    **settings: Any,
) -> Record:
    """Train a recipe, or go on, and write what `make_record` says.

    Args:
        recipe: Recipe to train.
        run: Folder of the run.
        output: Folder of the record.
        command: Command that makes the record.
        data: Folder of its data, if that is not where `vgan fetch` puts it.
        seconds: Time after which the run ends even if steps are left.
        settings: More that the record begins with.

    Returns:
        The record.
    """
    device = processes().device
    config = recipe.config_on(device)
    opened = find_data(data or recipe.data, recipe.split, config.size)
    source, judge_now = opened.source(config, device), opened.judge()
    state, log = train(config, source, run, judge=judge_now, seconds=seconds)
    copy_run(run, output)
    record = origin(
        command,
        device,
        recipe=recipe.name,
        **settings,
        data=recipe.data,
        seed=config.seed,
        steps=state.step,
        seconds=round(log[-1]["seconds"]),
    )
    part = "all" if recipe.split == "all" else "test"
    record |= judge_run(output, find_data(data or recipe.data, part, config.size))
    save_record(output / "record.json", record)
    return record


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


def judge_run(folder: Path, data: Data) -> dict[str, Any]:
    """What is counted on clips of the generator in a folder, and on real ones."""
    here = processes().device
    generator, config = load_generator(folder, here)
    count = JUDGED if isinstance(data, ShapesData) else JUDGED // 2
    stream = data.source(replace(config, classes=0), here)
    real = next(stream(count, torch.Generator().manual_seed(SEED)))
    made = sample(generator, count, SEED, device=here)
    counted: dict[str, Any] = {"clips": count, "judged_seed": SEED}
    if config.classes:
        counted |= told(generator, config, data)
    if (judge := data.judge()) is not None:
        if isinstance(data, ShapesData):
            counted |= {"judged": judged(made, data.preset), "real": judged(real, data.preset)}
        else:
            counted |= {"judged": judge(made), "real": judge(real)}
    return counted | {"change": _change(made), "real_change": _change(real)}


def _change(clips: Clips) -> list[float]:
    """Mean and standard deviation over clips of the change from frame to frame."""
    each = frame_change(clips)
    return [round(each.mean().item(), 5), round(each.std().item(), 5)]


def told(generator: nn.Module, config: TrainingConfig, data: Data) -> dict[str, float]:
    """Share of clips that are valid and act as the label says that their generator was given."""
    if isinstance(data, ShapesData):
        return {"told": label_accuracy(generator, data.preset)}
    if not isinstance(data, SpritesData):
        return {}
    return told_acts(generator, config, data)


def told_acts(generator: nn.Module, config: TrainingConfig, data: SpritesData) -> dict[str, float]:
    """Share of clips of sprites that show what was asked for, by factor; of characters of a part.

    A generator that is told the act alone is asked for all acts in turn.
    """
    here, count = processes().device, JUDGED // 2
    characters = split_characters(data.sheets.counts, data.part)
    acts = sample_acts(characters, count, torch.Generator().manual_seed(SEED))
    labels = acts.labels(data.sheets.counts)
    if isinstance(config.classes, int):
        labels = asked = torch.arange(count) % config.classes
    else:
        asked = acts.cell
    verdict = SpritesJudge(data.sheets)(sample(generator, count, SEED, labels=labels, device=here))
    right = verdict.acts.cell == asked.to(here)
    found = {"told": right & verdict.motion_valid, "told_if_not_valid": right}
    if not isinstance(config.classes, int):
        worn = verdict.acts.parts == acts.parts.to(here)
        found |= {f"told_{part}": worn[:, place] for place, part in enumerate(PARTS)}
        found |= {"told_everything": right & worn.all(1), "valid_held_out": verdict.valid}
    return {name: round(each.float().mean().item(), 4) for name, each in found.items()}


def label_accuracy(generator: nn.Module, preset: Preset) -> float:
    """Share of clips that are valid and move as the label says that their generator was given."""
    ordered = sorted(preset.motions)
    labels = torch.arange(JUDGED) % len(ordered)
    asked = torch.tensor([preset.motions.index(name) for name in ordered])[labels]
    here = processes().device
    verdict = judge(sample(generator, JUDGED, SEED, labels=labels, device=here), preset)
    right = verdict.motion_valid & (verdict.factors.motion == asked.to(here))
    return round(right.float().mean().item(), 4)


if __name__ == "__main__":
    run_command(make_record)
