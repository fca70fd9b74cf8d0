"""Solutions of chapters 6 and 8: code runs as printed, and numbers in words are found again."""

import inspect
import math
import re
from typing import Any

import nbformat
import pytest
import torch

from tests.book.notebooks import ROOT, code_cells
from tests.book.test_solutions import code_of
from tests.support.states import gradients
from tests.support.steps import change, clips
from vgan_tutorial.losses import ADVERSARIAL_LOSSES, as_scores, discriminator_loss
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.training import (
    TrainingConfig,
    build_discriminator,
    read_log,
    shapes_source,
    start,
    step,
    train_step,
)
from vgan_tutorial.training.microbatches import draw_microbatches

SOLUTION = re.compile(r"^```\{solution\} (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Exercises that are answered by reading, with the test that holds what the answer says.
TOLD = {
    "ex-training-patients": "tests/unit/experiments/test_clinic.py",
    "ex-training-which": "test_training_which_detach",
    "ex-training-ema": "test_training_ema",
    "ex-training-lazy": "test_training_lazy",
    "ex-training-alarm": "test_training_alarm",
    "ex-training-loss": "test_training_loss",
    "ex-full-estimate": "test_full_estimate",
    "ex-full-curves": "test_full_curves",
    "ex-full-recipe": "test_full_recipe",
    "ex-full-bits": "test_full_bits",
    "ex-full-stage": "test_full_stage",
}


def chapter(name):
    return nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)


def text_of(name):
    return "\n\n".join(each.source for each in chapter(name).cells if each.cell_type == "markdown")


TEXT = {name: text_of(name) for name in ("06_training", "08_full_training")}
SOLUTIONS = {label: text for page in TEXT.values() for label, text in SOLUTION.findall(page)}


def test_every_exercise_has_a_solution_and_every_solution_a_test():
    exercises = [label for page in TEXT.values() for label in re.findall(r":label: (ex-\S+)", page)]
    assert sorted(exercises) == sorted(SOLUTIONS) == sorted(TOLD)
    for test in TOLD.values():
        assert test in globals() or (ROOT / test).is_file()


def imports(name, monkeypatch):
    """The names of a chapter's first cell, in the book's folder."""
    monkeypatch.chdir(ROOT / "book")
    names: dict[str, Any] = {}
    exec(code_cells(chapter(name))[0].source, names)
    return names


# Chapter 6 --------------------------------------------------------------------------------------


@pytest.fixture
def forgotten(monkeypatch):
    """The package's step without its `detach`."""
    lines = inspect.getsource(step.discriminator_step)
    (line,) = re.findall(r"^ *fake = fake\.detach\(\).*\n", lines, re.MULTILINE)
    names = dict(vars(step))
    exec(lines.replace(line, ""), names)
    monkeypatch.setattr(step, "discriminator_step", names["discriminator_step"])


def test_training_which_detach(forgotten):
    """Without it a step raises, for the graph of the fakes is used twice."""
    config = change(penalty=0.0)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        train_step(start(config), clips(4), config)


def test_training_which_detach_is_silent_in_parts(forgotten, monkeypatch):
    """Where fakes are drawn again nothing is learnt otherwise: the gradients are wiped."""
    config = change(penalty=0.0, accumulate=2)
    wrong = start(config)
    train_step(wrong, clips(4), config)
    monkeypatch.undo()
    right = start(config)
    train_step(right, clips(4), config)
    for one, other in zip(wrong.generator.parameters(), right.generator.parameters(), strict=True):
        assert torch.equal(one, other)


def test_training_which_detach_fills_the_generators_gradients(forgotten):
    config = change(penalty=0.0)
    state = start(config)
    batch = draw_microbatches(state, clips(4), None, config)
    state.generator.zero_grad()
    step.discriminator_step(
        state, step.Disturbed(state, config, torch.device("cpu")), batch, config
    )
    assert gradients(state.generator).abs().sum() > 0


def test_training_which_optimiser():
    """The generator's step leaves the discriminator alone: its optimiser does not know it."""
    config = change(penalty=0.0)
    state = start(config)
    known = {
        id(each) for group in state.generator_optimiser.param_groups for each in group["params"]
    }
    assert known == {id(each) for each in state.generator.parameters()}


def test_training_ema():
    for keep, steps in ((0.995, 138), (0.9999, 6931)):
        assert round(math.log(0.5) / math.log(keep)) == steps
        assert 1 - keep**steps == pytest.approx(0.5, abs=0.002)


def test_training_lazy():
    mean = (3 * 1 + 2.5) / 4
    assert mean == 1.375
    assert 2.5 / mean == pytest.approx(1.8, abs=0.05)
    often = [(n - 1 + 2.5) / n for n in (4, 16, 1000)]
    assert 2.5 > 2.5 / often[2] > 2.5 / often[1] > 2.5 / often[0]


@pytest.mark.parametrize(("name", "critics"), [("stacked", 1), ("dual", 2)])
def test_training_alarm(name, critics):
    """A critic that sees no difference has log 2; one that never moves has something else."""
    config = TrainingConfig(discriminator=name, learning_rate=0.0, batch=8, penalty=0.0)
    critic = build_discriminator(config)
    real, game = clips(8), ADVERSARIAL_LOSSES["relativistic"]
    same = as_scores(critic(real))
    blind = discriminator_loss(game, same, same).item()
    assert blind == pytest.approx(critics * math.log(2), abs=1e-5)
    state = start(config)
    losses = [train_step(state, real, config)["discriminator_loss"].item() for _ in range(3)]
    assert min(losses) > 1.1
    assert all(abs(each - blind) > 0.05 for each in losses)


@pytest.mark.slow
def test_training_loss(monkeypatch):
    """The solution's code, with fewer steps: its loop and its figures."""
    names = imports("06_training", monkeypatch)
    names["tiny"] = PRESETS["tiny"]
    names["drawn"] = shapes_source("tiny")
    code = code_of(SOLUTIONS["ex-training-loss"])
    assert "steps=300" in code
    assert "range(3)" in code
    exec(code.replace("steps=300", "steps=3").replace("range(3)", "range(1)"), names)


# Chapter 8 --------------------------------------------------------------------------------------


def test_full_estimate():
    mean = 200 + 360 / 4
    assert mean == 290
    assert round(7000 * mean / 60_000) == 34
    assert 200 + 360 == 560
    assert round(7000 * 560 / 60_000) == 65


def test_full_curves():
    log = read_log(ROOT / "book/records/full")
    judged = {line["step"]: line["validity"] for line in log if "validity" in line}
    assert round(judged[1000], 2) == 0.16
    assert max(judged, key=judged.__getitem__) == 4750
    assert round(judged[4750], 2) == 0.99
    assert round(judged[7000], 2) == 0.96
    late = [line["generator_loss"] for line in log if 1000 <= line["step"] <= 5000]
    early = [line["generator_loss"] for line in log if line["step"] < 500]
    assert max(late) < min(early)


def test_full_recipe():
    """A step's arithmetic, counted on the CPU, is proportional to the batch."""
    from torch.utils.flop_counter import FlopCounterMode

    counts = []
    for batch in (2, 4):
        config = change(batch=batch)
        state, real = start(config), clips(batch)
        with FlopCounterMode(display=False) as counter:
            train_step(state, real, config)
        counts.append(counter.get_total_flops())
    assert counts[1] / counts[0] == pytest.approx(2, rel=0.05)


def test_full_bits():
    numbers = torch.tensor([1e-8, 0.9, 70000.0])
    half, brain = numbers.half().float(), numbers.bfloat16().float()
    assert half[0] == 0
    assert half[2] == math.inf
    assert abs(half[1] - 0.9) < 0.0003
    assert (brain[0] / 1e-8).item() == pytest.approx(1, rel=2**-8)
    assert round(brain[1].item(), 4) == 0.8984
    assert brain[2] == 70144


@pytest.mark.slow
def test_full_stage(monkeypatch, capsys):
    """The order of the stages from their clips alone, whatever order they come in."""
    names = imports("08_full_training", monkeypatch)
    whole = names["load_stages"]
    names |= {"preset": PRESETS["full"], "load_stages": lambda run: whole(run)[::-1]}
    exec(code_of(SOLUTIONS["ex-full-stage"]), names)
    right = [label for label, _ in whole("records/full")]
    assert capsys.readouterr().out.strip() == str(right)
    found = [names["left_over"](network) for _, network in whole("records/full")]
    assert found[:4] == pytest.approx([0.97, 0.27, 0.17, 0.10], abs=0.015)
    valid = [
        names["summarise"](
            names["judge"](names["sample"](network, 200), PRESETS["full"]), PRESETS["full"]
        ).validity
        for _, network in whole("records/full")[:2]
    ]
    assert valid == [0, 0]
