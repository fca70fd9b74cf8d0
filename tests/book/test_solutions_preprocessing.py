"""Every solution of chapter 3 is worked out again, and so are its claims about footage.

The solutions are told in words, so the numbers are found here and looked up in the page's text.
"""

import re
from fractions import Fraction

import av
import cv2
import nbformat
import numpy as np
import pytest

from tests.book.notebooks import ROOT, code_cells
from tests.support.videos import moving_clip, write_coded
from vgan_tutorial.datasets import PackedClips, pack_videos
from vgan_tutorial.datasets.catalogue.ucf101 import group_of
from vgan_tutorial.preprocessing import resize, window_starts
from vgan_tutorial.video_io import read_video, write_video

CHAPTER = nbformat.read(ROOT / "book/03_preprocessing.ipynb", as_version=4)
TEXT = "\n\n".join(cell.source for cell in CHAPTER.cells if cell.cell_type == "markdown")
SOLUTIONS = dict(
    re.findall(r"^```\{solution\} ex-preprocessing-(\S+)\n(.*?)^```", TEXT, re.S | re.M)
)
EXERCISES = re.findall(r":label: ex-preprocessing-(\S+)", TEXT)
FILM = ROOT / "book/footage/BigBuckBunny/big_buck_bunny.mp4"


def says(label: str, *parts: str) -> None:
    """The solution holds these words."""
    for part in parts:
        assert part in SOLUTIONS[label], f"{part!r} is not in the solution of {label}"


def test_every_exercise_has_a_solution_and_a_test_here():
    assert set(EXERCISES) == set(SOLUTIONS)
    assert {f"test_preprocessing_{label}" for label in EXERCISES} <= set(globals())


def test_preprocessing_name():
    """The trap: the class as the file name spells it is no class of the list."""
    name = "v_HandStandPushups_g07_c02.avi"
    spelt, official = name.split("_")[1], "HandstandPushups"
    assert spelt not in [official]
    assert spelt.casefold() == official.casefold()
    assert group_of(name) == group_of("v_HandStandPushups_g07_c03.avi")
    says("name", f"Class `{official}`", "group 7, second clip", f'"{spelt}" in classes')


def test_preprocessing_windows():
    assert [window_starts(240, 16, stride) for stride in (1, 8, 15, 16)] == [225, 120, 15, 0]
    says("windows", "= 225", "= 120", "$r = 15$ is the largest, with 15 windows")


def test_preprocessing_stripes():
    stripes = np.zeros((1, 20, 320, 3), np.uint8)
    stripes[:, :, ::5] = 255
    honest, careless = (resize(stripes, 20, 20, antialias=on)[0, 0, :, 0] for on in (True, False))
    assert set(honest.tolist()) == {48, 64}
    assert set(careless.tolist()) == {0, 128}
    np.testing.assert_array_equal(careless[5:], careless[:-5])
    says("stripes", "255 / 5 = 51", "48 and 64", "between 0 and 128", "every five columns")


def test_preprocessing_backwards():
    """By the formula of the page, in exact fractions; a half turn is neither way."""

    def backwards(period):
        seen = {
            r: (Fraction(r, period) + Fraction(1, 2)) % 1 - Fraction(1, 2) for r in range(1, 25)
        }
        return [r for r, turn in seen.items() if Fraction(-1, 2) < turn < 0]

    assert backwards(24) == list(range(13, 24))
    assert backwards(6) == [4, 5, 10, 11, 16, 17, 22, 23]
    says("backwards", "strides 13 to 23", "strides 4, 5, then 10, 11, then 16, 17, then 22, 23")


def test_preprocessing_leak():
    """By drawing, not by the formula: twelve clips, each in training by the toss of a coin."""
    chance = 1 - 0.5**11
    assert chance == pytest.approx(0.9995, abs=5e-5)
    tosses = np.random.default_rng(0).random((100_000, 1)) < 0.5
    assert tosses.any(1).mean() == pytest.approx(0.5, abs=0.01)  # one sibling: groups of two
    siblings = np.random.default_rng(1).random((100_000, 11)) < 0.5
    assert siblings.any(1).mean() == pytest.approx(0.9995, abs=0.0003)
    says("leak", "= 0.9995", "groups of two")


def test_preprocessing_own(tmp_path):
    """--fps gives films of 30 and 60 one rate; --stride leaves them apart."""
    folder = tmp_path / "films" / "Cat"
    folder.mkdir(parents=True)
    for name, milliseconds in (("slow", 33), ("fast", 16)):
        lengths = [milliseconds] * 40
        write_coded(folder / f"{name}.mp4", moving_clip(40), "mpeg4", lengths)
    by_rate = pack_videos(tmp_path / "films", tmp_path / "rate", 16, 4, fps=30, progress=False)
    by_stride = pack_videos(tmp_path / "films", tmp_path / "s", 16, 4, stride=2, progress=False)
    assert [clip.fps for clip in PackedClips(by_rate.path, 4).clips] == [30.0, 30.0]
    rates = sorted(clip.fps or 0.0 for clip in PackedClips(by_stride.path, 4).clips)
    assert rates == pytest.approx([15, 31], abs=1)
    says("own", "--fps 30", "leave the mixture")


def test_the_books_film_has_frames_that_look_ahead():
    """68 of its 132 frames are B-frames, and it is stored in another order than it is shown."""
    with av.open(str(FILM)) as container:
        kinds = ["?IPB"[int(frame.pict_type)] for frame in container.decode(video=0)]
    assert (kinds.count("B"), len(kinds)) == (68, 132)
    capture, told = cv2.VideoCapture(str(FILM), cv2.CAP_FFMPEG), []
    while capture.grab():
        told.append(chr(int(capture.get(cv2.CAP_PROP_FRAME_TYPE))))
    assert told == kinds
    with av.open(str(FILM)) as container:
        stored = [p.pts for p in container.demux(video=0) if p.pts is not None]
    assert stored != sorted(stored)
    assert "More than half of the frames" in TEXT


def test_two_names_of_one_codec(tmp_path):
    clip = moving_clip(20)
    for codec, name in (("XVID", "a.avi"), ("mp4v", "a.mp4")):
        write_video(tmp_path / name, clip, 25.0, codec)
    np.testing.assert_array_equal(read_video(tmp_path / "a.avi"), read_video(tmp_path / "a.mp4"))
    assert (tmp_path / "a.avi").read_bytes() != (tmp_path / "a.mp4").read_bytes()


@pytest.mark.parametrize(("codec", "all_keys"), [("MJPG", True), ("FFV1", False), ("XVID", False)])
def test_only_in_mjpg_all_frames_are_whole(tmp_path, codec, all_keys):
    write_video(tmp_path / "a.avi", moving_clip(30), 25.0, codec)
    with av.open(str(tmp_path / "a.avi")) as container:
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert all(keys) == all_keys


def test_the_workshop_is_removed_though_packs_are_mapped():
    """On Windows a mapped file cannot be deleted; that must not stop the page."""
    code = "\n".join(cell.source for cell in code_cells(CHAPTER))
    assert "TemporaryDirectory" not in code
    assert "shutil.rmtree(workshop, ignore_errors=True)" in code_cells(CHAPTER)[-1].source
