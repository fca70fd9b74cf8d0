"""A refused command changes nothing in a run's folder, and a good one nothing that it must not."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.test_commands import vgan
from vgan_tutorial.datasets import make_shapes_pack
from vgan_tutorial.locks import InUseError, locked
from vgan_tutorial.training import load_checkpoint, read_config, read_log

SHORT = ("--batch", 2, "--log-every", 1, "--generator", "dcgan", "--discriminator", "stacked")


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return make_shapes_pack(tmp_path_factory.mktemp("packs"), "tiny", actors=2, clips=1)


@pytest.fixture(scope="module")
def made(pack, tmp_path_factory):
    """A run on the preset and one on a pack, of two steps each."""
    folder = tmp_path_factory.mktemp("made")
    vgan("train", folder / "drawn", *SHORT, "--steps", 2, "--judge-every", 1, "--judge-clips", 2)
    vgan("train", folder / "packed", *SHORT, "--steps", 2, "--data", pack)
    return folder


@pytest.fixture
def runs(made, tmp_path):
    shutil.copytree(made, tmp_path / "runs")
    return tmp_path / "runs"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refused(run: Path, message: str, *arguments) -> None:
    """The command is refused with the message, and leaves everything as it was."""
    before = contents(run) if run.exists() else None
    with pytest.raises(SystemExit, match=message) as failure:
        vgan(*arguments)
    assert "\n" not in str(failure.value)
    assert (contents(run) if run.exists() else None) == before


def altered(pack: Path, folder: Path) -> Path:
    """A pack of the same clips, whose last class has another name."""
    shutil.copytree(pack, folder)
    table = folder / "clips.csv"
    table.write_text(table.read_text().replace("Vertical", "Zigzag"))
    with table.open(newline="") as file:
        assert {row["class"] for row in csv.DictReader(file)} == {
            "Circular",
            "Horizontal",
            "Zigzag",
        }
    return folder


def test_a_run_goes_on_with_its_own_data_only(runs, pack, tmp_path):
    drawn, packed = runs / "drawn", runs / "packed"
    other = altered(pack, tmp_path / "other")
    refused(drawn, "trained on tiny, and this is", "resume", drawn, "--data", pack)
    for more in (("--judge-every", 0), ("--steps", 3, "--judge-every", 0)):
        refused(drawn, "trained on tiny", "train", drawn, "--data", pack, *SHORT, *more)
    refused(packed, "and this is tiny", "resume", packed, "--data", "tiny")
    refused(packed, "and this is .*other", "resume", packed, "--data", other, "--steps", 3)
    refused(packed, "the part all .* not on train", "train", packed, "--split", "train")
    vgan("resume", drawn, "--steps", 3)
    assert read_log(drawn)[-1]["step"] == 3


def test_a_pack_that_was_replaced_under_a_run_is_noticed(runs, pack, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pack, "mine")
    vgan("train", "run", *SHORT, "--steps", 1, "--data", "mine")
    shutil.move("mine", "moved")  # it may lie elsewhere
    vgan("resume", "run", "--steps", 2, "--data", "moved")
    altered(Path("moved"), tmp_path / "zz")
    shutil.rmtree("moved")
    shutil.move("zz", "moved")
    refused(Path("run"), "moved, which has changed since", "resume", "run", "--steps", 3)


def test_runs_from_before_digests_were_kept_go_on(runs, pack):
    for name, data in (("drawn", "tiny"), ("packed", str(pack))):
        (runs / name / "data.json").write_text(json.dumps({"data": data}))
        vgan("resume", runs / name, "--steps", 3)
        assert len(json.loads((runs / name / "data.json").read_text())["digest"]) > 3
    (runs / "drawn" / "data.json").write_text('{"data": "tiny"}')
    refused(runs / "drawn", "trained on tiny", "resume", runs / "drawn", "--data", pack)


@pytest.mark.parametrize("name", ["config.json", "log.jsonl", "data.json", "best.pt", "samples"])
def test_what_no_run_has_made_is_not_overwritten(name, tmp_path):
    (tmp_path / name).write_text('{"a": "stranger"}')
    refused(tmp_path, f"holds {name}, which no `vgan train`", "train", tmp_path, "--steps", 1)


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(runs):
    for name in ("checkpoint.pt", "generator.safetensors"):
        (runs / "drawn" / name).unlink()
    vgan("train", runs / "drawn", *SHORT, "--steps", 1)
    assert read_log(runs / "drawn")[-1]["step"] == 1


@pytest.mark.parametrize(
    "arguments", [("train", ""), ("sample", "run", ""), ("evaluate", "run", "--out", "")]
)
def test_an_empty_path_is_not_the_current_folder(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(tmp_path, "is empty", *arguments)


def test_train_keeps_what_it_is_not_told(runs, capsys):
    run = runs / "drawn"
    vgan("train", run, "--steps", 3)
    config = read_config(run)
    assert (config.batch, config.judge_every, config.generator) == (2, 1, "dcgan")
    assert "goes on from step 2; steps was 2 and is 3" in capsys.readouterr().out
    refused(run, "batch was 2 and is 4", "train", run, "--batch", 4)
    vgan("train", run, "--steps", 4, "--judge-every", 0, "--checkpoint-every", 7)
    vgan("resume", run, "--steps", 5)
    assert (read_config(run).judge_every, read_config(run).checkpoint_every) == (0, 7)


def test_a_recipes_run_keeps_its_interval_if_the_recipe_is_named_again(tmp_path):
    run = tmp_path / "run"
    told = ("--recipe", "tiny", "--batch", 2, "--judge-every", 0)
    vgan("train", run, *told, "--checkpoint-every", 1, "--steps", 1)
    vgan("train", run, *told, "--steps", 2)
    assert read_config(run).checkpoint_every == 1


def test_fewer_steps_than_were_taken_are_refused_and_as_many_are_no_news(runs, capsys):
    run = runs / "drawn"
    for command in ("resume", "train"):
        refused(run, "is at step 2 already, and steps is 1", command, run, "--steps", 1)
    (run / "generator.safetensors").unlink()  # a kill between the two writes
    vgan("resume", run)
    assert "all of its 2 steps are done" in capsys.readouterr().out
    vgan("sample", run, run / "a.gif", "--count", 1)


HOLD = """
import sys, time
from vgan_tutorial.locks import locked
with locked(sys.argv[1], "it"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lock_keeps_others_out_until_its_holder_ends_however_it_ends(holder, tmp_path):
    refusal = pytest.raises(InUseError, match="it is in use by another process")
    with refusal, locked(tmp_path / "lock", "it"):
        pass
    holder.kill()
    holder.wait()
    assert (tmp_path / "lock").exists()  # and nobody holds it
    with locked(tmp_path / "lock", "it"):
        pass
    assert not (tmp_path / "lock").exists()


def test_two_commands_do_not_train_in_one_folder(runs):
    run = runs / "drawn"
    with locked(run / ".lock", run):
        for command in ("train", "resume"):
            refused(run, "drawn is in use by another process", command, run, "--steps", 3)


@pytest.mark.parametrize("best", ["valdity", "-valdity"])
def test_a_best_figure_that_nobody_gives_is_named_before_the_first_step(best, tmp_path):
    run, told = tmp_path / "run", ("--judge-every", 1000, f"--best={best}")
    refused(run, "best is 'valdity'.*choose one of validity", "train", run, *told)
    assert not run.exists()


def test_footage_has_no_judge_and_says_so_before_anything_is_written(pack, tmp_path):
    run = tmp_path / "run"
    refused(run, "give --judge-every 0", "train", run, "--data", pack, "--judge-every", 5)
    assert not run.exists()


def test_a_shape_that_the_data_does_not_have_is_refused(pack, tmp_path):
    run = tmp_path / "run"
    for told, message in (
        (("--size", 64), "size is 64, and clips of tiny have size 16"),
        (("--frames=32",), "frames is 32, and clips of tiny have frames 8"),
        (("--size", 64, "--data", pack), "size is 64, and clips of .* have size 16"),
    ):
        refused(run, message, "train", run, *told)
        refused(run, message, "estimate", *told)
    refused(run, "size is 0; it must be at least 1", "estimate", "--size", 0)
    refused(run, "there is no pack at 'nope'", "estimate", "--data", "nope")
    refused(run, "there is no pack at 'nope'", "estimate", "--data", "nope", "--recipe", "small")


@pytest.mark.parametrize("size", ['"big"', "-16", "8.5", "true", "null"])
def test_a_damaged_configuration_does_not_stop_a_good_checkpoint(size, runs, capsys):
    run = runs / "drawn"
    text = (run / "config.json").read_text()
    (run / "config.json").write_text(text.replace('"size": 16', f'"size": {size}'))
    refused(run, r"config\.json is not a configuration: size is", "sample", run, run / "a.gif")
    vgan("resume", run, "--steps", 3)
    assert read_config(run).size == 16


@pytest.mark.parametrize("damage", [b'{"seconds": 1}\n', b"\xff\xfe\0\n", b"[1]\n", b"3\n"])
def test_a_damaged_log_does_not_stop_a_good_checkpoint(damage, runs):
    log = runs / "drawn" / "log.jsonl"
    log.write_bytes(damage + log.read_bytes() + damage)
    vgan("resume", runs / "drawn", "--steps", 3)
    assert [line["step"] for line in read_log(runs / "drawn")] == [1, 2, 3]
    assert damage in (runs / "drawn" / "log.jsonl.damaged").read_bytes()


def test_a_damaged_checkpoint_names_the_others(runs):
    run = runs / "drawn"
    shutil.copy(run / "checkpoint.pt", run / "best.pt")
    (run / "checkpoint.pt").write_bytes(b"damaged")
    refused(run, r"others, best\.pt: copy one over it", "resume", run, "--steps", 3)
    shutil.copy(run / "best.pt", run / "checkpoint.pt")
    vgan("resume", run, "--steps", 3)
    assert load_checkpoint(run / "checkpoint.pt")[0].step == 3


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("penalty", "nan"),
        ("blur", "nan"),
        ("noise", "inf"),
        ("ema", "nan"),
        ("learning-rate", "inf"),
        ("discriminator-learning-rate", "-1"),
        ("betas", "nan"),
        ("seconds", "nan"),
        ("seconds", "-5"),
    ],
)
def test_numbers_that_are_none_are_refused(option, value, runs, tmp_path):
    told = (f"--{option}", value, *(["0.9"] if option == "betas" else []))
    message = f"{option.replace('-', '_')} is .*{value}"
    refused(tmp_path / "run", message, "train", tmp_path / "run", *told)
    assert not (tmp_path / "run").exists()
    if option == "seconds":
        refused(runs / "drawn", message, "resume", runs / "drawn", "--steps", 3, *told)


def test_a_recipe_with_classes_says_how_to_do_without(pack, tmp_path):
    told = ("--recipe", "small-classes", "--size", 16, "--frames", 8, "--data", pack)
    refused(tmp_path / "run", "--classes 0 to tell neither", "train", tmp_path / "run", *told)
