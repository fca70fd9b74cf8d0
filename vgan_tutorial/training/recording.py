"""The folder of a run: its log, its checkpoints, its pictures."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vgan_tutorial.files import naming, replace_file
from vgan_tutorial.training.config import FREE, TrainingConfig
from vgan_tutorial.training.processes import average_figures, processes
from vgan_tutorial.training.sampling import sample
from vgan_tutorial.training.saving import (
    CHECKPOINT,
    read_checkpoint,
    restore,
    save_checkpoint,
    save_generator,
    save_weights,
    stage_file,
    write_config,
)
from vgan_tutorial.training.state import TrainingState
from vgan_tutorial.training.watching import Judge, first_bad, open_tensorboard, strips

LOG = "log.jsonl"
BEST = "best.pt"
SAMPLES = 8  # clips in a picture

logger = logging.getLogger(__name__)

LogLine = dict[str, int | float]  # one line of the log: the step, the seconds, the figures


class Recorder:
    """Keeps a run's log and, if the run has a folder, writes everything that is in it.

    With several processes all have a recorder, and only the main one writes.

    Args:
        folder: of the run, or None. If it holds a checkpoint, `state` is restored from it.
        state: of the run.
        config: says what is written, and when.
        judge: turns clips into figures at the configured intervals.

    Attributes:
        log: the lines so far.
    """

    def __init__(
        self,
        folder: Path | None,
        state: TrainingState,
        config: TrainingConfig,
        judge: Judge | None = None,
    ) -> None:
        if config.judge_every and judge is None:
            raise ValueError("judge_every is set, but there is no judge for this data: set it to 0")
        self.folder, self.state, self.config, self.judge = folder, state, config, judge
        self.log: list[LogLine] = []
        self.unread: list[tuple[int, dict[str, Tensor]]] = []
        self.saved: int | None = None  # step of the last checkpoint
        self.writes = processes().is_main_process and folder is not None
        if folder is not None:
            self._open(folder)
        self.spent = self.log[-1]["seconds"] if self.log else 0.0
        self.tensorboard: Any = None
        if self.writes and config.tensorboard:
            self.tensorboard = open_tensorboard(self.path("tensorboard"), state.step)

    def path(self, name: str) -> Path:
        """A file in the run's folder."""
        assert self.folder is not None
        return self.folder / name

    def record(self, figures: dict[str, Tensor], seconds: float, last: bool) -> LogLine | None:
        """Take in a step's figures, and do what is due after it.

        Args:
            figures: on the device; they are read only if a line of the log is due.
            seconds: since the run was started or gone on with.
            last: whether the run ends here: then everything is written.

        Returns:
            The new line of the log, if there is one.

        Raises:
            FloatingPointError: when a figure of this step, or of one since the last line, is not
                finite.
        """
        config, step = self.config, self.state.step
        self.unread.append((step, figures))

        def due(every: int) -> bool:
            return bool(every) and step % every == 0

        judged, kept = due(config.judge_every), last or due(config.checkpoint_every)
        written = last or judged or due(config.log_every)
        if written or kept:
            self._check()
        line = self._write_line(average_figures(figures), seconds, judged) if written else None
        if self.writes and due(config.sample_every):
            self._draw_samples()
        if self.writes and judged and line is not None:
            self._keep_best(line)
        self._keep_stage()
        if kept:
            self._keep_checkpoint()
        return line

    def _open(self, folder: Path) -> None:
        """Make the folder, or restore the state from it and read the log so far."""
        if (folder / CHECKPOINT).exists():
            content, saved = read_checkpoint(folder / CHECKPOINT)
            check_same(folder, saved, self.config)
            restore(folder / CHECKPOINT, self.state, content, saved)
            self.saved = self.state.step
            self.log = [line for line in read_log(folder) if line["step"] <= self.state.step]
        processes().wait_for_everyone()  # before the main process changes what others read
        if self.writes:
            folder.mkdir(parents=True, exist_ok=True)
            write_config(folder, self.config)
            if (folder / LOG).exists() and _damaged(folder / LOG):
                shutil.copyfile(folder / LOG, folder / (LOG + ".damaged"))
            replace_file(folder / LOG, "".join(json.dumps(line) + "\n" for line in self.log))
        self._keep_stage()

    def _check(self) -> None:
        bad = first_bad([figures for _, figures in self.unread])
        if bad is not None:
            step, name = self.unread[bad[0]][0], bad[1]
            value = self.unread[bad[0]][1][name].item()
            last_good = "and begin again"
            if self.saved is not None:
                last_good = (
                    f"and go on from the last good checkpoint, {self.path(CHECKPOINT)} of step "
                    f"{self.saved}"
                )
            raise FloatingPointError(
                f"{name} is {value} at step {step}; lower the learning rate or raise the penalty, "
                f"{last_good}"
            )
        self.unread.clear()

    def _write_line(self, figures: dict[str, Tensor], seconds: float, judged: bool) -> LogLine:
        line: LogLine = {"step": self.state.step, "seconds": round(self.spent + seconds, 3)}
        line |= {name: value.item() for name, value in figures.items()}
        if judged and processes().is_main_process:
            assert self.judge is not None
            clips, seed = self.config.judge_clips, self.config.seed
            here = processes().device
            line |= self.judge(sample(self.state.averaged, clips, seed, device=here))
        self.log.append(line)
        if self.writes:
            path = self.path(LOG)
            with naming(path), open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        if self.tensorboard is not None:
            for name in line.keys() - {"step"}:
                self.tensorboard.add_scalar(name, line[name], self.state.step)
        return line

    def _draw_samples(self) -> None:
        """Clips from the same latents every time: the eye sees what has changed."""
        picture = io.BytesIO()
        clips = sample(self.state.averaged, SAMPLES, self.config.seed)
        strips(clips).save(picture, "PNG")
        self.path("samples").mkdir(exist_ok=True)
        name = f"samples/step-{self.state.step:08}.png"
        replace_file(self.path(name), picture.getvalue())

    def _keep_stage(self) -> None:
        """Keep the averaged generator of this step, if it is one to look back at.

        Sixteen bits a number suffice for the eye, and nobody goes on from here.
        """
        if self.writes and self.state.step in self.config.stages:
            file = stage_file(self.path("."), self.state.step)
            file.parent.mkdir(exist_ok=True)
            save_weights(file, self.state.averaged, torch.float16)

    def _keep_best(self, line: LogLine) -> None:
        """Keep this step's state if the chosen figure has never been better."""
        name = self.config.best.removeprefix("-")
        if not name:
            return
        if name not in line:
            raise ValueError(
                f"best is {name!r}, which is not a figure of the judge; choose one of "
                f"{', '.join(line)}"
            )
        sign = -1 if self.config.best.startswith("-") else 1
        before = [sign * other[name] for other in self.log[:-1] if name in other]
        if not before or sign * line[name] > max(before):
            save_checkpoint(self.path(BEST), self.state, self.config)

    def _keep_checkpoint(self) -> None:
        """Write the checkpoint and the generator; keep as many older checkpoints as configured."""
        if not self.writes:
            return
        save_checkpoint(self.path(CHECKPOINT), self.state, self.config)
        self.saved = self.state.step
        save_generator(self.path("."), self.state, self.config)
        if self.config.keep > 1:
            kept = self.path(f"checkpoint-{self.state.step:08}.pt")
            kept.unlink(missing_ok=True)
            _link(self.path(CHECKPOINT), kept)
            for old in sorted(self.path(".").glob("checkpoint-*.pt"))[: -self.config.keep]:
                old.unlink()


def read_log(folder: str | Path) -> list[LogLine]:
    """The lines of a run's log.

    A last line that was being written when the run was stopped is left out. So is any other that
    is damaged; a warning says how many.
    """
    path = Path(folder) / LOG
    lines, damaged = _read_lines(path) if path.exists() else ([], 0)
    if damaged:
        logger.warning("%s: %d lines are damaged and are left out", path, damaged)
    return lines


def _damaged(log: Path) -> bool:
    return _read_lines(log)[1] > 0


def _read_lines(path: Path) -> tuple[list[LogLine], int]:
    """The whole lines, and the number of damaged ones; what no line's end follows is none."""
    lines, damaged = [], 0
    for text in path.read_bytes().split(b"\n")[:-1]:
        try:
            lines.append(_line_of(text))
        except ValueError:
            damaged += 1
    return lines, damaged


def _line_of(text: bytes) -> LogLine:
    line: Any = json.loads(text)
    figures = line.values() if isinstance(line, dict) else ()
    named = isinstance(line, dict) and {"step", "seconds"} <= line.keys()
    if not named or not all(isinstance(value, (int, float)) for value in figures):
        raise ValueError(f"no line of a log: {line!r}")
    return line


def check_same(folder: Path, saved: TrainingConfig, wanted: TrainingConfig) -> None:
    """Raise a `ValueError` if a run would go on with another configuration than it had."""
    before, now = asdict(saved), asdict(wanted)
    changed = [
        f"{name} was {before[name]} and is {now[name]}"
        for name in now
        if name not in FREE and before[name] != now[name]
    ]
    if changed:
        raise ValueError(
            f"{folder} holds a run with another configuration ({'; '.join(changed)}): choose "
            "another folder, or the same configuration to go on"
        )


def _link(source: Path, target: Path) -> None:
    """Give a file a second name; copy it where the file system has no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
