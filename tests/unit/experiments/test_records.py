"""Records say where they come from, go on where they stopped, and refuse other settings."""

import importlib
import json
import shlex
import subprocess
from functools import wraps
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import tyro
from safetensors.torch import load_file

from vgan_tutorial import files
from vgan_tutorial.experiments import records
from vgan_tutorial.experiments.records import (
    CPU,
    add_tensors,
    check_counts,
    check_names,
    check_same,
    command_line,
    commit,
    open_record,
    origin,
    save_record,
    tensors_beside,
    versions,
)

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "book/records").rglob("*.json"))
STORED = {str(path.relative_to(ROOT)): path for path in FILES if '"command"' in path.read_text()}


class Opened(Exception):
    """A command has opened its record: no need to go on."""


@pytest.mark.parametrize("name", STORED)
def test_a_stored_record_is_opened_by_the_command_that_it_names(name, monkeypatch):
    stored = json.loads(STORED[name].read_text(encoding="utf-8"))
    python, option, module, *arguments = shlex.split(stored["command"])
    assert (python, option) == ("python", "-m")
    experiment = importlib.import_module(module)
    # What belongs to the machine is the stored one's.
    monkeypatch.setattr(records, "versions", lambda: stored["versions"])
    monkeypatch.setattr(records, "describe", lambda device: stored.get("device"))
    if hasattr(experiment, "processes"):
        device = torch.device(stored.get("device", "cpu").split()[0])
        monkeypatch.setattr(experiment, "processes", lambda: SimpleNamespace(device=device))

    def opened(path, begun):
        raise Opened(open_record(path, begun))

    @wraps(experiment.make_record)
    def parsed(*arguments, **options):
        raise Opened(stored)

    folder = not hasattr(experiment, "open_record")  # a whole run: parse its command, no more
    make = parsed if folder else experiment.make_record
    monkeypatch.setattr(experiment, "open_record", opened, raising=False)
    monkeypatch.chdir(ROOT)
    with pytest.raises(Opened) as caught:
        tyro.cli(make, args=arguments)
    found = caught.value.args[0]
    assert found | {"commit": None} == stored | {"commit": None}


def test_the_origin_says_what_it_takes_to_make_a_record_again():
    found = origin(command_line("clinic", steps=5), CPU, steps=5, seed=3)
    assert found.keys() == {"command", "steps", "seed", "commit", "device", "versions"}
    assert found["command"] == "python -m vgan_tutorial.experiments.clinic --steps 5"
    assert found["device"].startswith("cpu ")
    assert {"python", "torch", "vgan-tutorial"} <= versions().keys()


def test_a_command_is_what_one_types():
    options = {"output": Path("a b") / "c.json", "game_steps": 3, "seconds": 30.0, "rate": 0.5}
    typed = "x small --output 'a b/c.json' --game-steps 3 --seconds 30 --rate 0.5 --no-compiled"
    found = command_line("x", "small", **options, compiled=False)
    assert found == f"python -m vgan_tutorial.experiments.{typed}"


def test_the_commit_says_whether_the_package_was_changed_and_minds_no_record(tmp_path):
    def git(*words):
        own = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *own, *words], cwd=tmp_path, check=True, capture_output=True)

    for name in ("package", "book"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("first")
    assert commit(tmp_path / "package") is None
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    clean = commit(tmp_path / "package")
    assert clean is not None
    assert int(clean, 16)
    (tmp_path / "book" / "file").write_text("second")
    assert commit(tmp_path / "package") == clean
    (tmp_path / "package" / "file").write_text("second")
    assert commit(tmp_path / "package") == f"{clean}-dirty"


ORIGIN = {"command": "python -m a --steps 5", "steps": 5, "betas": (0.0, 0.9)}


def test_a_record_goes_on_with_the_same_settings_however_they_were_written(tmp_path):
    path = tmp_path / "folder" / "record.json"
    save_record(path, open_record(path, ORIGIN) | {"rows": [1]})
    record = open_record(path, ORIGIN | {"command": "python -m a --steps=5"})
    assert record["rows"] == [1]
    assert record["command"] == ORIGIN["command"]


def test_a_record_of_other_settings_is_refused_and_stays(tmp_path):
    path = tmp_path / "record.json"
    save_record(path, open_record(path, ORIGIN))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"made with steps 5, and now it is 6.*move the file away"):
        open_record(path, ORIGIN | {"steps": 6})
    with pytest.raises(ValueError, match="not a record of this command: KeyError"):
        open_record(path, ORIGIN | {"seeds": 3})
    assert path.read_bytes() == before


def test_what_is_no_record_is_named(tmp_path):
    path = tmp_path / "record.json"
    for text in ("", "[1, 2]", '"text"', "{"):
        path.write_text(text)
        with pytest.raises(ValueError, match=r"record\.json is not a record of this command"):
            open_record(path, ORIGIN)


def test_a_kill_while_writing_leaves_the_old_record(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    save_record(path, ORIGIN | {"rows": [1]})

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            save_record(path, ORIGIN | {"rows": [1, 2]})
    assert open_record(path, ORIGIN)["rows"] == [1]


def test_the_same_is_what_a_file_gives_back(tmp_path):
    check_same(tmp_path, "betas", [0.0, 0.9], (0.0, 0.9))
    with pytest.raises(ValueError, match=r"made with betas \[0.5, 0.9\]"):
        check_same(tmp_path, "betas", [0.5, 0.9], (0.0, 0.9))


def test_a_record_names_every_commit_that_had_a_part_in_it(tmp_path):
    path = tmp_path / "record.json"
    save_record(path, open_record(path, ORIGIN))  # as the first records were: no commit, no device
    begun = ORIGIN | {"commit": "abc", "device": "cpu x"}
    record = open_record(path, begun)
    assert record["commit"] == "unknown, abc"
    assert "device" not in record
    save_record(path, ORIGIN | {"commit": "abc", "device": "cpu x"})
    assert open_record(path, begun)["commit"] == "abc"
    save_record(path, open_record(path, begun | {"commit": "def"}))
    assert open_record(path, begun)["commit"] == "abc, def"
    with pytest.raises(ValueError, match="made with device cpu x, and now it is cuda y"):
        open_record(path, begun | {"device": "cuda y"})


def test_tensors_join_those_beside_the_record(tmp_path):
    path = tmp_path / "folder" / "record.json"
    add_tensors(path, {})
    assert not path.parent.exists()
    add_tensors(path, {"first": torch.zeros(2), "turned": torch.ones(2, 3).T})
    add_tensors(path, {"second": torch.ones(3)})
    kept = load_file(tensors_beside(path))
    assert {name: tuple(each.shape) for name, each in kept.items()} == {
        "first": (2,),
        "turned": (3, 2),
        "second": (3,),
    }


def test_what_cannot_be_counted_or_is_unknown_is_refused():
    check_counts(steps=1, seconds=0.1)
    with pytest.raises(ValueError, match="--game-steps must be positive, got 0"):
        check_counts(steps=1, game_steps=0)
    check_names("toy", ("ring",), {"ring": 1})
    with pytest.raises(ValueError, match="no toy is called 'cube'; choose from ring, spiral"):
        check_names("toy", ("ring", "cube"), ("ring", "spiral"))
