"""The toys: losses and restraints on the ring, with several seeds, and the modes that they hit.

`python -m vgan_tutorial.experiments.toys` writes the record that chapters 2 and 7 read.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
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
from vgan_tutorial.toys.data import count_modes
from vgan_tutorial.toys.game import Game, play

# One row of chapter 2's table each: the losses that it teaches alone, then every restraint with the
# loss that its paper proposes it for. Another loss may join, and need not. Critics of the
# Wasserstein game get three steps (five in its papers).
RECIPES: dict[str, Game] = {
    "minimax": Game(loss="minimax"),
    "non-saturating": Game(loss="non-saturating"),
    "one-sided-smoothing": Game(loss="one-sided-smoothing"),
    "two-sided-smoothing": Game(loss="two-sided-smoothing"),
    "least-squares": Game(loss="least-squares"),
    "hinge": Game(loss="hinge"),
    "relativistic": Game(loss="relativistic"),
    "wasserstein": Game(loss="wasserstein", discriminator_steps=3),
    "wasserstein + clipping": Game(
        loss="wasserstein", restraint="clip", strength=0.1, discriminator_steps=3
    ),
    "wasserstein + penalty": Game(
        loss="wasserstein", restraint="gp", strength=1.0, discriminator_steps=3
    ),
    "wasserstein + one-sided penalty": Game(
        loss="wasserstein", restraint="gp-one-sided", strength=1.0, discriminator_steps=3
    ),
    "hinge + spectral normalisation": Game(loss="hinge", restraint="spectral"),
    "non-saturating + R1": Game(loss="non-saturating", restraint="r1", strength=0.02),
    "relativistic + R1 + R2": Game(loss="relativistic", restraint="r1+r2", strength=0.02),
}
# Every recipe plays under the optimiser that suits GANs, and a few under Adam as it comes.
OPTIMISERS = {"calm": (0.5, 0.9), "momentum": (0.9, 0.999)}
WITH_MOMENTUM = ("non-saturating", "wasserstein + penalty", "relativistic + R1 + R2")
SAMPLES = 2000


def make_record(
    output: Path = RECORDS / "toys/modes.json",
    seeds: int = 5,
    first_seed: int = 10,
    steps: int = 1000,
    cost_rounds: int = 7,
) -> None:
    """Count the modes that every recipe hits, for several seeds, and measure its cost.

    The file is written after every game, and games that it holds are not played again.

    Args:
        output: JSON file to write, or to go on with.
        seeds: Number of games of each recipe and optimiser.
        first_seed: Seed of the first of them; not 0 or 1, which chose the recipes' settings.
        steps: Number of the generator's steps in a game.
        cost_rounds: Number of repetitions of the cost measurement.

    Raises:
        ValueError: if the file holds games of other settings.
    """
    check_counts(seeds=seeds, steps=steps, cost_rounds=cost_rounds)
    torch.set_num_threads(1)  # the networks are too small for a second thread to help
    chosen = range(first_seed, first_seed + seeds)
    record = open_record(output, _begun(output, chosen, steps))
    rows = record["recipes"] = _start(steps) | record.get("recipes", {})
    games = [(name, kind, number) for name in RECIPES for kind in _kinds(name) for number in chosen]
    for name, kind, seed in tqdm(games, desc="games"):
        counts = rows[name][kind]
        if len(counts["modes"]) > seed - first_seed:
            continue  # played before the last interruption
        game = replace(RECIPES[name], seed=seed, steps=steps, betas=OPTIMISERS[kind])
        coverage = count_modes(play(game).sample(SAMPLES))
        counts["modes"].append(coverage.modes)
        counts["good"].append(round(coverage.good, 3))
        save_record(output, record)
    if not all("milliseconds" in rows[name] for name in RECIPES):
        for name, cost in measure_costs(rounds=cost_rounds).items():
            rows[name]["milliseconds"] = round(cost, 2)
        save_record(output, record)


def _kinds(name: str) -> list[str]:
    return ["calm", "momentum"] if name in WITH_MOMENTUM else ["calm"]


def _start(steps: int) -> dict[str, dict[str, Any]]:
    """Every recipe with its settings, and no game played."""
    return {
        name: {"settings": _settings(game, steps)}
        | {kind: {"modes": [], "good": []} for kind in _kinds(name)}
        for name, game in RECIPES.items()
    }


def _settings(game: Game, steps: int) -> dict[str, Any]:
    """What all games of a recipe share."""
    settings = asdict(replace(game, steps=steps))
    return {name: value for name, value in settings.items() if name not in ("seed", "betas")}


def measure_costs(steps: int = 60, rounds: int = 7) -> dict[str, float]:
    """Milliseconds of processor time for one round of each recipe, the fastest of several games.

    The recipes take turns, so that a busy moment of the machine does not fall on one of them.
    """
    best = dict.fromkeys(RECIPES, float("inf"))
    for _ in range(rounds):
        for name, game in RECIPES.items():
            best[name] = min(best[name], 1000 * _seconds(game, steps) / steps)
    return best


def _seconds(game: Game, steps: int) -> float:
    start = time.process_time()
    play(replace(game, steps=steps))
    return time.process_time() - start


def _begun(output: Path, seeds: range, steps: int) -> Record:
    """Where the record comes from."""
    options = {"seeds": len(seeds), "first_seed": seeds.start, "steps": steps}
    return origin(
        command_line("toys", output=output, **options),
        CPU,
        threads=torch.get_num_threads(),
        samples=SAMPLES,
        optimisers=OPTIMISERS,
        seeds=list(seeds),
    )


if __name__ == "__main__":
    run_command(make_record)
