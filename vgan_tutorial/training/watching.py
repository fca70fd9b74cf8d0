"""What is looked at while a run goes on: the judge's figures, pictures, curves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vgan_tutorial.oracle import judged
from vgan_tutorial.pixels import to_uint8
from vgan_tutorial.shapes import Preset, get_preset
from vgan_tutorial.sprites import Sheets, SpritesJudge, judged_acts
from vgan_tutorial.types import Clips

# Turns clips of the averaged generator, on its device, into figures for the log.
Judge = Callable[[Clips], dict[str, int | float]]


def shapes_judge(preset: str | Preset = "tiny") -> Judge:
    """The exact judge's figures of Moving Shapes, rounded to four digits."""
    chosen = get_preset(preset)
    names = ("validity", "motion_validity", "cells_found", "histogram_distance")
    return lambda clips: judged(clips, chosen, *names)


def sprites_judge(sheets: Sheets) -> Judge:
    """The exact judge's figures of sprites, rounded to four digits."""
    read = SpritesJudge(sheets)
    return lambda clips: judged_acts([read(clips)], sheets)


def strips(clips: Clips) -> Image.Image:
    """A picture with a row for each clip, its frames from left to right."""
    stored = np.asarray(to_uint8(clips).cpu())  # batch, time, height, width, 3
    rows = np.concatenate(list(stored.swapaxes(0, 1)), axis=2)  # batch, height, time * width, 3
    return Image.fromarray(np.concatenate(list(rows), axis=0))


def open_tensorboard(folder: Path, step: int) -> Any:
    """A writer of TensorBoard's files that goes on after `step`.

    Raises:
        ValueError: if TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ValueError(
            "tensorboard is not installed: pip install 'vgan-tutorial[tensorboard]', or train "
            "without it; log.jsonl holds the same figures"
        ) from error
    return SummaryWriter(str(folder), purge_step=step + 1)


def first_bad(figures: list[dict[str, Tensor]]) -> tuple[int, str] | None:
    """Place in the list and name of the first figure that is NaN or infinite.

    All are read at once, so the device is waited for once. Gradients are not looked at: with fp16
    they are infinite now and then, and the scaler leaves out the step.
    """
    names = [name for name in figures[0] if not name.endswith("_gradient")]
    table = torch.stack([torch.stack([each[name] for name in names]) for each in figures])
    bad = (~torch.isfinite(table)).nonzero().tolist()
    return (bad[0][0], names[bad[0][1]]) if bad else None
