"""The residual critics of frames and of motion, after DVD-GAN."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from tests.support.discriminators import clips_of, small_residual
from tests.support.seeds import normal, seeded
from tests.support.steps import change, clips
from vgan_tutorial.discriminators import ProjectionHead, ResidualDiscriminator, ShrinkingBlock
from vgan_tutorial.layers import initialise
from vgan_tutorial.losses import ADVERSARIAL_LOSSES, discriminator_loss
from vgan_tutorial.training import start, train_step
from vgan_tutorial.types import Scores


def test_the_temporal_critic_is_shown_pooled_pixels():
    """A pattern that 2x2 averages remove is invisible to it, and not to the spatial critic."""
    network, clips = small_residual(), clips_of()
    board = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1
    with torch.no_grad():
        frames, motion = network(clips).logits
        checked_frames, checked_motion = network(clips + 0.3 * board).logits
    torch.testing.assert_close(checked_motion, motion, atol=1e-5, rtol=1e-4)
    assert (checked_frames - frames).abs().max() > 1e-3


def test_the_spatial_critic_is_shown_a_few_random_frames_in_training(monkeypatch):
    """Both steps of the players hand it randomness, and every look draws new frames."""
    state = start(change(discriminator="residual", penalty=0.0))
    critic, seen = state.discriminator, []
    assert isinstance(critic, ResidualDiscriminator)
    critic.shown = 3
    look = critic.spatial_features

    def look_and_keep(frames):
        seen.append(frames)
        return look(frames)

    monkeypatch.setattr(critic, "spatial_features", look_and_keep)
    train_step(state, clips(4), change(discriminator="residual", penalty=0.0))
    assert [frames.shape[2] for frames in seen] == [3] * len(seen)
    first, again = seen[0], seen[2]  # real clips, once in each player's step
    assert not torch.equal(first, again)


def test_each_of_the_two_critics_has_a_loss_of_its_own():
    """A sure temporal critic does not silence the spatial one, as a hinge on their sum would."""
    spatial, sure = torch.zeros(4, requires_grad=True), torch.full((4,), 2.0)
    game, fake = ADVERSARIAL_LOSSES["hinge"], Scores((-sure, -sure))
    own = discriminator_loss(game, Scores((spatial, sure)), fake)
    summed = game.discriminator(spatial + sure, -2 * sure)
    assert (torch.autograd.grad(own, spatial)[0] < 0).all()
    assert not torch.autograd.grad(summed, spatial)[0].any()


def test_projection_follows_its_formula():
    head = initialise(ProjectionHead(5, 3), seeded()).eval()
    assert head.embedding is not None
    features, labels = normal(6, 5), torch.tensor([2, 0, 1, 1, 2, 0])
    vectors, direction = head.embedding.weight, head.linear.weight
    assert isinstance(vectors, torch.Tensor)
    assert isinstance(direction, torch.Tensor)
    assert isinstance(head.linear.bias, torch.Tensor)
    chosen = vectors.T[labels]  # e_y
    expected = features @ direction[0] + (chosen * features).sum(1) + head.linear.bias
    torch.testing.assert_close(head(features, labels), expected)


def test_every_layer_of_the_residual_critic_is_spectrally_normal():
    network = small_residual(classes=3)
    layers = [module for module in network.modules() if isinstance(module, (nn.Conv3d, nn.Linear))]
    for layer in layers:
        assert parametrize.is_parametrized(layer, "weight")
        largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert largest == pytest.approx(1, abs=0.05)


def test_a_shrinking_block_halves_and_adds_its_shortcut():
    block = initialise(ShrinkingBlock(4, 6, along_time=3, first=True), seeded()).eval()
    clips = normal(2, 4, 6, 8, 8)
    found = block.two(block.one(clips).relu())
    half = nn.functional.avg_pool3d(found + block.shortcut(clips), 2)
    torch.testing.assert_close(block(clips), half)


def test_the_temporal_critic_can_be_shown_the_batchs_spread():
    network, clips = small_residual(minibatch_std=True), clips_of()
    with torch.no_grad():
        changed = network(torch.cat([clips[:1], clips[:1], clips[:1], clips[:1]])).logits[1]
        motion = network(clips).logits[1]
        assert (changed[0] - motion[0]).abs() > 1e-4  # the same clip in other company
        alone = small_residual()
        torch.testing.assert_close(
            alone(clips[:1]).logits[1], alone(clips).logits[1][:1], atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ResidualDiscriminator(size=8), "8 pixels cannot be built; choose one of 16, 32"),
        (lambda: ResidualDiscriminator(frames=0), "at least one frame is needed, not 0"),
        (lambda: ResidualDiscriminator(shown=0), "16 with 0 shown"),
        (lambda: small_residual(classes=3)(clips_of()), "4 clips need a label each, and none"),
        (
            lambda: small_residual(classes=3)(clips_of(), torch.tensor([1])),
            "4 clips need a label each, and 1 were given",
        ),
        (lambda: small_residual()(clips_of(), torch.tensor([1] * 4)), "with no classes"),
    ],
)
def test_the_residual_critic_refuses_what_it_cannot_build(make, message):
    with pytest.raises(ValueError, match=message):
        make()
