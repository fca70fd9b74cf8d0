"""Clips of 2 frames of 8 pixels: a step of training takes milliseconds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import TrainingConfig, TrainingState, shapes_source, train
from vgan_tutorial.training.recording import LogLine

PRESET = replace(PRESETS["tiny"], name="mini", frames=2, size=8)
CONFIG = TrainingConfig(
    frames=2,
    size=8,
    generator="content-motion",
    discriminator="stacked",  # it draws nothing, so a run is the same however it is shared
    penalty=1.0,
    steps=6,
    batch=4,
    log_every=1,
    checkpoint_every=3,
)


def change(**fields: Any) -> TrainingConfig:
    return replace(CONFIG, **fields)


def run(
    config: TrainingConfig = CONFIG, folder: Path | None = None, **options: Any
) -> tuple[TrainingState, list[LogLine]]:
    source = shapes_source(PRESET, labelled=bool(config.classes))
    return train(config, source, folder, progress=False, **options)
