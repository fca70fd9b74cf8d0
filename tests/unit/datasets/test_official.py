"""UCF101 and HMDB51 divided as their makers did."""

import logging

import numpy as np
import pytest

from tests.support.official_lists import (
    CLASSES,
    FILMS,
    hmdb51_name,
    ucf101_name,
    write_hmdb51_lists,
    write_ucf101_lists,
)
from tests.support.videos import write_lossless
from vgan_tutorial.datasets import (
    HMDB51,
    UCF101,
    PackedClips,
    official_split,
    pack_videos,
    read_ucf101_lists,
)
from vgan_tutorial.errors import DataError
from vgan_tutorial.preprocessing import preprocess_video


@pytest.fixture
def ucf101(tmp_path):
    """A small UCF101: three classes, six groups."""
    for seed, name in enumerate(write_ucf101_lists(tmp_path / "ucfTrainTestlist")):
        write_lossless(tmp_path / "UCF-101" / name, frames=6, seed=seed)
    return tmp_path


def test_ucf101_clips_and_labels(ucf101):
    train = UCF101(ucf101, split=2, frames=4, size=16)
    test = UCF101(ucf101, split=2, part="test", frames=4, size=16)
    assert (len(train), len(test)) == (12, 6)
    assert not {entry.group for entry in train.entries} & {entry.group for entry in test.entries}
    for index, entry in enumerate(test.entries):
        clip, label = test[index]
        assert CLASSES[label] == entry.label
        np.testing.assert_array_equal(clip, preprocess_video(entry.path, 4, 16))


@pytest.mark.parametrize("folder", ["HandStandPushups", "handstandpushups"])
def test_the_folder_may_be_spelt_otherwise(ucf101, folder):
    videos = ucf101 / "UCF-101"
    (videos / "HandstandPushups").rename(videos / "moved")
    (videos / "moved").rename(videos / folder)
    train = UCF101(ucf101, frames=4, size=16)
    assert len(train) == 12
    assert train[[e.path.parent.name for e in train.entries].index(folder)][1] == 0


def test_validation_takes_whole_groups_from_train_alone(ucf101):
    parts = {
        part: UCF101(ucf101, part=part, validation=0.25, seed=1)
        for part in ("train", "validation", "test")
    }
    groups = {part: {entry.group for entry in videos.entries} for part, videos in parts.items()}
    assert [len(groups[part]) for part in parts] == [3, 1, 2]
    assert len(set.union(*groups.values())) == 6
    whole = UCF101(ucf101)
    assert {e.name for part in ("train", "validation") for e in parts[part].entries} == {
        entry.name for entry in whole.entries
    }
    with pytest.raises(DataError, match="no file of the part 'validation'"):
        UCF101(ucf101, part="validation")


def test_files_that_are_missing_or_in_no_list(ucf101, caplog):
    videos = ucf101 / "UCF-101"
    (videos / ucf101_name("Surfing", 1, 1)).unlink()
    write_lossless(videos / "Surfing" / "extra.avi")
    with caplog.at_level(logging.WARNING):
        train = UCF101(ucf101)
    assert "1 of 18 listed files are not there" in caplog.text
    assert "1 of 18 files are in no list" in caplog.text
    assert "Surfing/extra.avi" not in {entry.name for entry in train.entries}
    assert len(train) == 11


def test_official_split_of_a_pack(ucf101, tmp_path):
    pack_videos(ucf101 / "UCF-101", tmp_path / "pack", 16, 4, progress=False)
    names = [clip.name for clip in PackedClips(tmp_path / "pack", 4).clips]
    lists = read_ucf101_lists(ucf101 / "ucfTrainTestlist", 3)
    split = official_split(names, lists)
    assert {names[index] for index in split.test} == set(lists.test)
    assert {names[index] for index in split.train} == set(lists.train)
    with pytest.raises(ValueError, match=r"none of the 1 names .* 'HandstandPushups/"):
        official_split(["a.avi"], lists)


def test_hmdb51_groups_are_films(tmp_path):
    write_hmdb51_lists(tmp_path / HMDB51.OFFICIAL.lists)
    for label in ("walk", "shake_hands"):
        for film in FILMS:
            for clip in range(2):
                name = hmdb51_name(label, film, clip)
                write_lossless(tmp_path / HMDB51.OFFICIAL.videos / label / name, frames=5)
    train = HMDB51(tmp_path, frames=4, size=16)
    assert {entry.group for entry in train.entries} == {"Jaws", "Heat"}
    assert train[0][0].shape == (4, 16, 16, 3)
    validation = HMDB51(tmp_path, part="validation", validation=0.5)
    assert len({entry.group for entry in validation.entries}) == 1
    assert len(validation) == 4
