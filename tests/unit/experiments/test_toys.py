"""The record of the toys: made again, resumed, and of the recipes that the book shows."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from vgan_tutorial.experiments.toys import RECIPES, WITH_MOMENTUM, make_record
from vgan_tutorial.toys import RESTRAINTS, Game, Run, count_modes, play


def test_the_record_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: RECIPES[name] for name in ("minimax", "non-saturating")}
    monkeypatch.setattr("vgan_tutorial.experiments.toys.RECIPES", few)
    make_record(tmp_path / "modes.json", seeds=2, steps=15, cost_rounds=1)
    record = json.loads((tmp_path / "modes.json").read_text(encoding="utf-8"))
    assert set(record["recipes"]) == set(few)
    assert "--seeds 2 --first-seed 10 --steps 15" in record["command"]
    assert "momentum" in record["recipes"]["non-saturating"]
    for row in record["recipes"].values():
        assert row["milliseconds"] > 0
        for kind in row.keys() & record["optimisers"].keys():
            betas = record["optimisers"][kind]
            again = play(Game(**row["settings"], seed=11, betas=tuple(betas)))
            coverage = count_modes(again.sample(record["samples"]))
            assert coverage.modes == row[kind]["modes"][1]
            assert round(coverage.good, 3) == row[kind]["good"][1]


def test_an_interrupted_record_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {name: RECIPES[name] for name in ("minimax", "hinge")}
    monkeypatch.setattr("vgan_tutorial.experiments.toys.RECIPES", few)
    whole, path = tmp_path / "whole.json", tmp_path / "modes.json"
    make_record(whole, seeds=2, steps=10, cost_rounds=1)
    games = []

    def stop_at_the_third(game: Game) -> Run:
        games.append(game)
        if len(games) == 3:
            raise KeyboardInterrupt
        return play(game)

    with monkeypatch.context() as patch:
        patch.setattr("vgan_tutorial.experiments.toys.play", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            make_record(path, seeds=2, steps=10, cost_rounds=1)
    make_record(path, seeds=2, steps=10, cost_rounds=1)
    recipes = [json.loads(p.read_text(encoding="utf-8"))["recipes"] for p in (whole, path)]
    for name in few:
        assert recipes[0][name]["calm"] == recipes[1][name]["calm"]


def test_every_restraint_is_in_the_table() -> None:
    assert {game.restraint for game in RECIPES.values()} == set(RESTRAINTS) - {"r2"}


def test_the_stored_record_belongs_to_the_recipes() -> None:
    path = Path(__file__).parents[3] / "book/records/toys/modes.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    assert list(record["recipes"]) == list(RECIPES)
    assert record["seeds"] == [10, 11, 12, 13, 14]  # not 0 and 1, which chose the settings
    for name, row in record["recipes"].items():
        settings = asdict(RECIPES[name]) | {"steps": row["settings"]["steps"]}
        assert row["settings"] == {key: settings[key] for key in row["settings"]}
        assert row["settings"].keys() == settings.keys() - {"seed", "betas"}
        for kind in ["calm", "momentum"] if name in WITH_MOMENTUM else ["calm"]:
            assert len(row[kind]["modes"]) == len(row[kind]["good"]) == 5
            assert all(0 <= modes <= 8 for modes in row[kind]["modes"])
