"""The losses against PyTorch's own, against numbers worked out by hand, and at extreme logits."""

import math

import pytest
import torch
from jaxtyping import TypeCheckError
from torch import Tensor, nn
from torch.nn import functional

from tests.support.seeds import seeded
from vgan_tutorial import losses
from vgan_tutorial.losses import ADVERSARIAL_LOSSES, ARTICLE_AS_PRINTED, PAIRED_LOSSES

NAMES = sorted(ADVERSARIAL_LOSSES)
BCE = functional.binary_cross_entropy_with_logits


def some_logits(seed: int = 0, scale: float = 3.0, size: int = 64) -> tuple[Tensor, Tensor]:
    rng = seeded(seed)
    return scale * torch.randn(size, generator=rng), scale * torch.randn(size, generator=rng)


def full(logits: Tensor, target: float) -> Tensor:
    return torch.full_like(logits, target)


def reference(name: str, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Both players' losses from PyTorch's own loss functions."""
    ones, zeros = full(real, 1.0), full(real, 0.0)
    discriminator = {
        "one-sided-smoothing": lambda: BCE(real, full(real, 0.9)) + BCE(fake, zeros),
        "two-sided-smoothing": lambda: BCE(real, full(real, 0.9)) + BCE(fake, full(fake, 0.1)),
        "least-squares": lambda: (
            0.5 * functional.mse_loss(real, ones) + 0.5 * functional.mse_loss(fake, zeros)
        ),
        "wasserstein": lambda: torch.mean(fake) - torch.mean(real),
        # hinge_embedding_loss with label -1 is max(0, margin - s), and it takes -s too
        "hinge": lambda: (
            functional.hinge_embedding_loss(real, -ones, margin=1.0)
            + functional.hinge_embedding_loss(-fake, -ones, margin=1.0)
        ),
        "relativistic": lambda: BCE(real - fake, ones),
    }.get(name, lambda: BCE(real, ones) + BCE(fake, zeros))
    generator = {
        "minimax": lambda: -BCE(fake, zeros),
        "least-squares": lambda: 0.5 * functional.mse_loss(fake, ones),
        "wasserstein": lambda: -torch.mean(fake),
        "hinge": lambda: -torch.mean(fake),
        "relativistic": lambda: BCE(fake - real, ones),
    }.get(name, lambda: BCE(fake, ones))
    return discriminator(), generator()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", NAMES)
def test_every_loss_agrees_with_an_independent_implementation(name: str, seed: int) -> None:
    real, fake = some_logits(seed)
    loss = ADVERSARIAL_LOSSES[name]
    # The reference runs in float64, so the whole difference is the float32 loss's own error.
    discriminator, generator = reference(name, real.double(), fake.double())
    assert loss.discriminator(real, fake).item() == pytest.approx(discriminator.item(), rel=1e-6)
    assert loss.generator(real, fake).item() == pytest.approx(generator.item(), rel=1e-6)


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


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_equals_the_number_worked_out_by_hand(name: str) -> None:
    real, fake = torch.tensor([2.0]), torch.tensor([-1.0])
    discriminator, generator = by_hand()[name]
    loss = ADVERSARIAL_LOSSES[name]
    assert loss.discriminator(real, fake).item() == pytest.approx(discriminator, rel=1e-6, abs=1e-7)
    assert loss.generator(real, fake).item() == pytest.approx(generator, rel=1e-6)


EXTREMES = [
    (torch.float32, 1e4, 1e-6),
    (torch.float32, 100.0, 1e-6),
    (torch.bfloat16, 100.0, 2**-7),  # bfloat16 keeps eight bits
]


@pytest.mark.parametrize(("dtype", "size", "tolerance"), EXTREMES)
@pytest.mark.parametrize("name", NAMES)
def test_extreme_logits_give_finite_values_and_gradients(
    name: str, dtype: torch.dtype, size: float, tolerance: float
) -> None:
    corners = torch.tensor([-size, -30.0, 0.0, 30.0, size], dtype=dtype)
    real, fake = torch.cartesian_prod(corners, corners).unbind(1)
    real, fake = real.clone().requires_grad_(), fake.clone().requires_grad_()
    for player, exact in zip(
        ADVERSARIAL_LOSSES[name], reference(name, real.double(), fake.double()), strict=True
    ):
        loss = player(real, fake)
        gradients = torch.autograd.grad(loss, [real, fake], allow_unused=True)
        assert loss.dtype == dtype
        assert torch.isfinite(loss)
        assert all(torch.isfinite(g).all() for g in gradients if g is not None)
        assert any(g is not None and g.abs().max() > 0 for g in gradients)
        torch.testing.assert_close(loss.double(), exact, rtol=tolerance, atol=tolerance)


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
def test_the_generators_of_paired_games_alone_look_at_the_real_logits(name: str) -> None:
    real, fake = some_logits()
    values = {ADVERSARIAL_LOSSES[name].generator(logits, fake).item() for logits in (real, -real)}
    assert (len(values) == 2) == (name in PAIRED_LOSSES)


def test_the_article_lets_both_players_pull_the_same_way() -> None:
    real, fake = some_logits()
    fake.requires_grad_()
    pulls = [torch.autograd.grad(player(real, fake), fake)[0] for player in ARTICLE_AS_PRINTED]
    torch.testing.assert_close(pulls[0], pulls[1])
    assert torch.cosine_similarity(pulls[0], pulls[1], dim=0) > 0.999


@pytest.mark.parametrize("name", NAMES)
def test_patch_logits_are_averaged_like_single_ones(name: str) -> None:
    real, fake = some_logits()
    loss = ADVERSARIAL_LOSSES[name]
    patches = loss.discriminator(real.view(4, 2, 2, 4), fake.view(4, 2, 2, 4))
    torch.testing.assert_close(patches, loss.discriminator(real, fake))


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


class TestContentTerms:
    def clips(self, seed: int, batch: int = 6) -> Tensor:
        return torch.randn(batch, 3, 4, 5, 5, generator=seeded(seed), dtype=torch.float64)

    def test_the_literal_reading_is_matching_means_plus_the_variance(self) -> None:
        real, fake = self.clips(0, batch=9), self.clips(1)
        variance = fake.var(dim=0, unbiased=False).sum()
        torch.testing.assert_close(
            losses.literal_content(real, fake), losses.matching_means(real, fake) + variance
        )

    def test_distance_to_mean_by_loops(self) -> None:
        fake, mean = self.clips(0), self.clips(1)[0]
        loop = sum(((clip - mean) ** 2).sum() for clip in fake) / len(fake)
        torch.testing.assert_close(losses.distance_to_mean(fake, mean), loop)

    def test_only_the_paired_reading_sees_the_order_of_the_batch(self) -> None:
        real, fake = self.clips(0), self.clips(1)
        swapped = real.flip(0)
        for name, term in losses.CONTENT_TERMS.items():
            same = torch.allclose(term(real, fake), term(swapped, fake))
            assert same is (name != "paired-reconstruction")

    def test_paired_reconstruction_is_the_mean_squared_error_times_the_clip_size(self) -> None:
        real, fake = self.clips(0), self.clips(1)
        expected = functional.mse_loss(fake, real) * real[0].numel()
        torch.testing.assert_close(losses.paired_reconstruction(real, fake), expected)

    def test_feature_matching_sums_layers_and_leaves_the_real_features_alone(self) -> None:
        real = [self.clips(0).requires_grad_(), torch.ones(6, 2, dtype=torch.float64)]
        fake = [self.clips(1).requires_grad_(), torch.zeros(6, 2, dtype=torch.float64)]
        loss = losses.feature_matching(real, fake)
        torch.testing.assert_close(loss, losses.matching_means(real[0], fake[0]) + 2.0)
        loss.backward()
        assert real[0].grad is None
        assert fake[0].grad is not None

    @pytest.mark.parametrize(("real", "fake"), [(0, 0), (1, 2)])
    def test_feature_matching_refuses_lists_that_do_not_match(self, real: int, fake: int) -> None:
        with pytest.raises(ValueError, match="same layers from both"):
            losses.feature_matching([torch.zeros(2, 3)] * real, [torch.zeros(2, 3)] * fake)


class Critic(nn.Module):
    """A small smooth critic of a batch of any rank."""

    def __init__(self, values: int) -> None:
        super().__init__()
        rng = seeded(0)
        self.first = nn.Parameter(torch.randn(values, 7, generator=rng, dtype=torch.float64))
        self.last = nn.Parameter(torch.randn(7, generator=rng, dtype=torch.float64))

    def forward(self, samples: Tensor) -> Tensor:
        return torch.tanh(samples.flatten(1) @ self.first) @ self.last


SHAPES = [(5, 1), (5, 2), (5, 3, 4), (5, 3, 2, 4, 4)]


def batch(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    rng = seeded(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


class TestPenalties:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_r1_and_r2_agree_with_the_chain_rule_by_hand(self, shape: tuple[int, ...]) -> None:
        samples = batch(shape)
        critic = Critic(samples[0].numel())
        slope = 1 - torch.tanh(samples.flatten(1) @ critic.first) ** 2
        gradients = (slope * critic.last) @ critic.first.T
        expected = (gradients**2).sum() / shape[0]
        torch.testing.assert_close(losses.r1_penalty(critic, samples), expected)
        torch.testing.assert_close(losses.r2_penalty(critic, samples), expected)

    @pytest.mark.parametrize("one_sided", [False, True])
    @pytest.mark.parametrize("shape", SHAPES)
    def test_gradient_penalty_agrees_with_a_loop_over_single_samples(
        self, shape: tuple[int, ...], one_sided: bool
    ) -> None:
        real, fake = batch(shape, 1), batch(shape, 2)
        critic = Critic(real[0].numel())
        rng = seeded(3)
        weights = torch.rand(
            (shape[0],) + (1,) * (len(shape) - 1), generator=rng, dtype=torch.float64
        )
        total = 0.0
        for e, x, y in zip(weights, real, fake, strict=True):
            mixed = (e * x + (1 - e) * y).requires_grad_()
            (gradient,) = torch.autograd.grad(critic(mixed[None]).sum(), mixed)
            excess = gradient.norm().item() - 1
            total += max(excess, 0.0) ** 2 if one_sided else excess**2
        penalty = losses.gradient_penalty(
            critic, real, fake, generator=seeded(3), one_sided=one_sided
        )
        assert penalty.item() == pytest.approx(total / shape[0], rel=1e-9)

    def test_the_penalties_train_the_critic(self) -> None:
        real, fake = batch((5, 3, 2, 4, 4), 1), batch((5, 3, 2, 4, 4), 2)
        for penalty in (
            lambda critic: losses.r1_penalty(critic, real),
            lambda critic: losses.r2_penalty(critic, fake),
            lambda critic: losses.gradient_penalty(critic, real, fake, generator=seeded(0)),
        ):
            critic = Critic(96)
            critic.first.data /= 10
            before = penalty(critic)
            before.backward()
            with torch.no_grad():
                for parameter in critic.parameters():
                    assert parameter.grad is not None
                    parameter.sub_(1e-3 * parameter.grad)
            assert penalty(critic) < before

    def test_the_penalty_reaches_no_generator(self) -> None:
        fake = batch((5, 2)).requires_grad_()
        losses.r2_penalty(Critic(2), fake).backward()
        assert fake.grad is None

    def test_a_flat_critic_has_a_finite_gradient(self) -> None:
        critic = Critic(2)
        critic.last.data.zero_()
        penalty = losses.gradient_penalty(
            critic, batch((5, 2), 1), batch((5, 2), 2), generator=seeded(0)
        )
        assert penalty.item() == pytest.approx(1.0)
        penalty.backward()
        assert all(torch.isfinite(p.grad).all() for p in critic.parameters() if p.grad is not None)

    def test_patch_logits_are_summed(self) -> None:
        samples = batch((5, 3, 4))
        quarter = losses.r1_penalty(lambda x: x.square().sum(dim=1) / 2, samples)
        torch.testing.assert_close(quarter, samples.square().sum() / 5)

    def test_penalties_work_where_gradients_are_switched_off(self) -> None:
        samples = batch((5, 2))
        with torch.no_grad():
            penalty = losses.r1_penalty(lambda x: x.sum(dim=1), samples)
        assert penalty.item() == pytest.approx(2.0)

    def test_interpolation_mixes_whole_clips(self) -> None:
        rng = seeded(0)
        zeros = torch.zeros(8, 3, 2, 4, 4)
        mixed = losses.interpolate(torch.ones_like(zeros), zeros, generator=rng).flatten(1)
        assert (mixed == mixed[:, :1]).all()
        assert mixed[:, 0].unique().numel() == 8
        assert (mixed >= 0).all()
        assert (mixed <= 1).all()

    def test_interpolation_refuses_batches_of_different_sizes(self) -> None:
        with pytest.raises((ValueError, TypeCheckError)):
            losses.interpolate(torch.zeros(4, 2), torch.zeros(3, 2))

    def test_the_same_seed_gives_the_same_penalty(self) -> None:
        real, fake = batch((5, 2), 1), batch((5, 2), 2)
        first, second, other = (
            losses.gradient_penalty(Critic(2), real, fake, generator=seeded(seed))
            for seed in (1, 1, 2)
        )
        assert first == second
        assert first != other


class TestConstraints:
    def test_clipping_bounds_every_parameter_and_leaves_small_ones_alone(self) -> None:
        critic = Critic(4)
        before = [parameter.detach().clone() for parameter in critic.parameters()]
        losses.clip_weights(critic, 0.5)
        for parameter, old in zip(critic.parameters(), before, strict=True):
            torch.testing.assert_close(parameter.detach(), old.clip(-0.5, 0.5))
            assert parameter.requires_grad

    def test_clipping_to_nothing_is_refused(self) -> None:
        with pytest.raises(ValueError, match="must be positive"):
            losses.clip_weights(Critic(4), 0.0)

    def test_the_singular_value_can_be_trained_on(self) -> None:
        weight = batch((6, 4)).requires_grad_()
        rng = seeded(0)
        losses.largest_singular_value(weight, iterations=500, generator=rng).backward()
        left, _, right = torch.linalg.svd(weight.detach())
        # the derivative of the largest singular value is the outer product of its two directions
        torch.testing.assert_close(weight.grad, torch.outer(left[:, 0], right[0]))
