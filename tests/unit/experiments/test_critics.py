"""The study of critics: its damage, its record, and what the book says of it."""

import json
from pathlib import Path

import pytest

from tests.support.seeds import seeded
from vgan_tutorial.experiments import critics
from vgan_tutorial.experiments.critics import STUDIED, make_record, spoil_one_frame
from vgan_tutorial.shapes import MovingShapes, get_preset


def test_one_frame_of_every_clip_is_spoilt_and_no_other():
    clips = MovingShapes("tiny", 0).batch(12)[0]
    changed = (spoil_one_frame(clips, seeded()) != clips).any(1)  # clip, time, height, width
    assert (changed.flatten(2).any(2).sum(1) == 1).all()
    assert (changed.flatten(1).sum(1) == 16).all()  # a square of 4 by 4


def test_a_critic_of_single_frames_stays_at_chance_on_shuffled_ones():
    found = critics._on_damage("frame by frame", "shuffled frames", get_preset("tiny"), 5, seed=0)
    assert found["accuracy"] == pytest.approx(0.5, abs=0.02)


def test_an_interrupted_study_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(critics, "CRITICS", {"stacked": critics.CRITICS["stacked"]})
    monkeypatch.setattr(critics, "STUDIED", {"noise": STUDIED["noise"]})
    monkeypatch.setattr(critics, "PROBED", critics.PROBED[-1:])
    output = tmp_path / "study.json"
    make_record(output, seeds=1, steps=2, game_steps=1)
    first = json.loads(output.read_text())
    make_record(output, seeds=2, steps=2, game_steps=1)
    record = json.loads(output.read_text())
    found = record["damages"]["stacked"]["noise"]
    assert found[0] == first["damages"]["stacked"]["noise"][0]
    assert len(found) == 2
    probes = record["probes"][critics.PROBED[0]]
    assert {how: len(shares) for how, shares in probes.items()} == {
        "random": 2,
        "game": 2,
        "labels": 2,
    }
    with pytest.raises(ValueError, match="made with steps 2, and now it is 3"):
        make_record(output, seeds=2, steps=3, game_steps=1)


# What the book says of its record ---------------------------------------------------------------


def test_the_books_record_says_what_the_chapter_reads_from_it():
    path = Path(__file__).parents[3] / "book" / "records" / "critics" / "study.json"
    record = json.loads(path.read_text())
    damages = record["damages"]
    for blind in ("frame by frame", "patches"):
        assert all(run["accuracy"] == 0.5 for run in damages[blind]["shuffled frames"])
    for seeing in ("3-D", "3-D, spectral", "frame and clip", "stacked"):
        assert all(run["accuracy"] > 0.75 for run in damages[seeing]["shuffled frames"])
    for damage in STUDIED:
        free, held = (
            sorted(run["slope"] for run in damages[critic][damage])
            for critic in ("3-D", "3-D, spectral")
        )
        assert held[len(held) // 2] < free[len(free) // 2]
        assert max(held) < 8  # the bound: the root of 8 for each of two strided layers
    for ways in record["probes"].values():
        assert min(run["motion"] for run in ways["labels"]) > 0.9
