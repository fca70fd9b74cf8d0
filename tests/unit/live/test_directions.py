"""The directions of a latent are those along which the clip changes most."""

from typing import Any

import pytest
import torch

from tests.support.drawn import drawn_dcgan, drawn_mocogan, drawn_network, drawn_painter, drawn_tgan
from tests.support.seeds import seeded
from vgan_tutorial.latents import sample_latent
from vgan_tutorial.live import bundle as web
from vgan_tutorial.live.directions import _basis, directions
from vgan_tutorial.live.programs import Half

NETWORKS: dict[str, Any] = {
    "content-motion": lambda: drawn_network(classes=3),
    "painter": drawn_painter,
    "painter with choices": lambda: drawn_painter(choices=4),
    "dcgan": drawn_dcgan,
    "mocogan": drawn_mocogan,
    "tgan": drawn_tgan,
}


def halves_of(network: Any):
    for half in web.make_bundle(network)["halves"]:
        half.pop("directions")
        yield Half(**half)


@pytest.mark.parametrize("name", NETWORKS)
def test_directions_change_more_than_any_other(name):
    network = NETWORKS[name]()
    latents = sample_latent(network, 3, seeded(0))
    for half in halves_of(network):
        first, second = directions(network, half, samples=3)
        pair = torch.stack([first, second])
        torch.testing.assert_close(pair @ pair.T, torch.eye(2), atol=1e-5, rtol=0)

        def change(step, half=half):
            moved = latents.clone()
            moved.flatten(1)[:, half.begin : half.end] += 1e-2 * step
            return (network(moved) - network(latents)).square().sum().item()

        basis = _basis(half)
        others = torch.randn(20, len(basis), generator=seeded(0)) @ basis
        others = others / others.norm(dim=1, keepdim=True)
        most = change(first)
        assert most > max(change(other) for other in others)
        apart = others - (others @ first)[:, None] * first
        apart = apart / apart.norm(dim=1, keepdim=True)
        assert most > change(second) > max(change(other) for other in apart)


def test_they_leave_choices_and_the_class_alone_and_are_alike_in_all_frames():
    for half in halves_of(drawn_painter(choices=4, classes=3)):
        found = directions(drawn_painter(choices=4, classes=3), half)
        assert found.shape == (2, half.end - half.begin)
        assert (found[:, 0] == 0).all() == (half.choices > 0)
    network = drawn_mocogan()
    _, how = halves_of(network)
    rows = directions(network, how).unflatten(1, (how.rows, -1))
    torch.testing.assert_close(rows, rows[:, :1].expand_as(rows))
    assert how.rows == 5 + 1  # every frame's noise, and the state before the first


def test_they_are_the_eigenvectors_of_the_mean_of_the_jacobians_squares():
    """Against automatic differentiation, in 64 bits."""
    network = drawn_painter(frames=2, content=4, motion=4, choices=0)
    who, _ = halves_of(network)
    found = directions(network, who, seed=7, samples=2).double()
    latents = sample_latent(network, 2, seeded(7)).double()
    exact = network.double()
    axes = torch.eye(8, dtype=torch.float64)[:4, None]  # of the content

    def column(latent, axis):
        return torch.func.jvp(exact, (latent[None],), (axis,))[1].flatten()

    jacobians = [torch.stack([column(z, axis) for axis in axes], dim=1) for z in latents]
    moment = torch.stack([jacobian.T @ jacobian for jacobian in jacobians]).mean(0)
    expected = torch.linalg.eigh(moment).eigenvectors.T.flip(0)[:2]
    cosines = (found * expected).sum(1).abs()
    torch.testing.assert_close(cosines, torch.ones_like(cosines), atol=2e-3, rtol=0)
