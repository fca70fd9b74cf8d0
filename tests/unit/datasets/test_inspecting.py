"""The table, the health report and the contact sheet of folders and packs."""

import numpy as np
import pytest
from PIL import Image

from tests.support.video_folders import make_bad_folder, make_folder
from tests.support.videos import write_lossless
from vgan_tutorial import cli
from vgan_tutorial.datasets import contact_sheet, inspect, pack_videos
from vgan_tutorial.errors import DataError
from vgan_tutorial.preprocessing import resize
from vgan_tutorial.video_io import read_video


@pytest.fixture
def source(tmp_path):
    return make_folder(tmp_path / "set")


def pack(source, out):
    return pack_videos(source, out, 16, 4, progress=False).path


def rows(inspection) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in str(inspection).splitlines()[2:5]}


def test_folder_and_pack_tell_the_same_of_the_same_videos(source, tmp_path):
    folder = inspect(source, progress=False)
    packed = inspect(pack(source, tmp_path / "pack"), progress=False)
    assert rows(folder) == {
        "Run": ["4", "2", "46", "10", "13", "25", "64x48"],
        "Walk": ["4", "2", "62", "14", "17", "25", "64x48"],
        "all": ["8", "2", "108", "10", "17", "25", "64x48"],
    }
    assert (folder.kind, packed.kind) == ("folder", "pack")
    assert [row[:-1] for row in rows(packed).values()] == [r[:-1] for r in rows(folder).values()]
    assert rows(packed)["all"][-1] == "16x16"
    assert "no problems" in str(folder)


def test_a_flat_folder_and_its_pack_are_one_class(tmp_path):
    write_lossless(tmp_path / "cats" / "a.avi", frames=10)
    write_lossless(tmp_path / "cats" / "b.avi", frames=12)
    folder = inspect(tmp_path / "cats", progress=False)
    packed = inspect(pack(tmp_path / "cats", tmp_path / "pack"), progress=False)
    assert rows(folder)["cats"] == ["2", "2", "22", "10", "12", "25", "64x48"]
    assert [c.name for c in folder.clips] == [c.name for c in packed.clips] == ["a.avi", "b.avi"]
    assert rows(packed)["cats"][:-1] == rows(folder)["cats"][:-1]
    assert contact_sheet(tmp_path / "cats", size=16).shape == (30, 32, 3)


def test_health_of_a_folder(tmp_path):
    source = make_bad_folder(tmp_path / "set")
    quick = {p.name.removeprefix("Run/"): p.kind for p in inspect(source, progress=False).problems}
    thorough = inspect(source, thorough=True, progress=False)
    found = {p.name.removeprefix("Run/"): p.kind for p in thorough.problems}
    assert found == {
        "a_zero.avi": "bad",
        "b_text.avi": "bad",
        "c_page.avi": "bad",
        "e_link.avi": "bad",
        "w_cut.avi": "truncated",
        "y_folder.avi": "skipped",
        "z_notes.txt": "skipped",
    }
    assert quick.items() <= found.items()
    assert found["w_cut.avi"] == "truncated"
    assert "w_cut.avi" not in quick  # the header does not tell
    assert "web page" in str(thorough)


def test_health_of_a_pack(tmp_path):
    path = pack(make_bad_folder(tmp_path / "set"), tmp_path / "pack")
    before = inspect(path, thorough=True, progress=False)
    assert {p.name for p in before.problems} >= {"Run/a_zero.avi", "Run/x_short.avi"}
    array = np.load(path / "clips.npy", mmap_mode="r+")
    array[-1, 0, 0, 0] ^= 1
    array.flush()
    new = set(inspect(path, thorough=True, progress=False).problems) - set(before.problems)
    (changed,) = new
    assert changed.name == before.clips[-1].name
    assert "changed" in changed.reason


def test_the_sheet_shows_middle_frames_in_order(tmp_path):
    for seed, label in enumerate("AB"):
        write_lossless(
            tmp_path / "set" / label / "a.avi", frames=11, height=48, width=48, seed=seed
        )
    sheet = contact_sheet(tmp_path / "set", size=24)
    assert sheet.shape == (24 + 14, 48, 3)
    for place, label in enumerate("AB"):
        expected = resize(read_video(tmp_path / "set" / label / "a.avi", 5, 1), 24, 24)[0]
        np.testing.assert_array_equal(sheet[:24, 24 * place : 24 * place + 24], expected)
        assert (sheet[24:, 24 * place : 24 * place + 24] < 128).any()  # a name is written


def test_the_sheet_of_a_pack_and_of_a_bad_folder(source, tmp_path):
    path = pack(source, tmp_path / "pack")
    assert contact_sheet(path, count=5, columns=3, size=16).shape == (2 * 30, 48, 3)
    bad = make_bad_folder(tmp_path / "bad")
    assert contact_sheet(bad, count=100, size=16).shape[1] == 96
    for file in (bad / "Run").glob("*_*_*.avi"):
        file.unlink()
    for name in ("w_cut.avi", "x_short.avi", "d_one.avi"):
        (bad / "Run" / name).unlink()
    with pytest.raises(DataError, match="no picture to show"):
        contact_sheet(bad)
    with pytest.raises(ValueError, match="must be positive"):
        contact_sheet(source, count=0)


def test_the_command(source, tmp_path, capsys):
    cli.main(["inspect", str(source), "--sheet", str(tmp_path / "sheet.png"), "--count", "4"])
    out = capsys.readouterr().out
    assert "clips  groups" in out
    with Image.open(tmp_path / "sheet.png") as picture:
        assert picture.size == (4 * 96, 96 + 14)
    with pytest.raises(SystemExit, match="no such folder"):
        cli.main(["inspect", str(tmp_path / "missing")])
