"""`make gpu` in miniature, on the CPU: every part leaves its result, and nothing is done twice."""

import inspect
import json
import signal
import zipfile
from dataclasses import replace
from functools import partial

import pytest

from vgan_tutorial.experiments import gpu, ladder, runs, throughput
from vgan_tutorial.experiments.records import RECORDS
from vgan_tutorial.recipes import get_recipe
from vgan_tutorial.training import load_checkpoint, load_generator

MINI = replace(
    get_recipe("tiny").config, steps=4, batch=4, judge_every=0, stages=(0, 2), checkpoint_every=2
)
SHORT = {name: ladder.LADDER[name] for name in ("the plain loop", "fused Adam", "CUDA graphs")}


@pytest.fixture
def small(monkeypatch):
    """Networks, clips and times of a few seconds in all."""
    recipe = replace(get_recipe("tiny"), config=MINI, on_accelerator={})
    monkeypatch.setattr(
        gpu, "get_recipe", lambda name: recipe if name == "tiny" else get_recipe(name)
    )
    monkeypatch.setattr(gpu, "TIMED", 0.1)
    monkeypatch.setattr(throughput, "BATCH", {"tiny": 4})
    monkeypatch.setattr(gpu, "run_tests", lambda: {"passed": 0, "skipped": 9, "failed": []})
    monkeypatch.setattr(runs, "JUDGED", 16)
    monkeypatch.setitem(gpu.KINDS, "dual", SHORT)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_all_parts_leave_their_results_and_the_command_goes_on(tmp_path, capsys):
    out, work = tmp_path / "out", tmp_path / "runs"
    measure_and_train = partial(
        gpu.make_record, 15.0, out, presets=("tiny",), kinds=("dual",), rounds=1
    )
    measure_and_train(runs=work, recipes=("tiny", "grid-64"))
    assert sorted(path.name for path in out.iterdir()) == [
        "gpu.json",
        "throughput.json",
        "tiny-checkpoint.0",
        "tiny.zip",
    ]
    record = json.loads((out / "gpu.json").read_text())
    assert record["tests"]["skipped"] == 9
    assert min(record["input"]["drawn"], record["input"]["packed"]) > 0
    trained, left = record["recipes"]["tiny"], record["recipes"]["grid-64"]
    assert trained["steps"] == 4
    assert 0 <= trained["judged"]["validity"] <= 1
    assert "grid is not here yet" in left["left_out"]
    rows = json.loads((out / "throughput.json").read_text())["sizes"]["tiny"]["dual"]["rows"]
    assert rows["CUDA graphs"]["skipped"].startswith("RuntimeError: CUDA records steps")
    with zipfile.ZipFile(out / "tiny.zip") as file:
        file.extractall(tmp_path / "unpacked")
    _, config = load_generator(tmp_path / "unpacked")
    assert config == MINI
    assert {"record.json", "log.jsonl", "stages", "samples"} <= {
        path.name for path in (tmp_path / "unpacked").iterdir()
    }
    said = capsys.readouterr().out
    assert "tiny: 4 steps in" in said
    assert "grid-64: left out, grid is not here yet" in said

    measured = (out / "throughput.json").read_bytes()
    measure_and_train(runs=tmp_path / "elsewhere", recipes=("tiny",))
    assert (out / "throughput.json").read_bytes() == measured
    state, _ = load_checkpoint(tmp_path / "elsewhere" / "tiny" / "checkpoint.pt")
    assert state.step == 4  # unpacked, and gone on with


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_when_the_machine_is_taken_away_the_run_is_packed(tmp_path, monkeypatch):
    """As a batch system does: SIGTERM in the middle of a training."""
    out, work = tmp_path / "out", tmp_path / "runs"
    out.mkdir()
    train = runs.train

    def interrupted(*arguments, **options):
        def stop(state):
            if state.step == 2:
                signal.raise_signal(signal.SIGTERM)

        return train(*arguments, **options, on_step=stop)

    monkeypatch.setattr(runs, "train", interrupted)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit), gpu.leaving_on_sigterm():
        gpu.train_recipe("tiny", 100.0, out, work, {"command": ""})
    assert signal.getsignal(signal.SIGTERM) is before
    gpu.join(out / "tiny-checkpoint.0", tmp_path / "checkpoint.pt")
    assert load_checkpoint(tmp_path / "checkpoint.pt")[0].step == 3
    with zipfile.ZipFile(out / "tiny.zip") as file:
        assert "generator.safetensors" in file.namelist()


def test_large_files_go_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "PIECE", 10)
    (tmp_path / "whole").write_bytes(bytes(range(105)))
    gpu.split(tmp_path / "whole", tmp_path / "part.0")
    assert len(list(tmp_path.glob("part.*"))) == 11
    gpu.join(tmp_path / "part.0", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == bytes(range(105))


def test_when_no_time_is_left_a_recipe_says_so(tmp_path):
    assert gpu.train_recipe("tiny", -1.0, tmp_path, tmp_path, {}) == {
        "left_out": "no time was left"
    }


@pytest.mark.slow
def test_the_tests_for_a_gpu_are_counted(monkeypatch):
    monkeypatch.setattr(gpu, "TESTS", gpu.TESTS / "test_graphs.py")
    found = gpu.run_tests()
    assert found["failed"] == []
    assert found["passed"] + found["skipped"] >= 9


def test_unless_told_it_writes_where_no_record_of_the_book_is():
    """The book's is of another machine, and results of two do not belong in one record."""
    default = inspect.signature(gpu.make_record).parameters["out"].default
    assert not default.is_relative_to(RECORDS)


def test_an_unknown_recipe_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="no recipe is called 'grid-63'"):
        gpu.make_record(out=tmp_path / "out", recipes=("grid-63",))
    assert not (tmp_path / "out").exists()
