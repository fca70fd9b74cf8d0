"""Solutions of chapters 4 and 5: the code as printed, and the numbers that they tell in words.

Code of chapter 4's solutions is run by `test_solutions`; here are the numbers beside it.
"""

import math
import re
import textwrap
from typing import Any

import nbformat
import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn.functional import conv_transpose1d

from tests.book.notebooks import ROOT
from tests.support.seeds import normal, seeded
from vgan_tutorial.discriminators import VideoDiscriminator
from vgan_tutorial.generators import ContentMotionGenerator
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.layers import MinibatchStd, initialise
from vgan_tutorial.losses import r1_penalty
from vgan_tutorial.oracle import judge
from vgan_tutorial.shapes import PRESETS, sample_factors
from vgan_tutorial.training import load_generator

SOLUTION = re.compile(r"^```\{solution\} (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def chapter(name: str) -> Any:
    return nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)


def solutions(name: str) -> dict[str, str]:
    """The text of every solution of a chapter."""
    cells = chapter(name).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return dict(SOLUTION.findall(text))


def code_of(solution: str) -> str:
    """The indented lines of a solution."""
    lines = [line for line in solution.splitlines() if line.startswith("    ") or not line]
    return textwrap.dedent("\n".join(lines)).strip()


def names_of(name: str, *defining: str) -> dict[str, Any]:
    """What a chapter's first code cell defines, and those cells in which some text occurs."""
    sources = [cell.source for cell in chapter(name).cells if cell.cell_type == "code"]
    names: dict[str, Any] = {}
    exec(sources[0], names)
    for source in sources[1:]:
        if any(text in source for text in defining):
            exec(source, names)
    return names


CRITICS = solutions("05_discriminator")
WITH_CODE = [label for label, text in CRITICS.items() if code_of(text)]


def test_most_solutions_of_chapter_5_are_code():
    assert len(CRITICS) >= 6
    assert len(WITH_CODE) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("label", WITH_CODE)
def test_a_solution_of_chapter_5_runs(label, monkeypatch):
    """With the chapter's imports and its functions that teach a critic; each asserts its claims."""
    monkeypatch.chdir(ROOT / "book")
    names = names_of("05_discriminator", "def teach(")
    exec(code_of(CRITICS[label]), names)


def test_discriminator_logit():
    logits = torch.tensor([-2.0, 0.0, 1.0])
    assert [round(p, 2) for p in torch.sigmoid(logits).tolist()] == [0.12, 0.5, 0.73]
    assert torch.logit(torch.tensor(0.9)).item() == pytest.approx(2.2, abs=0.01)


def test_generator_sizes():
    signal, layer = torch.zeros(1, 1, 4), nn.ConvTranspose1d(1, 1, 4, 2, 1)
    lengths = []
    for _ in range(4):
        signal = layer(signal)
        lengths.append(signal.shape[-1])
    assert [lengths[0], lengths[1], lengths[3]] == [8, 16, 64]
    assert nn.ConvTranspose1d(1, 1, 4)(torch.zeros(1, 1, 1)).shape[-1] == 4


def test_generator_kernel():
    def stamps(kernel):
        painted = conv_transpose1d(torch.ones(1, 1, 8), torch.ones(1, 1, kernel), stride=3)
        return painted[0, 0, 9:-9].int().tolist()

    even = [kernel for kernel in range(3, 13) if len(set(stamps(kernel))) == 1]
    assert even == [3, 6, 9, 12]
    assert stamps(4)[:6] == [2, 1, 1, 2, 1, 1]


def test_generator_batchnorm():
    channel = 0.1 * normal(4000, 1, 1, 1)
    loud = nn.BatchNorm2d(1, 0.8)(channel).std().item()
    assert math.sqrt(0.1**2 + 0.8) == pytest.approx(0.9)
    assert loud == pytest.approx(0.11, abs=0.005)
    assert nn.BatchNorm2d(1, momentum=0.8)(channel).std().item() == pytest.approx(1, abs=0.01)


def test_generator_clock_of_the_book_comes_round():
    """What the solution says of the tile generator's own clock."""
    network = initialise(ContentMotionGenerator(8, 16), seeded())
    longer = network(sample_latent(network, 4, seeded(1)), frames=20)
    torch.testing.assert_close(longer[:, :, 8], longer[:, :, 0], atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_generator_direction():
    """In most kinds the shape is not settled, and the colour is."""
    preset = PRESETS["tiny"]
    tile, _ = load_generator(ROOT / "book/records/tile")
    assert isinstance(tile, ContentMotionGenerator)
    latents = sample_latent(tile, 512, seeded())
    motion = latents[judge(tile(latents), preset).motion_valid][0, tile.content :]
    draw, rarer, other, spread = seeded(5), [], [], []
    for kind in range(tile.kinds):
        content = torch.randn(100, tile.content, generator=draw)
        content[:, 0] = torch.special.ndtri(torch.tensor((kind + 0.5) / tile.kinds))
        verdict = judge(tile(torch.cat([content, motion.expand(100, -1)], 1)), preset)
        if (found := verdict.valid).sum() < 50:
            continue
        shapes = torch.bincount(verdict.factors.shape[found], minlength=2) / found.sum()
        colours = torch.bincount(verdict.factors.colour[found], minlength=4) / found.sum()
        rarer.append(shapes.min().item())
        other.append(1 - colours.max().item())
        spread.append(verdict.factors.size[found].std().item())
    assert len(rarer) == 63
    assert 50 <= sum(share > 0.05 for share in rarer) <= 57
    assert 35 <= sum(share > 0.2 for share in rarer) <= 41
    assert sum(share == 0 for share in other) >= 57
    assert sorted(spread)[31] == pytest.approx(0.007, abs=0.001)
    real = sample_factors(preset, 4000, seeded(1)).size.std().item()
    assert real == pytest.approx(0.06 / math.sqrt(12), abs=0.0005)


def test_truncation_is_not_where_training_has_been():
    """Chapter 4 on the 24 numbers of the painter's content."""

    def shorter(length: float) -> float:
        return float(stats.chi2.cdf(length**2, 24))

    drawn = normal(20000, 24).norm(dim=1)
    mean = drawn.mean().item()
    assert mean == pytest.approx(4.85, abs=0.01)
    middle = (normal(20000, 24, seed=1) + normal(20000, 24, seed=2)).norm(dim=1).mean().item() / 2
    assert middle == pytest.approx(3.4, abs=0.05)
    assert 0.7 * mean == pytest.approx(3.4, abs=0.05)
    assert shorter(middle) < 0.02
    assert shorter(0.1 * mean) < 1e-15
    assert 0.1 * mean == pytest.approx(0.5, abs=0.05)


def test_minibatch_std_and_a_gradient_penalty_make_a_statement_about_the_batch():
    """Chapter 5: the sum's gradient holds other clips' influence, and training goes on with it."""

    class Looking(nn.Module):
        def __init__(self):
            super().__init__()
            self.critic = VideoDiscriminator(8, 16, channels=4, normalisation="none")
            self.spread = MinibatchStd()
            last: Any = self.critic.trunk[-2]
            self.head = nn.Conv3d(last.out_channels + 1, 1, (2, 4, 4))

        def forward(self, clips):
            return self.head(self.spread(self.critic.trunk(clips))).flatten()

    network, clips = initialise(Looking(), seeded()), normal(4, 3, 8, 16, 16).requires_grad_(True)
    (of_first,) = torch.autograd.grad(network(clips)[0], clips)
    assert (of_first.flatten(1).norm(dim=1) > 0).all()
    penalty = r1_penalty(network, clips)
    penalty.backward()
    assert penalty.isfinite()
    slope = network.head.weight.grad
    assert slope is not None
    assert slope.isfinite().all()
    assert slope.any()


@pytest.mark.slow
@pytest.mark.parametrize("price", ["0.0", "0.1", "1.0"])
def test_generator_mask(price):
    """The page's own fit with another price of the mask, and what the solution tells of it."""
    names = names_of("04_generator")
    (fit,) = [
        cell.source for cell in chapter("04_generator").cells if "(error + 0.1" in cell.source
    ]
    exec(fit.replace("(error + 0.1 *", f"(error + {price} *"), names)
    on_shape = names["shapes"].amax(1, keepdim=True) > -0.5
    off_track = ~on_shape.any(2, keepdim=True).expand_as(on_shape)
    mask, clips, wall = (names[name] for name in ("mask", "clips", "wall"))
    background = names["background"].expand_as(clips)
    astray = (background - wall)[off_track.expand_as(clips)].square().mean().item()
    error = (clips - names["walled"]).square().mean().item()
    moves, real = ((c[:, :, 1:] - c[:, :, :-1]).abs().mean() for c in (clips, names["walled"]))
    if price == "0.0":
        assert mask.mean() > 0.5
        assert mask[off_track].mean() > 0.4
        assert astray > 0.05
        assert error < 0.006
    elif price == "0.1":
        assert mask[off_track].mean() < 0.05
        assert astray < 0.001
        assert error == pytest.approx(0.008, abs=0.003)
    else:
        assert mask.mean() < 0.01
        assert moves / real < 0.05
        assert error == pytest.approx(0.06, abs=0.01)
