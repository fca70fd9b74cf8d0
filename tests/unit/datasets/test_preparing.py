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
from tests.support.videos import truncate, write_lossless
from tests.unit.datasets.test_official import (
    FILMS,
    hmdb51_name,
    write_hmdb51_lists,
    write_ucf101_lists,
)
from vgan_tutorial import cli
from vgan_tutorial.datasets import HMDB51, UCF101, PackedClips, fetching, preparing
from vgan_tutorial.datasets.fetching import Download, FetchError
from vgan_tutorial.datasets.preparing import SOURCES, prepare
from vgan_tutorial.video_io import VideoError

LABELS = ("walk", "shake_hands")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders with both small data sets, from which archives are made."""
    root = tmp_path_factory.mktemp("made")
    for seed, name in enumerate(write_ucf101_lists(root / UCF101.LISTS)):
        write_lossless(root / UCF101.VIDEOS / name, frames=5, seed=seed)
    write_hmdb51_lists(root / HMDB51.LISTS)
    for label in LABELS:
        for film in FILMS:
            for clip in range(2):
                path = root / HMDB51.VIDEOS / label / hmdb51_name(label, film, clip)
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
    ucf101 = files_under(made / UCF101.VIDEOS)
    films = files_under(made / HMDB51.VIDEOS)
    inner = {
        f"{label}.rar": stored_rar({n: d for n, d in films.items() if n.startswith(label)})
        for label in LABELS
    }
    lists = {f"{UCF101.LISTS}/{n}": d for n, d in files_under(made / UCF101.LISTS).items()}
    splits = {f"{HMDB51.LISTS}/{n}": d for n, d in files_under(made / HMDB51.LISTS).items()}
    with serve() as behaviour:
        behaviour.files = {
            "/UCF101.rar": stored_rar({f"UCF-101/{n}": d for n, d in ucf101.items()}),
            "/mirror.zip": zipped({f"videos/{Path(n).name}": d for n, d in ucf101.items()}),
            "/ucf_lists.zip": zipped(lists),
            "/hmdb51_org.rar": stored_rar(inner),
            "/splits.rar": stored_rar(splits),
        }
        yield behaviour


def small(server, name: str) -> preparing.Source:
    """The real description, but for addresses, sizes and counts."""

    def at(path: str) -> Download:
        return Download(path, f"{server.url}/{path}", len(server.files[f"/{path}"]))

    if name == "ucf101":
        return replace(
            SOURCES[name],
            videos=(at("UCF101.rar"), at("mirror.zip")),
            lists=(at("ucf_lists.zip"),),
            counts=dict.fromkeys((1, 2, 3), (12, 6)),
            clips=18,
        )
    return replace(
        SOURCES[name],
        videos=(at("hmdb51_org.rar"),),
        lists=(at("splits.rar"),),
        counts={1: (8, 4), 2: (4, 8), 3: (4, 4)},
        clips=16,
    )


def run(source, root, said=None, **settings):
    heard: list[str] = [] if said is None else said
    return prepare(source, root, size=16, frames=4, progress=False, say=heard.append, **settings)


@pytest.mark.parametrize(("name", "clips"), [("ucf101", 18), ("hmdb51", 16)])
def test_from_the_web_to_the_pack_and_nothing_twice(server, made, tmp_path, name, clips):
    source = small(server, name)
    said: list[str] = []
    report = run(source, tmp_path, said)
    assert said[0] == source.terms  # before anything is fetched
    assert report is not None
    assert (report.clips, report.problems) == (clips, [])
    for folder in (source.videos_folder, source.lists_folder):
        assert files_under(tmp_path / folder) == files_under(made / folder)
    assert len(PackedClips(report.path, 4)) == clips
    videos = {"ucf101": UCF101, "hmdb51": HMDB51}[name](tmp_path, frames=4, size=16)
    assert len(videos) == source.counts[1][0]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    server.log.clear()
    assert run(source, tmp_path) == report
    assert server.log == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before


def test_the_mirror_serves_when_the_official_address_does_not(server, made, tmp_path):
    source = small(server, "ucf101")
    server.files["/UCF101.rar"] = b"<html>moved</html>"
    run(source, tmp_path, pack=False)
    assert files_under(tmp_path / "UCF-101") == files_under(made / "UCF-101")
    assert [path.name for path in (tmp_path / "downloads").glob("*ar")] == []


def test_archives_on_disk_are_not_fetched(server, made, tmp_path):
    (tmp_path / "my.rar").write_bytes(server.files["/hmdb51_org.rar"])
    (tmp_path / "splits.rar").write_bytes(server.files["/splits.rar"])
    archives = {"archive": tmp_path / "my.rar", "lists_archive": tmp_path / "splits.rar"}
    run(small(server, "hmdb51"), tmp_path / "set", pack=False, **archives)
    assert server.log == []
    assert files_under(tmp_path / "set" / "hmdb51_org") == files_under(made / "hmdb51_org")


def test_a_damaged_archive_on_disk_is_named(server, tmp_path):
    (tmp_path / "splits.rar").write_bytes(server.files["/splits.rar"][:-1])
    with pytest.raises(FetchError, match=r"splits\.rar: has \d+ bytes where \d+ are expected"):
        run(small(server, "hmdb51"), tmp_path / "set", lists_archive=tmp_path / "splits.rar")


@pytest.mark.parametrize("folder", ["HandstandPushups", "HandStandPushups"])
def test_an_unpacked_folder_is_used_as_it_is(server, made, tmp_path, folder):
    for name, data in files_under(made / "UCF-101").items():
        path = tmp_path / "UCF-101" / name.replace("HandstandPushups", folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    run(small(server, "ucf101"), tmp_path)
    assert [path for path, _ in server.log] == ["/ucf_lists.zip"]


def test_what_was_lost_or_changed_is_put_back(server, made, tmp_path):
    source = small(server, "ucf101")
    run(source, tmp_path, pack=False)
    files = sorted((tmp_path / "UCF-101").rglob("*.avi"))
    files[0].unlink()
    files[1].write_bytes(b"")
    truncate(files[2])
    server.log.clear()
    run(source, tmp_path, pack=False)
    assert files_under(tmp_path / "UCF-101") == files_under(made / "UCF-101")
    assert server.log == []  # from the archive, which was kept


@pytest.mark.parametrize("at", range(0, 60, 7))
def test_killed_at_any_rename_the_next_run_ends_the_same(server, made, tmp_path, monkeypatch, at):
    """Every file gets its name by `os.replace`: the moments at which a kill matters."""
    source, count = small(server, "hmdb51"), iter(range(10**6))
    original = preparing.os.replace

    def maybe(*names):
        if next(count) == at:
            raise KeyboardInterrupt
        return original(*names)

    with monkeypatch.context() as patch:
        patch.setattr(preparing.os, "replace", maybe)
        try:
            run(source, tmp_path)
            killed = False
        except KeyboardInterrupt:
            killed = True
    assert killed == (at < next(count))  # counted on: the calls that there were
    report = run(source, tmp_path)
    assert report is not None
    assert report.clips == 16
    assert files_under(tmp_path / "hmdb51_org") == files_under(made / "hmdb51_org")
    assert not list(tmp_path.rglob("*.part*"))
    assert not list(tmp_path.rglob(".unfinished"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the killed process is a fork")
def test_killed_at_any_moment_the_next_run_ends_the_same(server, made, tmp_path):
    """Without warning: nothing is tidied up, as at a power cut or `kill -9`."""
    moments = [5, 10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 100_000]
    source = small(server, "hmdb51")
    asked = pickle.dumps((source, tmp_path, moments))
    command = [sys.executable, "-m", "tests.support.killing"]
    done = subprocess.run(command, input=asked, capture_output=True, timeout=240)
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
    with pytest.raises(VideoError, match=f"lacks 1 of the 18 videos .* {first}"):
        run(small(server, "ucf101"), tmp_path)


def test_wrong_counts_are_noticed_before_the_videos_are_fetched(server, tmp_path):
    source = replace(small(server, "ucf101"), counts={1: (9537, 3783)})
    with pytest.raises(VideoError, match=r"12 training and 6 test files where \(9537, 3783\)"):
        run(source, tmp_path)
    assert [path for path, _ in server.log] == ["/ucf_lists.zip"]


def test_the_commands(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(SOURCES, "ucf101", small(server, "ucf101"))
    root = str(tmp_path / "ucf101")
    cli.main(["fetch", "ucf101", "--root", root, "--size", "16", "--frames", "4"])
    out = capsys.readouterr().out
    assert out.index("cite its makers") < out.index("unpacked UCF101.rar") < out.index("18 clips")
    with pytest.raises(SystemExit) as failure:
        cli.main(["fetch", "ucf101", "--root", str(tmp_path), "--archive", "missing.rar"])
    assert "missing.rar" in str(failure.value)


@pytest.mark.parametrize("name", SOURCES)
def test_the_scripts_explain_themselves(name):
    script = Path(__file__).parents[3] / "data_scripts" / f"{name}.py"
    run = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True)
    assert run.returncode == 0
    assert "--archive" in run.stdout
