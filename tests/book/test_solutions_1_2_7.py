"""Every exercise of chapters 1, 2 and 7: its solution is run, and wrong answers are refused.

The numbers that these chapters tell in words beside them are found again, too. What is missing
here is in `tests/book/test_solutions.py`; `ELSEWHERE` says where.
"""

import json
import math
import re

import nbformat
import pytest
import torch
from scipy import stats

from tests.book.notebooks import ROOT
from tests.book.test_solutions import solution_and_checks
from tests.support.seeds import seeded
from vgan_tutorial import metrics, toys
from vgan_tutorial.experiments.unfinished import play_on
from vgan_tutorial.oracle import DAMAGES
from vgan_tutorial.shapes import PRESETS, MovingShapes
from vgan_tutorial.toys.dirac import DiracGame, growth

CHAPTERS = ("01_concepts", "02_losses", "07_evaluation")
INLINE = {
    "ex-concepts-count": "01_concepts",
    "ex-concepts-logit": "01_concepts",
    "ex-losses-start": "02_losses",
    "ex-losses-best": "02_losses",
    "ex-losses-dirac": "02_losses",
}
IN_CELLS = {
    "ex-concepts-density": "01_concepts",
    "ex-concepts-time": "01_concepts",
    "ex-losses-stable": "02_losses",
    "ex-losses-average": "02_losses",
    "ex-losses-penalty": "02_losses",
}
HERE = {
    "ex-concepts-break": "test_concepts_break",
    "ex-evaluation-range": "test_evaluation_range",
    "ex-evaluation-extrapolate": "test_evaluation_extrapolate",
}
ELSEWHERE = {
    "ex-concepts-moons": "test_concepts_moons",
    "ex-losses-recipe": "test_losses_recipe",
    "ex-evaluation-better": "test_evaluation_better",
    "ex-evaluation-blind": "test_evaluation_blind",
    "ex-evaluation-motion": "test_evaluation_motion",
    # its numbers: tests/equations/test_metrics.py
    "ex-evaluation-floor": "test_eq_frechet_floor_with_fewer_samples_than_features",
}


def read(chapter):
    return nbformat.read(ROOT / "book" / f"{chapter}.ipynb", as_version=4)


@pytest.fixture(autouse=True)
def in_the_book(monkeypatch):
    monkeypatch.chdir(ROOT / "book")  # first cells read records


def test_every_exercise_is_run_by_a_test():
    text = "\n".join(
        cell.source
        for chapter in CHAPTERS
        for cell in read(chapter).cells
        if "exercise}" in cell.source
    )
    exercises = re.findall(r":label: (ex-\S+)", text)
    assert sorted(exercises) == sorted([*INLINE, *IN_CELLS, *HERE, *ELSEWHERE])
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for name in [*HERE.values(), *ELSEWHERE.values()]:
        assert f"def {name}(" in code


def names_of(chapter):
    """The chapter's imports and checks of answers, whichever solution is asked for."""
    label = next(label for label, place in INLINE.items() if place == chapter)
    return solution_and_checks(chapter, label)[1]


@pytest.mark.parametrize("label", INLINE)
def test_a_solution_in_a_sentence_passes_its_check(label):
    solution, names = solution_and_checks(INLINE[label], label)
    (call,) = re.findall(r"`(check_\w+\(.*?\))`", solution)
    exec(call, names)


@pytest.mark.parametrize("label", IN_CELLS)
def test_a_solution_in_cells_passes_its_check(label):
    names = names_of(IN_CELLS[label])
    cells = iter(read(IN_CELLS[label]).cells)
    begun = next(cell for cell in cells if f"{{solution-start}} {label}" in cell.source)
    assert begun.cell_type == "markdown"
    codes = []
    for cell in cells:
        if "{solution-end}" in cell.source:
            break
        codes += [cell.source] if cell.cell_type == "code" else []
    assert any("check_" in code for code in codes)
    for code in codes:
        exec(code, names)


WRONG = [
    ("01_concepts", "check_count(16 * 32 * 32)"),
    ("01_concepts", "check_real(math.log(0.9))"),
    # the stretch is forgotten; the density does not end where G ends
    ("01_concepts", "check_density(lambda x: torch.exp(-((x - 2) / 3) ** 2 / 2) / 2.5066)"),
    ("01_concepts", "check_reversal(lambda clips: clips.mean(dim=(1, 2, 3, 4)))"),
    ("02_losses", "check_start(math.log(2))"),
    ("02_losses", "check_best(lambda p, q: q.log() - p.log())"),
    (
        "02_losses",
        "check_stable(lambda r, f: (1 + (-r).exp()).log().mean() + f.exp().log1p().mean())",
    ),
    ("02_losses", "check_average(lambda r, f: softplus(f - r).mean())"),
    ("02_losses", "check_penalty(lambda critic, clips: losses.r1_penalty(critic, clips) / 150)"),
    ("02_losses", "check_penalty(lambda critic, x: losses.r1_penalty(critic, x).detach())"),
    ("02_losses", "check_gamma(0.2)"),
    ("02_losses", "check_gamma(0.05)"),
]


@pytest.mark.parametrize(("chapter", "call"), WRONG)
def test_a_wrong_answer_is_refused(chapter, call):
    names = names_of(chapter)
    with pytest.raises(AssertionError):
        exec(call, names)


def test_losses_dirac_with_the_critic_first():
    assert growth(DiracGame(rate=0.4, gamma=0.01)) == pytest.approx(0.998, abs=5e-4)


def test_concepts_break():
    """The generator's batch detached: it never moves; with a frozen critic there is an error."""
    names = names_of("01_concepts")
    (loop,) = [cell.source for cell in read("01_concepts").cells if "generator_loss.backward()" in cell.source and "range(600)" in cell.source]  # fmt: skip  # noqa: E501
    kept = "first = [p.detach().clone() for p in generator.parameters()]\nfor _ in range(3):"
    head, turn, rest = loop.replace("for _ in range(600):", kept).partition(
        "    # The generator step"
    )
    mistake = rest.replace("fake = generator(torch.randn(128, 2, generator=rng))", "fake = generator(torch.randn(128, 2, generator=rng)).detach()")  # fmt: skip  # noqa: E501
    assert mistake != rest
    exec(head + turn + mistake, names)
    assert all(map(torch.equal, names["first"], names["generator"].parameters()))
    assert any(p.grad.abs().sum() > 0 for p in names["discriminator"].parameters())
    exec(head + turn + rest, names)  # as it stands in the chapter it moves
    assert not any(map(torch.equal, names["first"], names["generator"].parameters()))
    frozen = "    discriminator.requires_grad_(False)\n"
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad"):
        exec(head + frozen + turn + mistake, names)


@pytest.fixture(scope="module")
def scored():
    """Chapter 7's clips and their features."""
    preset = PRESETS["tiny"]
    reference, fresh = (MovingShapes(preset, seed=seed).batch(600)[0] for seed in (1, 2))
    return metrics.extract_features(reference), fresh


def test_evaluation_range(scored):
    """Clips in [0, 1] are above 100, and far above real against real."""
    real_features, fresh = scored
    solution, _ = solution_and_checks("07_evaluation", "ex-evaluation-range")
    (expression,) = re.findall(r"`(metrics\..*)` is above 100", solution)
    found = eval(expression, {"metrics": metrics, "real_features": real_features, "fresh": fresh})
    assert found > 100
    assert metrics.frechet_distance(real_features, metrics.extract_features(fresh)) < 1


@pytest.mark.slow
def test_evaluation_extrapolate():
    """The line's value at 1/n = 0 is nearer to 0 than all that was measured; frozen clips stay."""
    stream = MovingShapes(PRESETS["tiny"], seed=11)
    clips = torch.cat([stream.batch(400)[0] for _ in range(4)])
    pool = metrics.extract_features(clips)
    frozen = metrics.extract_features(DAMAGES["frozen"](clips, seeded()))
    sizes = [200, 400, 800]

    def line(other):
        means = []
        for size in sizes:
            orders = [torch.randperm(1600, generator=seeded(repeat)) for repeat in range(5)]
            values = [
                metrics.frechet_distance(pool[order[:size]], other[order[size : 2 * size]])
                for order in orders
            ]
            means.append(sum(values) / len(values))
        columns = torch.tensor([[1.0, 1 / size] for size in sizes], dtype=torch.float64)
        fit = torch.linalg.lstsq(columns, torch.tensor(means, dtype=torch.float64)[:, None])
        return fit.solution[0].item(), means

    at_zero, means = line(pool)
    assert abs(at_zero) < min(means)
    of_frozen, frozen_means = line(frozen)
    assert of_frozen == pytest.approx(frozen_means[-1], rel=0.05)
    assert of_frozen > at_zero


def test_evaluation_two_alternative_choice():
    """60 of 100 choices, and how many it takes to tell a share of 60 % from one half."""
    band = metrics.wilson(60, 100)
    assert (band.low, band.high) == pytest.approx((0.50, 0.69), abs=0.005)
    cleared = [wins for wins in range(201) if metrics.wilson(wins, 200).low > 0.5]
    assert stats.binom.pmf(cleared, 200, 0.6).sum() == pytest.approx(0.8, abs=0.05)


# Chapter 2: why the share of good samples is what it is


def test_losses_good_in_the_record():
    recipes = json.loads((ROOT / "book/records/toys/modes.json").read_text("utf-8"))["recipes"]
    whole = [row["calm"] for row in recipes.values() if min(row["calm"]["modes"]) == 8]
    shares = [share for row in whole for share in row["good"]]
    assert (min(shares), max(shares)) == pytest.approx((0.38, 0.72), abs=0.006)
    for name, told in [("one-sided-smoothing", 0.64), ("two-sided-smoothing", 0.65)]:
        good = recipes[name]["calm"]["good"]
        assert sum(good) / len(good) == pytest.approx(told, abs=0.006)


@pytest.fixture
def unfinished():
    """Shares by recipe, steps, whether the rate falls, and weights: one for each of two seeds."""
    record = json.loads((ROOT / "book/records/toys/unfinished.json").read_text("utf-8"))
    assert (record["decay"], record["samples"], record["seeds"]) == (0.99, 2000, [10, 11])
    return {
        (row["recipe"], row["steps"], row["falling"], weights): row[weights]
        for row in record["rows"]
        for weights in ("plain", "averaged")
    }


PLAIN, PAIRED = "non-saturating", "relativistic + R1 + R2"


def test_losses_good_four_times_the_steps(unfinished):
    """About 85 % for one game, and for the other once it is averaged; bridges half as thick."""
    for name, weights in [(PLAIN, "plain"), (PAIRED, "averaged")]:
        few, many = (unfinished[name, steps, False, weights] for steps in (1000, 4000))
        assert many["good"] == pytest.approx([0.85, 0.85], abs=0.03)
        for seed in range(2):
            assert many["near"][seed] < 0.6 * few["near"][seed]
            assert many["bridges"][seed] < 0.55 * few["bridges"][seed]


def test_losses_good_a_falling_rate_is_no_short_cut(unfinished):
    shares = [unfinished[name, 1000, True, "plain"]["good"] for name in (PLAIN, PAIRED)]
    ends = [min(map(min, shares)), max(map(max, shares))]
    assert ends == pytest.approx([0.16, 0.34], abs=0.006)


def test_losses_good_averaging_takes_out_circling_and_makes_up_for_no_steps(unfinished):
    def gains(name, steps):
        plain, averaged = (
            unfinished[name, steps, False, kind]["good"] for kind in ("plain", "averaged")
        )
        return [round(100 * (b - a), 1) for a, b in zip(plain, averaged, strict=True)]

    gained = gains(PAIRED, 4000)
    assert [min(gained), max(gained)] == pytest.approx([4, 12], abs=0.6)
    early = [*gains(PLAIN, 1000), *gains(PAIRED, 1000)]
    assert max(early) < 2.5
    assert sum(early) <= 0


def test_losses_good_bridges_stay(unfinished):
    """Between 6 % and 9 % in every game of 4,000 steps with a constant rate."""
    late = [
        share
        for (_, steps, falling, _), shares in unfinished.items()
        if steps == 4000 and not falling
        for share in shares["bridges"]
    ]
    assert len(late) == 8
    assert [min(late), max(late)] == pytest.approx([0.065, 0.087], abs=0.006)


def test_losses_good_of_real_samples():
    real = toys.count_modes(toys.sample_toy("ring", 100_000, seeded())).good
    assert 1 - math.exp(-4.5) == pytest.approx(0.989, abs=5e-4)
    assert real == pytest.approx(0.989, abs=0.002)


@pytest.mark.slow
def test_losses_good_needs_steps():
    """Four times the steps bring the non-saturating game from about 60 % to about 85 %."""
    early, averaged = (
        toys.locate(run.sample(2000)) for run in play_on(toys.Game(seed=10)).values()
    )
    samples = play_on(toys.Game(seed=10, steps=4000))["plain"].sample(2000)
    late = toys.locate(samples)
    assert 0.5 < early.good < 0.75
    assert averaged.good == pytest.approx(early.good, abs=0.1)  # it makes up for no steps
    assert 0.78 < late.good < 0.92
    assert 0.03 < late.bridges < 0.12 < early.bridges
    assert toys.count_modes(samples).modes == 8
