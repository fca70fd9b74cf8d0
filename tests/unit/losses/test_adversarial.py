"""Adversarial losses: what must hold for every one, and the published ones against other code."""

import math
from functools import partial

import pytest
import torch
from jaxtyping import TypeCheckError
from torch import Tensor
from torch.nn import functional

from tests.support.seeds import seeded
from vgan_tutorial import losses
from vgan_tutorial.losses import (
    ADVERSARIAL_LOSSES,
    ARTICLE_AS_PRINTED,
    PAIRED_LOSSES,
    AdversarialLoss,
)

NAMES = sorted(ADVERSARIAL_LOSSES)
BCE = functional.binary_cross_entropy_with_logits


def some_logits(seed: int = 0, scale: float = 3.0, size: int = 64) -> tuple[Tensor, Tensor]:
    rng = seeded(seed)
    return scale * torch.randn(size, generator=rng), scale * torch.randn(size, generator=rng)


def extremes(dtype: torch.dtype, size: float) -> tuple[Tensor, Tensor]:
    """Every pair of a real and a fake logit that are large, moderate or zero."""
    corners = torch.tensor([-size, -30.0, 0.0, 30.0, size], dtype=dtype)
    real, fake = torch.cartesian_prod(corners, corners).unbind(1)
    return real.clone(), fake.clone()


def full(logits: Tensor, target: float) -> Tensor:
    return torch.full_like(logits, target)


# What must hold for every loss, a new one too ----------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_a_loss_is_one_number_of_the_logits_dtype(name: str, dtype: torch.dtype) -> None:
    real, fake = (logits.to(dtype) for logits in some_logits())
    for player in ADVERSARIAL_LOSSES[name]:
        assert player(real, fake).shape == ()
        assert player(real, fake).dtype == dtype


@pytest.mark.parametrize(
    ("dtype", "size"), [(torch.float32, 1e4), (torch.float32, 100.0), (torch.bfloat16, 100.0)]
)
@pytest.mark.parametrize("name", NAMES)
def test_extreme_logits_give_finite_values_and_gradients(
    name: str, dtype: torch.dtype, size: float
) -> None:
    real, fake = (logits.requires_grad_() for logits in extremes(dtype, size))
    for player in ADVERSARIAL_LOSSES[name]:
        loss = player(real, fake)
        gradients = torch.autograd.grad(loss, [real, fake], allow_unused=True)
        assert torch.isfinite(loss)
        assert all(torch.isfinite(g).all() for g in gradients if g is not None)
        assert any(g is not None and g.abs().max() > 0 for g in gradients)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_formula(name: str) -> None:
    real, fake = (logits.double().requires_grad_() for logits in some_logits(size=8))
    loss = ADVERSARIAL_LOSSES[name]
    assert torch.autograd.gradcheck(loss.discriminator, (real, fake))
    assert torch.autograd.gradcheck(loss.generator, (real, fake))


@pytest.mark.parametrize("name", NAMES)
def test_the_players_pull_the_fake_logits_in_opposite_directions(name: str) -> None:
    real, fake = some_logits(size=32)
    fake.requires_grad_()
    loss = ADVERSARIAL_LOSSES[name]
    (down,) = torch.autograd.grad(loss.discriminator(real, fake), fake)
    (up,) = torch.autograd.grad(loss.generator(real, fake), fake)
    assert up.sum() < 0 < down.sum()


@pytest.mark.parametrize("name", NAMES)
def test_the_discriminator_pulls_the_real_logits_up(name: str) -> None:
    real, fake = some_logits(size=32)
    real.requires_grad_()
    (up,) = torch.autograd.grad(ADVERSARIAL_LOSSES[name].discriminator(real, fake), real)
    assert up.sum() < 0


@pytest.mark.parametrize("name", NAMES)
def test_a_player_who_improves_has_a_lower_loss(name: str) -> None:
    """From equal scores: the critic by telling the two apart, the generator by fooling it."""
    equal, higher = torch.zeros(16), torch.full((16,), 0.1)
    loss = ADVERSARIAL_LOSSES[name]
    assert loss.discriminator(higher, -higher) < loss.discriminator(equal, equal)
    assert loss.generator(equal, higher) < loss.generator(equal, equal)


@pytest.mark.parametrize("name", NAMES)
def test_the_generators_of_paired_games_alone_look_at_the_real_logits(name: str) -> None:
    real, fake = some_logits()
    values = {ADVERSARIAL_LOSSES[name].generator(logits, fake).item() for logits in (real, -real)}
    assert (len(values) == 2) == (name in PAIRED_LOSSES)


@pytest.mark.parametrize("name", NAMES)
def test_patch_logits_are_averaged_like_single_ones(name: str) -> None:
    real, fake = some_logits()
    loss = ADVERSARIAL_LOSSES[name]
    patches = loss.discriminator(real.view(4, 2, 2, 4), fake.view(4, 2, 2, 4))
    torch.testing.assert_close(patches, loss.discriminator(real, fake))


# The published losses, each against PyTorch's own loss functions and a number worked out by hand --


def _binary(real: Tensor, fake: Tensor, targets: tuple[float, float]) -> Tensor:
    return BCE(real, full(real, targets[0])) + BCE(fake, full(fake, targets[1]))


def _plain(real: Tensor, fake: Tensor) -> Tensor:
    return _binary(real, fake, (1.0, 0.0))


def _fooled(real: Tensor, fake: Tensor) -> Tensor:
    return BCE(fake, full(fake, 1.0))


def _raised(real: Tensor, fake: Tensor) -> Tensor:
    return -torch.mean(fake)


def _squares(logits: Tensor, target: float) -> Tensor:
    return 0.5 * functional.mse_loss(logits, full(logits, target))


def _hinge(logits: Tensor) -> Tensor:
    # hinge_embedding_loss with label -1 is max(0, margin - s), and it takes -s too
    return functional.hinge_embedding_loss(logits, full(logits, -1.0), margin=1.0)


REFERENCES: dict[str, AdversarialLoss] = {
    "minimax": AdversarialLoss(_plain, lambda real, fake: -BCE(fake, full(fake, 0.0))),
    "non-saturating": AdversarialLoss(_plain, _fooled),
    "one-sided-smoothing": AdversarialLoss(partial(_binary, targets=(0.9, 0.0)), _fooled),
    "two-sided-smoothing": AdversarialLoss(partial(_binary, targets=(0.9, 0.1)), _fooled),
    "least-squares": AdversarialLoss(
        lambda real, fake: _squares(real, 1.0) + _squares(fake, 0.0),
        lambda real, fake: _squares(fake, 1.0),
    ),
    "wasserstein": AdversarialLoss(lambda real, fake: torch.mean(fake) - torch.mean(real), _raised),
    "hinge": AdversarialLoss(lambda real, fake: _hinge(real) + _hinge(-fake), _raised),
    "relativistic": AdversarialLoss(
        lambda real, fake: BCE(real - fake, full(real, 1.0)),
        lambda real, fake: BCE(fake - real, full(real, 1.0)),
    ),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", REFERENCES)
def test_a_published_loss_agrees_with_an_independent_implementation(name: str, seed: int) -> None:
    real, fake = some_logits(seed)
    # The reference runs in float64, so the whole difference is the float32 loss's own error.
    for player, exact in zip(ADVERSARIAL_LOSSES[name], REFERENCES[name], strict=True):
        expected = exact(real.double(), fake.double()).item()
        assert player(real, fake).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("dtype", "size", "tolerance"),
    [
        (torch.float32, 1e4, 1e-6),
        (torch.float32, 100.0, 1e-6),
        (torch.bfloat16, 100.0, 2**-7),  # bfloat16 keeps eight bits
    ],
)
@pytest.mark.parametrize("name", REFERENCES)
def test_a_published_loss_is_exact_at_extreme_logits(
    name: str, dtype: torch.dtype, size: float, tolerance: float
) -> None:
    real, fake = extremes(dtype, size)
    for player, exact in zip(ADVERSARIAL_LOSSES[name], REFERENCES[name], strict=True):
        torch.testing.assert_close(
            player(real, fake).double(),
            exact(real.double(), fake.double()),
            rtol=tolerance,
            atol=tolerance,
        )


def by_hand() -> dict[str, tuple[float, float]]:
    """Losses at one real logit of 2 and one fake logit of -1, from exponentials alone."""
    real, fake = 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(1))  # the two probabilities
    fooled = -math.log(fake)
    plain = -math.log(real) - math.log(1 - fake)
    one_sided = -0.9 * math.log(real) - 0.1 * math.log(1 - real) - math.log(1 - fake)
    return {
        "minimax": (plain, math.log(1 - fake)),
        "non-saturating": (plain, fooled),
        "one-sided-smoothing": (one_sided, fooled),
        "two-sided-smoothing": (one_sided + 0.1 * (math.log(1 - fake) - math.log(fake)), fooled),
        "least-squares": (0.5 * 1 + 0.5 * 1, 0.5 * 4),
        "wasserstein": (-3.0, 1.0),
        "hinge": (0.0, 1.0),
        "relativistic": (math.log(1 + math.exp(-3)), math.log(1 + math.exp(3))),
    }


@pytest.mark.parametrize("name", by_hand())
def test_a_published_loss_equals_the_number_worked_out_by_hand(name: str) -> None:
    real, fake = torch.tensor([2.0]), torch.tensor([-1.0])
    discriminator, generator = by_hand()[name]
    loss = ADVERSARIAL_LOSSES[name]
    assert loss.discriminator(real, fake).item() == pytest.approx(discriminator, rel=1e-6, abs=1e-7)
    assert loss.generator(real, fake).item() == pytest.approx(generator, rel=1e-6)


def test_the_article_lets_both_players_pull_the_same_way() -> None:
    real, fake = some_logits()
    fake.requires_grad_()
    pulls = [torch.autograd.grad(player(real, fake), fake)[0] for player in ARTICLE_AS_PRINTED]
    torch.testing.assert_close(pulls[0], pulls[1])
    assert torch.cosine_similarity(pulls[0], pulls[1], dim=0) > 0.999


def test_the_relativistic_game_refuses_unpaired_logits() -> None:
    # With the run-time shape check on, jaxtyping speaks first; without it, our own message does.
    with pytest.raises((ValueError, TypeCheckError)):
        ADVERSARIAL_LOSSES["relativistic"].discriminator(torch.zeros(4), torch.zeros(4, 1))
    with pytest.raises(ValueError, match=r"one real logit for each fake one.*\(4,\).*\(4, 1\)"):
        losses.adversarial._paired_difference(torch.zeros(4), torch.zeros(4, 1))


@pytest.mark.parametrize("target", [-0.1, 1.1])
def test_a_target_outside_zero_and_one_is_refused(target: float) -> None:
    with pytest.raises(ValueError, match="probability between 0 and 1"):
        losses.binary_cross_entropy(torch.zeros(3), target)
