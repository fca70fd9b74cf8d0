"""The loop: from a source of real clips to a trained pair, with a log and checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from accelerate import Accelerator
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from vgan_tutorial.datasets import PackedClips, batches
from vgan_tutorial.shapes import draw_batch, get_preset
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.players import TrainingState, start
from vgan_tutorial.training.saving import (
    CHECKPOINT,
    LOG,
    LogLine,
    append_line,
    open_run,
    save_checkpoint,
)
from vgan_tutorial.training.step import train_step

# Opens an endless stream of batches of real clips, in model range, given the size of a batch and
# the generator that decides what comes.
ClipSource = Callable[[int, torch.Generator], Iterator[Float[Tensor, "batch 3 time height width"]]]


def train(
    config: TrainingConfig,
    source: ClipSource,
    run: str | Path | None = None,
    *,
    on_step: Callable[[TrainingState], None] | None = None,
    seconds: float | None = None,
    progress: bool = True,
) -> tuple[TrainingState, list[LogLine]]:
    """Train from the start, or go on where the run's checkpoint left off.

    Args:
        config: the run's configuration. A run that goes on must have the same one, but for
            `steps`, `log_every` and `checkpoint_every`.
        source: where real clips come from; see `shapes_source` and `pack_source`.
        run: folder for the configuration, the log (JSON lines) and the checkpoint. Without one
            nothing is written.
        on_step: called after every step, to look at the state.
        seconds: stop after this long even if steps are left.
        progress: show a progress bar.

    Returns:
        The final state and the log's lines.

    Raises:
        FloatingPointError: when a loss is no longer a finite number, with the step.
        ValueError: if the run's folder holds another configuration, or a clip of another size.
    """
    accelerator = Accelerator()
    state = start(config, accelerator)
    folder = Path(run) if run is not None else None
    log: list[LogLine] = []
    if folder is not None:
        log = open_run(folder, config, state)
    clips = source(config.batch, state.randomness)
    began, done_before = time.perf_counter(), log[-1]["seconds"] if log else 0.0
    bar = tqdm(total=config.steps, initial=state.step, disable=not progress, unit="step")
    with bar:
        while state.step < config.steps:
            real = next(clips).to(accelerator.device)
            if state.step == 0:
                _check_clips(real, config)
            figures = train_step(state, real, config)
            bar.update()
            elapsed = time.perf_counter() - began
            out_of_time = seconds is not None and elapsed >= seconds
            last = state.step == config.steps or out_of_time
            if last or state.step % config.log_every == 0:
                line = _log_line(state.step, done_before + elapsed, figures)
                log.append(line)
                bar.set_postfix(
                    D=f"{line['discriminator_loss']:.2f}", G=f"{line['generator_loss']:.2f}"
                )
                if folder is not None:
                    append_line(folder / LOG, line)
            if folder is not None and (last or state.step % config.checkpoint_every == 0):
                save_checkpoint(folder / CHECKPOINT, state, config)
            if on_step is not None:
                on_step(state)
            if out_of_time:
                break
    return state, log


def _check_clips(real: Tensor, config: TrainingConfig) -> None:
    wanted = (3, config.frames, config.size, config.size)
    if tuple(real.shape[1:]) != wanted:
        raise ValueError(
            f"the source gives clips of shape {tuple(real.shape[1:])}; the configuration says "
            f"{wanted} (channels, frames, height, width)"
        )


def _log_line(step: int, seconds: float, figures: dict[str, Tensor]) -> LogLine:
    """The figures as numbers: the only place where the loop waits for the device."""
    line: LogLine = {"step": step, "seconds": round(seconds, 3)}
    line |= {name: value.item() for name, value in figures.items()}
    for name, value in line.items():
        if not math.isfinite(value):
            raise FloatingPointError(
                f"{name} is {value} at step {step}; lower the learning rate or raise the penalty, "
                "and go on from the last checkpoint"
            )
    return line


# Where real clips come from ---------------------------------------------------------------------


def shapes_source(preset: str = "tiny", device: torch.device | str = "cpu") -> ClipSource:
    """Moving Shapes, drawn anew for every batch."""
    chosen = get_preset(preset)

    def stream(batch: int, randomness: torch.Generator) -> Iterator[Tensor]:
        while True:
            yield draw_batch(chosen, batch, randomness, device)[0]

    return stream


def pack_source(packed: PackedClips, device: torch.device | str = "cpu") -> ClipSource:
    """Random windows of packed clips: real video files, decoded once by `vgan pack`."""

    def stream(batch: int, randomness: torch.Generator) -> Iterator[Tensor]:
        for clips, _ in batches(packed, batch, randomness, device):
            yield clips

    return stream
