"""Comparing what training has made."""

import torch
from torch import nn

from vgan_tutorial.training import TrainingState
from vgan_tutorial.training.recording import LogLine


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def gradients(network: nn.Module) -> torch.Tensor:
    found = [parameter.grad for parameter in network.parameters()]
    return torch.cat([gradient.flatten() for gradient in found if gradient is not None])


def assert_same_state(one: TrainingState, other: TrainingState) -> None:
    """Bit for bit: weights, averages, optimisers, random numbers."""
    for name in ("generator", "discriminator", "averaged"):
        assert same(weights(getattr(one, name)), weights(getattr(other, name))), name
    for name in ("generator_optimiser", "discriminator_optimiser"):
        mine, theirs = (getattr(state, name).state_dict()["state"] for state in (one, other))
        for key in mine:
            assert all(torch.equal(mine[key][part], theirs[key][part]) for part in mine[key])
    assert torch.equal(one.randomness.get_state(), other.randomness.get_state())
    assert one.step == other.step


def assert_same_gradients(one: TrainingState, other: TrainingState) -> None:
    """Equal but for rounding. (Adam's first step keeps signs alone, so weights are no measure.)"""
    for player in ("generator", "discriminator"):
        mine, theirs = (gradients(getattr(state, player)) for state in (one, other))
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4 * mine.abs().max().item())


def timeless(log: list[LogLine]) -> list[LogLine]:
    return [line | {"seconds": 0} for line in log]
