"""Several critics, a loss each; and the category loss."""

import pytest
import torch
from torch.nn.functional import log_softmax

from tests.support.seeds import normal, seeded
from vgan_tutorial import losses
from vgan_tutorial.types import Scores

GAME = losses.ADVERSARIAL_LOSSES["hinge"]


def test_every_critic_has_a_loss_of_its_own():
    """A sure critic does not speak for one that is mistaken, as it would if logits were added."""
    real = Scores((torch.tensor([5.0, 5.0]), torch.tensor([[-1.0, 0.0], [0.5, 0.5]])))
    fake = Scores((torch.tensor([-5.0, -5.0]), torch.tensor([[0.0, 0.0], [-2.0, -2.0]])))
    found = losses.discriminator_loss(GAME, real, fake)
    assert found.item() == pytest.approx((2 + 1 + 0.5 + 0.5) / 4 + (1 + 1 + 0 + 0) / 4)
    assert losses.generator_loss(GAME, real, fake).item() == pytest.approx(5 + 1)
    added = [losses.total_score(scores) for scores in (real, fake)]
    assert GAME.discriminator(*added) == 0


def test_one_critic_is_a_case_of_several():
    logits = normal(5)
    assert torch.equal(losses.as_scores(logits).logits[0], logits)
    assert losses.as_scores(Scores((logits,))).logits == (logits,)
    assert torch.equal(losses.total_score(logits), logits)


def test_the_total_counts_frames_with_their_mean():
    one, frames = normal(3), normal(3, 2, 4, seed=1)
    expected = one + frames.mean((1, 2))
    torch.testing.assert_close(losses.total_score(Scores((one, frames))), expected)


def test_each_player_is_asked_for_the_class_of_its_own_clips():
    labels = torch.tensor([2, 0, 1])
    answers = [normal(3, 3, seed=seed) for seed in (0, 1)]
    nought = torch.zeros(3)
    real, fake = (Scores((nought,), answer) for answer in answers)
    expected = [-log_softmax(answer, 1)[torch.arange(3), labels].mean() for answer in answers]
    adversarial = GAME.discriminator(nought, nought), GAME.generator(nought, nought)
    torch.testing.assert_close(
        losses.discriminator_loss(GAME, real, fake, labels), adversarial[0] + expected[0]
    )
    torch.testing.assert_close(
        losses.generator_loss(GAME, real, fake, labels), adversarial[1] + expected[1]
    )


def test_critics_that_name_classes_need_labels():
    with pytest.raises(ValueError, match="needs labels: train with classes"):
        losses.category_loss(Scores((torch.zeros(2),), torch.zeros(2, 3)), None)
    assert losses.category_loss(Scores((torch.zeros(2),)), torch.tensor([0, 1])) == 0


def test_every_critic_is_penalised_for_itself():
    """The penalty of a sum of two opposite critics would be 0."""
    clips = normal(4, 3, 2, 4, 4)
    slope = normal(96, seed=2)

    def two(samples):
        score = samples.flatten(1) @ slope
        return Scores((score, -score))

    expected = 2 * slope.square().sum()
    torch.testing.assert_close(losses.r1_penalty(two, clips), expected)
    torch.testing.assert_close(
        losses.gradient_penalty(two, clips, normal(4, 3, 2, 4, 4, seed=1), generator=seeded()),
        2 * (slope.norm() - 1).square(),
    )
