"""Folders of videos, splits, packing (interrupted too) and packed clips."""

import csv
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import chain, combinations, islice
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.videos import truncate, web_page, write_lossless
from vgan_tutorial import cli
from vgan_tutorial.datasets import (
    PackedClips,
    VideoFolder,
    batches,
    group_of,
    make_shapes_pack,
    pack_videos,
    packing,
    scan_folder,
    split_by_clip,
    split_by_group,
    write_shapes_videos,
)
from vgan_tutorial.oracle import judge
from vgan_tutorial.preprocessing import centre_crop, preprocess_video, resize, to_model_range
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.video_io import VideoError, read_video

PACK_FILES = ("clips.npy", "clips.csv", "problems.csv", "pack.json")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_folder(root: Path, classes=("Run", "Walk"), groups=2, clips=2, frames=10) -> Path:
    """A small data set in UCF101's layout; lengths differ from clip to clip."""
    seed = 0
    for label in classes:
        for group in range(1, groups + 1):
            for clip in range(1, clips + 1):
                path = root / label / f"v_{label}_g{group:02d}_c{clip:02d}.avi"
                write_lossless(path, frames=frames + seed, seed=seed)
                seed += 1
    return root


def contents(pack: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(pack.iterdir())}


# Folders -----------------------------------------------------------------------------------------


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


def test_missing_empty_and_flat_folders_are_errors(tmp_path):
    with pytest.raises(VideoError, match="no such folder"):
        scan_folder(tmp_path / "missing")
    with pytest.raises(VideoError, match="holds no video"):
        scan_folder(tmp_path)
    write_lossless(tmp_path / "a.avi")
    with pytest.raises(VideoError, match=r"class folder\. Expected .* \(1 skipped\)"):
        scan_folder(tmp_path)
    with pytest.raises(VideoError, match="is a file, not a folder"):
        scan_folder(tmp_path / "a.avi")


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


# Splits ------------------------------------------------------------------------------------------

GROUPS = [f"g{group:02d}" for group in range(20) for _ in range(group % 4 + 1)] * 3


def test_split_by_group_keeps_groups_whole_and_every_clip_once():
    split = split_by_group(GROUPS)
    parts = split.train, split.validation, split.test
    assert sorted(chain(*parts)) == list(range(len(GROUPS)))
    groups = [{GROUPS[index] for index in part} for part in parts]
    assert all(groups)
    assert all(a.isdisjoint(b) for a, b in combinations(groups, 2))
    assert len(split.train) / len(GROUPS) == pytest.approx(0.7, abs=0.1)


def test_split_by_clip_leaks():
    split = split_by_clip(GROUPS)
    assert sorted(split.train + split.validation + split.test) == list(range(len(GROUPS)))
    train = {GROUPS[index] for index in split.train}
    leaked = [index for index in split.test if GROUPS[index] in train]
    assert len(leaked) > 0.9 * len(split.test)


def test_split_follows_the_seed_and_not_the_order_of_the_clips():
    assert split_by_group(GROUPS, seed=3) == split_by_group(GROUPS, seed=3)
    assert split_by_group(GROUPS, seed=3) != split_by_group(GROUPS, seed=4)
    back_to_front = GROUPS[::-1]

    def test_groups(groups):
        return {groups[index] for index in split_by_group(groups).test}

    counts = Counter(GROUPS)
    assert sum(counts[group] for group in test_groups(GROUPS)) == len(split_by_group(GROUPS).test)
    assert test_groups(GROUPS) == test_groups(back_to_front)


def test_split_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="2 groups are too few"):
        split_by_group(["a", "a", "b"])
    with pytest.raises(ValueError, match="add up to 1"):
        split_by_group(GROUPS, shares=(0.7, 0.2, 0.2))
    assert split_by_group(["a", "a", "b"], shares=(0.5, 0.0, 0.5)).validation == []


# Packing -----------------------------------------------------------------------------------------


def test_pack_holds_every_frame_cropped_and_shrunk(tmp_path):
    source = make_folder(tmp_path / "set")
    report = pack_videos(source, tmp_path / "pack", size=16, frames=4, progress=False)
    assert (report.clips, report.frames) == (8, sum(range(10, 18)))
    assert sorted(contents(tmp_path / "pack")) == sorted(PACK_FILES)
    packed = PackedClips(tmp_path / "pack", frames=4)
    for index, entry in enumerate(scan_folder(source)[0]):
        clip = packed.clips[index]
        assert (clip.name, clip.label, clip.group) == (entry.name, entry.label, entry.group)
        whole = packed.array[clip.start : clip.start + clip.frames]
        expected = resize(centre_crop(read_video(entry.path), 48, 48), 16, 16)
        np.testing.assert_array_equal(whole, expected)
        assert clip.fps == pytest.approx(25)


def test_stride_thins_the_clips_and_their_frame_rate(tmp_path):
    source = make_folder(tmp_path / "set", groups=1, clips=1)
    pack_videos(source, tmp_path / "pack", 16, frames=4, stride=3, progress=False)
    packed = PackedClips(tmp_path / "pack", frames=4)
    assert [clip.frames for clip in packed.clips] == [4, 4]
    assert packed.clips[0].fps == pytest.approx(25 / 3, abs=1e-4)
    np.testing.assert_array_equal(
        packed[0][0], preprocess_video(source / "Run" / "v_Run_g01_c01.avi", 4, 16, stride=3)
    )


def make_bad_folder(root: Path) -> Path:
    make_folder(root, classes=("Run",))
    folder = root / "Run"
    (folder / "a_zero.avi").touch()
    (folder / "b_text.avi").write_text("not a video " * 100)
    web_page(folder / "c_page.avi")
    write_lossless(folder / "d_one.avi", frames=1)
    (folder / "e_link.avi").symlink_to(folder / "gone.avi")
    write_lossless(folder / "w_cut.avi", frames=40)
    truncate(folder / "w_cut.avi")
    write_lossless(folder / "x_short.avi", frames=3)
    (folder / "y_folder.avi").mkdir()
    (folder / "z_notes.txt").write_text("notes")
    return root


def test_bad_files_are_listed_and_the_good_ones_finished(tmp_path, caplog):
    source = make_bad_folder(tmp_path / "set")
    with caplog.at_level(logging.WARNING):
        report = pack_videos(source, tmp_path / "pack", 16, frames=4, progress=False)
    assert report.clips == 5  # four good ones, and what decodes of the one cut short
    with (tmp_path / "pack" / "problems.csv").open(encoding="utf-8") as file:
        rows = {row["name"].removeprefix("Run/"): row for row in csv.DictReader(file)}
    assert {name: row["kind"] for name, row in rows.items()} == {
        "a_zero.avi": "bad",
        "b_text.avi": "bad",
        "c_page.avi": "bad",
        "d_one.avi": "bad",
        "e_link.avi": "bad",
        "w_cut.avi": "truncated",
        "x_short.avi": "bad",
        "y_folder.avi": "skipped",
        "z_notes.txt": "skipped",
    }
    assert rows["x_short.avi"]["reason"] == "too short: 3 frames with stride 1, 4 wanted"
    assert "of 40 declared frames decode" in rows["w_cut.avi"]["reason"]
    assert str(tmp_path) not in (tmp_path / "pack" / "problems.csv").read_text()
    assert "x_short.avi" in caplog.text
    packed = PackedClips(tmp_path / "pack", frames=4)
    assert all(packed.window(index, 0).any((1, 2, 3)).all() for index in range(len(packed)))


def test_nothing_to_pack_is_an_error_and_leaves_a_report_but_no_pack(tmp_path):
    (tmp_path / "set" / "Run").mkdir(parents=True)
    (tmp_path / "set" / "Run" / "a.avi").touch()
    web_page(tmp_path / "set" / "Run" / "b.avi")
    with pytest.raises(VideoError, match="none of its 2 videos could be packed"):
        pack_videos(tmp_path / "set", tmp_path / "pack", progress=False)
    assert not (tmp_path / "pack").exists()
    assert "web page" in (tmp_path / "pack.partial" / "problems.csv").read_text()
    with pytest.raises(VideoError, match="not finished"):
        PackedClips(tmp_path / "pack")


@pytest.mark.parametrize("name", ["a_zero.avi", "w_cut.avi", "x_short.avi"])
def test_strict_stops_at_the_first_bad_file(tmp_path, name):
    source = make_folder(tmp_path / "set", classes=("Run",))
    bad = make_bad_folder(tmp_path / "bad") / "Run" / name
    shutil.copy(bad, source / "Run" / name)
    with pytest.raises(VideoError, match=name):
        pack_videos(source, tmp_path / "pack", 16, 4, strict=True, progress=False)
    assert not (tmp_path / "pack").exists()


def test_packing_again_does_nothing_and_other_settings_need_overwrite(tmp_path, monkeypatch):
    source = make_folder(tmp_path / "set")
    out = tmp_path / "pack"
    first = pack_videos(source, out, 16, 4, progress=False)
    before = contents(out)
    with monkeypatch.context() as patch:
        patch.setattr(packing, "_pack_file", None)  # nothing may be decoded again
        assert pack_videos(source, out, 16, 4, progress=False) == first
    with pytest.raises(VideoError, match="--overwrite"):
        pack_videos(source, out, 32, 4, progress=False)
    assert contents(out) == before
    pack_videos(source, out, 32, 4, overwrite=True, progress=False)
    assert PackedClips(out, 4).size == 32
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pack", "set"]


def test_only_packs_are_ever_replaced(tmp_path):
    """`vgan pack videos videos --overwrite` must not cost the videos."""
    source = make_folder(tmp_path / "set")
    with pytest.raises(VideoError, match=r"is no pack .* not replaced"):
        pack_videos(source, source, 16, 4, overwrite=True, progress=False)
    (tmp_path / "pack.partial").mkdir()
    (tmp_path / "pack.partial" / "thesis.txt").write_text("not a pack")
    with pytest.raises(VideoError, match=r"thesis\.txt"):
        pack_videos(source, tmp_path / "pack", 16, 4, progress=False)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(VideoError, match="is no pack"):
        pack_videos(source, tmp_path / "file", 16, 4, overwrite=True, progress=False)
    assert len(scan_folder(source)[0]) == 8
    assert (tmp_path / "pack.partial" / "thesis.txt").exists()


def test_strict_does_not_inherit_what_a_lax_run_passed_over(tmp_path, interrupted):
    with pytest.raises(VideoError, match=r"v_Run_g01_c0[09]\.avi"):
        pack_videos(interrupted, tmp_path / "pack", 16, 4, strict=True, progress=False)
    with pytest.raises(VideoError, match=r"v_Run_g01_c0[09]\.avi"):
        pack_videos(interrupted, tmp_path / "whole", 16, 4, strict=True, progress=False)


def test_a_replaced_file_behind_a_link_is_noticed(tmp_path):
    source = make_folder(tmp_path / "set")
    write_lossless(tmp_path / "elsewhere.avi")
    (source / "Run" / "link.avi").symlink_to(tmp_path / "elsewhere.avi")
    pack_videos(source, tmp_path / "pack", 16, 4, progress=False)
    write_lossless(tmp_path / "elsewhere.avi", frames=20, seed=3)
    with pytest.raises(VideoError, match="not the pack asked for"):
        pack_videos(source, tmp_path / "pack", 16, 4, progress=False)


def test_a_changed_source_is_noticed(tmp_path):
    source = make_folder(tmp_path / "set")
    pack_videos(source, tmp_path / "pack", 16, 4, progress=False)
    write_lossless(source / "Run" / "v_Run_g09_c01.avi")
    with pytest.raises(VideoError, match="not the pack asked for"):
        pack_videos(source, tmp_path / "pack", 16, 4, progress=False)


def test_names_that_are_not_valid_text_are_bad_files_not_a_crash(tmp_path, capsys):
    source = make_folder(tmp_path / "set", classes=("Run",), groups=1, clips=2)
    strange = os.fsdecode(b'v_\xff, "quoted".avi')
    try:
        (source / "Run" / "v_Run_g01_c01.avi").rename(source / "Run" / strange)
    except OSError:
        pytest.skip("this file system refuses names that are not UTF-8")
    with pytest.raises(VideoError, match=r"v_\\xff.* not valid UTF-8"):
        read_video(source / "Run" / strange)
    cli.main(["pack", str(source), str(tmp_path / "pack"), "--size", "16", "--frames", "4"])
    assert r"v_\xff" in capsys.readouterr().out
    assert len(PackedClips(tmp_path / "pack", 4)) == 1


# Interrupted packing -----------------------------------------------------------------------------

SLOW_PACKING = """
import sys, time
from vgan_tutorial.datasets import packing
pack_file = packing._pack_file
def slowly(*arguments):
    pack_file(*arguments)
    time.sleep(0.02)
packing._pack_file = slowly
packing.pack_videos(sys.argv[1], sys.argv[2], size=16, frames=4, progress=False)
"""


def test_killed_packing_resumes_to_the_identical_pack(tmp_path):
    source = make_folder(tmp_path / "set", groups=5, clips=3)
    (source / "Run" / "v_Run_g02_c09.avi").touch()  # one bad file among the first
    out, journal = tmp_path / "killed", tmp_path / "killed.partial" / "journal.jsonl"
    process = subprocess.Popen([sys.executable, "-c", SLOW_PACKING, str(source), str(out)])
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 7):
        assert process.poll() is None, "packing ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    with pytest.raises(VideoError, match="not finished"):
        PackedClips(out)
    survived = journal.read_bytes().count(b"\n")
    assert 7 <= survived < 31
    pack_videos(source, out, 16, 4, progress=False)
    pack_videos(source, tmp_path / "whole", 16, 4, progress=False)
    assert contents(out) == contents(tmp_path / "whole")


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """A partial pack (with a truncated and a bad file in its journal), and the whole one."""
    source = make_folder(tmp_path / "set", groups=2, clips=2)
    write_lossless(source / "Run" / "v_Run_g01_c00.avi", frames=40)
    truncate(source / "Run" / "v_Run_g01_c00.avi")
    (source / "Run" / "v_Run_g01_c09.avi").touch()
    pack_videos(source, tmp_path / "whole", 16, 4, progress=False)
    original = packing._pack_file

    def stop(pack, entry, *rest):
        if entry.label == "Walk" and entry.group == "g02":
            raise Killed
        original(pack, entry, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(packing, "_pack_file", stop)
        with pytest.raises(Killed):
            pack_videos(source, tmp_path / "pack", 16, 4, progress=False)
    assert sum(1 for _ in (tmp_path / "pack.partial" / "journal.jsonl").open()) == 9
    return source


def finish_and_compare(tmp_path: Path, source: Path) -> None:
    pack_videos(source, tmp_path / "pack", 16, 4, progress=False)
    assert contents(tmp_path / "pack") == contents(tmp_path / "whole")
    assert not (tmp_path / "pack.partial").exists()


@pytest.mark.parametrize("share", [0.0, 0.05, 0.13, 0.3, 0.55, 0.8, 0.99])
@pytest.mark.parametrize("name", ["journal.jsonl", "clips.npy"])
def test_resumes_from_any_cut(tmp_path, interrupted, name, share):
    """However much of either file reached the disk, the next run ends in the same pack."""
    truncate(tmp_path / "pack.partial" / name, share)
    finish_and_compare(tmp_path, interrupted)


def test_resumes_past_frames_that_were_never_written(tmp_path, interrupted):
    """After a power cut a file can have its length but zeros for its contents."""
    path = tmp_path / "pack.partial" / "clips.npy"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(data)
    finish_and_compare(tmp_path, interrupted)


def test_resuming_does_not_decode_again_what_is_done(tmp_path, interrupted, monkeypatch):
    seen = []
    original = packing._pack_file

    def watch(pack, entry, *rest):
        seen.append(entry.name)
        original(pack, entry, *rest)

    monkeypatch.setattr(packing, "_pack_file", watch)
    finish_and_compare(tmp_path, interrupted)
    assert seen == ["Walk/v_Walk_g02_c01.avi", "Walk/v_Walk_g02_c02.avi"]


def test_kill_between_finishing_and_renaming(tmp_path, interrupted, monkeypatch):
    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(packing, "_publish", killed)
        with pytest.raises(Killed):
            pack_videos(interrupted, tmp_path / "pack", 16, 4, progress=False)
    finish_and_compare(tmp_path, interrupted)


def test_other_settings_start_again(tmp_path, interrupted):
    pack_videos(interrupted, tmp_path / "pack", 32, 4, progress=False)
    assert PackedClips(tmp_path / "pack", 4).size == 32


# Packed clips ------------------------------------------------------------------------------------


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


def test_random_windows_stay_inside_their_clip_and_reach_both_ends(pack):
    packed = PackedClips(pack, frames=4, stride=3)
    clip, rows = packed.draw(4000, generator())
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
    made = list(islice(batches(packed, 6, generator(5), hold_bytes=hold_bytes), 3))
    draw = generator(5)
    for clips, labels in made:
        index, rows = packed.draw(6, draw)
        assert clips.shape == (6, 3, 4, 16, 16)
        expected = to_model_range(torch.from_numpy(packed.array[rows.numpy()]))
        torch.testing.assert_close(clips, expected, rtol=0, atol=0)
        names = [packed.classes[label] for label in labels]
        assert names == [packed.clips[i].label for i in index]


def test_batches_carry_on_from_a_saved_generator(pack):
    packed = PackedClips(pack, frames=4)
    draw = generator(1)
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
    index, rows = test.draw(200, generator())
    allowed = {clip.start + i for clip in test.clips for i in range(clip.frames)}
    assert set(rows.flatten().tolist()) <= allowed
    assert len(set(index.tolist())) == len(test)


def test_clips_shorter_than_a_window_are_left_out_and_counted(pack, caplog):
    with caplog.at_level(logging.WARNING):
        packed = PackedClips(pack, frames=15)
    assert [clip.frames for clip in packed.clips] == [15, 16, 17]
    assert "5 of 8 clips have fewer than 15 frames" in caplog.text
    with pytest.raises(VideoError, match="none of the 8 clips asked for has the 18 frames"):
        PackedClips(pack, frames=18)


def test_no_pack_and_damaged_packs(pack, tmp_path):
    with pytest.raises(VideoError, match="there is no pack here"):
        PackedClips(tmp_path / "nothing")
    truncate(pack / "clips.npy", 0.9)
    with pytest.raises(VideoError, match="is damaged"):
        PackedClips(pack)


def test_table_and_array_that_disagree(pack):
    table = pack / "clips.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(VideoError, match="the table names 91 frames"):
        PackedClips(pack)


# Moving Shapes as files --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shapes_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    return folder, write_shapes_videos(folder, "tiny", actors=16, clips=1, frames=20)


def test_shapes_files_follow_ucf101s_layout(shapes_folder):
    folder, rows = shapes_folder
    entries, skipped = scan_folder(folder)
    assert [entry.name for entry in entries] == [row["name"] for row in rows]
    assert len(rows) == 16 * 3
    assert [problem.name for problem in skipped] == ["factors.csv"]
    for entry, row in zip(entries, rows, strict=True):
        assert (entry.label, entry.group) == (row["class"], row["group"])
        assert entry.label == row["motion"].capitalize()
    assert read_video(entries[0].path).shape == (20, 96, 128, 3)
    with (folder / "factors.csv").open(encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == rows


def test_a_group_is_one_actor(shapes_folder):
    _, rows = shapes_folder
    looks: dict[str, set[tuple[str, ...]]] = {}
    for row in rows:
        looks.setdefault(row["group"], set()).add((row["shape"], row["colour"], row["size"]))
    assert all(len(look) == 1 for look in looks.values())
    assert len({look for group in looks.values() for look in group}) == 16
    assert Counter((row["shape"], row["colour"]) for row in rows) == {
        (shape, colour): 6
        for shape in ("disc", "square")
        for colour in ("red", "green", "blue", "yellow")
    }


def test_the_judge_reads_the_factors_back_through_files_codec_crop_and_resize(shapes_folder):
    """The whole pipeline at once: no axis, colour, crop or frame order can be wrong here."""
    folder, rows = shapes_folder
    preset = PRESETS["tiny"]
    clips = [preprocess_video(folder / row["name"], preset.frames, preset.size) for row in rows]
    verdict = judge(to_model_range(torch.from_numpy(np.stack(clips))), preset)
    assert verdict.motion_valid.all()
    for index, row in enumerate(rows):
        assert verdict.factors.names(preset, index) == {
            key: row[key] for key in ("shape", "colour", "motion")
        }
        assert float(verdict.factors.size[index]) == pytest.approx(float(row["size"]), abs=0.01)
        turns = float(verdict.factors.phase[index]) - float(row["phase"])
        assert abs((turns + 0.5) % 1 - 0.5) < 0.02


def test_same_seed_same_files(tmp_path):
    for name in ("a", "b"):
        write_shapes_videos(tmp_path / name, "tiny", actors=1, clips=1, seed=7, frames=4)
    files = sorted((tmp_path / "a").rglob("*.*"))
    assert len(files) == 4
    for path in files:
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_make_shapes_pack_reuses_what_is_there(tmp_path, monkeypatch):
    pack = make_shapes_pack(tmp_path, "tiny", actors=2, clips=1)
    packed = PackedClips(pack, frames=8)
    assert len(packed) == 6
    assert packed.size == 16
    assert packed.clips[0].frames == 32
    before = contents(pack)
    monkeypatch.setattr(packing, "_pack_file", None)
    assert make_shapes_pack(tmp_path, "tiny", actors=2, clips=1) == pack
    assert contents(pack) == before


# The command -------------------------------------------------------------------------------------


def test_command_packs_and_reports(tmp_path, capsys):
    source = make_bad_folder(tmp_path / "set")
    cli.main(["pack", str(source), str(tmp_path / "pack"), "--size", "16", "--frames", "4"])
    out = capsys.readouterr().out
    assert "5 clips" in out
    assert "Run/c_page.avi: is a web page, not a video" in out
    assert json.loads((tmp_path / "pack" / "pack.json").read_text())["size"] == 16


def test_command_fails_in_one_line(tmp_path):
    command = [sys.executable, "-c", "from vgan_tutorial.cli import main; main()", "pack"]
    run = subprocess.run(
        [*command, str(tmp_path / "missing"), str(tmp_path / "pack")],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert "there is no such folder" in run.stderr
    assert "Traceback" not in run.stderr


def test_command_names_a_folder_that_cannot_be_made(tmp_path):
    source = make_folder(tmp_path / "set", groups=1, clips=1)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SystemExit) as caught:
        cli.main(["pack", str(source), str(tmp_path / "file" / "pack"), "--frames", "4"])
    assert "file" in str(caught.value.code)


def test_command_strict_fails_where_the_plain_one_does_not(tmp_path):
    source = make_bad_folder(tmp_path / "set")
    with pytest.raises(SystemExit) as caught:
        cli.main(["pack", str(source), str(tmp_path / "pack"), "--frames", "4", "--strict"])
    assert "is empty" in str(caught.value.code)


def test_help_explains_every_option(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["pack", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for option in ("SOURCE", "OUT", "--size", "--frames", "--stride", "--strict", "--overwrite"):
        assert option in text
