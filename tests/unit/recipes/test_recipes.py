"""Recipes fit their data and train as they say."""

import json
from dataclasses import replace

import pytest
import torch

from tests.unit.cli.test_commands import vgan
from vgan_tutorial.datasets import make_shapes_pack
from vgan_tutorial.losses import as_scores
from vgan_tutorial.recipes import RECIPES, get_recipe
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import TrainingConfig, start, state

CPU = torch.device("cpu")


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_players_fit_each_other_and_the_data(name, monkeypatch):
    """Without memory, arithmetic or first weights, which would take most of the time."""
    monkeypatch.setattr(state, "initialise", lambda network, randomness: network)
    recipe = get_recipe(name)
    config = recipe.config_on(torch.device("meta"))
    with torch.device("meta"):
        players = start(replace(config, fused=False), torch.device("meta"))
        clips = torch.empty(2, 3, config.frames, config.size, config.size)
    labels = () if not config.classes else (torch.zeros(2, dtype=torch.long, device="meta"),)
    scores = as_scores(players.discriminator.to("meta")(clips, *labels))
    assert all(len(logits) == 2 for logits in scores.logits)
    if not recipe.needs_fetching:
        preset = PRESETS[recipe.data]
        assert (config.frames, config.size) == (preset.frames, preset.size)
        assert config.classes in (0, len(preset.motions))
        assert config.penalty > 0
    assert config.batch % config.accumulate == 0


@pytest.mark.parametrize("name", RECIPES)
def test_only_speed_differs_on_an_accelerator(name):
    recipe = get_recipe(name)
    assert recipe.config_on(CPU) == recipe.config
    quick = recipe.config_on(torch.device("cuda"))
    assert quick == replace(recipe.config, precision=quick.precision, fused=True, graphs=True)


def test_an_unknown_recipe_is_named_with_those_there_are():
    with pytest.raises(ValueError, match=r"no recipe is called 'larg'; choose one of full, .*tiny"):
        get_recipe("larg")


def test_a_recipe_gives_the_defaults_and_options_replace_them(tmp_path):
    """Also an option that gives back what is the default without a recipe."""
    recipe = get_recipe("tiny")
    assert recipe.config.judge_every != TrainingConfig().judge_every
    changes = ("--judge-every", TrainingConfig().judge_every, "--batch", 4, "--steps", 2)
    vgan("train", tmp_path / "run", "--recipe=tiny", *changes)
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    wanted = replace(recipe.config, judge_every=TrainingConfig().judge_every, batch=4, steps=2)
    assert TrainingConfig.from_dict(stored) == wanted


def test_recipes_are_listed(capsys):
    vgan("recipes")
    listed = capsys.readouterr().out
    for name in RECIPES:
        assert f"\n{name}\n" in "\n" + listed
        assert get_recipe(name).about.split()[0] in listed
    assert "vgan fetch ucf101 --size 128" in listed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--recipe", "larg"), "no recipe is called 'larg'"),
        (("--recipe", "ucf101-64"), "vgan fetch ucf101 --size 64"),
        (("--recipe", "hmdb51-128", "--data", "pack"), r"wants clips of 128 pixels.* have 16"),
        (("--recipe", "small-classes", "--data", "pack"), r"wants clips of 32 pixels"),
    ],
)
def test_data_that_does_not_fit_a_recipe_is_refused(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_shapes_pack(tmp_path / "pack", "tiny", actors=2, clips=1).rename(tmp_path / "made")
    (tmp_path / "pack").rename(tmp_path / "films")
    (tmp_path / "made").rename(tmp_path / "pack")
    with pytest.raises(SystemExit, match=message):
        vgan("train", "run", *arguments)
    assert not (tmp_path / "run").exists()
