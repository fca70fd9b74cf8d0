"""The equations of chapter 6, and the two mistakes that it makes on purpose."""

import copy
from dataclasses import replace

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
from vgan_tutorial.training.disturb import Disturbed
from vgan_tutorial.training.microbatches import draw_microbatches
from vgan_tutorial.training.step import discriminator_step


def test_eq_lazy_penalty():
    """Every n-th step has n gamma / 2 times the penalties' slope; over a cycle it is gamma / 2."""
    gamma = 0.7

    def slope(penalty: float, every: int, step: int) -> torch.Tensor:
        """The gradient that the discriminator's step leaves in the weights."""
        config = TrainingConfig(batch=4, discriminator="stacked", penalty=penalty)
        config = replace(config, penalty_every=every)
        state = start(config)
        state.step = step
        clips = next(shapes_source()(config.batch, state.randomness))
        (part,) = batch = draw_microbatches(state, clips, None, config)
        discriminator_step(state, Disturbed(state, config, clips.device), batch, config)
        seen.append((state.discriminator, part.real, part.fake))
        return flat([each.grad for each in state.discriminator.parameters()])

    seen: list = []
    without = slope(0.0, 1, 0)
    # the penalties by hand, with the weights from before the step
    network = start(TrainingConfig(batch=4, discriminator="stacked")).discriminator
    total = torch.zeros(())
    for clips in seen[0][1:]:
        clips = clips.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(network(clips).sum(), clips, create_graph=True)
        total = total + gradient.square().sum() / len(clips)
    penalties = torch.autograd.grad(total, list(network.parameters()), allow_unused=True)
    expected = (
        gamma
        / 2
        * flat(
            [
                torch.zeros_like(w) if g is None else g
                for w, g in zip(network.parameters(), penalties, strict=True)
            ]
        )
    )
    for n in (1, 2, 3):
        added = [slope(gamma, n, step) - without for step in range(2 * n)]
        assert [bool(each.abs().max() > 1e-7) for each in added] == [
            t % n == 0 for t in range(2 * n)
        ]
        torch.testing.assert_close(sum(added) / len(added), expected, rtol=1e-3, atol=1e-6)


def flat(tensors):
    return torch.cat([each.flatten() for each in tensors])


def test_eq_moving_average():
    """The recursion equals the weighted sum of everything seen, plus what is left of the start."""
    keep, rng = 0.9, seeded(0)
    network = nn.Linear(3, 1, bias=False)
    network.register_buffer("count", torch.zeros(1))
    average = copy.deepcopy(network)
    first = average.weight.detach().clone()
    seen = []
    for step in range(1_000, 1_040):  # far enough for the full `keep`
        network.weight.data = torch.randn(1, 3, generator=rng)
        seen.append(network.weight.detach().clone())
        update_average(average, network, keep, step)
    total = sum((1 - keep) * keep**s * weight for s, weight in enumerate(reversed(seen)))
    torch.testing.assert_close(average.weight.detach(), total + keep ** len(seen) * first)
    network.get_buffer("count").fill_(7.0)  # buffers are no weights: they are copied
    update_average(average, network, keep, 1)  # early on the start counts for 1 / (1 + 9) only
    torch.testing.assert_close(
        average.weight.detach(),
        0.9 * network.weight.detach() + 0.1 * (total + keep ** len(seen) * first),
    )
    assert average.get_buffer("count").item() == 7.0
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
