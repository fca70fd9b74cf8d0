"""A discriminator of several critics: each critic plays the game for itself.

Adding the critics' logits before one loss would let a sure critic speak for the others: where the
sum is large, the loss is flat, and nobody learns. So DVD-GAN (Clark et al. 2019, section 3) and
MoCoGAN (Tulyakov et al. 2018, section 3) give each critic a loss, and add the losses.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy

from vgan_tutorial.losses.adversarial import AdversarialLoss
from vgan_tutorial.types import ClipLogits, Labels, Logits, Scalar, Scores


def as_scores(output: Logits | Scores) -> Scores:
    """What any discriminator returned, as if it had several critics."""
    return output if isinstance(output, Scores) else Scores((output,))


def total_score(output: Logits | Scores) -> ClipLogits:
    """One number a clip, to compare clips by: the critics' logits, added up.

    A critic that scores frames or patches counts with their mean.
    """
    means = [each.flatten(1).mean(1) if each.dim() > 1 else each for each in as_scores(output)[0]]
    return sum(means[1:], start=means[0])


def discriminator_loss(
    game: AdversarialLoss, real: Scores, fake: Scores, labels: Labels | None = None
) -> Scalar:
    """The game's loss, summed over the critics, and the category loss of the real clips."""
    total = _summed([game.discriminator(*pair) for pair in _pairs(real, fake)])
    return total + category_loss(real, labels)


def generator_loss(
    game: AdversarialLoss, real: Scores, fake: Scores, labels: Labels | None = None
) -> Scalar:
    """The game's loss, summed over the critics, and the category loss of the generated clips."""
    total = _summed([game.generator(*pair) for pair in _pairs(real, fake)])
    return total + category_loss(fake, labels)


def category_loss(scores: Scores, labels: Labels | None) -> Scalar | float:
    """``-E[log q(y | x)]``: how badly the critics name a clip's class; 0 if they name none.

    On real clips it teaches the critic the classes, on generated ones it asks the generator for
    the class that it was told. MoCoGAN (Tulyakov et al. 2018, section 3) takes it from InfoGAN
    (Chen et al. 2016, equation 5); labels of real clips are used as in AC-GAN (Odena et al. 2017,
    section 3). Its weight is 1.

    Raises:
        ValueError: the critics name classes, and there are no labels.
    """
    if scores.classes is None:
        return 0.0
    if labels is None:
        raise ValueError("a discriminator that names classes needs labels: train with classes")
    return cross_entropy(scores.classes, labels.long())


def _pairs(real: Scores, fake: Scores) -> list[tuple[Tensor, Tensor]]:
    return list(zip(real.logits, fake.logits, strict=True))


def _summed(losses: list[Tensor]) -> Scalar:
    return sum(losses[1:], start=losses[0])
