"""Where real clips come from."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch

from vgan_tutorial.datasets import PackedClips, Window
from vgan_tutorial.devices import pinned, send
from vgan_tutorial.pixels import to_model_range
from vgan_tutorial.shapes import Preset, draw_clips, get_preset, sample_factors
from vgan_tutorial.sprites import Sheets, draw_acts, sample_acts, split_characters
from vgan_tutorial.training.config import TrainingConfig
from vgan_tutorial.training.processes import own_rows, own_share, process_count
from vgan_tutorial.training.state import TrainingState
from vgan_tutorial.types import Clips, Labels

Read = TypeVar("Read")

AHEAD = 2  # batches that are read, each by a thread, while the step works on the one before


@runtime_checkable
class ClipSource(Protocol):
    """Opens an endless stream of batches of real clips, in model range."""

    def __call__(self, batch: int, randomness: torch.Generator, step: int = 0) -> Iterator[Any]:
        """Tensors of clips, or pairs of clips and labels.

        With several processes all draw the same batch, and each stream gives its process's share.

        Args:
            batch: clips in a batch, over all processes.
            randomness: decides what comes: by its state, or by its seed and the step.
            step: number of the step that the first batch is for.
        """


@contextmanager
def opened(
    source: ClipSource, config: TrainingConfig, state: TrainingState
) -> Iterator[Iterator[Any]]:
    """A source's clips, from the next step on. Whatever reads ahead for it ends with the block."""
    clips = source(config.batch * config.discriminator_steps, state.randomness, state.step)
    try:
        yield clips
    finally:
        if isinstance(clips, Generator):
            clips.close()


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
    classes = torch.tensor([ordered.index(name) for name in chosen.motions], device=device)

    def stream(batch: int, randomness: torch.Generator, step: int = 0) -> Iterator[Any]:
        while True:
            factors = own_share(sample_factors(chosen, batch, randomness)).to(device)
            clips = draw_clips(factors, chosen)
            yield (clips, classes[factors.motion]) if labelled else clips

    return stream


def sprites_source(
    sheets: Sheets,
    frames: int = 8,
    size: int = 32,
    device: torch.device | str = "cpu",
    labelled: bool = False,
    part: str = "train",
    everything: bool = False,
) -> ClipSource:
    """Sprites that act, drawn anew for every batch, on the device.

    Args:
        sheets: what characters are made of.
        frames: of a clip, a pose each.
        size: height and width in pixels; it divides 64.
        device: where the clips are wanted.
        labelled: give each clip's class too: its action and direction, a place in `ACT_NAMES`.
        part: of the characters: train, validation, test or all.
        everything: a class says more: the sheet of every part of the body too. It counts through
            all combinations of the factors, see `latents.read_labels`.
    """
    characters, here = split_characters(sheets.counts, part), sheets.to(device)

    def stream(batch: int, randomness: torch.Generator, step: int = 0) -> Iterator[Any]:
        while True:
            acts = own_share(sample_acts(characters, batch, randomness)).to(device)
            clips = draw_acts(here, acts, frames, size)
            said = acts.labels(here.counts) if everything else acts.cell
            yield (clips, said) if labelled else clips

    return stream


def pack_source(
    packed: PackedClips, device: torch.device | str = "cpu", labelled: bool = False
) -> ClipSource:
    """Random windows of packed clips: real video files, decoded once by `vgan pack`.

    Threads read ahead, and a process reads its own rows only. Bytes travel, from pinned memory
    where there is a GPU, and become floats on arrival.

    Threads and not the worker processes of a `DataLoader` (see `datasets.EpochLoader`): to read a
    window is to copy it, Python lets other threads run meanwhile, and a thread needs no second
    copy to hand its batch over. Nor is there a process that a signal could kill or a crash forget.

    Args:
        packed: where the clips come from.
        device: where the clips are wanted.
        labelled: give each clip's class too, as a place in `packed.classes`.
    """

    def stream(batch: int, randomness: torch.Generator, step: int = 0) -> Iterator[Any]:
        seed = randomness.initial_seed()

        def read(step: int) -> tuple[torch.Tensor, torch.Tensor]:
            mine = draw_windows(packed, batch, seed, step)[own_rows()]
            labels = packed.labels[[window.clip for window in mine]]
            return pinned(packed.read(mine), device), pinned(labels, device)

        for stored, labels in read_ahead(read, step):
            clips = to_model_range(send(stored, device))
            yield (clips, send(labels, device)) if labelled else clips

    return stream


def draw_windows(packed: PackedClips, batch: int, seed: int, step: int) -> list[Window]:
    """The windows of a step: any clips, each from any of its starts, drawn with replacement.

    Seed and step decide, and nothing that other draws change. So they can be read before their
    step comes, and a run that goes on finds them with nothing saved.
    """
    draw = np.random.default_rng((seed, step))
    clips = draw.integers(len(packed), size=batch)
    begins = draw.integers(packed.starts.numpy()[clips])
    return [
        Window(int(clip), int(begin), packed.stride)
        for clip, begin in zip(clips, begins, strict=True)
    ]


def read_ahead(read: Callable[[int], Read], step: int) -> Generator[Read, None, None]:
    """What `read` gives for this step, the next, and so on; `AHEAD` of them before they are due."""
    threads = ThreadPoolExecutor(AHEAD, "reading")
    try:
        coming = deque(threads.submit(read, step + later) for later in range(AHEAD))
        for later in count(step + AHEAD):
            yield coming.popleft().result()
            coming.append(threads.submit(read, later))
    finally:
        threads.shutdown(cancel_futures=True)
