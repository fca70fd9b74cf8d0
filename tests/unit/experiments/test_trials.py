"""The record of trials: resumed, complete, and honest about runs that broke."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from vgan_tutorial.experiments import trials
from vgan_tutorial.training import TrainingConfig

SEARCH = Path(__file__).parents[3] / "book/records/trials/changes.json"
NAMES = ("batch of 16", "momentum 0.5")


@pytest.fixture(autouse=True)
def small_data(monkeypatch):
    """One actor a look and few clips to judge are enough for a run of a second."""
    monkeypatch.setattr(trials, "CLIPS", 64)
    whole = trials.make_shapes_pack
    monkeypatch.setattr(
        trials, "make_shapes_pack", lambda folder, preset: whole(folder, preset, actors=8, clips=1)
    )


def test_an_interrupted_record_goes_on_where_it_stopped(tmp_path):
    output = tmp_path / "trials.json"
    trials.make_record(output, NAMES[:1], seeds=1, seconds=0.5)
    first = json.loads(output.read_text())["trials"]
    trials.make_record(output, NAMES, seeds=2, seconds=0.5)
    record = json.loads(output.read_text())
    assert list(record["trials"]) == list(NAMES)
    assert record["trials"][NAMES[0]]["runs"][0] == first[NAMES[0]]["runs"][0]
    for trial in record["trials"].values():
        assert [run["seed"] for run in trial["runs"]] == [0, 1]
        for run in trial["runs"]:
            assert run["steps"] >= 1
            assert 0 <= run["validity"] <= 1
            assert run["clips"] == trials.CLIPS


def test_every_trial_has_its_first_seed_before_any_has_its_second(tmp_path, monkeypatch):
    order = []
    whole = trials._run

    def watched(course, job):
        order.append(job[:2])
        return whole(course, job)

    monkeypatch.setattr(trials, "_run", watched)
    trials.make_record(tmp_path / "trials.json", NAMES, seeds=2, seconds=60.0, steps=2)
    assert order == [(NAMES[0], 0), (NAMES[1], 0), (NAMES[0], 1), (NAMES[1], 1)]


def test_workers_find_what_one_process_finds(tmp_path):
    alone, shared = tmp_path / "alone.json", tmp_path / "shared.json"
    trials.make_record(alone, NAMES, seeds=2, seconds=60.0, steps=4)
    trials.make_record(shared, NAMES, seeds=2, seconds=60.0, steps=4, workers=2)

    def figures(path):
        found = json.loads(path.read_text())["trials"]
        return [
            {key: value for key, value in run.items() if "seconds" not in key}
            for trial in found.values()
            for run in trial["runs"]
        ]

    assert figures(shared) == figures(alone)
    assert len(figures(shared)) == 4


@pytest.mark.parametrize("name", trials.TRIALS)
def test_every_trial_is_a_configuration(name):
    TrainingConfig(**trials.TRIALS[name])


def test_a_run_that_breaks_is_recorded_with_its_reason(tmp_path, monkeypatch):
    monkeypatch.setitem(trials.TRIALS, "far too fast", {"learning_rate": 1e30, "log_every": 1})
    output = tmp_path / "trials.json"
    trials.make_record(output, ("far too fast",), seeds=1, seconds=20.0)
    (run,) = json.loads(output.read_text())["trials"]["far too fast"]["runs"]
    assert "at step" in run["broke"]


def test_a_name_that_is_no_trial_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no trial is called 'luck'; choose from unchanged"):
        trials.make_record(tmp_path / "trials.json", ("luck",))


def test_the_command_says_in_one_line_what_is_wrong(tmp_path):
    command = [sys.executable, "-m", "vgan_tutorial.experiments.trials"]
    command += ["--output", str(tmp_path / "trials.json"), "--names", "luck"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("no trial is called 'luck'; choose from unchanged")
    assert done.stderr.count("\n") == 1


def test_runs_of_other_settings_are_not_mixed_in(tmp_path, monkeypatch):
    output = tmp_path / "trials.json"
    trials.make_record(output, NAMES[:1], seeds=1, seconds=0.5, steps=8)
    before = output.read_bytes()
    with pytest.raises(ValueError, match=r"made with seconds 0.5, and now it is 0.6"):
        trials.make_record(output, NAMES[:1], seeds=2, seconds=0.6, steps=8)
    with pytest.raises(ValueError, match="made with steps 8"):
        trials.make_record(output, NAMES[:1], seeds=2, seconds=0.5, steps=7)
    with pytest.raises(ValueError, match="made with preset tiny"):
        trials.make_record(output, NAMES[:1], seeds=2, seconds=0.5, steps=8, preset="small")
    monkeypatch.setitem(trials.TRIALS, NAMES[0], {"batch": 8})
    with pytest.raises(ValueError, match="made with the changes of 'batch of 16'"):
        trials.make_record(output, NAMES[:1], seeds=2, seconds=0.5, steps=8)
    assert output.read_bytes() == before


def test_what_the_training_chapter_says_of_the_search_holds():
    record = json.loads(SEARCH.read_text())["trials"]
    search, check = range(5), range(5, 10)
    usual = "unchanged"

    def found(name, figure="motion_validity", seeds=search):
        runs = [run[figure] for run in record[name]["runs"] if run["seed"] in seeds]
        assert len(runs) == 5
        return runs

    def costs(name):
        return median(found(name, "processor_seconds")) / median(found(usual, "processor_seconds"))

    lowest, highest = min(found(usual)), max(found(usual))
    assert list(record) == list(trials.TRIALS)
    assert max(found("DCGAN's generator", "validity")) == 0
    for name in ("no choices in the latent", "no penalty", "all augmentations"):
        assert max(found(name)) < lowest
    for name in ("non-saturating loss", "learning rate 4e-3", "discriminator at 4e-3"):
        assert max(found(name)) < 0.2
    assert sorted(found("shifted clips", "cells_found"))[:4] == [12] * 4
    assert median(found("gamma 3", "cells_found")) < 24
    for name in ("gamma 0.3", "blur that fades", "noise that fades", "learning rates that rise"):
        assert lowest <= median(found(name)) <= highest
    falling = found("learning rates that fall")
    assert max(falling) - min(falling) < (highest - lowest) / 2

    best = sorted(record, key=lambda name: -median(found(name)))[:5]
    dear = {"two discriminator steps", "dual discriminator", "batch of 64", "2,700 steps"}
    assert set(best) == dear | {"momentum 0.5"}
    assert costs("momentum 0.5") < 1.15
    for name in (*dear, "penalty in every step"):
        assert costs(name) > 1.5
    fresh = {name: found(name, seeds=check) for name in (usual, *best)}
    for name in best:
        wins = sum(one > other for one in fresh[name] for other in fresh[usual])
        assert (wins >= 19) == (name != "batch of 64")
    longer = median(fresh["2,700 steps"])
    assert median(fresh["two discriminator steps"]) < longer < median(fresh["dual discriminator"])
