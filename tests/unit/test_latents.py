"""Latents, and the classes in them."""

import pytest
import torch

from tests.support.generators import build
from tests.support.seeds import normal, seeded
from vgan_tutorial.latents import choose, class_vector, sample_latent


def test_latents_are_fixed_by_their_seed():
    network = build("content-motion")
    first, again, other = (sample_latent(network, 3, seeded(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_choices_are_equally_likely_and_keep_the_rest():
    latent = torch.randn(20_000, 4, generator=seeded())
    chosen = choose(latent, 5)
    assert chosen.shape == (20_000, 8)
    assert torch.equal(chosen[:, 5:], latent[:, 1:])
    assert ((chosen[:, :5] > 0).sum(1) == 1).all()
    shares = (chosen[:, :5] > 0).float().mean(0)
    assert (shares - 1 / 5).abs().max() < 0.01
    assert chosen[:, :5].square().mean().item() == pytest.approx(1)


@pytest.mark.parametrize("extreme", [-40.0, 40.0])
def test_a_choice_is_made_even_far_out(extreme):
    chosen = choose(torch.tensor([[extreme]]), 7)[0] > 0
    assert chosen.nonzero().tolist() == [[0 if extreme < 0 else 6]]


def test_classes_are_equally_likely():
    vectors = class_vector(normal(30_000, 2), None, 3)
    assert (vectors.sum(1) == 1).all()
    assert (vectors.mean(0) - 1 / 3).abs().max() < 0.01


def test_several_numbers_choose_and_the_rest_follows():
    latent = torch.randn(200, 5, generator=seeded(0))
    chosen = choose(latent, 4, picks=3)
    assert chosen.shape == (200, 3 * 4 + 2)
    for pick in range(3):
        alone = choose(latent[:, pick : pick + 1], 4)
        assert torch.equal(chosen[:, 4 * pick : 4 * pick + 4], alone)
    assert torch.equal(chosen[:, 12:], latent[:, 3:])
