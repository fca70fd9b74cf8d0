"""Batch norm over all processes. `test_processes.py` trains with it in two."""

import pytest
import torch
from torch import nn

from tests.support.seeds import seeded
from vgan_tutorial.layers import ConditionalBatchNorm, initialise
from vgan_tutorial.training import batch_norm
from vgan_tutorial.training.batch_norm import JoinedBatchNorm, join_batch_norms


@pytest.fixture
def two(monkeypatch):
    """As if there were two processes, as far as networks are built for them."""
    monkeypatch.setattr(batch_norm, "process_count", lambda: 2)


def pair(layer: nn.Module) -> tuple[nn.Module, JoinedBatchNorm]:
    """A layer with weights, and the one that is to take its place."""
    initialise(layer, seeded(0))
    (joined,) = join_batch_norms(nn.Sequential(layer)).children()
    assert isinstance(joined, JoinedBatchNorm)
    return layer, joined


LAYERS = {
    "1d": (nn.BatchNorm1d(3), (5, 3)),
    "2d without weights": (nn.BatchNorm2d(3, affine=False), (4, 3, 2, 2)),
    "3d": (nn.BatchNorm3d(3, eps=0.1, momentum=0.3), (4, 3, 2, 3, 2)),
    "all batches alike": (nn.BatchNorm2d(3, momentum=None), (4, 3, 2, 2)),
    "no statistics": (nn.BatchNorm2d(3, track_running_stats=False), (4, 3, 2, 2)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_in_one_process_it_is_pytorchs_layer(name, monkeypatch):
    """Outputs, statistics and first and second derivatives, while it trains and afterwards."""
    layer, shape = LAYERS[name]
    with monkeypatch.context() as patch:
        patch.setattr(batch_norm, "process_count", lambda: 2)
        networks = pair(layer)
    found = []
    for network in networks:
        draw = seeded(1)
        for _ in range(2):
            features = (3 + torch.randn(shape, generator=draw)).requires_grad_()
            out = network(features)
        (slope,) = torch.autograd.grad(out.pow(3).sum(), features, create_graph=True)
        slope.square().sum().backward()
        later = network.eval()(features.detach())
        found.append([out, slope, features.grad, later, *network.buffers()])
        found[-1] += [parameter.grad for parameter in network.parameters()]
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(theirs, mine, rtol=1e-3, atol=1e-3)


def test_16_bits_go_in_and_come_out_but_statistics_are_not_rounded(two):
    _, joined = pair(nn.BatchNorm2d(2, affine=False))
    features = 100 + torch.randn((64, 2, 4, 4), generator=seeded(2))
    out = joined(features.bfloat16())
    assert out.dtype == torch.bfloat16
    expected = 0.1 * features.bfloat16().float().mean((0, 2, 3)) / 2  # nobody else adds
    torch.testing.assert_close(joined.running_mean, expected)


def test_every_batch_norm_is_replaced_with_its_weights_and_names(two):
    def build():
        inner = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2))
        return nn.ModuleDict({"plain": inner, "steered": ConditionalBatchNorm(2, 3)})

    before = initialise(build(), seeded(3))
    weights = {name: value.clone() for name, value in before.state_dict().items()}
    after = join_batch_norms(before)
    norms = [each for each in after.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    assert [type(norm) for norm in norms] == [JoinedBatchNorm, JoinedBatchNorm]
    assert list(after.state_dict()) == list(weights)
    for name, value in after.state_dict().items():
        assert torch.equal(value, weights[name])


def test_one_process_keeps_pytorchs_own():
    (layer,) = join_batch_norms(nn.Sequential(nn.BatchNorm2d(2))).children()
    assert type(layer) is nn.BatchNorm2d
