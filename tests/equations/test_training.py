"""The equations of chapter 6, and the two mistakes that it makes on purpose."""

import copy

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.training import (
    TrainingConfig,
    shapes_source,
    start,
    train_step,
    update_average,
)


def test_eq_lazy_penalty():
    """Over n steps the multipliers of the penalty add up to n gamma / 2, whatever n is."""
    gamma, total = 0.7, 24
    for n in (1, 2, 3, 4, 6, 8):
        weights = [n * gamma / 2 * (t % n == 0) for t in range(total)]
        assert sum(weights) / total == pytest.approx(gamma / 2)


def test_eq_moving_average():
    """The recursion equals the weighted sum of everything seen, plus what is left of the start."""
    keep, rng = 0.9, seeded(0)
    network = nn.Linear(3, 1, bias=False)
    average = copy.deepcopy(network)
    first = average.weight.detach().clone()
    seen = []
    for step in range(1_000, 1_040):  # far enough for the full `keep`
        network.weight.data = torch.randn(1, 3, generator=rng)
        seen.append(network.weight.detach().clone())
        update_average(average, network, keep, step)
    total = sum((1 - keep) * keep**s * weight for s, weight in enumerate(reversed(seen)))
    torch.testing.assert_close(average.weight.detach(), total + keep ** len(seen) * first)
    one_third = keep ** (1 / (1 - keep))  # the claim about the age 1 / (1 - keep)
    assert one_third == pytest.approx(0.35, abs=0.02)


def test_break_both_players_minimise_the_same():
    """Signature: the fakes' score falls without bound. Fix: opposite signs, and real clips."""
    config = TrainingConfig(batch=16, discriminator="stacked")
    broken, mended = start(config), start(config)
    clips = shapes_source("tiny")(16, seeded(1))
    for _ in range(15):
        for optimiser in (broken.discriminator_optimiser, broken.generator_optimiser):
            fake = broken.generator(sample_latent(broken.generator, 16, broken.randomness))
            loss = broken.discriminator(fake).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        figures = train_step(mended, next(clips), config)
    assert loss.item() < -10_000
    assert abs(figures["fake_logit"].item()) < 100
