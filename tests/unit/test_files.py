"""Files are there whole or not at all."""

import os
import signal
import subprocess
import sys

import pytest

from vgan_tutorial import files
from vgan_tutorial.files import draft_of, publish, replace_file, replacing


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("content", [b"new", "new", lambda file: file.write(b"new")])
def test_what_is_there_is_replaced(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(b"old and longer")
    replace_file(path, content)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_text_carries_any_name(tmp_path):
    strange = os.fsdecode(b"v_\xff \xc3\xa9.avi\r\n")
    replace_file(tmp_path / "a.csv", strange)
    assert (tmp_path / "a.csv").read_bytes() == b"v_\xff \xc3\xa9.avi\r\n"


@pytest.mark.parametrize("failure", [ValueError, Killed])
def test_a_failure_while_writing_leaves_the_old_file_alone(tmp_path, failure):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def half(file):
        file.write(b"ne")
        raise failure

    with pytest.raises(failure):
        replace_file(path, half)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    """The contents too, and not only its length: they have left the buffers of Python."""
    path, happened = tmp_path / "a.json", []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        assert os.fstat(descriptor).st_ino == draft_of(path).stat().st_ino
        happened.append(("fsync", draft_of(path).read_bytes()))
        fsync(descriptor)

    def renamed(draft, to):
        happened.append(("replace", draft.read_bytes()))
        replace(draft, to)

    monkeypatch.setattr(files.os, "fsync", synced)
    monkeypatch.setattr(files.os, "replace", renamed)
    replace_file(path, b"new")
    assert happened == [("fsync", b"new"), ("replace", b"new")]
    happened.clear()
    with replacing(path, sync=False) as draft:
        draft.write_bytes(b"newer")
    assert happened == [("replace", b"newer")]


def test_publish_keeps_the_contents_and_drops_the_other_name(tmp_path):
    (tmp_path / "a.part").write_bytes(b"arrived")
    publish(tmp_path / "a.part", tmp_path / "a")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"arrived"}


def test_nobody_takes_the_draft_for_a_file(tmp_path):
    """Checkpoints, say, are found by `*.pt`: half of one must not be among them."""
    with replacing(tmp_path / "checkpoint.pt") as draft:
        draft.touch()
        assert not list(tmp_path.glob("*.pt"))
    with replacing(tmp_path / "film.avi", suffix=".avi") as draft:
        draft.touch()
        assert draft.name.startswith(".")
        assert draft.suffix == ".avi"


def test_the_draft_fits_where_the_name_does(tmp_path):
    longest = tmp_path / ("é" * 125 + ".json")
    try:
        longest.touch()
    except OSError:
        pytest.skip("this file system has shorter names")
    replace_file(longest, b"new")
    assert longest.read_bytes() == b"new"


WRITE_FOR_EVER = """
import itertools, sys
from pathlib import Path
from vgan_tutorial.files import replace_file
for number in itertools.count():
    replace_file(Path(sys.argv[1]), str(number % 10) * 200_000)
    print(number, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal")
def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "a.json"
    for more in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(3 + more):
            last = int(process.stdout.readline())
        process.kill()
        last = max([last, *map(int, process.stdout.read().split())])
        process.wait()
        found = path.read_text()
        assert found in (str(last % 10) * 200_000, str((last + 1) % 10) * 200_000)
