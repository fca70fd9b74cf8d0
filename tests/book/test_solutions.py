"""Solutions that are written as code do what the exercise asks: each is run, as printed.

In chapter 4 they need nothing but the chapter's imports. Numbers that solutions of chapters 1, 2
and 7 tell in words are found again here.
"""

import math
import re
import textwrap

import nbformat
import pytest
import torch
from scipy import stats
from torch.nn.functional import avg_pool3d

from tests.book.notebooks import ROOT, code_cells
from tests.support.seeds import seeded
from vgan_tutorial import metrics, toys
from vgan_tutorial.oracle import DAMAGES, judge, summarise
from vgan_tutorial.shapes import PRESETS, MovingShapes

CHAPTER = nbformat.read(ROOT / "book/04_generator.ipynb", as_version=4)
TEXT = "\n\n".join(cell.source for cell in CHAPTER.cells if cell.cell_type == "markdown")
SOLUTION = re.compile(r"^```\{solution\} (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def code_of(solution: str) -> str:
    """The indented lines of a solution."""
    lines = [line for line in solution.splitlines() if line.startswith("    ") or not line]
    return textwrap.dedent("\n".join(lines)).strip()


SOLUTIONS = {label: code for label, text in SOLUTION.findall(TEXT) if (code := code_of(text))}


def test_solutions_with_code_are_found():
    assert set(SOLUTIONS) >= {
        "ex-generator-layers",
        "ex-generator-louder",
        "ex-generator-slow",
        "ex-generator-chance",
    }


@pytest.mark.parametrize("label", SOLUTIONS)
def test_a_solution_runs(label, monkeypatch):
    monkeypatch.chdir(ROOT / "book")  # where the records lie
    names: dict[str, object] = {}
    exec(code_cells(CHAPTER)[0].source, names)
    exec(SOLUTIONS[label], names)


def test_every_exercise_has_a_solution():
    exercises = re.findall(r":label: (ex-\S+)", TEXT)
    assert len(exercises) == len(set(exercises)) >= 6
    assert sorted(exercises) == sorted(label for label, _ in SOLUTION.findall(TEXT))


def solution_and_checks(chapter: str, label: str) -> tuple[str, dict[str, object]]:
    """The text of a solution, and the names of the chapter's imports and checks of answers."""
    notebook = nbformat.read(ROOT / "book" / f"{chapter}.ipynb", as_version=4)
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    (solution,) = re.findall(
        rf"^(`{{3,}})\{{solution\}} {label}\n(.*?)^\1", text, re.MULTILINE | re.DOTALL
    )
    names: dict[str, object] = {}
    for cell in code_cells(notebook):
        if cell is code_cells(notebook)[0] or "def check_" in cell.source:
            exec(cell.source, names)
    return solution[1], names


@pytest.mark.slow
def test_losses_recipe(monkeypatch):
    monkeypatch.chdir(ROOT / "book")  # the first cell reads the record of the toys
    solution, names = solution_and_checks("02_losses", "ex-losses-recipe")
    exec(code_of(solution), names)  # ends with the chapter's own check


@pytest.mark.slow
def test_losses_momentum():
    """It is the first of Adam's numbers that loses the modes, not the second."""
    forgetful, driven = (
        toys.count_modes(toys.play(toys.Game(betas=betas, seed=10)).sample(2000)).modes
        for betas in ((0.5, 0.999), (0.9, 0.9))
    )
    assert forgetful >= 7
    assert driven <= 5


@pytest.mark.slow
def test_losses_normalised_critic_is_flat():
    """Far flatter than its bound of 1, at the samples and in the plane around them."""
    run = toys.play(toys.Game(loss="hinge", restraint="spectral", seed=10))
    points = [
        toys.sample_toy("ring", 500, seeded()),
        6 * torch.rand(2000, 2, generator=seeded()) - 3,
    ]
    for place in points:
        place.requires_grad_()
        (slopes,) = torch.autograd.grad(run.discriminator(place).sum(), place)
        assert slopes.norm(dim=1).mean().item() == pytest.approx(0.1, abs=0.05)
        assert slopes.norm(dim=1).max() < 0.25


@pytest.mark.slow
@pytest.mark.parametrize(("change", "passes"), [({"width": 8}, True), ({"steps": 200}, False)])
def test_concepts_moons(change, passes):
    game = toys.Game(**({"data": "two-moons", "steps": 900} | change))
    samples, real = toys.play(game).sample(1000), toys.sample_toy("two-moons", 1000, seeded(5))
    apart = torch.cdist(samples, real)
    medians = [apart.min(dim=way).values.median().item() for way in (0, 1)]
    assert (max(medians) < 0.15) == passes


def test_concepts_time():
    """A swinging point backwards is the same loop, started one frame later."""
    columns = [round(8 + 5 * math.cos(math.pi * t / 4)) for t in range(8)]
    assert columns == [13, 12, 8, 4, 3, 4, 8, 12]
    backwards = columns[::-1]
    assert backwards == columns[1:] + columns[:1]
    assert [track[0] - track[-1] for track in (columns, backwards)] == [1, -1]


@pytest.mark.parametrize(("clips", "power"), [(800, 0.52), (1000, 0.61), (1600, 0.81)])
def test_evaluation_better(clips, power):
    error = math.sqrt((0.78 * 0.22 + 0.82 * 0.18) / clips)
    assert stats.norm.cdf(0.04 / error - 1.96) == pytest.approx(power, abs=0.005)


def test_evaluation_five_seeds():
    assert stats.t.ppf(0.975, 5 - 1) == pytest.approx(2.78, abs=0.005)


@pytest.mark.slow
def test_evaluation_blind():
    """The judge notices fifty copies by the missing cells, and hardly notices a thousand."""
    preset = PRESETS["tiny"]

    def give_again(stored, kept):
        clips = stored[torch.randint(kept, (600,), generator=seeded())]
        return summarise(judge(clips, preset), preset)

    few = give_again(MovingShapes(preset, seed=1).batch(600)[0], 50)
    many = give_again(MovingShapes(preset, seed=1).batch(1000)[0], 1000)
    assert few.validity == many.validity == 1.0
    assert (few.cells_found, many.cells_found) == (18, 24)
    assert few.histogram_distance == pytest.approx(0.36, abs=0.005)
    assert many.histogram_distance == pytest.approx(0.10, abs=0.005)
    assert metrics.histogram_floor(600, 24) == pytest.approx(0.08, abs=0.002)


def test_evaluation_motion():
    """The features of the exercise, and every number of its solution."""
    preset = PRESETS["tiny"]
    reference, fresh = (MovingShapes(preset, seed=seed).batch(600)[0] for seed in (1, 2))

    def changes(clips):
        steps = clips[:, :, 1:] - clips[:, :, :-1]
        return avg_pool3d(steps.abs().mean(1, keepdim=True), (1, 4, 4)).flatten(1)

    truth = changes(reference)
    assert metrics.frechet_distance(truth, changes(fresh)) == pytest.approx(0.04, abs=0.005)
    for damage, found in {"shuffled frames": 2.9, "changed colour": 0.5, "noise": 7.5}.items():
        spoilt = changes(DAMAGES[damage](fresh, seeded()))
        assert metrics.frechet_distance(truth, spoilt) == pytest.approx(found, abs=0.05)
