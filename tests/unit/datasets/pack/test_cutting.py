"""What is taken of a person's own films: a rate, the square that moves, shots."""

import csv
import json

import numpy as np
import pytest

from tests.support.video_folders import contents
from tests.support.videos import (
    decode_with_pyav,
    frame_numbers,
    moving_clip,
    numbered_clip,
    turn_clockwise,
    write_coded,
    write_lossless,
)
from vgan_tutorial import cli
from vgan_tutorial.datasets import PackedClips, pack_videos
from vgan_tutorial.datasets.pack import write
from vgan_tutorial.datasets.pack.cutting import Cut
from vgan_tutorial.errors import DataError, VideoError
from vgan_tutorial.preprocessing import centre_crop, resize
from vgan_tutorial.video_io import read_video, write_video


def pack(source, out, **settings):
    return pack_videos(source, out, 16, 4, progress=False, **settings)


def problems(path) -> dict[str, tuple[str, str]]:
    with (path / "problems.csv").open(encoding="utf-8") as file:
        return {row["name"]: (row["kind"], row["reason"]) for row in csv.DictReader(file)}


def write_shots(path, *lengths: int) -> np.ndarray:
    """A film of as many shots of blotches; in each a bright block moves on another side."""
    rng = np.random.default_rng(sum(lengths))
    parts = []
    for number, length in enumerate(lengths):
        blotches = rng.integers(0, 200, (1, 6, 12, 3), np.uint8).repeat(8, 1).repeat(8, 2)
        part = blotches.repeat(length, axis=0)
        for time in range(length):
            left = (0, 76)[number % 2] + time % 4 * 3
            part[time, 20:32, left : left + 10] = 255
        parts.append(part)
    clip = np.concatenate(parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, clip, 25.0, "FFV1")
    return clip


def test_a_flat_folder_with_an_upright_film_comes_out_upright(tmp_path):
    (tmp_path / "cats").mkdir()
    path = tmp_path / "cats" / "upright.mp4"
    write_video(path, moving_clip(height=48, width=64), 25.0, "mp4v")
    turn_clockwise(path)
    turned = np.rot90(decode_with_pyav(path), k=-1, axes=(1, 2))  # which only reports the rotation
    expected = resize(centre_crop(turned, 48, 48), 16, 16).astype(int)
    for settings in ({}, {"fps": 25.0}):
        report = pack(tmp_path / "cats", tmp_path / f"pack{len(settings)}", **settings)
        packed = PackedClips(report.path, 4)
        assert np.abs(packed.array - expected).max() <= 1
    assert (packed.clips[0].label, packed.clips[0].name) == ("cats", "upright.mp4")


def test_frames_are_taken_by_time_whatever_the_rate_of_the_film(tmp_path):
    cats = tmp_path / "cats"
    cats.mkdir()
    uneven = [20, 60] * 30  # 25 a second in the mean
    for name, pause in {"a25.mp4": 40, "b50.mp4": 20, "c-slow.mp4": 125}.items():
        write_coded(cats / name, numbered_clip(60), "mpeg4", pause)
    write_coded(cats / "d.mkv", numbered_clip(60), "mpeg4", uneven)
    report = pack_videos(cats, tmp_path / "pack", 48, 4, fps=12.5, progress=False)
    packed = PackedClips(report.path, 4)
    assert {clip.fps for clip in packed.clips} == {12.5}
    assert problems(report.path) == {
        "c-slow.mp4": ("bad", "has 8 frames a second, fewer than the 12.5 asked for")
    }
    whole = [read_video(cats / name) for name in ("a25.mp4", "b50.mp4", "d.mkv")]
    for clip, film, step in zip(packed.clips, whole, (2, 4, 2), strict=True):
        assert frame_numbers(film) == list(range(60))
        expected = centre_crop(film[::step], 48, 48)
        found = packed.array[clip.start : clip.start + clip.frames]
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(VideoError, match="has 8 frames a second"):
        pack(cats, tmp_path / "strict", fps=12.5, strict=True)


def test_the_square_that_moves_is_kept(tmp_path):
    clip = np.random.default_rng(0).integers(0, 200, (1, 48, 128, 3), np.uint8).repeat(12, axis=0)
    for time in range(12):
        clip[time, 20:30, 4 + 2 * time : 12 + 2 * time] = 255
    (tmp_path / "cats").mkdir()
    write_video(tmp_path / "cats" / "left.avi", clip, 25.0, "FFV1")
    write_video(tmp_path / "cats" / "still.avi", clip[:1].repeat(12, 0), 25.0, "FFV1")
    path = pack_videos(tmp_path / "cats", tmp_path / "p", 48, 4, crop="motion", progress=False).path
    left, still = PackedClips(path, 12)[0][0], PackedClips(path, 12)[1][0]
    places = [p for p in range(81) if (clip[:, :, p : p + 48] == left).all()]
    assert len(places) == 1  # the same in all frames
    assert places[0] <= 4
    np.testing.assert_array_equal(still, centre_crop(clip[:1].repeat(12, 0), 48, 48))


def test_every_shot_is_a_clip_with_a_square_of_its_own(tmp_path):
    cats = tmp_path / "cats"
    clip = write_shots(cats / "a.avi", 20, 12)
    write_lossless(cats / "b.avi")
    write_shots(cats / "c.avi", 14, 3, 12)
    report = pack_videos(cats, tmp_path / "pack", 48, 4, shots=True, crop="motion", progress=False)
    packed = PackedClips(report.path, 4)
    assert [(c.name, c.group, c.start, c.frames) for c in packed.clips] == [
        ("a.avi#1", "a", 0, 20),
        ("a.avi#2", "a", 20, 12),
        ("b.avi", "b", 32, 12),
        ("c.avi#1", "c", 44, 14),
        ("c.avi#3", "c", 58, 12),
    ]
    np.testing.assert_array_equal(packed.array[:20], clip[:20, :, :48])
    np.testing.assert_array_equal(packed.array[20:32], clip[20:, :, 48:])
    lost = ("skipped", "too short: 3 frames with stride 1, 4 wanted")
    assert problems(report.path) == {"c.avi#2": lost}
    assert len(PackedClips(pack(cats, tmp_path / "strict", shots=True, strict=True).path, 4)) == 5


def test_a_film_of_short_shots_only_is_bad(tmp_path):
    write_shots(tmp_path / "cats" / "a.avi", 10, 12)
    write_lossless(tmp_path / "cats" / "b.avi", frames=20)
    report = pack_videos(tmp_path / "cats", tmp_path / "p", 16, 16, shots=True, progress=False)
    reason = "too short: the longest of its 2 shots has 12 frames with stride 1, 16 wanted"
    assert problems(report.path) == {"a.avi": ("bad", reason)}
    assert report.frames == len(PackedClips(report.path, 16).array) == 20


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("keep", [0, 1, 2, 3, 4])
def test_a_killed_packing_of_shots_resumes_to_the_identical_pack(tmp_path, monkeypatch, keep):
    """Whole lines of the journal are kept, the next is cut in its middle."""
    cats, journal = tmp_path / "cats", tmp_path / "pack.partial" / "journal.jsonl"
    write_shots(cats / "a.avi", 20, 12)
    write_shots(cats / "b.avi", 14, 3, 12)
    (cats / "c.avi").touch()
    write_lossless(cats / "d.avi")
    settings = {"shots": True, "fps": 12.5, "crop": "motion"}
    whole = pack(cats, tmp_path / "whole", **settings)
    with monkeypatch.context() as patch:
        patch.setattr(write, "publish_pack", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            pack(cats, tmp_path / "pack", **settings)
    lines = journal.read_text().splitlines(keepends=True)
    assert len(lines) == 4
    journal.write_text("".join(lines[:keep]) + "".join(lines[keep : keep + 1])[:60])
    pack(cats, tmp_path / "pack", **settings)
    assert contents(tmp_path / "pack") == contents(whole.path)


def test_workers_make_the_same_pack_of_shots(tmp_path):
    cats = tmp_path / "cats"
    write_shots(cats / "a.avi", 20, 12)
    write_shots(cats / "b.avi", 14, 3, 12)
    settings = {"shots": True, "fps": 12.5, "crop": "motion"}
    one = pack(cats, tmp_path / "one", **settings)
    two = pack(cats, tmp_path / "two", workers=2, **settings)
    assert contents(two.path) == contents(one.path)


def test_another_choice_is_another_pack_and_no_choice_is_the_pack_of_before(tmp_path):
    write_lossless(tmp_path / "cats" / "a.avi")
    path = pack(tmp_path / "cats", tmp_path / "pack").path
    told = json.loads((path / "pack.json").read_text())
    assert set(told) == {"format", "size", "frames", "stride", "source"}
    for settings in ({"fps": 25.0}, {"crop": "motion"}, {"shots": True}):
        with pytest.raises(DataError, match="not the pack asked for"):
            pack(tmp_path / "cats", path, **settings)
        pack(tmp_path / "cats", path, overwrite=True, **settings)
        assert json.loads((path / "pack.json").read_text()).items() >= settings.items()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fps": 25.0, "stride": 2}, "not both"),
        ({"fps": 0.0}, "fps must be positive"),
        ({"fps": float("inf")}, "fps must be positive"),
        ({"crop": "left"}, "centre"),  # the tests check types before the class checks values
        ({"size": 0}, "must be positive"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Cut(**settings)


def test_the_command(tmp_path, capsys):
    write_shots(tmp_path / "cats" / "a.avi", 20, 12)
    options = ["--size", "16", "--frames", "4", "--fps", "12.5", "--crop", "motion", "--shots"]
    cli.main(["pack", str(tmp_path / "cats"), str(tmp_path / "pack"), *options])
    assert "2 clips, 16 frames" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="not both"):
        cli.main(["pack", str(tmp_path / "cats"), str(tmp_path / "p"), *options, "--stride", "2"])
