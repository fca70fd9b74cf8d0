"""The comparison of pairings: resumed, and judged at both ends of the budget."""

import json
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from vgan_tutorial.experiments import pairings
from vgan_tutorial.experiments.pairings import PAIRINGS, build, make_record
from vgan_tutorial.experiments.records import tensors_beside
from vgan_tutorial.training.config import TrainingConfig

NAMES = ("content-motion + stacked", "DCGAN + stacked")
SETTINGS: dict[str, Any] = {"seconds": 0.2, "steps": 2, "batch": 4}


@pytest.fixture(autouse=True)
def few_clips(monkeypatch):
    monkeypatch.setattr(pairings, "CLIPS", 16)


def test_an_interrupted_comparison_goes_on_where_it_stopped(tmp_path):
    output = tmp_path / "pairings.json"
    make_record(output, NAMES[:1], seeds=1, **SETTINGS)
    first = json.loads(output.read_text())["pairings"][NAMES[0]]["runs"]
    make_record(output, NAMES, seeds=2, **SETTINGS)
    record = json.loads(output.read_text())["pairings"]
    assert record[NAMES[0]]["runs"][0] == first[0]
    for name in NAMES:
        assert [run["seed"] for run in record[name]["runs"]] == [0, 1]
        for run in record[name]["runs"]:
            assert run["steps"] >= 1
            assert run["seconds"] >= SETTINGS["seconds"]
            assert 0 <= run["at_seconds"]["validity"] <= 1
    clips = load_file(tensors_beside(output))
    assert {name: tuple(kept.shape) for name, kept in clips.items()} == dict.fromkeys(
        NAMES, (pairings.SHOWN, 8, 16, 16, 3)
    )


def test_other_settings_and_other_names_are_refused(tmp_path):
    output = tmp_path / "pairings.json"
    make_record(output, NAMES[:1], seeds=1, **SETTINGS)
    with pytest.raises(ValueError, match="made with steps 2, and now it is 3"):
        make_record(output, NAMES[:1], seeds=1, **SETTINGS | {"steps": 3})
    with pytest.raises(ValueError, match="no pairing is called 'luck'; choose from article"):
        make_record(output, ("luck",), **SETTINGS)


def test_a_run_that_breaks_is_recorded_with_its_step(tmp_path, monkeypatch):
    def broken(state, real, config):
        state.step += 1
        return {"discriminator_loss": torch.tensor(float("nan"))}

    monkeypatch.setattr(pairings, "train_step", broken)
    monkeypatch.setattr(pairings, "_costs", lambda name, settings: {})
    output = tmp_path / "pairings.json"
    make_record(output, NAMES[:1], seeds=1, **SETTINGS)
    (run,) = json.loads(output.read_text())["pairings"][NAMES[0]]["runs"]
    assert run["broke"] == "a loss is not finite at step 1"
    assert "at_seconds" not in run


@pytest.mark.parametrize("name", PAIRINGS)
def test_a_seed_fixes_both_players_of_a_pairing(name):
    settings = TrainingConfig(batch=2)
    first, again, other = (build(name, settings, seed) for seed in (0, 0, 1))
    for player in ("generator", "discriminator"):
        weights, same, different = (
            torch.cat([part.flatten() for part in getattr(state, player).parameters()])
            for state in (first, again, other)
        )
        assert torch.equal(weights, same)
        assert not torch.equal(weights, different)


# What the book says of its record ---------------------------------------------------------------

RECORD = Path(__file__).parents[3] / "book" / "records" / "comparison" / "pairings.json"


def test_the_books_record_is_of_known_pairings_within_one_budget():
    record = json.loads(RECORD.read_text())
    assert set(record["pairings"]) <= set(PAIRINGS)
    assert set(load_file(tensors_beside(RECORD))) == set(record["pairings"])
    for pairing in record["pairings"].values():
        for seed, run in enumerate(pairing["runs"]):
            assert run["seed"] == seed
            assert record["seconds"] <= run["seconds"] < 1.1 * record["seconds"]
            assert run["steps"] * run["seconds_per_step"] == pytest.approx(run["seconds"], rel=0.02)


def test_what_the_chapter_reads_from_the_record_is_in_it():
    pairings = json.loads(RECORD.read_text())["pairings"]
    ends = {name: [run["at_seconds"] for run in pairings[name]["runs"]] for name in pairings}
    blind = ends["content-motion + article"]
    assert min(end["validity"] for end in blind) > 0.2
    assert max(end["motion_validity"] for end in blind) < 0.01
    for name in ("article completed + article", "DCGAN + patch", "VGAN + VGAN", "TGAN + TGAN"):
        assert max(end["validity"] for end in ends[name]) < 0.01
    for painted in ("article + article", "DCGAN + patch", "MoCoGAN + MoCoGAN"):
        kept = [
            median(end["colour_consistency"] for end in ends[name])
            for name in ("content-motion + stacked", painted)
        ]
        assert kept[0] > kept[1]
