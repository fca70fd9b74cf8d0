"""The stacked critic and the dual one: what each half is shown, and what it is blind to."""

import pytest
import torch

from tests.support.discriminators import clips_of, stacked
from tests.support.seeds import normal, seeded
from vgan_tutorial.discriminators import DISCRIMINATORS, DualDiscriminator
from vgan_tutorial.layers import initialise


def test_the_stacked_critics_projection_is_the_published_one():
    network, clips, labels = stacked(), clips_of(), torch.tensor([2, 0, 1, 1])
    with torch.no_grad():
        hidden = network.head[:-1](network.features(clips))
        expected = network.head(network.features(clips))[:, 0]
        expected = expected + (network.embedding.weight.T[labels] * hidden).sum(1)
        torch.testing.assert_close(network(clips, labels), expected)


@pytest.mark.parametrize(
    ("frames", "size", "shrunk"),
    [(8, 16, (8, 16, 16)), (16, 32, (8, 16, 16)), (16, 64, (8, 16, 16)), (4, 8, (4, 8, 8))],
)
def test_each_half_sees_its_view(frames, size, shrunk):
    network = DualDiscriminator(frames, size, seen=2)
    clips = normal(3, 3, frames, size, size)
    (_, small), (_, few) = network.views(clips)
    assert small.shape == (3, 3, *shrunk)
    assert small.mean() == pytest.approx(clips.mean().item(), abs=1e-6)
    assert torch.equal(few, clips[:, :, [0, frames // 2]])
    assert network(clips).shape == (3,)


def test_the_logit_is_the_sum_of_both_halves():
    network = DualDiscriminator(frames=16, size=32)
    clips = normal(2, 3, 16, 32, 32)
    shrunk = clips.unflatten(2, (8, 2)).mean(3)
    shrunk = shrunk.unflatten(3, (16, 2)).mean(4).unflatten(4, (16, 2)).mean(5)
    expected = network.movement(shrunk) + network.detail(clips[:, :, :1])
    torch.testing.assert_close(network(clips), expected)


def test_detail_outside_the_seen_frames_goes_unnoticed_and_in_them_does_not():
    """What the averaging removes is visible only where a frame is seen in full."""
    network = initialise(DualDiscriminator(16, 32), seeded())
    clips = normal(1, 3, 16, 32, 32)
    checkers = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(16, 16)
    hidden, shown = clips.clone(), clips.clone()
    hidden[:, :, 5] += checkers
    shown[:, :, 0] += checkers
    torch.testing.assert_close(network(hidden), network(clips), atol=1e-5, rtol=0)
    assert (network(shown) - network(clips)).abs() > 1e-4


def test_it_needs_less_arithmetic_than_one_critic_of_everything():
    from torch.utils.flop_counter import FlopCounterMode

    def arithmetic(name: str) -> int:
        network = DISCRIMINATORS[name](frames=16, size=64)
        with FlopCounterMode(display=False) as counter:
            network(normal(1, 3, 16, 64, 64))
        return counter.get_total_flops()

    assert arithmetic("dual") < arithmetic("stacked") / 3


def test_the_blurred_critic_does_not_see_a_checkerboard():
    network = DISCRIMINATORS["blurred"](frames=8, size=16)
    clips = normal(2, 3, 8, 16, 16)
    checkers = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(8, 8)
    torch.testing.assert_close(network(clips + checkers), network(clips), atol=1e-5, rtol=0)
    assert (network(clips + 0.1) - network(clips)).abs().min() > 1e-5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frames": 9}, "9 frames or pixels cannot be averaged down 2-fold"),
        ({"seen": 0}, "at least 1 and at most all are seen, not 0"),
        ({"seen": 17}, "not 17"),
    ],
)
def test_what_it_cannot_build_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        DualDiscriminator(**{"frames": 16, "size": 32} | settings)
