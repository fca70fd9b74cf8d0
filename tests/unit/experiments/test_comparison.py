"""The comparison until flat: resumed within a run, ended by its rule, trained as it says."""

import json
import math
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from vgan_tutorial.experiments import comparison
from vgan_tutorial.experiments.comparison import Budget, is_flat, make_record
from vgan_tutorial.experiments.contestants import CONTESTANTS, begin, priced_vgan
from vgan_tutorial.experiments.records import tensors_beside
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import initialise
from vgan_tutorial.shapes import get_preset
from vgan_tutorial.training.sources import shapes_source, take
from vgan_tutorial.training.step import train_step

TINY = get_preset("tiny")
NAME = "quick"  # the tile generator with few clips in a step
# A step takes a second of the clock that these tests set, so a run has 6 steps, judged 3 times.
SETTINGS: dict[str, Any] = {"seconds": 6.0, "least": 100.0, "patience": 50.0, "every": 2.0}


@pytest.fixture(autouse=True)
def few_clips_and_a_steady_clock(monkeypatch):
    ticks = count()
    monkeypatch.setattr(comparison, "CLIPS", 8)
    monkeypatch.setattr(comparison, "process_time", lambda: float(next(ticks)))


@pytest.fixture
def quick(monkeypatch):
    """One more contestant."""
    tile = CONTESTANTS["tile, recommended"]
    monkeypatch.setitem(CONTESTANTS, NAME, replace(tile, settings={"batch": 4}))


def read_runs(output, name=NAME):
    return json.loads(output.read_text())["contestants"][name]["runs"]


def weights(folder):
    kept = torch.load(folder / "quick-0" / "checkpoint.pt", weights_only=True)
    return {**kept["generator"], **kept["averaged"]}, kept["step"]


# Going on ---------------------------------------------------------------------------------------


def cut_in_a_step(monkeypatch):
    """The machine stops in the fourth step, two after a checkpoint."""
    whole = comparison.train_step

    def cut(state, *rest):
        if state.step == 3:
            raise KeyboardInterrupt
        return whole(state, *rest)

    monkeypatch.setattr(comparison, "train_step", cut)


def cut_between_curve_and_checkpoint(monkeypatch):
    """The machine stops when a point of the curve is written and its checkpoint is not."""
    whole = comparison.save_checkpoint

    def cut(path, state, config):
        if state.step == 4:
            raise KeyboardInterrupt
        whole(path, state, config)

    monkeypatch.setattr(comparison, "save_checkpoint", cut)


@pytest.mark.parametrize("cut", [cut_in_a_step, cut_between_curve_and_checkpoint])
def test_a_run_that_was_cut_ends_as_if_it_had_not_been(tmp_path, monkeypatch, quick, cut):
    whole, torn = tmp_path / "whole.json", tmp_path / "torn.json"
    make_record(whole, tmp_path / "whole", (NAME,), seeds=1, **SETTINGS)
    with monkeypatch.context() as patched:
        cut(patched)
        with pytest.raises(KeyboardInterrupt):
            make_record(torn, tmp_path / "torn", (NAME,), seeds=1, **SETTINGS)
    assert not torn.exists()
    partial = json.loads((tmp_path / "torn/quick-0/run.json").read_text())
    assert 0 < len(partial["curve"]) < 3
    make_record(torn, tmp_path / "torn", (NAME,), seeds=1, **SETTINGS)
    (run,) = read_runs(whole)
    assert read_runs(torn) == [run]
    assert [point["step"] for point in run["curve"]] == [2, 4, 6]
    assert [point["seconds"] for point in run["curve"]] == [2.0, 4.0, 6.0]
    (expected, step), (found, other) = weights(tmp_path / "whole"), weights(tmp_path / "torn")
    assert step == other == 6
    assert all(torch.equal(found[key], expected[key]) for key in expected)


def test_a_run_with_other_settings_is_not_gone_on_with(tmp_path, monkeypatch, quick):
    output = tmp_path / "comparison.json"
    make_record(output, tmp_path / "runs", (NAME,), seeds=1, **SETTINGS)
    with pytest.raises(ValueError, match=r"made with seconds 6\.0, and now it is 9\.0"):
        make_record(output, tmp_path / "runs", (NAME,), seeds=1, **SETTINGS | {"seconds": 9.0})
    monkeypatch.setitem(CONTESTANTS, NAME, CONTESTANTS["VGAN, recommended"])
    with pytest.raises(ValueError, match="made with the changes of 'quick'"):
        make_record(output, tmp_path / "runs", (NAME,), seeds=2, **SETTINGS)
    with pytest.raises(ValueError, match=r"run\.json was made with training"):
        make_record(tmp_path / "new.json", tmp_path / "runs", (NAME,), seeds=1, **SETTINGS)


def test_a_name_that_is_no_contestants_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no contestant is called 'luck'; choose from painter, r"):
        make_record(tmp_path / "comparison.json", tmp_path / "runs", ("luck",))
    with pytest.raises(ValueError, match="--patience must be positive"):
        make_record(tmp_path / "comparison.json", tmp_path / "runs", patience=0.0)


# The record -------------------------------------------------------------------------------------


def test_recommended_runs_come_first_and_the_second_seed_last(tmp_path, monkeypatch):
    order = []

    def noted(name, seed, *rest):
        order.append((name, seed))
        return {"seed": seed}, torch.zeros(1)

    monkeypatch.setattr(comparison, "_run", noted)
    make_record(tmp_path / "comparison.json", tmp_path / "runs", **SETTINGS)
    first = [name for name, seed in order[:10] if seed == 0]
    pairs = ["painter", "MoCoGAN", "VGAN", "TGAN", "residual", "tile"]
    recommended = [f"{pair}, recommended" for pair in pairs]
    assert first == [*recommended, *(f"{pair}, published" for pair in pairs[1:5])]
    assert order[10:] == [(name, 1) for name in first]
    make_record(tmp_path / "comparison.json", tmp_path / "runs", **SETTINGS)
    assert len(order) == 20


def test_a_record_holds_the_judges_figures_and_clips_of_the_first_seed(tmp_path, quick):
    output = tmp_path / "comparison.json"
    make_record(output, tmp_path / "runs", (NAME,), **SETTINGS)
    runs = read_runs(output)
    assert [run["seed"] for run in runs] == [0, 1]
    assert runs[0]["curve"] != runs[1]["curve"]
    for run in runs:
        assert run["ended"] == "out of time"
        for point in run["curve"]:
            assert set(point) == {"seconds", "step", *comparison.FIGURES}
    (kept,) = load_file(tensors_beside(output)).values()
    assert kept.shape == (comparison.SHOWN, 8, 16, 16, 3)
    assert kept.dtype == torch.uint8


def test_a_run_that_breaks_is_recorded_with_its_step_and_the_next_one_is_made(
    tmp_path, monkeypatch, quick
):
    whole = comparison.train_step

    def broken(state, *rest):
        figures = whole(state, *rest)
        return figures if state.step < 3 else {"generator_loss": torch.tensor(math.nan)}

    monkeypatch.setattr(comparison, "train_step", broken)
    output = tmp_path / "comparison.json"
    make_record(output, tmp_path / "runs", (NAME,), **SETTINGS)
    for run in read_runs(output):
        assert run["ended"] == "generator_loss is not finite at step 3"
        assert [point["step"] for point in run["curve"]] == [2]


# When a run is flat -----------------------------------------------------------------------------


def curve(*motion: float) -> comparison.Curve:
    """Judged once a minute."""
    return [
        {"seconds": 60.0 * minute, "motion_validity": each}
        for minute, each in enumerate(motion, start=1)
    ]


def test_a_curve_is_flat_when_its_best_has_not_risen_for_the_patience():
    assert is_flat(curve(0.1, 0.5, 0.5, 0.52), patience=120.0)
    assert not is_flat(curve(0.1, 0.5, 0.5, 0.525), patience=120.0)
    assert is_flat(curve(0.5, 0.1, 0.2, 0.3), patience=120.0)  # it falls and comes back
    assert not is_flat(curve(0.1, 0.2, 0.3, 0.4), patience=60.0)
    assert not is_flat(curve(0.5, 0.5), patience=120.0)  # nothing was judged so long ago
    creeping = [0.01 * minute for minute in range(1, 40)]
    assert not is_flat(curve(*creeping), patience=900.0)


def test_a_run_ends_when_it_is_flat_but_not_too_early_or_out_of_time():
    budget = Budget(seconds=2400.0, least=1200.0, patience=900.0, every=60.0)
    rising = [0.03 * minute for minute in range(1, 41)]
    assert budget.end([]) is None
    assert budget.end(curve(*[0.0] * 19)) is None
    assert budget.end(curve(*[0.0] * 20)) == "flat"
    assert budget.end(curve(*rising[:39])) is None
    assert budget.end(curve(*rising)) == "out of time"
    late = [0.0] * 10 + [0.3] * 14
    assert budget.end(curve(*late)) is None
    assert budget.end(curve(*late, 0.3, 0.3)) == "flat"


# The contestants --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONTESTANTS)
def test_every_contestant_steps_at_the_rates_of_its_recipe(name):
    state, config = begin(name, TINY, seed=3)
    source = shapes_source(TINY, labelled=bool(config.classes))
    clips = source(config.batch * config.discriminator_steps, state.randomness)
    real, labels = take(clips, config, torch.device("cpu"))
    figures = train_step(state, real, config, labels)
    assert all(figure.isfinite() for figure in figures.values())
    changes = CONTESTANTS[name].settings
    rate = changes.get("learning_rate", 2e-3)
    rates = [each.param_groups[0]["lr"] for each in state.optimisers]
    assert rates == [rate, changes.get("discriminator_learning_rate", rate)]
    if name.endswith("published"):
        assert config.penalty == 0
    assert config.ema == 0.995


def test_the_published_optimisers_are_those_of_the_papers():
    def optimiser(name):
        return begin(name, TINY, seed=0)[0].discriminator_optimiser

    mocogan, tgan = optimiser("MoCoGAN, published"), optimiser("TGAN, published")
    assert isinstance(mocogan, torch.optim.Adam)
    assert (mocogan.defaults["betas"], mocogan.defaults["weight_decay"]) == ((0.5, 0.999), 1e-5)
    assert isinstance(tgan, torch.optim.RMSprop)
    assert optimiser("VGAN, published").defaults["betas"] == (0.5, 0.999)
    assert optimiser("residual, published").defaults["betas"] == (0.0, 0.999)


@pytest.mark.parametrize("pair", ["VGAN", "TGAN", "residual"])
def test_a_published_run_begins_with_the_weights_of_the_recommended_one(pair):
    one, other = (
        begin(f"{pair}, {recipe}", TINY, seed=1)[0] for recipe in ("published", "recommended")
    )
    for player in ("generator", "discriminator"):
        mine, theirs = getattr(one, player).state_dict(), getattr(other, player).state_dict()
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs)


def test_the_price_of_the_mask_is_its_mean_in_the_loss():
    draw = torch.Generator().manual_seed(0)
    free, priced = (
        initialise(priced_vgan(price, frames=8, size=16), torch.Generator().manual_seed(1))
        for price in (0.0, 0.1)
    )
    latent = sample_latent(free, 3, draw)
    _, mask, _ = free.streams(latent)
    (free(latent).square().mean() + 0.1 * mask.mean()).backward()
    priced(latent).square().mean().backward()
    wanted, found = ([each.grad for each in network.parameters()] for network in (free, priced))
    torch.testing.assert_close(found, wanted)
    free.zero_grad()
    free(latent).square().mean().backward()
    without = [each.grad for each in free.parameters()]
    with pytest.raises(AssertionError, match="not close"):
        torch.testing.assert_close(found, without)
