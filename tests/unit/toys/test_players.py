"""The toys' networks."""

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial import toys
from vgan_tutorial.toys import Game, play


class TestPlayers:
    def test_building_leaves_the_global_state_alone(self) -> None:
        torch.manual_seed(5)
        before = torch.get_rng_state()
        network = toys.build_mlp(2, 1, 16, seeded())
        toys.spectral_normalise(network, seeded())
        assert torch.equal(before, torch.get_rng_state())

    def test_spectral_normalisation_holds_every_layer_at_one(self) -> None:
        run = play(Game(loss="hinge", restraint="spectral", steps=60))
        layers = [layer for layer in run.discriminator if isinstance(layer, nn.Linear)]
        assert len(layers) == 3
        for layer in layers:
            assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1.0, abs=0.05)

    def test_evaluation_does_not_move_the_power_iteration(self) -> None:
        weight = torch.randn(5, 4, generator=seeded())
        constraint = toys.DividedBySpectralNorm(weight, seeded())
        before = constraint.right.clone()
        constraint.eval()(weight)
        assert torch.equal(constraint.right, before)
