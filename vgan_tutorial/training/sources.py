"""Where real clips come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from vgan_tutorial.datasets import PackedClips, batches
from vgan_tutorial.devices import send
from vgan_tutorial.shapes import Preset, draw_clips, get_preset, sample_factors
from vgan_tutorial.sprites import Sheets, draw_acts, sample_acts, split_characters
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.processes import own_share, process_count
from vgan_tutorial.types import Clips, Labels

# Opens an endless stream of batches of real clips in model range, with or without their classes,
# given the size of a batch and the generator that decides what comes. With several processes all
# draw the same batch, and each stream gives its process's share of it. What is yielded is a tensor
# of clips, or a pair of clips and labels.
ClipSource = Callable[[int, torch.Generator], Iterator[Any]]


def take(
    clips: Iterator[Any], config: TrainingConfig, device: torch.device
) -> tuple[Clips, Labels | None]:
    """The next batch of a source, on the device, after a look at its shape.

    Raises:
        ValueError: if the source has ended, if its clips are not those that the configuration
            describes, or if labels are missing.
    """
    batch = next(clips, None)
    if batch is None:
        raise ValueError("the source of clips has ended; training needs one without an end")
    real, labels = batch if isinstance(batch, tuple) else (batch, None)
    count = config.batch * config.discriminator_steps
    wanted = (count // process_count(), 3, config.frames, config.size, config.size)
    if tuple(real.shape) != wanted:
        raise ValueError(
            f"the source gives clips of shape {tuple(real.shape)}; the configuration says "
            f"{wanted} (clips, channels, frames, height, width)"
        )
    if config.classes and labels is None:
        raise ValueError(
            f"the configuration has {config.classes} classes, but the source gives no labels: "
            "open it with labelled=True"
        )
    return send(real, device), None if labels is None else send(labels, device)


def shapes_source(
    preset: str | Preset = "tiny", device: torch.device | str = "cpu", labelled: bool = False
) -> ClipSource:
    """Moving Shapes, drawn anew for every batch, on the device.

    Args:
        preset: a preset or its name.
        device: where the clips are wanted.
        labelled: give each clip's class too, its motion: the place of the motion's name among the
            preset's in alphabetical order, as in a pack of these clips.
    """
    chosen = get_preset(preset)
    ordered = sorted(chosen.motions)
    classes = torch.tensor([ordered.index(name) for name in chosen.motions])

    def stream(batch: int, randomness: torch.Generator) -> Iterator[Any]:
        while True:
            factors = own_share(sample_factors(chosen, batch, randomness)).to(device)
            clips = draw_clips(factors, chosen)
            yield (clips, classes.to(device)[factors.motion]) if labelled else clips

    return stream


def sprites_source(
    sheets: Sheets,
    frames: int = 8,
    size: int = 32,
    device: torch.device | str = "cpu",
    labelled: bool = False,
    part: str = "train",
) -> ClipSource:
    """Sprites that act, drawn anew for every batch, on the device.

    Args:
        sheets: what characters are made of.
        frames: of a clip, a pose each.
        size: height and width in pixels; it divides 64.
        device: where the clips are wanted.
        labelled: give each clip's class too: its action and direction, a place in `ACT_NAMES`.
        part: of the characters: train, validation, test or all.
    """
    characters, here = split_characters(sheets.counts, part), sheets.to(device)

    def stream(batch: int, randomness: torch.Generator) -> Iterator[Any]:
        while True:
            acts = own_share(sample_acts(characters, batch, randomness)).to(device)
            clips = draw_acts(here, acts, frames, size)
            yield (clips, acts.cell) if labelled else clips

    return stream


def pack_source(
    packed: PackedClips, device: torch.device | str = "cpu", labelled: bool = False
) -> ClipSource:
    """Random windows of packed clips: real video files, decoded once by `vgan pack`.

    Args:
        packed: where the clips come from.
        device: where the clips are wanted.
        labelled: give each clip's class too, as a place in `packed.classes`.
    """

    def stream(batch: int, randomness: torch.Generator) -> Iterator[Any]:
        for clips, labels in batches(packed, batch, randomness, device):
            yield (own_share(clips), own_share(labels)) if labelled else own_share(clips)

    return stream
