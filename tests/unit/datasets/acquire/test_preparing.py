"""From a server on this machine to a pack, for small data sets in the form of the real ones."""

import io
import os
import pickle
import signal
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.archives import files_under, serve, stored_rar
from tests.support.official_lists import (
    FILMS,
    hmdb51_name,
    write_hmdb51_lists,
    write_ucf101_lists,
)
from tests.support.renames import stopped_at
from tests.support.video_folders import make_folder
from tests.support.videos import truncate, write_lossless
from vgan_tutorial import cli
from vgan_tutorial.datasets import (
    CATALOGUE,
    HMDB51,
    UCF101,
    DataSet,
    Download,
    Job,
    PackedClips,
    pack_videos,
)
from vgan_tutorial.datasets.acquire import fetching
from vgan_tutorial.datasets.acquire.preparing import prepare
from vgan_tutorial.errors import DataError, FetchError

UCF, HMDB = UCF101.OFFICIAL, HMDB51.OFFICIAL
LABELS = ("walk", "shake_hands")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders with both small data sets, from which archives are made."""
    root = tmp_path_factory.mktemp("made")
    for seed, name in enumerate(write_ucf101_lists(root / UCF.lists)):
        write_lossless(root / UCF.videos / name, frames=5, seed=seed)
    write_hmdb51_lists(root / HMDB.lists)
    for label in LABELS:
        for film in FILMS:
            for clip in range(2):
                path = root / HMDB.videos / label / hmdb51_name(label, film, clip)
                write_lossless(path, frames=5, seed=clip)
    return root


def zipped(files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture
def server(made, monkeypatch):
    """The real addresses' paths and archives' forms; the mirror's zip has no class folders."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    ucf101 = files_under(made / UCF.videos)
    films = files_under(made / HMDB.videos)
    inner = {
        f"{label}.rar": stored_rar({n: d for n, d in films.items() if n.startswith(label)})
        for label in LABELS
    }
    lists = {f"{UCF.lists}/{n}": d for n, d in files_under(made / UCF.lists).items()}
    splits = {f"{HMDB.lists}/{n}": d for n, d in files_under(made / HMDB.lists).items()}
    with serve() as behaviour:
        behaviour.files = {
            "/UCF101.rar": stored_rar({f"UCF-101/{n}": d for n, d in ucf101.items()}),
            "/mirror.zip": zipped({f"videos/{Path(n).name}": d for n, d in ucf101.items()}),
            "/ucf_lists.zip": zipped(lists),
            "/hmdb51_org.rar": stored_rar(inner),
            "/splits.rar": stored_rar(splits),
        }
        yield behaviour


COUNTS = {
    "ucf101": (dict.fromkeys((1, 2, 3), (12, 6)), 18),
    "hmdb51": ({1: (8, 4), 2: (4, 8), 3: (4, 4)}, 16),
}
ADDRESSES: dict[str, dict[str, tuple[str, ...]]] = {
    "ucf101": {"videos": ("UCF101.rar", "mirror.zip"), "lists": ("ucf_lists.zip",)},
    "hmdb51": {"videos": ("hmdb51_org.rar",), "lists": ("splits.rar",)},
}


def small(server, name: str, counts=None) -> DataSet:
    """The real entry, but for addresses, sizes and counts."""

    def at(path: str) -> Download:
        return Download(path, f"{server.url}/{path}", len(server.files[f"/{path}"]))

    files = {key: tuple(map(at, paths)) for key, paths in ADDRESSES[name].items()}
    official = CATALOGUE[name].official
    assert official is not None
    official = replace(official, counts=counts or COUNTS[name][0], clips=COUNTS[name][1])
    return replace(CATALOGUE[name], files=files, official=official)


def run(data_set, root, said=None, **settings):
    heard: list[str] = [] if said is None else said
    return prepare(data_set, root, size=16, frames=4, progress=False, say=heard.append, **settings)


@pytest.mark.parametrize(("name", "clips"), [("ucf101", 18), ("hmdb51", 16)])
def test_from_the_web_to_the_pack_and_nothing_twice(server, made, tmp_path, name, clips):
    data_set = small(server, name)
    said: list[str] = []
    official = data_set.official
    assert official is not None
    report = run(data_set, tmp_path, said)
    assert said[0] == data_set.terms  # before anything is fetched
    assert report is not None
    assert (report.clips, report.problems) == (clips, [])
    for folder in (official.videos, official.lists):
        assert files_under(tmp_path / folder) == files_under(made / folder)
    assert len(PackedClips(report.path, 4)) == clips
    videos = {"ucf101": UCF101, "hmdb51": HMDB51}[name](tmp_path, frames=4, size=16)
    assert len(videos) == official.counts[1][0]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    server.log.clear()
    assert run(data_set, tmp_path) == report
    assert server.log == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before


def test_the_mirror_serves_when_the_official_address_does_not(server, made, tmp_path):
    data_set = small(server, "ucf101")
    server.files["/UCF101.rar"] = b"<html>moved</html>"
    run(data_set, tmp_path, pack=False)
    assert files_under(tmp_path / "UCF-101") == files_under(made / "UCF-101")
    assert [path.name for path in (tmp_path / "downloads").glob("*ar")] == []


def test_archives_on_disk_are_not_fetched(server, made, tmp_path):
    (tmp_path / "my.rar").write_bytes(server.files["/hmdb51_org.rar"])
    (tmp_path / "splits.rar").write_bytes(server.files["/splits.rar"])
    given = {"videos": tmp_path / "my.rar", "lists": tmp_path / "splits.rar"}
    run(small(server, "hmdb51"), tmp_path / "set", pack=False, given=given)
    assert server.log == []
    assert files_under(tmp_path / "set" / "hmdb51_org") == files_under(made / "hmdb51_org")


def test_a_damaged_archive_on_disk_is_named(server, tmp_path):
    (tmp_path / "splits.rar").write_bytes(server.files["/splits.rar"][:-1])
    with pytest.raises(FetchError, match=r"splits\.rar: has \d+ bytes where \d+ are expected"):
        run(small(server, "hmdb51"), tmp_path / "set", given={"lists": tmp_path / "splits.rar"})


@pytest.mark.parametrize("folder", ["HandstandPushups", "HandStandPushups"])
def test_an_unpacked_folder_is_used_as_it_is(server, made, tmp_path, folder):
    for name, data in files_under(made / "UCF-101").items():
        path = tmp_path / "UCF-101" / name.replace("HandstandPushups", folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    run(small(server, "ucf101"), tmp_path)
    assert [path for path, _ in server.log] == ["/ucf_lists.zip"]


def test_what_was_lost_or_changed_is_put_back(server, made, tmp_path):
    data_set = small(server, "ucf101")
    run(data_set, tmp_path, pack=False)
    files = sorted((tmp_path / "UCF-101").rglob("*.avi"))
    files[0].unlink()
    files[1].write_bytes(b"")
    truncate(files[2])
    server.log.clear()
    run(data_set, tmp_path, pack=False)
    assert files_under(tmp_path / "UCF-101") == files_under(made / "UCF-101")
    assert server.log == []  # from the archive, which was kept


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_killed_at_any_rename_the_next_run_ends_the_same(server, made, tmp_path, monkeypatch, at):
    """Every file gets its name by `os.replace`: the moments at which a kill matters."""
    data_set = small(server, "hmdb51")
    stopped_at(monkeypatch, at, lambda: run(data_set, tmp_path))
    report = run(data_set, tmp_path)
    assert report is not None
    assert report.clips == 16
    assert files_under(tmp_path / "hmdb51_org") == files_under(made / "hmdb51_org")
    assert not list(tmp_path.rglob("*.part*"))
    assert not list(tmp_path.rglob("*.unfinished*"))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed process is a fork")
def test_killed_at_any_moment_the_next_run_ends_the_same(server, made, tmp_path):
    """Without warning: nothing is tidied up, as at a power cut or `kill -9`."""
    moments = [5, 10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 100_000]
    data_set = small(server, "hmdb51")
    asked = pickle.dumps((data_set, tmp_path, moments))
    command = [sys.executable, "-m", "tests.support.killing"]
    done = subprocess.run(command, input=asked, capture_output=True, timeout=600)
    codes = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert [moment for moment, _, _ in codes] == moments, done.stderr.decode()
    assert all(second == 0 for _, _, second in codes), done.stderr.decode()
    assert sum(first == -signal.SIGALRM for _, first, _ in codes) >= 3
    whole = files_under(tmp_path / str(moments[-1]))
    for moment in moments:
        left = files_under(tmp_path / str(moment))
        assert {name for name in left if ".done" not in name} == {
            name for name in whole if ".done" not in name
        }
        assert all(left[name] == whole[name] for name in whole if name.endswith(".avi"))


def test_an_incomplete_archive_is_not_taken_for_the_data_set(server, made, tmp_path):
    ucf101 = files_under(made / "UCF-101")
    first = next(iter(ucf101))
    server.files["/UCF101.rar"] = stored_rar({n: d for n, d in ucf101.items() if n != first})
    with pytest.raises(DataError, match=f"lacks 1 of the 18 videos .* {first}"):
        run(small(server, "ucf101"), tmp_path)


def test_wrong_counts_are_noticed_before_the_videos_are_fetched(server, tmp_path):
    data_set = small(server, "ucf101", counts={1: (9537, 3783)})
    with pytest.raises(DataError, match=r"12 training and 6 test files where \(9537, 3783\)"):
        run(data_set, tmp_path)
    assert [path for path, _ in server.log] == ["/ucf_lists.zip"]


def test_the_commands(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(CATALOGUE, "ucf101", small(server, "ucf101"))
    root = str(tmp_path / "ucf101")
    cli.main(["fetch", "ucf101", "--root", root, "--size", "16", "--frames", "4"])
    out = capsys.readouterr().out
    assert out.index("cite its makers") < out.index("unpacked UCF101.rar") < out.index("18 clips")
    with pytest.raises(SystemExit) as failure:
        cli.main(["fetch", "ucf101", "--root", str(tmp_path), "--archive", "missing.rar"])
    assert "missing.rar" in str(failure.value)


def rendered(into: str):
    """A data set without lists or videos: a number in a file, from which clips are drawn."""

    def prepare(data_set: DataSet, job: Job) -> Path:
        groups = int(job.fetch("sheet").read_text())
        videos = make_folder(job.root / "videos", groups=groups, clips=1)
        job.say(f"{videos}: rendered")
        if into == "videos":
            return videos
        return pack_videos(videos, job.pack, job.size, job.frames, progress=job.progress).path

    return prepare


@pytest.mark.parametrize("into", ["videos", "pack"])
def test_a_data_set_may_have_a_step_of_its_own(server, tmp_path, into):
    server.files["/sheet.txt"] = b"3"
    files = {"sheet": (Download("sheet.txt", f"{server.url}/sheet.txt", 1),)}
    data_set = replace(CATALOGUE["ucf101"], name="new", files=files, official=None)
    data_set = replace(data_set, prepare=rendered(into))
    said: list[str] = []
    report = run(data_set, tmp_path, said)
    assert report is not None
    assert (report.path, report.clips) == (tmp_path / "new-16", 6)
    assert any("rendered" in line for line in said)
    with pytest.raises(DataError, match=r"given as 'lists', .* Its files are sheet"):
        run(data_set, tmp_path, given={"lists": tmp_path / "downloads" / "sheet.txt"})


SCRIPTS = Path(__file__).parents[4] / "data_scripts"


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda script: script.stem)
def test_the_scripts_explain_themselves(script):
    assert script.stem in CATALOGUE
    run = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True)
    assert run.returncode == 0
    assert "--archive" in run.stdout
