"""What holds for every discriminator, and what each of them cannot see."""

from functools import partial

import pytest
import torch
from torch import Tensor

from tests.support.discriminators import (
    build,
    clips_of,
    dual,
    small_mocogan,
    small_residual,
    stacked,
)
from tests.support.seeds import normal, seeded
from vgan_tutorial.discriminators import (
    DISCRIMINATORS,
    ArticleDiscriminator,
    MoCoGANDiscriminator,
    PatchDiscriminator,
    ResidualDiscriminator,
    TGANDiscriminator,
)
from vgan_tutorial.layers import initialise
from vgan_tutorial.losses import as_scores, total_score
from vgan_tutorial.oracle import DAMAGES
from vgan_tutorial.shapes import PRESETS
from vgan_tutorial.types import Scores


@pytest.mark.parametrize("preset", ["tiny", "small"])
@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_every_critic_scores_every_clip(name, preset):
    for logits in as_scores(build(name, preset)(clips_of(preset))).logits:
        assert logits.shape[0] == 4
        assert logits.isfinite().all()
        assert logits.std() > 0


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_logits_are_not_held_between_nought_and_one(name):
    """A score is a real number: both signs occur among a few fresh networks."""
    shape = PRESETS["tiny"]
    logits = [
        total_score(
            initialise(DISCRIMINATORS[name](frames=shape.frames, size=shape.size), seeded(seed))(
                clips_of()
            )
        )
        for seed in range(6)
    ]
    assert torch.stack(logits).min() < 0


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_batch_of_one_in_evaluation_mode(name):
    network, clips = build(name).eval(), clips_of()
    with torch.no_grad():
        alone, together = (as_scores(network(shown)).logits for shown in (clips[2:3], clips))
        for one, several in zip(alone, together, strict=True):
            torch.testing.assert_close(one, several[2:3], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_a_gradient_reaches_every_parameter_and_the_clip(name):
    network, clips = build(name), clips_of().requires_grad_(True)
    (total_score(network(clips)) * torch.tensor([1.0, -2.0, 3.0, 0.5])).sum().backward()
    assert clips.grad is not None
    assert clips.grad.flatten(1).any(1).all()
    stuck = [
        key
        for key, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    # A bias in front of a batch norm is subtracted again: its gradient is rounding or nothing.
    assert all(key.endswith("bias") and name == "vgan" for key in stuck)


def test_the_frame_wise_score_does_not_know_the_order():
    clips = clips_of()
    shuffled = DAMAGES["shuffled frames"](clips, seeded())
    assert not torch.equal(shuffled, clips)
    frame_wise, video = build("article"), build("video")
    with torch.no_grad():
        torch.testing.assert_close(frame_wise(shuffled), frame_wise(clips))
        assert (video(shuffled) - video(clips)).abs().max() > 1e-3


PAIRS = [small_mocogan, small_residual, partial(dual, classes=0)]


@pytest.mark.parametrize("build", PAIRS[:2])  # the dual one is shown frames by their places
def test_of_a_pair_only_one_knows_the_order(build):
    network, clips = build(), clips_of()
    shuffled = DAMAGES["shuffled frames"](clips, seeded())
    with torch.no_grad():
        (frames, motion), (same_frames, other_motion) = (
            network(shown).logits for shown in (clips, shuffled)
        )
        torch.testing.assert_close(same_frames, frames, atol=1e-5, rtol=1e-4)
        assert (other_motion - motion).abs().max() > 1e-3


def sorted_by_sight(scores: Scores) -> tuple[Tensor, Tensor]:
    """The critic of frames first."""
    first, second = scores.logits
    return (first, second) if second.dim() == 1 else (second, first)


@pytest.mark.parametrize("build", PAIRS)
def test_frames_are_drawn_with_the_randomness_that_is_passed_in(build):
    network, clips = build(), clips_of()
    with torch.no_grad():
        first, again, other = (
            sorted_by_sight(network(clips, generator=seeded(seed)))[0] for seed in (1, 1, 2)
        )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 8, 13])
def test_pairs_judge_any_number_of_frames(frames):
    clips = normal(2, 3, frames, 16, 16)
    for kind in (MoCoGANDiscriminator, ResidualDiscriminator):
        scores = kind(frames=frames, size=16, channels=4)(clips)
        assert [logits.shape for logits in scores.logits] == [(2,), (2,)]


def test_features_are_what_the_head_sees():
    network, clips = small_residual(classes=0), clips_of()
    features = network.features(clips)
    spatial, temporal = features.split([network.spatial_head.linear.in_features, 8], dim=1)
    with torch.no_grad():
        expected = (network.spatial_head(spatial), network.temporal_head(temporal))
        torch.testing.assert_close(network(clips).logits, expected)
    assert small_mocogan().features(clips).shape == (4, 4 * 8 + 2 * 8)
    assert PatchDiscriminator(8, 16, 4).features(clips).shape == (4, 16, 8, 2, 2)
    assert TGANDiscriminator(8, 16, 4).features(clips).shape == (4, 8, 2, 4, 4)
    article = initialise(ArticleDiscriminator(8, 16, 4), seeded())
    with torch.no_grad():
        last = article.frame_network[-1](article.features(clips))[:, 0]
        torch.testing.assert_close(article(clips), last)


@pytest.mark.parametrize("build", [stacked, dual])
def test_labels_and_classes_go_together(build):
    with pytest.raises(ValueError, match="4 clips need a label each, and none were given"):
        build()(clips_of())
    with pytest.raises(ValueError, match="4 clips need a label each, and 3 were given"):
        build()(clips_of(), torch.zeros(3).long())
    with pytest.raises(ValueError, match=r"labels were given to a .*Discriminator with no classes"):
        build(classes=0)(clips_of(), torch.zeros(4).long())


@pytest.mark.parametrize("build", [small_residual, stacked, dual])
def test_a_label_changes_only_its_own_logit(build):
    network, clips = build(classes=3), clips_of()
    with torch.no_grad():
        before = total_score(network(clips, torch.tensor([0, 1, 2, 0])))
        after = total_score(network(clips, torch.tensor([0, 1, 0, 0])))
    assert (before != after).tolist() == [False, False, True, False]
