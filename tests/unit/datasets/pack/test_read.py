"""Reading packed clips."""

import logging
import pickle
from itertools import islice

import numpy as np
import pytest
import torch

from tests.support.seeds import seeded
from tests.support.video_folders import make_folder
from tests.support.videos import truncate
from vgan_tutorial.datasets import (
    PackedClips,
    batches,
    pack_videos,
    split_by_group,
)
from vgan_tutorial.errors import DataError
from vgan_tutorial.pixels import to_model_range


@pytest.fixture
def pack(tmp_path):
    source = make_folder(tmp_path / "set")
    return pack_videos(source, tmp_path / "pack", 16, 4, progress=False).path


def test_windows_are_views_of_the_file(pack):
    packed = PackedClips(pack, frames=4, stride=2)
    window = packed.window(1, 3)
    first = packed.clips[1].start + 3
    np.testing.assert_array_equal(window, packed.array[first : first + 7 : 2])
    assert np.shares_memory(window, packed.array)
    assert not window.flags.writeable
    with pytest.raises(ValueError, match="no window of 4 with stride 2 starts at 5"):
        packed.window(1, 5)


def test_a_window_of_any_stride(pack):
    packed = PackedClips(pack, frames=4)
    first = packed.clips[2].start
    np.testing.assert_array_equal(
        packed.window(2, 1, stride=3), packed.array[[first + at for at in (1, 4, 7, 10)]]
    )
    for start, stride in ((3, 3), (-1, 1), (0, 0), (0, -1)):
        with pytest.raises(ValueError, match=f"with stride {stride} starts at {start}"):
            packed.window(2, start, stride)


def test_a_copy_for_another_process_carries_no_frames(pack):
    packed = PackedClips(pack, frames=4, subset=[3, 1])
    data = pickle.dumps(packed)
    assert len(data) < packed.array.nbytes / 4
    copy = pickle.loads(data)
    assert isinstance(copy.array, np.memmap)
    np.testing.assert_array_equal(copy[1][0], packed[1][0])
    loader = torch.utils.data.DataLoader(
        packed, batch_size=2, num_workers=1, multiprocessing_context="spawn"
    )
    ((clips, labels),) = loader
    assert clips.dtype == torch.uint8
    np.testing.assert_array_equal(clips[0].numpy(), packed[0][0])
    assert labels.tolist() == packed.labels.tolist()


def test_random_windows_stay_inside_their_clip_and_reach_both_ends(pack):
    packed = PackedClips(pack, frames=4, stride=3)
    clip, rows = packed.draw(4000, seeded())
    first = torch.tensor([clip.start for clip in packed.clips])[clip]
    length = torch.tensor([clip.frames for clip in packed.clips])[clip]
    assert (rows[:, 0] >= first).all()
    assert (rows[:, -1] < first + length).all()
    assert (rows.diff(dim=1) == 3).all()
    assert (rows[:, 0] == first).any()
    assert (rows[:, -1] == first + length - 1).any()
    starts = {(int(i), int(s)) for i, s in zip(clip, rows[:, 0] - first, strict=True)}
    assert len(starts) == sum(length - 9 for length in range(10, 18))


@pytest.mark.parametrize("hold_bytes", [0, 2**28])
def test_batches_are_model_ready_seeded_and_the_same_held_or_mapped(pack, hold_bytes):
    packed = PackedClips(pack, frames=4)
    made = list(islice(batches(packed, 6, seeded(5), hold_bytes=hold_bytes), 3))
    draw = seeded(5)
    for clips, labels in made:
        index, rows = packed.draw(6, draw)
        assert clips.shape == (6, 3, 4, 16, 16)
        expected = to_model_range(torch.from_numpy(packed.array[rows.numpy()]))
        torch.testing.assert_close(clips, expected, rtol=0, atol=0)
        names = [packed.classes[label] for label in labels]
        assert names == [packed.clips[i].label for i in index]


def test_batches_carry_on_from_a_saved_generator(pack):
    packed = PackedClips(pack, frames=4)
    draw = seeded(1)
    stream = batches(packed, 4, draw)
    next(stream)
    state = draw.get_state()
    expected, _ = next(stream)
    again = torch.Generator()
    again.set_state(state)
    assert torch.equal(next(batches(packed, 4, again))[0], expected)


def test_subset_and_groups_fit_the_splits(pack):
    packed = PackedClips(pack, frames=4)
    split = split_by_group(packed.groups, shares=(0.5, 0.0, 0.5))
    train = PackedClips(pack, frames=4, subset=split.train)
    test = PackedClips(pack, frames=4, subset=split.test)
    assert len(train) + len(test) == len(packed)
    assert not set(train.groups) & set(test.groups)
    assert train.classes == test.classes == packed.classes
    index, rows = test.draw(200, seeded())
    allowed = {clip.start + i for clip in test.clips for i in range(clip.frames)}
    assert set(rows.flatten().tolist()) <= allowed
    assert len(set(index.tolist())) == len(test)


def test_clips_shorter_than_a_window_are_left_out_and_counted(pack, caplog):
    with caplog.at_level(logging.WARNING):
        packed = PackedClips(pack, frames=15)
    assert [clip.frames for clip in packed.clips] == [15, 16, 17]
    assert "5 of 8 clips have fewer than 15 frames" in caplog.text
    with pytest.raises(DataError, match="none of the 8 clips asked for has the 18 frames"):
        PackedClips(pack, frames=18)


def test_no_pack_and_damaged_packs(pack, tmp_path):
    with pytest.raises(DataError, match="there is no pack here"):
        PackedClips(tmp_path / "nothing")
    truncate(pack / "clips.npy", 0.9)
    with pytest.raises(DataError, match="is damaged"):
        PackedClips(pack)
    (pack / "clips.npy").write_bytes(b"")
    with pytest.raises(DataError, match=r"its clips\.npy is missing, cut off or no array"):
        PackedClips(pack)


def test_table_and_array_that_disagree(pack):
    table = pack / "clips.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match="the table names 91 frames"):
        PackedClips(pack)
