"""Read packed clips: windows of a memory-mapped array, and endless batches of them."""

import csv
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from vgan_tutorial.datasets.pack.format import (
    ARRAY,
    DTYPE,
    FORMAT,
    SETTINGS,
    TABLE,
    PackedClip,
    is_pack,
    map_array,
    partial_of,
    read_clips,
    read_settings,
)
from vgan_tutorial.errors import DataError
from vgan_tutorial.pixels import to_model_range
from vgan_tutorial.preprocessing import window_starts

logger = logging.getLogger(__name__)

HOLD_BYTES = 2**28  # packs up to this size are held whole where they are used


class Window(NamedTuple):
    """The place of a window in a pack."""

    clip: int  # which clip
    start: int  # its first frame in the window
    stride: int = 1  # step between frames


class PackedClips(Dataset[tuple[UInt8[np.ndarray, "time size size 3"], int]]):
    """Clips of a fixed number of frames out of a pack made by `pack_videos`.

    `packed[i]` is the first window of clip i, and the index of its class in `classes`. `window`
    gives any other, `draw` random ones. The array is memory-mapped: what is not touched is not
    read, and a window of consecutive frames is a view of the file, not a copy.

    Clips shorter than a window are left out, and their number is logged.

    Args:
        path: folder of the pack.
        frames: frames in a window.
        stride: step between them.
        subset: rows of the table to use, in this order; all by default. `split_by_group`
            makes such lists from `groups`.

    Attributes:
        array: uint8 (all frames, size, size, 3), read-only.
        clips: the rows that are used.
        classes: names of the classes of the whole pack, sorted.
        labels: index into `classes` of each clip.
        starts: places in each clip where a window can begin.

    Raises:
        DataError: there is no pack, it is damaged, or no clip is long enough.
        IndexError: `subset` names a row that is not there.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        frames: int = 16,
        stride: int = 1,
        subset: Sequence[int] | None = None,
    ) -> None:
        self.path = Path(path)
        self.frames = frames
        self.stride = stride
        self.array, table = _open_pack(self.path)
        self.classes = sorted({clip.label for clip in table})
        chosen = table if subset is None else [table[row] for row in subset]
        self.clips = [clip for clip in chosen if window_starts(clip.frames, frames, stride)]
        self._check_lengths(len(chosen))
        self.labels = torch.tensor([self.classes.index(clip.label) for clip in self.clips])
        self._firsts = torch.tensor([clip.start for clip in self.clips])
        self.starts = torch.tensor(
            [window_starts(clip.frames, frames, stride) for clip in self.clips]
        )

    def _check_lengths(self, chosen: int) -> None:
        short = chosen - len(self.clips)
        span = (self.frames - 1) * self.stride + 1
        if not self.clips:
            raise DataError(
                self.path,
                f"none of the {chosen} clips asked for has the {span} frames of a window",
                "Ask for fewer frames or a smaller stride",
            )
        if short:
            logger.warning(
                "%s: %d of %d clips have fewer than %d frames and are left out",
                self.path,
                short,
                chosen,
                span,
            )

    @property
    def size(self) -> int:
        """Side of a frame in pixels."""
        return self.array.shape[1]

    @property
    def groups(self) -> list[str]:
        """The group of each clip, for `split_by_group`."""
        return [clip.group for clip in self.clips]

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> tuple[UInt8[np.ndarray, "time size size 3"], int]:
        return self.window(index, 0), int(self.labels[index])

    def window(
        self, index: int, start: int, stride: int | None = None
    ) -> UInt8[np.ndarray, "time size size 3"]:
        """The window of clip `index` that begins at its frame `start`: a view, read-only.

        Args:
            index: number of the clip.
            start: its first frame in the window.
            stride: step between frames; the data set's own if None.

        Raises:
            ValueError: the window does not fit the clip.
        """
        clip = self.clips[index]
        step = self.stride if stride is None else stride
        if step < 1 or not 0 <= start < window_starts(clip.frames, self.frames, step):
            raise ValueError(
                f"{clip.name} has {clip.frames} frames: no window of {self.frames} with stride "
                f"{step} starts at {start}"
            )
        first = clip.start + start
        return self.array[first : first + (self.frames - 1) * step + 1 : step]

    def read(self, windows: Sequence[Window]) -> UInt8[Tensor, "batch time size size 3"]:
        """Copy any windows into one batch.

        Raises:
            ValueError: there are none, or one does not fit its clip.
        """
        if not windows:
            raise ValueError("a batch needs at least one window")
        batch = torch.empty((len(windows), self.frames, *self.array.shape[1:]), dtype=torch.uint8)
        rows = batch.numpy()  # the same memory
        for place, (clip, start, stride) in enumerate(windows):
            rows[place] = self.window(clip, start, stride)
        return batch

    def __getstate__(self) -> dict[str, Any]:
        """What a data loader's workers get: where the array is, not the gigabytes in it."""
        return {**self.__dict__, "array": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.array, _ = _open_pack(self.path)

    def draw(
        self, batch: int, generator: torch.Generator
    ) -> tuple[Int[Tensor, " batch"], Int[Tensor, "batch time"]]:
        """Draw random windows: a clip uniformly, then one of its starts uniformly.

        Returns:
            The index of each clip, and the rows of `array` that make up each window.
        """
        device = generator.device
        clip = torch.randint(len(self), (batch,), generator=generator, device=device).cpu()
        place = torch.rand(batch, generator=generator, device=device, dtype=torch.float64).cpu()
        start = self._firsts[clip] + (place * self.starts[clip]).long()
        return clip, start[:, None] + self.stride * torch.arange(self.frames)


def batches(
    packed: PackedClips,
    batch: int,
    generator: torch.Generator,
    device: torch.device | str = "cpu",
    hold_bytes: int = HOLD_BYTES,
    mirror: bool = False,
) -> Iterator[tuple[Float[Tensor, "batch 3 time size size"], Int[Tensor, " batch"]]]:
    """Yield random batches without end, ready for a model, with the index of each clip's class.

    The generator alone decides what comes: saving its state is enough to carry on where one
    stopped, and one on the CPU gives the same batches whatever the device.

    Args:
        packed: source of the clips.
        batch: clips in a batch, drawn with replacement.
        generator: source of the random windows.
        device: place of the batches. Bytes travel, floats are made on arrival.
        hold_bytes: a pack no larger than this is held on the device as a whole; of a larger one,
            only the windows drawn are read.
        mirror: True exchanges left and right in half of the clips, drawn by chance, in all frames
            of each. See `augmentation.mirror` for what it must not be used for.
    """
    held = None
    if packed.array.nbytes <= hold_bytes:
        held = torch.from_numpy(np.array(packed.array)).to(device)
    while True:
        clip, rows = packed.draw(batch, generator)
        if held is None:
            stored = torch.from_numpy(packed.array[rows.numpy()]).to(device)
        else:
            stored = held[rows.to(device)]
        if mirror:
            place = generator.device
            turned = torch.rand(batch, generator=generator, device=place).to(device) < 0.5
            stored = torch.where(turned[:, None, None, None, None], stored.flip(3), stored)
        yield to_model_range(stored), packed.labels[clip].to(device)


def _open_pack(
    path: Path,
) -> tuple[UInt8[np.ndarray, "frames size size 3"], list[PackedClip]]:
    if not is_pack(path):
        if partial_of(path).exists():
            raise DataError(path, "its packing was not finished", "Run the same packing again")
        raise DataError(path, "there is no pack here", "Make one with `vgan pack`")
    form = (read_settings(path) or {}).get("format")
    if not isinstance(form, int):
        problem = f"is damaged: its {SETTINGS} is missing or does not say what form it has"
        raise DataError(path, problem, "Pack the videos again")
    if form > FORMAT:
        problem = f"is of form {form}, and this version reads forms up to {FORMAT}"
        raise DataError(path, problem, "Install a newer version, or pack the videos again")
    try:
        array = map_array(path)
    except (OSError, ValueError, EOFError) as error:
        problem = f"is damaged: its {ARRAY} is missing, cut off or no array"
        raise DataError(path, problem, "Pack the videos again") from error
    try:
        table = read_clips(path)
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        problem = f"is damaged: its {TABLE} has a row that cannot be read ({error!r})"
        raise DataError(path, problem, "Pack the videos again") from error
    expected = sum(clip.frames for clip in table)
    if array.dtype != DTYPE or array.ndim != 4 or len(array) != expected or not table:
        raise DataError(
            path,
            f"is damaged: the table names {expected} frames, the array is "
            f"{array.dtype} {array.shape}",
            "Pack the videos again",
        )
    return array, table
