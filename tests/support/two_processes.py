"""What several processes must do together, in one launch.

`accelerate launch … -m tests.support.two_processes` runs it. Every part writes what it found into
the folder; `unit/training/test_processes.py` looks at it.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from tests.support.mini import PRESET, change
from vgan_tutorial.datasets import PackedClips
from vgan_tutorial.shapes import Preset
from vgan_tutorial.training import (
    ProcessLostError,
    TrainingConfig,
    pack_source,
    shapes_source,
    train,
)
from vgan_tutorial.training import processes as sharing
from vgan_tutorial.training.processes import any_process, processes

JOINED = change(steps=3, batch=8, penalty_every=1, checkpoint_every=1)
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "parts": {"accumulate": 2, "discriminator_steps": 2},
    # Batch norm in both, and under the penalties, which differentiate it twice.
    "batch norm": {
        "frames": 4,
        "size": 16,
        "generator": "residual",
        "generator_options": {"channels": 4, "attention": 0},
        "discriminator": "tgan",
        "discriminator_options": {"channels": 4},
        "learning_rate": 0.0,  # else Adam's first steps, which are signs, make much of rounding
    },
}
PATIENCE = 10  # seconds that the process waits which is not answered


def preset_of(config: TrainingConfig) -> Preset:
    """Clips of the configuration's shape."""
    return replace(PRESET, frames=config.frames, size=config.size)


def joined(folder: Path) -> None:
    """The same steps that the test takes in one process."""
    (folder / "processes").write_text(str(processes().num_processes))
    for name, fields in VARIANTS.items():
        config = change(**{**vars(JOINED), **fields})
        train(config, shapes_source(preset_of(config)), folder / name)


class Noted(PackedClips):
    """Packed clips that note which windows are read of them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, frames=2)
        self.windows: list[list[int]] = []

    def read(self, windows):  # type: ignore[no-untyped-def]
        self.windows += [list(window) for window in windows]
        return super().read(windows)


def uneven(folder: Path) -> None:
    """Five clips for batches of four in two processes, and a batch that cannot be shared out."""
    packed = Noted(folder / "pack")
    train(change(steps=3, size=16, batch=4), pack_source(packed), folder / "uneven")
    (folder / f"read-{processes().process_index}").write_text(json.dumps(packed.windows))
    try:
        train(change(batch=5), shapes_source(PRESET))
    except ValueError as error:
        (folder / f"refused-{processes().process_index}").write_text(str(error))


def stopped(folder: Path) -> None:
    """The clock runs out in one process only, and both stop at the same step."""
    rank = processes().process_index
    config = change(steps=100_000, log_every=5, checkpoint_every=100_000)
    seconds = 0.2 if rank == 1 else None
    state, _ = train(config, shapes_source(PRESET), folder / "stopped", seconds=seconds)
    (folder / f"stopped-{rank}").write_text(json.dumps(state.step))


def killed(folder: Path) -> None:
    """One process dies in its seventh step. What the other says of it comes late.

    Without the pauses both orders are possible, each time: the launcher looks ten times a second
    for processes that have ended, and then sends SIGTERM to the others.
    """
    run = folder / "killed"

    def dying(batch: int, randomness: torch.Generator, step: int = 0) -> Iterator[torch.Tensor]:
        for step, clips in enumerate(shapes_source(PRESET)(batch, randomness), start=1):
            if step == 7 and processes().process_index == 1:
                while not (run / "checkpoint-00000006.pt").exists():  # the other one writes it
                    time.sleep(0.01)
                os.kill(os.getpid(), signal.SIGKILL)
            yield clips

    try:
        train(change(steps=100, checkpoint_every=2, keep=2), dying, run)
    except ProcessLostError:
        time.sleep(2)  # the launcher's SIGTERM comes before the message
        raise


def silent(folder: Path) -> None:
    """One process does not answer: the other one waits no longer than it was told."""
    sharing.TIMEOUT = timedelta(seconds=PATIENCE)
    any_process(flag=False)  # both are there
    if processes().process_index == 1:
        while not (folder / "gave up").exists():
            time.sleep(0.1)
        return
    began = time.monotonic()
    try:
        any_process(flag=False)
    except ProcessLostError as error:
        (folder / "gave up").write_text(json.dumps([time.monotonic() - began, str(error)]))


PARTS = {"all": (joined, uneven, stopped, killed), "silent": (silent,)}

if __name__ == "__main__":
    torch.set_num_threads(1)
    for part in PARTS[sys.argv[2]]:
        part(Path(sys.argv[1]))
