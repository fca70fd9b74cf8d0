"""Checkpoints to go on from, logs, and trained generators to share."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from vgan_tutorial.layers import channels_last
from vgan_tutorial.training.config import FREE, TrainingConfig
from vgan_tutorial.training.players import TrainingState, build_generator, start

CHECKPOINT = "checkpoint.pt"
CONFIG = "config.json"
WEIGHTS = "generator.safetensors"
LOG = "log.jsonl"

LogLine = dict[str, int | float]  # one line of the log: the step, the seconds, the figures


def save_checkpoint(path: str | Path, state: TrainingState, config: TrainingConfig) -> None:
    """Write the whole state to one file, atomically: a kill leaves the old file or the new one."""
    path = Path(path)
    content = {"config": asdict(config), "step": state.step}
    content["randomness"] = state.randomness.get_state()
    for name, part in _parts(state).items():
        content[name] = part.state_dict()
    unfinished = path.with_name(path.name + ".unfinished")
    with open(unfinished, "wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def load_checkpoint(path: str | Path) -> tuple[TrainingState, TrainingConfig]:
    """Read a checkpoint back. Only tensors and plain values are read, never code.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a checkpoint of this package.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        config = TrainingConfig.from_dict(content["config"])
    except Exception as error:
        raise ValueError(f"{path} is not a checkpoint of this package: {error}") from error
    state = start(config)
    _restore(state, content)
    return state, config


def save_generator(folder: str | Path, state: TrainingState, config: TrainingConfig) -> None:
    """Write the averaged generator's weights (safetensors) and the configuration, to share."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.contiguous() for name, tensor in state.averaged.state_dict().items()},
        folder / WEIGHTS,
    )
    _write_config(folder, config)


def load_generator(folder: str | Path) -> tuple[nn.Module, TrainingConfig]:
    """The averaged generator from a folder that `save_generator` wrote, ready to sample from.

    Raises:
        FileNotFoundError: if the folder lacks the weights or the configuration.
        ValueError: if the weights do not fit the configuration's generator.
    """
    folder = Path(folder)
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).exists():
            raise FileNotFoundError(f"{folder} holds no {name}: it is not a trained generator")
    config = TrainingConfig.from_dict(json.loads((folder / CONFIG).read_text()))
    network = build_generator(config)
    try:
        network.load_state_dict(load_file(folder / WEIGHTS))
    except RuntimeError as error:
        raise ValueError(
            f"the weights in {folder} are not those of a {config.generator!r} generator for "
            f"{config.frames} frames of {config.size} pixels: {error}"
        ) from error
    return channels_last(network).eval().requires_grad_(False), config


def _parts(state: TrainingState) -> dict[str, Any]:
    names = [field.name for field in fields(state) if field.name not in ("step", "randomness")]
    return {name: getattr(state, name) for name in names}


def _restore(state: TrainingState, content: dict[str, Any]) -> None:
    for name, part in _parts(state).items():
        part.load_state_dict(content[name])
    state.randomness.set_state(content["randomness"])
    state.step = content["step"]


def open_run(folder: Path, config: TrainingConfig, state: TrainingState) -> list[LogLine]:
    """Make the run's folder, or restore the state from it and return the log so far."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / CHECKPOINT).exists():
        _write_config(folder, config)
        (folder / LOG).write_text("")
        return []
    content = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
    saved, wanted = asdict(TrainingConfig.from_dict(content["config"])), asdict(config)
    changed = [
        f"{name} was {saved[name]} and is {wanted[name]}"
        for name in wanted
        if name not in FREE and saved[name] != wanted[name]
    ]
    if changed:
        raise ValueError(
            f"{folder} holds a run with another configuration ({'; '.join(changed)}): choose "
            "another folder, or the same configuration to go on"
        )
    _restore(state, content)
    _write_config(folder, config)
    return _trim_log(folder / LOG, state.step)


def _write_config(folder: Path, config: TrainingConfig) -> None:
    (folder / CONFIG).write_text(json.dumps(asdict(config), indent=2) + "\n")


def _trim_log(path: Path, step: int) -> list[LogLine]:
    """Keep the log's lines up to the checkpoint: later ones will be written again."""
    lines = []
    for text in path.read_text().splitlines() if path.exists() else []:
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break  # a line that was being written when the run was stopped
    kept = [line for line in lines if line["step"] <= step]
    path.write_text("".join(json.dumps(line) + "\n" for line in kept))
    return kept


def append_line(path: Path, line: LogLine) -> None:
    """Add one line to a JSON-lines log."""
    with open(path, "a") as file:
        file.write(json.dumps(line) + "\n")
