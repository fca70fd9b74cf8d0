"""The commands that train: recipes, estimate, train, resume."""

import importlib.util
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro

from vgan_tutorial.cli.folders import Before, changes, check_data, held, look, write_trained
from vgan_tutorial.cli.general import device_is_chosen
from vgan_tutorial.cli.opening import opening
from vgan_tutorial.recipes import RECIPES, get_recipe
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import (
    Data,
    Judge,
    TrainingConfig,
    find_data,
    load_checkpoint,
    save_generator,
)
from vgan_tutorial.training import train as run_training
from vgan_tutorial.training.config import FREE
from vgan_tutorial.training.estimating import devices, measure_run
from vgan_tutorial.training.processes import processes
from vgan_tutorial.training.recording import check_same
from vgan_tutorial.training.saving import CHECKPOINT

Run = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
Given = tyro.conf.Suppress[tuple[str, ...]]  # names of the options that were typed


@dataclass(frozen=True)
class Options(TrainingConfig):
    """A configuration as it was typed: checked by the command, whose errors are one line."""

    def __post_init__(self) -> None:
        """Leave the checks to `checked`: tyro would draw a box around what they raise."""

    def checked(self) -> TrainingConfig:
        """The same configuration.

        Raises:
            ValueError: as `TrainingConfig` does.
        """
        return TrainingConfig(**asdict(self))


def train(
    run: Run,
    /,
    recipe: str | None = None,
    data: str = "tiny",
    split: str = "all",
    seconds: float | None = None,
    training: tyro.conf.OmitArgPrefixes[Options] = Options(),
    given: Given = (),
) -> None:
    """Train a video GAN, or go on where the run in RUN left off.

    RUN gets config.json (all the options below), log.jsonl (a line of figures every few steps),
    checkpoint.pt (everything that is needed to go on) and generator.safetensors (the averaged
    generator, to sample from). If asked for: samples/ (pictures of clips from fixed latents; a row
    is a clip), best.pt, older checkpoints, tensorboard/.

    Ctrl-C lets the step finish, saves, and stops. `vgan resume RUN` goes on; so does the same
    command. What it does not say is as RUN has it; the data, the networks and the game must not
    change. Stopped or not, the run is the same run: on a CPU bit for bit, on a GPU but for
    rounding.

    What to look at: the losses only say whether one player has won. For Moving Shapes and sprites
    let the exact judge count (--judge-every 500 --best validity); for your own videos look at
    samples/ (--sample-every 500).

    Several GPUs or machines: accelerate launch --multi-gpu -m vgan_tutorial.cli train RUN …

    How long it will take, before you start: vgan estimate, with the same options.

    Args:
        run: Folder of the run.
        recipe: Take what is not given here from one of the recipes that `vgan recipes` lists. With
            it this help shows the recipe's values.
        data: A preset of Moving Shapes (tiny, small, full), a pack made by `vgan pack`, or a data
            set from `vgan fetch`. A preset decides --frames and --size, a pack --size.
        split: Part of the data: all, train, validation, test. A data set's official lists decide,
            where there are any; otherwise clips of one group stay together.
        seconds: Stop after this long even if steps are left.
        training: Everything else that decides the run.
        given: Names of the options that were typed.
    """
    with held(run):
        before = look(run)
        if before is not None:  # what was not typed is as the run has it
            kept = FREE if recipe else {field.name for field in fields(training)}
            old = {name: getattr(before.config, name) for name in kept - set(given)}
            training = replace(training, **old)
            if before.trained is None and "data" not in given:
                raise ValueError(before.unknown)
            if before.trained is not None and recipe is None:
                data = data if "data" in given else before.trained.data
                split = split if "split" in given else before.trained.split
        config = training.checked()
        opened = find_data(data, split, config.size)
        check_recipe(recipe, data, opened, config)
        _go(run, before, opened, split, seconds, config, given)


def estimate(
    recipe: str | None = None,
    data: str = "tiny",
    training: tyro.conf.OmitArgPrefixes[Options] = Options(),
    given: Given = (),
) -> None:
    """Say what a run would take, from a few real steps on every device of this machine.

    Args:
        recipe: As for `vgan train`.
        data: A preset or a pack. For a recipe's data set that is not packed yet, random pixels of
            the same shape stand in.
        training: As for `vgan train`.
        given: As for `vgan train`.
    """
    config = training.checked()
    try:
        opened = find_data(data, size=config.size)
    except ValueError:
        if recipe is None or data != get_recipe(recipe).data:
            raise
        print(f"{data} is not here yet; clips of random pixels stand in")
    else:
        check_recipe(recipe, data, opened, config)
        config = _shaped(opened, config, given)
    for device in [processes().device] if device_is_chosen() else devices():
        print(f"{device}: timing a step", file=sys.stderr, flush=True)
        print(measure_run(config, device))


def recipes() -> None:
    """List the recipes that `vgan train RUN --recipe NAME` knows."""
    for name in RECIPES:
        recipe = get_recipe(name)
        about = textwrap.fill(recipe.about, 76, initial_indent="    ", subsequent_indent="    ")
        print(f"{name}\n{about}")
        if recipe.needs_fetching:
            print(f"    first: vgan fetch {recipe.data} --size {recipe.config.size}")


def with_recipe(command: Callable[..., None], arguments: Sequence[str]) -> Callable[..., None]:
    """The command, told what was typed, with the defaults of the recipe named, if one is named."""
    command = partial(command, given=_typed(arguments))
    name = None
    for place, argument in enumerate(arguments):
        if argument == "--recipe":
            name = next(iter(arguments[place + 1 :]), None)
        elif argument.startswith("--recipe="):
            name = argument.removeprefix("--recipe=")
    if name is None:
        return command
    recipe = get_recipe(name)
    options = Options(**asdict(recipe.config_on(processes().device)))
    told: dict[str, Any] = {"recipe": name, "data": recipe.data, "training": options}
    if "split" in signature(command).parameters:
        told["split"] = recipe.split
    return partial(command, **told)


def _typed(arguments: Sequence[str]) -> tuple[str, ...]:
    """Names of the options among the arguments."""
    words = [word[2:].split("=")[0].replace("-", "_") for word in arguments if word[:2] == "--"]
    return tuple(word.removeprefix("no_") for word in words)


def check_recipe(name: str | None, data: str, opened: Data, config: TrainingConfig) -> None:
    """Refuse clips of another size than a recipe's, before anything takes long.

    Raises:
        ValueError: if the data is packed at another size.
    """
    if name is None or data in PRESETS:
        return
    size = opened.shaped(config).size
    if size != config.size:
        raise ValueError(
            f"the recipe {name} wants clips of {config.size} pixels, and those in {data} have "
            f"{size}: pack again with --size {config.size}, or give --size {size} too"
        )


def resume(
    run: Run,
    /,
    steps: int | None = None,
    seconds: float | None = None,
    data: str | None = None,
) -> None:
    """Go on with a run where its last checkpoint left off; its folder says how it was made.

    Args:
        run: Folder of the run.
        steps: New number of steps, counted from the run's beginning: lengthens a finished run.
        seconds: Stop after this long even if steps are left.
        data: Where the data is, if it has moved.
    """
    if not run.is_dir():
        raise ValueError(f"{run}: there is no such folder, so there is no run to go on with")
    with held(run):
        before = look(run)
        if before is None:
            raise ValueError(
                f"{run} holds no {CHECKPOINT}, so there is nothing to go on from: `vgan train` "
                "begins a run"
            )
        if before.trained is None and data is None:
            raise ValueError(before.unknown)
        trained = before.trained
        name, split = (trained.data, trained.split) if trained else ("", "all")
        config = before.config if steps is None else replace(before.config, steps=steps)
        _go(run, before, find_data(data or name, split, config.size), split, seconds, config)


def _go(
    run: Path,
    before: Before | None,
    data: Data,
    split: str,
    seconds: float | None,
    config: TrainingConfig,
    given: Sequence[str] = (),
) -> None:
    """Train. Everything is looked at before the first file of the run is written."""
    if seconds is not None and not seconds > 0:
        raise ValueError(f"seconds is {seconds:g}; it must be positive")
    if before is not None:
        check_data(run, before, data, split)
    config = _shaped(data, config, given)
    source = data.source(config, processes().device)
    judge = _judge(run, data, config)
    if config.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise ValueError(
            "tensorboard is not installed: pip install 'vgan-tutorial[tensorboard]', or train "
            "without it; log.jsonl holds the same figures"
        )
    if before is not None:
        check_same(run, before.config, config)
        if config.steps < before.step:
            raise ValueError(
                f"{run} is at step {before.step} already, and steps is {config.steps}: steps are "
                "counted from the run's beginning, so give more"
            )
    main = processes().is_main_process
    if before is not None and config.steps == before.step:
        if main:  # the command may have been killed between the last checkpoint and this
            save_generator(run, load_checkpoint(run / CHECKPOINT)[0], config)
            print(f"{run}: all of its {before.step} steps are done; more --steps lengthen it")
        return
    if main:
        write_trained(run, data, split)
        if before is not None:
            told = [f"goes on from step {before.step}", *changes(before.config, config)]
            print(f"{run}: {'; '.join(told)}")
        print(opening(run, data, split, config))
    state, log = run_training(config, source, run, judge=judge, seconds=seconds)
    if main:
        print(f"{run}: step {state.step}, {log[-1]['seconds']:.0f} s")


def _judge(run: Path, data: Data, config: TrainingConfig) -> Judge | None:
    """The judge, if one is wanted; it is tried, to see what figures it gives.

    Raises:
        ValueError: if there is none, or if it does not give the one that decides which is best.
    """
    if not config.judge_every:
        return None
    judge = data.judge()
    if judge is None:
        raise ValueError(
            f"judge_every is set, and nothing can judge clips of {data.name} exactly: give "
            f"--judge-every 0 (for a run that has begun: vgan train {run} --judge-every 0)"
        )
    best = config.best.removeprefix("-")
    losses = {"generator_loss", "discriminator_loss", "accuracy"}
    if best and best not in losses:
        shape = (2, 3, config.frames, config.size, config.size)
        figures = judge(torch.zeros(shape, device=processes().device))
        if best not in figures:
            raise ValueError(
                f"best is {best!r}, which is not a figure of the judge; choose one of "
                f"{', '.join(figures)}"
            )
    return judge


def _shaped(data: Data, config: TrainingConfig, given: Sequence[str]) -> TrainingConfig:
    """The configuration with the clips' shape in it.

    Raises:
        ValueError: if it has classes, and not as many as the data; or if another shape was asked
            for than the data has.
    """
    there_are = len(data.class_names)
    factors = tuple(len(factor.values) for factor in data.factors)
    if config.classes not in (0, there_are, factors):
        more = f" {' '.join(map(str, factors))} to tell them more," if len(factors) > 1 else ""
        raise ValueError(
            f"classes is {config.classes}, but {data.name} has {there_are}: give --classes "
            f"{there_are} to tell both players each clip's class,{more} or --classes 0 to tell "
            "neither"
        )
    shaped = data.shaped(config)
    for name in {"frames", "size"} & set(given):
        asked, there = getattr(config, name), getattr(shaped, name)
        if asked != there:
            raise ValueError(
                f"{name} is {asked}, and clips of {data.name} have {name} {there}: leave --{name} "
                "out, or name other data"
            )
    return shaped
