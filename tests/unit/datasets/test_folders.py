"""Folders of videos, one folder a class or one class in all."""

import logging

import numpy as np
import pytest

from tests.support.video_folders import make_folder
from tests.support.videos import write_lossless
from vgan_tutorial.datasets import (
    VideoFolder,
    group_of,
    scan_folder,
)
from vgan_tutorial.errors import DataError, VideoError
from vgan_tutorial.preprocessing import preprocess_video


def test_scan_is_sorted_and_says_what_it_passes_over(tmp_path, caplog):
    make_folder(tmp_path / "set", classes=("Walk", "Run"))
    (tmp_path / "set" / "README.txt").write_text("hello")
    (tmp_path / "set" / "Run" / "notes.txt").write_text("hello")
    (tmp_path / "set" / "Run" / ".hidden.avi").write_text("hello")
    (tmp_path / "set" / "Run" / "more").mkdir()
    write_lossless(tmp_path / "set" / "Été 夏" / "mon clip.AVI".lower(), frames=10)
    with caplog.at_level(logging.INFO):
        entries, skipped = scan_folder(tmp_path / "set")
    names = [entry.name for entry in entries]
    assert names == sorted(names)
    assert len(names) == 9
    assert (entries[-1].label, entries[-1].group) == ("Été 夏", "mon clip")
    reasons = {problem.name: problem.reason for problem in skipped}
    assert reasons["README.txt"] == "not inside a class folder"
    assert "'.txt'" in reasons["Run/notes.txt"]
    assert set(reasons) == {"README.txt", "Run/notes.txt", "Run/.hidden.avi", "Run/more"}
    assert all(name in caplog.text for name in reasons)


def test_upper_case_suffix_is_a_video(tmp_path):
    write_lossless(tmp_path / "A" / "a.avi")
    (tmp_path / "A" / "a.avi").rename(tmp_path / "A" / "a.AVI")
    assert [entry.name for entry in scan_folder(tmp_path)[0]] == ["A/a.AVI"]


def test_missing_and_empty_folders_are_errors(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        scan_folder(tmp_path / "missing")
    with pytest.raises(DataError, match="holds no video"):
        scan_folder(tmp_path)
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError, match=r"class folder\. Expected .* \(1 skipped\)"):
        scan_folder(tmp_path)
    with pytest.raises(DataError, match="is a file, not a folder"):
        scan_folder(tmp_path / "a.txt")


def test_a_flat_folder_is_one_class_with_its_name(tmp_path, monkeypatch):
    cats = tmp_path / "cats"
    for seed, name in enumerate(("b.avi", "a.avi", "c.avi")):
        write_lossless(cats / name, seed=seed)
    for name in (".hidden.avi", "notes.txt"):
        (cats / name).touch()
    (cats / "papers" / "deep").mkdir(parents=True)
    (cats / "papers" / "more.txt").touch()
    (cats / ".thumbnails").mkdir()
    write_lossless(cats / ".thumbnails" / "a.avi")
    entries, skipped = scan_folder(cats)
    assert [(e.name, e.label, e.group) for e in entries] == [
        (f"{letter}.avi", "cats", letter) for letter in "abc"
    ]
    assert {problem.name: problem.reason for problem in skipped} == {
        ".hidden.avi": "a hidden file",
        ".thumbnails": "a hidden folder",
        "notes.txt": "the suffix '.txt' is not a video's",
        "papers": "a folder without videos",
        "papers/deep": "a folder inside a class folder",
        "papers/more.txt": "the suffix '.txt' is not a video's",
    }
    monkeypatch.chdir(cats)
    assert {entry.label for entry in scan_folder(".")[0]} == {"cats"}
    assert VideoFolder(cats, frames=4, size=16).classes == ["cats"]


def test_a_class_of_a_data_set_keeps_its_groups_when_it_is_given_alone(tmp_path):
    make_folder(tmp_path, classes=("Run",))
    assert {entry.group for entry in scan_folder(tmp_path / "Run")[0]} == {"g01", "g02"}


def test_videos_beside_and_inside_class_folders_are_an_error_that_names_them(tmp_path):
    make_folder(tmp_path)
    write_lossless(tmp_path / "stray.avi")
    with pytest.raises(DataError, match=r"\(stray\.avi\) and in them \(Run/.*\. Move the first"):
        scan_folder(tmp_path)


def test_video_folder_gives_what_preprocess_video_gives(tmp_path):
    folder = VideoFolder(make_folder(tmp_path), frames=4, size=16, stride=2)
    assert folder.classes == ["Run", "Walk"]
    assert len(folder) == 8
    clip, label = folder[6]
    assert label == 1
    np.testing.assert_array_equal(clip, preprocess_video(folder.entries[6].path, 4, 16, 2))


def test_video_folder_raises_on_a_bad_file_instead_of_giving_zeros(tmp_path):
    make_folder(tmp_path)
    (tmp_path / "Run" / "bad.avi").touch()
    folder = VideoFolder(tmp_path, frames=4, size=16)
    index = [entry.name for entry in folder.entries].index("Run/bad.avi")
    with pytest.raises(VideoError, match=r"bad\.avi: is empty"):
        folder[index]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("v_HandStandPushups_g07_c02.avi", "g07"),
        ("v_A_b_g1_c01_g25_c11.avi", "g25"),
        ("Turnk_r_Pippi_Michel_cartwheel_f_cm_np2_le_med_6.avi", None),
        ("v_Run_g07.avi", None),
    ],
)
def test_group_of(name, group):
    assert group_of(name) == (group or name.removesuffix(".avi"))
