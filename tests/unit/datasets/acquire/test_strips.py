"""Pictures that hold films, from a server on this machine."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.support.archives import serve
from tests.support.videos import moving_clip, truncate
from vgan_tutorial.datasets import CATALOGUE, DataSet, Download
from vgan_tutorial.datasets.acquire import fetching
from vgan_tutorial.datasets.acquire.preparing import prepare
from vgan_tutorial.datasets.acquire.strips import Strip, prepare_strips, read_strip
from vgan_tutorial.errors import DataError, FetchError
from vgan_tutorial.video_io import read_video

SIDE = 32
STRIPS = [Strip(f"{n}", f"{label}/v_{n}.avi", 6 + n) for n, label in enumerate("aab")]


def down(clip):
    return clip.reshape(-1, *clip.shape[2:])


def across(clip):
    return clip.swapaxes(0, 1).reshape(clip.shape[1], -1, 3)


def clip_of(strip):
    return moving_clip(strip.frames, SIDE, SIDE, seed=int(strip.key))


@pytest.fixture
def server(tmp_path, monkeypatch):
    """One picture runs down, the others across."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    with serve() as behaviour:
        for strip in STRIPS:
            path = tmp_path / f"{strip.key}.png"
            pixels = (across if strip.frames % 2 else down)(clip_of(strip))
            Image.fromarray(pixels).save(path)
            behaviour.files[f"/{path.name}"] = path.read_bytes()
        yield behaviour


def data_set(server) -> DataSet:
    files = {s.key: (Download(f"{s.key}.png", f"{server.url}/{s.key}.png"),) for s in STRIPS}
    entry = replace(CATALOGUE["ucf101"], name="strips", files=files, official=None)
    return replace(entry, prepare=lambda _, job: prepare_strips(job, STRIPS, "films", SIDE, 25.0))


def run(server, root, pack=True):
    entry = data_set(server)
    return prepare(entry, root, size=16, frames=4, pack=pack, progress=False, say=lambda _: None)


@pytest.mark.parametrize("lay", [down, across])
def test_a_strip_is_taken_apart_as_it_was_laid(tmp_path, lay):
    clip = moving_clip(5, 16, 16)
    Image.fromarray(lay(clip)).save(tmp_path / "strip.png")
    assert np.array_equal(read_strip(tmp_path / "strip.png", 5, 16), clip)


@pytest.mark.parametrize(("frames", "size"), [(4, 16), (6, 16), (5, 8), (10, 8)])
def test_a_strip_of_other_sides_is_refused(tmp_path, frames, size):
    Image.fromarray(across(moving_clip(5, 16, 16))).save(tmp_path / "strip.png")
    with pytest.raises(DataError, match=f"has 80 x 16 pixels where {frames} frames of {size} x"):
        read_strip(tmp_path / "strip.png", frames, size)


def test_what_is_no_picture_or_half_of_one_is_refused(tmp_path):
    path = tmp_path / "strip.jpg"
    path.write_text("404: Not Found")
    with pytest.raises(DataError, match="is not a picture that can be read"):
        read_strip(path, 5, 16)
    Image.fromarray(across(moving_clip(5, 16, 16))).save(path)
    truncate(path, 0.7)
    with pytest.raises(DataError, match="is not a picture that can be read"):
        read_strip(path, 5, 16)


def test_from_the_web_to_the_pack_and_nothing_twice(server, tmp_path):
    report = run(server, tmp_path / "set")
    assert report is not None
    assert (report.clips, report.problems) == (3, [])
    for strip in STRIPS:
        film = read_video(tmp_path / "set" / "films" / strip.film).astype(int)
        assert abs(film - clip_of(strip)).mean() < 6  # what Motion JPEG loses
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*.*")}
    server.log.clear()
    assert run(server, tmp_path / "set") == report
    assert server.log == []
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "set").rglob("*.*")} == before


def test_only_what_is_missing_is_fetched_and_made(server, tmp_path):
    run(server, tmp_path / "set", pack=False)
    films = {path: path.read_bytes() for path in (tmp_path / "set" / "films").rglob("*.avi")}
    lost, cut = sorted(films)[:2]
    lost.unlink()
    truncate(cut)
    (tmp_path / "set" / "downloads" / "0.png").unlink()
    server.log.clear()
    run(server, tmp_path / "set", pack=False)
    assert [path for path, _ in server.log] == ["/0.png"]  # that of the other was kept
    assert {path: path.read_bytes() for path in films} == films


def test_a_picture_that_is_missing_or_another_stops_the_run(server, tmp_path):
    server.files["/1.png"] = server.files["/2.png"]
    with pytest.raises(DataError, match=r"1\.png: has \d+ x \d+ pixels where 7 frames"):
        run(server, tmp_path / "set")
    del server.files["/2.png"]
    with pytest.raises(FetchError, match=r"(?s)answered 404 .*put it there as 2\.png"):
        run(server, tmp_path / "other")


def test_a_film_on_disk_is_asked_for_by_a_name_that_there_is(server, tmp_path):
    given = tmp_path / "0.png"
    with pytest.raises(DataError, match=r"given as 'videos', .* Its files are 0, 1, 2\."):
        prepare(data_set(server), tmp_path / "set", given={"videos": given}, say=lambda _: None)
    many = CATALOGUE["weizmann"]
    with pytest.raises(DataError, match=r"Its files are 00000000, .* and 68 more\."):
        prepare(many, tmp_path / "set", given={"videos": given}, say=lambda _: None)
