"""The record of unfinished games: made again, resumed, and of the games that `play` plays."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from vgan_tutorial.experiments import unfinished
from vgan_tutorial.experiments.toys import RECIPES
from vgan_tutorial.experiments.unfinished import NAMES, make_record, play_on
from vgan_tutorial.toys import Game, Run, play
from vgan_tutorial.toys.data import Shares, locate

STORED = Path(__file__).parents[3] / "book/records/toys/unfinished.json"


@pytest.mark.parametrize("name", NAMES)
def test_the_plain_game_is_the_one_that_the_other_record_plays(name: str) -> None:
    game = Game(**asdict(RECIPES[name]) | {"steps": 12, "seed": 3})
    expected, found = play(game), play_on(game)["plain"]
    assert torch.equal(expected.sample(50), found.sample(50))


def test_a_falling_rate_begins_as_it_is_and_ends_one_step_above_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rates: list[float] = []

    def note(run: Run, optimisers: unfinished.Optimisers, rng: torch.Generator) -> None:
        both = {optimiser.param_groups[0]["lr"] for optimiser in optimisers}
        rates.extend(both)  # one number, if both players have the same

    monkeypatch.setattr(unfinished, "one_round", note)
    play_on(Game(steps=4, rate=0.4), falling=True)
    assert rates == pytest.approx([0.4, 0.3, 0.2, 0.1])
    rates.clear()
    play_on(Game(steps=2, rate=0.4))
    assert rates == [0.4, 0.4]


def test_the_averaged_generator_is_another_one_of_the_same_game() -> None:
    runs = play_on(Game(steps=3))
    assert not torch.equal(runs["plain"].sample(5), runs["averaged"].sample(5))
    assert runs["plain"].discriminator is runs["averaged"].discriminator


def test_an_interrupted_record_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "NAMES", NAMES[:1])
    whole, path = tmp_path / "whole.json", tmp_path / "unfinished.json"
    make_record(whole, steps=2, more_steps=4)
    games: list[Game] = []

    def stop_at_the_fourth(game: Game, falling: bool) -> dict[str, Run]:
        games.append(game)
        if len(games) == 4:
            raise KeyboardInterrupt
        return play_on(game, falling)

    with monkeypatch.context() as patch:
        patch.setattr(unfinished, "play_on", stop_at_the_fourth)
        with pytest.raises(KeyboardInterrupt):
            make_record(path, steps=2, more_steps=4)
    make_record(path, steps=2, more_steps=4)
    first, second = (json.loads(p.read_text(encoding="utf-8"))["rows"] for p in (whole, path))
    assert first == second
    assert [(row["steps"], row["falling"]) for row in first] == [
        (2, False),
        (2, True),
        (4, False),
        (4, True),
    ]
    again = play_on(Game(**asdict(RECIPES[NAMES[0]]) | {"steps": 4, "seed": 11}), falling=True)
    found = locate(again["averaged"].sample(2000))
    for name, share in found._asdict().items():
        assert first[3]["averaged"][name][1] == pytest.approx(share, abs=1e-4)


def test_the_stored_record_is_whole() -> None:
    record = json.loads(STORED.read_text(encoding="utf-8"))
    assert record["seeds"] == [10, 11]
    assert "dirty" not in record["commit"]
    variants = [(row["recipe"], row["steps"], row["falling"]) for row in record["rows"]]
    assert len(set(variants)) == len(variants) == 8
    for row in record["rows"]:
        for kind in unfinished.KINDS:
            assert row[kind].keys() == set(Shares._fields)
            for shares in zip(*row[kind].values(), strict=True):
                assert 0 <= sum(shares) <= 1 + 1e-3
            assert all(len(shares) == 2 for shares in row[kind].values())
