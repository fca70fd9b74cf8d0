"""Windows of AVI files: sought where that is sure to be right, and the same frames everywhere."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest

from tests.support.fuzzing import DAMAGE, damage
from tests.support.videos import frame_numbers, moving_clip, numbered_clip, truncate, write_coded
from vgan_tutorial import video_io
from vgan_tutorial.avi import START_CODE, seeks_exactly
from vgan_tutorial.errors import VideoError
from vgan_tutorial.video_io import probe, read_video, write_video

LENGTH = 60
STARTS = (31, 32, 33, 40, 47, 52)


def write_with_options(path, codec="mpeg4", rate=Fraction(25), sound=False, **options):
    """A numbered clip, as PyAV writes it with a codec's own options."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.options = {name: str(value) for name, value in options.items()}
        noise = container.add_stream("pcm_s16le", rate=8000, layout="mono") if sound else None
        for array in numbered_clip(LENGTH):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
            if noise is not None:
                silence = np.zeros((1, 320), np.int16)
                tone = av.AudioFrame.from_ndarray(silence, format="s16", layout="mono")
                tone.sample_rate = 8000
                container.mux(noise.encode(tone))
        container.mux(stream.encode())


# How each kind of file is written, and whether it is sought.
KINDS = {
    "XVID": (lambda path: write_video(path, numbered_clip(LENGTH), 25.0, "XVID"), True),
    "DIVX": (lambda path: write_video(path, numbered_clip(LENGTH), 29.97, "DIVX"), True),
    "MJPG": (lambda path: write_video(path, numbered_clip(LENGTH), 25.0, "MJPG"), False),
    "FFV1": (lambda path: write_video(path, numbered_clip(LENGTH), 25.0, "FFV1"), False),
    "few key frames": (lambda path: write_with_options(path, g=250), True),
    "many key frames": (lambda path: write_with_options(path, g=3), True),
    "29.97 a second": (lambda path: write_with_options(path, rate=Fraction(30000, 1001)), True),
    "with sound": (lambda path: write_with_options(path, sound=True), True),
    "looks ahead": (lambda path: write_with_options(path, bf=2, g=12), False),
    "H.264 looks ahead": (lambda path: write_with_options(path, "libx264", bf=2, g=12), False),
    "MPEG-2 looks ahead": (lambda path: write_with_options(path, "mpeg2video", bf=2, g=12), False),
}


def sought(path) -> bool:
    return seeks_exactly(path, probe(path).fps)


def wrong_windows(path) -> list[int]:
    """Starts of windows that are not the frames that decoding from the beginning gives."""
    whole = read_video(path)
    return [
        start
        for start in STARTS
        if not np.array_equal(read_video(path, start, 4, 2), whole[start : start + 8 : 2])
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_holds_the_frames_that_decoding_from_the_beginning_gives(tmp_path, kind):
    path = tmp_path / "a.avi"
    write, expected = KINDS[kind]
    write(path)
    assert frame_numbers(read_video(path)) == list(range(LENGTH))
    assert sought(path) == expected
    assert not wrong_windows(path)


def test_a_sought_window_skips_what_comes_before(tmp_path, monkeypatch):
    path = tmp_path / "a.avi"
    write_with_options(path, g=3)
    landings = []
    seek = video_io._seek

    def noted(*of):
        landings.append(seek(*of))
        return landings[-1]

    monkeypatch.setattr(video_io, "_seek", noted)
    read_video(path, 50, 4)
    read_video(path, 5, 4)  # not worth it
    with pytest.raises(VideoError, match="gives 0"):
        read_video(path, LENGTH + 5, 4)  # not there
    assert landings == [50, 0, 0]
    read_video(path, 50, 4, strict=True)  # which wants every frame counted
    assert len(landings) == 3


def rebuilt(data: bytes, change) -> bytes:
    """An AVI file again from its chunks, after `change` has worked on [name, flags, contents]."""
    movie, index = data.index(b"movi"), data.index(b"idx1")
    rows = struct.iter_unpack("<4sIII", data[index + 8 :])
    chunks = [
        [name, flags, data[movie + place + 8 : movie + place + 8 + length]]
        for name, flags, place, length in rows
        if name == b"00dc"
    ]
    change(chunks)
    body, entries = b"movi", b""
    for name, flags, contents in chunks:
        entries += struct.pack("<4sIII", name, flags, len(body), len(contents))
        body += name + struct.pack("<I", len(contents)) + contents + b"\0" * (len(contents) % 2)
    tail = body + b"idx1" + struct.pack("<I", len(entries)) + entries
    head = data[: movie - 4] + struct.pack("<I", len(body))
    return head[:4] + struct.pack("<I", len(head) + len(tail) - 8) + head[8:] + tail


# A picture of MPEG-4 Part 2 that is "not coded", at 25 frames a second: the bits 01, 0, 1, five of
# time, 1, 0, and filling. The files of HMDB51 hold many.
AS_BEFORE = START_CODE + bytes([0b01010000, 0b01001111])


def empty_one(chunks):
    chunks[20][2] = AS_BEFORE


def pack_two(chunks):
    chunks[20][2] += chunks[21][2]
    chunks[21][2] = AS_BEFORE


def lie_about_keys(chunks):
    for chunk in chunks:
        chunk[1] |= 16


def lose_one(chunks):
    del chunks[20]


CHANGES = {change.__name__: change for change in (empty_one, pack_two, lie_about_keys, lose_one)}


@pytest.fixture
def simple(tmp_path):
    """A file of the kind that is sought."""
    path = tmp_path / "a.avi"
    write_with_options(path, g=12)
    return path


def test_rebuilding_a_file_changes_nothing(simple):
    simple.write_bytes(rebuilt(simple.read_bytes(), lambda chunks: None))
    assert sought(simple)
    assert frame_numbers(read_video(simple)) == list(range(LENGTH))
    assert not wrong_windows(simple)


@pytest.mark.parametrize("name", CHANGES)
def test_an_irregular_file_is_not_sought(simple, name):
    simple.write_bytes(rebuilt(simple.read_bytes(), CHANGES[name]))
    assert not sought(simple)
    assert not wrong_windows(simple)


def test_the_look_at_every_chunk_is_needed(simple, monkeypatch):
    """Without it OpenCV's seeking counts a chunk that gives no frame."""
    simple.write_bytes(rebuilt(simple.read_bytes(), empty_one))
    monkeypatch.setattr(video_io, "seeks_exactly", lambda path, fps: True)
    assert wrong_windows(simple)


def test_other_files_are_not_sought(simple):
    assert not seeks_exactly(simple, 30.0)
    assert not seeks_exactly(simple, None)
    assert not seeks_exactly(simple.parent / "missing.avi", 25.0)
    write_coded(simple.parent / "b.mp4", numbered_clip(LENGTH), "mpeg4")
    assert not sought(simple.parent / "b.mp4")
    (simple.parent / "c.avi").write_bytes(b"RIFF\xff\xff\xff\xffAVI ")
    assert not seeks_exactly(simple.parent / "c.avi", 25.0)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_file_is_not_sought(simple, share):
    truncate(simple, share)
    assert not seeks_exactly(simple, 25.0)


def test_bytes_behind_the_end_do_not_matter(simple):
    simple.write_bytes(simple.read_bytes() + b"\0" * 200 + b"LIST")
    assert sought(simple)
    assert not wrong_windows(simple)


def test_damage_of_every_kind_gets_an_answer(simple):
    data = simple.read_bytes()
    answers = set()
    for number in range(210):
        kind = DAMAGE[number % len(DAMAGE)]
        simple.write_bytes(damage(data, kind, np.random.default_rng(number)))
        answers.add((kind, seeks_exactly(simple, 25.0)))
    assert ("cut", True) not in answers
    assert ("hole", True) not in answers
    assert len(answers) > len(DAMAGE)  # a few harmless ones are still sought


def test_small_pictures_without_movement_are_decoded_from_the_beginning(tmp_path):
    """Their chunks may be as short as those that give no picture."""
    path = tmp_path / "a.avi"
    write_video(path, np.repeat(moving_clip(1, 16, 16), LENGTH, axis=0), 25.0)
    assert not sought(path)
    assert len(read_video(path, 40, 16)) == 16
