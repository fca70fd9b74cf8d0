"""What a run is, said before it starts: device, data, networks, files."""

from pathlib import Path

import torch
from torch import nn

from vgan_tutorial.errors import printable
from vgan_tutorial.experiments.records import describe
from vgan_tutorial.training import Data, TrainingConfig
from vgan_tutorial.training.data import PackData, part_of
from vgan_tutorial.training.processes import process_count, processes
from vgan_tutorial.training.state import build_discriminator, build_generator


def opening(run: Path, data: Data, split: str, config: TrainingConfig) -> str:
    """A few lines on what begins, or goes on."""
    with torch.random.fork_rng(devices=[]):  # these weights are counted, and thrown away
        players = build_generator(config), build_discriminator(config)
    generator, discriminator = (f"{_parameters(player):,}" for player in players)
    together = f", {process_count()} processes" if process_count() > 1 else ""
    lines = [
        f"device         {describe(processes().device)}{together}",
        f"data           {_described(data, split)}; clips of {config.frames} frames of "
        f"{config.size} x {config.size}",
        f"generator      {config.generator}, {generator} parameters",
        f"discriminator  {config.discriminator}, {discriminator} parameters",
        f"steps          {config.steps:,} of {config.batch} clips",
        f"checkpoint     every {config.checkpoint_every:,} steps, in {printable(run)}",
    ]
    if config.tensorboard:
        lines.append(f"curves         tensorboard --logdir {_quoted(run / 'tensorboard')}")
    return "\n".join(lines)


def _described(data: Data, split: str) -> str:
    """Its name, and how many clips there are if they are counted."""
    name = printable(data.name)
    if not isinstance(data, PackData):
        return name if split == "all" else f"{name}, part {split}"
    count = len(part_of(data.folder, split))
    return f"{count:,} clips of {name}" + ("" if split == "all" else f", part {split}")


def _parameters(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


def _quoted(path: Path) -> str:
    """A path as one word of a command, for every shell."""
    text = printable(path)
    return f'"{text}"' if " " in text else text
