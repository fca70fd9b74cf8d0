"""The clinic: ways in which training fails, each switched on, watched, and cured.

`python -m vgan_tutorial.experiments.clinic` trains every patient of the training chapter and writes
down the curves by which each illness is recognised.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn
from tqdm.auto import tqdm

from vgan_tutorial.experiments.records import (
    RECORDS,
    Record,
    add_tensors,
    check_counts,
    check_same,
    command_line,
    open_record,
    origin,
    run_command,
    save_record,
)
from vgan_tutorial.experiments.trials import UNCHANGED
from vgan_tutorial.metrics.diagnostics import checkers, company, variety
from vgan_tutorial.oracle import judged
from vgan_tutorial.pixels import to_uint8
from vgan_tutorial.shapes import get_preset
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.loop import train
from vgan_tutorial.training.sampling import sample
from vgan_tutorial.training.sources import shapes_source
from vgan_tutorial.training.state import TrainingState, build_generator
from vgan_tutorial.training.step import update_average

PRESET = "tiny"
CLIPS = 192  # looked at each time
KEPT = 8  # of them are stored at the end


HEALTHY = "healthy"
# A generator that takes steps fifty times as long as its discriminator's.
_HASTE: dict[str, Any] = {
    "generator": "content-motion-smooth",
    "loss": "hinge",
    "learning_rate": 1e-2,
    "discriminator_learning_rate": 2e-4,
    "betas": (0.9, 0.99),
}
# A generator of stamps, and one whose stamps overlap unevenly.
_DCGAN: dict[str, Any] = {
    "generator": "dcgan",
    "batch": 16,
    "learning_rate": 5e-4,
    "discriminator_learning_rate": 5e-4,
}
_UNEVEN = _DCGAN | {"generator": "dcgan-uneven", "betas": (0.5, 0.99)}
# What each patient changes in the configuration of the chapter.
PATIENTS: dict[str, dict[str, Any]] = {
    HEALTHY: {},
    "the discriminator wins": {"loss": "minimax", "penalty": 0.0, "betas": (0.5, 0.99)},
    "oscillation": {"loss": "non-saturating", "penalty": 0.0, "betas": (0.5, 0.99)},
    "runaway scores": {"loss": "wasserstein", "penalty": 0.0, "betas": (0.9, 0.99)},
    "mode collapse": _DCGAN | {"learning_rate": 5e-3, "betas": (0.9, 0.99)},
    "haste": _HASTE | {"penalty": 0.0},
    "haste with a penalty": _HASTE,
    "even stamps": _DCGAN,
    "uneven stamps": _UNEVEN,
    "checkerboards": _UNEVEN | {"discriminator": "blurred"},
}
# Steps at which a patient's averaged generator is kept, to be driven on the page.
WATCHED = {"haste": (10, 100, 400)}
# Each illness, and the patient who does not have it. The last two are not of the training but of
# the sampling: that patient's run, looked at wrongly.
CURED = {
    "the discriminator wins": HEALTHY,
    "oscillation": HEALTHY,
    "runaway scores": HEALTHY,
    "mode collapse": "even stamps",
    "haste": "haste with a penalty",
    "checkerboards": "uneven stamps",
    "wrong normalisation mode": "even stamps",
    "stale average": HEALTHY,
}


@dataclass
class Chart:
    """Looks at a run's samples at intervals, rightly and wrongly, and keeps the figures."""

    patient: str
    every: int
    looks: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    clips: dict[str, Tensor] = field(default_factory=dict)  # of the last look
    weights: dict[str, Tensor] = field(default_factory=dict)  # of the steps that are kept
    stale: nn.Module | None = None

    def look(self, state: TrainingState) -> None:
        """After every step: move the stale average, and now and then look."""
        self.stale = self.stale or copy.deepcopy(state.generator).requires_grad_(False)
        update_average(self.stale, state.generator, keep=0.9999, step=10**6)  # no warming up
        if state.step in WATCHED.get(self.patient, ()):
            for name, tensor in state.averaged.state_dict().items():
                self.weights[f"{self.patient}/{state.step}/{name}"] = tensor.half()
        if state.step % self.every:
            return
        samples = {self.patient: partial(sample, state.averaged)}
        if self.patient == HEALTHY:
            samples["stale average"] = partial(sample, self.stale)
        if self.patient == "even stamps":
            samples["wrong normalisation mode"] = partial(sample, forgetful(state.averaged))
        for name, draw in samples.items():
            clips = self.clips[name] = draw(CLIPS, seed=1)
            found = figures(clips) | {"company": round(company(clips, draw(CLIPS, 1, batch=1)), 4)}
            self.looks.setdefault(name, []).append({"step": state.step, **found})


def figures(clips: Float[Tensor, "count 3 time height width"]) -> dict[str, float]:
    """What an illness shows in: valid clips, cells, variety and the strength of checkerboards."""
    return judged(clips, PRESET, "validity", "cells_found") | {
        "variety": round(variety(clips, PRESET), 4),
        "checkers": round(checkers(clips), 5),
    }


def forgetful(network: nn.Module) -> nn.Module:
    """A copy that stays in training mode, as a network does in a program that forgets `eval`."""
    copied = copy.deepcopy(network)
    copied.eval = copied.train  # type: ignore[method-assign]
    return copied


def make_record(
    output: Path = RECORDS / "clinic/curves.json",
    steps: int = 400,
    every: int = 50,
    seed: int = 0,
    threads: int = 1,
) -> None:
    """Train every patient and write the curves, and the last clips beside them.

    The record is saved after every run, and runs that it holds are not made again.

    Args:
        output: JSON file to write, or to go on with; clips and generators go to files beside it.
        steps: Number of steps of each run.
        every: Number of steps between looks.
        seed: Seed of all runs.
        threads: Number of the CPU's threads.

    Raises:
        ValueError: if the file holds runs of other settings.
    """
    check_counts(steps=steps, every=every, threads=threads)
    torch.set_num_threads(threads)
    options: Record = {"steps": steps, "every": every, "seed": seed}
    command = command_line("clinic", output=output, **options)
    record = open_record(output, origin(command, preset=PRESET, **options, clips=CLIPS))
    runs = record.setdefault("runs", {})
    for name, changes in tqdm(PATIENTS.items(), desc="clinic"):
        if name in runs:
            check_same(output, f"the changes of {name!r}", runs[name]["changes"], changes)
            continue
        found, clips, weights = treat(name, steps, every, seed)
        runs |= found
        _add_clips(output.with_suffix(".npz"), clips)
        add_tensors(output, weights)
        save_record(output, record)


def treat(
    name: str, steps: int, every: int, seed: int
) -> tuple[Record, dict[str, np.ndarray], dict[str, Tensor]]:
    """One run: its curves, a few clips of its end, rightly and wrongly sampled, kept weights."""
    config = _config(name, steps=steps, log_every=10, seed=seed)
    chart = Chart(name, every)
    _, log = train(config, shapes_source(PRESET), on_step=chart.look, progress=False)
    keep = ("step", "discriminator_loss", "generator_loss", "real_logit", "fake_logit")
    lines = [{key: float(f"{line[key]:.4g}") for key in keep} for line in log]
    found = {
        view: {"changes": PATIENTS[name], "log": lines, "looks": rows}
        for view, rows in chart.looks.items()
    }
    clips = {view: to_uint8(clips[:KEPT]).numpy() for view, clips in chart.clips.items()}
    return found, clips, chart.weights


def checkpoints(path: str | Path, patient: str = "haste") -> list[tuple[str, nn.Module]]:
    """A patient's averaged generator at growing steps, as `live.player` takes them.

    Args:
        path: Safetensors file of the record.
        patient: Name of a patient in `WATCHED`.

    Returns:
        Pairs of a label, "step 100" for instance, and a generator with its weights as the file
        holds them, rounded to 16 bits.

    Raises:
        ValueError: if the file holds no generator of that patient.
    """
    stages: dict[int, dict[str, Tensor]] = {}
    for key, tensor in load_file(path).items():
        owner, step, name = key.split("/")
        if owner == patient:
            stages.setdefault(int(step), {})[name] = tensor.float()
    if not stages:
        raise ValueError(f"{path} holds no generator of the patient {patient!r}")
    pairs = []
    for reached in sorted(stages):
        network = build_generator(_config(patient))
        network.load_state_dict(stages[reached])
        pairs.append((f"step {reached}", network.eval().requires_grad_(False)))
    return pairs


def _config(patient: str, **settings: Any) -> TrainingConfig:
    preset = get_preset(PRESET)
    changed = UNCHANGED | settings | PATIENTS[patient]
    return TrainingConfig(frames=preset.frames, size=preset.size, **changed)


def _add_clips(path: Path, clips: dict[str, np.ndarray]) -> None:
    kept = dict(np.load(path)) if path.exists() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **kept | clips)


if __name__ == "__main__":
    run_command(make_record)
