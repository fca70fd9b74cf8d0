"""Archives, archives in archives, hostile and broken ones."""

import io
import random
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
import rars

from tests.support.archives import files_under, stored_rar
from vgan_tutorial import files
from vgan_tutorial.datasets.acquire import unpacking
from vgan_tutorial.datasets.acquire.unpacking import safe_name, unpack
from vgan_tutorial.errors import UnpackError

NOISE = random.Random(1).randbytes(20_000)
FILES = {
    "UCF-101/Archery/v_Archery_g01_c01.avi": NOISE * 3,
    "UCF-101/Archery/a (1) [x] & é.avi": b"b" * 70_000,
    "UCF-101/Surfing/v_Surfing_g01_c01.avi": NOISE[::-1],
    "UCF-101/empty.txt": b"",
}
READERS = ["unrar", "rars"]


@pytest.fixture(params=READERS)
def reader(request, monkeypatch):
    """Every test runs with either library."""
    if request.param == "rars":
        monkeypatch.setattr(unpacking, "_unrar_members", unpacking._rars_members)
    else:
        pytest.importorskip("unrar.cffi")
    return request.param


def compressed_rar(files, **settings) -> bytes:
    builder = rars.RarBuilder(**settings)
    for name, data in files.items():
        builder.add_bytes(data, name)
    return bytes(builder.to_bytes())


def zipped(files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("UCF-101")
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


KINDS = {
    "zip": zipped,
    "rar50": lambda files: compressed_rar(files, format="rar50"),
    "rar29": lambda files: compressed_rar(files, format="rar29"),
    "solid": lambda files: compressed_rar(files, format="rar29", solid=True),
    "stored": lambda files: stored_rar({name: files[name] for name in files if "é" not in name}),
}


@pytest.fixture(params=KINDS)
def archive(request, tmp_path, reader):
    path = tmp_path / "a.rar"
    path.write_bytes(KINDS[request.param](FILES))
    wanted = {n: d for n, d in FILES.items() if request.param != "stored" or "é" not in n}
    return path, wanted


def run(archive, folder, **settings) -> list[str]:
    return unpack(archive, folder, progress=False, **settings)


def test_every_file_of_every_kind_of_archive(archive, tmp_path):
    path, wanted = archive
    assert run(path, tmp_path / "out") == sorted(wanted)
    assert files_under(tmp_path / "out") == wanted


def test_again_after_a_kill_only_what_is_missing_is_written(archive, tmp_path, monkeypatch):
    path, wanted = archive
    killed_at: list[tuple[str, ...]] = []

    def stop(*names):
        if len(killed_at) == 2:
            raise KeyboardInterrupt
        killed_at.append(names)
        return replace(*names)

    replace = files.os.replace
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", stop)
        with pytest.raises(KeyboardInterrupt):
            run(path, tmp_path / "out")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("*.avi")}
    assert before
    run(path, tmp_path / "out")
    assert files_under(tmp_path / "out") == wanted
    assert all(file.stat().st_mtime_ns == time for file, time in before.items())


@pytest.mark.parametrize("outer", [stored_rar, lambda files: compressed_rar(files)])
def test_rars_in_a_rar(tmp_path, reader, outer):
    inner = {
        "wave.rar": compressed_rar({"wave/a.avi": NOISE, "wave/b.avi": b"b"}, format="rar29"),
        "sub/walk.rar": stored_rar({"walk/a.avi": NOISE[:50]}),
        "note.txt": b"hello",
    }
    (tmp_path / "a.rar").write_bytes(outer(inner))
    names = run(tmp_path / "a.rar", tmp_path / "out")
    assert names == ["note.txt", "walk/a.avi", "wave/a.avi", "wave/b.avi"]
    assert files_under(tmp_path / "out") == {
        "note.txt": b"hello",
        "walk/a.avi": NOISE[:50],
        "wave/a.avi": NOISE,
        "wave/b.avi": b"b",
    }


def test_place_moves_and_leaves_out(tmp_path, reader):
    (tmp_path / "a.rar").write_bytes(stored_rar({"x/a.avi": b"a", "x/b.txt": b"b"}))
    places = {"x/a.avi": "Archery/a.avi", "x/b.txt": None}
    assert run(tmp_path / "a.rar", tmp_path / "out", place=places.get) == ["Archery/a.avi"]
    with pytest.raises(UnpackError, match="leads out"):
        run(tmp_path / "a.rar", tmp_path / "out", place=lambda name: f"../{name}")


HOSTILE = ["../evil.avi", "a/../../evil.avi", "/evil.avi", "C:\\evil.avi", "..\\evil.avi"]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("make", [stored_rar, zipped])
def test_hostile_paths_leave_nothing_behind(tmp_path, reader, make, name):
    (tmp_path / "a.rar").write_bytes(make({"good.avi": b"good", name: b"evil"}))
    with pytest.raises(UnpackError, match="leads out of the folder"):
        run(tmp_path / "a.rar", tmp_path / "deep" / "out")
    assert list(files_under(tmp_path)) == ["a.rar"]


def test_hostile_paths_inside_an_inner_archive(tmp_path, reader):
    inner = stored_rar({"../../evil.avi": b"evil"})
    (tmp_path / "a.rar").write_bytes(stored_rar({"wave.rar": inner}))
    with pytest.raises(UnpackError, match="leads out of the folder"):
        run(tmp_path / "a.rar", tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("a\\b.avi", "a/b.avi"),
        ("./a//b.avi", "a/b.avi"),
        ("a..b/..c", "a..b/..c"),
        ("..", None),
        ("a/..", None),
        ("", None),
        ("\\\\server\\a", None),
        ("c:a", None),
        ("a\0b", None),
    ],
)
def test_safe_name(name, result, tmp_path):
    if result is None:
        with pytest.raises(UnpackError):
            safe_name(name, tmp_path)
    else:
        assert safe_name(name, tmp_path) == result


def test_damage_is_noticed_and_no_damaged_file_gets_its_name(tmp_path, reader):
    data = bytearray(stored_rar({"a.avi": NOISE, "b.avi": NOISE[::-1]}))
    data[len(data) // 4] ^= 0xFF  # in the middle of a.avi
    (tmp_path / "a.rar").write_bytes(data)
    with pytest.raises(UnpackError, match=r"cannot give a\.avi"):
        run(tmp_path / "a.rar", tmp_path / "out")
    assert not (tmp_path / "out" / "a.avi").exists()


def test_an_archive_cut_short(tmp_path, reader):
    data = compressed_rar({"a.avi": NOISE, "b.avi": NOISE[::-1]}, format="rar29")
    (tmp_path / "a.rar").write_bytes(data[: len(data) - len(NOISE) // 2])
    with pytest.raises(UnpackError):
        run(tmp_path / "a.rar", tmp_path / "out")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<!DOCTYPE html>", "is a web page"),
        (b"", "neither a rar nor a zip"),
        (b"PK\3\4 nonsense", "is damaged"),
        (b"Rar!\x1a\x07\x01\x00 nonsense", "is damaged|holds no file"),
    ],
)
def test_what_is_no_archive(tmp_path, reader, data, message):
    (tmp_path / "a.rar").write_bytes(data)
    with pytest.raises(UnpackError, match=message):
        run(tmp_path / "a.rar", tmp_path / "out")
    with pytest.raises(UnpackError, match="cannot be opened"):
        run(tmp_path / "missing.rar", tmp_path / "out")


def test_a_full_disk_is_an_error_that_reaches_the_caller(tmp_path, reader):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    (tmp_path / "a.rar").write_bytes(stored_rar({"a.avi": NOISE}))
    with closing(unpacking.members(tmp_path / "a.rar")) as files:
        member = next(files)
        with pytest.raises(OSError, match="space"), open("/dev/full", "wb", buffering=0) as full:
            member.copy(full)


def test_members_are_copied_in_turn(tmp_path):
    """The library would read freed memory otherwise."""
    pytest.importorskip("unrar.cffi")
    (tmp_path / "a.rar").write_bytes(stored_rar({"a.avi": NOISE, "b.avi": NOISE}))
    first, _ = unpacking.members(tmp_path / "a.rar")
    left = next(unpacking.members(tmp_path / "a.rar"))  # the rest is closed at once
    with (tmp_path / "out").open("wb") as file:
        for member in (first, left):
            with pytest.raises(RuntimeError, match="before the next one"):
                member.copy(file)
