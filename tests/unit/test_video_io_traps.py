"""What real files do: rotation, uneven frame rates, false counts, odd metadata, cut ends."""

import logging

import av
import numpy as np
import pytest

from tests.support.videos import (
    declare_frames,
    decode_with_pyav,
    frame_numbers,
    moving_clip,
    numbered_clip,
    truncate,
    turn_clockwise,
    write_coded,
    write_lossless,
)
from vgan_tutorial import video_io
from vgan_tutorial.datasets import PackedClips, inspect, pack_videos
from vgan_tutorial.errors import VideoError
from vgan_tutorial.preprocessing import centre_crop, preprocess_video, resize, shrinker
from vgan_tutorial.video_io import iter_frames, probe, read_video, write_video

CODECS = {"mp4v.mp4": "mpeg4", "h264.mp4": "libx264", "vp9.webm": "libvpx-vp9", "x.mkv": "mpeg4"}
UNEVEN = np.random.default_rng(0).integers(10, 90, 60).tolist()


def test_a_rotation_is_carried_out(tmp_path):
    path = tmp_path / "upright.mp4"
    write_video(path, moving_clip(height=48, width=64), 25.0, "mp4v")
    turn_clockwise(path)
    assert (probe(path).height, probe(path).width) == (64, 48)
    as_stored = decode_with_pyav(path)  # which only reports the rotation
    turned = np.rot90(as_stored, k=-1, axes=(1, 2)).astype(int)
    decoded = read_video(path)
    assert decoded.shape == (12, 64, 48, 3)
    assert np.abs(decoded - turned).max() <= 1
    assert preprocess_video(path, 4, 16).shape == (4, 16, 16, 3)


@pytest.mark.parametrize("name", sorted(CODECS))
def test_uneven_frame_rates_give_every_frame_once_in_order(tmp_path, name):
    """OpenCV's own seeking misses about a third of the frames of these files."""
    path = tmp_path / name
    write_coded(path, numbered_clip(60), CODECS[name], UNEVEN)
    assert frame_numbers(read_video(path)) == list(range(60))
    for start in (0, 7, 31, 52):
        assert frame_numbers(read_video(path, start, 8)) == list(range(start, start + 8))
        window = preprocess_video(path, 4, 48, stride=2, start=start)
        whole = resize(centre_crop(read_video(path), 48, 48), 48, 48)
        np.testing.assert_array_equal(window, whole[start : start + 8 : 2])
    assert (probe(path).fps or 0) > 0


@pytest.mark.parametrize("claim", [13, 11, 5, 0, -1, 10**9])
def test_a_false_count_changes_nothing(tmp_path, caplog, claim):
    path = tmp_path / "set" / "Run" / "a.avi"
    clip = write_lossless(path)
    declare_frames(path, claim)
    declared = probe(path).declared_frames
    assert declared is None or 0 < declared < 100_000_000
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(read_video(path), clip)
        np.testing.assert_array_equal(read_video(path, 8, 4), clip[8:])
    assert not caplog.text  # one frame fewer than declared is normal
    report = pack_videos(tmp_path / "set", tmp_path / "pack", 16, 4, progress=False)
    assert (report.clips, report.frames, report.problems) == (1, 12, [])


def test_a_count_that_promises_much_more_is_reported(tmp_path, caplog):
    path = tmp_path / "set" / "Run" / "a.avi"
    clip = write_lossless(path)
    declare_frames(path, 40)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(read_video(path), clip)
    assert "only 12 of 40 declared frames decode" in caplog.text
    with pytest.raises(VideoError, match="12 of 40"):
        read_video(path, strict=True)
    report = pack_videos(tmp_path / "set", tmp_path / "pack", 16, 4, progress=False)
    assert [problem.kind for problem in report.problems] == ["truncated"]
    assert PackedClips(report.path, 12).clips[0].frames == 12
    (problem,) = inspect(tmp_path / "set", thorough=True, progress=False).problems
    assert problem.kind == "truncated"


def test_metadata_that_is_no_text(tmp_path):
    path = tmp_path / "a.avi"
    write_coded(path, numbered_clip(12), "mpeg4")
    data = path.read_bytes()
    assert b"a title" in data
    path.write_bytes(data.replace(b"a title", b"\xe9 t\xeftl\xff"))
    with pytest.raises(UnicodeDecodeError), av.open(str(path)) as container:
        assert container.metadata
    assert frame_numbers(read_video(path)) == list(range(12))
    assert probe(path).declared_frames == 12


@pytest.mark.parametrize("name", sorted(CODECS))
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_cut_file_gives_its_beginning_or_an_error(tmp_path, name, share):
    path = tmp_path / name
    write_coded(path, numbered_clip(60), CODECS[name])
    truncate(path, share)
    if name.endswith("mp4"):  # its index is at the end, and was cut off
        with pytest.raises(VideoError, match="cut off before its index"):
            read_video(path)
        return
    found = frame_numbers(read_video(path))
    assert 0 < len(found) < 60
    assert found[:-1] == list(range(len(found) - 1))  # the last one may be damaged


def test_a_file_with_sound_alone(tmp_path):
    path = tmp_path / "sound.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        noise = np.zeros((1, 800), np.int16)
        frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(VideoError, match="not a video"):
        read_video(path)


def test_a_wrong_suffix_does_not_matter(tmp_path):
    clip = write_lossless(tmp_path / "a.avi")
    (tmp_path / "a.avi").rename(tmp_path / "a.mp4")
    np.testing.assert_array_equal(read_video(tmp_path / "a.mp4"), clip)


def test_frames_of_different_sizes_are_an_error(tmp_path, monkeypatch):
    path = tmp_path / "a.avi"
    write_lossless(path, frames=4)
    sizes = iter([(48, 64), (32, 64)] * 4)
    original = video_io._to_rgb

    def grow(frame):
        height, width = next(sizes)
        return original(frame)[:height, :width]

    with monkeypatch.context() as patch:
        patch.setattr(video_io, "_to_rgb", grow)
        with pytest.raises(VideoError, match=r"different sizes \(32 x 64 and 48 x 64\)"):
            read_video(path)


def test_shrinking_while_decoding_is_cropping_and_resizing_afterwards(tmp_path):
    path = tmp_path / "a.avi"
    clip = write_lossless(path, height=48, width=64)
    for size in (16, 20, 48, 60):  # a whole and a broken reduction, none, and enlarging
        expected = resize(centre_crop(clip, 48, 48), size, size)
        np.testing.assert_array_equal(read_video(path, change=shrinker(size)), expected)
    assert next(iter_frames(path, change=shrinker(8))).shape == (8, 8, 3)
