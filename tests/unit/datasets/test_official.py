"""UCF101 and HMDB51: lists of the same form as the official ones, made here."""

import logging
from pathlib import Path

import numpy as np
import pytest

from tests.support.videos import write_lossless
from vgan_tutorial.datasets import (
    HMDB51,
    UCF101,
    PackedClips,
    group_of,
    official_split,
    pack_videos,
    read_hmdb51_lists,
    read_ucf101_lists,
)
from vgan_tutorial.preprocessing import preprocess_video
from vgan_tutorial.video_io import VideoError

CLASSES = ("HandstandPushups", "Archery", "Surfing")  # not in alphabetical order
FILMS = ("Jaws", "Walk_the_Line", "Alien", "Heat")


def ucf101_name(label: str, group: int, clip: int) -> str:
    stem = label.replace("Handstand", "HandStand")  # the official files' own slip
    return f"{label}/v_{stem}_g{group:02d}_c{clip:02d}.avi"


def write_ucf101_lists(folder: Path, groups=6, ending="\r\n", test_labels=False) -> list[str]:
    """Group g tests in split g % 3 + 1, as in the original where 7 groups of 25 do."""
    folder.mkdir(parents=True)
    numbered = [f"{number} {label}" for number, label in enumerate(CLASSES, 1)]
    (folder / "classInd.txt").write_bytes((ending.join(numbered) + "\n\n").encode())
    names = []
    for split in (1, 2, 3):
        rows: dict[str, list[str]] = {"train": [], "test": []}
        for number, label in enumerate(CLASSES, 1):
            for group in range(1, groups + 1):
                name = ucf101_name(label, group, 1)
                part = "test" if group % 3 + 1 == split else "train"
                rows[part].append(f"{name} {number}" if part == "train" or test_labels else name)
                names.append(name)
        for part, lines in rows.items():
            text = ending.join(lines[:2]) + ending + "\n".join(lines[2:]) + "\n"  # mixed endings
            (folder / f"{part}list0{split}.txt").write_bytes(text.encode())
    return sorted(set(names))


def hmdb51_name(label: str, film: str, clip: int) -> str:
    return f"{film}_{label}_f_cm_np1_ba_med_{clip}.avi"


def write_hmdb51_lists(folder: Path) -> None:
    folder.mkdir(parents=True)
    for split in (1, 2, 3):
        for label in ("walk", "shake_hands"):
            lines = [
                f"{hmdb51_name(label, film, clip)} {(place + split) % 3} "
                for place, film in enumerate(FILMS)
                for clip in range(2)
            ]
            text = "\n".join(lines) + "\n"
            (folder / f"{label}_test_split{split}.txt").write_text(text)


@pytest.fixture
def ucf101(tmp_path):
    """A small UCF101: three classes, six groups."""
    for seed, name in enumerate(write_ucf101_lists(tmp_path / "ucfTrainTestlist")):
        write_lossless(tmp_path / "UCF-101" / name, frames=6, seed=seed)
    return tmp_path


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("test_labels", [False, True])
def test_ucf101_lists_whatever_their_line_endings_and_labels(tmp_path, ending, test_labels):
    write_ucf101_lists(tmp_path / "lists", 6, ending, test_labels)
    for split in (1, 2, 3):
        lists = read_ucf101_lists(tmp_path / "lists", split)
        assert lists.classes == list(CLASSES)
        assert (len(lists.train), len(lists.test)) == (12, 6)
        assert {group_of(name) for name in lists.test} == {
            f"g{group:02d}" for group in range(1, 7) if group % 3 + 1 == split
        }
        assert "HandstandPushups/v_HandStandPushups_g01_c01.avi" in lists.names


def test_hmdb51_lists(tmp_path):
    write_hmdb51_lists(tmp_path / "lists")
    lists = read_hmdb51_lists(tmp_path / "lists", 2)
    assert lists.classes == ["shake_hands", "walk"]
    assert (len(lists.train), len(lists.test), len(lists.unused)) == (4, 8, 4)
    assert lists.test[0] == "shake_hands/Jaws_shake_hands_f_cm_np1_ba_med_0.avi"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("trainlist01.txt", "Archery/v_Archery_g01_c01.avi 1\n", "contradicts classInd.txt"),
        ("trainlist01.txt", "Fishing/v_Fishing_g01_c01.avi 1\n", "contradicts classInd.txt"),
        ("trainlist01.txt", "<html>404</html>\n", "cannot be read, '<html>404</html>'"),
        (
            "testlist01.txt",
            "Archery/v_Archery_g01_c01.avi\n",
            "its lists name Archery/v_Archery.* twice",
        ),
        ("classInd.txt", "1 HandstandPushups\n3 Archery\n", "does not count its classes"),
    ],
)
def test_damaged_ucf101_lists(tmp_path, name, text, message):
    write_ucf101_lists(tmp_path / "lists")
    (tmp_path / "lists" / name).write_text(text)
    with pytest.raises(VideoError, match=message):
        read_ucf101_lists(tmp_path / "lists")


def test_missing_lists_and_splits_that_do_not_exist(tmp_path):
    with pytest.raises(VideoError, match="there is no such list"):
        read_ucf101_lists(tmp_path)
    with pytest.raises(VideoError, match=r"no list of HMDB51\. Expected .*wave_test_split3"):
        read_hmdb51_lists(tmp_path, 3)
    for read in (read_ucf101_lists, read_hmdb51_lists):
        with pytest.raises(ValueError, match="1, 2 and 3, got 0"):
            read(tmp_path, 0)


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
    with pytest.raises(VideoError, match="no file of the part 'validation'"):
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
    write_hmdb51_lists(tmp_path / HMDB51.LISTS)
    for label in ("walk", "shake_hands"):
        for film in FILMS:
            for clip in range(2):
                name = hmdb51_name(label, film, clip)
                write_lossless(tmp_path / HMDB51.VIDEOS / label / name, frames=5)
    train = HMDB51(tmp_path, frames=4, size=16)
    assert {entry.group for entry in train.entries} == {"Jaws", "Heat"}
    assert train[0][0].shape == (4, 16, 16, 3)
    validation = HMDB51(tmp_path, part="validation", validation=0.5)
    assert len({entry.group for entry in validation.entries}) == 1
    assert len(validation) == 4


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("walk/Walk_the_Line_walk_u_nm_np2_le_goo_11.avi", "Walk_the_Line"),
        ("walk/walk_walk_u_nm_np2_le_goo_11.avi", "walk"),
        ("fall_floor/A_(1)_fall_floor_f_cm_np1_ba_med_0.avi", "A_(1)"),
        ("run/Walk_the_Line_walk_u_nm_np2_le_goo_11.avi", None),
        ("c++/a_c++_u_nm_np2_le_goo_11.avi", "a"),
    ],
)
def test_group_of_hmdb51_names(name, group):
    assert group_of(name) == (group or Path(name).stem)
