"""Damaged files of every kind: a clip or a clear error, never a crash and never a wait."""

import subprocess
import sys
from collections import Counter

import pytest

from tests.support.fuzzing import DAMAGE
from tests.support.videos import moving_clip, numbered_clip, write_coded
from vgan_tutorial.video_io import WRITABLE, write_video

TRIES = 500
MINUTES = 10  # for all of them: a few seconds on an idle machine


@pytest.mark.slow
def test_five_hundred_damaged_files(tmp_path):
    folder = tmp_path / "valid"
    folder.mkdir()
    for codec, suffix in WRITABLE.items():
        write_video(folder / f"{codec}{suffix}", moving_clip(), 25.0, codec)
    write_coded(folder / "long.avi", numbered_clip(60), "mpeg4")
    write_coded(folder / "h264.mp4", numbered_clip(12), "libx264")
    write_coded(folder / "vp9.webm", numbered_clip(12), "libvpx-vp9")
    command = [sys.executable, "-m", "tests.support.fuzzing", str(folder), "0", str(TRIES)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60 * MINUTES)
    last = run.stdout.splitlines()[-1:]
    assert run.returncode == 0, f"after {last}: {run.stderr[-2000:]}"
    lines = [line.split() for line in run.stdout.splitlines()]
    assert [int(number) for number, *_ in lines] == list(range(TRIES))
    assert {kind for _, _, kind, _ in lines} == set(DAMAGE)
    count = Counter(result for *_, result in lines)
    assert set(count) == {"clip", "error"}
    assert min(count.values()) > TRIES / 20  # both happen: the damage is neither too mild nor fatal
