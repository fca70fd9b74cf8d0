"""Moving Shapes as video files."""

import csv
from collections import Counter

import numpy as np
import pytest
import torch

from tests.support.video_folders import contents
from vgan_tutorial.datasets import (
    PackedClips,
    make_shapes_pack,
    scan_folder,
    write_shapes_videos,
)
from vgan_tutorial.datasets.pack import write
from vgan_tutorial.oracle import judge
from vgan_tutorial.pixels import to_model_range
from vgan_tutorial.preprocessing import preprocess_video
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.video_io import read_video


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
    monkeypatch.setattr(write, "_pack_file", None)
    assert make_shapes_pack(tmp_path, "tiny", actors=2, clips=1) == pack
    assert contents(pack) == before
