"""The commands that train: recipes, estimate, train, resume."""

import json
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Annotated

import tyro

from vgan_tutorial.files import replace_file
from vgan_tutorial.recipes import RECIPES, get_recipe
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import Data, TrainingConfig, find_data, read_config
from vgan_tutorial.training import train as run_training
from vgan_tutorial.training.config import FREE
from vgan_tutorial.training.estimating import devices, measure_run
from vgan_tutorial.training.processes import processes
from vgan_tutorial.training.saving import CHECKPOINT, WEIGHTS

DATA = "data.json"  # in a run's folder: what it trains on
Run = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]


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
) -> None:
    """Train a video GAN, or go on where the run in RUN left off.

    RUN gets config.json (all the options below), log.jsonl (a line of figures every few steps),
    checkpoint.pt (everything that is needed to go on) and generator.safetensors (the averaged
    generator, to sample from). If asked for: samples/ (pictures of clips from fixed latents; a row
    is a clip), best.pt, older checkpoints, tensorboard/.

    Ctrl-C lets the step finish, saves, and stops. `vgan resume RUN` goes on; so does the same
    command. Stopped or not, the run is the same run: on a CPU bit for bit, on a GPU but for
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
            set from `vgan fetch`. With a preset, its frames and size replace --frames and --size;
            with a pack, its size does.
        split: Part of the data: all, train, validation, test. A data set's official lists decide,
            where there are any; otherwise clips of one group stay together.
        seconds: Stop after this long even if steps are left.
        training: Everything else that decides the run.
    """
    config = training.checked()
    opened = find_data(data, split, config.size)
    check_recipe(recipe, data, opened, config)
    _go(run, opened, split, seconds, config)


def estimate(
    recipe: str | None = None,
    data: str = "tiny",
    training: tyro.conf.OmitArgPrefixes[Options] = Options(),
) -> None:
    """Say what a run would take, from a few real steps on every device of this machine.

    Args:
        recipe: As for `vgan train`.
        data: A preset or a pack. For a recipe's data set that is not packed yet, random pixels of
            the same shape stand in.
        training: As for `vgan train`.
    """
    config = training.checked()
    try:
        opened = find_data(data, size=config.size)
    except ValueError:
        if recipe is None or data != get_recipe(recipe).data:
            raise
    else:
        check_recipe(recipe, data, opened, config)
        config = _shaped(opened, data, config)
    for device in devices():
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
    """The command, with the defaults of the recipe that the arguments name, if they name one."""
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
    given = {"recipe": name, "data": recipe.data, "training": options}
    if "split" in signature(command).parameters:
        given["split"] = recipe.split
    return partial(command, **given)


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
    config = read_config(run)
    if data is None and not (run / DATA).exists():
        raise ValueError(
            f"{run} does not say what it was trained on, as it was not made by `vgan train`: "
            "name the preset or pack with --data"
        )
    split = "all"
    if (run / DATA).exists():
        written, split = read_data(run)
        data = data or written
    assert data is not None
    longer = config if steps is None else replace(config, steps=steps)
    _go(run, find_data(data, split, config.size), split, seconds, longer)


def read_data(run: Path) -> tuple[str, str]:
    """Name and part of the data that a run was trained on, as `vgan train` wrote them down.

    Raises:
        ValueError: if the file is damaged.
    """
    try:
        content = json.loads((run / DATA).read_text(encoding="utf-8"))
        return str(content["data"]), str(content.get("split", "all"))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{run / DATA} is damaged: name the preset or pack with --data ({error!r})"
        ) from error


def _go(run: Path, data: Data, split: str, seconds: float | None, config: TrainingConfig) -> None:
    config = _shaped(data, data.name, config)
    source = data.source(config, processes().device)
    goes_on = _check_run(run, config)
    if processes().is_main_process and goes_on:
        run.mkdir(parents=True, exist_ok=True)
        replace_file(run / DATA, json.dumps({"data": data.name, "split": split}) + "\n")
    judge = data.judge() if config.judge_every else None
    state, log = run_training(config, source, run, judge=judge, seconds=seconds)
    if processes().is_main_process:
        print(f"{run}: step {state.step}, {log[-1]['seconds']:.0f} s")


def _check_run(run: Path, config: TrainingConfig) -> bool:
    """Whether a run can start or go on in this folder. `train` says what else differs.

    Raises:
        ValueError: if the folder is a file, or holds a trained generator that would be lost.
    """
    if run.exists() and not run.is_dir():
        raise ValueError(f"{run} is a file, and a run needs a folder: name another one")
    if not (run / CHECKPOINT).exists():
        if (run / WEIGHTS).exists():
            raise ValueError(
                f"{run} holds a trained generator and no checkpoint to go on from; training would "
                "overwrite it: name another folder"
            )
        return True
    before, now = asdict(read_config(run)), asdict(config)
    return all(before[name] == now[name] for name in now.keys() - FREE)


def _shaped(data: Data, name: str, config: TrainingConfig) -> TrainingConfig:
    """The configuration with the clips' shape in it.

    Raises:
        ValueError: if it has classes, and not as many as the data.
    """
    there_are = len(data.class_names)
    factors = tuple(len(factor.values) for factor in data.factors)
    if config.classes not in (0, there_are, factors):
        more = f" {' '.join(map(str, factors))} to tell them more," if len(factors) > 1 else ""
        raise ValueError(
            f"classes is {config.classes}, but {name} has {there_are}: give --classes {there_are} "
            f"to tell both players each clip's class,{more} or leave it out"
        )
    return data.shaped(config)
