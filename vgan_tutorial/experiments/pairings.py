"""A comparison under one budget: who paints with whom, and what the exact judge says of it.

`python -m vgan_tutorial.experiments.pairings` writes the record that the book shows. Every pair of
a generator and a discriminator trains on the same clips, with the same loss, optimiser and batch,
and is judged twice: after the same number of steps, and after the same time of one processor.

The networks are as wide as makes their arithmetic comparable, not as wide as published. So this
compares wirings at a small size and under one recipe; it ranks no papers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from torch import Tensor, nn
from tqdm.auto import tqdm

from vgan_tutorial.discriminators import (
    ArticleDiscriminator,
    DualDiscriminator,
    MoCoGANDiscriminator,
    PatchDiscriminator,
    ResidualDiscriminator,
    StackedDiscriminator,
    TGANDiscriminator,
    VideoDiscriminator,
)
from vgan_tutorial.experiments.meters import LiveTensors
from vgan_tutorial.experiments.records import (
    CPU,
    Record,
    add_tensors,
    check_counts,
    check_names,
    command_line,
    open_record,
    origin,
    run_command,
    save_record,
)
from vgan_tutorial.generators import (
    ArticleGenerator,
    CompletedArticleGenerator,
    ContentMotionGenerator,
    DCGANGenerator,
    MoCoGANGenerator,
    ResidualGenerator,
    TGANGenerator,
    VGANGenerator,
)
from vgan_tutorial.oracle import judged
from vgan_tutorial.pixels import to_uint8
from vgan_tutorial.shapes import Preset, draw_batch, get_preset
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.sampling import sample
from vgan_tutorial.training.state import TrainingState, start
from vgan_tutorial.training.step import train_step


@dataclass(frozen=True)
class Pairing:
    """Two players, and what the book says of them."""

    generator: Callable[..., nn.Module]  # takes `frames` and `size`
    discriminator: Callable[..., nn.Module]  # likewise
    says: str

    def start(self, config: TrainingConfig) -> TrainingState:
        """A fresh pair of players in the state of a run, with weights drawn from its seed."""
        shape = {"frames": config.frames, "size": config.size}
        with torch.random.fork_rng(devices=[]):  # PyTorch's own first weights use the global state
            players = self.generator(**shape), self.discriminator(**shape)
        return start(config, CPU, players=players)


VGAN_CRITIC = partial(VideoDiscriminator, channels=24)
STACKED = StackedDiscriminator
UNNORMALISED = partial(VideoDiscriminator, channels=24, normalisation="none", hidden=128)

PAIRINGS: dict[str, Pairing] = {
    "article + article": Pairing(
        partial(ArticleGenerator, channels=16),
        partial(ArticleDiscriminator, channels=16),
        "warns: a pixel sees a patch, a frame no other frame",
    ),
    "article completed + article": Pairing(
        partial(CompletedArticleGenerator, channels=16),
        partial(ArticleDiscriminator, channels=16),
        "warns: a frame sees no other frame",
    ),
    "DCGAN + patch": Pairing(
        partial(DCGANGenerator, channels=32),
        partial(PatchDiscriminator, channels=16),
        "warns: pictures, one by one",
    ),
    "DCGAN + stacked": Pairing(
        partial(DCGANGenerator, channels=32),
        STACKED,
        "warns: a critic of motion, and nobody who could move",
    ),
    "VGAN one stream + VGAN": Pairing(
        partial(VGANGenerator, channels=32, streams=1), VGAN_CRITIC, "published"
    ),
    "VGAN + VGAN": Pairing(partial(VGANGenerator, channels=32), VGAN_CRITIC, "published"),
    "TGAN + TGAN": Pairing(
        partial(TGANGenerator, channels=16), partial(TGANDiscriminator, channels=24), "published"
    ),
    "MoCoGAN + MoCoGAN": Pairing(
        partial(MoCoGANGenerator, channels=32, classes=3),
        partial(MoCoGANDiscriminator, channels=12),
        "published",
    ),
    "residual + residual": Pairing(
        partial(ResidualGenerator, channels=8),
        partial(ResidualDiscriminator, channels=8),
        "for real footage and much more time",
    ),
    "content-motion + article": Pairing(
        ContentMotionGenerator,
        partial(ArticleDiscriminator, channels=16),
        "warns: nobody looks at motion",
    ),
    "content-motion + VGAN": Pairing(
        ContentMotionGenerator, VGAN_CRITIC, "warns: batch normalisation under a penalty"
    ),
    "content-motion + 3-D": Pairing(ContentMotionGenerator, UNNORMALISED, "a fair second"),
    "content-motion + dual": Pairing(
        ContentMotionGenerator, DualDiscriminator, "recommends for larger clips"
    ),
    "content-motion + stacked": Pairing(ContentMotionGenerator, STACKED, "recommends"),
    "smooth content-motion + stacked": Pairing(
        partial(ContentMotionGenerator, kinds=1, moves=1), STACKED, "warns: no choices"
    ),
}
CLIPS = 200  # judged each time
SHOWN = 4  # clips kept beside the record of each pairing's first run: uint8, the first ones drawn
# The settings that all pairings train with, beside the budget.
SHARED = ("loss", "batch", "learning_rate", "betas", "penalty", "penalty_every")


def make_record(
    output: Path,
    names: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = (),
    seeds: int = 3,
    seconds: float = 30.0,
    steps: int = 300,
    batch: int = 16,
    preset: str = "tiny",
) -> None:
    """Train every pairing with every seed and write what the judge counts.

    The record is saved after every run, and runs that it holds already are not made again: an
    interrupted command is given once more. All pairings run with one seed before any with the
    next, so that an unfinished record can be read too.

    Args:
        output: JSON file to write, or to go on with; clips are kept beside it.
        names: Name of a pairing, each after its own --names; all of them by default.
        seeds: Number of runs of each pairing, with seeds 0, 1, ….
        seconds: Processor time that a run may train, drawing and judging not counted.
        steps: Number of steps after which a run is judged too, if it gets there in time.
        batch: Number of clips in a step.
        preset: Name of a preset of Moving Shapes.

    Raises:
        ValueError: if a name is no pairing's, or the file holds runs of other settings.
    """
    check_counts(seeds=seeds, seconds=seconds, steps=steps, batch=batch)
    check_names("pairing", names, PAIRINGS)
    torch.set_num_threads(1)
    wanted = names or tuple(PAIRINGS)
    shape = get_preset(preset)
    settings = TrainingConfig(
        frames=shape.frames, size=shape.size, batch=batch, penalty=1.0, log_every=1
    )
    budget: Record = {"seconds": seconds, "steps": steps}
    record = open_record(
        output,
        origin(
            command_line("pairings", output=output, **budget, batch=batch, preset=preset),
            CPU,
            **budget,
            preset=preset,
            clips=CLIPS,
            threads=1,
            training={name: getattr(settings, name) for name in SHARED},
        ),
    )
    pairings = record.setdefault("pairings", {})
    runs = [(name, seed) for seed in range(seeds) for name in wanted]
    for name, seed in tqdm(runs, desc="pairings"):
        if name not in pairings:
            pairings[name] = {"says": PAIRINGS[name].says, **_costs(name, settings), "runs": []}
        if seed < len(pairings[name]["runs"]):
            continue
        run, clips = _run(name, settings, seed, seconds, steps, shape)
        pairings[name]["runs"].append(run)
        if seed == 0:
            add_tensors(output, {name: clips})
        save_record(output, record)


def build(name: str, settings: TrainingConfig, seed: int) -> TrainingState:
    """A fresh pair of players in the state of a run, with weights drawn from the seed."""
    return PAIRINGS[name].start(replace(settings, seed=seed))


def _run(
    name: str,
    settings: TrainingConfig,
    seed: int,
    seconds: float,
    steps: int,
    preset: Preset,
) -> tuple[dict[str, Any], Tensor]:
    """One run, judged at both ends of the budget; and the first clips that it makes at the end."""
    state = build(name, settings, seed)
    source = _clips(preset, settings.batch, torch.Generator().manual_seed(seed))
    run: dict[str, Any] = {"seed": seed, "at_steps": None}
    spent = 0.0
    while spent < seconds and "broke" not in run:
        real = next(source)
        began = time.process_time()
        figures = train_step(state, real, settings)
        spent += time.process_time() - began
        if not all(bool(figure.isfinite()) for figure in figures.values()):
            run["broke"] = f"a loss is not finite at step {state.step}"
        elif state.step == steps:
            run["at_steps"] = {"seconds": round(spent, 2), **_judged(state, preset)}
    run |= {"steps": state.step, "seconds": round(spent, 2)}
    run["seconds_per_step"] = round(spent / state.step, 4)
    clips = sample(state.averaged, SHOWN, seed=2)
    if "broke" not in run:
        run["at_seconds"] = _judged(state, preset)
    return run, to_uint8(clips.nan_to_num())


def _clips(
    preset: Preset, batch: int, randomness: torch.Generator, step: int = 0
) -> Iterator[Tensor]:
    while True:
        yield draw_batch(preset, batch, randomness)[0]


def _judged(state: TrainingState, preset: Preset) -> dict[str, int | float]:
    found = judged(sample(state.averaged, CLIPS, seed=2), preset)
    return {name: figure for name, figure in found.items() if name != "clips"}


# What a pairing costs ---------------------------------------------------------------------------


def _costs(name: str, settings: TrainingConfig) -> Record:
    """Parameters of both players, and the memory of two steps, one of them with penalties."""
    shape = (settings.batch, 3, settings.frames, settings.size, settings.size)
    real = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with LiveTensors() as live:
        state = build(name, settings, seed=0)
        for _ in range(2):
            train_step(state, real, settings)
    counts = [
        sum(parameter.numel() for parameter in network.parameters())
        for network in (state.generator, state.discriminator)
    ]
    return {
        "generator_parameters": counts[0],
        "discriminator_parameters": counts[1],
        "megabytes": round(live.peak / 1e6, 1),
    }


if __name__ == "__main__":
    run_command(make_record)
