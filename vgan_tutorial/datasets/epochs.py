"""Epochs over packed clips: every clip once, in an order that a seed and a number decide.

`batches` draws clips with replacement, for as long as anybody asks: what a GAN wants. An *epoch*
shows each clip once, which is what counting and measuring want. It can be read by several worker
processes, and shared out among several training processes, and neither changes what comes.

Training does not read epochs (see `training.pack_source`): a pack may hold fewer clips than a
batch, and a step that draws with replacement depends on no step before it.

torch's `DataLoader` moves the data. The order is made here, so that it depends on nothing but the
seed, the number of the epoch and the number of training processes.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from vgan_tutorial.datasets.pack.read import PackedClips, Window

# What to do with the clips that do not fill the last batches of all processes alike.
Rest = Literal["drop", "repeat"]
# How PyTorch's errors say that shared memory is full.
FULL = ("shared memory", "No space left on device", "Bus error")
Batch = tuple[UInt8[Tensor, "batch time size size 3"], Int[Tensor, " batch"]]


class EpochSampler(Sampler[list[Window]]):
    """The windows of an epoch, batch by batch, for one training process of several.

    Every process makes the same list of windows, one a clip, and takes every `world_size`-th of
    it. All get the same number of batches of the same sizes: a process with a batch less would
    leave the others waiting for it for ever.

    Args:
        packed: source of the clips.
        batch: clips in a batch, in each process.
        seed: decides, with the number of the epoch, the order and where the windows begin.
        shuffle: if False, clips come in the pack's order, each from its first frame.
        rank: number of this process, from 0.
        world_size: number of processes.
        rest: "drop" leaves out the clips that do not fill a batch in every process, fewer than
            `batch * world_size`, others in every epoch. "repeat" shows them all: the last batch
            is smaller, and up to `world_size - 1` clips come twice.

    Attributes:
        epoch: number of the epoch that iteration gives; set it before each.

    Raises:
        ValueError: a number is out of range, or "drop" would leave nothing.
    """

    def __init__(
        self,
        packed: PackedClips,
        batch: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
        rest: Rest = "drop",
    ) -> None:
        if batch < 1 or seed < 0 or not 0 <= rank < world_size:
            raise ValueError(
                "batch must be positive, seed at least 0 and rank below world_size, "
                f"got batch {batch}, seed {seed}, rank {rank} of {world_size}"
            )
        if rest not in ("drop", "repeat"):
            raise ValueError(f"rest must be 'drop' or 'repeat', got {rest!r}")
        self.packed = packed
        self.batch = batch
        self.seed = seed
        self.shuffle = shuffle
        self.rank = rank
        self.world_size = world_size
        self.rest = rest
        self.epoch = 0
        if not len(self):
            raise ValueError(
                f"{len(packed)} clips do not fill one batch of {batch} in each of {world_size} "
                "processes: take smaller batches, or rest='repeat'"
            )

    def __len__(self) -> int:
        """Batches in an epoch, the same in every process."""
        if self.rest == "drop":
            return len(self.packed) // (self.batch * self.world_size)
        return -(-len(self.packed) // (self.batch * self.world_size))

    def __iter__(self) -> Iterator[list[Window]]:
        mine = self._windows()[self.rank :: self.world_size]
        for begin in range(0, len(mine), self.batch):
            yield mine[begin : begin + self.batch]

    def _windows(self) -> list[Window]:
        """The epoch's windows for all processes together, as many for one as for another."""
        count = len(self.packed)
        order = np.arange(count)
        begin = np.zeros(count, np.int64)
        if self.shuffle:
            # Both numbers seed the stream; adding them would make seed 1 repeat seed 0's epochs.
            draw = np.random.default_rng((self.seed, self.epoch))
            order = draw.permutation(count)
            begin = draw.integers(0, self.packed.starts.numpy())
        if self.rest == "drop":
            order = order[: len(self) * self.batch * self.world_size]
        else:
            shared = -(-count // self.world_size) * self.world_size
            order = np.resize(order, shared)  # which repeats from the beginning
        stride = self.packed.stride
        return [Window(int(clip), int(begin[clip]), stride) for clip in order]


class EpochLoader:
    """Read epochs of packed clips, with workers, for one training process of several.

    For example::

        loader = EpochLoader(packed, batch=32, workers=2, device=device)
        for epoch in range(10):
            for clips, labels in loader.epoch(epoch):
                real = to_model_range(clips)  # on the device: bytes travel, not floats

    What comes does not depend on the number of workers. With `accelerate`, give its
    `process_index` and `num_processes` as `rank` and `world_size`.

    Args:
        packed: source of the clips. Labels are places in `packed.classes`.
        batch: clips in a batch, in each process.
        device: place of the batches. For one that is not the CPU they are read into
            pinned memory, from where the device fetches them while the model works.
        workers: number of processes that read ahead; 0 reads when asked. They stay from epoch to
            epoch.
        seed: see `EpochSampler`.
        shuffle: see `EpochSampler`.
        rank: see `EpochSampler`.
        world_size: see `EpochSampler`.
        rest: see `EpochSampler`.

    Raises:
        ValueError: see `EpochSampler`.
    """

    def __init__(
        self,
        packed: PackedClips,
        batch: int,
        *,
        device: torch.device | str = "cpu",
        workers: int = 0,
        seed: int = 0,
        shuffle: bool = True,
        rank: int = 0,
        world_size: int = 1,
        rest: Rest = "drop",
    ) -> None:
        self.device = torch.device(device)
        self.sampler = EpochSampler(
            packed,
            batch,
            seed=seed,
            shuffle=shuffle,
            rank=rank,
            world_size=world_size,
            rest=rest,
        )
        self._loader: DataLoader[Batch] = DataLoader(
            _Batches(packed),
            batch_size=None,  # what the sampler names is a whole batch, and is read as one
            sampler=self.sampler,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self.device.type != "cpu",
            collate_fn=_as_it_is,  # type: ignore[arg-type]
            generator=torch.Generator(),  # else the workers' seed is drawn from the global state
        )

    def __len__(self) -> int:
        """Batches in an epoch, the same in every process."""
        return len(self.sampler)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of epoch `number`, from 0: stored clips on the device, and labels.

        Any epoch can be read at any time, so a run that was interrupted goes on with the number
        that it had reached.

        Raises:
            ValueError: `number` is negative.
            MemoryError: batches do not fit the shared memory, through which workers hand them over.
        """
        if number < 0:
            raise ValueError(f"epochs count from 0, got {number}")
        self.sampler.epoch = number
        try:
            for clips, labels in self._loader:
                yield (
                    clips.to(self.device, non_blocking=True),
                    labels.to(self.device, non_blocking=True),
                )
        except RuntimeError as error:
            if not any(sign in str(error) for sign in FULL):
                raise
            raise MemoryError(
                "the workers' batches do not fit the shared memory (/dev/shm): take fewer workers, "
                "a smaller batch, or workers=0; a container may be given more of it "
                "(docker run --shm-size=1g)"
            ) from error


class _Batches(Dataset[Batch]):
    """Whole batches, by lists of windows: reading many at once costs less than one by one."""

    def __init__(self, packed: PackedClips) -> None:
        self.packed = packed

    def __getitem__(self, windows: list[Window]) -> Batch:
        labels = self.packed.labels[[window.clip for window in windows]]
        return self.packed.read(windows), labels


def _as_it_is(batch: Batch) -> Batch:
    return batch
