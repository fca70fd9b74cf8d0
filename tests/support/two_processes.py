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
from pathlib import Path

import torch

from tests.support.mini import PRESET, change
from vgan_tutorial.datasets import PackedClips
from vgan_tutorial.training import ProcessLostError, pack_source, shapes_source, train
from vgan_tutorial.training.processes import processes

JOINED = change(steps=3, batch=8, penalty_every=1, checkpoint_every=1)
VARIANTS = {
    "plain": {},
    "parts": {"accumulate": 2, "discriminator_steps": 2},
}


def joined(folder: Path) -> None:
    """The same steps that the test takes in one process."""
    (folder / "processes").write_text(str(processes().num_processes))
    for name, fields in VARIANTS.items():
        train(change(**{**vars(JOINED), **fields}), shapes_source(PRESET), folder / name)


def uneven(folder: Path) -> None:
    """Five clips for batches of four in two processes, and a batch that cannot be shared out."""
    packed = PackedClips(folder / "pack", frames=2)
    train(change(steps=3, size=16, batch=4), pack_source(packed), folder / "uneven")
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


if __name__ == "__main__":
    torch.set_num_threads(1)
    for part in (joined, uneven, stopped, killed):
        part(Path(sys.argv[1]))
