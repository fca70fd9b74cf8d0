"""Packing that is killed, and carries on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.video_folders import contents, make_folder
from tests.support.videos import truncate, write_lossless
from vgan_tutorial.datasets import (
    PackedClips,
    pack_videos,
)
from vgan_tutorial.datasets.pack import write
from vgan_tutorial.errors import DataError
from vgan_tutorial.experiments.packing_memory import link_many

SLOW_PACKING = """
import itertools, sys, time
from vgan_tutorial.datasets.pack import write
pack_file, files = write._pack_file, itertools.count()
def slowly(*arguments):
    pack_file(*arguments)
    time.sleep(0.02 if next(files) < 20 else 3600)  # it never ends by itself
write._pack_file = slowly
write.pack_videos(sys.argv[1], sys.argv[2], size=16, frames=4, progress=False)
"""


PACKING_WITH_WORKERS = """
import sys
from vgan_tutorial.datasets import pack_videos
if __name__ == "__main__":
    pack_videos(sys.argv[1], sys.argv[2], 32, 16, workers=2, progress=False)
"""


@pytest.mark.slow
def test_killed_packing_resumes_to_the_identical_pack(tmp_path):
    source = make_folder(tmp_path / "set", groups=5, clips=3)
    (source / "Run" / "v_Run_g02_c09.avi").touch()  # one bad file among the first
    out, journal = tmp_path / "killed", tmp_path / "killed.partial" / "journal.jsonl"
    process = subprocess.Popen([sys.executable, "-c", SLOW_PACKING, str(source), str(out)])
    deadline = time.monotonic() + 300
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 7):
        assert process.poll() is None, "packing ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    with pytest.raises(DataError, match="not finished"):
        PackedClips(out)
    survived = journal.read_bytes().count(b"\n")
    assert 7 <= survived < 31
    pack_videos(source, out, 16, 4, progress=False)
    pack_videos(source, tmp_path / "whole", 16, 4, progress=False)
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked up in /proc")
def test_killed_packing_takes_its_workers_along(tmp_path):
    source = link_many(tmp_path, 2000)
    out, journal = tmp_path / "killed", tmp_path / "killed.partial" / "journal.jsonl"
    spools = tmp_path / "spools"
    spools.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", PACKING_WITH_WORKERS, str(source), str(out)],
        env=os.environ | {"TMPDIR": str(spools)},
    )
    deadline = time.monotonic() + 300
    while not (journal.exists() and journal.read_bytes().count(b"\n") >= 7):
        assert process.poll() is None, "packing ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.wait()
    while any(Path(f"/proc/{child}").exists() for child in children) or list(spools.iterdir()):
        assert time.monotonic() < deadline, "the workers have outlived the process that packs"
        time.sleep(0.01)
    assert len(children) >= 2
    assert not out.exists()


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
    original = write._pack_file

    def stop(pack, entry, *rest):
        if entry.label == "Walk" and entry.group == "g02":
            raise Killed
        original(pack, entry, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(write, "_pack_file", stop)
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
    original = write._pack_file

    def watch(pack, entry, *rest):
        seen.append(entry.name)
        original(pack, entry, *rest)

    monkeypatch.setattr(write, "_pack_file", watch)
    finish_and_compare(tmp_path, interrupted)
    assert seen == ["Walk/v_Walk_g02_c01.avi", "Walk/v_Walk_g02_c02.avi"]


def test_kill_between_finishing_and_renaming(tmp_path, interrupted, monkeypatch):
    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(write, "publish_pack", killed)
        with pytest.raises(Killed):
            pack_videos(interrupted, tmp_path / "pack", 16, 4, progress=False)
    finish_and_compare(tmp_path, interrupted)


def test_other_settings_start_again(tmp_path, interrupted):
    pack_videos(interrupted, tmp_path / "pack", 32, 4, progress=False)
    assert PackedClips(tmp_path / "pack", 4).size == 32


def test_strict_does_not_inherit_what_a_lax_run_passed_over(tmp_path, interrupted):
    with pytest.raises(DataError, match=r"v_Run_g01_c0[09]\.avi"):
        pack_videos(interrupted, tmp_path / "pack", 16, 4, strict=True, progress=False)
    with pytest.raises(DataError, match=r"v_Run_g01_c0[09]\.avi"):
        pack_videos(interrupted, tmp_path / "whole", 16, 4, strict=True, progress=False)
