"""Interlaced files, and files that declare no number of frames: what OpenCV gets wrong of them.

PyAV writes the files and decodes them independently.
"""

import logging
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.support.videos import (
    decode_with_pyav,
    frame_numbers,
    moving_clip,
    numbered_clip,
    truncate,
    turn_clockwise,
    write_coded,
)
from vgan_tutorial import decoders
from vgan_tutorial.datasets import PackedClips, inspect, pack_videos
from vgan_tutorial.decoders import declared, holds_interlaced
from vgan_tutorial.errors import VideoError
from vgan_tutorial.experiments.films import interlaced, write_fields
from vgan_tutorial.video_io import (
    count_frames,
    iter_timed_frames,
    probe,
    read_video,
    write_video,
)

FIELDS = {
    "mpeg2.mpg": "mpeg2video",
    "mpeg4.avi": "mpeg4",
    "mpeg4.mp4": "mpeg4",
    "h264.mkv": "libx264",
}
COUNTLESS = {"x.mkv": "mpeg4", "x.webm": "libvpx-vp9", "x.flv": "flv", "x.mpg": "mpeg2video"}


def pan(frames: int = 24) -> np.ndarray:
    """A picture that moves by two pixels a frame; rows are alike, so combs would stand out."""
    x = np.arange(400)
    row = np.repeat((128 + 100 * np.sin(x / 9))[:, None], 3, 1)  # grey: no colours to bleed
    moments = [np.repeat(row[None, 2 * t : 2 * t + 128], 96, 0) for t in range(frames)]
    return np.stack(moments).astype(np.uint8)


def comb(clip: np.ndarray) -> float:
    """Mean difference of lines that follow each other, in levels."""
    return float(np.abs(np.diff(clip.astype(int), axis=1)).mean())


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_interlaced_frames_are_what_was_filmed(tmp_path, name):
    """OpenCV alone hands over old memory, and says that all is well."""
    path, moments = tmp_path / name, pan(48)
    write_fields(path, interlaced(moments), FIELDS[name])
    assert declared(path).interlaced
    assert probe(path).interlaced
    decoded = read_video(path)
    woven = decode_with_pyav(path)
    assert decoded.shape == woven.shape == (24, 96, 128, 3)
    assert comb(woven) > 8
    assert comb(decoded) < 2
    first_field = moments[::2].astype(int)  # the moment that is kept
    assert np.abs(decoded - first_field).mean() < 2
    np.testing.assert_array_equal(decoded, read_video(path))  # no memory of anything else
    np.testing.assert_array_equal(read_video(path, 5, 4, 2), decoded[5:13:2])
    assert count_frames(path) == 24


def test_times_of_interlaced_frames(tmp_path):
    path = tmp_path / "a.avi"
    write_fields(path, interlaced(pan(48)), "mpeg4")
    times = [time for time, _ in iter_timed_frames(path)]
    assert times == pytest.approx([0.04 * number for number in range(24)], abs=1e-6)


def test_an_interlaced_file_is_turned(tmp_path):
    path = tmp_path / "a.mp4"
    write_fields(path, interlaced(pan(8)), "mpeg4")
    upright = read_video(path)
    turn_clockwise(path)
    assert (probe(path).height, probe(path).width) == (128, 96)
    np.testing.assert_array_equal(read_video(path), np.rot90(upright, k=-1, axes=(1, 2)))


def test_frames_that_become_interlaced_halfway(tmp_path, monkeypatch):
    """As broadcasts do. Only the first frame is looked at beforehand; the rest shows by itself."""
    moments, parts = pan(36), [tmp_path / "one.m2v", tmp_path / "two.m2v"]
    write_coded(parts[0], moments[:12], "mpeg2video")
    write_fields(parts[1], interlaced(moments[12:]), "mpeg2video")
    path = tmp_path / "both.mpg"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert not probe(path).interlaced
    assert holds_interlaced(path)
    decoded = read_video(path)
    assert len(decoded) == 24
    assert max(comb(decoded[:12]), comb(decoded[12:])) < 2
    np.testing.assert_array_equal(read_video(path, 15, 3), decoded[15:18])
    monkeypatch.setattr(decoders, "holds_interlaced", lambda path: False)
    trusted = read_video(path)  # what OpenCV alone makes of it
    np.testing.assert_array_equal(trusted[12:], np.repeat(trusted[11:12], 12, 0))


def test_a_still_film_is_no_fault(tmp_path, monkeypatch):
    path, asked = tmp_path / "a.avi", []

    def asked_for(path):
        asked.append(path)
        return False

    write_video(path, np.repeat(moving_clip(1), 30, 0), 25.0, "FFV1")
    monkeypatch.setattr(decoders, "holds_interlaced", asked_for)
    np.testing.assert_array_equal(read_video(path), np.repeat(moving_clip(1), 30, 0))
    assert len(asked) == 1  # once a file, not once a frame
    read_video(path, 5, 1)
    read_video(path, strict=True)


def test_pack_and_inspect_agree_about_an_interlaced_file(tmp_path):
    path = tmp_path / "set" / "Run" / "a.avi"
    path.parent.mkdir(parents=True)
    write_fields(path, interlaced(pan(48)), "mpeg4")
    packs = [tmp_path / "one", tmp_path / "two"]
    for pack in packs:
        assert not pack_videos(tmp_path / "set", pack, 32, 8, progress=False).problems
    one, two = (PackedClips(pack, 8).array for pack in packs)
    np.testing.assert_array_equal(one, two)
    assert not inspect(tmp_path / "set", thorough=True, progress=False).problems


def with_long_sound(path: Path, codec: str, frames: int = 50, seconds: int = 6) -> None:
    """Two seconds of picture and six of sound, as a film that somebody cut without care."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream(codec, rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        kinds = {".webm": "libopus", ".flv": "aac", ".mpg": "mp2"}
        rate = 48000
        sound = container.add_stream(kinds.get(path.suffix, "mp2"), rate=rate, layout="stereo")
        for array in numbered_clip(frames):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24").reformat(format="yuv420p")
            container.mux(picture.encode(frame))
        container.mux(picture.encode())
        size = sound.codec_context.frame_size or 1152
        form = sound.codec_context.format.name
        for begin in range(0, seconds * rate, size):
            frame = av.AudioFrame(format=form, layout="stereo", samples=size)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())


@pytest.mark.parametrize("name", sorted(COUNTLESS))
def test_an_intact_file_without_a_count_is_not_called_cut_off(tmp_path, caplog, name):
    path = tmp_path / "set" / "Run" / name
    path.parent.mkdir(parents=True)
    with_long_sound(path, COUNTLESS[name])
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) > 52  # a product, no count
    assert probe(path).declared_frames is None
    with caplog.at_level(logging.WARNING):
        numbers = frame_numbers(read_video(path, strict=True))
    assert numbers == list(range(50))
    assert not caplog.text
    assert not inspect(tmp_path / "set", thorough=True, progress=False).problems
    assert not pack_videos(tmp_path / "set", tmp_path / "pack", 16, 4, progress=False).problems


@pytest.mark.parametrize("name", ["x.mkv", "x.webm"])
def test_a_file_without_a_count_that_is_cut_off_is_still_found(tmp_path, name):
    path = tmp_path / name
    write_coded(path, numbered_clip(60), COUNTLESS[name])
    assert probe(path).declared_frames is None
    read_video(path, strict=True)
    truncate(path, 0.6)
    with pytest.raises(VideoError, match=r"ends after [01]\.\d of the 2\.4 seconds that it decl"):
        read_video(path, strict=True)


def test_a_count_that_is_declared_is_told(tmp_path):
    for name in ("a.avi", "a.mp4"):
        write_coded(tmp_path / name, numbered_clip(12), "mpeg4")
        assert probe(tmp_path / name).declared_frames == 12


def test_nothing_is_known_of_what_pyav_refuses(tmp_path):
    (tmp_path / "a.avi").write_bytes(b"no film")
    assert declared(tmp_path / "a.avi") == decoders.Facts()
    assert decoders.seconds_held(tmp_path / "a.avi") is None
    assert not holds_interlaced(tmp_path / "a.avi")
