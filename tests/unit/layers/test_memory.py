"""How weights lie in memory, and convolutions in portions."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from tests.support.seeds import seeded
from vgan_tutorial import layers
from vgan_tutorial.layers import (
    PortionedConv3d,
    PortionedConvTranspose3d,
    channels_last,
    initialise,
    portion,
)


def test_channels_last_changes_the_layout_and_no_number():
    network = nn.Sequential(nn.Conv3d(3, 8, 3), nn.ReLU(), nn.Conv3d(8, 4, 3))
    clips = torch.randn(2, 3, 6, 8, 8, generator=seeded())
    changed = channels_last(copy.deepcopy(network))
    torch.testing.assert_close(changed(clips), network(clips))
    weight = next(changed.parameters())
    assert weight.is_contiguous(memory_format=torch.channels_last_3d)


KINDS = [(PortionedConv3d, nn.Conv3d), (PortionedConvTranspose3d, nn.ConvTranspose3d)]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("portioned", "plain"), KINDS)
def test_portions_of_a_convolution_are_the_whole(portioned, plain, bias, monkeypatch):
    """Values, gradients of both kinds, and the gradient of a gradient's length (for penalties)."""
    monkeypatch.setattr(
        layers.memory, "PORTION", 200
    )  # 2 of the 7 channels, so the last portion has 1
    layer = portioned(3, 7, (2, 4, 4), stride=(1, 2, 2), padding=(0, 1, 1), bias=bias)
    assert portion(layer, torch.device("cpu")) == 2
    whole = plain(3, 7, (2, 4, 4), stride=(1, 2, 2), padding=(0, 1, 1), bias=bias)
    whole.load_state_dict(initialise(layer, seeded()).state_dict())
    found = []
    for network in (layer, whole):
        clips = torch.randn(2, 3, 5, 8, 8, generator=seeded(1)).requires_grad_()
        out = network(clips)
        (slope,) = torch.autograd.grad(out.square().sum(), clips, create_graph=True)
        slope.square().sum().backward()
        found.append((out, slope, clips.grad, network.weight.grad))
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4 * theirs.abs().max().item())


def test_only_large_weights_on_a_cpu_are_taken_in_portions():
    wide, narrow = PortionedConv3d(256, 512, 4), PortionedConv3d(128, 256, 4)
    assert [portion(wide, torch.device(name)) for name in ("cpu", "meta")] == [128, 512]
    assert portion(narrow, torch.device("cpu")) == 256
    assert portion(PortionedConv3d(256, 1024, 4, groups=2), torch.device("cpu")) == 1024
    kept, turned = (channels_last(layer).weight for layer in (wide, narrow))
    assert kept.is_contiguous()
    assert turned.is_contiguous(memory_format=torch.channels_last_3d)


def test_a_portioned_weight_under_spectral_normalisation_is_made_once_a_pass(monkeypatch):
    """In training every look at it is one more power iteration."""
    monkeypatch.setattr(layers.memory, "PORTION", 100)
    clips = torch.randn(1, 3, 4, 6, 6, generator=seeded())
    directions = []
    for kind in (PortionedConv3d, nn.Conv3d):
        torch.manual_seed(0)
        layer = spectral_norm(kind(3, 8, 3))
        layer(clips)
        directions.append(next(iter(layer.buffers())).clone())
    torch.testing.assert_close(*directions)
