"""Fresh weights."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from tests.support.seeds import seeded
from vgan_tutorial.discriminators import DISCRIMINATORS
from vgan_tutorial.generators import GENERATORS
from vgan_tutorial.layers import initialise, inputs_per_output


@pytest.mark.parametrize("transposed", [False, True])
def test_hes_rule_keeps_the_size_of_the_signal(transposed):
    """With He's rule a leaky rectifier and a layer keep the mean square, away from the border."""
    kind = nn.ConvTranspose3d if transposed else nn.Conv3d
    layer = initialise(kind(32, 32, 4, stride=2, padding=1), seeded(1))
    signal = torch.randn(8, 32, 8, 8, 8, generator=seeded())
    leaky = nn.functional.leaky_relu(signal, 0.2)
    out = layer(leaky)[..., 2:-2, 2:-2, 2:-2] if transposed else layer(leaky)[..., 1:-1, 1:-1, 1:-1]
    assert out.square().mean().item() == pytest.approx(1, rel=0.15)
    assert inputs_per_output(layer) == 32 * 64 / (8 if transposed else 1)


@pytest.mark.parametrize("name", [*GENERATORS, *DISCRIMINATORS])
def test_a_seed_fixes_every_weight(name):
    """Whatever the global state was when the network was made."""
    build = (GENERATORS | DISCRIMINATORS)[name]
    states = []
    for seed, global_seed in ((0, 1), (0, 2), (3, 2)):
        torch.manual_seed(global_seed)
        states.append(initialise(build(frames=8, size=16), seeded(seed)).state_dict())
    first, again, other = states
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_fresh_weights_are_spectrally_normal_at_once():
    layer = spectral_norm(nn.Conv2d(8, 16, 3))
    initialise(layer, seeded())
    layer.eval()
    weight = layer.weight
    assert isinstance(weight, torch.Tensor)
    largest = torch.linalg.matrix_norm(weight.reshape(16, -1), 2)
    assert largest.item() == pytest.approx(1, abs=0.02)


def test_recurrent_weights_are_drawn_within_pytorchs_limit():
    network = initialise(nn.GRU(3, 25), seeded())
    drawn = torch.cat([parameter.flatten() for parameter in network.parameters()])
    assert drawn.abs().max() <= 1 / 5
    assert drawn.std().item() == pytest.approx(0.2 / 3**0.5, rel=0.05)
