"""Files that are there twice, packs that have changed, folders that cannot be listed."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.video_folders import make_bad_folder, make_folder
from tests.support.videos import write_lossless
from tests.unit.cli.test_commands import vgan
from vgan_tutorial.datasets import contact_sheet, inspect, pack_videos, scan_folder
from vgan_tutorial.datasets.folders import OTHERS
from vgan_tutorial.datasets.inspecting import _file_of
from vgan_tutorial.datasets.pack.format import PackedClip
from vgan_tutorial.video_io import SUFFIXES


@pytest.fixture
def source(tmp_path):
    """Two files of the same bytes, and one that is only as long."""
    folder = tmp_path / "set" / "A"
    write_lossless(folder / "a.avi", frames=6)
    (folder / "b.avi").write_bytes((folder / "a.avi").read_bytes()[:-1] + b"?")
    shutil.copy(folder / "a.avi", folder / "c.avi")
    return tmp_path / "set"


def duplicates(inspection) -> dict[str, str]:
    return {p.name: p.reason for p in inspection.problems if p.kind == "duplicate"}


def test_a_file_that_is_there_twice_is_named(source, tmp_path):
    expected = {"A/c.avi": "the same file as A/a.avi"}
    assert duplicates(inspect(source, progress=False)) == expected
    pack = pack_videos(source, tmp_path / "pack", 16, 4, progress=False).path
    assert duplicates(inspect(pack, progress=False)) == expected


def test_shots_of_one_film_are_one_file():
    def clip(name: str) -> PackedClip:
        return PackedClip(name, "A", "g", 0, 4, 25.0, "digest")

    assert _file_of(clip("A/film.avi#2")) == "A/film.avi"
    assert _file_of(clip("A/film #b.avi")) == "A/film #b.avi"


def test_a_folder_of_different_files_has_no_duplicates(tmp_path):
    found = inspect(make_folder(tmp_path / "set"), progress=False)
    assert "no problems" in str(found)


def test_a_pack_that_has_changed_is_a_failure(source, tmp_path, capsys):
    pack = pack_videos(source, tmp_path / "pack", 16, 4, progress=False).path
    vgan("inspect", pack, "--thorough")
    array = np.load(pack / "clips.npy", mmap_mode="r+")
    array[0, 0, 0, 0] ^= 1
    array.flush()
    with pytest.raises(SystemExit) as done:
        vgan("inspect", pack, "--thorough")
    assert done.value.code == 1
    assert "changed  A/a.avi: its frames have changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda pack: (pack / "problems.csv").unlink(), r"problems\.csv is missing"),
        (lambda pack: (pack / "problems.csv").write_text("a\n1\n"), r"problems\.csv is missing or"),
        (lambda pack: spoil(pack / "clips.csv"), "a checksum, or has one that is no number"),
    ],
)
def test_a_damaged_table_is_a_damaged_pack(damage, message, source, tmp_path):
    pack = pack_videos(source, tmp_path / "pack", 16, 4, progress=False).path
    damage(pack)
    with pytest.raises(SystemExit, match=message):
        vgan("inspect", pack, "--thorough")


def spoil(table: Path) -> None:
    head, *rows = table.read_text().splitlines()
    place = head.split(",").index("crc32")
    cells = [row.split(",") for row in rows]
    cells[0][place] = "12x"
    table.write_text("\n".join([head, *map(",".join, cells)]) + "\n")


def test_the_sheet_has_as_many_pictures_as_there_are_to_show(tmp_path):
    """Files that cannot be read are replaced by their neighbours."""
    source = make_bad_folder(tmp_path / "set")
    readable = len(inspect(source, thorough=True, progress=False).clips)
    count = min(readable, 6)
    assert contact_sheet(source, count, columns=1, size=16).shape[0] == count * 30
    assert contact_sheet(source, 100, columns=1, size=16).shape[0] == readable * 30


@pytest.mark.skipif(sys.platform == "win32", reason="such names cannot be given there")
def test_names_with_a_carriage_return_are_packed_and_counted(tmp_path, capsys):
    write_lossless(tmp_path / "set" / "A\r" / "a\rb.avi", frames=6)
    (tmp_path / "set" / "A\r" / "Icon\r").touch()  # as macOS writes it
    vgan("pack", tmp_path / "set", tmp_path / "pack", "--size", 16, "--frames", 4)
    assert "1 clips, 6 frames" in capsys.readouterr().out
    found = inspect(tmp_path / "pack", thorough=True, progress=False)
    assert [(clip.name, clip.label) for clip in found.clips] == [("A\r/a\rb.avi", "A\r")]
    assert [(p.name, p.kind) for p in found.problems] == [("A\r/Icon\r", "skipped")]


def test_a_sheet_that_no_memory_holds_is_refused(source):
    with pytest.raises(ValueError, match="24 pictures of 30000 pixels are too large"):
        contact_sheet(source, size=30_000)


def test_a_sheet_that_cannot_be_written_is_refused_first(source, tmp_path, capsys):
    for wrong, message in (("a.txt", "has the suffix"), ("no/a.png", "there is no folder")):
        with pytest.raises(SystemExit, match=message):
            vgan("inspect", source, "--sheet", tmp_path / wrong)
    assert capsys.readouterr().out == ""


def test_a_class_that_cannot_be_listed_does_not_hide_the_others(source, monkeypatch):
    locked = source / "B"
    locked.mkdir()
    listed = Path.iterdir

    def iterdir(path: Path):
        if path == locked:
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    entries, skipped = scan_folder(source)
    assert len(entries) == 3
    assert [(p.name, p.reason) for p in skipped] == [
        ("B", "a folder that cannot be listed (Permission denied)")
    ]


def test_other_suffixes_of_videos_are_told_what_to_do(source):
    assert not OTHERS & SUFFIXES
    (source / "A" / "x.3GP").write_text("")
    (source / "A" / "notes.txt").write_text("")
    reasons = {p.name: p.reason for p in scan_folder(source)[1]}
    assert reasons["A/x.3GP"].endswith("is not a video's: rename it to .mp4 if it is one")
    assert reasons["A/notes.txt"].endswith("is not a video's")
