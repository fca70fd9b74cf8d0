"""A run that is killed again and again, each time at another kind of moment, and then finished.

`python -m tests.support.killed_runs FOLDER` prints what happened, in JSON. One process imports
everything and never trains; it forks a child for every life of the run, because starting Python
and importing torch would take most of the time. A child kills itself, with the signal that cannot
be caught.
"""

from __future__ import annotations

import builtins
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import torch

from tests.support.mini import change, run
from vgan_tutorial import files
from vgan_tutorial.training import load_checkpoint, load_generator, read_config, read_log, recording
from vgan_tutorial.training import step as step_module

KILLS, EVERY = 20, 2
CONFIG = change(steps=10_000, checkpoint_every=EVERY, keep=2, batch=2)
# Moments to die at, and how often such a moment is survived at most.
MOMENTS = {
    "between the players' turns": 7,
    "before the average": 7,
    "in the middle of a line of the log": 7,
    "in the middle of a file": 300,
    "before a file is safe on the disk": 9,
    "before a file is moved to its place": 9,
    "before a checkpoint gets its second name": 3,
}


class Countdown:
    """Counts how often one kind of moment comes, and kills when it has come often enough."""

    def __init__(self, moment: str, left: int) -> None:
        self.moment, self.left = moment, left

    def __call__(self, moment: str, last_words: Callable[[], None] | None = None) -> None:
        self.left -= moment == self.moment
        if self.left <= 0:
            if last_words is not None:
                last_words()
            os.kill(os.getpid(), signal.SIGKILL)


class HalfWriter:
    """A file that may die in the middle of a write."""

    def __init__(self, file: IO[Any], countdown: Countdown, moment: str) -> None:
        self.file, self.countdown, self.moment = file, countdown, moment

    def write(self, text: Any) -> int:
        def half() -> None:
            self.file.write(text[: len(text) // 2])
            self.file.flush()
            os.fsync(self.file.fileno())

        self.countdown(self.moment, half)
        return self.file.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> HalfWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


def before(module: ModuleType, name: str, countdown: Countdown, moment: str) -> None:
    """Make the function of that name a moment to die at."""
    whole = getattr(module, name)

    def watched(*given: Any, **more: Any) -> Any:
        countdown(moment)
        return whole(*given, **more)

    setattr(module, name, watched)


def arm(countdown: Countdown) -> None:
    real_open = builtins.open

    def half_open(path: Path, mode: str = "r", **more: Any) -> Any:
        file = real_open(path, mode, **more)
        names = {"a": "in the middle of a line of the log", "wb": "in the middle of a file"}
        return HalfWriter(file, countdown, names[mode]) if mode in names else file

    for module in (files, recording):
        setattr(module, "open", half_open)  # noqa: B010
    before(step_module, "generator_step", countdown, "between the players' turns")
    before(step_module, "update_average", countdown, "before the average")
    before(os, "fsync", countdown, "before a file is safe on the disk")
    before(os, "replace", countdown, "before a file is moved to its place")
    before(os, "link", countdown, "before a checkpoint gets its second name")


def live(folder: Path, moment: str, left: int) -> None:
    """A child's life."""
    arm(Countdown(moment, left))
    run(CONFIG, folder)


def fork(life: Callable[..., object], *given: Any) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            life(*given)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def inspect(folder: Path) -> tuple[int, int]:
    """Read everything that is there; the steps that the checkpoint and the log have reached."""
    step = 0
    for path in folder.glob("[!.]*.pt"):  # what was being written is hidden, and not read
        found = load_checkpoint(path)[0].step
        step = max(step, found if path.name == "checkpoint.pt" else 0)
    if (folder / "generator.safetensors").exists():
        load_generator(folder)
    if (folder / "config.json").exists():
        read_config(folder)
    lines = [line["step"] for line in read_log(folder)]
    assert lines == list(range(1, len(lines) + 1)), lines
    return step, len(lines)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    chance, kills = random.Random(0), []
    for kill in range(KILLS):
        moment = list(MOMENTS)[kill % len(MOMENTS)]
        code = fork(live, folder, moment, chance.randint(1, MOMENTS[moment]))
        assert code == -signal.SIGKILL, code
        saved, seen = inspect(folder)
        kills.append({"moment": moment, "saved": saved, "seen": seen})
    steps = saved + 3
    assert fork(run, replace(CONFIG, steps=steps), folder) == 0
    print(json.dumps({"kills": kills, "steps": steps, "every": EVERY}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
