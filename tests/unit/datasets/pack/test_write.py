"""Packing a folder of videos, and the command that does it."""

import csv
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from tests.support.video_folders import contents, make_bad_folder, make_folder
from tests.support.videos import web_page, write_lossless
from vgan_tutorial import cli
from vgan_tutorial.datasets import (
    PackedClips,
    VideoEntry,
    pack_videos,
    scan_folder,
)
from vgan_tutorial.datasets.pack import write
from vgan_tutorial.datasets.pack.cutting import Outcome
from vgan_tutorial.datasets.pack.write import BEGUN, _collect
from vgan_tutorial.errors import DataError, VideoError
from vgan_tutorial.preprocessing import centre_crop, preprocess_video, resize
from vgan_tutorial.video_io import read_video

PACK_FILES = ("clips.npy", "clips.csv", "problems.csv", "pack.json")


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


def test_workers_make_the_same_pack(tmp_path):
    """Bad files among the good ones, more files than are in flight at once."""
    source = make_bad_folder(tmp_path / "set")
    one = pack_videos(source, tmp_path / "one", 16, 4, progress=False)
    two = pack_videos(source, tmp_path / "two", 16, 4, workers=2, progress=False)
    assert contents(two.path) == contents(one.path)
    assert one.bad
    assert two.problems == one.problems


def test_the_table_knows_the_sources(tmp_path):
    source = make_folder(tmp_path / "set", groups=1, clips=1)
    pack = pack_videos(source, tmp_path / "pack", 16, 4, progress=False).path
    for clip in PackedClips(pack, 4).clips:
        assert clip.sha256 == hashlib.sha256((source / clip.name).read_bytes()).hexdigest()


def test_stride_thins_the_clips_and_their_frame_rate(tmp_path):
    source = make_folder(tmp_path / "set", groups=1, clips=1)
    pack_videos(source, tmp_path / "pack", 16, frames=4, stride=3, progress=False)
    packed = PackedClips(tmp_path / "pack", frames=4)
    assert [clip.frames for clip in packed.clips] == [4, 4]
    assert packed.clips[0].fps == pytest.approx(25 / 3, abs=1e-4)
    np.testing.assert_array_equal(
        packed[0][0], preprocess_video(source / "Run" / "v_Run_g01_c01.avi", 4, 16, stride=3)
    )


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
    with pytest.raises(DataError, match="none of its 2 videos could be packed"):
        pack_videos(tmp_path / "set", tmp_path / "pack", progress=False)
    assert not (tmp_path / "pack").exists()
    assert "web page" in (tmp_path / "pack.partial" / "problems.csv").read_text()
    with pytest.raises(DataError, match="not finished"):
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
        patch.setattr(write, "_pack_file", None)  # nothing may be decoded again
        assert pack_videos(source, out, 16, 4, progress=False) == first
    with pytest.raises(DataError, match="--overwrite"):
        pack_videos(source, out, 32, 4, progress=False)
    assert contents(out) == before
    pack_videos(source, out, 32, 4, overwrite=True, progress=False)
    assert PackedClips(out, 4).size == 32
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pack", "set"]


def test_only_packs_are_ever_replaced(tmp_path):
    """`vgan pack videos videos --overwrite` must not cost the videos."""
    source = make_folder(tmp_path / "set")
    with pytest.raises(DataError, match=r"is no pack .* not replaced"):
        pack_videos(source, source, 16, 4, overwrite=True, progress=False)
    (tmp_path / "pack.partial").mkdir()
    (tmp_path / "pack.partial" / "thesis.txt").write_text("not a pack")
    with pytest.raises(DataError, match=r"thesis\.txt"):
        pack_videos(source, tmp_path / "pack", 16, 4, progress=False)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match="is no pack"):
        pack_videos(source, tmp_path / "file", 16, 4, overwrite=True, progress=False)
    assert len(scan_folder(source)[0]) == 8
    assert (tmp_path / "pack.partial" / "thesis.txt").exists()


def test_a_replaced_file_behind_a_link_is_noticed(tmp_path):
    source = make_folder(tmp_path / "set")
    write_lossless(tmp_path / "elsewhere.avi")
    (source / "Run" / "link.avi").symlink_to(tmp_path / "elsewhere.avi")
    pack_videos(source, tmp_path / "pack", 16, 4, progress=False)
    write_lossless(tmp_path / "elsewhere.avi", frames=20, seed=3)
    with pytest.raises(DataError, match="not the pack asked for"):
        pack_videos(source, tmp_path / "pack", 16, 4, progress=False)


def test_a_changed_source_is_noticed(tmp_path):
    source = make_folder(tmp_path / "set")
    pack_videos(source, tmp_path / "pack", 16, 4, progress=False)
    write_lossless(source / "Run" / "v_Run_g09_c01.avi")
    with pytest.raises(DataError, match="not the pack asked for"):
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
    for option in ("--fps", "--crop {centre,motion}", "--shots"):
        assert option in text


@pytest.mark.parametrize(
    ("begun", "message"), [(False, "if __name__ == "), (True, "Memory may have run out")]
)
def test_workers_that_cannot_begin_lack_a_main_guard(begun, message, tmp_path):
    """One that began, and was killed, has left a file."""
    job: Future[Outcome] = Future()
    job.set_exception(BrokenProcessPool("gone"))
    if begun:
        (tmp_path / BEGUN).touch()
    entry = VideoEntry(tmp_path / "a.avi", "A/a.avi", "A", "a")
    _, read = _collect(entry, tmp_path / "0", job)
    with (tmp_path / "array").open("wb") as array, pytest.raises(DataError, match=message):
        read(array)


@pytest.mark.slow
def test_a_script_without_a_main_guard_is_told_so(tmp_path):
    make_folder(tmp_path / "set")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom vgan_tutorial.datasets import pack_videos\n"
        "pack_videos('set', 'pack', 16, 4, workers=2, progress=False)\n"
    )
    done = subprocess.run(
        [sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert 'below `if __name__ == "__main__":`' in done.stderr.splitlines()[-1]
