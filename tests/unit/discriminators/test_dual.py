"""The stacked critic and the dual one: what each half is shown, and what it is blind to."""

import pytest
import torch

from tests.support.discriminators import clips_of, stacked
from tests.support.seeds import normal, seeded
from vgan_tutorial.discriminators import DISCRIMINATORS, DualDiscriminator, StackedDiscriminator
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
    small, few = network.pool(clips), network.pictures(clips).unflatten(0, (3, 2))
    assert small.shape == (3, 3, *shrunk)
    assert small.mean() == pytest.approx(clips.mean().item(), abs=1e-6)
    assert torch.equal(few[..., 0, :, :], clips[:, :, [0, frames // 2]].transpose(1, 2))
    assert [logits.shape for logits in network(clips).logits] == [(3,), (3, 2)]


def test_the_logits_are_those_of_both_halves():
    network = DualDiscriminator(frames=16, size=32, seen=1)
    clips = normal(2, 3, 16, 32, 32)
    shrunk = clips.unflatten(2, (8, 2)).mean(3)
    shrunk = shrunk.unflatten(3, (16, 2)).mean(4).unflatten(4, (16, 2)).mean(5)
    movement, detail = network(clips).logits
    torch.testing.assert_close(movement, network.movement(shrunk))
    torch.testing.assert_close(detail[:, 0], network.detail(clips[:, :, :1]))


def test_each_frame_is_drawn_from_its_own_clip():
    network = DualDiscriminator(frames=8, size=16, seen=3)
    numbers = torch.arange(4.0)[:, None] * 10 + torch.arange(8.0)  # clip, time
    clips = numbers[:, None, :, None, None].expand(-1, 3, -1, 16, 16)
    drawn = network.pictures(clips, seeded())[:, 0, 0, 0, 0].view(4, 3)
    assert torch.equal(drawn // 10, torch.arange(4.0)[:, None].expand(-1, 3))
    assert all(len(set(row)) == 3 for row in (drawn % 10).tolist())


def test_detail_outside_the_seen_frames_goes_unnoticed_and_in_them_does_not():
    """What the averaging removes is visible only where a frame is seen in full."""
    network = initialise(DualDiscriminator(16, 32, seen=2), seeded())
    clips = normal(1, 3, 16, 32, 32)
    checkers = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(16, 16)
    hidden, shown = clips.clone(), clips.clone()
    hidden[:, :, 5] += checkers
    shown[:, :, 0] += checkers
    torch.testing.assert_close(network(hidden), network(clips), atol=1e-5, rtol=0)
    (movement, detail), (same, other) = network(clips).logits, network(shown).logits
    torch.testing.assert_close(same, movement, atol=1e-5, rtol=0)
    assert ((other - detail).abs() > 1e-4).tolist() == [[True, False]]


def test_frames_can_be_judged_by_their_class_too():
    clips = normal(3, 3, 8, 16, 16)
    network = initialise(DualDiscriminator(8, 16, classes=(2, 3), told=True), seeded(0))
    first = network(clips, torch.tensor([0, 1, 2])).logits
    other = network(clips, torch.tensor([0, 1, 5])).logits
    for before, after in zip(first, other, strict=True):
        assert torch.equal(before[:2], after[:2])
        assert (before[2] != after[2]).all()
    untold = DualDiscriminator(8, 16, classes=(2, 3))
    assert untold.detail.embedding is None
    with pytest.raises(ValueError, match="clips need a label each, and none were given"):
        network(clips)


def test_with_two_frames_it_needs_half_the_arithmetic_of_one_critic_of_everything():
    from torch.utils.flop_counter import FlopCounterMode

    def arithmetic(network: torch.nn.Module) -> int:
        with FlopCounterMode(display=False) as counter:
            network(normal(1, 3, 16, 64, 64))
        return counter.get_total_flops()

    both = DualDiscriminator(16, 64, seen=2), StackedDiscriminator(16, 64)
    assert arithmetic(both[0]) < arithmetic(both[1]) / 2


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
