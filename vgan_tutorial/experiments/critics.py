"""What each critic can see, how steep it gets, and what its features know. Measured, as a record.

`python -m vgan_tutorial.experiments.critics` writes the record that the chapter on discriminators
reads. It asks two things. Can a fresh critic learn to tell real clips from damaged ones, and how
steep is it then? And can a linear layer read a clip's class from the features of a critic that has
only ever played against a generator?
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from vgan_tutorial.discriminators import (
    ArticleDiscriminator,
    MoCoGANDiscriminator,
    PatchDiscriminator,
    StackedDiscriminator,
    VideoDiscriminator,
)
from vgan_tutorial.experiments.pairings import build as build_pair
from vgan_tutorial.experiments.records import (
    CPU,
    Record,
    check_counts,
    command_line,
    open_record,
    origin,
    run_command,
    save_record,
)
from vgan_tutorial.layers import initialise
from vgan_tutorial.losses import ADVERSARIAL_LOSSES, total_score
from vgan_tutorial.metrics.diagnostics import linear_probe, right_answers, steepest
from vgan_tutorial.oracle import DAMAGES, Damage
from vgan_tutorial.shapes import MovingShapes, Preset, get_preset
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.step import train_step

_3D = partial(VideoDiscriminator, channels=16, normalisation="none")
CRITICS: dict[str, Callable[..., nn.Module]] = {
    "frame by frame": partial(ArticleDiscriminator, channels=16),
    "patches": partial(PatchDiscriminator, channels=16, normalisation="none"),
    "3-D": _3D,
    "3-D, spectral": partial(_3D, spectral=True),
    "frame and clip": partial(MoCoGANDiscriminator, channels=12),
    "stacked": partial(StackedDiscriminator, channels=16),
}
# The pairings of the comparison whose critics are probed.
PROBED = ("content-motion + article", "content-motion + 3-D", "content-motion + stacked")
TEST_CLIPS = 256  # of each kind, for every accuracy
KNOWN_CLIPS = 24  # with labels, to fit a linear layer: few, for with many any features would do
PROBE_CLIPS = 400  # fresh ones, to count its right answers
FACTORS = ("motion", "shape", "colour")


def spoil_one_frame(clips: Tensor, generator: torch.Generator) -> Tensor:
    """Paint a grey square, a quarter of the frame wide, into one random frame of every clip."""
    batch, _, time, height, width = clips.shape
    side = width // 4
    draws = torch.rand(batch, 3, generator=generator, device=generator.device).to(clips.device)
    frame, top, left = (
        (draws[:, n] * room).long()
        for n, room in enumerate((time, height - side + 1, width - side + 1))
    )
    spoilt = clips.clone()
    for clip in range(batch):
        rows = slice(int(top[clip]), int(top[clip]) + side)
        columns = slice(int(left[clip]), int(left[clip]) + side)
        spoilt[clip, :, int(frame[clip]), rows, columns] = 0
    return spoilt


STUDIED: dict[str, Damage] = {
    **{name: damage for name, damage in DAMAGES.items() if name not in ("blank", "two objects")},
    "one bad frame": spoil_one_frame,
}


def make_record(
    output: Path, seeds: int = 3, steps: int = 60, game_steps: int = 150, preset: str = "tiny"
) -> None:
    """Measure every critic on every damage, then probe features, each with several seeds.

    The record is saved after every result, and results that it holds are not made again.

    Args:
        output: JSON file to write, or to go on with.
        seeds: Number of seeds, 0, 1, …, of the weights and the clips.
        steps: Number of steps that a critic trains on a damage, with 16 clips of each kind.
        game_steps: Number of steps that a pair plays before its critic's features are probed.
        preset: Name of a preset of Moving Shapes.

    Raises:
        ValueError: if the file holds results of other settings.
    """
    check_counts(seeds=seeds, steps=steps, game_steps=game_steps)
    torch.set_num_threads(1)
    shape = get_preset(preset)
    settings: Record = {"steps": steps, "game_steps": game_steps, "preset": preset}
    clips = {"test_clips": TEST_CLIPS, "known_clips": KNOWN_CLIPS, "probe_clips": PROBE_CLIPS}
    command = command_line("critics", output=output, **settings)
    record = open_record(output, origin(command, CPU, **settings, **clips))
    tasks = [(seed, *task) for seed in range(seeds) for task in _tasks()]
    for seed, part, name, detail in tqdm(tasks, desc="critics"):
        found = record.setdefault(part, {}).setdefault(name, {}).setdefault(detail, [])
        if seed < len(found):
            continue
        if part == "damages":
            found.append(_on_damage(name, detail, shape, steps, seed))
        else:
            found.append(_probe(name, detail, shape, game_steps, seed))
        save_record(output, record)


def _tasks() -> list[tuple[str, str, str]]:
    damages = [("damages", critic, damage) for critic in CRITICS for damage in STUDIED]
    probes = [("probes", pair, how) for pair in PROBED for how in ("random", "game", "labels")]
    return damages + probes


# Damages ----------------------------------------------------------------------------------------


def _on_damage(critic: str, damage: str, preset: Preset, steps: int, seed: int) -> Record:
    network = CRITICS[critic](frames=preset.frames, size=preset.size)
    initialise(network, torch.Generator().manual_seed(seed))
    teach(network, STUDIED[damage], MovingShapes(preset, seed + 1), steps, seed)
    network.eval()
    clips = MovingShapes(preset, 99).batch(TEST_CLIPS)[0]
    spoilt = STUDIED[damage](clips, torch.Generator().manual_seed(5))
    with torch.no_grad():
        accuracy = right_answers(total_score(network(clips)), total_score(network(spoilt)))
    return {"accuracy": round(accuracy, 4), "slope": round(steepest(network, clips), 4)}


def teach(
    network: nn.Module, damage: Damage, stream: MovingShapes, steps: int, seed: int = 0
) -> None:
    """Train a critic to score real clips above damaged ones, 16 of each a step."""
    loss = ADVERSARIAL_LOSSES["non-saturating"].discriminator
    draw = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3, betas=(0.5, 0.99))
    for _ in range(steps):
        real = stream.batch(16)[0]
        objective = loss(*total_score(network(torch.cat([real, damage(real, draw)]))).chunk(2))
        optimiser.zero_grad()
        objective.backward()
        optimiser.step()


# Probes -----------------------------------------------------------------------------------------


def _probe(pair: str, how: str, preset: Preset, steps: int, seed: int) -> dict[str, float]:
    """Right answers of linear layers on a critic's features, for every factor."""
    settings = TrainingConfig(frames=preset.frames, size=preset.size, batch=16, penalty=1.0)
    state = build_pair(pair, settings, seed)
    stream = MovingShapes(preset, seed + 1)
    critic: Any = state.discriminator  # every critic here has features
    if how == "game":
        for _ in range(steps):
            train_step(state, stream.batch(settings.batch)[0], settings)
    elif how == "labels":
        _supervise(critic, stream, steps)
    critic.eval().requires_grad_(False)
    known, factors = MovingShapes(preset, 200 + seed).batch(KNOWN_CLIPS)
    fresh, truth = MovingShapes(preset, 100).batch(PROBE_CLIPS)
    seen, unseen = (critic.features(clips).flatten(1) for clips in (known, fresh))
    return {
        name: round(linear_probe(seen, getattr(factors, name), unseen, getattr(truth, name)), 4)
        for name in FACTORS
    }


def _supervise(critic: Any, stream: MovingShapes, steps: int) -> None:
    """Train the critic's features, under a linear layer, to name every factor: the bound."""
    factors = {
        name: len(getattr(stream.preset, f"{name}s")) for name in ("motion", "shape", "colour")
    }
    with torch.no_grad():
        width = critic.features(stream.batch(2)[0]).flatten(1).shape[1]
    head = nn.Linear(width, sum(factors.values()))
    initialise(head, torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam([*critic.parameters(), *head.parameters()], lr=2e-3)
    for _ in range(steps):
        clips, truth = stream.batch(16)
        parts = head(critic.features(clips).flatten(1)).split(list(factors.values()), dim=1)
        losses = [
            cross_entropy(logits, getattr(truth, name))
            for name, logits in zip(factors, parts, strict=True)
        ]
        optimiser.zero_grad()
        torch.stack(losses).sum().backward()
        optimiser.step()


if __name__ == "__main__":
    run_command(make_record)
