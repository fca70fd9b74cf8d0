"""Unfinished games: what more steps, a falling rate and averaged weights do to samples on the ring.

`python -m vgan_tutorial.experiments.unfinished` writes the record with which chapter 2 says why so
many samples lie between the modes.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from tqdm.auto import tqdm

from vgan_tutorial.experiments.records import (
    CPU,
    RECORDS,
    Record,
    check_counts,
    command_line,
    open_record,
    origin,
    run_command,
    save_record,
)
from vgan_tutorial.experiments.toys import RECIPES, SAMPLES
from vgan_tutorial.toys.data import Shares, locate, sample_toy
from vgan_tutorial.toys.game import Game, Optimisers, Run, one_round
from vgan_tutorial.toys.players import build_mlp
from vgan_tutorial.training.step import move_average

NAMES = ("non-saturating", "relativistic + R1 + R2")
DECAY = 0.99  # of the averaged weights
KINDS = ("plain", "averaged")


class Variant(NamedTuple):
    """What is changed from game to game."""

    recipe: str
    steps: int
    falling: bool  # whether the learning rate falls to 0, along a line


def play_on(game: Game, falling: bool = False) -> dict[str, Run]:
    """Play a game as `toys.play` does, and keep an average of the generator's weights beside it.

    Args:
        game: Settings, without spectral normalisation and without snapshots.
        falling: Whether the rate falls to 0, along a line.

    Returns:
        The game with the generator as it ended ("plain") and with its average ("averaged").
    """
    rng = torch.Generator().manual_seed(game.seed)
    dimensions = sample_toy(game.data, 1, rng).shape[1]
    generator = build_mlp(game.latent, dimensions, game.width, rng)
    run = Run(game, generator, build_mlp(dimensions, 1, game.width, rng))
    # What `toys.play` draws for its log and pictures: without it the same seed is another game.
    torch.randn(300, game.latent, generator=rng), sample_toy(game.data, 300, rng)
    optimisers = Optimisers(_adam(run.generator, game), _adam(run.discriminator, game))
    average = copy.deepcopy(generator)
    for step in range(game.steps):
        if falling:
            _set_rate(optimisers, game.rate * (1 - step / game.steps))
        one_round(run, optimisers, rng)
        move_average(average, generator, 1 - DECAY)
    return {"plain": run, "averaged": replace(run, generator=average)}


def _adam(player: nn.Module, game: Game) -> torch.optim.Optimizer:
    return torch.optim.Adam(player.parameters(), lr=game.rate, betas=game.betas, fused=True)


def _set_rate(optimisers: Optimisers, rate: float) -> None:
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate


def make_record(
    output: Path = RECORDS / "toys/unfinished.json",
    seeds: int = 2,
    first_seed: int = 10,
    steps: int = 1000,
    more_steps: int = 4000,
) -> None:
    """Say where the samples of longer and calmer games lie, for several seeds.

    The file is written after every game, and games that it holds are not played again.

    Args:
        output: JSON file to write, or to go on with.
        seeds: Number of games of each variant.
        first_seed: Seed of the first of them.
        steps: Number of the generator's steps in a short game.
        more_steps: Number of the generator's steps in a long game.

    Raises:
        ValueError: if the file holds games of other settings.
    """
    check_counts(seeds=seeds, steps=steps, more_steps=more_steps)
    torch.set_num_threads(1)  # the networks are too small for a second thread to help
    chosen = range(first_seed, first_seed + seeds)
    record = open_record(output, _begun(output, chosen, steps, more_steps))
    variants = [Variant(*each) for each in product(NAMES, (steps, more_steps), (False, True))]
    rows = record.setdefault("rows", [_start(variant) for variant in variants])
    games = [(row, seed) for row in rows for seed in chosen]
    for row, seed in tqdm(games, desc="games"):
        if len(row["plain"]["good"]) > seed - first_seed:
            continue  # played before the last interruption
        game = replace(RECIPES[row["recipe"]], steps=row["steps"], seed=seed)
        for kind, run in play_on(game, row["falling"]).items():
            _note(row[kind], locate(run.sample(SAMPLES)))
        save_record(output, record)


def _start(variant: Variant) -> dict[str, Any]:
    """A variant of which no game was played."""
    return variant._asdict() | {kind: {name: [] for name in Shares._fields} for kind in KINDS}


def _note(shares: dict[str, list[float]], found: Shares) -> None:
    for name, share in found._asdict().items():
        shares[name].append(round(share, 4))


def _begun(output: Path, seeds: range, steps: int, more_steps: int) -> Record:
    """Where the record comes from."""
    options = {
        "seeds": len(seeds),
        "first_seed": seeds.start,
        "steps": steps,
        "more_steps": more_steps,
    }
    return origin(
        command_line("unfinished", output=output, **options),
        CPU,
        threads=torch.get_num_threads(),
        samples=SAMPLES,
        decay=DECAY,
        seeds=list(seeds),
        settings={name: _settings(RECIPES[name]) for name in NAMES},
    )


def _settings(game: Game) -> dict[str, Any]:
    """What all games of a recipe share."""
    varied = ("seed", "steps", "snapshots")
    return {name: value for name, value in asdict(game).items() if name not in varied}


if __name__ == "__main__":
    run_command(make_record)
