"""The generator of MoCoGAN: one content, a path of motion."""

import pytest
import torch
from torch import nn

from tests.support import published
from tests.support.generators import parameters, small_mocogan
from tests.support.seeds import normal, seeded
from vgan_tutorial.generators import MoCoGANGenerator
from vgan_tutorial.latents import sample_latent


def test_mocogan_has_as_many_parameters_as_the_authors_code():
    network = MoCoGANGenerator()
    assert parameters(network) == published.count(published.MOCOGAN) == 3_298_836
    assert parameters(network.recurrent) == published.count(published.MOCOGAN[:2])


@pytest.mark.parametrize("frame", range(8))
def test_mocogan_takes_fresh_noise_in_every_frame(frame):
    """New noise in frame t changes that frame and what follows, and nothing before it."""
    network = small_mocogan()
    latent = sample_latent(network, 2, seeded())
    other = latent.clone()
    start = network.latent_length(8) - 4 * (8 - frame)
    other[:, start : start + 4] = normal(2, 4, seed=1)
    with torch.no_grad():
        changed = (network(other) - network(latent)).abs().amax((0, 1, 3, 4))
    assert (changed[:frame] == 0).all()
    assert (changed[frame:] > 0).all()


def test_break_motion_noise_that_is_drawn_once():
    """Signature: with the same noise every frame, the path is fixed by its first two steps.

    The recurrent network then settles: late steps are far smaller than with fresh noise.
    """
    network = small_mocogan(frames=40, motion=10)
    with torch.no_grad():
        fresh = normal(64, 41, 10)
        once = torch.cat([fresh[:, :1], fresh[:, 1:2].expand(-1, 40, -1)], dim=1)
        late_steps = [
            network.move(noise)[:, -10:].diff(dim=1).square().mean().item()
            for noise in (fresh, once)
        ]
    assert late_steps[1] < 1e-3 * late_steps[0]


def test_mocogans_motion_is_a_cell_called_once_a_frame():
    network = small_mocogan()
    cell = nn.GRUCell(4, 4)
    cell.load_state_dict(
        {key.removesuffix("_l0"): value for key, value in network.recurrent.state_dict().items()}
    )
    noise = normal(3, 9, 4)
    state, states = noise[:, 0], []
    for step in range(1, 9):
        state = cell(noise[:, step], state)
        states.append(state)
    torch.testing.assert_close(network.move(noise), torch.stack(states, dim=1))


def test_mocogan_makes_longer_clips_that_begin_alike():
    network = small_mocogan()
    latent = normal(2, network.latent_length(30))
    with torch.no_grad():
        long, short = network(latent), network(latent[:, : network.latent_length(8)])
    assert long.shape == (2, 3, 30, 16, 16)
    torch.testing.assert_close(long[:, :, :8], short)


def test_mocogans_content_is_the_same_in_every_frame():
    network = small_mocogan()
    fixed, noise = network.split(sample_latent(network, 2, seeded()))
    assert fixed.shape == (2, 5 + 3)
    assert noise.shape == (2, 1 + 8, 4)
    seen = []
    network.decoder[0].register_forward_hook(lambda layer, codes, out: seen.append(codes[0]))
    network(sample_latent(network, 2, seeded()))
    codes = seen[0].unflatten(0, (2, 8))
    torch.testing.assert_close(codes[:, :, :8], fixed[:, None].expand(-1, 8, -1))
    assert (codes[:, 1:, 8:] != codes[:, :-1, 8:]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MoCoGANGenerator(size=63), r"63 pixels.*8, 16, 32, 64"),
        (lambda: MoCoGANGenerator(frames=0), "at least one frame, not 0"),
        (lambda: small_mocogan()(torch.zeros(1, 11)), "11 numbers make no whole clip: 14 make one"),
        (lambda: small_mocogan()(torch.zeros(1, 10)), "10 numbers make no whole clip"),
        (
            lambda: small_mocogan(classes=0).split(torch.zeros(1, 41), torch.tensor([1])),
            "no classes",
        ),
    ],
)
def test_mocogan_refuses_what_it_cannot_build(make, message):
    with pytest.raises(ValueError, match=message):
        make()
