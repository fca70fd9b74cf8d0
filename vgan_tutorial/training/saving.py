"""Checkpoints to go on from, and trained generators to share.

Files are read without running any code that they may hold: checkpoints with `weights_only=True`,
generators as safetensors. A kill leaves the old file or the new one, and never half of one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from vgan_tutorial.files import replace_file
from vgan_tutorial.layers import channels_last
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.state import TrainingState, build_generator, start

CHECKPOINT = "checkpoint.pt"
CONFIG = "config.json"
WEIGHTS = "generator.safetensors"
STAGES = "stages"


def save_checkpoint(path: str | Path, state: TrainingState, config: TrainingConfig) -> None:
    """Write the whole state to one file, atomically: a kill leaves the old file or the new one."""
    content = {"config": asdict(config), "step": state.step}
    content["randomness"] = state.randomness.get_state()
    content["scaler"] = state.scaler.state_dict()
    for name, part in _parts(state).items():
        content[name] = part.state_dict()
    replace_file(path, lambda file: torch.save(content, file))


def load_checkpoint(path: str | Path) -> tuple[TrainingState, TrainingConfig]:
    """Read a checkpoint back. Only tensors and plain values are read, never code.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is not a checkpoint of this package, or its weights are not those
            of the networks that its configuration names.
    """
    path = Path(path)
    content, config = read_checkpoint(path)
    state = start(config)
    restore(path, state, content, config)
    return state, config


def read_checkpoint(path: Path) -> tuple[dict[str, Any], TrainingConfig]:
    """What a checkpoint's file holds, and its configuration. See `load_checkpoint`."""
    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # many kinds, whose words advise to run what the file may hold
        raise ValueError(
            f"{path} is not a checkpoint of this package, or is damaged: take another one, or move "
            "it away and start again"
        ) from error
    try:
        return content, TrainingConfig.from_dict(content["config"])
    except (TypeError, ValueError, LookupError) as error:
        raise ValueError(f"{path} is not a checkpoint of this package: {error}") from error


def restore(
    path: Path, state: TrainingState, content: dict[str, Any], config: TrainingConfig
) -> None:
    """Fill a state with what a checkpoint holds. See `load_checkpoint`."""
    try:
        for name, part in _parts(state).items():
            part.load_state_dict(content[name])
        for optimiser in state.optimisers:
            for group in optimiser.param_groups:  # as `graphs` may have left it
                group |= {"lr": float(group["lr"]), "capturable": False}
        state.scaler.load_state_dict(content["scaler"] if state.scaler.is_enabled() else {})
        state.randomness.set_state(content["randomness"])
        state.step = int(content["step"])
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} does not fit a {config.generator!r} generator and a "
            f"{config.discriminator!r} discriminator for {config.frames} frames of {config.size} "
            f"pixels; was it made by another version, or with other networks? ({_brief(error)})"
        ) from error


def save_generator(folder: str | Path, state: TrainingState, config: TrainingConfig) -> None:
    """Write the averaged generator's weights (safetensors) and the configuration, to share."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(folder / WEIGHTS, state.averaged)
    write_config(folder, config)


def save_weights(path: Path, network: nn.Module, dtype: torch.dtype | None = None) -> None:
    """Write a network's weights as safetensors, atomically; rounded to another dtype if asked."""
    weights = {
        name: (value.to(dtype) if dtype and value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    replace_file(path, save(weights))


def stage_file(folder: Path, step: int) -> Path:
    """Where a run keeps the averaged generator of a step, if the configuration asks for it."""
    return folder / STAGES / f"step-{step:08}.safetensors"


def load_stages(
    folder: str | Path, device: torch.device | str = "cpu"
) -> list[tuple[str, nn.Module]]:
    """The averaged generator as it was during a run, earliest first, and as it was in the end.

    Args:
        folder: of a run with `stages` in its configuration, or of a record of one.
        device: where the generators are wanted.

    Returns:
        Pairs of a label ("step 100") and a generator, as `live.player` takes them.

    Raises:
        FileNotFoundError: if the folder is not that of a trained generator, or kept no stages.
        ValueError: if weights do not fit the configuration's generator.
    """
    folder = Path(folder)
    last, config = load_generator(folder, device)
    files = sorted((folder / STAGES).glob("step-*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{folder} kept no stages: train with --stages 0 100 1000")
    stages = [
        (f"step {int(file.stem[5:]):,}", _load_weights(file, config, device)) for file in files
    ]
    return [*stages, ("the end", last)]


def load_generator(
    folder: str | Path, device: torch.device | str = "cpu"
) -> tuple[nn.Module, TrainingConfig]:
    """The averaged generator from a folder that `save_generator` wrote, ready to sample from.

    Args:
        folder: of a run, or of a record of one.
        device: where the generator is wanted.

    Raises:
        FileNotFoundError: if the folder lacks the weights or the configuration.
        ValueError: if the weights do not fit the configuration's generator.
    """
    folder = Path(folder)
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).exists():
            raise FileNotFoundError(f"{folder} holds no {name}: it is not a trained generator")
    config = read_config(folder)
    return _load_weights(folder / WEIGHTS, config, device), config


def _load_weights(file: Path, config: TrainingConfig, device: torch.device | str) -> nn.Module:
    """A generator in evaluation mode with weights from a file."""
    network = build_generator(config)
    try:
        network.load_state_dict(load_file(file))
    except (RuntimeError, SafetensorError) as error:
        raise ValueError(
            f"the weights in {file} are not those of a {config.generator!r} generator for "
            f"{config.frames} frames of {config.size} pixels: {_brief(error)}"
        ) from error
    return channels_last(network.to(device)).eval().requires_grad_(False)


def _brief(error: Exception) -> str:
    """Its message on one line; PyTorch's names every weight of a network."""
    words = " ".join(str(error).split())
    return words if len(words) <= 200 else words[:200] + " …"


def write_config(folder: Path, config: TrainingConfig) -> None:
    """Write the configuration as JSON."""
    replace_file(folder / CONFIG, json.dumps(asdict(config), indent=2) + "\n")


def read_config(folder: Path) -> TrainingConfig:
    """The configuration of a run or a shared generator.

    Raises:
        FileNotFoundError: if the folder has none.
        ValueError: if it is not one.
    """
    path = folder / CONFIG
    if not path.exists():
        raise FileNotFoundError(f"{folder} holds no {CONFIG}: it is not the folder of a run")
    try:
        return TrainingConfig.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a configuration: {error}") from error


def _parts(state: TrainingState) -> dict[str, Any]:
    besides = ("step", "randomness", "scaler")
    names = [field.name for field in fields(state) if field.name not in besides]
    return {name: getattr(state, name) for name in names}
