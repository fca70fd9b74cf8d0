"""Adversarial losses: one pair of functions for each published game.

Every loss is written with ``softplus(s) = log(1 + exp(s))``, because two identities replace each
logarithm of a probability by something that never overflows (eq-softplus-identities)::

    -log(sigmoid(s))     = softplus(-s)
    -log(1 - sigmoid(s)) = softplus(s)

Each function averages over all elements, so a discriminator may return one logit a clip or a whole
grid of patch logits. The result has the dtype of the logits; with bfloat16 logits call ``.float()``
on them first if you want more than three digits.
"""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus

from vgan_tutorial.types import Logits, Scalar


class AdversarialLoss(NamedTuple):
    """What each player minimises: two functions of ``(real_logits, fake_logits)`` to a scalar.

    The generator's function takes the real logits too, because the relativistic game needs them.
    The others ignore them, see `PAIRED_LOSSES`.
    """

    discriminator: Callable[[Logits, Logits], Scalar]
    generator: Callable[[Logits, Logits], Scalar]


def binary_cross_entropy(logits: Logits, target: float) -> Scalar:
    """Binary cross-entropy between one target probability and the logits' probabilities.

    ``E[t softplus(-s) + (1 - t) softplus(s)]`` (eq-binary-cross-entropy). A hard label is
    ``target=1.0`` or ``target=0.0``; anything between is a smoothed label.

    Raises:
        ValueError: the target is not a probability.
    """
    if not 0.0 <= target <= 1.0:
        raise ValueError(f"a target is a probability between 0 and 1, got {target}")
    return (target * softplus(-logits) + (1.0 - target) * softplus(logits)).mean()


def value(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """The value of the game, ``V = E[log D(x)] + E[log(1 - D(G(z)))]`` (eq-value).

    The discriminator wants it large and the generator small. Goodfellow et al. 2014, equation 1.
    """
    return -softplus(-real_logits).mean() - softplus(fake_logits).mean()


def minimax_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """``-V``: binary cross-entropy with label 1 on real clips and 0 on fake ones (eq-value).

    Goodfellow et al. 2014, section 3.
    """
    return binary_cross_entropy(real_logits, 1.0) + binary_cross_entropy(fake_logits, 0.0)


def minimax_generator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """``E[log(1 - D(G(z)))] = -E[softplus(s)]``, the half of ``V`` that the generator can change.

    Its gradient vanishes where the discriminator is sure (eq-gradient-saturating).
    Goodfellow et al. 2014, section 3.
    """
    return -softplus(fake_logits).mean()


def non_saturating_generator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """``-E[log D(G(z))] = E[softplus(-s)]`` (eq-non-saturating).

    Same fixed point as the minimax loss, strong gradient where the discriminator is sure
    (eq-gradient-non-saturating). Goodfellow et al. 2014, end of section 3.
    """
    return softplus(-fake_logits).mean()


def least_squares_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """``1/2 E[(s(x) - 1)^2] + 1/2 E[s(G(z))^2]`` (eq-least-squares).

    Mao et al. 2017, equation 9: targets a = 0 for fake and b = 1 for real.
    """
    return 0.5 * (real_logits - 1.0).square().mean() + 0.5 * fake_logits.square().mean()


def least_squares_generator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """``1/2 E[(s(G(z)) - 1)^2]`` (eq-least-squares). Mao et al. 2017, equation 9, c = 1."""
    return 0.5 * (fake_logits - 1.0).square().mean()


def wasserstein_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """``E[s(G(z))] - E[s(x)]`` (eq-wasserstein-losses).

    It has no minimum by itself: hold the critic back with ``clip_weights``, a penalty or spectral
    normalisation. Arjovsky, Chintala and Bottou 2017, algorithm 1 (with the sign of a loss).
    """
    return fake_logits.mean() - real_logits.mean()


def wasserstein_generator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """``-E[s(G(z))]`` (eq-wasserstein-losses); the hinge game's generator uses the same one."""
    return -fake_logits.mean()


def hinge_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """``E[max(0, 1 - s(x))] + E[max(0, 1 + s(G(z)))]`` (eq-hinge).

    Lim and Ye 2017; Miyato et al. 2018, equation 16.
    """
    return relu(1.0 - real_logits).mean() + relu(1.0 + fake_logits).mean()


def relativistic_discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """``E[softplus(-(s(x) - s(G(z))))]`` (eq-relativistic).

    Of each pair, one real and one fake, the real one should score higher. Jolicoeur-Martineau 2019
    (RSGAN); used with R1 and R2 by Huang et al. 2024 (R3GAN).
    """
    return softplus(-_paired_difference(real_logits, fake_logits)).mean()


def relativistic_generator(real_logits: Logits, fake_logits: Logits) -> Scalar:
    """``E[softplus(s(x) - s(G(z)))]``: the same question with the answer swapped (eq-relativistic).

    Jolicoeur-Martineau 2019 (RSGAN).
    """
    return softplus(_paired_difference(real_logits, fake_logits)).mean()


def label_smoothing(real_target: float = 0.9, fake_target: float = 0.0) -> AdversarialLoss:
    """The non-saturating game with softened labels for the discriminator (eq-smoothed-optimum).

    One-sided smoothing softens the real label alone, ``label_smoothing(0.9)``; two-sided smoothing
    softens both, ``label_smoothing(0.9, 0.1)``. Salimans et al. 2016, section 3.4, say why the fake
    label should stay at 0.
    """

    def discriminator(real_logits: Logits, fake_logits: Logits) -> Scalar:
        real_part = binary_cross_entropy(real_logits, real_target)
        return real_part + binary_cross_entropy(fake_logits, fake_target)

    return AdversarialLoss(discriminator, non_saturating_generator)


def _paired_difference(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Subtract pair by pair, and refuse shapes that would broadcast into a table of all pairs."""
    if real_logits.shape != fake_logits.shape:
        raise ValueError(
            "the relativistic game compares pairs, so it needs one real logit for each fake one: "
            f"got shapes {tuple(real_logits.shape)} and {tuple(fake_logits.shape)}"
        )
    return real_logits - fake_logits


ADVERSARIAL_LOSSES: dict[str, AdversarialLoss] = {
    "minimax": AdversarialLoss(minimax_discriminator, minimax_generator),
    "non-saturating": AdversarialLoss(minimax_discriminator, non_saturating_generator),
    "one-sided-smoothing": label_smoothing(real_target=0.9),
    "two-sided-smoothing": label_smoothing(real_target=0.9, fake_target=0.1),
    "least-squares": AdversarialLoss(least_squares_discriminator, least_squares_generator),
    "wasserstein": AdversarialLoss(wasserstein_discriminator, wasserstein_generator),
    "hinge": AdversarialLoss(hinge_discriminator, wasserstein_generator),
    "relativistic": AdversarialLoss(relativistic_discriminator, relativistic_generator),
}

# The games whose generator compares fakes with real clips. In the others the real clips need not be
# scored again in the generator's turn.
PAIRED_LOSSES = frozenset({"relativistic"})

# The article gives both players one and the same formula and lets both minimise it
# (eq-article-losses). Kept out of the dictionary above: it is a mistake to look at, not a choice.
ARTICLE_AS_PRINTED = AdversarialLoss(discriminator=value, generator=value)
