"""Decoding and encoding, and every kind of file that is not what it seems."""

import inspect
import logging
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.support.videos import (
    decode_with_pyav,
    moving_clip,
    truncate,
    web_page,
    write_lossless,
    write_with_pyav,
)
from vgan_tutorial.errors import VideoError
from vgan_tutorial.video_io import (
    WRITABLE,
    VideoInfo,
    _check_count,
    iter_frames,
    missing_frames,
    probe,
    read_video,
    write_video,
)


def test_lossless_file_comes_back_exactly_and_in_rgb(tmp_path):
    clip = write_lossless(tmp_path / "a.avi")
    np.testing.assert_array_equal(read_video(tmp_path / "a.avi"), clip)


@pytest.mark.parametrize("codec", sorted(WRITABLE))
def test_every_listed_codec_writes_a_file_that_reads_back(tmp_path, codec):
    clip = moving_clip()
    path = tmp_path / f"a{WRITABLE[codec]}"
    write_video(path, clip, 25.0, codec)
    decoded = read_video(path)
    assert decoded.shape == clip.shape
    assert np.abs(decoded.astype(int) - clip).mean() < 6  # lossy codecs blur colour edges
    red_minus_blue = decoded[..., 0].astype(int) - decoded[..., 2]
    assert red_minus_blue.max() > 150  # the block is yellow: swapped channels would fail here


def test_decoding_agrees_with_another_decoder(tmp_path):
    write_video(tmp_path / "a.avi", moving_clip(), 25.0, "XVID")
    ours = read_video(tmp_path / "a.avi").astype(int)
    assert np.abs(ours - decode_with_pyav(tmp_path / "a.avi")).max() <= 1


def test_probe_reads_the_header(tmp_path):
    write_lossless(tmp_path / "a.avi", frames=9, height=48, width=64)
    info = probe(tmp_path / "a.avi")
    assert (info.declared_frames, info.width, info.height) == (9, 64, 48)
    assert info.fps == pytest.approx(25)
    assert info.codec.lower() == "ffv1"


@pytest.mark.parametrize(("start", "frames", "stride"), [(0, 4, 1), (3, 4, 2), (5, None, 3)])
def test_window_is_the_same_as_slicing_the_whole(tmp_path, start, frames, stride):
    clip = write_lossless(tmp_path / "a.avi")
    window = read_video(tmp_path / "a.avi", start, frames, stride)
    expected = clip[start::stride][:frames]
    np.testing.assert_array_equal(window, expected)


def test_frames_are_streamed_one_by_one(tmp_path):
    clip = write_lossless(tmp_path / "a.avi")
    stream = iter_frames(tmp_path / "a.avi", stride=5)
    np.testing.assert_array_equal(next(stream), clip[0])
    np.testing.assert_array_equal(next(stream), clip[5])


def test_window_past_the_end_is_an_error_not_a_shorter_clip(tmp_path):
    write_lossless(tmp_path / "a.avi", frames=12)
    with pytest.raises(VideoError, match=r"wanted 8 frames from frame 6 .* gives 6"):
        read_video(tmp_path / "a.avi", start=6, frames=8)
    with pytest.raises(VideoError, match="gives 0"):
        read_video(tmp_path / "a.avi", start=12)


@pytest.mark.parametrize(
    "window", [{"start": -1}, {"stride": 0}, {"frames": 0}], ids=lambda window: str(window)
)
def test_window_out_of_range(tmp_path, window):
    write_lossless(tmp_path / "a.avi")
    with pytest.raises(ValueError, match="at least"):
        read_video(tmp_path / "a.avi", **window)


@pytest.mark.parametrize(
    "name", ["spaces in a name.avi", "héros 视频 🎬.avi", "100%02d.avi", "a:b#c.avi", "-dash.avi"]
)
def test_awkward_names(tmp_path, monkeypatch, name):
    clip = write_lossless(tmp_path / "dossier été" / name, frames=3)
    monkeypatch.chdir(tmp_path / "dossier été")
    np.testing.assert_array_equal(read_video(name), clip)


def test_greyscale_comes_out_as_rgb(tmp_path):
    grey = moving_clip()[..., 0]
    write_with_pyav(tmp_path / "grey.avi", grey)
    decoded = read_video(tmp_path / "grey.avi")
    np.testing.assert_array_equal(decoded, np.repeat(grey[..., None], 3, axis=-1))


def test_odd_size_is_decoded_whole(tmp_path):
    clip = np.ascontiguousarray(moving_clip()[:, :47, :63])
    write_with_pyav(tmp_path / "odd.avi", clip)
    np.testing.assert_array_equal(read_video(tmp_path / "odd.avi"), clip)


def test_one_frame_file(tmp_path):
    clip = write_lossless(tmp_path / "one.avi", frames=1)
    np.testing.assert_array_equal(read_video(tmp_path / "one.avi"), clip)


def test_truncated_file_is_reported_and_what_decodes_is_kept(tmp_path, caplog):
    clip = write_lossless(tmp_path / "cut.avi", frames=40)
    truncate(tmp_path / "cut.avi")
    assert probe(tmp_path / "cut.avi").declared_frames == 40
    with caplog.at_level(logging.WARNING):
        decoded = read_video(tmp_path / "cut.avi")
    assert 1 <= len(decoded) < 39
    np.testing.assert_array_equal(decoded, clip[: len(decoded)])
    assert f"only {len(decoded)} of 40 declared frames decode" in caplog.text
    with pytest.raises(VideoError, match="of 40 declared frames"):
        read_video(tmp_path / "cut.avi", strict=True)


def test_one_missing_frame_is_normal_and_two_are_not():
    info = VideoInfo(Path("a.avi"), 49, 30.0, 4, 4, "FMP4")
    assert missing_frames(info, 49) is None
    assert missing_frames(info, 48) is None
    assert missing_frames(info, 47) == "only 47 of 49 declared frames decode"
    unknown = VideoInfo(Path("a.avi"), None, None, 4, 4, "VP90")
    assert missing_frames(unknown, 3) is None


def _bad_files(folder: Path) -> dict[str, Path]:
    files = {name: folder / f"{name}.avi" for name in ("missing", "zero", "text", "page", "noise")}
    files["zero"].touch()
    files["text"].write_text("Shopping list: eggs, flour, butter.\n" * 40)
    web_page(files["page"])
    files["noise"].write_bytes(np.random.default_rng(0).bytes(5000))
    files["pointer"] = folder / "pointer.avi"
    files["pointer"].write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    files["folder"] = folder / "folder.avi"
    files["folder"].mkdir()
    files["link"] = folder / "link.avi"
    files["link"].symlink_to(folder / "gone.avi")
    files["stub"] = folder / "stub.avi"
    write_lossless(files["stub"])
    truncate(files["stub"], 0.02)
    return files


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "there is no such file"),
        ("zero", "is empty"),
        ("text", "holds plain text"),
        ("page", "is a web page"),
        ("pointer", "Git LFS"),
        ("noise", "not a video"),
        ("folder", "is a folder"),
        ("link", "link to a file that does not exist"),
        ("stub", "not a video|not one frame"),
    ],
)
def test_bad_files_are_named_and_explained(tmp_path, capfd, kind, message):
    path = _bad_files(tmp_path)[kind]
    with pytest.raises(VideoError, match=message) as caught:
        read_video(path)
    assert str(path) in str(caught.value)
    assert caught.value.remedy
    with pytest.raises(VideoError):
        probe(path)
    assert capfd.readouterr().err == ""  # the libraries' own chatter stays quiet


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are POSIX here")
def test_file_without_read_permission(tmp_path):
    path = tmp_path / "locked.avi"
    write_lossless(path)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads every file; test_bad_files covers folders and broken links")
    with pytest.raises(VideoError, match="cannot be opened"):
        read_video(path)


def test_container_that_opens_without_frames(tmp_path):
    """Some files open and then give nothing, as AV1 does where its decoder is missing."""
    path = tmp_path / "headers.avi"
    write_lossless(path, frames=4)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"movi") + 4])
    with pytest.raises(VideoError, match=r"not one frame decodes|not a video"):
        read_video(path)


def test_av1_is_named_with_what_to_do():
    for codec, message in (("av01", "cannot decode AV1: convert it"), ("h264", "lacks its codec")):
        info = VideoInfo(Path("a.mp4"), 4, 25.0, 64, 64, codec)
        with pytest.raises(VideoError, match=message):
            _check_count(info, 0, strict=False)


def test_failure_inside_opencv_names_the_file(tmp_path, monkeypatch):
    write_lossless(tmp_path / "a.avi", frames=2)

    def fail(*_):
        raise cv2.error("bad frame")

    monkeypatch.setattr(cv2, "cvtColor", fail)
    with pytest.raises(VideoError, match=r"a\.avi: breaks OpenCV .*bad frame"):
        read_video(tmp_path / "a.avi")


def test_log_level_of_the_reader_is_left_alone(tmp_path):
    write_lossless(tmp_path / "a.avi", frames=2)
    before = cv2.utils.logging.getLogLevel()
    read_video(tmp_path / "a.avi")
    assert cv2.utils.logging.getLogLevel() == before


def test_unknown_codec_leaves_nothing_behind(tmp_path):
    with pytest.raises(VideoError, match="cannot be written with codec 'ZZZZ'"):
        write_video(tmp_path / "a.avi", moving_clip(), 25.0, "ZZZZ")
    with pytest.raises(VideoError, match="Check that the folder exists"):
        write_video(tmp_path / "no folder" / "a.avi", moving_clip(), 25.0)
    assert list(tmp_path.iterdir()) == []


def test_writing_replaces_a_file_whole(tmp_path):
    write_lossless(tmp_path / "a.avi", frames=4)
    clip = write_lossless(tmp_path / "a.avi", frames=7, seed=1)
    np.testing.assert_array_equal(read_video(tmp_path / "a.avi"), clip)
    assert [path.name for path in tmp_path.iterdir()] == ["a.avi"]


def test_clips_that_cannot_be_encoded_whole_are_refused(tmp_path):
    with pytest.raises(ValueError, match="even"):
        write_video(tmp_path / "a.avi", moving_clip(height=47), 25.0)
    with pytest.raises(ValueError, match="fps"):
        write_video(tmp_path / "a.avi", moving_clip(), 0.0)
    with pytest.raises(ValueError, match="uint8"):
        write_video(tmp_path / "a.avi", moving_clip(frames=0), 25.0)
    with pytest.raises(ValueError, match="float32"):  # as it is without the tests' type check
        inspect.unwrap(write_video)(tmp_path / "a.avi", moving_clip().astype(np.float32), 25.0)
