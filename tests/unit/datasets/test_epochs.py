"""Epochs over packed clips: their order, workers, and sharing out among processes."""

from collections import Counter

import numpy as np
import pytest
import torch

from tests.support.video_folders import make_folder
from vgan_tutorial.datasets import EpochLoader, EpochSampler, PackedClips, Window, pack_videos


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Fourteen clips of 10 to 23 frames."""
    root = tmp_path_factory.mktemp("epochs")
    source = make_folder(root / "set", groups=7, clips=1)
    return PackedClips(pack_videos(source, root / "pack", 16, 4, progress=False).path, frames=4)


def windows(packed, epoch=0, **settings):
    sampler = EpochSampler(packed, **settings)
    sampler.epoch = epoch
    made = list(sampler)
    assert len(made) == len(sampler)
    return made


def test_read_copies_any_windows(packed):
    wanted = [Window(3, 2, 1), Window(0, 0, 3), Window(3, 2, 1)]
    batch = packed.read(wanted)
    assert batch.dtype == torch.uint8
    for clip, (index, start, stride) in zip(batch, wanted, strict=True):
        first = packed.clips[index].start + start
        rows = first + stride * np.arange(4)
        np.testing.assert_array_equal(clip.numpy(), packed.array[rows])
    batch[0] = 0  # a copy: it may be changed
    assert packed.window(3, 2).any()
    with pytest.raises(ValueError, match="no window of 4 with stride 5 starts at 0"):
        packed.read([Window(0, 0, 5)])
    with pytest.raises(ValueError, match="at least one window"):
        packed.read([])


def test_an_epoch_holds_every_clip_once(packed):
    made = windows(packed, batch=4, rest="repeat")
    assert [len(batch) for batch in made] == [4, 4, 4, 2]
    assert sorted(window.clip for batch in made for window in batch) == list(range(14))


def test_seed_and_number_decide_the_epoch(packed):
    first = windows(packed, batch=7, seed=1, epoch=2)
    assert first == windows(packed, batch=7, seed=1, epoch=2)
    others = [windows(packed, batch=7, seed=s, epoch=e) for s, e in ((1, 3), (2, 1), (2, 2))]
    assert all(other != first for other in others)


def test_windows_begin_anywhere_in_their_clip(packed):
    seen = {
        (window.clip, window.start)
        for epoch in range(400)
        for batch in windows(packed, batch=7, epoch=epoch)
        for window in batch
    }
    assert seen == {(clip, start) for clip in range(14) for start in range(10 + clip - 3)}


def test_without_shuffling_clips_come_in_order_from_their_first_frames(packed):
    made = windows(packed, batch=5, shuffle=False, rest="repeat")
    assert [window for batch in made for window in batch] == [Window(i, 0, 1) for i in range(14)]


@pytest.mark.parametrize("world_size", [1, 2, 3, 5])
@pytest.mark.parametrize("rest", ["drop", "repeat"])
def test_processes_share_an_epoch_and_have_equal_batches(packed, world_size, rest):
    shares = [
        windows(packed, batch=2, epoch=3, rank=rank, world_size=world_size, rest=rest)
        for rank in range(world_size)
    ]
    sizes = [[len(batch) for batch in share] for share in shares]
    assert all(size == sizes[0] for size in sizes)
    count = Counter(window.clip for share in shares for batch in share for window in batch)
    if rest == "drop":
        assert set(sizes[0]) == {2}
        assert set(count.values()) == {1}
        assert 14 - len(count) < 2 * world_size
    else:
        assert set(count) == set(range(14))
        assert count.total() - 14 < world_size


def test_dropped_clips_change_from_epoch_to_epoch(packed):
    seen = {
        window.clip
        for epoch in range(20)
        for batch in windows(packed, batch=13, epoch=epoch)
        for window in batch
    }
    assert seen == set(range(14))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_bytes_and_do_not_depend_on_the_workers(packed, workers):
    loader = EpochLoader(packed, 4, seed=5, workers=workers)
    for number in (0, 3, 0):
        made = list(loader.epoch(number))
        expected = windows(packed, batch=4, seed=5, epoch=number)
        assert len(made) == len(loader) == len(expected) == 3
        for (clips, labels), batch in zip(made, expected, strict=True):
            assert clips.dtype == torch.uint8
            assert torch.equal(clips, packed.read(batch))
            assert labels.tolist() == [int(packed.labels[window.clip]) for window in batch]


def test_batches_arrive_on_the_device(packed):
    if not torch.accelerator.is_available():
        pytest.skip("memory is pinned for an accelerator, and there is none")
    device = torch.accelerator.current_accelerator()
    assert device is not None
    for clips, labels in EpochLoader(packed, 4, device=device).epoch(0):
        assert clips.device.type == labels.device.type == device.type


@pytest.mark.parametrize(
    "words",
    [
        "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that workers are "
        "out of shared memory.",
        "unable to write to file </torch_7_1>: No space left on device (28)",
    ],
)
def test_full_shared_memory_is_named(packed, words):
    loader = EpochLoader(packed, 4)

    def fail(error: str):
        raise RuntimeError(error)
        yield

    loader._loader = fail(words)
    with pytest.raises(MemoryError, match="take fewer workers, a smaller batch, or workers=0"):
        next(loader.epoch(0))
    loader._loader = fail("something else")
    with pytest.raises(RuntimeError, match="something else"):
        next(loader.epoch(0))


def test_the_global_state_of_chance_is_left_alone(packed):
    before = torch.get_rng_state()
    list(EpochLoader(packed, 4, seed=5).epoch(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_strided_packs_give_strided_windows(packed):
    strided = PackedClips(packed.path, frames=4, stride=3)
    for batch in windows(strided, batch=3):
        for clip, start, stride in batch:
            assert stride == 3
            assert start + 9 < strided.clips[clip].frames


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch": 0}, "batch 0"),
        ({"batch": 2, "seed": -1}, "seed at least 0"),
        ({"batch": 2, "rank": 2, "world_size": 2}, "rank 2 of 2"),
        ({"batch": 15}, "14 clips do not fill one batch of 15"),
        ({"batch": 5, "world_size": 3}, "in each of 3 processes"),
    ],
)
def test_settings_out_of_range(packed, settings, message):
    with pytest.raises(ValueError, match=message):
        EpochSampler(packed, **settings)


def test_epochs_count_from_zero(packed):
    with pytest.raises(ValueError, match="count from 0"):
        next(EpochLoader(packed, 4).epoch(-1))
