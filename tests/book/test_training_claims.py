"""What chapters 6 and 8 say of their records, recipes and networks, counted again."""

import json

import pytest
import torch
from torch.nn.functional import avg_pool3d
from torch.utils.flop_counter import FlopCounterMode

from tests.book.notebooks import ROOT
from tests.support.seeds import seeded
from vgan_tutorial.discriminators import ResidualDiscriminator
from vgan_tutorial.losses import r1_penalty
from vgan_tutorial.metrics.neighbours import copying_share
from vgan_tutorial.oracle import judge, summarise
from vgan_tutorial.recipes import RECIPES, get_recipe
from vgan_tutorial.shapes import PRESETS, MovingShapes
from vgan_tutorial.training import load_generator, load_stages, rate_factor, read_log, sample, start
from vgan_tutorial.training.disturb import Disturbed

RECORDS = ROOT / "book/records"


def judged(name):
    return {line["step"]: line for line in read_log(RECORDS / name) if "validity" in line}


def test_the_falling_rate_brought_small_no_more_valid_clips():
    config = json.loads((RECORDS / "small/config.json").read_text())
    assert (config["decay_after"], config["half_life"]) == (10_000, 1_200)
    valid = {step: round(100 * line["validity"]) for step, line in judged("small").items()}
    held = [each for step, each in valid.items() if 5_000 <= step <= 10_000]
    falling = [each for step, each in valid.items() if step > 10_000]
    last = [each for step, each in valid.items() if step > 15_000]
    assert (min(held), max(held)) == (95, 100)
    assert (min(falling), max(falling)) == (93, 97)
    assert (min(last), max(last)) == (95, 96)


@pytest.mark.slow
def test_figures_of_tiny_are_discs_first_and_squares_come_later():
    shares, kept = {}, {}
    for label, network in load_stages(RECORDS / "tiny")[3:]:
        verdict = judge(sample(network, 256, seed=1), PRESETS["tiny"])
        shares[label] = (verdict.factors.shape[verdict.valid] == 0).float().mean().item()
        kept[label] = summarise(verdict, PRESETS["tiny"]).validity
    assert shares["step 500"] > 0.9 > 0.7 > shares["step 1,000"] > shares["the end"]
    assert kept["step 500"] > 0.8  # all but valid, and hardly a square


def test_kinds_of_clips_are_lost_while_the_rate_of_full_falls():
    config, found = get_recipe("full").config, judged("full")
    assert found[config.decay_after]["cells_found"] == 69
    late = [line["cells_found"] for step, line in found.items() if step > 6_000]
    assert (min(late), max(late)) == (60, 63)
    assert max(found, key=lambda step: found[step]["validity"]) != max(
        found, key=lambda step: found[step]["cells_found"]
    )
    record = json.loads((RECORDS / "full/record.json").read_text())
    distances = [round(record[whose]["histogram_distance"], 2) for whose in ("judged", "real")]
    assert distances == [0.24, 0.11]


@pytest.mark.slow
def test_ten_cells_of_full_are_nearly_empty():
    preset = PRESETS["full"]
    network, _ = load_generator(RECORDS / "full")

    def counts(clips):
        verdict = judge(clips, preset)
        good = verdict.factors.cell(preset)[verdict.motion_valid]
        return torch.bincount(good, minlength=preset.cells)

    found = counts(sample(network, 1000, seed=5))
    assert (found == 0).sum() == 1
    assert (found <= 2).sum() == 10
    real = MovingShapes(preset, seed=5).batch(1000)[1].cell(preset)
    assert torch.bincount(real, minlength=preset.cells).min() >= 5


def test_more_steps_of_full_need_another_schedule():
    config = get_recipe("full").config
    assert rate_factor(7_000, config) == 1 / 32
    assert rate_factor(14_000, config) == 2**-15


@pytest.mark.parametrize("times", [2, 4])
def test_the_same_judgement_on_more_pixels_is_restrained_less(times):
    """R1 of a score of the shrunk clip falls as one over the number of pixels."""

    def score(clips):
        small = avg_pool3d(clips, (1, clips.shape[-1] // 8, clips.shape[-1] // 8))
        return small.sin().mul(torch.arange(8)).sum((1, 2, 3, 4))

    coarse = torch.rand(2, 3, 4, 8, 8, generator=seeded())
    fine = coarse.repeat_interleave(times, 3).repeat_interleave(times, 4)
    less, more = (r1_penalty(score, clips).item() for clips in (fine, coarse))
    assert less == pytest.approx(more / times**2, rel=1e-4)
    assert get_recipe("full").config.penalty == 4 * get_recipe("small").config.penalty


def test_recipes_without_a_judge_keep_milestones_of_the_whole_run():
    for name in RECIPES:
        recipe = get_recipe(name)
        if not recipe.needs_fetching or recipe.data == "sprites":
            continue
        stages, steps = recipe.config.stages, recipe.config.steps
        assert len(stages) >= 5
        assert stages[0] <= steps / 10
        assert stages[-1] >= 0.8 * steps


def test_footage_recipes_show_their_critic_of_frames_eight_of_sixteen():
    critic = ResidualDiscriminator(16, 16, channels=4)
    clips = torch.rand(1, 3, 16, 16, 16)
    seen = []
    critic.spatial.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[2]))
    config = get_recipe("ucf101-64").config
    assert config.discriminator == "residual"
    assert "shown" not in config.discriminator_options
    state = start(get_recipe("tiny").config)
    state.discriminator = critic
    with FlopCounterMode(display=False) as today:
        Disturbed(state, config, torch.device("cpu"))(clips)
    with FlopCounterMode(display=False) as before:
        critic(clips)
    assert seen == [8, 16]
    assert today.get_total_flops() < before.get_total_flops()


def test_what_is_said_of_hinge_in_the_search():
    runs = json.loads((RECORDS / "trials/changes.json").read_text())["trials"]

    def found(name, figure="motion_validity"):
        return sorted(run[figure] for run in runs[name]["runs"] if run["seed"] < 5)

    hinge, usual = found("hinge loss"), found("unchanged")
    assert hinge[:2] == pytest.approx([0.53, 0.53], abs=0.006)
    assert hinge[2] >= usual[0]
    assert found("hinge loss", "cells_found")[0] == 12
    assert round(100 * found("non-saturating loss")[-1]) == 11
    assert found("non-saturating loss")[0] == 0
    assert [round(100 * share) for share in (hinge[-1], usual[0], usual[-1])] == [88, 78, 95]


@pytest.mark.parametrize(("count", "told"), [(30, (0.55, 0.65)), (200, (0.75, 0.9))])
def test_an_honest_generator_looks_like_a_copyist_where_few_films_are_set_aside(count, told):
    """Films and fakes alike are points of one Gaussian; chapter 8's 240 films and 30."""
    shares = []
    for seed in range(40):
        draw = seeded(seed)
        films, other = (torch.randn(number, 8, generator=draw) for number in (240, 30))
        chosen = [
            each[torch.randint(len(each), (count,), generator=draw)] for each in (films, other)
        ]
        shares.append(copying_share(torch.randn(200, 8, generator=draw), *chosen))
    different = [n * (1 - (1 - 1 / n) ** count) for n in (240, 30)]  # films, on average
    mean = sum(shares) / len(shares)
    assert mean == pytest.approx(different[0] / sum(different), abs=0.04)
    assert told[0] < mean < told[1]
