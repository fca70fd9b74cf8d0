"""TGAN's critic, and the clipping of its singular values."""

import copy

import pytest
import torch
from torch import nn

from tests.support import published
from tests.support.discriminators import convolutions
from tests.support.generators import parameters
from tests.support.seeds import normal, seeded
from vgan_tutorial.discriminators import (
    TGANDiscriminator,
    clip_singular_values,
    cut_singular_values,
)
from vgan_tutorial.layers import initialise


def test_tgans_critic_has_the_published_layers():
    shapes = convolutions(TGANDiscriminator(), torch.zeros(2, 3, 16, 64, 64))
    expected = [(64, 8, 32, 32), (128, 4, 16, 16), (256, 2, 8, 8), (512, 1, 4, 4), (1, 1, 1, 1)]
    assert shapes == expected


@pytest.mark.parametrize("frames", [1, 2, 4, 8, 32])
def test_tgans_critic_halves_any_power_of_two(frames):
    network = TGANDiscriminator(frames=frames, size=32, channels=4)
    assert network(normal(2, 3, frames, 32, 32)).shape == (2,)


@pytest.mark.parametrize("shape", [(8, 30), (30, 8), (8, 8), (1, 20)])
def test_cutting_agrees_with_the_full_decomposition(shape):
    matrix = normal(*shape, seed=3) / 2
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    expected = left @ torch.diag(values.clamp(max=1.0)) @ right
    assert values.max() > 1
    torch.testing.assert_close(cut_singular_values(matrix, 1.0), expected, atol=1e-5, rtol=1e-4)


def test_a_matrix_of_lower_rank_is_cut_too():
    matrix = 3 * normal(6, 1) @ normal(1, 9, seed=1)
    cut = cut_singular_values(matrix, 1.0)
    torch.testing.assert_close(torch.linalg.matrix_norm(cut, 2), torch.tensor(1.0))
    assert torch.linalg.matrix_rank(cut, atol=1e-4) == 1
    assert not cut_singular_values(torch.zeros(3, 5), 1.0).any()


def test_clipping_acts_on_every_fifth_step_and_on_every_layer():
    network = TGANDiscriminator(frames=4, size=16, channels=4)
    for parameter in network.parameters():
        parameter.data.mul_(20).add_(0.5)
    for buffer in network.buffers():
        if buffer.ndim:
            buffer.add_(3.0)
    before = copy.deepcopy(network.state_dict())
    for step in (1, 2, 3, 4):
        clip_singular_values(network, step)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    clip_singular_values(network, 5)
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            largest = torch.linalg.matrix_norm(module.weight.flatten(1), 2).item()
            assert largest == pytest.approx(1, abs=1e-4)
        if isinstance(module, nn.BatchNorm3d):
            assert module.running_var is not None
            assert (module.weight <= (module.running_var + module.eps).sqrt()).all()


def test_clipping_twice_is_clipping_once():
    network = initialise(TGANDiscriminator(frames=4, size=16, channels=4), seeded())
    clip_singular_values(network)
    once = copy.deepcopy(network.state_dict())
    clip_singular_values(network)
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, once[key], atol=1e-5, rtol=1e-4)


def test_tgans_critic_has_as_many_parameters_as_the_authors_code():
    """Declared departure: their configuration for UCF101 leaves out the shifts."""
    network = TGANDiscriminator()
    assert parameters(network) == published.count(published.tgan_critic(normalised=2)) == 11_033_281
    assert published.count(published.tgan_critic(normalised=1)) == 11_032_385
    shifts = [layer.bias for layer in network.trunk if isinstance(layer, nn.BatchNorm3d)]
    assert parameters(network) - sum(len(shift) for shift in shifts) == 11_032_385


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TGANDiscriminator(frames=12), "1, 2, 4, 8, 16, 32, …, not 12"),
        (lambda: TGANDiscriminator(size=20), "20 pixels cannot be built"),
        (lambda: clip_singular_values(nn.Linear(2, 2), every=0), "not every 0"),
    ],
)
def test_tgans_critic_refuses_what_it_cannot_build(make, message):
    with pytest.raises(ValueError, match=message):
        make()
